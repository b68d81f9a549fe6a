/** Types of CEL as the checker sees them, how they are printed, and when one may stand for another. */
export interface CelType {
  readonly kind: 'dyn' | 'error' | 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'timestamp' | 'duration' | 'list' | 'map' | 'object' | 'opaque' | 'type' | 'param'
  /** Of objects, opaque types and parameters. */
  readonly name?: string
  readonly args?: readonly CelType[]
  /** Fields of an object type; undefined: none is known. */
  readonly fields?: ReadonlyMap<string, CelType>
  /** Most elements, characters or bytes that a value may have: for estimates of cost. */
  readonly max?: number
}

const simple = (kind: CelType['kind']): CelType => ({ kind })

export const dyn = simple('dyn')
export const error = simple('error')
export const bool = simple('bool')
export const int = simple('int')
export const uint = simple('uint')
export const double = simple('double')
export const string = simple('string')
export const bytes = simple('bytes')
export const nullType = simple('null')
export const timestamp = simple('timestamp')
export const duration = simple('duration')
export const listOf = (element: CelType, max?: number): CelType => ({ kind: 'list', args: [element], ...(max === undefined ? {} : { max }) })
export const mapOf = (key: CelType, value: CelType, max?: number): CelType => ({ kind: 'map', args: [key, value], ...(max === undefined ? {} : { max }) })
export const opaque = (name: string, ...args: CelType[]): CelType => ({ kind: 'opaque', name, args })
export const typeOf = (of: CelType): CelType => ({ kind: 'type', args: [of] })

const printed: Partial<Record<CelType['kind'], string>> = { null: 'null', error: '!error!' }

export function formatType(t: CelType): string {
  const args = (t.args ?? []).map(formatType).join(', ')
  switch (t.kind) {
    case 'list':
    case 'map':
    case 'type':
      return `${t.kind}(${args})`
    case 'opaque':
      return t.args && t.args.length > 0 ? `${t.name}(${args})` : t.name!
    case 'object':
    case 'param':
      return t.name!
    default:
      return printed[t.kind] ?? t.kind
  }
}

/** The type of a whole expression, in the words of cel.Type. */
export function typeText(t: CelType): string {
  const name = t.kind === 'null' ? 'null_type' : t.kind === 'timestamp' ? 'google.protobuf.Timestamp' : t.kind === 'duration' ? 'google.protobuf.Duration' : (t.name ?? t.kind)
  return t.args && t.args.length > 0 ? `${name}(${t.args.map(typeText).join(', ')})` : name
}

const named: Record<string, CelType> = { dyn, bool, int, uint, double, string, bytes, null: nullType, timestamp, duration }

/** Reads `list<A>`, `map<string,int>`, `optional<V>`, `Quantity`; single capital letters are parameters. */
export function readType(text: string): CelType {
  const m = /^([\w.]+)(?:<(.*)>)?$/.exec(text.trim())
  if (!m) throw new Error(`not a CEL type: ${text}`)
  const [, name = '', inner] = m
  const args: CelType[] = []
  if (inner !== undefined) {
    let depth = 0
    let start = 0
    for (let i = 0; i <= inner.length; i++) {
      if (inner[i] === '<') depth++
      if (inner[i] === '>') depth--
      if ((inner[i] === ',' && depth === 0) || i === inner.length) {
        args.push(readType(inner.slice(start, i)))
        start = i + 1
      }
    }
  }
  if (/^[A-Z]$/.test(name)) return { kind: 'param', name }
  if (name === 'list' || name === 'map' || name === 'type') return { kind: name, args }
  return named[name] ?? opaque(name === 'optional' ? 'optional_type' : name, ...args)
}

/** What parameters stand for in one call. */
export class Bindings {
  readonly #map: Map<string, CelType>

  constructor(from?: Bindings) {
    this.#map = new Map(from === undefined ? [] : from.#map)
  }

  get(name: string): CelType | undefined {
    return this.#map.get(name)
  }

  set(name: string, type: CelType): void {
    this.#map.set(name, type)
  }

  adopt(other: Bindings): void {
    this.#map.clear()
    for (const [k, v] of other.#map) this.#map.set(k, v)
  }
}

/** The type with parameters replaced; free ones become dyn when asked. */
export function substitute(t: CelType, bindings: Bindings, free: boolean): CelType {
  if (t.kind === 'param') {
    const bound = bindings.get(t.name!)
    if (bound) return substitute(bound, bindings, free)
    return free ? dyn : t
  }
  if (!t.args || t.args.length === 0) return t
  return { ...t, args: t.args.map((a) => substitute(a, bindings, free)) }
}

const isFree = (t: CelType) => t.kind === 'dyn' || t.kind === 'error'
const nullable = new Set<CelType['kind']>(['object', 'opaque', 'timestamp', 'duration'])

function assign(bindings: Bindings, to: CelType, from: CelType): boolean {
  for (const [a, b] of [[to, from], [from, to]] as const) {
    if (a.kind !== 'param') continue
    const bound = bindings.get(a.name!)
    if (bound !== undefined) {
      if (bound === b || (b.kind === 'param' && b.name === a.name)) return true
      const [x, y] = a === to ? [bound, b] : [b, bound]
      if (assign(bindings, x, y)) {
        if (moreGeneral(b, bound)) bindings.set(a.name!, b)
        return true
      }
      return false
    }
    if (b.kind === 'param' && b.name === a.name) return true
    bindings.set(a.name!, b)
    return true
  }
  if (isFree(to) || isFree(from)) return true
  if (from.kind === 'null') return to.kind === 'null' || nullable.has(to.kind)
  if (to.kind === 'null') return nullable.has(from.kind)
  if (to.kind !== from.kind) return false
  if (to.kind === 'type') return true
  if ((to.kind === 'object' || to.kind === 'opaque') && to.name !== from.name) return false
  const [a, b] = [to.args ?? [], from.args ?? []]
  return a.length === b.length && a.every((x, i) => assign(bindings, x, b[i]!))
}

/** dyn is more general than anything else. */
function moreGeneral(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn') return b.kind !== 'dyn'
  if (a.kind !== b.kind || !a.args || !b.args) return false
  return a.args.some((x, i) => moreGeneral(x, b.args![i]!))
}

/** May values of `from` be where `to` is asked for, one by one? Keeps what was learnt of parameters only if so. */
export function assignable(bindings: Bindings, to: readonly CelType[], from: readonly CelType[]): boolean {
  if (to.length !== from.length) return false
  const trial = new Bindings(bindings)
  if (!to.every((t, i) => assign(trial, t, from[i]!))) return false
  bindings.adopt(trial)
  return true
}

export function sameType(a: CelType, b: CelType): boolean {
  return a.kind === b.kind && a.name === b.name && (a.args ?? []).length === (b.args ?? []).length && (a.args ?? []).every((x, i) => sameType(x, b.args![i]!))
}

/** Of two types that fit each other the wider one. */
export function joined(a: CelType, b: CelType): CelType {
  return moreGeneral(b, a) || a.kind === 'null' ? b : a
}
