/** `kubectl apply`: three-way merge against the last applied configuration, server-side apply, pruning by label; view-, set- and edit-last-applied. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { gvrText, kindName, type Resource } from '../client/discovery.ts'
import { goJson, goQuote } from '../print/json.ts'
import { requireFiles } from '../resource/documents.ts'
import { contentTypes, schemaName, threeWayMerge, threeWayStrategic } from '../resource/patch.ts'
import { fetchInfos, findTargets, getObject, pathOf, type ObjectTarget } from '../resource/targets.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { unexpectedArguments, withSource } from './create.ts'
import { createObject, lastApplied, patchObject, reporter, withLastApplied, type DryRun, type Reporter } from './report.ts'

const conflictAdvice = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`

function describeTarget(target: ObjectTarget): string {
  const { group, version, kind } = target.resource
  return `Resource: ${goQuote(gvrText(target.resource))}, GroupVersionKind: ${goQuote(`${group}/${version}, Kind=${kind}`)}\nName: ${goQuote(target.name)}, Namespace: ${goQuote(target.namespace)}`
}

export const apply: Verb = async (run) => {
  if (run.args.length > 0) throw unexpectedArguments(run.path, run.args)
  const serverSide = run.flags.bool('server-side')
  if (run.flags.bool('force-conflicts') && !serverSide) throw new Failure('--force-conflicts only works with --server-side')
  requireFiles(run)
  const report = await reporter(run)
  if (report.dryRun === 'client' && serverSide) throw new Failure("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
  if (run.flags.bool('force') && serverSide) throw new Failure('--force cannot be used with --server-side')
  if (run.flags.bool('force') && report.dryRun === 'server') throw new Failure('--dry-run=server cannot be used with --force')
  const pruning = run.flags.bool('prune')
  if (pruning && !run.flags.bool('all') && run.flags.string('selector') === '') throw new Failure('all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector')
  const found = await findTargets(run, {})
  const errors = [...found.errors]
  const targets = found.targets as ObjectTarget[]
  if (targets.length === 0 && errors.length === 0) throw new Failure('no objects passed to apply')
  // A syntax error anywhere stops kubectl before it changes anything; missing kinds do not.
  if (errors.some((e) => e.message.startsWith('error validating') || e.message.startsWith('error parsing')) && targets.length === 0) throwAll(errors)
  const applied: string[] = []
  for (const target of targets) {
    try {
      const stored = serverSide ? await applyServerSide(run, target, report) : await applyOne(run, target, report)
      applied.push(stored.metadata.uid ?? '')
    } catch (error) {
      if (error instanceof ApiError || error instanceof Failure) errors.push(error)
      else throw error
    }
  }
  if (pruning && errors.length === 0) await prune(run, applied, report)
  throwAll(errors)
}

async function applyServerSide(run: Invocation, target: ObjectTarget, report: Reporter): Promise<KubeObject> {
  const manager = run.flags.changed('field-manager') ? run.flags.string('field-manager') : 'kubectl'
  try {
    const stored = await patchObject(run, target.resource, target.namespace, target.name, goJson(target.object), contentTypes.apply, {
      dryRun: report.dryRun, fieldManager: manager, force: run.flags.bool('force-conflicts'), validate: 'strict', ...(run.flags.has('subresource') && run.flags.string('subresource') ? { subresource: run.flags.string('subresource') } : {}),
    })
    await report.done(target.resource, stored, 'serverside-applied')
    return stored
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'Conflict') throw new Failure(`${error.message}\n${conflictAdvice}`)
    throw error
  }
}

async function readCurrent(run: Invocation, target: ObjectTarget): Promise<KubeObject | undefined> {
  try {
    return await getObject(run, target)
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'NotFound') return undefined
    throw withSource(error, `retrieving current configuration of:\n${describeTarget(target)}\nfrom server for:`, target.source)
  }
}

async function applyOne(run: Invocation, target: ObjectTarget, report: Reporter): Promise<KubeObject> {
  const modified = withLastApplied(target.object!)
  const current = await readCurrent(run, target)
  if (!current) {
    if (report.dryRun === 'client') {
      await report.done(target.resource, modified, 'created')
      return modified
    }
    try {
      const stored = await createObject(run, target.resource, target.namespace, modified, { dryRun: report.dryRun, fieldManager: 'kubectl-client-side-apply' })
      await report.done(target.resource, stored, 'created')
      return stored
    } catch (error) {
      throw withSource(error, 'creating', target.source)
    }
  }
  const annotation = current.metadata.annotations?.[lastApplied]
  if (annotation === undefined) {
    await run.warn(`resource ${target.resource.name}/${target.name} is missing the ${lastApplied} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.`)
  }
  const { patch, type } = applyPatch(annotation, modified, current)
  if (report.dryRun === 'client') {
    await report.done(target.resource, current, Object.keys(patch).length === 0 ? 'unchanged' : 'configured')
    return current
  }
  if (Object.keys(patch).length === 0) {
    await report.done(target.resource, current, 'unchanged')
    return current
  }
  try {
    const stored = await patchObject(run, target.resource, target.namespace, target.name, patch, contentTypes[type], { dryRun: report.dryRun, fieldManager: 'kubectl-client-side-apply', validate: 'strict' })
    await report.done(target.resource, stored, 'configured')
    return stored
  } catch (error) {
    if (run.flags.bool('force') && error instanceof ApiError && (error.reason === 'Invalid' || error.reason === 'Conflict')) return recreate(run, target, modified, report)
    throw withSource(error, `applying patch:\n${goJson(patch)}\nto:\n${describeTarget(target)}\nfor:`, target.source)
  }
}

async function recreate(run: Invocation, target: ObjectTarget, modified: KubeObject, report: Reporter): Promise<KubeObject> {
  await run.rest.call('DELETE', pathOf(target.resource, target.namespace, target.name), { body: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 } })
  for (let i = 0; i < 60 && (await readCurrent(run, target)); i++) await run.process.sleep(1000)
  const stored = await createObject(run, target.resource, target.namespace, modified, { dryRun: 'none', fieldManager: 'kubectl-client-side-apply' })
  await report.done(target.resource, stored, 'configured')
  return stored
}

/** The patch that brings `current` to `modified`, taking back what the last applied configuration had and this one has not. */
export function applyPatch(annotation: string | undefined, modified: KubeObject, current: KubeObject): { readonly patch: Record<string, unknown>; readonly type: 'strategic' | 'merge' } {
  let original: unknown = {}
  if (annotation !== undefined && annotation !== '') {
    try {
      original = JSON.parse(annotation)
    } catch {
      throw new Failure(`retrieving original configuration from:\n${annotation}\nfor: ""`)
    }
  }
  const name = schemaName(modified.apiVersion, modified.kind)
  if (name !== undefined) return { patch: threeWayStrategic(original, modified, current, name) as Record<string, unknown>, type: 'strategic' }
  return { patch: threeWayMerge(original, modified, current) as Record<string, unknown>, type: 'merge' }
}

