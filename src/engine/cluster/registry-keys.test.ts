import { expect, test } from 'vitest'
import type { KubeObject } from '#engine/api/types.ts'
import { keyOf, valueOf } from './registry-keys.ts'

const object = (kind: string, apiVersion: string, name: string, namespace?: string) => ({ kind, apiVersion, metadata: { name, ...(namespace !== undefined && { namespace }), resourceVersion: '7' } }) as KubeObject

test('keys as the API server names them', () => {
  const key = (resource: string, namespace?: string) => keyOf(resource, object('X', 'v1', 'a', namespace))
  expect([key('pods', 'ns'), key('nodes'), key('services', 'ns'), key('endpoints', 'ns'), key('deployments.apps', 'ns'), key('ingresses.networking.k8s.io', 'ns'), key('leases.coordination.k8s.io', 'ns'), key('customresourcedefinitions.apiextensions.k8s.io'), key('gateways.gateway.networking.k8s.io', 'ns')]).toEqual([
    '/registry/pods/ns/a', '/registry/minions/a', '/registry/services/specs/ns/a', '/registry/services/endpoints/ns/a', '/registry/deployments/ns/a', '/registry/ingress/ns/a', '/registry/leases/ns/a', '/registry/apiextensions.k8s.io/customresourcedefinitions/a', '/registry/gateway.networking.k8s.io/gateways/ns/a',
  ])
})

test('values: in the frame of protobuf, secrets legible, custom resources as JSON', () => {
  expect(valueOf('secrets', { ...object('Secret', 'v1', 's', 'ns'), data: { k: 'Z2VoZWlt' } } as KubeObject)).toBe('k8s\0\n\x0c\n\x02v1\x12\x06Secret\x12{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s","namespace":"ns"},"data":{"k":"geheim"}}\x1a\0"\0')
  expect(valueOf('tests.example.org', object('Test', 'example.org/v1', 't'))).toBe('{"kind":"Test","apiVersion":"example.org/v1","metadata":{"name":"t"}}\n')
})
