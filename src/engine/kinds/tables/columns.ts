/** Table columns written short: `Name`, `Replicas:i`, `Suspend:b`, `IP*` (with -o wide); the first Name is the row's name. */
import { age } from '#base/duration.ts'
import type { Column, TablePrinter } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'

const types: Record<string, Column['type']> = { i: 'integer', b: 'boolean', d: 'date', s: 'string' }

export function columns(...texts: readonly string[]): Column[] {
  return texts.map((text) => {
    const wide = text.endsWith('*')
    const [name = '', type = 's'] = (wide ? text.slice(0, -1) : text).split(':')
    const isName = type === 'name' || name === 'Name'
    return { name, type: types[type] ?? 'string', format: isName ? 'name' : '', priority: wide ? 1 : 0 }
  })
}

export function printer(names: readonly string[], row: (object: Loose, now: number) => readonly unknown[], conditions?: (object: Loose) => readonly Loose[] | undefined): TablePrinter {
  return { columns: columns(...names), row, ...(conditions ? { conditions } : {}) }
}

export const created = (object: Loose, now: number): string => age(object.metadata.creationTimestamp, now)

export const orNone = (text: unknown): string => (text === undefined || text === null || text === '' ? '<none>' : String(text))

/** containers and images of a pod template, comma separated. */
export function layout(template: Loose): [names: string, images: string] {
  const containers: Loose[] = template?.spec?.containers ?? []
  return [containers.map((c) => c.name).join(','), containers.map((c) => c.image).join(',')]
}

/** labels.FormatLabels: `a=b,c=d` in key order. */
export function formatLabels(labels: Record<string, string> | undefined): string {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length === 0 ? '<none>' : entries.map(([k, v]) => `${k}=${v}`).join(',')
}
