import { expect, test } from 'vitest'
import { StatusError } from '#engine/api/types.ts'
import { configmaps } from '#engine/kinds/namespace/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { resourcequotas, type ResourceQuota } from '#engine/kinds/resourcequota/types.ts'
import { controlRig } from '../rig.ts'

const rigWith = (hard: Record<string, string>, scopes?: string[]) => {
  const rig = controlRig()
  rig.run(1000)
  rig.api.create<ResourceQuota>(resourcequotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'fence', namespace: 'default' }, spec: { hard, ...(scopes ? { scopes } : {}) } })
  rig.run(1000)
  const pod = (name: string, requests?: Record<string, string>) =>
    rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'nginx', ...(requests ? { resources: { requests } } : {}) }] } } as unknown as Pod)
  return { ...rig, pod, status: () => rig.api.get<ResourceQuota>(resourcequotas, 'default', 'fence').status }
}

const refusal = (call: () => unknown) => {
  try {
    call()
  } catch (error) {
    if (error instanceof StatusError) return error.message
    throw error
  }
  return undefined
}

test('what is used is counted when a quota appears, charged on creation, given back on deletion and when a pod has finished', () => {
  const rig = rigWith({ pods: '2', 'requests.cpu': '1', 'requests.memory': '1Gi' })
  expect(rig.status()).toEqual({ hard: { pods: '2', 'requests.cpu': '1', 'requests.memory': '1Gi' }, used: { pods: '0', 'requests.cpu': '0', 'requests.memory': '0' } })
  expect(refusal(() => rig.pod('a'))).toBe('pods "a" is forbidden: failed quota: fence: must specify requests.cpu for: c; requests.memory for: c')
  const a = rig.pod('a', { cpu: '600m', memory: '256Mi' })
  expect(rig.status()?.used).toEqual({ pods: '1', 'requests.cpu': '600m', 'requests.memory': '256Mi' })
  expect(refusal(() => rig.pod('b', { cpu: '600m', memory: '256Mi' }))).toBe('pods "b" is forbidden: exceeded quota: fence, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1')
  rig.pod('b', { cpu: '100m', memory: '256Mi' })
  rig.setPod(a, { phase: 'Succeeded' })
  rig.run(1000)
  expect(rig.status()?.used).toEqual({ pods: '1', 'requests.cpu': '100m', 'requests.memory': '256Mi' })
  rig.api.delete(pods, 'default', 'b', { gracePeriodSeconds: 0 })
  rig.run(1000)
  expect(rig.status()?.used).toEqual({ pods: '0', 'requests.cpu': '0', 'requests.memory': '0' })
})

test('a new limit is taken over, objects are counted that were there before', () => {
  const rig = rigWith({ pods: '1' })
  rig.api.update<ResourceQuota>(resourcequotas, { ...rig.api.get<ResourceQuota>(resourcequotas, 'default', 'fence'), spec: { hard: { configmaps: '3', 'count/configmaps': '2' } } })
  rig.run(1000)
  expect(rig.status()).toEqual({ hard: { configmaps: '3', 'count/configmaps': '2' }, used: { configmaps: String(rig.api.list(configmaps, { namespace: 'default' }).length), 'count/configmaps': String(rig.api.list(configmaps, { namespace: 'default' }).length) } })
})

test('scopes choose pods', () => {
  const rig = rigWith({ pods: '1' }, ['BestEffort'])
  rig.pod('rich', { cpu: '1' })
  expect(rig.status()?.used).toEqual({ pods: '0' })
  rig.pod('poor')
  expect(refusal(() => rig.pod('poorer'))).toBe('pods "poorer" is forbidden: exceeded quota: fence, requested: pods=1, used: pods=1, limited: pods=1')
})
