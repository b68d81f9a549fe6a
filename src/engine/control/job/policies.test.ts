/** Indexed jobs: failures by index, success policies, replacement of pods. */
import { expect, test } from 'vitest'
import { jobs, type Job } from '#engine/kinds/job/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { controlRig, type ControlRig } from '../rig.ts'
import { indexOf } from './pods.ts'

const finished = (rig: ControlRig, phase: 'Failed' | 'Succeeded', exitCode: number) => ({
  phase, containerStatuses: [{ name: 'c', state: { terminated: { exitCode, reason: 'x', finishedAt: new Date(rig.sim.now).toISOString() } }, lastState: {}, ready: false, restartCount: 0, image: 'x', imageID: '' }],
})

function play(spec: object) {
  const rig = controlRig({ controllers: ['job-controller'] })
  rig.api.create(jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'default' }, spec: { completionMode: 'Indexed', completions: 3, parallelism: 3, ...spec, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } } } } as never)
  rig.run(2000)
  const job = () => rig.api.get<Job>(jobs, 'default', 'j')
  const active = (index: number) => rig.api.list<Pod>(pods).find((p) => indexOf(p) === index && p.status?.phase === 'Pending')
  const end = (index: number, phase: 'Failed' | 'Succeeded', code = phase === 'Failed' ? 1 : 0) => {
    rig.setPod(active(index)!, finished(rig, phase, code) as never)
    rig.run(2000)
  }
  const conditions = () => job().status?.conditions?.map((c) => [c.type, c.reason, c.message])
  return { rig, job, active, end, conditions }
}

test('an index has its own limit, and the job fails when all indexes are over', () => {
  const { rig, job, active, end, conditions } = play({ backoffLimitPerIndex: 1 })
  end(0, 'Failed')
  expect(active(0)).toBeUndefined()
  rig.run(10_000)
  expect(active(0)?.metadata.annotations).toMatchObject({ 'batch.kubernetes.io/job-index-failure-count': '1' })
  end(0, 'Failed')
  rig.run(60_000)
  expect([active(0), job().status?.failedIndexes, conditions()]).toEqual([undefined, '0', undefined])
  end(1, 'Succeeded')
  end(2, 'Succeeded')
  expect(job().status).toMatchObject({ completedIndexes: '1,2', failedIndexes: '0', failed: 2, succeeded: 2 })
  expect(conditions()).toEqual([['FailureTarget', 'FailedIndexes', 'Job has failed indexes'], ['Failed', 'FailedIndexes', 'Job has failed indexes']])
})

test('too many failed indexes end the job at once', () => {
  const { end, conditions, rig } = play({ backoffLimitPerIndex: 0, maxFailedIndexes: 0 })
  end(2, 'Failed')
  expect(conditions()?.[0]).toEqual(['FailureTarget', 'MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes'])
  expect(rig.events('SuccessfulDelete')).toHaveLength(2)
})

test('an exit code can fail its index', () => {
  const { end, job } = play({ backoffLimitPerIndex: 5, podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [42] } }] } })
  end(1, 'Failed', 42)
  expect(job().status?.failedIndexes).toBe('1')
})

test('a success policy ends the job before all have succeeded', () => {
  const { end, conditions, rig } = play({ successPolicy: { rules: [{ succeededIndexes: '0', succeededCount: 1 }] } })
  end(1, 'Succeeded')
  expect(conditions()).toBeUndefined()
  end(0, 'Succeeded')
  expect(conditions()?.[0]).toEqual(['SuccessCriteriaMet', 'SuccessPolicy', 'Matched rules at index 0'])
  expect(rig.events('SuccessfulDelete')).toHaveLength(1)
})
