/** The patch kinds on one object. Answers a new object; the old one is never changed. */
import type { KindDefinition } from './kind.ts'
import { copy, isObject, type Loose } from './loose.ts'
import { jsonPatch, mergePatch, type PatchOperation } from './merge-patch.ts'
import type { Schemas } from './schema.ts'
import { strategicMerge } from './strategic-merge.ts'
import type { KubeObject } from './types.ts'

export type PatchType = 'merge' | 'strategic' | 'json'

export function applyPatch(schemas: Schemas, kind: KindDefinition, old: KubeObject, patch: unknown, type: PatchType): Loose {
  switch (type) {
    case 'json':
      return jsonPatch(old, patch as PatchOperation[])
    case 'merge':
      return copy(mergePatch(old, patch))
    case 'strategic': {
      if (!kind.schema || !schemas.has(kind.schema)) return copy(mergePatch(old, patch))
      const clean = isObject(patch) ? (patch as Loose) : {}
      return copy(strategicMerge(schemas, kind.schema, old, clean))
    }
  }
}
