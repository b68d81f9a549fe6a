/** `kubectl edit` and `kubectl diff`. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { apiVersionOf, groupResource, kindName } from '../client/discovery.ts'
import { goJson, goQuote } from '../print/json.ts'
import { contentTypes, patchBetween } from '../resource/patch.ts'
import { fetchInfos, findTargets, getObject, type Info, type ObjectTarget } from '../resource/targets.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import { applyPatch } from './apply.ts'
import { requireFiles } from '../resource/documents.ts'
import { editText, stripComments, withHead } from './editor.ts'
import { createObject, patchObject, reporter, withLastApplied } from './report.ts'
import { unifiedDiff } from './unified-diff.ts'

function bare(object: KubeObject, keepManaged = false): KubeObject {
  if (keepManaged || object.metadata.managedFields === undefined) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata: metadata as KubeObject['metadata'] }
}

export const edit: Verb = async (run) => {
  if (run.args.length === 0 && run.flags.list('filename').length === 0) throw usageFailure(run.path, 'You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   \'-f rsrc.yaml\'\n   \'--filename=rsrc.json\'\n   \'<resource> <name>\'\n   \'<resource>\'')
  const report = await reporter(run)
  const json = run.flags.string('output') === 'json'
  const found = await findTargets(run, { emptySelector: true })
  const { infos, errors } = await fetchInfos(run, found)
  throwAll(errors)
  if (infos.length === 0) {
    await run.out('edit cancelled, no objects found\n')
    return
  }
  const original = infos.length === 1 ? bare(infos[0]!.object) : ({ apiVersion: 'v1', items: infos.map((i) => bare(i.object)), kind: 'List', metadata: {} } as unknown as KubeObject)
  let text = json ? goJson(original, '    ') + '\n' : withHead(emitYaml(original))
  let failed = false
  for (;;) {
    const { text: edited, path } = await editText(run, text, json ? '.json' : '.yaml')
    const stripped = stripComments(edited)
    const same = stripped === stripComments(text)
    if (failed && same) {
      await run.err(`A copy of your changes has been stored to ${goQuote(path)}\n`)
      throw new Failure('Edit cancelled, no valid changes were saved.')
    }
    if (stripped.trim() === '' || same) {
      run.process.fs.unlink(path)
      return run.err(same ? 'Edit cancelled, no changes made.\n' : 'Edit cancelled, saved file was empty.\n')
    }
    let objects: KubeObject[]
    try {
      const value = parseYaml(stripped) as KubeObject & { items?: KubeObject[] }
      objects = infos.length > 1 && Array.isArray(value.items) ? value.items : [value]
    } catch (error) {
      if (!(error instanceof YamlError)) throw error
      failed = true
      text = withHead(stripped, `The edited file had a syntax error: error parsing edited-file: error converting YAML to JSON: ${error.message}`)
      continue
    }
    const problem = await save(run, infos, objects, report)
    if (problem === undefined) {
      run.process.fs.unlink(path)
      return
    }
    const about = `${groupResource(infos[0]!.resource)} ${goQuote(infos[0]!.name)}`
    if (!(problem instanceof ApiError && problem.reason === 'Invalid')) {
      const missing = problem instanceof ApiError && problem.reason === 'NotFound'
      await run.err(missing ? `error: ${about} could not be found on the server\nThe edits you made on deleted resources have been saved to ${goQuote(path)}\n` : `error: ${about} could not be patched: ${problem.message}\nYou can run \`kubectl replace -f ${path}\` to try this update again.\n`)
      return 1
    }
    await run.err(`error: ${about} is invalid\n`)
    failed = true
    const causes = (problem.status.details?.causes ?? []).map((c) => `* ${c.field ?? ''}: ${c.message ?? ''}`)
    text = withHead(stripped, `${about} was not valid:\n${causes.join('\n')}`)
  }
}

async function save(run: Invocation, infos: readonly Info[], objects: readonly KubeObject[], report: Awaited<ReturnType<typeof reporter>>): Promise<ApiError | Failure | undefined> {
  for (const wanted of objects) {
    const info = infos.find((i) => i.name === wanted.metadata?.name && i.object.kind === wanted.kind) ?? infos[0]!
    try {
      if (wanted.metadata?.name !== info.name) throw new Failure('At least one of apiVersion, kind and name was changed')
      const { patch, type } = patchBetween(bare(info.object), wanted)
      if (Object.keys(patch as object).length === 0) {
        await run.out(`${kindName(info.resource)}/${info.name} skipped\n`)
        continue
      }
      const subresource = run.flags.string('subresource')
      const stored = await patchObject(run, info.resource, info.namespace, info.name, patch, contentTypes[type], { dryRun: 'none', fieldManager: 'kubectl-edit', validate: 'strict', ...(subresource ? { subresource } : {}) })
      await report.done(info.resource, stored, 'edited')
    } catch (error) {
      if (error instanceof ApiError || error instanceof Failure) return error
      throw error
    }
  }
  return undefined
}

function masked(object: KubeObject, other: KubeObject | undefined): KubeObject {
  if (object.kind !== 'Secret') return object
  const out = { ...object }
  for (const field of ['data', 'stringData']) {
    const data = object[field] as Record<string, string> | undefined
    if (!data) continue
    const theirs = (other?.[field] ?? {}) as Record<string, string>
    out[field] = Object.fromEntries(Object.entries(data).map(([k, v]) => [k, theirs[k] === undefined || theirs[k] === v ? '***' : object.metadata.resourceVersion === undefined ? '*** (after)' : '*** (before)']))
  }
  return out
}

export const diff: Verb = async (run) => {
  requireFiles(run)
  const serverSide = run.flags.bool('server-side')
  const found = await findTargets(run, {})
  if (found.errors.length > 0) throw failWith2(found.errors)
  const suffix = () => String(100_000_000 + run.process.machine.sim.random.below(3_900_000_000))
  const [live, merged] = [`/tmp/LIVE-${suffix()}`, `/tmp/MERGED-${suffix()}`]
  let different = false
  const pairs: { name: string; from: string; to: string }[] = []
  for (const target of found.targets as ObjectTarget[]) {
    const name = [target.resource.group, target.resource.version, target.resource.kind, target.namespace, target.name].filter((p) => p !== '').join('.')
    let current: KubeObject | undefined
    try {
      current = await getObject(run, target)
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error
    }
    let next: KubeObject
    if (serverSide) {
      next = await patchObject(run, target.resource, target.namespace, target.name, goJson(target.object), contentTypes.apply, { dryRun: 'server', fieldManager: run.flags.changed('field-manager') ? run.flags.string('field-manager') : 'kubectl', force: run.flags.bool('force-conflicts') })
    } else if (!current) next = await createObject(run, target.resource, target.namespace, target.object!, { dryRun: 'server', fieldManager: 'kubectl-client-side-apply', validate: 'ignore' })
    else {
      const modified = withLastApplied(target.object!)
      const { patch, type } = applyPatch(current.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'], modified, current)
      // The annotation itself is not part of what diff shows.
      const annotations = (patch['metadata'] as { annotations?: Record<string, unknown> } | undefined)?.annotations
      if (annotations) delete annotations['kubectl.kubernetes.io/last-applied-configuration']
      if (annotations && Object.keys(annotations).length === 0) delete (patch['metadata'] as Record<string, unknown>)['annotations']
      if (patch['metadata'] && Object.keys(patch['metadata'] as object).length === 0) delete patch['metadata']
      next = await patchObject(run, target.resource, target.namespace, target.name, patch, contentTypes[type], { dryRun: 'server', fieldManager: 'kubectl-client-side-apply' })
    }
    const managed = run.flags.bool('show-managed-fields')
    pairs.push({ name, from: current ? emitYaml(masked(bare(current, managed), next)) : '', to: emitYaml(masked(bare({ ...next, apiVersion: apiVersionOf(target.resource), kind: target.resource.kind }, managed), current)) })
  }
  const time = `${new Date(run.process.now()).toISOString().replace('T', ' ').slice(0, 23)}000000 +0000`
  for (const pair of pairs.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const body = unifiedDiff(pair.from, pair.to)
    if (body === '') continue
    different = true
    await run.out(`diff -u -N ${live}/${pair.name} ${merged}/${pair.name}\n--- ${live}/${pair.name}\t${time}\n+++ ${merged}/${pair.name}\t${time}\n${body}`)
  }
  return different ? 1 : 0
}

/** diff answers 1 for differences, so its own failures are greater. */
function failWith2(errors: readonly Error[]): Failure {
  return new Failure(errors.map((e) => e.message).join('\n'), { code: 2 })
}

