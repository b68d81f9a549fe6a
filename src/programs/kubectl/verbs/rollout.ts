/** `kubectl rollout status | history | undo | restart | pause | resume`: deployments by their replica sets, daemon and stateful sets by controller revisions. */
import type { KubeObject } from '#engine/api/types.ts'
import { equal } from '#engine/api/loose.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { groupResource, kindName, type Resource } from '../client/discovery.ts'
import { podTemplateText } from '../describe/pod-template.ts'
import { goQuote } from '../print/json.ts'
import { alignTabs } from '#base/text-table.ts'
import { contentTypes, strategicMergeOf } from '../resource/patch.ts'
import { fetchInfos, findTargets, pathOf, type Info } from '../resource/targets.ts'
import { builtin, patchObject, reporter } from './report.ts'
import { Follower } from './follow.ts'
import { rfc3339 } from './time.ts'

type Fields = Record<string, unknown>
const spec = (o: KubeObject): Fields => (o['spec'] ?? {}) as Fields
const status = (o: KubeObject): Fields => (o['status'] ?? {}) as Fields
const number = (v: unknown, fallback = 0): number => (typeof v === 'number' ? v : fallback)
const revisionKey = 'deployment.kubernetes.io/revision'
const causeKey = 'kubernetes.io/change-cause'
const replicaSets = builtin('apps', 'v1', 'replicasets', 'ReplicaSet')
const controllerRevisions = builtin('apps', 'v1', 'controllerrevisions', 'ControllerRevision')

interface Progress {
  readonly text: string
  readonly done: boolean
}

function deploymentProgress(o: KubeObject, revision: number): Progress {
  const s = status(o)
  const name = goQuote(o.metadata.name)
  if (revision > 0 && Number(o.metadata.annotations?.[revisionKey] ?? 0) !== revision) throw new Failure(`desired revision (${revision}) is different from the running revision (${o.metadata.annotations?.[revisionKey] ?? 0})`)
  if ((o.metadata.generation ?? 0) > number(s['observedGeneration'])) return { text: 'Waiting for deployment spec update to be observed...\n', done: false }
  const progressing = ((s['conditions'] as Fields[] | undefined) ?? []).find((c) => c['type'] === 'Progressing')
  if (progressing?.['reason'] === 'ProgressDeadlineExceeded') throw new Failure(`deployment ${name} exceeded its progress deadline`)
  const [updated, replicas, available] = [number(s['updatedReplicas']), number(s['replicas']), number(s['availableReplicas'])]
  const wanted = number(spec(o)['replicas'], 1)
  if (updated < wanted) return { text: `Waiting for deployment ${name} rollout to finish: ${updated} out of ${wanted} new replicas have been updated...\n`, done: false }
  if (replicas > updated) return { text: `Waiting for deployment ${name} rollout to finish: ${replicas - updated} old replicas are pending termination...\n`, done: false }
  if (available < updated) return { text: `Waiting for deployment ${name} rollout to finish: ${available} of ${updated} updated replicas are available...\n`, done: false }
  return { text: `deployment ${name} successfully rolled out\n`, done: true }
}

function daemonSetProgress(o: KubeObject): Progress {
  const s = status(o)
  const name = goQuote(o.metadata.name)
  if ((spec(o)['updateStrategy'] as Fields | undefined)?.['type'] !== 'RollingUpdate') throw new Failure('rollout status is only available for RollingUpdate strategy type')
  if ((o.metadata.generation ?? 0) > number(s['observedGeneration'])) return { text: 'Waiting for daemon set spec update to be observed...\n', done: false }
  const [updated, desired, available] = [number(s['updatedNumberScheduled']), number(s['desiredNumberScheduled']), number(s['numberAvailable'])]
  if (updated < desired) return { text: `Waiting for daemon set ${name} rollout to finish: ${updated} out of ${desired} new pods have been updated...\n`, done: false }
  if (available < desired) return { text: `Waiting for daemon set ${name} rollout to finish: ${available} of ${desired} updated pods are available...\n`, done: false }
  return { text: `daemon set ${name} successfully rolled out\n`, done: true }
}

