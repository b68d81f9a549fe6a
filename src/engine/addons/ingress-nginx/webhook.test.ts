import { expect, test } from 'vitest'
import { Settings } from './settings.ts'
import type { Ingress } from './types.ts'
import { checkIngress } from './webhook.ts'

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
