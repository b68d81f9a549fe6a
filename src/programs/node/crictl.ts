/** crictl 1.35 over the host's container runtime (machine.containers). Leaves out: running containers from files, stats, checkpoints. */
import type { ContainerInfo, ContainerRuntime, SandboxInfo } from '#engine/machine/machine.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt, type ParsedOptions } from '../net/getopt.ts'
import { complain, say } from '../net/support.ts'

class Fatal extends Error {}

/** Columns at least 20 wide, three blanks between. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(20, ...rows.map((r) => r[i]!.length + 3)))
  return rows.map((r) => r.map((cell, i) => (i === r.length - 1 ? cell : cell.padEnd(widths[i]!))).join('') + '\n').join('')
}

/** docker/go-units HumanDuration. */
export function humanDuration(ms: number): string {
  const s = Math.floor(ms / 1000)
  if (s < 1) return 'Less than a second'
  if (s === 1) return '1 second'
  if (s < 60) return `${s} seconds`
  const m = Math.floor(s / 60)
  if (m === 1) return 'About a minute'
  if (m < 60) return `${m} minutes`
  const h = Math.round(s / 3600)
  if (h === 1) return 'About an hour'
  if (h < 48) return `${h} hours`
  if (h < 24 * 14) return `${Math.floor(h / 24)} days`
  if (h < 24 * 60) return `${Math.floor(h / 24 / 7)} weeks`
  if (h < 24 * 365 * 2) return `${Math.floor(h / 24 / 30)} months`
  return `${Math.floor(h / 24 / 365)} years`
}

/** go-units HumanSizeWithPrecision(…, 3): decimal. */
function humanSize(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let u = 0
  let size = n
  while (size >= 1000 && u < units.length - 1) {
    size /= 1000
    u++
  }
  return `${Number(size.toPrecision(3))}${units[u]}`
}

const short = (id: string) => id.replace(/^sha256:/, '').slice(0, 13)

function containerNamed(r: ContainerRuntime, id: string): ContainerInfo {
  const found = r.containers().filter((c) => c.id.startsWith(id))
  if (id !== '' && found.length === 1) return found[0]!
  throw new Fatal(`rpc error: code = NotFound desc = an error occurred when try to find container "${id}": not found`)
}

function sandboxNamed(r: ContainerRuntime, id: string): SandboxInfo {
  const found = r.sandboxes().filter((s) => s.id.startsWith(id))
  if (id !== '' && found.length === 1) return found[0]!
  throw new Fatal(`rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found`)
}

