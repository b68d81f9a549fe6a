import { expect, test } from 'vitest'
import { ApiServer } from '#engine/api/server.ts'
import { bootstrapObjects, builtinKinds, schemas } from '#engine/kinds/all.ts'
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
  for (const args of [['get', 'pod', 'a'], ['get', 'pod', 'a', '-o', 'yaml'], ['describe', 'pod', 'a']]) expect(await kubectl(...args, '-n', 'none')).toEqual({ out: '', err: 'Error from server (NotFound): namespaces "none" not found\n', code: 1 })
  expect(await kubectl('get', 'podz')).toEqual({ out: '', err: 'error: the server doesn\'t have a resource type "podz"\n', code: 1 })
  expect((await kubectl('create', 'deployment', 'web', '--image=nginx:1.27', '--dry-run=client', '-o', 'yaml')).out).toBe(
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: web\n  name: web\n  namespace: default\nspec:\n  replicas: 1\n  selector:\n    matchLabels:\n      app: web\n  strategy: {}\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n      - image: nginx:1.27\n        name: nginx\n        resources: {}\nstatus: {}\n',
  )
})

const pod = (name: string, labels = '') => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: default${labels}}\nspec: {containers: [{name: main, image: "nginx:1.27", ports: [{containerPort: 80, name: http}]}]}\n`

test('labels, patches and selectors', async () => {
  const { host, kubectl } = world()
  host.fs.writeFile('/root/pods.yaml', `${pod('jar', ', labels: {food: jam}')}---\n${pod('tin')}`)
  expect((await kubectl('create', '-f', '/root/pods.yaml')).out).toBe('pod/jar created\npod/tin created\n')
  expect((await kubectl('label', 'pod', 'jar', 'taste=sweet')).out).toBe('pod/jar labeled\n')
  expect((await kubectl('label', 'pod', 'jar', 'taste=sour')).err).toBe("error: 'taste' already has a value (sweet), and --overwrite is false\n")
  expect((await kubectl('label', 'pod', 'jar', 'taste-', 'nothing-')).out).toBe('label "nothing" not found.\npod/jar unlabeled\n')
  expect((await kubectl('annotate', 'pods', '--all', 'team=red')).out).toBe('pod/jar annotated\npod/tin annotated\n')
  expect((await kubectl('patch', 'pod', 'jar', '-p', '{"metadata":{"labels":{"food":"jam"}}}')).out).toBe('pod/jar patched (no change)\n')
  expect((await kubectl('get', 'pods', '-l', 'food=jam', '--no-headers', '-o', 'custom-columns=N:.metadata.name,L:.metadata.labels')).out).toBe('jar   map[food:jam]\n')
  expect((await kubectl('get', 'po,svc', 'jar')).err).toBe('Error from server (NotFound): services "jar" not found\n')
  expect((await kubectl('expose', 'pod', 'jar', '--name=door')).out).toBe('service/door exposed\n')
  expect((await kubectl('get', 'svc', 'door', '-o', 'jsonpath={.spec.ports} {.spec.selector}')).out).toBe('[{"port":80,"protocol":"TCP","targetPort":80}] {"food":"jam"}')
})
test('a deployment through set, scale, rollout and diff', async () => {
  const { host, kubectl } = world()
  expect((await kubectl('create', 'deployment', 'fern', '--image=nginx:1.27')).out).toBe('deployment.apps/fern created\n')
  expect((await kubectl('set', 'image', 'deploy/fern', 'nginx=nginx:1.28')).out).toBe('deployment.apps/fern image updated\n')
  expect(await kubectl('set', 'image', 'deploy/fern', 'nginx=nginx:1.28')).toEqual({ out: '', err: '', code: 0 })
  expect((await kubectl('set', 'image', 'deploy/fern', 'web=nginx:1.28')).err).toBe('error: unable to find container named "web"\n')
  expect((await kubectl('set', 'env', 'deploy/fern', 'COLOR=green')).out).toBe('deployment.apps/fern env updated\n')
  expect((await kubectl('set', 'env', 'deploy/fern', '--list')).out).toBe('# Deployment fern, container nginx\nCOLOR=green\n')
  expect((await kubectl('scale', 'deploy', 'fern', '--replicas=3')).out).toBe('deployment.apps/fern scaled\n')
  expect((await kubectl('rollout', 'pause', 'deploy/fern')).out).toBe('deployment.apps/fern paused\n')
  expect((await kubectl('rollout', 'restart', 'deploy/fern')).err).toBe('error: deployments.apps "fern" can\'t restart paused deployment (run rollout resume first)\n')
  expect((await kubectl('rollout', 'status', 'deploy/fern', '--timeout=1s')).err).toBe('error: timed out waiting for the condition\n')
  host.fs.writeFile('/root/cm.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: heat}\ndata: {a: "1", b: "2"}\n')
  await kubectl('apply', '-f', '/root/cm.yaml')
  expect((await kubectl('diff', '-f', '/root/cm.yaml'))).toEqual({ out: '', err: '', code: 0 })
  host.fs.writeFile('/root/cm.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: heat}\ndata: {a: "1", b: "3"}\n')
  const { out, code } = await kubectl('diff', '-f', '/root/cm.yaml')
  expect([out.split('\n').filter((l) => /^[-+] /.test(l)), code]).toEqual([['-  b: "2"', '+  b: "3"'], 1])
})
test('kubeconfig entries are shown and changed', async () => {
  const { host, kubectl } = world()
  expect((await kubectl('config', 'set-context', '--current', '--namespace=shop')).out).toBe('Context "kubernetes-admin@kubernetes" modified.\n')
  expect((await kubectl('config', 'get-contexts')).out).toBe('CURRENT   NAME                          CLUSTER      AUTHINFO           NAMESPACE\n*         kubernetes-admin@kubernetes   kubernetes   kubernetes-admin   shop\n')
  expect((await kubectl('get', 'pods')).err).toBe('No resources found in shop namespace.\n')
  expect((await kubectl('config', 'use-context', 'nothing')).err).toBe('error: no context exists with the name: "nothing"\n')
  expect((await kubectl('get', 'pods', '--context=nothing')).err).toBe('Error in configuration: context was not found for specified context: nothing\n')
  expect(host.fs.readFile('/root/.kube/config')).toContain('namespace: shop')
})
test('describe and explain', async () => {
  const { host, kubectl } = world()
  host.fs.writeFile('/root/np.yaml', 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: gate}\nspec:\n  podSelector: {matchLabels: {app: keep}}\n  policyTypes: [Ingress, Egress]\n  ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80}]}]\n')
  await kubectl('apply', '-f', '/root/np.yaml')
  expect((await kubectl('describe', 'netpol', 'gate')).out).toBe(`Name:         gate
