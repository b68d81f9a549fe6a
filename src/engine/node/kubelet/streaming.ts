/**
 * The kubelet's server as the API server uses it: logs, exec, attach, port-forward. Channels are those of v4.channel.k8s.io: 0 stdin, 1 stdout, 2 stderr,
 * 3 error (a Status when it ends), 4 resize; port-forward uses 2n for data and 2n+1 for errors of its nth port.
 */
import { parseIpv4 } from '#base/ip.ts'
import type { NodeProxy } from '#engine/api/server.ts'
import type { ApiRequest, ApiResponse, DuplexChannel, KubeObject } from '#engine/api/types.ts'
import { FsError } from '#engine/machine/files.ts'
import type { TerminalSession } from '#engine/machine/machine.ts'
import type { Container, ContainerStatus, Pod } from '#engine/kinds/pod/types.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import type { TcpConnection } from '#engine/net/types.ts'
import { readLog, nanoTimestamp, type LogLine } from '../runtime/container-log.ts'
import type { ContainerRecord } from '../runtime/containerd.ts'
import { StdinPipe } from '../runtime/stdin.ts'
import { logFolder } from './container-config.ts'
import { execFailure } from './exec.ts'
import type { Kubelet } from './kubelet.ts'

export interface KubeletAccess {
  /** The kubelet of a node while it lives. */
  kubelet(node: string): Kubelet | undefined
  node(name: string): Node | undefined
  /** How the API server's dial to an address fails, in Go's words; undefined when it does not. */
  dialProblem?(address: string, port: number): string | undefined
}

type Query = ApiRequest['query']

const first = (query: Query, name: string) => query.get(name)?.[0]
const flag = (query: Query, name: string) => ['true', '1', ''].includes(first(query, name) ?? 'false')

function failure(code: number, reason: string, message: string): ApiResponse {
  return { kind: 'complete', code, headers: new Map([['content-type', 'application/json']]), body: JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }) + '\n' }
}

const badRequest = (message: string) => failure(400, 'BadRequest', message)
const internal = (message: string) => failure(500, 'InternalError', `Internal error occurred: ${message}`)

/** What a kubelet's refusal looks like when an upgrade was asked for: plain text, which clients wrap. */
const notUpgraded = (message: string): ApiResponse => ({ kind: 'complete', code: 500, headers: new Map([['content-type', 'text/plain; charset=utf-8']]), body: message })

function allContainers(pod: Pod): Container[] {
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? []), ...(pod.spec.ephemeralContainers ?? [])]
}