function statefulSetProgress(o: KubeObject): Progress {
  const s = status(o)
  const strategy = spec(o)['updateStrategy'] as Fields | undefined
  if (strategy?.['type'] !== 'RollingUpdate') throw new Failure('rollout status is only available for RollingUpdate strategy type')
  if (number(s['observedGeneration']) === 0 || (o.metadata.generation ?? 0) > number(s['observedGeneration'])) return { text: 'Waiting for statefulset spec update to be observed...\n', done: false }
  const wanted = number(spec(o)['replicas'], 1)
  const ready = number(s['readyReplicas'])
  if (ready < wanted) return { text: `Waiting for ${wanted - ready} pods to be ready...\n`, done: false }
  const partition = (strategy['rollingUpdate'] as Fields | undefined)?.['partition']
  const updated = number(s['updatedReplicas'])
  if (partition !== undefined) {
    const target = wanted - number(partition)
    if (updated < target) return { text: `Waiting for partitioned roll out to finish: ${updated} out of ${target} new pods have been updated...\n`, done: false }
    return { text: `partitioned roll out complete: ${updated} new pods have been updated...\n`, done: true }
  }
  if (s['updateRevision'] !== s['currentRevision']) return { text: `waiting for statefulset rolling update to complete ${updated} pods at revision ${String(s['updateRevision'])}...\n`, done: false }
  return { text: `statefulset rolling update complete ${number(s['currentReplicas'])} pods at revision ${String(s['currentRevision'])}...\n`, done: true }
}

function progressOf(o: KubeObject, revision: number): Progress {
  if (o.kind === 'Deployment') return deploymentProgress(o, revision)
  if (o.kind === 'DaemonSet') return daemonSetProgress(o)
  if (o.kind === 'StatefulSet') return statefulSetProgress(o)
  throw new Failure(`no status viewer has been implemented for ${o.kind}.${o.apiVersion.split('/')[0]!}`)
}

export const rolloutStatus: Verb = async (run) => {
  if (run.args.length === 0 && run.flags.list('filename').length === 0 && run.flags.string('selector') === '') throw usageFailure(run.path, 'required resource not specified')
  const revision = run.flags.number('revision')
  if (revision < 0) throw new Failure('revision must be a positive integer: ' + revision)
  const found = await findTargets(run, { emptySelector: true })
  const { infos, errors } = await fetchInfos(run, found)
  throwAll(errors)
  const timeout = run.flags.duration('timeout')
  for (const info of infos) {
    const follower = new Follower(run, info, timeout > 0 ? run.process.now() + timeout : undefined)
    let last = ''
    try {
      for (let object: KubeObject | undefined = info.object; ; object = await follower.next()) {
        if (object === undefined) throw new Failure('object has been deleted')
        const { text, done } = progressOf(object, revision)
        if (text !== last) await run.out(text)
        last = text
        if (done || !(run.flags.changed('watch') ? run.flags.bool('watch') : true)) break
      }
    } finally {
      follower.close()
    }
  }
}

interface Revision {
  readonly number: number
  readonly cause: string
  readonly template: Fields
  readonly object: KubeObject
}

async function revisionsOf(run: Invocation, info: Info): Promise<Revision[]> {
  const owned = (list: readonly KubeObject[]) => list.filter((o) => o.metadata.ownerReferences?.some((r) => r.controller && r.uid === info.object.metadata.uid))
  const resource = info.object.kind === 'Deployment' ? replicaSets : controllerRevisions
  const list = owned((await run.rest.json<{ items: KubeObject[] }>('GET', pathOf(resource, info.namespace))).items ?? [])
  if (info.object.kind === 'Deployment') {
    return list.map((o) => ({ number: Number(o.metadata.annotations?.[revisionKey] ?? 0), cause: o.metadata.annotations?.[causeKey] ?? '', template: spec(o)['template'] as Fields, object: { ...o, apiVersion: 'apps/v1', kind: 'ReplicaSet' } })).sort((a, b) => a.number - b.number)
  }
  return list.map((o): Revision => {
    const applied = strategicMergeOf(info.object, o['data']) as KubeObject
    return { number: number(o['revision']), cause: o.metadata.annotations?.[causeKey] ?? '', template: spec(applied)['template'] as Fields, object: o }
  }).sort((a, b) => a.number - b.number)
}

