import { expect, test } from 'vitest'
import { ApiServer } from '#engine/api/server.ts'
import { bootstrapObjects, builtinKinds, schemas } from '#engine/kinds/all.ts'
import { kubeadmAdmission } from '#engine/kinds/admission/all.ts'
import { Host } from '#engine/machine/host.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { dialDirect } from '#programs/kubectl/client/direct.ts'
import { runKubectl } from '#programs/kubectl/kubectl.ts'

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace

const config = `apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: "https://172.30.1.2:6443"}}]
contexts: [{name: kubernetes-admin@kubernetes, context: {cluster: kubernetes, user: kubernetes-admin}}]
current-context: kubernetes-admin@kubernetes
users: [{name: kubernetes-admin, user: {}}]
`

/** A control plane without controllers and a workstation with kubectl on it. */
export function world() {
  const sim = new Sim({ seed: 'kubectl', start: Date.UTC(2026, 0, 1) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const server = new ApiServer({ sim, kinds: builtinKinds(), schemas, allowAll: true, bootstrap: bootstrapObjects({ now: '2026-01-01T00:00:00Z' }) })
  void kubeadmAdmission
  const dial = dialDirect(server, () => sim.woke())
  const host = new Host({ sim, network: {} as Network, hostname: 'workstation', net: net(), programs: new Map([['kubectl', (p) => runKubectl(p, dial)]]) })
  host.fs.mkdir('/root/.kube', { parents: true })
  host.fs.writeFile('/root/.kube/config', config)
  const kubectl = async (...args: string[]) => {
    let out = ''
    let err = ''
    const child = host.start({ argv: ['kubectl', ...args], output: { stdout: (t) => (out += t), stderr: (t) => (err += t) } })
    await runner.runWhile(() => child.status === undefined, 60_000)
    return { out, err, code: child.status?.code }
  }
  return { sim, server, host, kubectl }
}

test('create, get, apply, delete against a bare API server', async () => {
  const { host, kubectl } = world()
  expect(await kubectl('create', 'ns', 'shop')).toEqual({ out: 'namespace/shop created\n', err: '', code: 0 })
  expect(await kubectl('create', 'cm', 'a', '--from-literal=x=1', '-n', 'shop')).toEqual({ out: 'configmap/a created\n', err: '', code: 0 })
  expect(await kubectl('get', 'cm', '-nshop')).toEqual({ out: 'NAME   DATA   AGE\na      1      0s\n', err: '', code: 0 })
  expect(await kubectl('get', 'cm/a', 'cm/b', '-n', 'shop', '-o', 'name')).toEqual({ out: 'configmap/a\n', err: 'Error from server (NotFound): configmaps "b" not found\n', code: 1 })
  host.fs.writeFile('/root/web.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {a: "1"}\n')
  expect((await kubectl('apply', '-f', '/root/web.yaml')).out).toBe('configmap/web created\n')
  expect((await kubectl('apply', '-f', '/root/web.yaml')).out).toBe('configmap/web unchanged\n')
  host.fs.writeFile('/root/web.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {b: "1"}\n')
  expect((await kubectl('apply', '-f', '/root/web.yaml')).out).toBe('configmap/web configured\n')
  expect((await kubectl('get', 'cm', 'web', '-n', 'shop', '-o', 'jsonpath={.data}')).out).toBe('{"b":"1"}')
  expect(await kubectl('delete', 'cm', 'web', '-n', 'shop')).toEqual({ out: 'configmap "web" deleted from shop namespace\n', err: '', code: 0 })
  expect(await kubectl('get', 'pods')).toEqual({ out: '', err: 'No resources found in default namespace.\n', code: 0 })
  expect(await kubectl('get', 'podz')).toEqual({ out: '', err: 'error: the server doesn\'t have a resource type "podz"\n', code: 1 })
  expect((await kubectl('create', 'deployment', 'web', '--image=nginx:1.27', '--dry-run=client', '-o', 'yaml')).out).toBe(
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: web\n  name: web\n  namespace: default\nspec:\n  replicas: 1\n  selector:\n    matchLabels:\n      app: web\n  strategy: {}\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n      - image: nginx:1.27\n        name: nginx\n        resources: {}\nstatus: {}\n',
  )
})
