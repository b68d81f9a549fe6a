/** Evaluation of checked expressions. Logical operators forgive failures of one side where the other decides; everything else passes failures on. */
import type { Expr, Literal } from './ast.ts'
import { type Implementation, index, optionalIndex, standardFunctions } from './functions.ts'
import { libraryFunctions } from './libraries.ts'
import { networkFunctions } from './network.ts'
import { Bytes, CelError, CelMap, noOverload, Optional, TypeValue, Uint, type Value } from './values.ts'

const functions: Record<string, Implementation> = { ...standardFunctions, ...libraryFunctions, ...networkFunctions }

/** Values of names; functions are asked once, when needed. */
export type Activation = ReadonlyMap<string, Value | (() => Value)>

const typeNames = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'type', 'null_type', 'google.protobuf.Timestamp', 'google.protobuf.Duration', 'net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.URL', 'kubernetes.Semver'])
/** Steps after which an expression is given up. */
const BUDGET = 10_000_000

export function evaluate(expr: Expr, activation: Activation): Value {
  return new Evaluator(activation).run(expr, undefined)
}

interface Scope {
  readonly outer: Scope | undefined
  readonly names: ReadonlyMap<string, Value>
}

class Evaluator {
  readonly #activation: Activation
  readonly #asked = new Map<string, Value>()
  #steps = 0

  constructor(activation: Activation) {
    this.#activation = activation
  }

  run(e: Expr, scope: Scope | undefined): Value {
    if (++this.#steps > BUDGET) throw new CelError('operation cancelled: actual cost limit exceeded')
    switch (e.kind) {
      case 'const':
        return constant(e.literal)
      case 'ident':
        return this.#name(e.name, scope)
      case 'select':
        return this.#select(e, scope)
      case 'call':
        return this.#call(e, scope)
      case 'list': {
        const out: Value[] = []
        for (const { value, optional } of e.elements) {
          const v = this.run(value, scope)
          if (!optional) out.push(v)
          else if (v instanceof Optional && v.value !== undefined) out.push(v.value)
        }
        return out
      }
      case 'map': {
        const out = new CelMap()
        for (const { key, value, optional } of e.entries) {
          const [k, v] = [this.run(key, scope), this.run(value, scope)]
          if (optional) {
            if (v instanceof Optional && v.value !== undefined) out.set(k, v.value)
            continue
          }
          if (out.has(k)) throw new CelError(`Failed with repeated key`)
          out.set(k, v)
        }
        return out
      }
      case 'struct': {
        const out = new CelMap(e.name)
        for (const { name, value } of e.fields) out.set(name, this.run(value, scope))
        return out
      }
      case 'fold':
        return this.#fold(e, scope)
    }
  }

  #name(name: string, scope: Scope | undefined): Value {
    const plain = name.startsWith('.') ? name.slice(1) : name
    if (plain === name) for (let s = scope; s; s = s.outer) if (s.names.has(plain)) return s.names.get(plain)!
    const value = this.#variable(plain)
    if (value !== undefined) return value
    if (typeNames.has(plain)) return new TypeValue(plain)
    throw new CelError(`no such attribute(s): ${plain}`)
  }