const revisioned = new Set(['Deployment', 'DaemonSet', 'StatefulSet'])

export const rolloutHistory: Verb = async (run) => {
  if (run.args.length === 0 && run.flags.list('filename').length === 0 && run.flags.string('selector') === '') throw usageFailure(run.path, 'required resource not specified')
  const wanted = run.flags.number('revision')
  if (wanted < 0) throw new Failure('revision must be a positive integer: ' + wanted)
  const found = await findTargets(run, { emptySelector: true })
  const { infos, errors } = await fetchInfos(run, found)
  for (const info of infos) {
    if (!revisioned.has(info.object.kind)) throw new Failure(`no history viewer has been implemented for ${goQuote(`${info.object.kind}.${info.resource.group}`)}`)
    const revisions = await revisionsOf(run, info)
    const title = `${kindName(info.resource)}/${info.name} `
    if (wanted > 0) {
      const one = revisions.find((r) => r.number === wanted)
      if (!one) throw new Failure('unable to find the specified revision')
      const template = { ...one.template, metadata: { ...(one.template['metadata'] as Fields | undefined), ...(one.cause ? { annotations: { ...((one.template['metadata'] as Fields | undefined)?.['annotations'] as Fields | undefined), [causeKey]: one.cause } } : {}) } }
      await run.out(`${title}with revision #${wanted}\n${podTemplateText(template)}\n`)
      continue
    }
    const rows = revisions.map((r) => `${r.number}\t${r.cause || '<none>'}\n`).join('')
    await run.out(`${title}\n${revisions.length === 0 ? 'No rollout history found.' : alignTabs(`REVISION\tCHANGE-CAUSE\n${rows}`, { padding: 2 })}\n`)
  }
  throwAll(errors)
}

