/**
 * CoreDNS' server: blocks of a Corefile become chains of plugins behind UDP and TCP ports; a query goes to the block with the longest
 * zone that holds its name. Left out: TLS, QUIC and HTTP transports, views.
 */
import { byteLength } from '#base/bytes.ts'
import { decodeDns, dnsFrame, dnsReply, dnsUnframe, encodeDns, rcode } from '#base/dns.ts'
import type { DnsMessage } from '#base/dns.ts'
import { formatIpv4, ipv4 } from '#base/ip.ts'
import type { ApiClient } from '#engine/api/types.ts'
import type { FileSystem } from '#engine/machine/files.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { directiveLines } from './corefile.ts'
import type { ServerBlock } from './corefile.ts'
import { directives } from './directives.ts'
import type { DnsRequest, Handler, Plugin, Served, SetupContext } from './plugin.ts'
import { zonesOf } from './plugins/kubernetes.ts'
import { matchZone, normalName } from './records.ts'

export interface ServerDeps {
  readonly sim: Sim
  readonly net: NetNamespace
  readonly fs: FileSystem
  readonly api: ApiClient
  log(level: 'INFO' | 'WARNING' | 'ERROR' | 'FATAL' | '', text: string): void
  exit(code: number): void
}

interface Site {
  readonly zone: string
  readonly handler: Handler
}

/** Fits a reply into the client's buffer: whole records are left off from the end, and TC is set when answers are missing. */
export function fitReply(m: DnsMessage, size: number): DnsMessage {
  let reply = m
  while (byteLength(encodeDns(reply)) > size) {
    if (reply.additional.length > 0) reply = { ...reply, additional: reply.additional.slice(0, -1) }
    else if (reply.authority.length > 0) reply = { ...reply, authority: reply.authority.slice(0, -1), truncated: true }
    else if (reply.answers.length > 0) reply = { ...reply, answers: reply.answers.slice(0, -1), truncated: true }
    else break
  }
  return reply
}

