/** How each kind of awk expression is evaluated. */
import { callBuiltin } from './functions.ts'
import type { Expr } from './parse.ts'
import type { Awk } from './run.ts'
import type { Value } from './values.ts'

export type Evaluator<K extends Expr['k']> = (awk: Awk, e: Expr & { readonly k: K }) => Promise<Value>

export const expressions: { readonly [K in Expr['k']]: Evaluator<K> } = {
  num: async (_awk, e) => e.v,
  str: async (_awk, e) => e.v,
  regex: async (awk, e) => {
    awk.rebuild()
    return awk.regex(e.source).exec(awk.record, 0) ? 1 : 0
  },
  group: async (awk, e) => awk.eval(e.inner),
  var: async (awk, e) => awk.getVar(e.name),
  field: async (awk, e) => awk.field(Math.floor(awk.num(await awk.eval(e.index)))),
  index: async (awk, e) => {
    const array = awk.array(e.name)
    const key = await awk.key(e.subs)
    if (!array.has(key)) array.set(key, undefined)
    return array.get(key)
  },
  assign: async (awk, e) => {
    const right = await awk.eval(e.value)
    if (e.op === '=') {
      await awk.assign(e.target, right)
      return right
    }
    const value = awk.arith(e.op.slice(0, -1), awk.num(await awk.eval(e.target)), awk.num(right))
    await awk.assign(e.target, value)
    return value
  },
  cond: async (awk, e) => awk.truth(await awk.eval(e.test)) ? awk.eval(e.yes) : awk.eval(e.no),
  and: async (awk, e) => awk.truth(await awk.eval(e.left)) && awk.truth(await awk.eval(e.right)) ? 1 : 0,
  or: async (awk, e) => awk.truth(await awk.eval(e.left)) || awk.truth(await awk.eval(e.right)) ? 1 : 0,
  in: async (awk, e) => awk.array(e.name).has(await awk.key(e.subs)) ? 1 : 0,
  match: async (awk, e) => {
    const text = awk.str(await awk.eval(e.left))
    return ((await awk.pattern(e.right)).exec(text, 0) !== undefined) !== e.negated ? 1 : 0
  },
  concat: async (awk, e) => {
    const left = awk.str(await awk.eval(e.left))
    return left + awk.str(await awk.eval(e.right))
  },
  binary: async (awk, e) => {
    const left = await awk.eval(e.left)
    const right = await awk.eval(e.right)
    switch (e.op) {
      case '<': return awk.compare(left, right) < 0 ? 1 : 0
      case '<=': return awk.compare(left, right) <= 0 ? 1 : 0
      case '>': return awk.compare(left, right) > 0 ? 1 : 0
      case '>=': return awk.compare(left, right) >= 0 ? 1 : 0
      case '==': return awk.compare(left, right) === 0 ? 1 : 0
      case '!=': return awk.compare(left, right) !== 0 ? 1 : 0
      default: return awk.arith(e.op, awk.num(left), awk.num(right))
    }
  },
  unary: async (awk, e) => {
    const v = await awk.eval(e.arg)
    return e.op === '!' ? (awk.truth(v) ? 0 : 1) : e.op === '-' ? -awk.num(v) : awk.num(v)
  },
  step: async (awk, e) => {
    const old = awk.num(await awk.eval(e.target))
    const value = old + (e.op === '++' ? 1 : -1)
    await awk.assign(e.target, value)
    return e.prefix ? value : old
  },
  call: async (awk, e) => awk.call(e),
  builtin: async (awk, e) => callBuiltin(awk, e),
  getline: async (awk, e) => awk.getline(e),
}
