/** Checks that speak TLS, against the API server of a cluster and a server that speaks none. */
import { beforeAll, expect, test } from 'vitest'
import { checks } from '#course/checks/table.ts'
import { checkKinds } from '#course/schema/lab.ts'
import { ClusterInspect } from '#session/inspect.ts'
import { sandbox } from '../world.ts'

const ca = { host: 'controlplane', path: '/etc/kubernetes/pki/ca.crt' }
let inspect: ClusterInspect

beforeAll(async () => {
  const sitting = await sandbox('trio', 'tls-check')
  await sitting.perform('kubectl run web --image=nginx:1.27 && kubectl wait --for=condition=Ready pod/web')
  inspect = new ClusterInspect(sitting)
})

const tls = async (demand: object) => {
  const { pass, observed } = await checks.tls(checkKinds.tls.parse({ from: 'host:base', to: '172.20.10.11', port: 6443, name: 'kubernetes', ca, ...demand }), inspect)
  return [pass, observed]
}
const http = async (demand: object) => {
  const { pass, observed } = await checks.http(checkKinds.http.parse({ from: 'host:base', url: 'https://172.20.10.11:6443/healthz', ...demand }), inspect)
  return [pass, observed]
}

test('the certificate that is shown, and who vouches for it', async () => {
  const names = 'controlplane, kubernetes, kubernetes.default, kubernetes.default.svc, kubernetes.default.svc.cluster.local, 10.96.0.1, 172.20.10.11'
  const shown = `a certificate of kube-apiserver for ${names}, issued by kubernetes`
  expect(await tls({})).toEqual([true, shown])
  expect(await tls({ trusted: false })).toEqual([false, shown])
  const [pass, observed] = await tls({ name: 'pay.till.example' })
  expect([pass, observed]).toEqual([false, `${shown}: x509: certificate is valid for controlplane, kubernetes, kubernetes.default, kubernetes.default.svc, kubernetes.default.svc.cluster.local, not pay.till.example`])
  expect(await tls({ name: 'pay.till.example', trusted: false })).toEqual([true, observed])
  expect(await tls({ ca: { host: 'controlplane', path: '/etc/kubernetes/pki/front-proxy-ca.crt' } })).toEqual([false, `${shown}: x509: certificate signed by unknown authority`])
  expect(await tls({ ca: { host: 'controlplane', path: '/no' } })).toEqual([false, 'there is no /no on controlplane'])
})

test('https is spoken, and verified where the check says by whom', async () => {
  expect(await http({ contains: 'ok' })).toEqual([true, 'HTTP 200'])
  expect(await http({ ca })).toEqual([true, 'HTTP 200'])
  expect(await http({ ca, host: 'pay.till.example' })).toEqual([false, expect.stringContaining('tls: failed to verify certificate: x509: certificate is valid for controlplane')])
  expect(await http({ answers: { 'Content-Type': 'text/html' } })).toEqual([false, 'HTTP 200 with Content-Type: text/plain; charset=utf-8'])
  expect(await http({ answers: { Location: '/' } })).toEqual([false, 'HTTP 200 without Location'])
})

test('plain against TLS, either way', async () => {
  const address = (await inspect.get('Pod', 'default', 'web'))!['status'] as { podIP: string }
  expect(await http({ from: 'default/web', url: `https://${address.podIP}:80/` })).toEqual([false, 'http: server gave HTTP response to HTTPS client'])
  expect(await tls({ from: 'default/web', to: address.podIP, port: 80 })).toEqual([false, 'http: server gave HTTP response to HTTPS client'])
  expect(await http({ url: 'http://172.20.10.11:6443/' })).toEqual([false, 'HTTP 400'])
  expect(await http({ from: 'default/web', url: `https://${address.podIP}/` })).toEqual([false, `connection refused by ${address.podIP}`])
})
