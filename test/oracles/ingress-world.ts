/**
 * A cluster with the ingress controller for its project's end-to-end cases: backends for the Services that cases name, the controller's ConfigMap and flags,
 * a client that asks it from a node, and the nginx.conf in its pod. One cluster serves all cases.
 */
import { encodeRequest, HttpReader } from '#base/http.ts'
import type { HttpResponseHead } from '#base/http.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { createCluster } from '#engine/cluster/create.ts'
import type { Cluster } from '#engine/cluster/create.ts'
import { trio } from '#engine/cluster/shapes.ts'
import { tlsConnect } from '#engine/machine/tls.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { sittingPrograms } from '#session/programs.ts'

 
type Loose = any

export const namespace = 'e2e'
const own = 'ingress-nginx'

export interface Reply {
  readonly status: number
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

const gvr = (group: string, version: string, resource: string) => ({ group, version, resource })
const kinds: Readonly<Record<string, ReturnType<typeof gvr>>> = {
  Ingress: gvr('networking.k8s.io', 'v1', 'ingresses'), IngressClass: gvr('networking.k8s.io', 'v1', 'ingressclasses'), ConfigMap: gvr('', 'v1', 'configmaps'), Service: gvr('', 'v1', 'services'), Deployment: gvr('apps', 'v1', 'deployments'), Namespace: gvr('', 'v1', 'namespaces'), Secret: gvr('', 'v1', 'secrets'),
}

export class IngressWorld {
  readonly cluster: Cluster
  readonly runner: Runner
  readonly sim: Sim
  readonly #services = new Set<string>()
  #args: readonly string[] = []
  #usualArgs: readonly string[] = []
  #address = ''

  private constructor() {
    this.sim = new Sim({ seed: 'ingress', start: Date.parse('2026-03-02T09:00:00Z') })
    this.runner = new Runner(this.sim, () => new Promise((resolve) => setImmediate(resolve)))
    this.cluster = createCluster({ sim: this.sim, spec: { ...trio, addons: ['coredns', 'ingress-nginx'] }, programs: sittingPrograms })
  }

