/**
 * A Gateway's proxy as a program: gets its configuration from the controller (and keeps the last one while that is away), opens the listeners' ports and
 * serves HTTP, TLS, TCP and UDP on them. In the manner of Envoy; left out: its admin interface, health checks, connection pools.
 */
import type { Random } from '#base/random.ts'
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection, Datagrams, Listener } from '#engine/machine/sockets.ts'
import { Replayed } from '#engine/machine/replayed.ts'
import { loadIdentity, peekServerName, tlsAccept } from '#engine/machine/tls.ts'
import type { TlsIdentity } from '#engine/machine/tls.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { notFound, plain, serveHttp } from '#engine/node/http-server.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { accept, join, readLines } from './channel.ts'
import { mostSpecific } from './hostnames.ts'
import { connectTo, preface, serveHttpConnection } from './http-proxy.ts'
import type { ProxyTools } from './http-proxy.ts'
import { openedPort } from './infrastructure.ts'
import { Balance, chooseDoor } from './matching.ts'
import type { Door, ProxyConfig, Target } from './types.ts'

type Family = 'http' | 'tls' | 'tcp' | 'udp'
const family = (d: Door): Family => ({ HTTP: 'http', HTTPS: 'tls', TLS: 'tls', TCP: 'tcp', UDP: 'udp' } as const)[d.protocol]

/** Ms that a UDP client is remembered without a datagram. */
const udpSession = 60_000

