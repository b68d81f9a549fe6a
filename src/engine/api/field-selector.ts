/** Field selectors (`status.phase!=Running,spec.nodeName=n1`): apimachinery pkg/fields with the API server's refusal of unknown fields. */
import type { KindDefinition } from './kind.ts'
import type { KubeObject } from './types.ts'

export interface FieldRequirement {
  readonly field: string
  readonly equal: boolean
  readonly value: string
}

/** A text that says what is wrong, or the requirements. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] | string {
  const out: FieldRequirement[] = []
  for (const term of splitTerms(text)) {
    if (term === '') continue
    const m = /^((?:[^=!\\]|\\.|!(?!=))*)(!=|==|=)([\s\S]*)$/.exec(term)
    if (!m) return `invalid selector: '${text}'; can't understand '${term}'`
    const value = unescapeValue(m[3]!)
    if (value === undefined) return `invalid field selector: ${term}`
    out.push({ field: m[1]!, equal: m[2] !== '!=', value })
  }
  return out
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === ',') {
      terms.push(text.slice(from, i))
      from = i + 1
    }
  }
  terms.push(text.slice(from))
  return terms
}

function unescapeValue(value: string): string | undefined {
  let out = ''
  for (let i = 0; i < value.length; i++) {
    const ch = value[i]!
    if (ch === '\\') {
      const next = value[++i]
      if (next !== '\\' && next !== ',' && next !== '=') return undefined
      out += next
    } else if (ch === ',' || ch === '=') return undefined
    else out += ch
  }
  return out
}

export function fieldsOf(kind: KindDefinition, object: KubeObject): Readonly<Record<string, string>> {
  return {
    'metadata.name': object.metadata.name,
    ...(kind.namespaced ? { 'metadata.namespace': object.metadata.namespace ?? '' } : {}),
    ...kind.selectableFields?.(object),
  }
}

export function matchesFields(requirements: readonly FieldRequirement[], kind: KindDefinition, object: KubeObject): boolean {
  const fields = fieldsOf(kind, object)
  return requirements.every((r) => (fields[r.field] === r.value) === r.equal)
}