export const rolloutUndo: Verb = async (run) => {
  if (run.args.length === 0 && run.flags.list('filename').length === 0) throw usageFailure(run.path, 'required resource not specified')
  const report = await reporter(run)
  const to = run.flags.number('to-revision')
  const found = await findTargets(run, { emptySelector: true })
  const { infos, errors } = await fetchInfos(run, found)
  throwAll(errors)
  for (const info of infos) {
    if (!revisioned.has(info.object.kind)) throw new Failure(`no rollbacker has been implemented for ${goQuote(`${info.object.kind}.${info.resource.group}`)}`)
    if (to < 0) throw new Failure(`unable to find specified revision ${to} in history`)
    const revisions = await revisionsOf(run, info)
    const kind = info.object.kind === 'Deployment' ? 'deployment' : info.object.kind === 'DaemonSet' ? 'daemon set' : 'stateful set'
    const target = to > 0 ? revisions.find((r) => r.number === to) : revisions.at(-2)
    if (!target) throw new Failure(to > 0 ? `unable to find specified revision ${to} in history` : kind === 'deployment' ? `no rollout history found for deployment ${goQuote(info.name)}` : `no last revision to roll back to`)
    if (report.dryRun === 'client') {
      await run.out(`${kindName(info.resource)}/${info.name} ${podTemplateText(target.template)} (dry run)\n`)
      continue
    }
    if (kind === 'deployment') {
      if (spec(info.object)['paused'] === true) throw new Failure(`you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/${info.name}' and try again`)
      const template = withoutHash(target.template)
      if (equal(template, withoutHash(spec(info.object)['template'] as Fields))) {
        await report.done(info.resource, info.object, `skipped rollback (current template already matches revision ${target.number})`)
        continue
      }
      const annotations: Record<string, string> = {}
      for (const [k, v] of Object.entries(target.object.metadata.annotations ?? {})) if (!/^deployment\.kubernetes\.io\//.test(k) && k !== 'kubectl.kubernetes.io/last-applied-configuration') annotations[k] = v
      for (const k of [revisionKey, 'kubectl.kubernetes.io/last-applied-configuration']) if (info.object.metadata.annotations?.[k] !== undefined) annotations[k] = info.object.metadata.annotations[k]
      const stored = await patchObject(run, info.resource, info.namespace, info.name, [{ op: 'replace', path: '/spec/template', value: template }, { op: 'replace', path: '/metadata/annotations', value: annotations }], contentTypes.json, { dryRun: report.dryRun, fieldManager: 'kubectl-rollout' })
      await report.done(info.resource, stored, 'rolled back')
      continue
    }
    if (equal(target.template, spec(info.object)['template'])) {
      await report.done(info.resource, info.object, `skipped rollback (current template already matches revision ${target.number})`)
      continue
    }
    const stored = await patchObject(run, info.resource, info.namespace, info.name, target.object['data'], contentTypes.strategic, { dryRun: report.dryRun, fieldManager: 'kubectl-rollout' })
    await report.done(info.resource, stored, 'rolled back')
  }
}

function withoutHash(template: Fields): Fields {
  const metadata = { ...(template['metadata'] as Fields | undefined) }
  const labels = { ...(metadata['labels'] as Fields | undefined) }
  delete labels['pod-template-hash']
  return { ...template, metadata: { ...metadata, labels } }
}

/** restart, pause and resume: one patch to the object's spec. */
function changing(words: string, change: (run: Invocation, object: KubeObject, resource: Resource) => unknown): Verb {
  return async (run) => {
    if (run.args.length === 0 && run.flags.list('filename').length === 0 && run.flags.string('selector') === '') throw usageFailure(run.path, 'required resource not specified')
    const report = await reporter(run)
    const found = await findTargets(run, { emptySelector: true })
    const { infos, errors } = await fetchInfos(run, found)
    for (const info of infos) {
      try {
        const patch = change(run, info.object, info.resource)
        const stored = await patchObject(run, info.resource, info.namespace, info.name, patch, contentTypes.strategic, { dryRun: report.dryRun, fieldManager: 'kubectl-rollout' })
        await report.done(info.resource, stored, words)
      } catch (error) {
        if (!(error instanceof Failure || error instanceof ApiError)) throw error
        errors.push(error)
      }
    }
    throwAll(errors)
  }
}



export const rolloutRestart: Verb = changing('restarted', (run, object, resource) => {
  if (!revisioned.has(object.kind)) throw new Failure(`${groupResource(resource)} ${goQuote(object.metadata.name)} restarting is not supported`)
  if (spec(object)['paused'] === true) throw new Failure(`${groupResource(resource)} ${goQuote(object.metadata.name)} can't restart paused deployment (run rollout resume first)`)
  return { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': rfc3339(run.process.now()) } } } } }
})

export const rolloutPause: Verb = changing('paused', (_run, object, resource) => {
  if (object.kind !== 'Deployment') throw new Failure(`${groupResource(resource)} ${goQuote(object.metadata.name)} pausing is not supported`)
  if (spec(object)['paused'] === true) throw new Failure(`${groupResource(resource)} ${goQuote(object.metadata.name)} is already paused`)
  return { spec: { paused: true } }
})

export const rolloutResume: Verb = changing('resumed', (_run, object, resource) => {
  if (object.kind !== 'Deployment') throw new Failure(`${groupResource(resource)} ${goQuote(object.metadata.name)} resuming is not supported`)
  if (spec(object)['paused'] !== true) throw new Failure(`${groupResource(resource)} ${goQuote(object.metadata.name)} is not paused`)
  return { spec: { paused: null } }
})
