/**
 * The part of kustomize that practice tasks use: resources, namespace, name prefix and suffix, common labels and annotations, images, replicas,
 * strategic patches and JSON patches given in line or as files, config map and secret generators. Left out: components, replacements, vars, helm.
 */
import { toBase64 } from '#base/bytes.ts'
import { hex, sha256 } from '#base/sha.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { Failure } from '../cli/errors.ts'
import { goJson } from '../print/json.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import { applyJsonPatch, strategicMergeOf } from './patch.ts'

type Map_ = Record<string, unknown>

const names = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']
const kinds = ['Namespace', 'ResourceQuota', 'StorageClass', 'CustomResourceDefinition', 'ServiceAccount', 'PodSecurityPolicy', 'Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding', 'ConfigMap', 'Secret', 'Endpoints', 'Service', 'LimitRange', 'PriorityClass', 'PersistentVolume', 'PersistentVolumeClaim', 'Deployment', 'StatefulSet', 'CronJob', 'PodDisruptionBudget']
const clusterScoped = new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition', 'PersistentVolume', 'StorageClass', 'PriorityClass', 'Node', 'IngressClass', 'GatewayClass'])

export function buildKustomization(process: Process, folder: string): KubeObject[] {
  const path = names.map((n) => `${folder.replace(/\/$/, '')}/${n}`).find((p) => process.fs.exists(p))
  if (path === undefined) throw new Failure(`unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${absolute(process, folder)}'`)
  const spec = read(process, path) as Map_
  let objects: KubeObject[] = []
  for (const entry of [...((spec['resources'] as string[] | undefined) ?? []), ...((spec['bases'] as string[] | undefined) ?? [])]) {
    const full = `${folder.replace(/\/$/, '')}/${entry}`
    if (!process.fs.exists(full)) throw new Failure(`accumulating resources: accumulation err='accumulating resources from '${entry}': open ${absolute(process, full)}: no such file or directory': must build at directory: not a valid directory: evalsymlink failure on '${absolute(process, full)}' : lstat ${absolute(process, full)}: no such file or directory`)
    if (process.fs.stat(full).type === 'directory') objects.push(...buildKustomization(process, full))
    else objects.push(...documents(process, full))
  }
  objects.push(...generated(process, folder, spec))
  for (const patch of patches(process, folder, spec)) objects = patch(objects)
  objects = objects.map((o) => transform(o, spec))
  return objects.sort((a, b) => rank(a) - rank(b))
}

function rank(object: KubeObject): number {
  const at = kinds.indexOf(object.kind)
  return at < 0 ? (/Webhook/.test(object.kind) ? 1000 : 500) : at
}

