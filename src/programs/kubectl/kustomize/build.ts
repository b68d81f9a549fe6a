/**
 * `kubectl kustomize` and `-k`: reads kustomizations and what they stand on, generates, transforms, follows names and puts the objects in kustomize's order.
 * Left out: replacements and vars, plugins, helm charts, files and bases from the network.
 */
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { Failure } from '../cli/errors.ts'
import { generate, hashOf } from './generate.ts'
import { idOf, itemOf, rename, type Fields, type Item } from './item.ts'
import { followNames } from './references.ts'
import { transform } from './transform.ts'

export interface Kustomized {
  readonly objects: KubeObject[]
  /** Lines for the error stream. */
  readonly warnings: string[]
}

const names = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']
const first = [
  'Namespace', 'ResourceQuota', 'StorageClass', 'CustomResourceDefinition', 'ServiceAccount', 'PodSecurityPolicy', 'Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding', 'ConfigMap', 'Secret', 'Endpoints', 'Service', 'LimitRange',
  'PriorityClass', 'PersistentVolume', 'PersistentVolumeClaim', 'Deployment', 'StatefulSet', 'CronJob', 'PodDisruptionBudget',
]
const last = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']
const fields = new Set([
  'apiVersion', 'kind', 'metadata', 'openapi', 'namePrefix', 'nameSuffix', 'namespace', 'commonLabels', 'labels', 'commonAnnotations', 'patchesStrategicMerge', 'patchesJson6902', 'patches', 'images', 'imageTags', 'replacements', 'replicas', 'vars', 'sortOptions',
  'resources', 'components', 'crds', 'bases', 'configMapGenerator', 'secretGenerator', 'helmGlobals', 'helmCharts', 'helmChartInflationGenerator', 'generatorOptions', 'configurations', 'generators', 'transformers', 'validators', 'buildMetadata', 'inventory',
])
const deprecated: readonly (readonly [string, string])[] = [['bases', 'resources'], ['commonLabels', 'labels'], ['patchesJson6902', 'patches'], ['patchesStrategicMerge', 'patches'], ['vars', 'replacements']]

export function kustomize(process: Process, folder: string): Kustomized {
  const warnings: string[] = []
  const target = absolute(process, folder)
  if (!process.fs.exists(target)) throw new Failure(`must build at directory: not a valid directory: evalsymlink failure on '${folder}' : lstat ${target}: no such file or directory`)
  if (process.fs.stat(target).type !== 'directory') throw new Failure(`must build at directory: '${folder}': file is not directory`)
  const items = accumulate(process, target, [], warnings)
  for (const item of items) if (item.hashed) rename(item, `${item.object.metadata.name}-${hashOf(item.object)}`)
  followNames(items)
  return { objects: items.map((item) => item.object).sort(order), warnings }
}

function order(a: KubeObject, b: KubeObject): number {
  const rank = (o: KubeObject) => (first.includes(o.kind) ? first.indexOf(o.kind) - first.length : last.includes(o.kind) ? last.indexOf(o.kind) + 1 : 0)
  const by = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0)
  return rank(a) - rank(b) || by(kindText(a), kindText(b)) || by(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || by(a.metadata.name, b.metadata.name)
}

function kindText(object: KubeObject): string {
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  return `${group}_${version}_${object.kind}`
}

function absolute(process: Process, path: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${process.cwd}/${path}`).split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** One kustomization over what came before it (nothing, but for components). */
function accumulate(process: Process, folder: string, before: Item[], warnings: string[]): Item[] {
  const spec = kustomizationOf(process, folder)
  for (const [old, instead] of deprecated) if (spec[old] !== undefined) warnings.push(`# Warning: '${old}' is deprecated. Please use '${instead}' instead.${old === 'vars' ? ' [EXPERIMENTAL]' : ''} Run 'kustomize edit fix' to update your Kustomization automatically.\n`)
  let items = before
  const entries = (key: string) => (spec[key] as string[] | undefined) ?? []
  for (const entry of [...entries('resources'), ...entries('bases')]) {
    const full = absolute(process, `${folder}/${entry}`)
    if (!process.fs.exists(full)) throw new Failure(`accumulating resources: accumulation err='accumulating resources from '${entry}': open ${full}: no such file or directory': must build at directory: not a valid directory: evalsymlink failure on '${full}' : lstat ${full}: no such file or directory`)
    const folderToo = process.fs.stat(full).type === 'directory'
    for (const item of folderToo ? within(`accumulating resources from '${entry}': `, full, () => accumulate(process, full, [], warnings)) : within(`accumulating resources from '${entry}': `, full, () => documents(process, full))) {
      const twin = items.find((other) => idOf(other.object) === idOf(item.object))
      if (twin) {
        const clash = `may not add resource with an already registered id: ${idOf(item.object)}`
        throw new Failure(folderToo ? `accumulating resources: accumulation err='accumulating resources from '${entry}': '${full}' must resolve to a file': recursed merging from path '${full}': ${clash}` : `accumulating resources: accumulation err='merging resources from '${entry}': ${clash}': must build at directory: '${full}': file is not directory`)
      }
      items = [...items, item]
    }
  }
  const readFile = (path: string) => {
    const full = absolute(process, `${folder}/${path}`)
    if (!process.fs.exists(full)) throw new Failure(`open ${full}: no such file or directory`)
    return process.fs.readFile(full)
  }
  for (const made of generate(spec, readFile)) items = absorb(items, made)
  for (const entry of entries('components')) items = accumulate(process, absolute(process, `${folder}/${entry}`), items, warnings)
  return transform(items, spec, readFile)
}

