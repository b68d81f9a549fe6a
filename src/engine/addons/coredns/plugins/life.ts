/** reload and loop: the plugins that watch over the server itself. */
import { decodeDns, dnsQuery, dnsReply, encodeDns } from '#base/dns.ts'
import { ipv4 } from '#base/ip.ts'
import { argumentError, parseError } from '../corefile.ts'
import type { Setup } from '../plugin.ts'

export interface ReloadSettings {
  /** ms between two looks at the Corefile. */
  readonly interval: number
  readonly jitter: number
}

function duration(text: string): number | undefined {
  const m = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  return m ? Number(m[1]) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as Readonly<Record<string, number>>)[m[2]!]! : undefined
}

export const reload: Setup = (lines, context) => {
  const line = lines[0]!
  if (line.args.length > 2) throw argumentError(line)
  const [interval = '30s', jitter] = line.args
  const ms = duration(interval)
  if (ms === undefined) throw new Error(`time: invalid duration ${JSON.stringify(interval)}`)
  if (ms < 2000) throw new Error('interval value must be greater or equal to 2s')
  const settings: ReloadSettings = { interval: ms, jitter: (jitter ? duration(jitter) : undefined) ?? Math.min(15_000, ms / 2) }
  context.shared.set('reload', settings)
  return undefined
}

/** Sends one odd question to itself at the start; seeing it come back more than twice means that queries go round. */
export const loop: Setup = (lines, context) => {
  const line = lines[0]!
  if (lines.length > 1) throw parseError(line, 'Loop can only be used once per Server Block')
  if (line.args.length > 0) throw argumentError(line)
  const zone = context.zones[0] ?? '.'
  const part = () => String(context.sim.random.uint32()) + String(context.sim.random.uint32()).slice(0, 9)
  const name = `${part()}.${part()}.${zone === '.' ? '' : zone}`
  let seen = 0
  let on = true
  context.onStart(() => {
    const end = context.sim.now + 30_000
    const send = (): void => {
      if (!on || context.sim.now >= end) {
        on = false
        return
      }
      let answered = false
      const socket = context.net.sockets.udpBind({}, { onMessage: (data) => {
        if (decodeDns(data)) answered = true
      } })
      socket.send(encodeDns(dnsQuery(context.sim.random.below(65_536), name, 'HINFO')), { address: ipv4('127.0.0.1'), port: context.port })
      context.sim.after(2000, () => {
        socket.close()
        if (answered) on = false
        else {
          // No answer is no loop: the count begins anew.
          seen = 0
          context.sim.after(1000, send, { quiet: true })
        }
      }, { quiet: true })
    }
    send()
  })
  context.onStop(() => {
    on = false
  })
  return (next) => (request, done) => {
    if (!on || request.question.type !== 'HINFO' || request.name !== name) return next(request, done)
    seen++
    if (seen > 2) {
      context.log('FATAL', `plugin/loop: Loop (${request.client.address}:${request.client.port} -> :${context.port}) detected for zone ${JSON.stringify(zone)}, see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${name}"`)
      context.exit(1)
      return done({ rcode: 0, message: dnsReply(request.message) })
    }
    next(request, done)
  }
}

/** The addresses to listen on, instead of all. */
export const bind: Setup = (lines, context) => {
  const addresses = lines.flatMap((l) => l.args)
  if (addresses.length === 0) throw argumentError(lines[0]!, 'bind')
  context.bind(addresses)
  return undefined
}