/** The container that a request means, or why not. */
function chooseContainer(pod: Pod, query: Query): Container | ApiResponse {
  const name = first(query, 'container') ?? ''
  if (name === '') {
    if (pod.spec.containers.length === 1) return pod.spec.containers[0]!
    const all = pod.spec.containers.map((c) => c.name).join(' ')
    const init = (pod.spec.initContainers ?? []).map((c) => c.name).join(' ')
    return badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${all}]${init ? ` or one of the init containers: [${init}]` : ''}`)
  }
  return allContainers(pod).find((c) => c.name === name) ?? badRequest(`container ${name} is not valid for pod ${pod.metadata.name}`)
}

const isResponse = (value: Container | ApiResponse): value is ApiResponse => 'code' in value

export class KubeletProxy implements NodeProxy {
  readonly #access: KubeletAccess

  constructor(access: KubeletAccess) {
    this.#access = access
  }

  /** `/api/v1/nodes/NAME/proxy/…`: the kubelet's own pages. */
  #nodeProxy(node: KubeObject, rest: string): ApiResponse {
    const kubelet = this.#access.kubelet(node.metadata.name)
    const cut = this.#dialProblem(node.metadata.name, kubelet)
    const complete = (code: number, type: string, body: string): ApiResponse => ({ kind: 'complete', code, headers: new Map([['content-type', type]]), body })
    if (!kubelet || cut !== undefined) return failure(503, 'ServiceUnavailable', `error trying to reach service: ${cut}`)
    const path = rest.replace(/^\/+/, '').replace(/\/+$/, '')
    if (path === 'healthz') return complete(200, 'text/plain; charset=utf-8', 'ok')
    if (path === 'pods') return complete(200, 'application/json', JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [...kubelet.workers.values()].map((w) => w.pod) }))
    return complete(404, 'text/plain; charset=utf-8', '404 page not found\n')
  }

  #addressOf(node: string): string {
    return this.#access.node(node)?.status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? node
  }

  #dialProblem(node: string, kubelet: Kubelet | undefined): string | undefined {
    const address = this.#addressOf(node)
    return this.#access.dialProblem?.(address, 10250) ?? (kubelet ? undefined : `dial tcp ${address}:10250: connect: connection refused`)
  }

  connect(request: ApiRequest, info: { readonly subresource: string; readonly rest?: string }, object: KubeObject): ApiResponse {
    if (object.kind === 'Node' && info.subresource === 'proxy') return this.#nodeProxy(object, info.rest ?? '')
    const handler = { log: logs, exec, attach, portforward: portForward }[info.subresource]
    if (!handler || object.kind !== 'Pod') return failure(501, 'NotImplemented', 'not implemented')
    const pod = object as Pod
    if (info.subresource !== 'portforward') {
      const container = chooseContainer(pod, request.query)
      if (isResponse(container)) return container
    }
    if (!pod.spec.nodeName) return info.subresource === 'log' ? (logs(undefined, pod, request) as ApiResponse) : badRequest(`pod ${pod.metadata.name} does not have a host assigned`)
    const kubelet = this.#access.kubelet(pod.spec.nodeName)
    const cut = this.#dialProblem(pod.spec.nodeName, kubelet)
    if (!kubelet || cut !== undefined) {
      const address = this.#addressOf(pod.spec.nodeName)
      const scheme = info.subresource === 'log' ? `Get "https://${address}:10250/containerLogs/${pod.metadata.namespace}/${pod.metadata.name}/${first(request.query, 'container') ?? pod.spec.containers[0]!.name}": ` : 'error dialing backend: '
      return failure(500, 'InternalError', `${scheme}${cut}`)
    }
    return handler(kubelet, pod, request)
  }
}

/** The pod as its kubelet knows it: a static pod has another uid there. */
function localUid(kubelet: Kubelet, pod: Pod): string {
  for (const [uid, worker] of kubelet.workers) if (worker.pod.metadata.name === pod.metadata.name && worker.pod.metadata.namespace === pod.metadata.namespace) return uid
  return pod.metadata.uid ?? ''
}

function recordsOf(kubelet: Kubelet, pod: Pod, container: string): ContainerRecord[] {
  const uid = localUid(kubelet, pod)
  return [...kubelet.runtime.records.values()].filter((r) => r.sandbox.podUid === uid && r.config.name === container).sort((a, b) => b.config.attempt - a.config.attempt)
}

// Logs

function waitingText(status: ContainerStatus | undefined, name: string, pod: Pod): string {
  const reason = status?.state.waiting?.reason
  const why = reason === undefined ? undefined : reason === 'ErrImagePull' ? 'image can\'t be pulled' : reason === 'ImagePullBackOff' ? 'trying and failing to pull image' : reason
  return `container "${name}" in pod "${pod.metadata.name}" is waiting to start: ${why ?? 'ContainerCreating'}`
}

function logs(kubelet: Kubelet | undefined, pod: Pod, request: ApiRequest): ApiResponse {
  const { query } = request
  const container = chooseContainer(pod, query)
  if (isResponse(container)) return container
  const empty: ApiResponse = { kind: 'complete', code: 200, headers: new Map([['content-type', 'text/plain']]), body: '' }
  if (!kubelet) return empty
  const previous = flag(query, 'previous')
  const status = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.ephemeralContainerStatuses ?? [])].find((s) => s.name === container.name)
  const all = recordsOf(kubelet, pod, container.name).filter((r) => r.state !== 'Created')
  let record = all[0]
  if (previous) {
    record = all[1] ?? (all[0]?.state === 'Exited' && status?.lastState.terminated?.containerID === `containerd://${all[0].id}` ? all[0] : undefined)
    if (!record) return badRequest(`previous terminated container "${container.name}" in pod "${pod.metadata.name}" not found`)
  }
  if (!record) {
    const file = `${logFolder({ ...pod, metadata: { ...pod.metadata, uid: localUid(kubelet, pod) } })}/${container.name}/0.log`
    const old = readLog(kubelet.node, file)
    if (old.length === 0) return badRequest(waitingText(status, container.name, pod))
    return { ...empty, body: format(select(old, query, kubelet.sim.now), query) }
  }
  // Its status cannot be asked for; the answer has begun already.
  if (!kubelet.runtime.running) return { ...empty, body: `unable to retrieve container logs for containerd://${record.id}` }
  const lines = select(record.log.read(), query, kubelet.sim.now)
  if (!flag(query, 'follow') || record.state !== 'Running') return { ...empty, body: limit(format(lines, query), query) }
  const live = record
  return {
    kind: 'stream',
    code: 200,
    headers: new Map([['content-type', 'text/plain']]),
    start: (sink) => {
      const text = format(lines, query)
      if (text !== '') sink.push(text)
      const stop = live.log.follow((line) => sink.push(format([line], query)))
      let open = true
      live.onEnd.add(() => {
        if (open) sink.end()
        open = false
        stop()
      })
      return () => {
        open = false
        stop()
      }
    },
  }
}