/** Errors from below say which entry led there. */
function within<T>(prefix: string, full: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const isFolder = !/\.ya?ml$|\.json$/.test(full)
    throw new Failure(isFolder ? `accumulating resources: accumulation err='${prefix}'${full}' must resolve to a file': recursed accumulation of path '${full}': ${error.message}` : `accumulating resources: accumulation err='${prefix}${error.message}': must build at directory: '${full}': file is not directory`)
  }
}

function absorb(items: Item[], made: Item): Item[] {
  const same = items.find((item) => item.object.kind === made.object.kind && item.names.includes(made.object.metadata.name) && (made.object.metadata.namespace === undefined || item.namespaces.includes(made.object.metadata.namespace)))
  if (made.behaviour === 'create') {
    if (same && same.object.metadata.name === made.object.metadata.name) throw new Failure(`merging from generator ${JSON.stringify(made.object.metadata.name)}: id ${idOf(made.object)} exists; behavior must be merge or replace`)
    return [...items, made]
  }
  if (!same) throw new Failure(`merging from generator ${JSON.stringify(made.object.metadata.name)}: id ${idOf(made.object)} does not exist; cannot merge or replace`)
  const data = made.behaviour === 'merge' ? { ...(same.object['data'] as Fields | undefined), ...(made.object['data'] as Fields | undefined) } : made.object['data']
  same.object = { ...same.object, ...(data === undefined ? {} : { data }) }
  return items
}

function kustomizationOf(process: Process, folder: string): Fields {
  const found = names.map((name) => `${folder}/${name}`).filter((path) => process.fs.exists(path))
  if (found.length === 0) throw new Failure(`unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${folder}'`)
  if (found.length > 1) throw new Failure(`Found multiple kustomization files under: ${folder}\n`)
  let spec: unknown
  try {
    spec = parseYaml(process.fs.readFile(found[0]!))
  } catch (error) {
    if (error instanceof YamlError) throw new Failure(`invalid Kustomization: ${error.message}`)
    throw error
  }
  if (spec === null || spec === undefined) throw new Failure('kustomization.yaml is empty')
  if (typeof spec !== 'object' || Array.isArray(spec)) throw new Failure(`invalid Kustomization: json: cannot unmarshal ${Array.isArray(spec) ? 'array' : typeof spec} into Go value of type types.Kustomization`)
  const value = spec as Fields
  const unknown = Object.keys(value).filter((key) => !fields.has(key)).sort()[0]
  if (unknown !== undefined) throw new Failure(`invalid Kustomization: json: unknown field ${JSON.stringify(unknown)}`)
  const kind = value['kind'] ?? 'Kustomization'
  const wrong: string[] = []
  if (kind !== 'Kustomization' && kind !== 'Component') wrong.push('kind should be Kustomization or Component')
  const version = `kustomize.config.k8s.io/${kind === 'Component' ? 'v1alpha1' : 'v1beta1'}`
  if (value['apiVersion'] !== undefined && value['apiVersion'] !== version && value['apiVersion'] !== 'kustomize.config.k8s.io/v1') wrong.push(`apiVersion for ${String(kind)} should be ${version}`)
  if (wrong.length > 0) throw new Failure(`Failed to read kustomization file under ${folder}:\n${wrong.join('\n')}`)
  return value
}

/** The objects of one file; a list gives its members. */
function documents(process: Process, path: string): Item[] {
  const out: Item[] = []
  for (const part of process.fs.readFile(path).split(/^---.*$/m)) {
    let value: unknown
    try {
      value = parseYaml(part)
    } catch (error) {
      if (error instanceof YamlError) throw new Failure(`MalformedYAMLError: ${error.message} in File: ${path.split('/').at(-1)!}`)
      throw error
    }
    if (value === null || value === undefined) continue
    const object = value as KubeObject
    if (!object.kind) throw new Failure(`missing metadata.name in object {{${object.apiVersion ?? ''} } {{ } map[] map[]}}`)
    const members = /List$/.test(object.kind) && Array.isArray(object['items']) ? (object['items'] as KubeObject[]) : [object]
    for (const member of members) {
      if (!member.metadata?.name) throw new Failure(`missing metadata.name in object {{${member.apiVersion ?? ''} ${member.kind}} {{${member.metadata?.name ?? ''} ${member.metadata?.namespace ?? ''}} map[] map[]}}`)
      out.push(itemOf(JSON.parse(JSON.stringify(member)) as KubeObject))
    }
  }
  return out
}
