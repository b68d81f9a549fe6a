/** Server-side Tables (meta.k8s.io/v1): what `kubectl get` prints. Kinds without printer columns get NAME and AGE, as upstream's default converter does. */
import { age } from '#base/duration.ts'
import type { Column, KindDefinition, TablePrinter } from './kind.ts'
import type { Loose } from './loose.ts'
import type { KubeObject } from './types.ts'

export const nameColumn: Column = { name: 'Name', type: 'string', format: 'name', priority: 0 }
export const ageColumn: Column = { name: 'Age', type: 'string', priority: 0 }

const fallback: TablePrinter = {
  columns: [nameColumn, { name: 'Created At', type: 'date', priority: 0 }],
  row: (o) => [o.metadata.name, o.metadata.creationTimestamp],
}

export function internalMetadata(kind: KindDefinition, object: KubeObject): Loose {
  const { annotations, ...metadata } = object.metadata
  if (!kind.versionAnnotations || !annotations) return object.metadata
  const kept = Object.entries(annotations).filter(([key]) => !kind.versionAnnotations!.includes(key))
  return kept.length > 0 ? { ...metadata, annotations: Object.fromEntries(kept) } : metadata
}

export function tableOf(kind: KindDefinition, objects: readonly KubeObject[], now: number, include: string, listMeta: Loose, withColumns = true): Loose {
  const printer = kind.table ?? fallback
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: listMeta,
    columnDefinitions: withColumns ? printer.columns.map((c) => ({ name: c.name, type: c.type, format: c.format ?? '', description: c.description ?? '', priority: c.priority })) : null,
    rows: objects.length === 0 && printer === fallback ? null : objects.map((o) => {
      const conditions = printer.conditions?.(o)
      return {
        cells: printer.row(o, now),
        ...(conditions ? { conditions } : {}),
        ...(include === 'None' ? { object: null } : { object: include === 'Object' ? o : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: internalMetadata(kind, o) } }),
      }
    }),
  }
}

export { age }