  static async begin(): Promise<IngressWorld> {
    const w = new IngressWorld()
    await w.cluster.ready(w.runner)
    w.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    w.put({ apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: 'otherclass' }, spec: { controller: 'other.io/controller' } } as KubeObject)
    w.put({ apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: 'testclass' }, spec: { controller: 'k8s.io/ingress-nginx' } } as KubeObject)
    // The suite runs without the admission webhook.
    w.cluster.admin.delete(gvr('admissionregistration.k8s.io', 'v1', 'validatingwebhookconfigurations'), undefined, 'ingress-nginx-admission')
    w.#address = (w.get('Service', own, 'ingress-nginx-controller') as Loose).spec.clusterIP
    w.#usualArgs = (w.get('Deployment', own, 'ingress-nginx-controller') as Loose).spec.template.spec.containers[0].args
    return w
  }

  get(kind: string, ns: string | undefined, name: string): KubeObject | undefined {
    try {
      return this.cluster.admin.get(kinds[kind]!, ns, name)
    } catch (error) {
      if (error instanceof StatusError) return undefined
      throw error
    }
  }

  /** Creates it, or puts it in place of what is there. What the API refuses is told. */
  put(object: KubeObject): string | undefined {
    try {
      const there = this.get(object.kind, object.metadata.namespace, object.metadata.name)
      if (there) this.cluster.admin.update(kinds[object.kind]!, { ...object, metadata: { ...object.metadata, resourceVersion: there.metadata.resourceVersion! } })
      else this.cluster.admin.create(kinds[object.kind]!, object)
      return undefined
    } catch (error) {
      if (error instanceof StatusError) return error.message
      throw error
    }
  }

  remove(kind: string, name: string): void {
    try {
      this.cluster.admin.delete(kinds[kind]!, namespace, name)
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
    }
  }

  /** A Service of that name with one pod that tells what it was asked. */
  async backend(name: string, port: number): Promise<void> {
    if (this.#services.has(name)) return
    this.#services.add(name)
    const labels = { app: name }
    // httpbun answers /status/401 with 401.
    const bun = name.startsWith('httpbun')
    const fastCgi = name.startsWith('fastcgi')
    this.put({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [fastCgi ? { name: 'hello', image: 'registry.k8s.io/ingress-nginx/e2e-test-fastcgi-helloserver:v1.0.0' } : bun ? { name: 'echo', image: 'registry.k8s.io/gateway-api/conformance/echo-basic:v0.1.0', env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] } : { name: 'echo', image: 'drill/echo:2.0' }] } } } } as KubeObject)
    this.put({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: labels, ports: [{ port, targetPort: fastCgi ? 9000 : bun ? 3000 : 8080 }] } } as KubeObject)
    await this.runner.runFor(6000)
  }

  configure(data: Readonly<Record<string, string>>): void {
    this.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ingress-nginx-controller', namespace: own }, data } as KubeObject)
  }

  /** More flags than the usual ones; a change restarts the controller. */
  async flags(more: readonly string[]): Promise<void> {
    if (JSON.stringify(more) === JSON.stringify(this.#args)) return
    this.#args = more
    const names = new Set(more.map((a) => a.split('=')[0]))
    const args = [...this.#usualArgs.filter((a) => !names.has(a.split('=')[0]!)), ...more]
    this.cluster.admin.patch(kinds['Deployment']!, own, 'ingress-nginx-controller', { spec: { strategy: { type: 'Recreate', rollingUpdate: null }, template: { spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'controller', args }] } } } }, 'strategic')
    await this.runner.runFor(25_000)
  }

  /** Runs a command on the control plane; its standard output. */
  async command(...argv: string[]): Promise<string> {
    let text = ''
    const child = this.cluster.hosts.get('controlplane')!.start({ argv, env: { KUBECONFIG: '/etc/kubernetes/admin.conf', PATH: '/usr/bin:/bin:/usr/local/bin' }, background: false, output: { stdout: (t) => void (text += t), stderr: () => {} } })
    await this.runner.runWhile(() => child.status === undefined, 60_000)
    return text
  }

  conf(): Promise<string> {
    return this.command('kubectl', 'exec', '-n', own, 'deploy/ingress-nginx-controller', '--', 'cat', '/etc/nginx/nginx.conf')
  }

  async ask(request: { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly secure?: boolean }): Promise<Reply> {
    let reply: Reply = { status: 0, headers: new Map(), body: '' }
    const child = this.cluster.hosts.get('controlplane')!.start({
      argv: ['client'], background: false,
      program: async (p) => {
        try {
          const raw = await p.sockets.connect(this.#address, request.secure ? 443 : 80, { timeout: 3000 })
          const host = request.headers['Host'] ?? this.#address
          const connection: Connection = request.secure ? await tlsConnect(raw, { serverName: host, roots: [], insecure: true, now: p.now(), alpn: ['http/1.1'] }) : raw
          await connection.write(encodeRequest({ method: request.method, target: request.path, headers: { Host: host, 'User-Agent': 'Go-http-client/1.1', ...request.headers } }))
          const reader = new HttpReader(() => connection.read(), 'response')
          if (request.method === 'HEAD') reader.parser.noBody = true
          const message = await reader.message()
          connection.close()
          if (!message || 'error' in message) return 0
          const headers = new Map<string, string[]>()
          for (const [k, v] of (message.head as HttpResponseHead).headers.list) headers.set(k.toLowerCase(), [...(headers.get(k.toLowerCase()) ?? []), v])
          reply = { status: (message.head as HttpResponseHead).status, headers, body: message.body }
        } catch {
          // No answer at all: status 0.
        }
        return 0
      },
    })
    await this.runner.runWhile(() => child.status === undefined, 120_000)
    return reply
  }
}
