/** `kubectl label`, `kubectl annotate` and `kubectl patch`. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { goJson, goQuote } from '../print/json.ts'
import { applyJsonPatch, applyMergePatch, contentTypes, mergeDiff, strategicMergeOf } from '../resource/patch.ts'
import { fetchInfos, findTargets, type Info } from '../resource/targets.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import { kindName } from '../client/discovery.ts'
import { patchObject, reporter } from './report.ts'
import { JsonPatchError } from '#engine/api/merge-patch.ts'

const valuePattern = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const valueRule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

/** `TYPE NAME a=b c-` apart: what is meant and what changes. */
function splitPairs(args: readonly string[], what: string): { readonly resources: string[]; readonly pairs: string[] } {
  const resources: string[] = []
  const pairs: string[] = []
  for (const arg of args) {
    const pair = (arg.includes('=') && arg[0] !== '=') || (arg.endsWith('-') && arg !== '-')
    if (pair) pairs.push(arg)
    else if (pairs.length > 0) throw new Failure(`all resources must be specified before ${what} changes: ${arg}`)
    else resources.push(arg)
  }
  return { resources, pairs }
}

function parsePairs(pairs: readonly string[], what: 'label' | 'annotation'): { readonly set: Map<string, string>; readonly remove: string[] } {
  const set = new Map<string, string>()
  const remove: string[] = []
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at > 0) {
      const [key, value] = [pair.slice(0, at), pair.slice(at + 1)]
      if (what === 'label' && pair.indexOf('=', at + 1) > 0) throw new Failure(`invalid label spec: ${pair}`)
      if (what === 'label' && (value.length > 63 || !valuePattern.test(value))) throw new Failure(`invalid label value: ${goQuote(pair)}: ${value.length > 63 ? 'must be no more than 63 bytes' : valueRule}`)
      set.set(key, value)
    } else if (pair.endsWith('-')) remove.push(pair.slice(0, -1))
    else throw new Failure(`unknown ${what} spec: ${pair}`)
  }
  for (const key of remove) if (set.has(key)) throw new Failure(what === 'label' ? 'can not both modify and remove a label in the same command' : `can not both modify and remove the following annotation(s) in the same command: ${key}`)
  return { set, remove }
}

/** label and annotate differ in one field and some words. */
function metadataVerb(field: 'labels' | 'annotations'): Verb {
  const what = field === 'labels' ? 'label' : 'annotation'
  return async (run) => {
    const report = await reporter(run)
    const { resources, pairs } = splitPairs(run.args, what)
    const hasFiles = run.flags.list('filename').length > 0 || run.flags.string('kustomize') !== ''
    const listing = run.flags.bool('list')
    if (run.flags.bool('all') && run.flags.string('selector') !== '') throw new Failure('cannot set --all and --selector at the same time')
    if (resources.length < 1 && !hasFiles) throw new Failure('one or more resources must be specified as <resource> <name> or <resource>/<name>')
    const { set, remove } = parsePairs(pairs, what)
    if (pairs.length === 0 && !listing) throw new Failure(`at least one ${what} update is required`)
    if (listing && pairs.length > 0) throw new Failure(`cannot use --list with ${what} changes`)
    const local = run.flags.bool('local')
    const found = await findTargets(run, { args: resources, all: run.flags.bool('all') })
    const { infos, errors } = await fetchInfos(run, found, { local })
    for (const info of infos) {
      try {
        await changeMetadata(run, info, field, what, set, remove, listing, report, infos.length > 1)
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof Failure)) throw error
        errors.push(error)
      }
    }
    throwAll(errors)
  }
}

