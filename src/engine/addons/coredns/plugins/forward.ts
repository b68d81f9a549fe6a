/**
 * The forward plugin: asks upstream servers over the pod's own network, UDP first. Left out: TLS, health checks in the background
 * (a server counts as down for a while after three failures in a row), TCP after truncation.
 */
import { decodeDns, dnsReply, encodeDns, rcode } from '#base/dns.ts'
import type { DnsMessage } from '#base/dns.ts'
import { formatIpv4, parseIpv4 } from '#base/ip.ts'
import { argumentError, parseError } from '../corefile.ts'
import type { DnsRequest, Handler, Setup, SetupContext } from '../plugin.ts'
import { matchZone, normalName } from '../records.ts'

interface Upstream {
  readonly address: number
  readonly port: number
}

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

export const forward: Setup = (lines, context) => {
  const rules = lines.map((line) => {
    const [from, ...to] = line.args
    if (from === undefined || to.length === 0) throw argumentError(line)
    let except: string[] = []
    let policy = 'random'
    let maxConcurrent = 0
    for (const option of line.block) {
      switch (option.name) {
        case 'except':
          if (option.args.length === 0) throw argumentError(option)
          except = option.args.map(normalName)
          break
        case 'policy':
          if (!['random', 'round_robin', 'sequential'].includes(option.args[0] ?? '')) throw parseError(option, `unknown policy '${option.args[0] ?? ''}'`)
          policy = option.args[0]!
          break
        case 'max_concurrent':
          if (!/^\d+$/.test(option.args[0] ?? '')) throw argumentError(option)
          maxConcurrent = Number(option.args[0])
          break
        case 'max_fails':
        case 'force_tcp':
        case 'prefer_udp':
        case 'expire':
        case 'health_check':
        case 'tls':
        case 'tls_servername':
        case 'next':
        case 'failfast_all_unhealthy_upstreams':
        case 'failover':
        case 'max_age':
          break
        default:
          throw parseError(option, `unknown property '${option.name}'`)
      }
    }
    return { from: normalName(from), servers: to.flatMap((t) => upstreams(t, context)), except, policy, maxConcurrent, running: 0, turn: 0 }
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
    // A server that cannot even be asked is tried again until its health check has failed, half a second later.
    let unasked = 0
    const attempt = (index: number): void => {
      const begun = context.sim.now
      exchange(context, list[index % list.length]!, { ...request.message }, (reply, error) => {
        if (!reply) {
          if (context.sim.now === begun) unasked++
          if (context.sim.now < end && unasked <= list.length) {
            if (context.sim.now > begun) return attempt(index + 1)
            context.sim.after(500, () => attempt(index + 1))
            return
          }
          rule.running--
          return done({ rcode: rcode.servFail, ...(error !== undefined && { error }) })
        }
        rule.running--
        done({ rcode: reply.rcode, message: { ...dnsReply(request.message), ...reply, id: request.message.id, questions: request.message.questions } })
      })
    }
    attempt(0)
  }
}
