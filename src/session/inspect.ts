/** The Inspect port over the simulated cluster. It works on a sitting that may be changed (a fork), never on the learner's own. */
import type { CommandResult, DnsResult, HttpRequest, HttpResult, Inspect, ProbeRequest, ProbeResult, Resource, TlsRequest, TlsResult } from '#course/inspect.ts'
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { TlsError, tlsConnect } from '#engine/machine/tls.ts'
import { connectFrom } from './client.ts'
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
    const url = requestTarget(request.url)
    return this.#talk(request.from, url.host, url.port, request.timeout, async (process, connection) => {
      const stream = url.tls ? await tlsConnect(connection, { serverName: request.host ?? url.host, roots: decodeCertificates(request.ca ?? ''), insecure: request.ca === undefined, alpn: ['http/1.1'], now: process.now() }) : connection
      const response = await exchange(stream, request, url)
      return response && { ok: true as const, ...response }
    })
  }

  tls(request: TlsRequest): Promise<TlsResult> {
    return this.#talk(request.from, request.to, request.port, request.timeout, async (process, connection) => {
      const { peerChain, verifyProblem } = await tlsConnect(connection, { serverName: request.name, roots: decodeCertificates(request.ca), insecure: true, now: process.now() })
      const [leaf] = peerChain
      return leaf && { ok: true as const, subject: leaf.subject.commonName, issuer: leaf.issuer.commonName, names: [...leaf.dnsNames, ...leaf.ipAddresses], ...(verifyProblem ? { problem: verifyProblem.go } : {}) }
    })
  }

  /** Connects from a place and lets `talk` have the connection; where nothing comes of it, a second attempt is traced for the cause. */
  async #talk<T>(from: string, host: string, port: number, timeout: number, talk: (process: Process, connection: Connection) => Promise<T | undefined>): Promise<T | { readonly ok: false; readonly probe: ProbeResult; readonly tls?: string }> {
    const sitting = this.#sitting
    const spot = findSpot(sitting, from)
    if (!spot) return { ok: false, probe: { outcome: 'no-such-place', backendListens: false } }
    let answer: T | undefined
    let refused: string | undefined
    await sitting.run(spot.machine, spot.user, ['probe'], {
      cwd: '/',
      limit: timeout * 1000 + 60_000,
      program: async (process) => {
        const outcome = await connectFrom(process, host, port, 'tcp', timeout)
        if (!outcome.ok || !outcome.connection) return 1
        const talking = talk(process, outcome.connection).then(
          (said) => void (answer = said),
          (error: unknown) => {
            if (error instanceof TlsError) refused = error.go
            else if (!(error instanceof FsError)) throw error
          },
        )
        await process.any([talking, process.sleep(timeout * 1000)])
        outcome.connection.close()
        return answer === undefined ? 1 : 0
      },
    })
    if (answer !== undefined) return answer
    const probe = await this.probe({ from, to: host, port, protocol: 'tcp', timeout })
    if (refused !== undefined) return { ok: false, probe, tls: refused }
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
