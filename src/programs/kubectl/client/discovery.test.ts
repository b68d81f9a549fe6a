import { expect, test } from 'vitest'
import type { Process } from '#engine/machine/process.ts'
import { Discovery } from './discovery.ts'
import type { RestClient } from './rest.ts'

const resource = (name: string, kind: string) => ({ resource: name, responseKind: { kind }, scope: 'Namespaced', verbs: ['get'] })
const garden = { metadata: { name: 'garden.example' }, versions: [{ version: 'v1', resources: [resource('ferns', 'Fern')] }, { version: 'v1beta1', resources: [resource('ferns', 'Fern'), resource('mosses', 'Moss')] }] }

test('a kind that the preferred version lacks is taken from the first version that has it', async () => {
  const client = { server: 'https://garden', json: async (_: string, path: string) => ({ kind: 'APIGroupDiscoveryList', items: path === '/apis' ? [garden] : [] }) } as unknown as RestClient
  const process = { fs: { exists: () => false, mkdir() {}, writeFile() {} }, now: () => 0 } as unknown as Process
  const discovery = new Discovery(client, process, '/cache')
  expect((await discovery.resources()).map((r) => [r.name, r.version, r.preferred])).toEqual([['ferns', 'v1', true], ['ferns', 'v1beta1', false], ['mosses', 'v1beta1', true]])
  expect((await discovery.find('moss')).version).toBe('v1beta1')
})

test('a version whose server does not answer is stale', async () => {
  const gone = { metadata: { name: 'metrics.k8s.io' }, versions: [{ version: 'v1beta1', freshness: 'Stale' }] }
  const client = { server: 'https://garden', json: async (_: string, path: string) => ({ kind: 'APIGroupDiscoveryList', items: path === '/apis' ? [garden, gone] : [] }) } as unknown as RestClient
  const process = { fs: { exists: () => false, mkdir() {}, writeFile() {} }, now: () => 0 } as unknown as Process
  const discovery = new Discovery(client, process, '/cache')
  expect(await discovery.resources()).toHaveLength(3)
  expect([...discovery.failed]).toEqual([['metrics.k8s.io/v1beta1', 'stale GroupVersion discovery: metrics.k8s.io/v1beta1']])
})
