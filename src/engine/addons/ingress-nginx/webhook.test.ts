import { expect, test } from 'vitest'
import { StatusError } from '#engine/api/types.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { buildApiServer } from '#engine/kinds/build.ts'
import { Sim } from '#engine/sim/sim.ts'
import { ClusterView } from './cluster-view.ts'
import { ingressNginxManifests } from './manifests.ts'
import { Settings } from './settings.ts'
import type { Ingress } from './types.ts'
import { checkIngress, webhook } from './webhook.ts'

const ingress = (name: string, path: string, pathType = 'Prefix', annotations: Record<string, string> = {}, host?: string): Ingress => ({
  apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name, namespace: 'shop', annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`nginx.ingress.kubernetes.io/${k}`, v])) },
  spec: { ingressClassName: 'nginx', rules: [{ ...(host !== undefined && { host }), http: { paths: [{ path, pathType, backend: { service: { name: 'web', port: { number: 80 } } } }] } }] },
})
const check = (i: Ingress, others: readonly Ingress[] = [], data: Record<string, string> = {}) => checkIngress(i, new Settings(data), others)

test('a host and path belongs to one Ingress; itself, other types and canaries do not count', () => {
  const there = [ingress('web', '/a', 'Prefix', {}, 'a.test')]
  expect([check(ingress('two', '/a', 'Prefix', {}, 'a.test'), there), check(ingress('web', '/a', 'Prefix', {}, 'a.test'), there), check(ingress('two', '/a', 'Exact', {}, 'a.test'), there), check(ingress('two', '/a', 'Prefix', { canary: 'true' }, 'a.test'), there), check(ingress('two', '/'), [ingress('web', '/')])]).toEqual([
    'host "a.test" and path "/a" is already defined in ingress shop/web', undefined, undefined, undefined, 'host "_" and path "/" is already defined in ingress shop/web',
  ])
})

test('an expression as a path needs pathType ImplementationSpecific, unless that is not asked for', () => {
  const path = '/api(/|$)(.*)'
  expect([check(ingress('a', path)), check(ingress('a', path, 'ImplementationSpecific')), check(ingress('a', path, 'Exact'), [], { 'strict-validate-path-type': 'false' }), check(ingress('a', '/v1.2/a_b-c'))]).toEqual([`ingress contains invalid paths: path ${path} cannot be used with pathType Prefix`, undefined, undefined, undefined])
})

test('the API server asks it, and says what it said; without anybody at the end of the road nothing is let in', () => {
  const sim = new Sim({ seed: 'webhook', start: Date.UTC(2026, 0, 1) })
  const server = buildApiServer({ sim, version: 'v1.35.4', serviceCidr: '10.96.0.0/12', advertiseAddress: '10.0.0.1:6443', caCertificate: '' })
  const api = server.client({ name: 'admin', groups: ['system:masters', 'system:authenticated'] })
  const put = (object: KubeObject) => {
    const kind = server.kinds.find((k) => k.kind === object.kind && `${k.group ? `${k.group}/` : ''}${k.version}` === object.apiVersion)!
    try {
      api.create({ group: kind.group, version: kind.version, resource: kind.plural }, object)
      sim.runUntil(sim.now + 1000)
      return 'created'
    } catch (error) {
      if (error instanceof StatusError) return `${error.status.code} ${error.status.reason}: ${error.message}`
      throw error
    }
  }
  put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  for (const object of ingressNginxManifests()) put(object)
  const first = ingress('web', '/a', 'Prefix', {}, 'a.test')
  const address = (api.get({ group: '', version: 'v1', resource: 'services' }, 'ingress-nginx', 'ingress-nginx-controller-admission') as KubeObject & { spec: { clusterIP: string } }).spec.clusterIP
  const away = put(first)
  const log: string[] = []
  const answer = webhook({ view: new ClusterView(api), log: (severity, _at, text) => void log.push(`${severity} ${text}`) })
  const asked: string[] = []
  server.webhookRoad = (to, port) => {
    asked.push(`${to === address ? 'admission' : to}:${port}`)
    return answer
  }
  expect([away, put(first), put(ingress('two', '/a', 'Prefix', {}, 'a.test')), put({ ...ingress('third', '/a', 'Prefix', {}, 'a.test'), spec: { ...first.spec, ingressClassName: 'other' } } as KubeObject)]).toEqual([
    `500 InternalError: Internal error occurred: failed calling webhook "validate.nginx.ingress.kubernetes.io": failed to call webhook: Post "https://ingress-nginx-controller-admission.ingress-nginx.svc:443/networking/v1/ingresses?timeout=10s": dial tcp ${address}:443: connect: connection refused`,
    'created', '400 BadRequest: admission webhook "validate.nginx.ingress.kubernetes.io" denied the request: host "a.test" and path "/a" is already defined in ingress shop/web', 'created',
  ])
  expect([asked, log]).toEqual([['admission:443', 'admission:443', 'admission:443'], ['I "successfully validated configuration, accepting" ingress="shop/web"', 'E "invalid ingress configuration" err="host \\"a.test\\" and path \\"/a\\" is already defined in ingress shop/web" ingress="shop/two"', 'I "successfully validated configuration, accepting" ingress="shop/third"']])
})
