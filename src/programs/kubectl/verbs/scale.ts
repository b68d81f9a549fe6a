/** `kubectl scale` and `kubectl autoscale`. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll } from '../cli/errors.ts'
import type { Verb } from '../cli/invocation.ts'
import { contentTypes } from '../resource/patch.ts'
import { fetchInfos, findTargets, getObject, pathOf } from '../resource/targets.ts'
import { newObject } from './create-workload.ts'
import { builtin, createObject, patchObject, reporter } from './report.ts'

interface ScaleObject extends KubeObject {
  spec: { replicas?: number }
}

export const scale: Verb = async (run) => {
  const report = await reporter(run)
  const replicas = run.flags.number('replicas')
  if (replicas < 0) throw new Failure('The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0')
  const expected = run.flags.changed('current-replicas') ? run.flags.number('current-replicas') : -1
  if (expected < -1) throw new Failure('The --current-replicas must specify an integer of -1 or greater')
  const found = await findTargets(run, { all: run.flags.bool('all') })
  const { infos, errors } = await fetchInfos(run, found)
  const version = run.flags.string('resource-version')
  if (version !== '' && infos.length > 1) throw new Failure('cannot use --resource-version with multiple resources')
  for (const info of infos) {
    try {
      if (report.dryRun === 'client') {
        await report.done(info.resource, info.object, 'scaled')
        continue
      }
      if (expected >= 0 || version !== '') {
        const current = await run.rest.json<ScaleObject>('GET', pathOf(info.resource, info.namespace, info.name, 'scale'))
        if (expected >= 0 && (current.spec.replicas ?? 0) !== expected) throw new Failure(`Expected replicas to be ${expected}, was ${current.spec.replicas ?? 0}`)
        if (version !== '' && current.metadata.resourceVersion !== version) throw new Failure(`Expected resource version to be ${version}, was ${current.metadata.resourceVersion ?? ''}`)
      }
      await patchObject(run, info.resource, info.namespace, info.name, { spec: { replicas } }, contentTypes.merge, { dryRun: report.dryRun, fieldManager: 'kubectl-scale', subresource: 'scale' })
      const timeout = run.flags.duration('timeout')
      if (timeout > 0) {
        const limit = run.process.now() + timeout
        for (;;) {
          const object = await getObject(run, info)
          if (((object['status'] as { replicas?: number } | undefined)?.replicas ?? 0) === replicas) break
          if (run.process.now() >= limit) throw new Failure('timed out waiting for the condition')
          await run.process.sleep(500)
        }
      }
      await report.done(info.resource, info.object, 'scaled')
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Failure)) throw error
      errors.push(error)
    }
  }
  throwAll(errors)
  if (infos.length === 0) throw new Failure('no objects passed to scale')
}

interface Metric {
  readonly type: 'Resource'
  readonly resource: { readonly name: string; readonly target: Record<string, unknown> }
}

function metric(name: string, text: string): Metric {
  const percent = /^(\d+)%$/.exec(text)
  if (percent) return { type: 'Resource', resource: { name, target: { type: 'Utilization', averageUtilization: Number(percent[1]) } } }
  if (!/^[-+]?[0-9.]+([eEinumkKMGTP]*[-+]?[0-9]*)$/.test(text)) throw new Failure(`invalid ${name} metric: invalid format: ${text}`)
  return { type: 'Resource', resource: { name, target: { type: 'AverageValue', averageValue: text } } }
}

export const autoscale: Verb = async (run) => {
  const max = run.flags.number('max')
  const min = run.flags.changed('min') ? run.flags.number('min') : -1
  if (max < 1) throw new Failure('--max=MAXPODS is required and must be at least 1, max: ' + max)
  if (max < min) throw new Failure(`--max=MAXPODS must be larger or equal to --min=MINPODS, max: ${max}, min: ${min}`)
  const report = await reporter(run, { typed: true })
  const percent = run.flags.changed('cpu-percent') ? run.flags.number('cpu-percent') : -1
  const cpu = run.flags.has('cpu') ? run.flags.string('cpu') : ''
  const memory = run.flags.has('memory') ? run.flags.string('memory') : ''
  if (percent >= 0 && cpu !== '') throw new Failure('--cpu-percent and --cpu are mutually exclusive')
  const found = await findTargets(run, {})
  const { infos, errors } = await fetchInfos(run, found)
  throwAll(errors)
  const hpas = builtin('autoscaling', 'v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler')
  for (const info of infos) {
    if (!['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController'].includes(info.object.kind) && !info.resource.subresources.includes('scale')) throw new Failure(`cannot autoscale a ${info.resource.group ? `${info.object.kind}.${info.resource.group}` : info.object.kind}: the server could not find the requested resource`)
    const metrics = [...(percent >= 0 ? [metric('cpu', `${percent}%`)] : cpu ? [metric('cpu', cpu)] : []), ...(memory ? [metric('memory', memory)] : [])]
    const name = run.flags.string('name') || info.name
    const object = newObject('autoscaling/v2', 'HorizontalPodAutoscaler', { name, namespace: info.namespace }, {
      spec: { scaleTargetRef: { kind: info.object.kind, name: info.name, apiVersion: info.object.apiVersion }, ...(min > 0 ? { minReplicas: min } : {}), maxReplicas: max, ...(metrics.length > 0 ? { metrics } : {}) },
      status: { desiredReplicas: 0, currentMetrics: null },
    })
    if (report.dryRun === 'client') {
      await report.done(hpas, object, 'autoscaled')
      continue
    }
    const stored = await createObject(run, hpas, info.namespace, object, { dryRun: report.dryRun, fieldManager: 'kubectl-autoscale', validate: 'ignore' })
    await report.done(hpas, stored, 'autoscaled')
  }
  if (infos.length === 0) throw new Failure('no objects passed to autoscale')
}

