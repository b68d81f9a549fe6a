/**
 * A cluster with the gateway controller for the Gateway API's conformance cases: the suite's base objects and certificates, and a client that asks a
 * Gateway over real connections from a node. One cluster serves all cases; each case's objects are taken away after it, as the suite does.
 */
import { toBase64 } from '#base/bytes.ts'
import { encodeRequest, HttpReader } from '#base/http.ts'
import type { HttpRequestHead, HttpResponseHead } from '#base/http.ts'
import { preface } from '#engine/addons/gateway/http-proxy.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { createCluster } from '#engine/cluster/create.ts'
import type { Cluster } from '#engine/cluster/create.ts'
import { trio } from '#engine/cluster/shapes.ts'
import { encodeCertificate, encodeKey, issueCertificate } from '#engine/machine/certificates.ts'
import type { KeyPair } from '#engine/machine/certificates.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { loadIdentity, tlsConnect } from '#engine/machine/tls.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { parseYamlDocuments } from '#base/yaml.ts'
import { sittingPrograms } from '#session/programs.ts'

export const infra = 'gateway-conformance-infra'


export interface Ask {
  readonly address: string
  readonly port: number
  readonly host?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Server name; undefined: no TLS. */
  readonly sni?: string
  /** Secret `namespace/name` to show. */
  readonly client?: string
  readonly http2?: boolean
  readonly grpc?: boolean
}

export interface Got {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** What the echo server said it was asked. */
   
  readonly echo: any
  readonly failed?: string
}

 
type Loose = any

export class GatewayWorld {
  readonly cluster: Cluster
  readonly runner: Runner
  readonly sim: Sim
  readonly #ca: KeyPair
  #pairs = new Map<string, KeyPair>()

  /** An address of the pool that nobody has. */
  readonly usableAddress = '172.20.10.240'

  private constructor() {
    this.sim = new Sim({ seed: 'gateway', start: Date.parse('2026-03-02T09:00:00Z') })
    this.runner = new Runner(this.sim, () => new Promise((resolve) => setImmediate(resolve)))
    this.cluster = createCluster({ sim: this.sim, spec: { ...trio, addons: ['coredns', 'address-pool', 'gateway-experimental'] }, programs: sittingPrograms })
    this.#ca = issueCertificate(this.sim.random.fork('ca'), { commonName: 'conformance', isCa: true }, { now: this.sim.now, days: 365 })
  }

  static async begin(base: string): Promise<GatewayWorld> {
    const world = new GatewayWorld()
    await world.cluster.ready(world.runner)
    await world.apply(base)
    world.#certificates()
    await world.runner.runFor(40_000)
    return world
  }

  /** What the suite makes before its cases. */
  #certificates(): void {
    const web = 'gateway-conformance-web-backend'
    this.secret(web, 'certificate', ['*'])
    this.secret(infra, 'tls-validity-checks-certificate', ['*', '*.org', 'example.org', 'second-example.org', 'unknown-example.org'])
    this.secret(infra, 'tls-passthrough-checks-certificate', ['abc.example.com'])
    this.secret(infra, 'tls-terminate-checks-certificate', ['*', '*.example.com', 'tls.example.com'])
    this.secret('gateway-conformance-app-backend', 'tls-passthrough-checks-certificate', ['abc.example.com'])
    this.secret(infra, 'tls-checks-certificate', ['abc.example.com', 'spiffe://abc.example.com/test-identity', 'other.example.com'])
    this.authority(infra, 'tls-checks-ca-certificate', this.#ca)
    this.authority(infra, 'mismatch-ca-certificate', this.#issue('mismatch', [], true))
    for (const part of ['', 'per-port-']) {
      const ca = this.#issue(`clients ${part}`, [], true)
      this.authority(infra, `tls-validity-checks-${part}ca-certificate`, ca)
      this.secret(infra, `tls-validity-checks-${part}client-certificate`, [], ca)
    }
    this.authority(web, 'web-backend-cm', this.#ca)
  }

  #issue(name: string, dnsNames: readonly string[], isCa: boolean, issuer?: KeyPair): KeyPair {
    return issueCertificate(this.sim.random.fork(`cert ${name}`), { commonName: name, dnsNames, isCa, usages: isCa ? [] : ['server auth', 'client auth'] }, { now: this.sim.now, days: 365, ...(issuer && { issuer }) })
  }

  secret(namespace: string, name: string, dnsNames: readonly string[], issuer: KeyPair = this.#ca): void {
    const pair = this.#issue(`${namespace}/${name}`, dnsNames, false, issuer)
    this.#pairs.set(`${namespace}/${name}`, pair)
    this.#create({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'kubernetes.io/tls', data: { 'tls.crt': toBase64(encodeCertificate(pair.certificate)), 'tls.key': toBase64(encodeKey(pair.keyId)) } })
  }

  authority(namespace: string, name: string, pair: KeyPair): void {
    this.#create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { 'ca.crt': encodeCertificate(pair.certificate) } })
  }

  #gvr(object: { readonly apiVersion: string; readonly kind: string }) {
    const kind = this.cluster.api.kinds.find((k) => k.kind === object.kind && `${k.group ? `${k.group}/` : ''}${k.version}` === object.apiVersion)
    if (!kind) throw new Error(`no kind ${object.apiVersion} ${object.kind}`)
    return { group: kind.group, version: kind.version, resource: kind.plural }
  }

  #create(object: KubeObject): void {
    this.cluster.admin.create(this.#gvr(object), object)
  }