Namespace:    default
Created on:   2026-01-01 00:00:00 +0000 UTC
Labels:       <none>
Annotations:  <none>
Spec:
  PodSelector:     app=keep
  Allowing ingress traffic:
    To Port: 80/TCP
    From:
      PodSelector: <none>
    From:
      IPBlock:
        CIDR: 10.0.0.0/8
        Except: 10.1.0.0/16
  Allowing egress traffic:
    <none> (Selected pods are isolated for egress connectivity)
  Policy Types: Ingress, Egress
`)
  expect((await kubectl('explain', 'netpol.spec.policyTypes')).out.split('\n').slice(0, 6)).toEqual(['GROUP:      networking.k8s.io', 'KIND:       NetworkPolicy', 'VERSION:    v1', '', 'FIELD: policyTypes <[]string>', ''])
  expect((await kubectl('describe', 'pod', 'nobody')).err).toBe('Error from server (NotFound): pods "nobody" not found\n')
})
test('completion offers commands, types, names and flags', async () => {
  const { kubectl } = world()
  expect((await kubectl('__complete', 'rollout', '')).out).toBe('history\npause\nrestart\nresume\nstatus\nundo\n:4\n')
  expect((await kubectl('__complete', 'get', 'd')).out).toBe('daemonsets.apps\ndeployments.apps\ndeviceclasses.resource.k8s.io\n:4\n')
  expect((await kubectl('__complete', 'get', 'ns', 'kube-p')).out).toBe('kube-public\n:4\n')
  expect((await kubectl('__complete', 'create', 'deployment', 'x', '--im')).out).toBe('--image\n:4\n')
  expect((await kubectl('__complete', 'logs', 'po')).out).toBe('pods/\n:6\n')
  expect((await kubectl('__complete', 'get', 'pods', '-n', 'def')).out).toBe('default\n:4\n')
})
