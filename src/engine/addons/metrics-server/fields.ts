/** Field selectors over the few fields that metrics-server's own cache of pods and nodes knows. */
import type { KubeObject } from '#engine/api/types.ts'

export interface FieldRequirement {
  readonly path: readonly string[]
  readonly value: string
  readonly equal: boolean
}

export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return text.split(',').flatMap((part) => {
    const m = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part)
    return m ? [{ path: m[1]!.split('.'), value: m[3]!, equal: m[2] !== '!=' }] : []
  })
}

export function matchesFields(requirements: readonly FieldRequirement[], object: KubeObject): boolean {
  return requirements.every(({ path, value, equal }) => {
    const found = path.reduce<unknown>((v, key) => (typeof v === 'object' && v !== null ? (v as Record<string, unknown>)[key] : undefined), object)
    return (String(found ?? '') === value) === equal
  })
}
