/** Type checking: names, fields, overloads. Answers the type of every node, and the complaints of cel-go's checker. */
import type { Expr, Issue } from './ast.ts'
import { type Declarations, type Overload, overloadsOf } from './declarations.ts'
import * as types from './types.ts'
import { assignable, Bindings, type CelType, formatType, substitute } from './types.ts'

export interface Checked {
  readonly type: CelType
  readonly types: ReadonlyMap<Expr, CelType>
  readonly issues: readonly Issue[]
}

export function check(expr: Expr, declarations: Declarations): Checked {
  const checker = new Checker(declarations)
  const type = substitute(checker.check(expr, new Map()), checker.bindings, true)
  const found = new Map<Expr, CelType>()
  for (const [e, t] of checker.types) found.set(e, substitute(t, checker.bindings, true))
  return { type, types: found, issues: checker.issues }
}

type Scope = ReadonlyMap<string, CelType>

class Checker {
  readonly types = new Map<Expr, CelType>()
  readonly issues: Issue[] = []
  readonly bindings = new Bindings()
  readonly #declarations: Declarations
  #fresh = 0
  /** Lists whose elements may differ in type. */
  readonly #mixed = new Set<Expr>()

  constructor(declarations: Declarations) {
    this.#declarations = declarations
  }

  check(e: Expr, scope: Scope): CelType {
    const type = this.#type(e, scope)
    this.types.set(e, type)
    return type
  }

