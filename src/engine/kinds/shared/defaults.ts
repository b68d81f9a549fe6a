/** Small words of defaulting code. */
import type { Loose } from '#engine/api/loose.ts'

/** Sets members that are missing. */
export function fill(object: Loose, defaults: Readonly<Record<string, unknown>>): void {
  for (const key in defaults) if (object[key] === undefined || object[key] === '') object[key] = defaults[key]
}

export function each(list: Loose, visit: (item: Loose, index: number) => void): void {
  if (Array.isArray(list)) list.forEach(visit)
}
