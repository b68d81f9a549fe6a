/** Paths into objects: `spec.ports[0].port`, `spec.containers[name=web].image`, `items[*].metadata.name`, `metadata.labels['app.kubernetes.io/name']`. */

type Part = { readonly key: string } | { readonly index: number } | { readonly all: true } | { readonly field: string; readonly value: string }

export function parsePath(path: string): readonly Part[] {
  const parts: Part[] = []
  const pattern = /\.?([A-Za-z0-9_/-]+)|\[(\d+)\]|\[\*\]|\['([^']*)'\]|\[([\w.-]+)=([^\]]*)\]/gy
  let end = 0
  for (let m = pattern.exec(path); m; m = pattern.exec(path)) {
    end = pattern.lastIndex
    if (m[1] !== undefined) parts.push({ key: m[1] })
    else if (m[2] !== undefined) parts.push({ index: Number(m[2]) })
    else if (m[3] !== undefined) parts.push({ key: m[3] })
    else if (m[4] !== undefined) parts.push({ field: m[4], value: m[5]! })
    else parts.push({ all: true })
    if (end === path.length) break
  }
  if (end !== path.length) throw new Error(`not a path: ${path}`)
  return parts
}

/** All values at the path; without wildcards at most one. */
export function valuesAt(root: unknown, path: string): readonly unknown[] {
  let values: unknown[] = [root]
  for (const part of parsePath(path)) {
    const next: unknown[] = []
    for (const value of values) {
      if (value === null || typeof value !== 'object') continue
      if ('key' in part) {
        if (Object.hasOwn(value, part.key)) next.push((value as Record<string, unknown>)[part.key])
      } else if (!Array.isArray(value)) continue
      else if ('index' in part) {
        if (part.index < value.length) next.push(value[part.index])
      } else if ('all' in part) next.push(...(value as unknown[]))
      else next.push(...(value as unknown[]).filter((v) => v !== null && typeof v === 'object' && String((v as Record<string, unknown>)[part.field]) === part.value))
    }
    values = next
  }
  return values
}

/** Equality of JSON values; the order of keys does not matter. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false
  if (Array.isArray(a)) return a.length === (b as unknown[]).length && a.every((v, i) => sameValue(v, (b as unknown[])[i]))
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && sameValue((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k]))
}

/** Whether all that `part` says is in `whole`: keys of objects, elements of lists (in any order), a piece of text. */
export function includesValue(whole: unknown, part: unknown): boolean {
  if (typeof whole === 'string' && typeof part === 'string') return whole.includes(part)
  if (Array.isArray(whole)) return (Array.isArray(part) ? part : [part]).every((p: unknown) => whole.some((w) => includesValue(w, p) && (typeof w !== 'string' || w === p)))
  if (whole !== null && typeof whole === 'object' && part !== null && typeof part === 'object') {
    return Object.entries(part).every(([k, v]) => Object.hasOwn(whole, k) && includesValue((whole as Record<string, unknown>)[k], v))
  }
  return sameValue(whole, part)
}
