/** Which value of the old object a value of the new one was: members by name, items of map lists by their keys, other items not at all. */
import type { FieldError } from '#engine/api/field-errors.ts'
import { equal, isObject, type Loose } from '#engine/api/loose.ts'

export class Correlation {
  readonly value: Loose

  constructor(value: Loose) {
    this.value = value
  }

  member(name: string): Correlation | undefined {
    return isObject(this.value) && this.value[name] !== undefined ? new Correlation(this.value[name]) : undefined
  }

  item(schema: Loose, item: Loose): Correlation | undefined {
    if (!Array.isArray(this.value) || schema['x-kubernetes-list-type'] !== 'map') return undefined
    const keys: string[] = schema['x-kubernetes-list-map-keys'] ?? []
    const found = this.value.find((o: Loose) => keys.every((k) => equal(o?.[k], item?.[k])))
    return found === undefined ? undefined : new Correlation(found)
  }
}

/** Does the error speak of something that did not change? Such errors are forgiven on update. */
export function unchanged(error: FieldError, object: Loose, old: Loose, schema: Loose): boolean {
  let [now, sub]: Loose[] = [object, schema]
  let before: Correlation | undefined = new Correlation(old)
  const steps = [...error.field.matchAll(/\[(\d+)\]|\[([^\]]+)\]|([^.[\]]+)/g)]
  for (const [i, [, index, key, name]] of steps.entries()) {
    if (error.type === 'Required' && i === steps.length - 1) return false
    if (index !== undefined && Array.isArray(now)) {
      const item: Loose = now[Number(index)]
      before = before?.item(sub ?? {}, item)
      now = item
      sub = sub?.items
    } else {
      const member = key ?? name ?? index!
      now = now?.[member]
      before = before?.member(member)
      sub = sub?.properties?.[member] ?? (isObject(sub?.additionalProperties) ? sub.additionalProperties : undefined)
    }
    if (before === undefined) return false
    if (equal(now, before.value)) return true
  }
  return false
}
