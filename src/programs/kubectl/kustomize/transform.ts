/**
 * kustomize's built-in transformers in its order: patches, namespace, prefix, suffix, labels, annotations, JSON patches of the old kind, replicas, images.
 * The field tables are those of its default configuration, without the affinity paths of labels.
 */
import { parseYaml } from '#base/go-yaml/parse.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { Failure } from '../cli/errors.ts'
import { applyJsonPatch, strategicMergeOf } from '../resource/patch.ts'
import { idOf, isClusterScoped, move, rename, templateOf, visit, type Fields, type Item } from './item.ts'

type Labels = Record<string, string>
type ReadFile = (path: string) => string

export function transform(items: Item[], spec: Fields, readFile: ReadFile): Item[] {
  const list = (key: string) => (spec[key] as Fields[] | undefined) ?? []
  let out = items
  for (const entry of (spec['patchesStrategicMerge'] as string[] | undefined) ?? []) out = patch(out, entry.includes('\n') ? { patch: entry } : { path: entry }, readFile)
  for (const entry of list('patches')) out = patch(out, entry, readFile)
  const text = (key: string) => (typeof spec[key] === 'string' ? (spec[key] as string) : '')
  for (const item of out) {
    if (text('namespace')) intoNamespace(item, text('namespace'))
    if ((text('namePrefix') || text('nameSuffix')) && !['CustomResourceDefinition', 'APIService', 'Namespace'].includes(item.object.kind)) rename(item, text('namePrefix') + item.object.metadata.name + text('nameSuffix'))
    for (const entry of list('labels')) label(item.object, entry['pairs'] as Labels, entry['includeSelectors'] === true, entry['includeSelectors'] === true || entry['includeTemplates'] === true)
    if (spec['commonLabels']) label(item.object, spec['commonLabels'] as Labels, true, true)
    if (spec['commonAnnotations']) annotate(item.object, spec['commonAnnotations'] as Labels)
  }
  for (const entry of list('patchesJson6902')) out = patch(out, entry, readFile)
  for (const entry of list('replicas')) replicate(out, entry)
  for (const item of out) for (const entry of list('images')) if (item.object.kind !== 'CustomResourceDefinition') reimage(item.object, entry)
  return out
}

function patch(items: Item[], entry: Fields, readFile: ReadFile): Item[] {
  const text = typeof entry['patch'] === 'string' ? entry['patch'] : readFile(String(entry['path']))
  const target = entry['target'] as Fields | undefined
  let out = items
  for (const part of text.split(/^---.*$/m)) {
    const value = parseYaml(part) as unknown
    if (value === null || value === undefined) continue
    if (Array.isArray(value)) {
      if (!target) throw new Failure(`must specify a target for JSON patch ${JSON.stringify(text.trim())}`)
      for (const item of out) if (selects(target, item)) item.object = applyJsonPatch(item.object, value as never) as KubeObject
      continue
    }
    const given = value as KubeObject
    const chosen = target ? out.filter((item) => selects(target, item)) : out.filter((item) => meant(item, given))
    if (!target && chosen.length === 0) {
      const id = idOf(given)
      throw new Failure(`no resource matches strategic merge patch ${JSON.stringify(id)}: no matches for Id ${id}; failed to find unique target for patch ${id}`)
    }
    if ((given as unknown as Fields)['$patch'] === 'delete') {
      out = out.filter((item) => !chosen.includes(item))
      continue
    }
    for (const item of chosen) {
      const { name, namespace } = item.object.metadata
      const merged = strategicMergeOf(item.object, { ...given, metadata: { ...given.metadata, name, ...(namespace === undefined ? {} : { namespace }) } }) as KubeObject
      if (namespace === undefined) delete (merged.metadata as { namespace?: string }).namespace
      item.object = merged
    }
  }
  return out
}

/** A patch without a target names its object by kind, group and a name that it has or had. */
function meant(item: Item, given: KubeObject): boolean {
  return item.object.kind === given.kind && item.object.apiVersion === given.apiVersion && item.names.includes(given.metadata?.name) && (given.metadata?.namespace === undefined || item.namespaces.includes(given.metadata.namespace))
}

function selects(target: Fields, item: Item): boolean {
  const is = (pattern: unknown, ...values: string[]) => pattern === undefined || pattern === '' || values.some((value) => new RegExp(`^(?:${String(pattern)})$`).test(value))
  const [group, version] = item.object.apiVersion.includes('/') ? (item.object.apiVersion.split('/') as [string, string]) : ['', item.object.apiVersion]
  return is(target['kind'], item.object.kind) && is(target['group'], group) && is(target['version'], version) && is(target['name'], ...item.names) && is(target['namespace'], ...item.namespaces)
    && carries(target['labelSelector'], item.object.metadata.labels) && carries(target['annotationSelector'], item.object.metadata.annotations)
}

