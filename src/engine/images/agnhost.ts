/** registry.k8s.io/e2e-test-images/agnhost: one binary with many small servers and clients; netexec, serve-hostname, connect, pause and a few more are here. */
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { HttpReader, encodeRequest } from '#base/http.ts'
import { alpineFiles } from './clients.ts'
import { busyboxTools } from './busybox-tools.ts'
import { goFlags, type Flags } from './flags.ts'
import { curlTool } from './tools.ts'
import { lineWriter, serveWeb, untilStopped, type WebAnswer, type WebRequest } from './web-server.ts'

type Command = (process: Process, flags: Flags, argv: readonly string[]) => Promise<number>

export const agnhost: ImageBehaviour = {
  repository: 'registry.k8s.io/e2e-test-images/agnhost',
  tags: ['2.53', '2.52', '2.47', '2.45', '2.43', '2.40', '2.39', '2.36', '2.33', '2.32', '2.21'],
  size: 52_770_112,
  entrypoint: ['/agnhost'],
  command: ['pause'],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/' },
  exposedPorts: [80, 8080, 8081, 9376, 5000],
  files: alpineFiles,
  tools: { ...busyboxTools, ...curlTool, '/usr/bin/dig': 'dig', '/usr/bin/host': 'host', '/usr/bin/nslookup': 'nslookup', '/usr/bin/nc': 'nc', '/bin/nc': 'nc', '/bin/bash': 'bash', '/sbin/ip': 'ip' },
  programs: { '/agnhost': main },
}

const plain = (body: string, status = 200): WebAnswer => ({ status, headers: [['Content-Type', 'text/plain; charset=utf-8']], body })

function stamp(now: number): string {
  const d = new Date(Math.floor(now)).toISOString()
  return `${d.slice(0, 10).replaceAll('-', '/')} ${d.slice(11, 19)}`
}

async function bound(process: Process, what: string, call: () => void): Promise<number | undefined> {
  try {
    call()
    return undefined
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`${stamp(process.now())} ${what}: bind: ${error.message.toLowerCase()}\n`)
    return 1
  }
}

/** Strips the flags' values: what Go's pflag leaves as arguments when flags are given as `--name=value` or `--name value`. */
const netexec: Command = async (process, flags) => {
  const log = lineWriter(process, 'stderr')
  const line = (text: string) => log(`${stamp(process.now())} ${text}`)
  const port = Number(flags.get('http-port') ?? 8080)
  const udp = Number(flags.get('udp-port') ?? 8081)
  const started = process.now()
  const handler = async (request: WebRequest): Promise<WebAnswer> => {
    const q = request.query
    line(`${request.method} ${request.path}`)
    switch (request.path) {
      case '/hostname':
      case '/hostName':
        return plain(process.machine.hostname)
      case '/clientip':
        return plain(`${request.client.host}:${request.client.port}`)
      case '/echo':
        return plain(q.get('msg') ?? '', Number(q.get('code') ?? 200))
      case '/healthz':
        return plain('')
      case '/header':
        return plain(request.headers.get(q.get('key') ?? '') ?? '')
      case '/redirect':
        return { status: Number(q.get('code') ?? 302), headers: [['Location', q.get('location') ?? '/']], body: '' }
      case '/exit':
        process.machine.sim.after(1, () => process.end(Number(q.get('code') ?? 0)))
        return plain('')
      case '/dial':
        return dial(process, q)
      case '/shell': {
        const pipe = process.pipe()
        const child = process.spawn({ argv: ['/bin/sh', '-c', q.get('cmd') ?? q.get('shellCommand') ?? ''], fds: { 1: pipe.write, 2: pipe.write } })
        pipe.write.release()
        const output = await pipe.read.readAll()
        const status = await child.wait()
        return plain(JSON.stringify(status.code === 0 ? { output } : { error: `exit status ${status.code}`, output }))
      }
      default:
        return plain(`NOW: ${new Date(Math.floor(process.now())).toISOString().replace('T', ' ').replace('Z', '')} +0000 UTC m=+${((process.now() - started) / 1000).toFixed(9)}`)
    }
  }
  const failed = await bound(process, `listen tcp :${port}`, () => void serveWeb(process, '0.0.0.0', port, handler))
  if (failed !== undefined) return failed
  line(`Started HTTP server on port ${port}`)
  if (udp > 0) {
    const noUdp = await bound(process, `listen udp :${udp}`, () => void answerUdp(process, udp))
    if (noUdp !== undefined) return noUdp
    line(`Started UDP server on port ${udp}`)
  }
  const delay = Number(flags.get('delay-shutdown') ?? 0)
  return untilStopped(process, delay > 0 ? 0 : 143, delay > 0 ? () => process.sleep(delay * 1000) : undefined)
}

async function answerUdp(process: Process, port: number): Promise<void> {
  const socket = process.sockets.udp({ host: '0.0.0.0', port })
  for (;;) {
    const message = await socket.receive()
    if (!message) continue
    const [command = '', rest = ''] = message.data.trim().split(/ (.*)/s)
    const reply = command.toLowerCase() === 'hostname' ? process.machine.hostname : command.toLowerCase() === 'echo' ? rest : command.toLowerCase() === 'clientip' ? `${message.from.host}:${message.from.port}` : ''
    if (reply !== '') await socket.send(reply, message.from)
  }
}

