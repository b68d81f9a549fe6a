/** The Inspect port over the simulated cluster. It works on a sitting that may be changed (a fork), never on the learner's own. */
import type { CommandResult, DnsResult, HttpRequest, HttpResult, Inspect, ProbeRequest, ProbeResult, Resource } from '#course/inspect.ts'
import { connectFrom, type ConnectOutcome } from './client.ts'
import { resolveName } from './dns.ts'
import { exchange, requestTarget } from './http.ts'
import { findPod, findSpot } from './places.ts'
import { objectKey, type Sitting } from './sitting.ts'
import { traceFlow, type Traced } from './trace.ts'
import { valueAt } from './values.ts'

export class ClusterInspect implements Inspect {
  readonly #sitting: Sitting
  readonly #fork: () => Promise<Sitting>

  /** `again`: makes one more sitting in the state that `fork` is in now. */
  constructor(fork: Sitting, again: () => Promise<Sitting> = () => fork.fork()) {
    this.#sitting = fork
    this.#fork = again
  }

  async get(kind: string, namespace: string | undefined, name: string): Promise<Resource | undefined> {
    return this.#sitting.state.get(kind, namespace, name)
  }

  async list(kind: string, namespace: string | undefined, labelSelector?: string): Promise<readonly Resource[]> {
    return this.#sitting.state.list(kind, { namespace, labelSelector })
  }

  async atStart(kind: string, namespace: string | undefined, name: string): Promise<Resource | undefined> {
    return this.#sitting.baseline.get(objectKey(kind, namespace, name))
  }