function seconds(text: string): number {
  let ms = 0
  for (const m of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) ms += Number(m[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[m[2] as 's']
  return ms
}

type Command = (p: Process, r: ContainerRuntime, args: readonly string[]) => Promise<number>

const parse = (args: readonly string[], shortOptions: string, long: Readonly<Record<string, '' | ':' | '::'>>): ParsedOptions => {
  const o = getopt(args, shortOptions, long)
  if (o.error) throw new Fatal(`flag provided but not defined: ${/'(-*[^']*)'/.exec(o.error)?.[1] ?? o.error}`)
  return o
}

const listing = { all: '', quiet: '', name: ':', pod: ':', state: ':', label: ':', namespace: ':', output: ':', 'no-trunc': '', last: ':', latest: '', id: ':', image: ':', digests: '', verbose: '' } as const

const commands: Readonly<Record<string, Command>> = {
  ps: async (p, r, args) => {
    const o = parse(args, 'aqvo:p:s:n:ll:', listing)
    const wanted = o.get('state', 's')?.toLowerCase()
    let list = r.containers().filter((c) => (o.has('a', 'all') || wanted !== undefined ? wanted === undefined || c.state.toLowerCase() === wanted : c.state === 'Running'))
    const name = o.get('name')
    if (name !== undefined) list = list.filter((c) => new RegExp(name).test(c.name))
    const pod = o.get('pod', 'p')
    if (pod !== undefined) list = list.filter((c) => c.sandbox.startsWith(pod))
    const label = o.get('label')?.split('=')
    if (label) list = list.filter((c) => c.labels[label[0]!] !== undefined && (label[1] === undefined || c.labels[label[0]!] === label[1]))
    list = [...list].sort((a, b) => b.created - a.created)
    const trunc = o.has('no-trunc') ? (x: string) => x : short
    if (o.has('q', 'quiet')) await say(p, list.map((c) => `${o.has('no-trunc') ? c.id : c.id}\n`).join(''))
    else if (o.get('output', 'o') === 'json') await say(p, JSON.stringify({ containers: list.map((c) => ({ id: c.id, podSandboxId: c.sandbox, metadata: { name: c.name, attempt: c.attempt }, image: { image: c.imageId }, imageRef: c.imageId, state: `CONTAINER_${c.state.toUpperCase()}`, createdAt: String(Math.floor(c.created * 1e6)), labels: c.labels })) }, undefined, 2) + '\n')
    else await say(p, table([['CONTAINER', 'IMAGE', 'CREATED', 'STATE', 'NAME', 'ATTEMPT', 'POD ID', 'POD', 'NAMESPACE'], ...list.map((c) => [trunc(c.id), trunc(c.imageId), `${humanDuration(p.now() - c.created)} ago`, c.state, c.name, String(c.attempt), trunc(c.sandbox), c.podName, c.podNamespace])]))
    return 0
  },
  pods: async (p, r, args) => {
    const o = parse(args, 'qvo:s:n:ll:', listing)
    let list = [...r.sandboxes()]
    const name = o.get('name')
    if (name !== undefined) list = list.filter((s) => new RegExp(name).test(s.name))
    const namespace = o.get('namespace')
    if (namespace !== undefined) list = list.filter((s) => new RegExp(namespace).test(s.namespace))
    const state = o.get('state', 's')?.toLowerCase()
    if (state !== undefined) list = list.filter((s) => s.state.toLowerCase() === state)
    const label = o.get('label')?.split('=')
    if (label) list = list.filter((s) => s.labels[label[0]!] !== undefined && (label[1] === undefined || s.labels[label[0]!] === label[1]))
    list.sort((a, b) => b.created - a.created)
    const trunc = o.has('no-trunc') ? (x: string) => x : short
    if (o.has('q', 'quiet')) await say(p, list.map((s) => `${s.id}\n`).join(''))
    else if (o.get('output', 'o') === 'json') await say(p, JSON.stringify({ items: list.map((s) => ({ id: s.id, metadata: { name: s.name, uid: s.uid, namespace: s.namespace, attempt: s.attempt }, state: `SANDBOX_${s.state.toUpperCase()}`, createdAt: String(Math.floor(s.created * 1e6)), labels: s.labels })) }, undefined, 2) + '\n')
    else await say(p, table([['POD ID', 'CREATED', 'STATE', 'NAME', 'NAMESPACE', 'ATTEMPT', 'RUNTIME'], ...list.map((s) => [trunc(s.id), `${humanDuration(p.now() - s.created)} ago`, s.state, s.name, s.namespace, String(s.attempt), s.runtime === '' ? '(default)' : s.runtime])]))
    return 0
  },
  images: async (p, r, args) => {
    const o = parse(args, 'qvo:', listing)
    const list = r.images()
    if (o.has('q', 'quiet')) {
      await say(p, list.map((i) => `${i.id}\n`).join(''))
      return 0
    }
    if (o.get('output', 'o') === 'json') {
      await say(p, JSON.stringify({ images: list.map((i) => ({ id: i.id, repoTags: i.tags, repoDigests: i.digests, size: String(i.size) })) }, undefined, 2) + '\n')
      return 0
    }
    const rows = list.flatMap((i) => (i.tags.length > 0 ? i.tags : ['<none>:<none>']).map((tag) => [tag.slice(0, tag.lastIndexOf(':')), tag.slice(tag.lastIndexOf(':') + 1), short(i.id), humanSize(i.size)])).sort((a, b) => (a[0]! + a[1]! < b[0]! + b[1]! ? -1 : 1))
    const titles = ['IMAGE', 'TAG', 'IMAGE ID', 'SIZE']
    await say(p, table([titles, ...rows]))
    return 0
  },
  logs: async (p, r, args) => {
    const o = parse(args, 'fptr', { follow: '', tail: ':', since: ':', timestamps: '', previous: '', 'limit-bytes': ':' })
    const c = containerNamed(r, o.operands[0] ?? '')
    const tail = o.get('tail')
    const since = o.get('since')
    const show = async (line: { readonly time?: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }) => {
      const stamp = o.has('t', 'timestamps') && line.time !== undefined ? new Date(line.time).toISOString().replace('Z', '000000Z') + ' ' : ''
      await (line.stream === 'stderr' ? p.stderr : p.stdout).write(stamp + line.text + (line.text.endsWith('\n') ? '' : '\n'))
    }
    for (const line of r.logs(c.id, { ...(tail !== undefined && Number(tail) >= 0 && { tail: Number(tail) }), ...(since !== undefined && { since: p.now() - seconds(since) }) })) await show(line)
    if (!o.has('f', 'follow') || !r.followLogs) return 0
    const queue: { readonly stream: 'stdout' | 'stderr'; readonly text: string }[] = []
    let wake: (() => void) | undefined
    p.onEnd(r.followLogs(c.id, (line) => {
      queue.push(line)
      wake?.()
    }))
    for (;;) {
      const line = queue.shift()
      if (line) await show(line)
      else await p.call<void>((resolve) => {
        wake = () => {
          wake = undefined
          resolve()
        }
      })
    }
  },
  inspect: inspector((r, id) => containerNamed(r, id).id),
  inspectp: inspector((r, id) => sandboxNamed(r, id).id),
  inspecti: inspector((r, name) => {
    const found = r.images().find((i) => i.id.startsWith(name) || i.id.startsWith(`sha256:${name}`) || i.tags.some((t) => t === name || t === `docker.io/library/${name}` || t === `docker.io/library/${name}:latest` || t === `${name}:latest` || t === `docker.io/${name}`))
    if (!found) throw new Fatal(`no such image "${name}" present`)
    return found.id
  }),
  exec: async (p, r, args) => {
    const o = parse(args, '+its', { interactive: '', tty: '', sync: '', timeout: ':' })
    const [id, ...argv] = o.operands
    const c = containerNamed(r, id ?? '')
    const machine = r.machine(c.id)
    if (!machine || c.state !== 'Running') throw new Fatal(`execing command in container: rpc error: code = Unknown desc = failed to exec in container: container is in ${`CONTAINER_${c.state.toUpperCase()}`} state`)
    try {
      return (await p.spawn({ argv, machine, env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...machineEnv(machine), ...(o.has('t', 'tty') && { TERM: p.env.get('TERM') ?? 'xterm' }) } }).wait()).code
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Fatal(`execing command in container: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "${short(c.id)}": OCI runtime exec failed: exec failed: unable to start container process: exec: "${argv[0]}": ${error.code === 'ENOENT' ? (argv[0]!.includes('/') ? `stat ${argv[0]}: no such file or directory` : 'executable file not found in $PATH') : strerror(error.code).toLowerCase()}: unknown`)
    }
  },
  stop: each((r, id) => {
    const c = containerNamed(r, id)
    r.stop(c.id)
    return c.id
  }),
  rm: each((r, id) => {
    const c = containerNamed(r, id)
    r.remove(c.id)
    return c.id
  }),
  stopp: each((r, id) => {
    const s = sandboxNamed(r, id)
    r.stopSandbox(s.id)
    return `Stopped sandbox ${s.id}`
  }),
  rmp: each((r, id) => {
    const s = sandboxNamed(r, id)
    r.removeSandbox(s.id)
    return `Removed sandbox ${s.id}`
  }),
  rmi: each((r, name) => {
    const found = r.images().find((i) => i.id.includes(name) || i.tags.some((t) => t === name || t.endsWith(`/${name}`)))
    if (!found || !r.removeImage(found.id)) throw new Fatal(`no such image ${name}`)
    return found.tags.map((t) => `Deleted: ${t}`).join('\n')
  }),
  pull: each((r, name) => {
    const result = r.pull(name)
    if (result.error !== undefined) throw new Fatal(`pulling image: ${result.error}`)
    return `Image is up to date for ${result.id}`
  }),
  info: async (p, r) => {
    await say(p, JSON.stringify({ status: { conditions: [{ type: 'RuntimeReady', status: true, reason: '', message: '' }, { type: 'NetworkReady', status: true, reason: '', message: '' }] }, config: { containerdRootDir: '/var/lib/containerd', containerdEndpoint: '/run/containerd/containerd.sock' }, runtime: { name: r.name, version: r.version } }, undefined, 2) + '\n')
    return 0
  },
  version: async (p, r) => {
    await say(p, `Version:  0.1.0\nRuntimeName:  ${r.name}\nRuntimeVersion:  ${r.version}\nRuntimeApiVersion:  v1\n`)
    return 0
  },
}

const machineEnv = (machine: { readonly hostname: string }) => ({ HOSTNAME: machine.hostname })

function inspector(find: (r: ContainerRuntime, id: string) => string): Command {
  return async (p, r, args) => {
    const o = parse(args, 'o:q', { output: ':', template: ':', name: ':' })
    const all = o.operands.map((id) => r.inspect(find(r, id)))
    await say(p, all.map((x) => JSON.stringify(x, undefined, 2) + '\n').join(''))
    return 0
  }
}

function each(act: (r: ContainerRuntime, id: string) => string): Command {
  return async (p, r, args) => {
    const o = parse(args, 'fat:', { force: '', all: '', timeout: ':', prune: '', creds: ':' })
    for (const id of o.operands) await say(p, act(r, id) + '\n')
    return 0
  }
}

const aliases: Readonly<Record<string, string>> = { image: 'images', img: 'images' }

const help = `NAME:
   crictl - client for CRI

USAGE:
   crictl [global options] command [command options] [arguments...]

VERSION:
   v1.35.0

COMMANDS:
   exec                Run a command in a running container
   images, image, img  List images
   inspect             Display the status of one or more containers
   inspecti            Return the status of one or more images
   inspectp            Display the status of one or more pods
   logs                Fetch the logs of a container
   pods                List pods
   ps                  List containers
   pull                Pull an image from a registry
   rm                  Remove one or more containers
   rmi                 Remove one or more images
   rmp                 Remove one or more pods
   stop                Stop one or more running containers
   stopp               Stop one or more running pods
   version             Display runtime version information
   info                Display information of the container runtime
   help, h             Shows a list of commands or help for one command
`

export const crictl: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+c:i:r:t:Dhv', { config: ':', 'image-endpoint': ':', 'runtime-endpoint': ':', timeout: ':', debug: '', help: '', version: '' })
  const [given, ...rest] = o.operands
  if (o.has('v', 'version')) {
    await say(p, 'crictl version v1.35.0\n')
    return 0
  }
  if (given === undefined || o.has('h', 'help') || given === 'help') {
    await say(p, help)
    return 0
  }
  const fatal = async (text: string) => {
    await complain(p, p.stderr.tty ? `FATA[0000] ${text} \n` : `time="${new Date(Math.floor(p.now() / 1000) * 1000).toISOString().replace('.000', '')}" level=fatal msg=${JSON.stringify(text)}\n`)
    return 1
  }
  const command = commands[aliases[given] ?? given]
  if (!command) {
    await say(p, help)
    return fatal(`unknown command: ${given}`)
  }
  const endpoint = o.get('r', 'runtime-endpoint') ?? endpointOf(p) ?? 'unix:///run/containerd/containerd.sock'
  const path = endpoint.replace(/^unix:\/\//, '')
  const failed = (why: string) => fatal(`validate service connection: validate CRI v1 runtime API for endpoint "${endpoint}": rpc error: code = ${why}`)
  const dial = (why: string) => failed(`Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: ${why}"`)
  if (p.user.uid !== 0) return dial('permission denied')
  const runtime = p.machine.host.containers
  // The daemon may be up without its CRI plugin.
  if (!runtime && /containerd\.sock$/.test(endpoint) && p.fs.exists(path)) return failed('Unimplemented desc = unknown service runtime.v1.RuntimeService')
  if (!runtime || !/containerd\.sock$/.test(endpoint)) return dial('no such file or directory')
  try {
    return await command(p, runtime, rest)
  } catch (error) {
    if (!(error instanceof Fatal)) throw error
    return fatal(error.message)
  }
}

function endpointOf(p: Process): string | undefined {
  try {
    return /^runtime-endpoint:\s*["']?(\S+?)["']?\s*$/m.exec(p.fs.readFile('/etc/crictl.yaml'))?.[1]
  } catch (error) {
    if (error instanceof FsError) return undefined
    throw error
  }
}
