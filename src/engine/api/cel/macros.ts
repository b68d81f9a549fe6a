/** Macros of CEL: has, the comprehensions over one and two variables, optMap. */
import type { Expr } from './ast.ts'

export class MacroError extends Error {
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

const ACCUMULATOR = '@result'

type Build = (at: number, target: Expr, args: readonly Expr[]) => Expr

const bool = (at: number, value: boolean): Expr => ({ kind: 'const', at, literal: { type: 'bool', value } })
const int = (at: number, value: bigint): Expr => ({ kind: 'const', at, literal: { type: 'int', value } })
const call = (at: number, name: string, ...args: Expr[]): Expr => ({ kind: 'call', at, name, args })
const accumulator = (at: number): Expr => ({ kind: 'ident', at, name: ACCUMULATOR })
const list = (at: number, ...values: Expr[]): Expr => ({ kind: 'list', at, elements: values.map((value) => ({ value, optional: false })) })

function variableOf(e: Expr): string {
  if (e.kind === 'ident' && !e.name.startsWith('.')) return e.name
  throw new MacroError(e.at, 'argument must be a simple name')
}

interface Fold {
  readonly init: (at: number) => Expr
  readonly condition: (at: number) => Expr
  readonly step: (at: number, rest: readonly Expr[], variable: Expr) => Expr
  readonly result?: (at: number) => Expr
}

const fold =
  ({ init, condition, step, result }: Fold, variables = 1): Build =>
  (at, target, args) => {
    const variable = variableOf(args[0]!)
    const second = variables === 2 ? variableOf(args[1]!) : undefined
    if (second === variable) throw new MacroError(args[1]!.at, `duplicate variable name: ${second}`)
    return {
      kind: 'fold', at, variable, ...(second === undefined ? {} : { second }), range: target, accumulator: ACCUMULATOR,
      init: init(at), condition: condition(at), step: step(at, args.slice(variables), args[0]!), result: result?.(at) ?? accumulator(at),
    }
  }

const always = (at: number) => bool(at, true)
const all: Fold = { init: (at) => bool(at, true), condition: (at) => call(at, '@not_strictly_false', accumulator(at)), step: (at, [p]) => call(at, '_&&_', accumulator(at), p!) }
const exists: Fold = { init: (at) => bool(at, false), condition: (at) => call(at, '@not_strictly_false', call(at, '!_', accumulator(at))), step: (at, [p]) => call(at, '_||_', accumulator(at), p!) }
const existsOne: Fold = {
  init: (at) => int(at, 0n), condition: always, step: (at, [p]) => call(at, '_?_:_', p!, call(at, '_+_', accumulator(at), int(at, 1n)), accumulator(at)), result: (at) => call(at, '_==_', accumulator(at), int(at, 1n)),
}
const when = (at: number, condition: Expr | undefined, then: Expr) => (condition ? call(at, '_?_:_', condition, then, accumulator(at)) : then)
const map = (filtered: boolean): Fold => ({
  init: (at) => list(at), condition: always, step: (at, rest) => when(at, filtered ? rest[0] : undefined, call(at, '_+_', accumulator(at), list(at, rest.at(-1)!))),
})
const filter: Fold = { init: (at) => list(at), condition: always, step: (at, [p], variable) => when(at, p, call(at, '_+_', accumulator(at), list(at, variable))) }
const transformMap = (filtered: boolean, key: string): Build => (at, target, args) =>
  fold({ init: (a) => ({ kind: 'map', at: a, entries: [] }), condition: always, step: (a, rest) => when(a, filtered ? rest[0] : undefined, call(a, 'cel.@mapInsert', accumulator(a), { kind: 'ident', at: a, name: key }, rest.at(-1)!)) }, 2)(at, target, args)
const transformEntries = (filtered: boolean): Build =>
  fold({ init: (a) => ({ kind: 'map', at: a, entries: [] }), condition: always, step: (a, rest) => when(a, filtered ? rest[0] : undefined, call(a, 'cel.@mapInsert', accumulator(a), rest.at(-1)!)) }, 2)

/** `optMap`: the target's value under a name, in the expression. */
const optional = (flat: boolean): Build => (at, target, args) => {
  const variable = variableOf(args[0]!)
  const method = (name: string, on: Expr): Expr => ({ kind: 'call', at, name, target: on, args: [] })
  const bound: Expr = { kind: 'fold', at, variable: '#unused', range: list(at), accumulator: variable, init: method('value', target), condition: bool(at, false), step: { kind: 'ident', at, name: variable }, result: args[1]! }
  return call(at, '_?_:_', method('hasValue', target), flat ? bound : call(at, 'optional.of', bound), call(at, 'optional.none'))
}

const keyed = (build: (key: string) => Build): Build => (at, target, args) => build(variableOf(args[0]!))(at, target, args)

/** name/arguments */
const members: Record<string, Build> = {
  'all/2': fold(all), 'exists/2': fold(exists), 'exists_one/2': fold(existsOne), 'existsOne/2': fold(existsOne), 'map/2': fold(map(false)), 'map/3': fold(map(true)), 'filter/2': fold(filter),
  'all/3': fold(all, 2), 'exists/3': fold(exists, 2), 'existsOne/3': fold(existsOne, 2), 'exists_one/3': fold(existsOne, 2), 'transformList/3': fold(map(false), 2), 'transformList/4': fold(map(true), 2),
  'transformMap/3': keyed((key) => transformMap(false, key)), 'transformMap/4': keyed((key) => transformMap(true, key)), 'transformMapEntry/3': transformEntries(false), 'transformMapEntry/4': transformEntries(true),
  'optMap/2': optional(false), 'optFlatMap/2': optional(true),
}

/** undefined: an ordinary call. */
export function expandMacro(at: number, name: string, target: Expr | undefined, args: readonly Expr[]): Expr | undefined {
  if (target === undefined) {
    if (name !== 'has' || args.length !== 1) return undefined
    const [field] = args
    if (field!.kind !== 'select' || field!.test) throw new MacroError(field!.at, 'invalid argument to has() macro')
    return { ...field!, at, test: true }
  }
  return members[`${name}/${args.length}`]?.(at, target, args)
}
