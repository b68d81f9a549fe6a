/** Reading fields of API objects whose type is not known. */
export function valueAt(object: unknown, ...path: readonly string[]): unknown {
  let value = object
  for (const key of path) {
    if (value === null || typeof value !== 'object') return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}