export async function gatewayProxy(process: Process, context: ContainerContext): Promise<number> {
  const { sim } = process.machine
  const flag = (name: string) => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? ''
  const random: Random = sim.random.fork(`gateway-proxy ${process.machine.hostname}`)
  const log = lineWriter(process.stdout)
  let config: ProxyConfig | undefined
  const open = new Map<string, { close(): void }>()
  const balances = new Map<string, Balance>()
  const turns = new Map<string, number>()
  const connections = new Set<Connection>()

  const tools: ProxyTools = {
    process, random, log,
    balance: (name) => {
      let found = balances.get(name)
      if (!found) balances.set(name, (found = new Balance()))
      return found
    },
    endpoint: (target, wanted) => {
      const { endpoints } = target
      if (endpoints.length === 0) return undefined
      const turn = turns.get(target.name) ?? 0
      turns.set(target.name, turn + 1)
      const at = wanted !== undefined && endpoints.includes(wanted) ? wanted : endpoints[turn % endpoints.length]!
      const colon = at.lastIndexOf(':')
      return { host: at.slice(0, colon), port: Number(at.slice(colon + 1)) }
    },
    client: () => config?.client,
  }
  const doorsOf = (port: number, kind: Family) => (config?.doors ?? []).filter((d) => d.port === port && family(d) === kind)
  const now = (name: string) => config?.doors.find((d) => d.name === name)

  const http = async (connection: Connection, port: number): Promise<void> => {
    const first = await connection.read()
    if (first === undefined) return connection.end()
    const http2 = first.startsWith(preface)
    await serveHttpConnection(tools, { connection: new Replayed(connection, http2 ? first.slice(preface.length) : first), client: connection.remote.host, secure: false, http2, doors: () => doorsOf(port, 'http'), door: undefined })
  }

  const stream = async (connection: Connection, name: string, targets: readonly Target[]): Promise<void> => {
    const target = tools.balance(name).next(targets)
    if (!target || target.invalid) return connection.close(true)
    let back: Connection
    try {
      back = await connectTo(tools, target)
    } catch {
      return connection.close(true)
    }
    await join(connection, back)
  }

  const tls = async (raw: Connection, port: number): Promise<void> => {
    const peeked = await peekServerName(raw)
    const doors = doorsOf(port, 'tls')
    const door = chooseDoor(doors, peeked.serverName ?? '')
    if (door?.passthrough) {
      const chosen = mostSpecific(door.streams, (s) => s.hostname, peeked.serverName ?? '')
      return chosen ? stream(peeked.connection, door.name + chosen.hostname, chosen.targets) : raw.close(true)
    }
    const alpn = peeked.alpn.includes('http/1.1') || peeked.alpn.length === 0 ? ['http/1.1'] : ['h2']
    const secured = await tlsAccept(peeked.connection, {
      identity: (name) => door && identityFor(door, name), now: () => sim.now, alpn: door?.protocol === 'TLS' ? [] : alpn,
      ...(door?.clients && { clientAuth: door.clients.insecureFallback ? 'request' as const : 'require' as const, clientRoots: decodeCertificates(door.clients.authorities) }),
    })
    if (door!.protocol === 'TLS') {
      const chosen = mostSpecific(door!.streams, (s) => s.hostname, peeked.serverName ?? '')
      return chosen ? stream(secured, door!.name + chosen.hostname, chosen.targets) : raw.close(true)
    }
    const first = await secured.read()
    if (first === undefined) return secured.end()
    const http2 = first.startsWith(preface)
    await serveHttpConnection(tools, {
      connection: new Replayed(secured, http2 ? first.slice(preface.length) : first), client: raw.remote.host, secure: true, http2, doors: () => doorsOf(port, 'tls').filter((d) => d.protocol === 'HTTPS'), door: () => now(door!.name) ?? door,
    })
  }

  const tcp = async (connection: Connection, port: number): Promise<void> => {
    const door = doorsOf(port, 'tcp')[0]
    const first = door?.streams[0]
    if (!door || !first) return connection.close(true)
    await stream(connection, door.name, first.targets)
  }

  const serve: Readonly<Record<Exclude<Family, 'udp'>, (connection: Connection, port: number) => Promise<void>>> = { http, tls, tcp }

  const listen = (port: number, kind: Family): { close(): void } => {
    if (kind === 'udp') return listenUdp(port)
    const listener: Listener = process.sockets.listen('0.0.0.0', openedPort(port))
    accept(listener, async (connection) => {
      connections.add(connection)
      try {
        await serve[kind](connection, port)
      } catch {
        connection.close()
      }
      connections.delete(connection)
    })
    return listener
  }

  const listenUdp = (port: number): { close(): void } => {
    const socket: Datagrams = process.sockets.udp({ host: '0.0.0.0', port: openedPort(port) })
    const sessions = new Map<string, Datagrams>()
    const back = async (key: string, upstream: Datagrams, to: { host: string; port: number }) => {
      try {
        for (let answer = await upstream.receive(udpSession); answer; answer = await upstream.receive(udpSession)) await socket.send(answer.data, to)
      } catch {
        // Nobody listens there.
      }
      upstream.close()
      sessions.delete(key)
    }
    const run = async () => {
      for (;;) {
        const got = await socket.receive()
        if (!got) return
        const key = `${got.from.host}:${got.from.port}`
        let upstream = sessions.get(key)
        if (!upstream) {
          const door = doorsOf(port, 'udp')[0]
          const target = door?.streams[0] && tools.balance(door.name).next(door.streams[0].targets)
          const at = target && !target.invalid ? tools.endpoint(target) : undefined
          if (!at) continue
          upstream = process.sockets.udp()
          upstream.connect(at.host, at.port)
          sessions.set(key, upstream)
          void back(key, upstream, got.from)
        }
        await upstream.send(got.data).catch(() => {})
      }
    }
    run().catch(() => {})
    return {
      close: () => {
        socket.close()
        for (const s of sessions.values()) s.close()
      },
    }
  }

  const use = (next: ProxyConfig) => {
    config = next
    const wanted = new Map<string, [number, Family]>(next.doors.map((d) => [`${family(d)} ${d.port}`, [d.port, family(d)]]))
    for (const [key, listener] of open) {
      if (wanted.has(key)) continue
      listener.close()
      open.delete(key)
    }
    for (const [key, [port, kind]] of wanted) {
      if (open.has(key)) continue
      try {
        open.set(key, listen(port, kind))
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        log(`[${new Date(Math.floor(sim.now)).toISOString()}][error] cannot listen on port ${openedPort(port)}: ${error.message}`)
        continue
      }
      log(`[${new Date(Math.floor(sim.now)).toISOString()}][info] listening on port ${openedPort(port)} for ${kind} port ${port}`)
    }
  }

  const health = serveHttp(process.machine.net.sockets, '0.0.0.0', 19_003, () => sim.now, (r) => (r.path === '/ready' ? plain(config ? 'LIVE\n' : 'PRE_INITIALIZING\n', config ? 200 : 503) : notFound))
  let leaving = false
  context.onExit(() => {
    leaving = true
    health.close()
    for (const listener of open.values()) listener.close()
    for (const connection of connections) connection.close()
  })

  const [host, port] = flag('controller').split(':') as [string, string]
  const follow = async () => {
    for (let wait = 500; !leaving; wait = Math.min(wait * 2, 30_000)) {
      try {
        const found = await process.sockets.lookup(host)
        if (found.ok) {
          const connection = await process.sockets.connect(found.addresses[0]!, Number(port), { timeout: 5000 })
          await connection.write(`${flag('gateway')}\n`)
          for await (const line of readLines(connection)) {
            use(JSON.parse(line) as ProxyConfig)
            wait = 500
          }
          connection.close()
        }
      } catch {
        // The controller is away; what is configured stays.
      }
      if (!leaving) await process.sleep(wait)
    }
  }
  void follow()
  await context.terminated()
  return 0
}

/** The certificate whose names fit best; the first otherwise. */
function identityFor(door: Door, serverName: string | undefined): TlsIdentity | undefined {
  const all = door.certificates.flatMap((c) => {
    const loaded = loadIdentity(c.certificate, c.key)
    return loaded.ok ? [loaded.identity] : []
  })
  const named = all.flatMap((identity) => identity.chain[0]!.dnsNames.map((name) => ({ identity, name })))
  return (serverName === undefined ? undefined : mostSpecific(named, (n) => n.name, serverName.toLowerCase())?.identity) ?? all[0]
}