  #variable(name: string): Value | undefined {
    const given = this.#activation.get(name)
    if (typeof given !== 'function') return given
    let value = this.#asked.get(name)
    if (value === undefined) this.#asked.set(name, (value = given()))
    return value
  }

  #select(e: Expr & { kind: 'select' }, scope: Scope | undefined): Value {
    const path = dotted(e)
    if (path !== undefined && !shadowed(path, scope)) {
      const named = this.#variable(path)
      if (named !== undefined) return named
      if (typeNames.has(path)) return new TypeValue(path)
    }
    const operand = this.run(e.operand, scope)
    if (e.test) {
      const holder = operand instanceof Optional ? operand.value : operand
      if (holder === undefined) return false
      if (!(holder instanceof CelMap)) throw noOverload()
      return holder.has(e.field)
    }
    if (operand instanceof Optional) return optionalIndex(operand, e.field)
    if (!(operand instanceof CelMap)) throw noOverload()
    return index(operand, e.field)
  }

  #call(e: Expr & { kind: 'call' }, scope: Scope | undefined): Value {
    switch (e.name) {
      case '_&&_':
        return this.#logical(e.args, false, scope)
      case '_||_':
        return this.#logical(e.args, true, scope)
      case '_?:_':
      case '_?_:_': {
        const condition = this.run(e.args[0]!, scope)
        if (typeof condition !== 'boolean') throw noOverload()
        return this.run(e.args[condition ? 1 : 2]!, scope)
      }
      case '@not_strictly_false':
        try {
          return this.run(e.args[0]!, scope) !== false
        } catch (error) {
          if (error instanceof CelError) return true
          throw error
        }
    }
    let name = e.name.replace(/^\./, '')
    let target = e.target
    if (target !== undefined) {
      const path = dotted(target)
      if (path !== undefined && Object.hasOwn(functions, `${path}.${name}`) && !shadowed(path, scope)) {
        name = `${path}.${name}`
        target = undefined
      }
    }
    const implementation = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (!implementation) throw noOverload()
    const args = e.args.map((a) => this.run(a, scope))
    const all = target === undefined ? args : [this.run(target, scope), ...args]
    return implementation(all)
  }

  /** `decides`: the value with which either side settles the matter. */
  #logical(args: readonly Expr[], decides: boolean, scope: Scope | undefined): Value {
    let failure: unknown
    for (const a of args) {
      let v: Value
      try {
        v = this.run(a, scope)
      } catch (error) {
        if (!(error instanceof CelError)) throw error
        failure ??= error
        continue
      }
      if (v === decides) return decides
      if (typeof v !== 'boolean') failure ??= noOverload()
    }
    if (failure !== undefined) throw failure
    return !decides
  }

  #fold(e: Expr & { kind: 'fold' }, scope: Scope | undefined): Value {
    const range = this.run(e.range, scope)
    let accumulator: Value | CelError = this.run(e.init, scope)
    const pairs: Iterable<readonly [Value, Value]> = range instanceof CelMap ? range.entries() : Array.isArray(range) ? [...range.entries()].map(([i, v]) => [BigInt(i), v as Value] as const) : fail()
    for (const [key, value] of pairs) {
      if (accumulator instanceof CelError) {
        // all and exists look on: another element may still settle it.
        if (e.condition.kind !== 'call') throw accumulator
      }
      const names = new Map<string, Value>()
      if (e.second !== undefined) names.set(e.variable, key).set(e.second, value)
      else names.set(e.variable, range instanceof CelMap ? key : value)
      const stepped: Value | CelError = this.#step(e, accumulator, { outer: scope, names })
      accumulator = stepped
      if (!(accumulator instanceof CelError) && this.run(e.condition, { outer: scope, names: new Map([[e.accumulator, accumulator]]) }) === false) break
    }
    if (accumulator instanceof CelError) throw accumulator
    return this.run(e.result, { outer: scope, names: new Map([[e.accumulator, accumulator]]) })
  }

  /** One step; a failure is kept as the accumulator's value. */
  #step(e: Expr & { kind: 'fold' }, accumulator: Value | CelError, scope: Scope): Value | CelError {
    try {
      if (accumulator instanceof CelError) {
        const decides = e.step.kind === 'call' && e.step.name === '_||_'
        const v = e.step.kind === 'call' ? this.run(e.step.args[1]!, scope) : null
        return v === decides ? decides : accumulator
      }
      return this.run(e.step, { outer: scope, names: new Map([[e.accumulator, accumulator]]) })
    } catch (error) {
      if (error instanceof CelError) return accumulator instanceof CelError ? accumulator : error
      throw error
    }
  }
}

function fail(): never {
  throw noOverload()
}

function constant(l: Literal): Value {
  switch (l.type) {
    case 'null':
      return null
    case 'uint':
      return new Uint(l.value)
    case 'bytes':
      return new Bytes(l.value)
    default:
      return l.value
  }
}

function dotted(e: Expr): string | undefined {
  if (e.kind === 'ident') return e.name.replace(/^\./, '')
  if (e.kind !== 'select' || e.test) return undefined
  const left = dotted(e.operand)
  return left === undefined ? undefined : `${left}.${e.field}`
}

function shadowed(path: string, scope: Scope | undefined): boolean {
  const first = path.split('.')[0]!
  for (let s = scope; s; s = s.outer) if (s.names.has(first)) return true
  return false
}
