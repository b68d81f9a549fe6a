/** `kubectl create -f` and `kubectl replace`: objects from files, one after the other, going on after failures. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import { kindName } from '../client/discovery.ts'
import { goQuote } from '../print/json.ts'
import type { Verb } from '../cli/invocation.ts'
import { findTargets, getObject, pathOf, type ObjectTarget } from '../resource/targets.ts'
import { requireFiles } from '../resource/documents.ts'
import { openEditor } from './editor.ts'
import { createObject, replaceObject, reporter, withLastApplied } from './report.ts'

/** The failure with the file that it is about. */
export function withSource(error: unknown, verb: string, source: string): Error {
  if (error instanceof ApiError) return source === '' ? error : error.wrap(`error when ${verb} ${goQuote(source)}`)
  if (error instanceof Failure) return source === '' ? error : new Failure(`error when ${verb} ${goQuote(source)}: ${error.message}`)
  throw error
}

export function unexpectedArguments(path: string, args: readonly string[]): Failure {
  return usageFailure(path, `Unexpected args: [${args.join(' ')}]`)
}

export const create: Verb = async (run) => {
  if (run.flags.string('raw') !== '') {
    const body = await run.process.stdin.readAll()
    return run.out((await run.rest.call('POST', run.flags.string('raw'), { body })).body)
  }
  const hasFiles = run.flags.list('filename').length > 0 || run.flags.string('kustomize') !== ''
  if (!hasFiles && run.args.length > 0) throw unexpectedArguments(run.path, run.args)
  requireFiles(run)
  if (run.args.length > 0) throw unexpectedArguments(run.path, run.args)
  const report = await reporter(run)
  const found = await findTargets(run, {})
  const errors = [...found.errors]
  let count = 0
  for (const target of found.targets as ObjectTarget[]) {
    const object = run.flags.bool('save-config') ? withLastApplied(target.object!) : target.object!
    count++
    try {
      if (report.dryRun === 'client') {
        await report.done(target.resource, object, 'created')
        continue
      }
      const edited = run.flags.bool('edit') ? await openEditor(run, object) : object
      if (!edited) continue
      const stored = await createObject(run, target.resource, target.namespace, edited, { dryRun: report.dryRun })
      await report.done(target.resource, stored, 'created')
    } catch (error) {
      errors.push(withSource(error, 'creating', target.source))
    }
  }
  throwAll(errors)
  if (count === 0) throw new Failure('no objects passed to create')
}

export const replace: Verb = async (run) => {
  requireFiles(run)
  if (run.args.length > 0) throw unexpectedArguments(run.path, run.args)
  const force = run.flags.bool('force')
  if (run.flags.number('grace-period') >= 0 && run.flags.changed('grace-period') && !force) throw new Failure('--grace-period must have --force specified')
  if (run.flags.duration('timeout') !== 0 && !force) throw new Failure('--timeout must have --force specified')
  const report = await reporter(run)
  if (force && report.dryRun !== 'none') throw new Failure('--dry-run can not be used when --force is set')
  const found = await findTargets(run, {})
  const errors = [...found.errors]
  let count = 0
  // First everything goes, then everything comes back.
  if (force) {
    for (const target of found.targets as ObjectTarget[]) await remove(target)
    for (const target of found.targets as ObjectTarget[]) await gone(target)
  }
  for (const target of found.targets as ObjectTarget[]) {
    count++
    const object = run.flags.bool('save-config') ? withLastApplied(target.object!) : await keepLastApplied(target)
    try {
      if (report.dryRun === 'client') {
        await report.done(target.resource, object, 'replaced')
        continue
      }
      const stored = force
        ? await createObject(run, target.resource, target.namespace, withoutVersion(object), { dryRun: 'none', fieldManager: 'kubectl-replace' })
        : await replaceObject(run, target.resource, target.namespace, target.name, await withVersion(target, object), { dryRun: report.dryRun, validate: 'strict', ...(run.flags.string('subresource') ? { subresource: run.flags.string('subresource') } : {}) })
      await report.done(target.resource, stored, 'replaced')
    } catch (error) {
      errors.push(withSource(error, 'replacing', target.source))
    }
  }
  throwAll(errors)
  if (count === 0) throw new Failure('no objects passed to replace')

  /** An annotation that apply left in the file is brought up to date, as kubectl's CreateOrUpdateAnnotation does. */
  function keepLastApplied(target: ObjectTarget): Promise<KubeObject> {
    const annotated = target.object!.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] !== undefined
    return Promise.resolve(annotated ? withLastApplied(target.object!) : target.object!)
  }

  async function remove(target: ObjectTarget): Promise<void> {
    try {
      const grace = run.flags.changed('grace-period') ? Math.max(run.flags.number('grace-period'), 0) : 0
      await run.rest.call('DELETE', pathOf(target.resource, target.namespace, target.name), { body: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: grace, propagationPolicy: 'Background' } })
      await run.out(`${kindName(target.resource)} ${goQuote(target.name)} deleted${target.namespace ? ` from ${target.namespace} namespace` : ''}\n`)
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error
    }
  }

  async function gone(target: ObjectTarget): Promise<void> {
    try {
      for (let i = 0; i < 600; i++) {
        await getObject(run, target)
        await run.process.sleep(500)
      }
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error
    }
  }

  /** kubectl's helper fills in the version that the server has where the file names none. */
  async function withVersion(target: ObjectTarget, object: KubeObject): Promise<KubeObject> {
    if (object.metadata.resourceVersion) return object
    try {
      const stored = await getObject(run, target)
      return { ...object, metadata: { ...object.metadata, ...(stored.metadata.resourceVersion ? { resourceVersion: stored.metadata.resourceVersion } : {}) } }
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'NotFound') return object
      throw error
    }
  }
}

function withoutVersion(object: KubeObject): KubeObject {
  const { resourceVersion: _, uid: __, ...metadata } = object.metadata
  return { ...object, metadata: metadata as KubeObject['metadata'] }
}