async function dial(process: Process, q: ReadonlyMap<string, string>): Promise<WebAnswer> {
  const host = q.get('host') ?? ''
  const port = Number(q.get('port') ?? 0)
  const tries = Number(q.get('tries') ?? 1)
  const path = (q.get('request') ?? '').replace(/^\//, '')
  const responses: string[] = []
  const errors: string[] = []
  for (let i = 0; i < tries; i++) {
    const found = await process.sockets.lookup(host)
    if (!found.ok) {
      errors.push(`lookup ${host}: no such host`)
      continue
    }
    try {
      if (q.get('protocol') === 'udp') {
        const socket = process.sockets.udp()
        socket.connect(found.addresses[0]!, port)
        await socket.send(path)
        const answer = await socket.receive(5000)
        socket.close()
        if (answer) responses.push(answer.data)
        else errors.push(`reading from udp connection failed. err:'read udp: i/o timeout'`)
      } else {
        const connection = await process.sockets.connect(found.addresses[0]!, port, { timeout: 5000 })
        await connection.write(encodeRequest({ method: 'GET', target: `/${path}`, headers: { Host: `${host}:${port}`, 'User-Agent': 'Go-http-client/1.1', Connection: 'close' } }))
        const message = await new HttpReader(() => connection.read(), 'response').message()
        connection.close()
        if (message && !('error' in message)) responses.push(message.body)
        else errors.push('EOF')
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      errors.push(`Get "http://${host}:${port}/${path}": dial tcp ${found.addresses[0]}:${port}: ${error.code === 'ETIMEDOUT' ? 'i/o timeout' : `connect: ${error.message.toLowerCase()}`}`)
    }
  }
  return plain(JSON.stringify({ ...(responses.length > 0 ? { responses } : {}), ...(errors.length > 0 ? { errors } : {}) }))
}

const serveHostname: Command = async (process, flags) => {
  const port = Number(flags.get('port') ?? 9376)
  const log = lineWriter(process, 'stdout')
  const failed = await bound(process, `listen tcp :${port}`, () =>
    void serveWeb(process, '0.0.0.0', port, (request) => {
      log(`HTTP request from ${request.client.host}:${request.client.port}`)
      return plain(process.machine.hostname)
    }),
  )
  return failed ?? untilStopped(process, 143)
}

const seconds = (text: string | undefined, fallback: number): number => {
  const m = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text ?? '')
  return m ? Number(m[1]) * ({ ms: 1, s: 1000, m: 60_000 }[m[2] ?? 's'] ?? 1000) : fallback
}

const connect: Command = async (process, flags) => {
  const target = flags.arguments.find((a) => a.includes(':')) ?? ''
  const colon = target.lastIndexOf(':')
  const host = target.slice(0, colon)
  const timeout = seconds(flags.get('timeout'), 0)
  const found = await process.sockets.lookup(host)
  if (!found.ok) {
    await process.stderr.write(`DNS: lookup ${host}: no such host\n`)
    return 1
  }
  if ((flags.get('protocol') ?? 'tcp') === 'udp') {
    const socket = process.sockets.udp()
    socket.connect(found.addresses[0]!, Number(target.slice(colon + 1)))
    try {
      await socket.send('hostname')
      if (await socket.receive(timeout > 0 ? timeout : 10_000)) return 0
      await process.stderr.write('TIMEOUT\n')
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await process.stderr.write(error.code === 'ECONNREFUSED' ? 'REFUSED\n' : `OTHER: ${error.message}\n`)
    }
    return 1
  }
  try {
    const connection = await process.sockets.connect(found.addresses[0]!, Number(target.slice(colon + 1)), timeout > 0 ? { timeout } : {})
    connection.close()
    return 0
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(error.code === 'ECONNREFUSED' ? 'REFUSED\n' : error.code === 'ETIMEDOUT' ? 'TIMEOUT\n' : `OTHER: dial tcp ${found.addresses[0]}:${target.slice(colon + 1)}: connect: ${error.message.toLowerCase()}\n`)
    return 1
  }
}

const printFile = (path: string): Command => async (process) => {
  await process.stdout.write(process.fs.readFile(path))
  return 0
}

/** One server per SERVE_PORT_N variable, answering with its value. */
const porter: Command = async (process) => {
  for (const [name, value] of process.env) {
    const match = /^SERVE_(?:SCTP_|TLS_)?PORT_(\d+)$/.exec(name)
    if (!match) continue
    const failed = await bound(process, `listen tcp :${match[1]}`, () => void serveWeb(process, '0.0.0.0', Number(match[1]), () => plain(value)))
    if (failed !== undefined) return failed
  }
  return untilStopped(process, 143)
}

const testWebserver: Command = async (process, flags) => {
  const port = Number(flags.get('port') ?? 80)
  const failed = await bound(process, `listen tcp :${port}`, () => void serveWeb(process, '0.0.0.0', port, () => plain('<pre>\n</pre>\n')))
  return failed ?? untilStopped(process, 143)
}

const commands: Readonly<Record<string, Command>> = {
  netexec,
  'serve-hostname': serveHostname,
  connect,
  porter,
  'test-webserver': testWebserver,
  'etc-hosts': printFile('/etc/hosts'),
  pause: async (process) => {
    await process.stdout.write('Paused\n')
    return untilStopped(process, 0)
  },
  'dns-suffix': async (process) => {
    const search = /^search\s+(.*)$/m.exec(process.fs.readFile('/etc/resolv.conf'))?.[1] ?? ''
    await process.stdout.write(search.split(/\s+/).join(','))
    return 0
  },
  'dns-server-list': async (process) => {
    await process.stdout.write([...process.fs.readFile('/etc/resolv.conf').matchAll(/^nameserver\s+(\S+)/gm)].map((m) => m[1]).join(','))
    return 0
  },
}

async function main(process: Process): Promise<number> {
  const name = process.argv[1] ?? ''
  const command = commands[name]
  if (!command) {
    await process.stderr.write(`Error: unknown command ${JSON.stringify(name)} for "app"\nRun 'app --help' for usage.\n`)
    return 1
  }
  return command(process, goFlags(process.argv.slice(1)), process.argv)
}