  /** Applies a file's objects and returns them. */
  async apply(text: string): Promise<KubeObject[]> {
    const objects = (parseYamlDocuments(text.replaceAll('"{GATEWAY_CLASS_NAME}"', 'drill').replaceAll('{GATEWAY_CLASS_NAME}', 'drill')) as (KubeObject | null)[]).filter((o): o is KubeObject => o !== null && typeof o === 'object')
    for (const object of objects) {
      try {
        this.#create(object)
      } catch (error) {
        if (!(error instanceof StatusError) || error.status.reason !== 'AlreadyExists') throw error
      }
      await this.runner.runFor(10)
    }
    return objects
  }

  async remove(objects: readonly KubeObject[]): Promise<void> {
    for (const object of [...objects].reverse()) {
      if (object.kind === 'Namespace') continue
      try {
        this.cluster.admin.delete(this.#gvr(object), object.metadata.namespace ?? undefined, object.metadata.name)
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
      }
    }
    await this.runner.runFor(8000)
  }

  get(object: { readonly apiVersion: string; readonly kind: string }, namespace: string, name: string): Loose {
    try {
      return this.cluster.admin.get(this.#gvr(object), namespace, name)
    } catch (error) {
      if (error instanceof StatusError) return undefined
      throw error
    }
  }

  patch(object: { readonly apiVersion: string; readonly kind: string }, namespace: string, name: string, patch: unknown): void {
    this.cluster.admin.patch(this.#gvr(object), namespace, name, patch, 'merge')
  }

  /** Until all said Gateways have proxies that work, but no longer than a while. */
  async settle(gateways: readonly { readonly namespace: string; readonly name: string }[]): Promise<void> {
    const done = () => gateways.every((g) => (this.get({ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway' }, g.namespace, g.name)?.status?.conditions ?? []).some((c: Loose) => c.type === 'Programmed' && c.status === 'True'))
    for (let i = 0; i < 15 && !done(); i++) await this.runner.runFor(1000)
    await this.runner.runFor(1500)
  }

  /** Runs a program on a node to its end. */
  async run<T>(program: (process: Process) => Promise<T>): Promise<T> {
    let result: T | undefined
    let problem: unknown
    const child = this.cluster.hosts.get('controlplane')!.start({
      argv: ['client'], background: false,
      program: async (p) => {
        try {
          result = await program(p)
        } catch (error) {
          problem = error
        }
        return 0
      },
    })
    await this.runner.runWhile(() => child.status === undefined, 60_000)
    if (problem !== undefined) throw problem instanceof Error ? problem : new Error(JSON.stringify(problem))
    return result as T
  }

  async connect(p: Process, a: Ask): Promise<Connection> {
    const raw = await p.sockets.connect(a.address, a.port, { timeout: 3000 })
    if (a.sni === undefined) return raw
    const pair = a.client === undefined ? undefined : this.#pairs.get(a.client)
    const identity = pair && loadIdentity(encodeCertificate(pair.certificate), encodeKey(pair.keyId))
    return tlsConnect(raw, { serverName: a.sni, roots: [this.#ca.certificate], insecure: true, now: p.now(), alpn: a.http2 || a.grpc ? ['h2'] : ['http/1.1'], ...(identity?.ok && { identity: identity.identity }) })
  }

  ask(a: Ask): Promise<Got> {
    return this.run(async (p) => {
      try {
        const connection = await this.connect(p, a)
        await connection.write((a.http2 || a.grpc ? preface : '') + encodeRequest({ method: a.method ?? 'GET', target: a.path ?? '/', headers: { Host: a.host ?? a.address, 'User-Agent': 'Go-http-client/1.1', ...a.headers } }))
        const reader = new HttpReader(() => connection.read(), 'response')
        if (a.method === 'HEAD') reader.parser.noBody = true
        const message = await reader.message()
        connection.close()
        if (!message || 'error' in message) return { status: 0, headers: new Map(), body: '', echo: undefined, failed: 'no answer' }
        const head = message.head as HttpResponseHead
        const headers = new Map<string, string>()
        for (const [k, v] of head.headers.list) headers.set(k.toLowerCase(), headers.has(k.toLowerCase()) ? `${headers.get(k.toLowerCase())},${v}` : v)
        let echo: Loose
        try {
          echo = JSON.parse(message.body)
        } catch {
          echo = undefined
        }
        return { status: head.status, headers, body: message.body, echo: echo?.assertions ?? echo }
      } catch (error) {
        return { status: 0, headers: new Map(), body: '', echo: undefined, failed: String((error as Error).message) }
      }
    })
  }

  /** How often the pods of a Deployment have logged a request for a path. */
  async echoed(namespace: string, name: string, path: string): Promise<number> {
    let text = ''
    const child = this.cluster.hosts.get('controlplane')!.start({ argv: ['kubectl', 'logs', '-n', namespace, '-l', `app=${name}`, '--tail=-1'], env: { KUBECONFIG: '/etc/kubernetes/admin.conf', PATH: '/usr/bin:/bin:/usr/local/bin' }, background: false, output: { stdout: (t) => void (text += t), stderr: () => {} } })
    await this.runner.runWhile(() => child.status === undefined, 60_000)
    return text.split('\n').filter((l) => l.includes(`Echoing back request made to ${path} `)).length
  }

  /** A line to a TCP port (through TLS where `sni`), and the first that comes back. */
  talk(a: Ask, text: string): Promise<string | undefined> {
    return this.run(async (p) => {
      try {
        const connection = await this.connect(p, a)
        await connection.write(text)
        const answer = await connection.read()
        connection.close()
        return answer
      } catch {
        return undefined
      }
    })
  }

  datagram(address: string, port: number, text: string): Promise<string | undefined> {
    return this.run(async (p) => {
      const socket = p.sockets.udp()
      socket.connect(address, port)
      try {
        await socket.send(text)
        return (await socket.receive(2000))?.data
      } catch {
        return undefined
      } finally {
        socket.close()
      }
    })
  }
}

export type { HttpRequestHead }
