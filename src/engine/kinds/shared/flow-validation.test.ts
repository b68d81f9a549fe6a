import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from '../testing/rig.ts'

const FLOW = '/apis/flowcontrol.apiserver.k8s.io/v1'
const api = () => rigOn(new Sim({ seed: 'flow', start: Date.UTC(2026, 0, 1) }))
const causes = (body: { details?: { causes?: { field: string; message: string }[] } }) => (body.details?.causes ?? []).map((c) => `${c.field}: ${c.message}`)

test('priority levels: defaults, and hands that take too much of the hash', () => {
  const { send } = api()
  const level = (name: string, spec: object) => send('POST', `${FLOW}/prioritylevelconfigurations`, { metadata: { name }, spec })
  const limited = (queuing: object) => ({ type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing } } })
  expect(level('a', limited({})).body.spec).toEqual({ type: 'Limited', limited: { nominalConcurrencyShares: 30, lendablePercent: 0, limitResponse: { type: 'Queue', queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 } } } })
  expect(causes(level('b', limited({ queues: 128, handSize: 12 })).body)).toEqual(['spec.limited.limitResponse.queuing.handSize: Invalid value: 12: required entropy bits of deckSize 128 and handSize 12 should not be greater than 60'])
  expect(causes(level('b', { type: 'Exempt' }).body)).toEqual(["spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"])
  expect(causes(level('b', { type: 'Limited', exempt: {} }).body)).toEqual(['spec.exempt: Forbidden: must be nil if the type is Limited', 'spec.limited: Required value: must not be empty when type is Limited'])
})

test('flow schemas say for whom and for what', () => {
  const { send } = api()
  const schema = (rule: object) => send('POST', `${FLOW}/flowschemas`, { metadata: { name: 'a' }, spec: { priorityLevelConfiguration: { name: 'global-default' }, rules: [rule] } })
  expect(causes(schema({}).body)).toEqual(['spec.rules[0].subjects: Required value: subjects must contain at least one value', 'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty'])
  const subjects = [{ kind: 'User', user: { name: 'jane' } }]
  expect(causes(schema({ subjects: [{ kind: 'User', group: { name: 'x' } }], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/a*b'] }] }).body)).toEqual([
    "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
    "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
    'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*b": wildcard can only do suffix matching',
  ])
  const made = schema({ subjects, resourceRules: [{ verbs: ['get'], apiGroups: ['*'], resources: ['*'], clusterScope: true }] })
  expect([made.code, made.body.spec.matchingPrecedence]).toEqual([201, 1000])
})
