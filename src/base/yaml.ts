/**
 * YAML as kubectl and the API server read it (sigs.k8s.io/yaml on go-yaml 2): `0644` is 420, `no` is false, `12:30:45` a string, `<<` merges, timestamps stay
 * strings, keys become strings. Alias bombs and deep nesting are refused. Written form: two spaces, keys in order of their names on request.
 */
import { defineScalarTag, dump, load, loadAll, mapTag, mergeTag, NOT_RESOLVED, Schema, seqTag, strTag, YAMLException } from 'js-yaml'

const booleans = new Map<string, boolean>()
for (const word of ['true', 'yes', 'on']) for (const w of [word, word[0]!.toUpperCase() + word.slice(1), word.toUpperCase()]) booleans.set(w, true)
for (const word of ['false', 'no', 'off']) for (const w of [word, word[0]!.toUpperCase() + word.slice(1), word.toUpperCase()]) booleans.set(w, false)
for (const w of ['y', 'Y']) booleans.set(w, true)
for (const w of ['n', 'N']) booleans.set(w, false)

const nullTag = defineScalarTag('tag:yaml.org,2002:null', {
  implicit: true,
  resolve: (s) => (s === '' || s === '~' || s === 'null' || s === 'Null' || s === 'NULL' ? null : NOT_RESOLVED),
  identify: (v) => v === null,
  represent: () => 'null',
})

const boolTag = defineScalarTag('tag:yaml.org,2002:bool', {
  implicit: true,
  resolve: (s) => booleans.get(s) ?? NOT_RESOLVED,
  identify: (v) => typeof v === 'boolean',
})

function integer(text: string): number | undefined {
  const s = text.replaceAll('_', '')
  const m = /^([+-]?)(0x[0-9a-fA-F]+|0b[01]+|0o?[0-7]+|0|[1-9][0-9]*)$/.exec(s)
  if (!m) return undefined
  const digits = m[2]!
  const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits)
  return m[1] === '-' ? -value : value
}

const intTag = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: [...'+-0123456789'],
  resolve: (s) => integer(s) ?? NOT_RESOLVED,
  identify: (v) => typeof v === 'number' && Number.isInteger(v),
})

const floatTag = defineScalarTag('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: [...'+-.0123456789'],
  resolve(s) {
    if (/^[+-]?\.(inf|Inf|INF)$/.test(s)) return s.startsWith('-') ? -Infinity : Infinity
    if (/^\.(nan|NaN|NAN)$/.test(s)) return NaN
    return /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(s) ? Number(s) : NOT_RESOLVED
  },
  identify: (v) => typeof v === 'number',
})

const schema = new Schema([strTag, seqTag, mapTag, nullTag, boolTag, intTag, floatTag, mergeTag])
const MAX_ALIASES = 1000
const MAX_NODES = 4_000_000

/** What is wrong with a text, in one line. */
export class YamlError extends Error {}

const options = { schema, json: true, maxDepth: 200, maxAliases: MAX_ALIASES }

/** The parsed value as plain JSON data: no shared objects; what aliases blow up beyond reason is refused. */
function expand(value: unknown, budget: { left: number }): unknown {
  if (--budget.left < 0) throw new YamlError('yaml: document contains excessive aliasing')
  if (value === null || typeof value !== 'object') return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
  if (Array.isArray(value)) return value.map((v) => expand(v, budget))
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, expand(v, budget)]))
}

/** A quote that is never closed: Go's library reads on to the end of the stream, however the lines between are indented. */
function isOpenQuote(text: string, error: YAMLException): boolean {
  if (/end of the stream within a (single|double) quoted scalar/.test(error.reason)) return true
  if (error.reason !== 'deficient indentation' || !error.mark) return false
  const quote = /(?:^|[:\-[{,]\s*)(["'])(?:(?!\1)[^])*$/.exec(text.slice(0, error.mark.position))?.[1]
  return quote !== undefined && !text.slice(error.mark.position).includes(quote)
}

function guarded<T>(text: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof YAMLException && isOpenQuote(text, error)) throw new YamlError(`yaml: line ${text.split('\n').length}: found unexpected end of stream`)
    if (error instanceof YAMLException) throw new YamlError(`yaml: ${error.mark ? `line ${error.mark.line + 1}: ` : ''}${error.reason}`)
    throw error
  }
}

/** One document; undefined or null for an empty text. Throws YamlError. */
export function parseYaml(text: string): unknown {
  return guarded(text, () => (text.trim() === '' ? null : expand(load(text, options), { left: MAX_NODES })))
}

/** All documents of a stream; empty ones are null. */
export function parseYamlDocuments(text: string): unknown[] {
  return guarded(text, () => (loadAll(text, options) as unknown[]).map((d) => expand(d, { left: MAX_NODES })))
}

/** Keys stay in the order that the value has them. */
export function formatYaml(value: unknown): string {
  return dump(value, { schema, noRefs: true, skipInvalid: true, lineWidth: -1 } as Parameters<typeof dump>[1])
}
