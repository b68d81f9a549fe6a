/**
 * Compares recorded API answers with ours. Recordings hold placeholders (`<uid-1>`, `<rv>`, `<time>`, `p-<suffix-1>` …): each must stand for a value of the right
 * shape, the same number always for the same value.
 */
import { equal } from '#engine/api/loose.ts'
import { jsonPatch } from '#engine/api/merge-patch.ts'

 
export type Json = any

const shapes: Record<string, string> = {
  uid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  rv: '\\d+',
  time: '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z',
  clusterIP: '(?:\\d+\\.){3}\\d+',
  suffix: '[bcdfghjklmnpqrstvwxz2456789]{5}',
  continue: '.+',
  nodePort: '3[0-2]\\d{3}',
  healthCheckNodePort: '3[0-2]\\d{3}',
  age: '.*',
  minute: '\\d+',
  hash: '[0-9a-f]{64}',
}
const placeholder = /<(uid|rv|time|clusterIP|suffix|continue|nodePort|healthCheckNodePort|age|minute|hash)(-\d+)?>/g
const escape = (s: string) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

export class Matcher {
  readonly bindings = new Map<string, string>()

  /** undefined when equal, else where the first difference is. */
  differ(expected: Json, actual: Json, path = ''): string | undefined {
    if (typeof expected === 'string') return this.#text(expected, actual, path)
    if (expected === null || typeof expected !== 'object') return expected === actual ? undefined : this.#say(path, expected, actual)
    if (Array.isArray(expected)) {
      if (!Array.isArray(actual) || actual.length !== expected.length) return this.#say(path, expected, actual)
      for (let i = 0; i < expected.length; i++) {
        const d = this.differ(expected[i], actual[i], `${path}/${i}`)
        if (d) return d
      }
      return undefined
    }
    if (actual === null || typeof actual !== 'object' || Array.isArray(actual)) return this.#say(path, expected, actual)
    for (const key of Object.keys(expected)) {
      const d = this.differ(expected[key], actual[key], `${path}/${key}`)
      if (d) return d
    }
    for (const key of Object.keys(actual)) if (!(key in expected) && actual[key] !== undefined) return this.#say(`${path}/${key}`, undefined, actual[key])
    return undefined
  }

  #text(expected: string, actual: Json, path: string): string | undefined {
    if (!expected.includes('<')) return expected === actual ? undefined : this.#say(path, expected, actual)
    const names: string[] = []
    let pattern = ''
    let at = 0
    for (const m of expected.matchAll(placeholder)) {
      pattern += escape(expected.slice(at, m.index)) + `(${shapes[m[1]!]})`
      names.push(m[2] ? m[0] : '')
      at = m.index + m[0].length
    }
    pattern += escape(expected.slice(at))
    const found = new RegExp(`^${pattern}$`, 's').exec(String(actual))
    if (!found) return this.#say(path, expected, actual)
    for (const [i, name] of names.entries()) {
      if (name === '') continue
      const value = found[i + 1]!
      const key = name.startsWith('<suffix') ? /[^\s/:"]*$/.exec(expected.slice(0, expected.indexOf(name)))![0] + name : name
      const bound = this.bindings.get(key)
      if (bound === undefined) this.bindings.set(key, value)
      else if (bound !== value) return this.#say(path, `${expected} = ${bound}`, actual)
    }
    return undefined
  }

  #say(path: string, expected: Json, actual: Json): string {
    return `${path || '/'}: expected ${short(expected)}, got ${short(actual)}`
  }
}

const short = (v: Json) => (v === undefined ? 'nothing' : JSON.stringify(v).slice(0, 4000))

export function expand(value: Json): Json {
  if (Array.isArray(value)) return value.map(expand)
  if (value && typeof value === 'object') {
    if (Array.isArray(value.$repeat)) return String(value.$repeat[0]).repeat(value.$repeat[1])
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, expand(v)]))
  }
  return value
}

export function patched(target: Json, ops: Json): Json {
  return jsonPatch(target, expand(ops))
}

export function withoutManagedFields(object: Json): Json {
  if (!object || typeof object !== 'object') return object
  if (object.metadata?.managedFields) {
    const { managedFields: _, ...metadata } = object.metadata
    object = { ...object, metadata }
  }
  if (Array.isArray(object.items)) object = { ...object, items: object.items.map(withoutManagedFields) }
  if (Array.isArray(object.rows)) object = { ...object, rows: object.rows.map((r: Json) => (r.object ? { ...r, object: withoutManagedFields(r.object) } : r)) }
  return object
}

/** The recorder kept entries in order of their managers' names. */
function sortManagedFields(object: Json): Json {
  const entries = object?.metadata?.managedFields
  if (!Array.isArray(entries)) return object
  return { ...object, metadata: { ...object.metadata, managedFields: [...entries].sort((a, b) => (a.manager < b.manager ? -1 : a.manager > b.manager ? 1 : 0)) } }
}

export interface Recorded {
  readonly code: number
  readonly headers?: Record<string, Json>
  readonly failure?: Json
  readonly diff?: Json[]
  readonly body?: Json
}

export interface Answer {
  readonly code: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** undefined when our answer is as recorded. `before`: what a diff is against. */
export function compareAnswer(recorded: Recorded, before: Json, answer: Answer, matcher = new Matcher(), options: { managedFields?: boolean; versionToo?: boolean } = {}): string | undefined {
  if (recorded.code !== answer.code) return `code: expected ${recorded.code} ${recorded.failure?.message ?? ''}, got ${answer.code} ${answer.body.slice(0, 3000)}`
  const warnings = warningsOf(answer.headers.get('warning'))
  const wanted = (recorded.headers?.['Warning'] ?? []).map((w: string) => w.replace(/^299 - /, ''))
  if (!equal([...wanted], warnings)) return `warnings: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(warnings)}`
  for (const [name, value] of Object.entries(recorded.headers ?? {})) {
    if (name === 'Warning') continue
    const actual = answer.headers.get(name.toLowerCase())
    const want = Array.isArray(value) ? value.join(', ') : String(value)
    if (actual !== want) return `header ${name}: expected ${want}, got ${actual}`
  }
  const isText = recorded.body !== undefined && typeof recorded.body === 'string'
  if (isText) return recorded.body.trimEnd() === answer.body.trimEnd() ? undefined : `body: expected ${short(recorded.body)}, got ${short(answer.body)}`
  let actual: Json
  try {
    actual = JSON.parse(answer.body)
  } catch {
    actual = answer.body
  }
  if (recorded.failure) {
    const { kind: _k, apiVersion: _a, metadata: _m, status: _s, code: _c, ...rest } = actual
    const d = matcher.differ(recorded.failure, rest)
    return d && `failure ${d}`
  }
  for (const column of actual?.kind === 'Table' ? (actual.columnDefinitions ?? []) : []) delete column.description
  let expected = recorded.body ?? patched(before, recorded.diff ?? [])
  if (!options.managedFields) {
    expected = withoutManagedFields(expected)
    actual = withoutManagedFields(actual)
  } else {
    expected = sortManagedFields(expected)
    actual = sortManagedFields(actual)
  }
  return matcher.differ(expected, actual)
}

function warningsOf(header: string | undefined): string[] {
  if (!header) return []
  return [...header.matchAll(/299 - ("(?:[^"\\]|\\.)*")/g)].map((m) => m[1]!)
}