async function changeMetadata(run: Invocation, info: Info, field: 'labels' | 'annotations', what: string, set: ReadonlyMap<string, string>, remove: readonly string[], listing: boolean, report: Awaited<ReturnType<typeof reporter>>, several: boolean): Promise<void> {
  const old = info.object.metadata[field] ?? {}
  if (listing) {
    if (several) await run.out(`Listing ${field} for ${kindName(info.resource).split('.')[0]!}.${info.resource.group || 'v1'}/${info.name}:\n`)
    await run.out(Object.entries(old).map(([k, v]) => `${several ? ' ' : ''}${k}=${v}\n`).join(''))
    return
  }
  const overwrite = run.flags.bool('overwrite')
  if (!overwrite) {
    const taken = [...set].filter(([k, v]) => Object.hasOwn(old, k) && (old[k] !== v || field === 'labels') && old[k] !== v)
    if (taken.length > 0) {
      const texts = taken.map(([k]) => `'${k}' already has a value (${old[k]!})`)
      if (field === 'labels') throw new Failure(`${texts[0]!}, and --overwrite is false`)
      throw new Failure(`--overwrite is false but found the following declared annotation(s): ${texts.join('; ')}`)
    }
  }
  const next: Record<string, string> = { ...old }
  for (const key of remove) {
    if (field === 'labels' && !Object.hasOwn(next, key)) await run.out(`label ${goQuote(key)} not found.\n`)
    delete next[key]
  }
  for (const [key, value] of set) next[key] = value
  const wanted = { ...info.object, metadata: { ...info.object.metadata, [field]: next } } as KubeObject
  if (Object.keys(next).length === 0) delete wanted.metadata[field]
  const version = run.flags.string('resource-version')
  if (version !== '') wanted.metadata.resourceVersion = version
  const patch = mergeDiff(info.object, wanted) as Record<string, unknown>
  const changed = Object.keys(patch).length > 0
  const words = field === 'annotations' ? 'annotated' : !changed ? 'not labeled' : !overwrite && goJson(wanted).length < goJson(info.object).length ? 'unlabeled' : 'labeled'
  if (run.flags.bool('local') || report.dryRun === 'client') return report.done(info.resource, wanted, words)
  const stored = changed ? await patchObject(run, info.resource, info.namespace, info.name, patch, contentTypes.merge, { dryRun: report.dryRun, fieldManager: field === 'labels' ? 'kubectl-label' : 'kubectl-annotate' }) : info.object
  await report.done(info.resource, stored, words)
  void what
}

export const label = metadataVerb('labels')
export const annotate = metadataVerb('annotations')

export const patch: Verb = async (run) => {
  const type = run.flags.string('type') || 'strategic'
  const file = run.flags.string('patch-file')
  const inline = run.flags.string('patch')
  if (run.flags.bool('local') && run.flags.string('subresource')) throw usageFailure(run.path, '--subresource cannot be used with --local')
  if ((inline === '') === (file === '')) throw new Failure(inline === '' ? 'must specify --patch or --patch-file containing the contents of the patch' : 'cannot specify --patch and --patch-file together')
  if (!(type in { strategic: 1, merge: 1, json: 1 })) throw new Failure(`--type must be one of [json merge strategic], not ${goQuote(type)}`)
  if (file !== '' && !run.process.fs.exists(file)) throw new Failure(`unable to read patch file: open ${file}: no such file or directory`)
  const report = await reporter(run)
  const text = file !== '' ? run.process.fs.readFile(file) : inline
  let body: unknown
  try {
    body = parseYaml(text)
  } catch (error) {
    if (error instanceof YamlError) throw new Failure(`unable to parse ${goQuote(text)}: ${error.message}`)
    throw error
  }
  const local = run.flags.bool('local')
  const found = await findTargets(run, {})
  const { infos, errors } = await fetchInfos(run, found, { local })
  for (const info of infos) {
    try {
      const subresource = run.flags.string('subresource')
      if (local || report.dryRun === 'client') {
        await report.done(info.resource, applyLocally(info.object, body, type), 'patched')
        continue
      }
      const stored = await patchObject(run, info.resource, info.namespace, info.name, JSON.stringify(body), contentTypes[type as 'strategic'], { dryRun: report.dryRun, ...(subresource ? { subresource } : {}) })
      const unchanged = stored.metadata.resourceVersion === info.object.metadata.resourceVersion && report.dryRun === 'none'
      const shown = subresource === 'scale' ? { ...info.resource, group: 'autoscaling', kind: 'Scale' } : info.resource
      await report.done(shown, stored, unchanged ? 'patched (no change)' : 'patched')
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status.code === 415 && type === 'strategic') errors.push(new Failure(`application/strategic-merge-patch+json is not supported by ${info.resource.group}/${info.resource.version}, Kind=${info.resource.kind}: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml`))
      else errors.push(error)
    }
  }
  throwAll(errors)
}

function applyLocally(object: KubeObject, body: unknown, type: string): KubeObject {
  try {
    return (type === 'json' ? applyJsonPatch(object, body as never) : type === 'merge' ? applyMergePatch(object, body) : strategicMergeOf(object, body)) as KubeObject
  } catch (error) {
    if (error instanceof JsonPatchError) throw new Failure(error.message)
    throw error
  }
}