  #complain(at: number, message: string): CelType {
    if (!this.issues.some((i) => i.at === at && i.message === message)) this.issues.push({ at, message })
    return types.error
  }

  #parameter(): CelType {
    return { kind: 'param', name: `_var${this.#fresh++}` }
  }

  #name(name: string, scope: Scope): CelType | undefined {
    const plain = name.startsWith('.') ? name.slice(1) : name
    return (name === plain ? scope.get(plain) : undefined) ?? this.#declarations.variables.get(plain) ?? typeNames.get(plain)
  }

  #type(e: Expr, scope: Scope): CelType {
    switch (e.kind) {
      case 'const':
        return { kind: e.literal.type, ...(e.literal.type === 'string' ? { max: e.literal.value.length } : {}) } as CelType
      case 'ident':
        return this.#name(e.name, scope) ?? this.#complain(e.at, `undeclared reference to '${e.name.replace(/^\./, '')}' (in container '')`)
      case 'select':
        return this.#select(e, scope)
      case 'call':
        return this.#call(e, scope)
      case 'list': {
        const optional = (v: CelType, wanted: boolean) => (wanted ? (substitute(v, this.bindings, false).args?.[0] ?? types.dyn) : v)
        const element = this.#common(e.elements.map((x) => [x.value, optional(this.check(x.value, scope), x.optional)] as const), this.#mixed.has(e))
        return types.listOf(element, e.elements.length)
      }
      case 'map': {
        const key = this.#common(e.entries.map((x) => [x.key, this.check(x.key, scope)] as const))
        const value = this.#common(e.entries.map((x) => [x.value, this.check(x.value, scope)] as const))
        return types.mapOf(key, value, e.entries.length)
      }
      case 'struct':
        for (const f of e.fields) this.check(f.value, scope)
        if (this.#declarations.structs?.(e.name)) return this.#declarations.structs(e.name)!
        return this.#complain(e.at, `undeclared reference to '${e.name}' (in container '')`)
      case 'fold':
        return this.#fold(e, scope)
    }
  }

  /** The type of all elements: other types are refused, but for what is formatted. */
  #common(found: readonly (readonly [Expr, CelType])[], mixed = false): CelType {
    let common: CelType | undefined
    for (const [e, t] of found) {
      if (common === undefined) common = t
      else if (assignable(this.bindings, [common], [t])) common = types.joined(substitute(common, this.bindings, false), substitute(t, this.bindings, false))
      else if (mixed) return types.dyn
      else this.#complain(e.at, `expected type '${formatType(substitute(common, this.bindings, false))}' but found '${formatType(substitute(t, this.bindings, false))}'`)
    }
    return common ?? this.#parameter()
  }

  #select(e: Expr & { kind: 'select' }, scope: Scope): CelType {
    const path = qualified(e)
    if (path !== undefined && !e.test && !scope.has(path.split('.')[0]!)) {
      const named = this.#declarations.variables.get(path) ?? typeNames.get(path)
      if (named) return named
    }
    const operand = substitute(this.check(e.operand, scope), this.bindings, false)
    return this.#field(operand, e)
  }

  #field(operand: CelType, e: { readonly at: number; readonly field: string; readonly test: boolean }): CelType {
    let out: CelType
    switch (operand.kind) {
      case 'map':
        out = operand.args![1]!
        break
      case 'object': {
        const field = operand.fields?.get(e.field)
        out = operand.fields === undefined ? types.dyn : (field ?? this.#complain(e.at, `undefined field '${e.field}'`))
        break
      }
      case 'opaque':
        if (operand.name === 'optional_type') return types.opaque('optional_type', this.#field(operand.args![0]!, e))
        return this.#complain(e.at, `type '${formatType(operand)}' does not support field selection`)
      case 'param':
        assignable(this.bindings, [operand], [types.dyn])
        out = types.dyn
        break
      case 'dyn':
      case 'error':
        out = types.dyn
        break
      default:
        out = this.#complain(e.at, `type '${formatType(operand)}' does not support field selection`)
    }
    return e.test ? types.bool : out
  }

  #call(e: Expr & { kind: 'call' }, scope: Scope): CelType {
    if (e.name === '_?._') {
      const operand = substitute(this.check(e.args[0]!, scope), this.bindings, false)
      const inner = operand.kind === 'opaque' && operand.name === 'optional_type' ? operand.args![0]! : operand
      const name = e.args[1]!.kind === 'const' && e.args[1]!.literal.type === 'string' ? e.args[1]!.literal.value : ''
      return types.opaque('optional_type', this.#field(inner, { at: e.at, field: name, test: false }))
    }
    // `math.f(x)` may be a function with a dotted name.
    if (e.target !== undefined) {
      const path = qualified(e.target)
      const name = path === undefined ? undefined : `${path}.${e.name}`
      if (name !== undefined && !scope.has(path!.split('.')[0]!) && overloadsOf(name).length > 0) {
        return this.#resolve(e.at, name, false, e.args.map((a) => this.check(a, scope)))
      }
      const target = this.check(e.target, scope)
      if (e.name === 'format' && e.args[0]) this.#mixed.add(e.args[0])
      return this.#resolve(e.at, e.name, true, [target, ...e.args.map((a) => this.check(a, scope))])
    }
    const name = e.name.replace(/^\./, '')
    return this.#resolve(e.at, name, false, e.args.map((a) => this.check(a, scope)))
  }

  #resolve(at: number, name: string, member: boolean, given: readonly CelType[]): CelType {
    const known = overloadsOf(name)
    if (known.length === 0) return this.#complain(at, `undeclared reference to '${name}' (in container '')`)
    let result: CelType | undefined
    for (const o of known) {
      if (o.member !== member) continue
      const { args, out } = this.#instance(o)
      if (!assignable(this.bindings, args, given)) continue
      const type = substitute(out, this.bindings, false)
      if (result === undefined) result = type
      else if (result.kind !== 'dyn' && !types.sameType(type, result)) result = types.dyn
    }
    if (result !== undefined) return result
    // What came of an earlier complaint is not complained about again.
    const shown = given.map((t) => formatType(substitute(t, this.bindings, true)))
    const applied = member ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`
    return this.#complain(at, `found no matching overload for '${name}' applied to '${applied}'`)
  }

  #instance(o: Overload): { args: CelType[]; out: CelType } {
    if (o.parameters.length === 0) return { args: [...o.args], out: o.out }
    const fresh = new Bindings()
    for (const p of o.parameters) fresh.set(p, this.#parameter())
    return { args: o.args.map((a) => substitute(a, fresh, false)), out: substitute(o.out, fresh, false) }
  }

  #fold(e: Expr & { kind: 'fold' }, scope: Scope): CelType {
    const range = substitute(this.check(e.range, scope), this.bindings, false)
    let first: CelType = types.error
    let second: CelType | undefined
    switch (range.kind) {
      case 'list':
        first = e.second === undefined ? range.args![0]! : types.int
        second = range.args![0]!
        break
      case 'map':
        ;[first, second] = [range.args![0]!, range.args![1]!]
        break
      case 'dyn':
      case 'error':
      case 'param':
        assignable(this.bindings, [types.dyn], [range])
        ;[first, second] = [types.dyn, types.dyn]
        break
      default:
        this.#complain(e.range.at, `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`)
    }
    const accumulator = this.check(e.init, scope)
    const outer = new Map(scope).set(e.accumulator, accumulator)
    const inner = new Map(outer).set(e.variable, first)
    if (e.second !== undefined) inner.set(e.second, second ?? types.error)
    const expect = (x: Expr, wanted: CelType, within: Scope) => {
      const found = this.check(x, within)
      if (!assignable(this.bindings, [wanted], [found])) this.#complain(x.at, `expected type '${formatType(substitute(wanted, this.bindings, true))}' but found '${formatType(substitute(found, this.bindings, true))}'`)
    }
    expect(e.condition, types.bool, inner)
    expect(e.step, accumulator, inner)
    return substitute(this.check(e.result, outer), this.bindings, false)
  }
}

const typeNames = new Map<string, CelType>(
  (['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'type'] as const).map((n) => [n, types.typeOf(n === 'list' ? types.listOf(types.dyn) : n === 'map' ? types.mapOf(types.dyn, types.dyn) : n === 'type' ? types.dyn : { kind: n })]),
)
typeNames.set('null_type', types.typeOf(types.nullType))
typeNames.set('google.protobuf.Timestamp', types.typeOf(types.timestamp))
typeNames.set('google.protobuf.Duration', types.typeOf(types.duration))
for (const [path, name] of [['net.IP', 'net.IP'], ['net.CIDR', 'net.CIDR'], ['kubernetes.Quantity', 'kubernetes.Quantity'], ['kubernetes.URL', 'kubernetes.URL'], ['kubernetes.Semver', 'kubernetes.Semver']] as const) typeNames.set(path, types.typeOf(types.opaque(name)))

/** `a.b.c` as one name. */
function qualified(e: Expr): string | undefined {
  if (e.kind === 'ident') return e.name.replace(/^\./, '')
  if (e.kind !== 'select' || e.test) return undefined
  const left = qualified(e.operand)
  return left === undefined ? undefined : `${left}.${e.field}`
}