  async probe(request: ProbeRequest): Promise<ProbeResult> {
    const traced = await traceFlow(this.#sitting, request)
    if (!traced) return { outcome: 'no-such-place', backendListens: false }
    return { ...probeResult(traced), backendListens: await this.#backendListens(request) }
  }

  async http(request: HttpRequest): Promise<HttpResult> {
    const sitting = this.#sitting
    const spot = findSpot(sitting, request.from)
    if (!spot) return { ok: false, probe: { outcome: 'no-such-place', backendListens: false } }
    const url = requestTarget(request.url)
    let outcome: ConnectOutcome = { ok: false, error: 'ETIMEDOUT' }
    let answer: HttpResult | undefined
    await sitting.run(spot.machine, spot.user, ['probe'], {
      cwd: '/',
      limit: request.timeout * 1000 + 60_000,
      program: async (process) => {
        outcome = await connectFrom(process, url.host, url.port, 'tcp', request.timeout)
        if (!outcome.ok || !outcome.connection) return 1
        const { connection } = outcome
        const response = await exchange(process, connection, request, url, request.timeout * 1000)
        connection.close()
        if (response) answer = { ok: true, ...response }
        return 0
      },
    })
    if (answer) return answer
    const probe = await this.probe({ from: request.from, to: url.host, port: url.port, protocol: 'tcp', timeout: request.timeout })
    return { ok: false, probe: probe.outcome === 'connected' ? { ...probe, outcome: 'timeout' } : probe }
  }

  async dns(from: string, name: string, type: string): Promise<DnsResult> {
    const sitting = this.#sitting
    const spot = findSpot(sitting, from)
    if (!spot) return { code: 'no-such-place', answers: [] }
    let result: DnsResult = { code: 'timeout', answers: [] }
    await sitting.run(spot.machine, spot.user, ['probe'], {
      cwd: '/',
      limit: 60_000,
      program: async (process) => {
        result = await resolveName(process, name, type)
        return 0
      },
    })
    return result
  }

  async exec(place: string, command: string): Promise<CommandResult> {
    const sitting = this.#sitting
    const spot = findSpot(sitting, place)
    if (!spot) return { exit: 255, stdout: '', stderr: `there is no running ${place}` }
    const shell = spot.pod ? 'sh' : 'bash'
    return sitting.run(spot.machine, spot.user, [shell, '-c', command], { cwd: spot.pod ? '/' : spot.user.home, limit: 300_000 })
  }

  async readFile(host: string, path: string): Promise<string | undefined> {
    const machine = this.#sitting.cluster.hosts.get(host)
    return machine?.fs.exists(path) === true ? machine.fs.readFile(path) : undefined
  }

  async can(subject: { readonly user: string; readonly groups: readonly string[] }, verb: string, resource: string, namespace: string | undefined, name?: string): Promise<boolean> {
    const [whole, group] = resource.includes('.') ? [resource.slice(0, resource.indexOf('.')), resource.slice(resource.indexOf('.') + 1)] : [resource, '']
    const [plural, subresource] = whole.split('/')
    const account = /^system:serviceaccount:([^:]+):/.exec(subject.user)
    const groups = [...subject.groups, ...(account ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]!}`] : []), 'system:authenticated']
    return this.#sitting.state.can(
      { name: subject.user, groups },
      { verb, group, resource: plural!, ...(subresource === undefined ? {} : { subresource }), ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) },
    )
  }

  async settle(seconds: number): Promise<void> {
    await this.#sitting.runner.settle(30_000, seconds * 1000)
  }

  async pass(seconds: number): Promise<void> {
    await this.#sitting.runner.runFor(seconds * 1000)
    await this.settle(60)
  }

  async branch(): Promise<Inspect> {
    return new ClusterInspect(await this.#fork())
  }

  /** Whether a ready pod behind `to` accepts connections on the port that the packet would arrive with, asked from its own namespace. */
  async #backendListens(request: ProbeRequest): Promise<boolean> {
    const { state } = this.#sitting
    const backends: { pod: string; port: number }[] = []
    const pod = request.to.includes('/') ? findPod(state, request.to) : state.list('Pod').find((p) => valueAt(p, 'status', 'podIP') === request.to)
    if (pod) backends.push({ pod: `${pod.metadata.namespace}/${pod.metadata.name}`, port: request.port })
    else {
      for (const service of state.list('Service')) {
        const names = [service.metadata.name, `${service.metadata.name}.${service.metadata.namespace}`, `${service.metadata.name}.${service.metadata.namespace}.svc`, `${service.metadata.name}.${service.metadata.namespace}.svc.cluster.local`]
        const fromNamespace = /^([a-z0-9-]+)\//.exec(request.from)?.[1]
        const meant = names.slice(1).includes(request.to) || (names[0] === request.to && service.metadata.namespace === fromNamespace) || valueAt(service, 'spec', 'clusterIP') === request.to
        if (!meant) continue
        const port = (valueAt(service, 'spec', 'ports') as { name?: string; port: number }[] | undefined)?.find((p) => p.port === request.port)
        if (!port) continue
        for (const slice of state.list('EndpointSlice', { namespace: service.metadata.namespace, labelSelector: `kubernetes.io/service-name=${service.metadata.name}` })) {
          const target = (slice['ports'] as { name?: string; port?: number }[] | undefined)?.find((p) => (p.name ?? '') === (port.name ?? ''))?.port
          for (const endpoint of (slice['endpoints'] as { addresses: string[]; conditions?: { ready?: boolean }; targetRef?: { name: string; namespace: string } }[] | undefined) ?? []) {
            if (endpoint.conditions?.ready !== false && endpoint.targetRef && target !== undefined) backends.push({ pod: `${endpoint.targetRef.namespace}/${endpoint.targetRef.name}`, port: target })
          }
        }
      }
    }
    for (const backend of backends) {
      const spot = findSpot(this.#sitting, backend.pod)
      const listening = spot?.machine.net.sockets.list().some((s) => s.protocol === request.protocol && (request.protocol === 'udp' || s.state === 'LISTEN') && s.local.endsWith(`:${backend.port}`))
      if (listening === true) return true
    }
    return false
  }
}

function probeResult(traced: Traced): Omit<ProbeResult, 'backendListens'> {
  const { outcome, cause } = traced
  const address = outcome.address === undefined ? {} : { address: outcome.address }
  if (outcome.ok) return { outcome: 'connected', ...address }
  if (outcome.error === 'EAI_NONAME') return { outcome: 'name-not-found' }
  const kind = outcome.error === 'ECONNREFUSED' ? 'refused' : outcome.error === 'ETIMEDOUT' ? 'timeout' : 'unreachable'
  return { outcome: kind, errno: outcome.error, ...address, ...(cause ? { cause: { kind: cause.kind, text: cause.text, ...(cause.rule === undefined ? {} : { rule: cause.rule }) } } : {}) }
}
