/** kustomize's generators of config maps and secrets, and the hash of their contents that ends their names. */
import { toBase64 } from '#base/bytes.ts'
import { hex, sha256 } from '#base/sha.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { goJson } from '../print/json.ts'
import { itemOf, type Fields, type Item } from './item.ts'

export function generate(spec: Fields, readFile: (path: string) => string): Item[] {
  const common = (spec['generatorOptions'] as Fields | undefined) ?? {}
  return (['ConfigMap', 'Secret'] as const).flatMap((kind) => ((spec[kind === 'Secret' ? 'secretGenerator' : 'configMapGenerator'] as Fields[] | undefined) ?? []).map((entry) => {
    const own = (entry['options'] as Fields | undefined) ?? {}
    const data = dataOf(entry, readFile)
    const both = (key: string) => ({ ...(common[key] as Fields | undefined), ...(own[key] as Fields | undefined) })
    const object: KubeObject = {
      apiVersion: 'v1', kind,
      metadata: {
        name: String(entry['name']), ...(entry['namespace'] ? { namespace: String(entry['namespace']) } : {}), ...(Object.keys(both('labels')).length > 0 ? { labels: both('labels') as Record<string, string> } : {}),
        ...(Object.keys(both('annotations')).length > 0 ? { annotations: both('annotations') as Record<string, string> } : {}),
      },
      ...(Object.keys(data).length > 0 ? { data: kind === 'Secret' ? Object.fromEntries(Object.entries(data).map(([k, v]) => [k, toBase64(v)])) : data } : {}),
      ...(kind === 'Secret' ? { type: entry['type'] ?? 'Opaque' } : {}),
      ...((own['immutable'] ?? common['immutable']) === true ? { immutable: true } : {}),
    }
    const item = itemOf(object, (own['disableNameSuffixHash'] ?? common['disableNameSuffixHash']) !== true)
    item.behaviour = (entry['behavior'] as Item['behaviour']) ?? 'create'
    return item
  }))
}

function dataOf(entry: Fields, readFile: (path: string) => string): Record<string, string> {
  const data: Record<string, string> = {}
  const list = (key: string) => (entry[key] as string[] | undefined) ?? []
  for (const file of [...list('envs'), ...(entry['env'] ? [entry['env'] as string] : [])]) {
    for (const line of readFile(file).split('\n')) if (/^\s*[^#\s][^=]*=/.test(line)) data[line.slice(0, line.indexOf('=')).trim()] = line.slice(line.indexOf('=') + 1)
  }
  for (const file of list('files')) {
    const at = file.indexOf('=')
    const path = file.slice(at + 1)
    data[at < 0 ? path.split('/').at(-1)! : file.slice(0, at)] = readFile(path)
  }
  for (const literal of list('literals')) data[literal.slice(0, literal.indexOf('='))] = literal.slice(literal.indexOf('=') + 1).replace(/^(['"])(.*)\1$/, '$2')
  return data
}

export function hashOf(object: KubeObject): string {
  const data = object['data'] ?? ''
  const text = goJson(object.kind === 'Secret' ? { data, kind: 'Secret', name: object.metadata.name, type: object['type'] } : { ...(object['binaryData'] ? { binaryData: object['binaryData'] } : {}), data, kind: 'ConfigMap', name: object.metadata.name })
  const replace: Record<string, string> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' }
  return [...hex(sha256(text)).slice(0, 10)].map((c) => replace[c] ?? c).join('')
}