function carries(selector: unknown, pairs: Labels = {}): boolean {
  if (typeof selector !== 'string' || selector === '') return true
  return selector.split(',').every((part) => {
    const [, key, operator, value] = /^\s*([^=!\s]+)\s*(!=|==?)?\s*(.*?)\s*$/.exec(part) ?? []
    if (key === undefined) return false
    if (operator === undefined) return pairs[key] !== undefined
    return operator === '!=' ? pairs[key] !== value : pairs[key] === value
  })
}

function intoNamespace(item: Item, namespace: string): void {
  const { object } = item
  if (object.kind === 'Namespace') return rename(item, namespace)
  if (!isClusterScoped(object.kind)) move(item, namespace)
  // Of subjects only the account named default is moved here; others follow their objects.
  if (object.kind === 'RoleBinding' || object.kind === 'ClusterRoleBinding') for (const subject of (object['subjects'] as Fields[] | undefined) ?? []) if (subject['kind'] === 'ServiceAccount' && subject['name'] === 'default') subject['namespace'] = namespace
}

/** Paths of selectors by kind; those made where they are missing end with `!`. */
const selectors: Record<string, readonly string[]> = {
  Service: ['spec.selector!'], ReplicationController: ['spec.selector!'], Deployment: ['spec.selector.matchLabels!'], ReplicaSet: ['spec.selector.matchLabels!'], DaemonSet: ['spec.selector.matchLabels!'], StatefulSet: ['spec.selector.matchLabels!'],
  Job: ['spec.selector.matchLabels'], CronJob: ['spec.jobTemplate.spec.selector.matchLabels'], PodDisruptionBudget: ['spec.selector.matchLabels'],
  NetworkPolicy: ['spec.podSelector.matchLabels', 'spec.ingress[].from[].podSelector.matchLabels', 'spec.egress[].to[].podSelector.matchLabels'],
}

function merge(holder: Fields, key: string, pairs: Labels): void {
  holder[key] = { ...(holder[key] as Labels | undefined), ...pairs }
}

function label(object: KubeObject, pairs: Labels, intoSelectors: boolean, intoTemplates: boolean): void {
  merge(object.metadata as unknown as Fields, 'labels', pairs)
  if (intoTemplates) for (const metadata of templateMetadata(object)) merge(metadata, 'labels', pairs)
  if (!intoSelectors) return
  if (object.kind === 'StatefulSet') visit(object, ['spec', 'volumeClaimTemplates[]', 'metadata'], (holder, key) => merge(holder[key] as Fields, 'labels', pairs))
  for (const path of selectors[object.kind] ?? []) {
    const keys = path.replace('!', '').split('.')
    if (path.endsWith('!')) {
      const last = keys.pop()!
      merge(keys.reduce<Fields>((at, key) => (at[key] ??= {}) as Fields, object as unknown as Fields), last, pairs)
    } else visit(object, keys, (holder, key) => merge(holder, key, pairs))
  }
}

function annotate(object: KubeObject, pairs: Labels): void {
  merge(object.metadata as unknown as Fields, 'annotations', pairs)
  for (const metadata of templateMetadata(object)) merge(metadata, 'annotations', pairs)
}

function templateMetadata(object: KubeObject): Fields[] {
  const template = templateOf(object)
  const job = object.kind === 'CronJob' ? ((object['spec'] as Fields | undefined)?.['jobTemplate'] as Fields | undefined) : undefined
  return [job, template].filter((t): t is Fields => t !== undefined).map((t) => (t['metadata'] ??= {}) as Fields)
}

const counted = ['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet']

function replicate(items: readonly Item[], entry: Fields): void {
  const chosen = items.filter((item) => counted.includes(item.object.kind) && item.names.includes(String(entry['name'])))
  if (chosen.length === 0) throw new Failure(`resource with name ${String(entry['name'])} does not match a config with the following GVK [${counted.map((kind) => `${kind}.[noVer].[noGrp]`).join(' ')}]`)
  for (const item of chosen) (item.object['spec'] as Fields)['replicas'] = entry['count']
}

function reimage(value: unknown, entry: Fields): void {
  if (Array.isArray(value)) for (const member of value) reimage(member, entry)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if ((key === 'containers' || key === 'initContainers') && Array.isArray(inner)) for (const c of inner as Fields[]) if (typeof c['image'] === 'string') c['image'] = imageOf(c['image'], entry)
      reimage(inner, entry)
    }
  }
}

function imageOf(image: string, entry: Fields): string {
  const [, name = '', tag, digest] = /^(.*?)(?::([^/:@]+))?(?:@(.+))?$/.exec(image)!
  if (name !== entry['name']) return image
  const base = String(entry['newName'] ?? name)
  if (entry['digest']) return `${base}@${String(entry['digest'])}`
  const next = entry['newTag'] === undefined ? tag : String(entry['newTag'])
  if (entry['newTag'] === undefined && digest !== undefined) return `${base}${tag ? `:${tag}` : ''}@${digest}`
  return next === undefined ? base : `${base}:${next}${String(entry['tagSuffix'] ?? '')}`
}