function select(lines: readonly LogLine[], query: Query, now: number): readonly LogLine[] {
  let out = lines
  const seconds = first(query, 'sinceSeconds')
  if (seconds !== undefined) out = out.filter((l) => l.time >= now - Number(seconds) * 1000)
  const since = first(query, 'sinceTime')
  if (since !== undefined) out = out.filter((l) => l.time >= Date.parse(since))
  const tail = first(query, 'tailLines')
  if (tail !== undefined && Number(tail) >= 0) out = Number(tail) === 0 ? [] : out.slice(-Number(tail))
  return out
}

function format(lines: readonly LogLine[], query: Query): string {
  const stamps = flag(query, 'timestamps')
  return lines.map((l) => (stamps ? `${nanoTimestamp(l.time)} ${l.text}` : l.text)).join('')
}

function limit(text: string, query: Query): string {
  const bytes = first(query, 'limitBytes')
  return bytes === undefined ? text : text.slice(0, Number(bytes))
}

// exec and attach

function upgraded(start: (channel: DuplexChannel) => void): ApiResponse {
  return { kind: 'upgrade', code: 101, headers: new Map([['x-stream-protocol-version', 'v4.channel.k8s.io']]), start }
}

const success = JSON.stringify({ metadata: {}, status: 'Success' })
const exited = (code: number) =>
  JSON.stringify({ metadata: {}, status: 'Failure', message: `command terminated with non-zero exit code: exit status ${code}`, reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: String(code) }] } })

function exec(kubelet: Kubelet | undefined, pod: Pod, request: ApiRequest): ApiResponse {
  const container = chooseContainer(pod, request.query)
  if (isResponse(container) || !kubelet) return isResponse(container) ? container : internal('no kubelet')
  const command = request.query.get('command') ?? []
  const record = recordsOf(kubelet, pod, container.name)[0]
  if (!record || record.state !== 'Running') return notUpgraded(`container not found ("${container.name}")`)
  if (!kubelet.runtime.running) return notUpgraded('rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory"')
  return upgraded((channel) => {
    const { config, machine } = record
    const finish = (text: string) => {
      channel.send(3, text)
      channel.close()
    }
    try {
      if (flag(request.query, 'tty')) {
        runTerminal(machine.openTerminal({ argv: command, env: { ...config.env, TERM: 'xterm' }, cwd: config.cwd, user: config.user }), channel, finish)
        return
      }
      const stdin = flag(request.query, 'stdin') ? new StdinPipe(kubelet.random.below(100_000)) : undefined
      const child = machine.start({
        argv: command, env: config.env, cwd: config.cwd, user: config.user, background: false,
        fds: stdin ? { 0: stdin.file } : {},
        output: { stdout: (text) => channel.send(1, text), stderr: (text) => channel.send(2, text) },
      })
      channel.onMessage((n, data) => {
        if (n !== 0) return
        if (data === '') stdin?.end()
        else stdin?.write(data)
      })
      channel.onClose(() => stdin?.end())
      child.onEnd((status) => finish(status.code === 0 ? success : exited(status.code)))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      const text = execFailure(record, command, error).replace(/^rpc error: code = Unknown desc = /, '')
      finish(JSON.stringify({ metadata: {}, status: 'Failure', message: `Internal error occurred: Internal error occurred: error executing command in container: ${text}`, reason: 'InternalError', code: 500 }))
    }
  })
}

