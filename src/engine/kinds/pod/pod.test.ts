import { describe, expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { pod, rigOn } from '../testing/rig.ts'

const rig = () => rigOn(new Sim({ seed: 'kinds', start: Date.UTC(2026, 0, 1) }))

const PODS = '/api/v1/namespaces/default/pods'

describe('pods', () => {
  test('defaults', () => {
    const { spec, status } = rig().send('POST', PODS, pod('p', { containers: [{ name: 'c', image: 'nginx', ports: [{ containerPort: 80 }] }] })).body
    expect(spec).toMatchObject({ restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', terminationGracePeriodSeconds: 30, enableServiceLinks: true, preemptionPolicy: 'PreemptLowerPriority', priority: 0 })
    expect(spec.containers[0]).toMatchObject({ imagePullPolicy: 'Always', ports: [{ containerPort: 80, protocol: 'TCP' }], terminationMessagePath: '/dev/termination-log' })
    expect(status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' })
  })

  test('mistakes are told all at once', () => {
    const { body } = rig().send('POST', PODS, pod('p', { restartPolicy: 'Sometimes', containers: [{ name: 'C', image: '' }] }))
    expect(body.code).toBe(422)
    expect(body.details.causes.map((c: { field: string }) => c.field)).toEqual(['spec.containers[0].name', 'spec.containers[0].image', 'spec.restartPolicy'])
  })

  test('the classes of service', () => {
    const { send } = rig()
    const qos = (name: string, resources: object) => send('POST', PODS, pod(name, { containers: [{ name: 'c', image: 'x', resources }] })).body.status.qosClass
    expect(qos('a', { requests: { cpu: '1' } })).toBe('Burstable')
    expect(qos('b', { limits: { cpu: '1', memory: '1Gi' } })).toBe('Guaranteed')
  })

  test('little of a pod can change', () => {
    const { send } = rig()
    send('POST', PODS, pod('p'))
    const patch = (spec: object) => send('PATCH', `${PODS}/p`, { spec }, { headers: { 'content-type': 'application/strategic-merge-patch+json' } })
    expect(patch({ containers: [{ name: 'c', image: 'nginx:2' }] }).code).toBe(200)
    const refused = patch({ hostname: 'other' })
    expect(refused.code).toBe(422)
    expect(refused.body.message).toMatch(/^Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than /)
  })
})