/** `zone:port` with defaults; throws with the words of the start-up check. */
export function parseKey(key: string): { readonly zones: string[]; readonly port: number } {
  const text = key.replace(/^dns:\/\//, '')
  const colon = text.lastIndexOf(':')
  const tail = colon < 0 ? '' : text.slice(colon + 1)
  const zone = colon < 0 || !/^\d+$/.test(tail) ? text : text.slice(0, colon)
  const port = colon >= 0 && /^\d+$/.test(tail) ? Number(tail) : 53
  if (zone.includes(':') || /\.\./.test(zone) || (zone !== '.' && zone.startsWith('.')) || zone === '') {
    throw new Error(`error inspecting server blocks: zone is not a valid domain name: ${zone.includes(':') ? text : zone}`)
  }
  return { zones: zonesOf([zone]), port }
}

/** One configuration, running. */
export class DnsServer {
  readonly #deps: ServerDeps
  /** By `address:port`; the address is 0.0.0.0 unless bound. */
  readonly #sites = new Map<string, Site[]>()
  readonly #starts: (() => void)[] = []
  readonly #stops: (() => void)[] = []
  readonly shared = new Map<string, unknown>([['readiness', []]])
  /** What is said of odd zone names at the start. */
  readonly warnings: string[] = []
  /** `.:53` and so on, in the order of the file. */
  readonly names: string[] = []

  constructor(blocks: readonly ServerBlock[], deps: ServerDeps) {
    this.#deps = deps
    const keys = blocks.map((block) => block.keys.map((key) => ({ key, ...parseKey(key) })))
    const seen = new Set<string>()
    for (const { zones, port } of keys.flat()) {
      for (const zone of zones) {
        const name = `${zone}:${port}`
        if (seen.has(name)) throw new Error(`cannot serve dns://${name} - it is already defined`)
        seen.add(name)
        if (!/^(?:[a-z0-9_*](?:[a-z0-9_-]*[a-z0-9_])?\.)*\.?$/i.test(zone)) this.warnings.push(`Warning: Domain ${JSON.stringify(zone)} does not follow RFC1035 preferred syntax`)
        this.names.push(name)
      }
    }
    if (blocks.length === 0) {
      this.names.push('.:53')
      this.#sites.set('0.0.0.0:53', [{ zone: '.', handler: this.#chain([['whoami', directives.get('whoami')!([{ token: { file: '', line: 0, text: 'whoami' }, name: 'whoami', args: [], block: [] }], this.#context(['.'], 53, () => {}))!]]) }])
    }
    blocks.forEach((block, i) => this.#setUp(block, keys[i]!))
  }

  #context(zones: readonly string[], port: number, bind: (addresses: readonly string[]) => void): SetupContext {
    const { sim, net, fs, api } = this.#deps
    return {
      sim, net, fs, api, zones, port, shared: this.shared, bind,
      log: (level, text) => this.#deps.log(level, text),
      onStop: (stop) => void this.#stops.push(stop),
      onStart: (start) => void this.#starts.push(start),
      ask: (asker, name, type, done) => this.ask(asker, name, type, port, done),
      localAddresses: () => [...net.links.values()].flatMap((l) => (l.kind === 'loopback' ? [] : l.addresses.map((a) => a.address))),
      exit: (code) => this.#deps.exit(code),
    }
  }

  #setUp(block: ServerBlock, keys: readonly { readonly zones: string[]; readonly port: number }[]): void {
    for (const port of new Set(keys.map((k) => k.port))) {
      const zones = keys.filter((k) => k.port === port).flatMap((k) => k.zones)
      let addresses: readonly string[] = ['0.0.0.0']
      const context = this.#context(zones, port, (a) => (addresses = a))
      const plugins: [string, Plugin][] = []
      for (const [name, setup] of directives) {
        const tokens = block.tokens.get(name)
        if (!tokens) continue
        if (!setup) {
          this.#deps.log('WARNING', `plugin/${name}: not modelled in this simulator, passed over`)
          continue
        }
        let plugin: Plugin | undefined
        try {
          plugin = setup(directiveLines(tokens), context)
        } catch (error) {
          throw new Error(`plugin/${name}: ${(error as Error).message}`)
        }
        if (plugin) plugins.push([name, plugin])
      }
      const handler = this.#chain(plugins)
      for (const address of addresses) {
        const sites = this.#sites.get(`${address}:${port}`) ?? []
        this.#sites.set(`${address}:${port}`, sites)
        for (const zone of zones) sites.push({ zone, handler })
      }
    }
  }

  #chain(plugins: readonly [string, Plugin][]): Handler {
    const last = plugins.at(-1)?.[0]
    let handler: Handler = (_request, done) => done({ rcode: rcode.servFail, ...(last !== undefined && { error: `plugin/${last}: no next plugin found` }) })
    for (const [, plugin] of [...plugins].reverse()) handler = plugin(handler)
    return handler
  }

  /** Opens the ports; throws with the words of a failed listen. */
  start(): void {
    const { net } = this.#deps
    for (const key of this.#sites.keys()) {
      const [host, number] = key.split(':') as [string, string]
      const [address, port] = [ipv4(host), Number(number)]
      try {
        const listener = net.sockets.tcpListen(address, port, (connection) => {
          let pending = ''
          connection.handlers = {
            onData: (text) => {
              const { messages, rest } = dnsUnframe(pending + text)
              pending = rest
              for (const data of messages) this.#serve(key, data, 'tcp', { address: formatIpv4(connection.remoteAddress), port: connection.remotePort }, (reply) => connection.send(dnsFrame(reply)))
            },
            onEnd: () => connection.end(),
          }
        })
        this.#stops.push(() => listener.close())
        const socket = net.sockets.udpBind({ ...(address !== 0 && { address }), port }, { onMessage: (data, from) => this.#serve(key, data, 'udp', { address: formatIpv4(from.address), port: from.port }, (reply) => void socket.send(reply, { address: from.address, port: from.port, from: from.to })) })
        this.#stops.push(() => socket.close())
      } catch (error) {
        this.stop()
        const missing = (error as { code?: string }).code === 'EADDRNOTAVAIL'
        throw new Error(`Listen: listen tcp ${host === '0.0.0.0' ? '' : host}:${port}: bind: ${missing ? 'cannot assign requested address' : 'address already in use'}`)
      }
    }
    for (const start of this.#starts) start()
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** A question of the server's own (CNAME targets), through the whole chain, as if the asker had put it. */
  ask(asker: DnsRequest, name: string, type: string, port: number, done: (message: DnsMessage | undefined) => void): void {
    const question = { ...asker.question, name, type }
    const message = { ...asker.message, questions: [question] }
    const key = [...this.#sites.keys()].find((k) => k.endsWith(`:${port}`)) ?? ''
    this.#handle(key, { ...asker, message, question, name: normalName(name), size: byteLength(encodeDns(message)) }, (served) => done(served.message))
  }

  #handle(key: string, request: DnsRequest, done: (served: Served) => void): void {
    const sites = this.#sites.get(key) ?? []
    const zone = matchZone(sites.map((s) => s.zone), request.name)
    const site = sites.find((s) => s.zone === zone)
    if (!site || request.question.class !== 'IN') return done({ rcode: rcode.refused })
    site.handler(request, done)
  }

  #serve(key: string, data: string, protocol: 'udp' | 'tcp', client: DnsRequest['client'], send: (reply: string) => void): void {
    const message = decodeDns(data)
    const question = message?.questions[0]
    if (!message || message.response || !question) return
    this.#handle(key, { message, question, name: normalName(question.name), protocol, client, size: byteLength(data) }, (served) => {
      if (served.silent) return
      const { edns, ...said } = served.message ?? dnsReply(message, { rcode: served.rcode })
      const reply: DnsMessage = { ...said, ...(message.edns && { edns: { ...message.edns, ...(edns?.extendedError !== undefined && { extendedError: edns.extendedError }) } }) }
      const size = protocol === 'tcp' ? 65_535 : Math.min(1232, Math.max(512, message.edns?.udpSize ?? 512))
      send(encodeDns(fitReply(reply, size)))
    })
  }
}