function runTerminal(session: TerminalSession, channel: DuplexChannel, finish: (text: string) => void): void {
  session.onOutput((text) => channel.send(1, text))
  channel.onMessage((n, data) => {
    if (n === 0) session.write(data === '' ? '\x04' : data)
    else if (n === 4) {
      const size = JSON.parse(data) as { Width?: number; Height?: number }
      session.resize(size.Width ?? 80, size.Height ?? 24)
    }
  })
  channel.onClose(() => session.close())
  session.child.onEnd((status) => finish(status.code === 0 ? success : exited(status.code)))
}

function attach(kubelet: Kubelet | undefined, pod: Pod, request: ApiRequest): ApiResponse {
  const container = chooseContainer(pod, request.query)
  if (isResponse(container) || !kubelet) return isResponse(container) ? container : internal('no kubelet')
  const record = recordsOf(kubelet, pod, container.name)[0]
  if (!record || record.state !== 'Running') return notUpgraded(`container ${container.name} not found in pod ${pod.metadata.name}_${pod.metadata.namespace}`)
  return upgraded((channel) => {
    const listener = (stream: 'stdout' | 'stderr', text: string) => channel.send(stream === 'stdout' || record.config.tty ? 1 : 2, text)
    record.listeners.add(listener)
    let open = true
    channel.onMessage((n, data) => {
      if (n === 0) {
        if (record.terminal) record.terminal.write(data)
        else if (data === '') record.stdin?.end()
        else record.stdin?.write(data)
      } else if (n === 4 && record.terminal) {
        const size = JSON.parse(data) as { Width?: number; Height?: number }
        record.terminal.resize(size.Width ?? 80, size.Height ?? 24)
      }
    })
    channel.onClose(() => {
      open = false
      record.listeners.delete(listener)
      if (container.stdinOnce && !record.terminal) record.stdin?.end()
    })
    record.onEnd.add(() => {
      if (!open) return
      channel.send(3, success)
      channel.close()
    })
  })
}

// port-forward

function portForward(kubelet: Kubelet | undefined, pod: Pod, request: ApiRequest): ApiResponse {
  if (!kubelet) return internal('no kubelet')
  const uid = localUid(kubelet, pod)
  const sandbox = [...kubelet.runtime.pods.values()].find((s) => s.podUid === uid && s.state === 'Ready')
  if (!sandbox) return notUpgraded(`pod not found ("${pod.metadata.name}_${pod.metadata.namespace}")`)
  const ports = (request.query.get('ports') ?? request.query.get('port') ?? []).flatMap((p) => p.split(',')).map(Number)
  return upgraded((channel) => {
    const connections = new Map<number, TcpConnection>()
    const open = (index: number): TcpConnection | undefined => {
      const known = connections.get(index)
      if (known) return known
      const port = ports[index]
      if (port === undefined) return undefined
      const waiting: string[] = []
      const connection = sandbox.net.sockets.tcpConnect({ to: parseIpv4('127.0.0.1')!, port }, {
        onOpen: (c) => {
          for (const text of waiting.splice(0)) c.send(text)
        },
        onData: (text) => channel.send(index * 2, text),
        onEnd: () => {
          channel.send(index * 2, '')
          connections.delete(index)
        },
        onError: (errno) => {
          channel.send(index * 2 + 1, `error forwarding port ${port} to pod ${sandbox.id}, uid : failed to execute portforward in network namespace "/var/run/netns/${sandbox.netns}": failed to connect to localhost:${port} inside namespace "${sandbox.id}", IPv4: dial tcp4 127.0.0.1:${port}: connect: ${errno === 'ECONNREFUSED' ? 'connection refused' : errno} IPv6 dial tcp6 [::1]:${port}: connect: connection refused `)
          connections.delete(index)
        },
      })
      connections.set(index, connection)
      return connection
    }
    channel.onMessage((n, data) => {
      if (n % 2 !== 0) return
      const connection = open(n / 2)
      if (!connection) return
      if (data === '') connection.end()
      else connection.send(data)
    })
    channel.onClose(() => {
      for (const connection of connections.values()) connection.abort()
    })
  })
}