function absolute(process: Process, path: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${process.cwd}/${path}`).split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

function read(process: Process, path: string): unknown {
  try {
    return parseYaml(process.fs.readFile(path)) ?? {}
  } catch (error) {
    if (error instanceof YamlError) throw new Failure(`invalid Kustomization: ${error.message}`)
    throw error
  }
}

function documents(process: Process, path: string): KubeObject[] {
  return process.fs.readFile(path).split(/^---.*$/m).flatMap((part) => {
    const value = parseYaml(part)
    return value ? [value as KubeObject] : []
  })
}

function generated(process: Process, folder: string, spec: Map_): KubeObject[] {
  const out: KubeObject[] = []
  const options = (spec['generatorOptions'] as Map_ | undefined) ?? {}
  for (const [key, kind] of [['configMapGenerator', 'ConfigMap'], ['secretGenerator', 'Secret']] as const) {
    for (const item of (spec[key] as Map_[] | undefined) ?? []) {
      const data: Record<string, string> = {}
      for (const literal of (item['literals'] as string[] | undefined) ?? []) data[literal.slice(0, literal.indexOf('='))] = literal.slice(literal.indexOf('=') + 1).replace(/^(['"])(.*)\1$/, '$2')
      for (const file of (item['files'] as string[] | undefined) ?? []) {
        const at = file.indexOf('=')
        const path = file.slice(at + 1)
        data[at < 0 ? path.split('/').at(-1)! : file.slice(0, at)] = process.fs.readFile(`${folder}/${path}`)
      }
      for (const file of [...((item['envs'] as string[] | undefined) ?? []), ...(item['env'] ? [item['env'] as string] : [])]) {
        for (const line of process.fs.readFile(`${folder}/${file}`).split('\n')) if (/^\s*[^#\s][^=]*=/.test(line)) data[line.slice(0, line.indexOf('=')).trim()] = line.slice(line.indexOf('=') + 1)
      }
      const values = kind === 'Secret' ? Object.fromEntries(Object.entries(data).map(([k, v]) => [k, toBase64(v)])) : data
      const object: KubeObject = { apiVersion: 'v1', data: values, kind, metadata: { name: String(item['name']), ...(item['namespace'] ? { namespace: String(item['namespace']) } : {}) } }
      if (kind === 'Secret') object['type'] = item['type'] ?? 'Opaque'
      if (!(options['disableNameSuffixHash'] === true || (item['options'] as Map_ | undefined)?.['disableNameSuffixHash'] === true)) {
        const content = kind === 'ConfigMap' ? { data: values, kind, name: '' } : { data: values, kind, name: '', type: object['type'] }
        const base = String(item['name'])
        object.metadata.name = `${base}-${hashSuffix(goJson(kind === 'ConfigMap' ? { ...content, name: base } : { ...content, name: base }))}`
        object['__base'] = base
      }
      out.push(object)
    }
  }
  return out
}

function hashSuffix(text: string): string {
  const replace: Record<string, string> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' }
  return [...hex(sha256(text)).slice(0, 10)].map((c) => replace[c] ?? c).join('')
}

function patches(process: Process, folder: string, spec: Map_): ((objects: KubeObject[]) => KubeObject[])[] {
  const out: ((objects: KubeObject[]) => KubeObject[])[] = []
  const list = [
    ...((spec['patchesStrategicMerge'] as string[] | undefined) ?? []).map((p) => (p.includes('\n') ? { patch: p } : { path: p })),
    ...((spec['patches'] as Map_[] | undefined) ?? []), ...((spec['patchesJson6902'] as Map_[] | undefined) ?? []),
  ] as Map_[]
  for (const entry of list) {
    const text = typeof entry['patch'] === 'string' ? entry['patch'] : process.fs.readFile(`${folder}/${String(entry['path'])}`)
    const target = entry['target'] as Map_ | undefined
    for (const part of text.split(/^---.*$/m)) {
      const value = parseYaml(part)
      if (value === null || value === undefined) continue
      out.push((objects) => objects.map((o) => {
        const p = value as KubeObject
        if (Array.isArray(value)) return target && matches(o, target) ? (applyJsonPatch(o, value as never) as KubeObject) : o
        if (target ? !matches(o, target) : o.kind !== p.kind || (o['__base'] ?? o.metadata.name) !== p.metadata?.name) return o
        const merged = strategicMergeOf(o, target ? { ...p, metadata: { ...p.metadata, name: o.metadata.name } } : p) as KubeObject | null
        return merged ?? o
      }))
    }
  }
  return out
}

function matches(object: KubeObject, target: Map_): boolean {
  const is = (pattern: unknown, value: string | undefined) => pattern === undefined || new RegExp(`^(?:${String(pattern)})$`).test(value ?? '')
  return is(target['kind'], object.kind) && is(target['name'], object.metadata.name) && is(target['namespace'], object.metadata.namespace)
}

function transform(object: KubeObject, spec: Map_): KubeObject {
  const out = structuredClone_(object)
  delete out['__base']
  const text = (key: string) => (typeof spec[key] === 'string' ? (spec[key] as string) : '')
  if (!clusterScoped.has(out.kind) && out.kind !== 'CustomResourceDefinition') out.metadata.name = text('namePrefix') + out.metadata.name + text('nameSuffix')
  if (text('namespace')) {
    if (out.kind === 'Namespace') out.metadata.name = text('namespace')
    else if (!clusterScoped.has(out.kind)) out.metadata.namespace = text('namespace')
  }
  const template = ((out['spec'] as Map_ | undefined)?.['template'] ?? undefined) as Map_ | undefined
  const label = (labels: Record<string, string>, selectors: boolean, templates: boolean) => {
    out.metadata.labels = { ...out.metadata.labels, ...labels }
    if (template && (selectors || templates)) {
      const metadata = (template['metadata'] ??= {}) as Map_
      metadata['labels'] = { ...(metadata['labels'] as Map_ | undefined), ...labels }
    }
    const s = out['spec'] as Map_ | undefined
    if (selectors && s?.['selector'] !== undefined) {
      if (out.kind === 'Service') s['selector'] = { ...(s['selector'] as Map_), ...labels }
      else (s['selector'] as Map_)['matchLabels'] = { ...((s['selector'] as Map_)['matchLabels'] as Map_), ...labels }
    }
  }
  if (spec['commonLabels']) label(spec['commonLabels'] as Record<string, string>, true, true)
  for (const entry of (spec['labels'] as Map_[] | undefined) ?? []) label(entry['pairs'] as Record<string, string>, entry['includeSelectors'] === true, entry['includeTemplates'] === true)
  if (spec['commonAnnotations']) {
    out.metadata.annotations = { ...out.metadata.annotations, ...(spec['commonAnnotations'] as Record<string, string>) }
    if (template) {
      const metadata = (template['metadata'] ??= {}) as Map_
      metadata['annotations'] = { ...(metadata['annotations'] as Map_ | undefined), ...(spec['commonAnnotations'] as Map_) }
    }
  }
  const podSpec = (template?.['spec'] ?? (out.kind === 'Pod' ? out['spec'] : undefined)) as Map_ | undefined
  for (const image of (spec['images'] as Map_[] | undefined) ?? []) {
    for (const c of [...((podSpec?.['containers'] as Map_[] | undefined) ?? []), ...((podSpec?.['initContainers'] as Map_[] | undefined) ?? [])]) {
      const m = /^(.*?)(?::([^/:@]+))?(?:@(.+))?$/.exec(String(c['image']))!
      if (m[1] !== image['name']) continue
      const name = String(image['newName'] ?? m[1])
      c['image'] = image['digest'] ? `${name}@${String(image['digest'])}` : image['newTag'] !== undefined ? `${name}:${String(image['newTag'])}` : m[2] ? `${name}:${m[2]}` : name
    }
  }
  for (const entry of (spec['replicas'] as Map_[] | undefined) ?? []) {
    if (entry['name'] === object.metadata.name && ['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController'].includes(out.kind)) (out['spec'] as Map_)['replicas'] = entry['count']
  }
  return out
}

function structuredClone_(object: KubeObject): KubeObject {
  return JSON.parse(JSON.stringify(object)) as KubeObject
}
