/** `--sort-by`: a JSON path into each object; numbers, quantities, times and strings in their own order, what is missing first. */
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { goQuote } from '../print/json.ts'
import { JsonPath, JsonPathError, relaxedPath } from '../print/jsonpath.ts'

export class SortFailure extends Error {}

/** Strings that are both quantities compare as such; others by kubectl's natural order (digits as numbers). */
function natural(a: string, b: string): number {
  const x = a.match(/\d+|\D+/g) ?? []
  const y = b.match(/\d+|\D+/g) ?? []
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const p = x[i]!
    const q = y[i]!
    if (p === q) continue
    if (/^\d/.test(p) && /^\d/.test(q) && Number(p) !== Number(q)) return Number(p) - Number(q)
    return p < q ? -1 : 1
  }
  return x.length - y.length
}

export function compareFields(a: unknown, b: unknown): number {
  if (a === undefined || a === null) return b === undefined || b === null ? 0 : -1
  if (b === undefined || b === null) return 1
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') {
    const x = /^[\d.]/.test(a) ? parseQuantity(a) : undefined
    const y = /^[\d.]/.test(b) ? parseQuantity(b) : undefined
    if (x && y) return compareQuantities(x, y)
    return natural(a, b)
  }
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0
}

export function sortObjects(objects: readonly KubeObject[], expression: string): readonly KubeObject[] {
  try {
    const field = relaxedPath(expression)
    const path = new JsonPath(field, { allowMissingKeys: true })
    const values = objects.map((o): [KubeObject, unknown] => [o, path.find(o)[0]?.[0]])
    if (objects.length > 0 && values.every(([, v]) => v === undefined)) throw new SortFailure(`couldn't find any field with path ${goQuote(field)} in the list of objects`)
    return values.sort((a, b) => compareFields(a[1], b[1])).map(([o]) => o)
  } catch (error) {
    if (error instanceof JsonPathError) throw new SortFailure(error.message)
    throw error
  }
}