const prunable = ['configmaps', 'endpoints', 'namespaces', 'persistentvolumeclaims', 'persistentvolumes', 'pods', 'replicationcontrollers', 'secrets', 'services', 'jobs', 'cronjobs', 'ingresses', 'daemonsets', 'deployments', 'replicasets', 'statefulsets']

async function prune(run: Invocation, applied: readonly string[], report: Reporter): Promise<void> {
  const all = await run.discovery.resources()
  for (const name of prunable) {
    const resource: Resource | undefined = all.find((r) => r.name === name && r.preferred)
    if (!resource) continue
    const list = await run.rest.json<{ items: KubeObject[] }>('GET', pathOf(resource, resource.namespaced ? run.namespace : undefined), { query: { labelSelector: run.flags.string('selector') } })
    for (const item of list.items ?? []) {
      if (item.metadata.annotations?.[lastApplied] === undefined || applied.includes(item.metadata.uid ?? '')) continue
      const dryRun: DryRun = report.dryRun
      if (dryRun === 'none') await run.rest.call('DELETE', pathOf(resource, item.metadata.namespace, item.metadata.name), { body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' } })
      await run.out(`${kindName(resource)}/${item.metadata.name} pruned\n`)
    }
  }
}

export const viewLastApplied: Verb = async (run) => {
  const output = run.flags.string('output') || 'yaml'
  if (output !== 'yaml' && output !== 'json') throw new Failure(`Unexpected -o output mode: ${output}, the flag 'output' must be one of yaml|json`)
  const found = await findTargets(run, { emptySelector: true, all: run.flags.bool('all') })
  const { infos, errors } = await fetchInfos(run, found)
  throwAll(errors)
  for (const info of infos) {
    const text = info.object.metadata.annotations?.[lastApplied]
    if (text === undefined) throw new Failure(`no last-applied-configuration annotation found on resource: ${info.name}`)
    const object = JSON.parse(text) as unknown
    await run.out(output === 'yaml' ? emitYaml(object) : `${goJson(object, '  ')}\n`)
  }
}

export const setLastApplied: Verb = async (run) => {
  requireFiles(run)
  const report = await reporter(run)
  const found = await findTargets(run, {})
  const errors = [...found.errors]
  for (const target of found.targets as ObjectTarget[]) {
    const modified = withLastApplied(target.object!)
    const current = await readCurrent(run, target)
    if (!current) {
      errors.push(new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', message: `${target.resource.name} ${goQuote(target.name)} not found` }))
      continue
    }
    if (current.metadata.annotations?.[lastApplied] === undefined && !run.flags.bool('create-annotation')) {
      errors.push(new Failure(`no last-applied-configuration annotation found on resource: ${target.name}, to create the annotation, run the command with --create-annotation`))
      continue
    }
    const patch = { metadata: { annotations: { [lastApplied]: modified.metadata.annotations![lastApplied] } } }
    const stored = report.dryRun === 'client' ? current : await patchObject(run, target.resource, target.namespace, target.name, patch, contentTypes.merge, { dryRun: report.dryRun })
    await report.done(target.resource, stored, 'configured')
  }
  throwAll(errors)
}

