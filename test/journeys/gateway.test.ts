/** The Gateway API as a learner uses it: class, Gateway, routes, what the objects say, what comes back. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Sitting } from '#session/sitting.ts'
import { sandbox } from '../world.ts'

let s: Sitting
const run = async (command: string) => (await s.perform(command)).stdout
/** Applies YAML and waits a little. */
const apply = (yaml: string, wait = 2) => run(`kubectl apply -f - <<'END'\n${yaml}\nEND\nsleep ${wait}`)
const condition = (what: string, type: string) => run(`kubectl get ${what} -o jsonpath='{.status.parents[0].conditions[?(@.type=="${type}")].reason}'`)
const ask = async (flags: string, path = '/') => (await run(`ssh outside "curl -s -o /dev/null -w '%{http_code} %{redirect_url}' ${flags} http://$(kubectl get gtw town -o jsonpath='{.status.addresses[0].value}')${path}"`)).trim()
const seen = async (flags: string, path = '/') => JSON.parse(await run(`ssh outside "curl -s ${flags} http://$(kubectl get gtw town -o jsonpath='{.status.addresses[0].value}')${path}"`)) as { hostname: string; path: string; host: string; headers: Record<string, string> }

const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: town}
spec:
  gatewayClassName: drill
  listeners:
  - {name: http, port: 80, protocol: HTTP, hostname: "*.example"}`
const route = (name: string, rules: string, host = 'library.example') => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ${name}}
spec:
  parentRefs: [{name: town}]
  hostnames: ["${host}"]
  rules:
${rules}`

describe('a cluster with a gateway controller', () => {
  beforeAll(async () => {
    s = await sandbox('trio-gateway')
    await run('for n in library clerk; do kubectl create deployment $n --image=drill/echo:2.0; kubectl expose deployment $n --port 8080; done; kubectl rollout status deployment library clerk')
  })

  test('the class is accepted, and a Gateway of it gets proxies and an address of the pool', async () => {
    expect(await run('kubectl get gatewayclass --no-headers')).toMatch(/^drill +kubedrill\.dev\/gateway-controller +True +\S+\n$/)
    await apply(gateway, 10)
    expect(await run('kubectl get gtw town --no-headers')).toMatch(/^town +drill +172\.20\.10\.2\d\d +True +\d+s\n$/)
    expect(await run('kubectl get deploy,svc -l gateway.networking.k8s.io/gateway-name=town -o name')).toBe('deployment.apps/town-drill\nservice/town-drill\n')
    expect(await ask("-H 'Host: library.example'")).toBe('404')
  })

  test('routes: the longer prefix wins, whole elements only; other hosts are not found', async () => {
    await apply(route('library', '  - matches: [{path: {value: /admin}}]\n    backendRefs: [{name: clerk, port: 8080}]\n  - backendRefs: [{name: library, port: 8080}]'))
    expect(await condition('httproute library', 'Accepted')).toBe('Accepted')
    expect(await run("kubectl get gtw town -o jsonpath='{.status.listeners[0].attachedRoutes}'")).toBe('1')
    const answers = []
    for (const path of ['/', '/admin', '/admin/x', '/administer']) answers.push((await seen("-H 'Host: library.example'", path)).hostname.replace(/-.*/, ''))
    expect(answers).toEqual(['library', 'clerk', 'clerk', 'library'])
    expect(await ask("-H 'Host: other.example'")).toBe('404')
  })

  test('filters: a redirect keeps the path, a rewrite changes it, headers come and go', async () => {
    await apply(route('filters', `  - matches: [{path: {value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}, statusCode: 301}}]
  - matches: [{path: {value: /api}}]
    filters:
    - {type: URLRewrite, urlRewrite: {hostname: inner.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-zone, value: north}], remove: [x-bad]}}
    backendRefs: [{name: library, port: 8080}]`, 'filters.example'))
    expect(await ask("-H 'Host: filters.example'", '/old/x?q=1')).toBe('301 http://filters.example/new/x?q=1')
    expect(await seen("-H 'Host: filters.example' -H 'X-Bad: 1'", '/api/v1/items')).toMatchObject({ path: '/v1/items', host: 'inner.example', headers: { 'x-zone': 'north' } })
    expect((await seen("-H 'Host: filters.example' -H 'X-Bad: 1'", '/api')).headers['x-bad']).toBe(undefined)
  })

  test('what cannot be: unknown backend, wrong port, a namespace without a grant, a host that no listener has', async () => {
    await apply(route('nobody', '  - backendRefs: [{name: nobody, port: 8080}]', 'nobody.example'))
    await apply(route('port', '  - backendRefs: [{name: library, port: 80}]', 'port.example'))
    await apply(route('far', '  - backendRefs: [{name: kube-dns, namespace: kube-system, port: 53}]', 'far.example'))
    await apply(route('host', '  - backendRefs: [{name: library, port: 8080}]', 'library.test'))
    expect([await condition('httproute nobody', 'ResolvedRefs'), await condition('httproute port', 'ResolvedRefs'), await condition('httproute far', 'ResolvedRefs'), await condition('httproute host', 'Accepted')]).toEqual(['BackendNotFound', 'BackendNotFound', 'RefNotPermitted', 'NoMatchingListenerHostname'])
    expect([await ask("-H 'Host: nobody.example'"), await ask("-H 'Host: port.example'"), await ask("-H 'Host: far.example'")]).toEqual(['500', '500', '500'])
    await run('kubectl scale deployment clerk --replicas 0; sleep 4')
    expect(await ask("-H 'Host: library.example'", '/admin')).toBe('503')
  })

  test('the proxy goes on while the controller is away, and the address is given back with the Gateway', async () => {
    await run('kubectl -n gateway-system scale deployment drill-gateway-controller --replicas 0; sleep 5')
    expect(await ask("-H 'Host: library.example'")).toBe('200')
    await run('kubectl -n gateway-system scale deployment drill-gateway-controller --replicas 1; kubectl -n gateway-system rollout status deployment drill-gateway-controller; kubectl delete gtw town; sleep 5')
    expect(await run('kubectl get deploy,svc,sa -l gateway.networking.k8s.io/gateway-name=town -o name')).toBe('')
    expect(await condition('httproute library', 'Accepted')).toBe('')
    expect(await run("ssh node01 ip -4 addr show eth0 | grep -c '/32'; ssh node02 ip -4 addr show eth0 | grep -c '/32'")).toBe('0\n0\n')
  })
})
