import { expect, test } from 'vitest'
import fc from 'fast-check'
import { applyMergePatch, mergeDiff, strategicMergeOf, threeWayStrategic, twoWayStrategic } from '#programs/kubectl/resource/patch.ts'

const deployment = (spec: object, labels?: object) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'cloth', ...(labels ? { labels } : {}) }, spec })
const container = (name: string, env: readonly [string, string][] = []) => ({ name, image: 'nginx', ...(env.length > 0 ? { env: env.map(([n, value]) => ({ name: n, value })) } : {}) })

test('apply takes back what it gave, keeps what others gave', () => {
  const original = deployment({ replicas: 2, template: { spec: { containers: [container('warp', [['A', '1'], ['B', '2']]), container('weft')] } } }, { color: 'red', fiber: 'wool' })
  const modified = deployment({ template: { spec: { containers: [container('warp', [['B', '2']])] } } }, { color: 'blue' })
  const current = deployment({ replicas: 5, template: { spec: { containers: [container('warp', [['A', '1'], ['B', '2'], ['C', '3']]), container('weft')] } } }, { color: 'red', fiber: 'wool', added: 'byhand' })
  const patch = threeWayStrategic(original, modified, current, 'apps.v1.Deployment')
  expect(strategicMergeOf(current, patch)).toEqual(deployment({ template: { spec: { containers: [container('warp', [['B', '2'], ['C', '3']])] } } }, { color: 'blue', added: 'byhand' }))
  expect(threeWayStrategic(modified, modified, { ...modified, status: { x: 1 } }, 'apps.v1.Deployment')).toEqual({})
})
test('two states of one object differ by their patch', () => {
  const from = deployment({ replicas: 1, template: { spec: { containers: [container('a'), container('b')] } } })
  const to = deployment({ replicas: 1, template: { spec: { containers: [{ ...container('a'), image: 'httpd' }, container('b')] } } })
  expect(twoWayStrategic(from, to, 'apps.v1.Deployment')).toEqual({ spec: { template: { spec: { '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }], containers: [{ name: 'a', image: 'httpd' }] } } } })
  expect(strategicMergeOf(from, twoWayStrategic(from, to, 'apps.v1.Deployment'))).toEqual(to)
})
test('a merge patch leads from one object to the other', () => {
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 3 }), fc.array(fc.integer(), { maxLength: 2 }))
  const { value } = fc.letrec((tie) => ({ value: fc.oneof({ depthSize: 'small' }, leaf, fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 })) }))
  const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { maxKeys: 3 })
  fc.assert(fc.property(object, object, (from, to) => {
    expect(applyMergePatch(from, mergeDiff(from, to))).toEqual(to)
  }))
})
