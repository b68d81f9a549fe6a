/** Kinds without a describer of their own: metadata, then every field in order of its name, in words made from camelCase. */
import type { KubeObject } from '#engine/api/types.ts'
import { goValue } from '../print/json.ts'
import { eventTable, type EventObject } from './events.ts'
import { annotationLines, DescribeWriter, labelLines } from './writer.ts'

const acronyms = new Set(['API', 'URL', 'UID', 'OSB', 'GUID'])

/** camelCase in words: capitals start words, well-known short forms stay in capitals; names with other characters stay as they are. */
function smartLabel(field: string): string {
  if (/[^\p{L}-]/u.test(field)) return field
  const parts = field.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}+|[^\p{L}]+/gu) ?? [field]
  return parts.map((p) => (acronyms.has(p.toUpperCase()) ? p.toUpperCase() : p[0]!.toUpperCase() + p.slice(1))).join(' ')
}

export function describeGeneric(object: KubeObject, events: readonly EventObject[] | undefined, now: number): string {
  const out = new DescribeWriter()
  out.line(0, `Name:\t${object.metadata.name}`)
  out.line(0, `Namespace:\t${object.metadata.namespace ?? ''}`)
  labelLines(out, 'Labels', object.metadata.labels)
  annotationLines(out, 'Annotations', object.metadata.annotations)
  content(out, 0, object, ['metadata.name', 'metadata.namespace', 'metadata.labels', 'metadata.annotations', 'metadata.managedFields'], '')
  if (events) eventTable(out, now, events)
  return out.toString()
}

export function content(out: DescribeWriter, level: number, map: Readonly<Record<string, unknown>>, skip: readonly string[], prefix: string): void {
  for (const key of Object.keys(map).sort()) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (skip.includes(path) || map[key] === undefined) continue
    const value = map[key]
    const label = smartLabel(key)
    if (Array.isArray(value)) {
      out.line(level, `${label}:`)
      for (const item of value) {
        if (typeof item === 'object' && item !== null && !Array.isArray(item)) content(out, level + 1, item as Record<string, unknown>, skip, path)
        else out.line(level + 1, goValue(item))
      }
    } else if (typeof value === 'object' && value !== null) {
      out.line(level, `${label}:`)
      content(out, level + 1, value as Record<string, unknown>, skip, path)
    } else out.line(level, `${label}:\t${goValue(value)}`)
  }
}
