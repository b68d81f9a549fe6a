/**
 * The forward plugin: asks upstream servers over the pod's own network, UDP first. Left out: TLS, health checks as packets of their own (a
 * server counts as down once questions have failed for as long as its health check would need), TCP after truncation.
 */
import { decodeDns, dnsReply, encodeDns, rcode } from '#base/dns.ts'
import type { DnsMessage } from '#base/dns.ts'
import { formatIpv4, parseIpv4 } from '#base/ip.ts'
import { nameTable } from '#base/name-table.ts'
import { argumentError, parseError } from '../corefile.ts'
import { accepted, readOptions, type OptionTable } from '../options.ts'
import type { DnsRequest, Handler, Setup, SetupContext } from '../plugin.ts'
import { matchZone, normalName } from '../records.ts'

interface Upstream {
  readonly address: number
  readonly port: number
  /** No answer since then, and whether that came at once (refused) or by waiting. */
  bad?: { readonly since: number; readonly quick: boolean }
}

/** Three failed health checks: each half a second after the one before, and a second for an answer where nothing refuses. */
const unhealthyAfter = { quick: 1000, slow: 4000 }
const readTimeout = 2000
const deadline = 5000

/** `198.51.100.53`, `198.51.100.53:5300`, `dns://…`, or a resolv.conf. */
function upstreams(to: string, context: SetupContext): Upstream[] {
  const text = to.replace(/^dns:\/\//, '')
  if (text.startsWith('/')) {
    if (!context.fs.exists(text)) throw new Error(`open ${text}: no such file or directory`)
    const found = context.fs.readFile(text).split('\n').flatMap((l) => /^\s*nameserver\s+(\S+)/.exec(l)?.[1] ?? [])
    const out = found.flatMap((ip) => (parseIpv4(ip) === undefined ? [] : [{ address: parseIpv4(ip)!, port: 53 }]))
    if (out.length === 0) throw new Error(`no valid upstream addresses found: no nameservers found in ${text}`)
    return out
  }
  const [host, port] = text.split(':') as [string, string | undefined]
  const address = parseIpv4(host)
  if (address === undefined) throw new Error(`not an IP address or file: ${JSON.stringify(to)}`)
  return [{ address, port: port === undefined ? 53 : Number(port) }]
}

/** One question to one server; the error in Go's words. */
function exchange(context: SetupContext, upstream: Upstream, message: DnsMessage, done: (reply: DnsMessage | undefined, error?: string) => void): void {
  const id = context.sim.random.below(65_536)
  let finished = false
  const finish = (reply: DnsMessage | undefined, error?: string) => {
    if (finished) return
    finished = true
    context.sim.cancel(timer)
    socket.close()
    done(reply, error)
  }
  const where = () => `${formatIpv4(socket.localAddress)}:${socket.localPort}->${formatIpv4(upstream.address)}:${upstream.port}`
  const socket = context.net.sockets.udpBind({}, {
    onMessage: (data) => {
      const reply = decodeDns(data)
      if (reply && reply.id === id) finish(reply)
    },
    onError: (errno) => finish(undefined, `read udp ${where()}: read: ${errno === 'ECONNREFUSED' ? 'connection refused' : errno === 'EHOSTUNREACH' ? 'no route to host' : 'network is unreachable'}`),
  })
  const timer = context.sim.after(readTimeout, () => finish(undefined, `read udp ${where()}: i/o timeout`))
  const words: Readonly<Record<string, string>> = { EPERM: 'operation not permitted', ENETUNREACH: 'network is unreachable', EHOSTUNREACH: 'no route to host', EACCES: 'permission denied' }
  const dial = socket.connect(upstream.address, upstream.port)
  if (dial !== undefined) return finish(undefined, `dial udp ${formatIpv4(upstream.address)}:${upstream.port}: connect: ${words[dial] ?? dial.toLowerCase()}`)
  const failure = socket.send(encodeDns({ ...message, id, response: false }))
  if (failure !== undefined) finish(undefined, `write udp ${where()}: write: ${words[failure] ?? failure.toLowerCase()}`)
}

interface Settings {
  except: string[]
  policy: string
  maxConcurrent: number
}

const options: OptionTable<Settings> = nameTable({
  except: (option, settings) => {
    if (option.args.length === 0) throw argumentError(option)
    settings.except = option.args.map(normalName)
  },
  policy: (option, settings) => {
    if (!['random', 'round_robin', 'sequential'].includes(option.args[0] ?? '')) throw parseError(option, `unknown policy '${option.args[0] ?? ''}'`)
    settings.policy = option.args[0]!
  },
  max_concurrent: (option, settings) => {
    if (!/^\d+$/.test(option.args[0] ?? '')) throw argumentError(option)
    settings.maxConcurrent = Number(option.args[0])
  },
  'max_fails force_tcp prefer_udp expire health_check tls tls_servername next failfast_all_unhealthy_upstreams failover max_age': accepted,
})

export const forward: Setup = (lines, context) => {
  const rules = lines.map((line) => {
    const [from, ...to] = line.args
    if (from === undefined || to.length === 0) throw argumentError(line)
    const settings: Settings = { except: [], policy: 'random', maxConcurrent: 0 }
    readOptions(line, options, settings)
    return { from: normalName(from), servers: to.flatMap((t) => upstreams(t, context)), ...settings, running: 0, turn: 0 }
  })
  const random = context.sim.random.fork('dns forward')
  return (next: Handler) => (request: DnsRequest, done) => {
    const rule = rules.find((r) => matchZone([r.from], request.name) !== undefined && matchZone(r.except, request.name) === undefined)
    if (!rule) return next(request, done)
    if (rule.maxConcurrent > 0 && rule.running >= rule.maxConcurrent) return done({ rcode: rcode.refused, error: `concurrent queries exceeded maximum ${rule.maxConcurrent}` })
    rule.running++
    const list = [...rule.servers]
    if (rule.policy === 'round_robin') list.unshift(...list.splice(rule.turn++ % list.length))
    else if (rule.policy === 'random') for (let i = list.length - 1; i > 0; i--) list.push(...list.splice(random.below(i + 1), 1))
    const end = context.sim.now + deadline
    const down = (server: Upstream) => server.bad !== undefined && context.sim.now - server.bad.since >= unhealthyAfter[server.bad.quick ? 'quick' : 'slow']
    const attempt = (index: number): void => {
      const begun = context.sim.now
      const server = list[index % list.length]!
      exchange(context, server, { ...request.message }, (reply, error) => {
        if (!reply) {
          // Real CoreDNS asks again without a pause until a server's third health check, half a second apart, has failed.
          const quick = context.sim.now - begun < 100
          server.bad ??= { since: context.sim.now, quick }
          if (context.sim.now < end && !list.every(down)) {
            if (quick && index % list.length === list.length - 1) context.sim.after(500, () => attempt(index + 1))
            else attempt(index + 1)
            return
          }
          rule.running--
          return done({ rcode: rcode.servFail, ...(error !== undefined && { error }) })
        }
        delete server.bad
        rule.running--
        done({ rcode: reply.rcode, message: { ...dnsReply(request.message), ...reply, id: request.message.id, questions: request.message.questions } })
      })
    }
    attempt(0)
  }
}
