/** From source to something that runs: parse, check, estimate. Compiled programs are kept, as the server keeps them. */
import { type Expr, formatIssues } from './ast.ts'
import { check } from './checker.ts'
import { estimateCost } from './cost.ts'
import type { Declarations } from './declarations.ts'
import { type Activation, evaluate } from './evaluate.ts'
import { parse } from './parser.ts'
import type { CelType } from './types.ts'
import type { Value } from './values.ts'

export interface Program {
  readonly source: string
  readonly type: CelType
  /** The most it may cost, in steps. */
  readonly cost: number
  /** Names of variables that it reads. */
  readonly names: ReadonlySet<string>
  run(activation: Activation): Value
}

export type Compiled = { readonly program: Program } | { readonly failure: string }

const parsed = new Map<string, ReturnType<typeof parse>>()

/** Definitions bring the same rules again and again. */
function parseOnce(source: string): ReturnType<typeof parse> {
  let found = parsed.get(source)
  if (!found) {
    if (parsed.size > 1000) parsed.clear()
    parsed.set(source, (found = parse(source)))
  }
  return found
}

export function compile(source: string, declarations: Declarations): Compiled {
  const { expr, issues } = parseOnce(source)
  if (!expr) return { failure: formatIssues(source, issues) }
  const checked = check(expr, declarations)
  if (checked.issues.length > 0) return { failure: formatIssues(source, checked.issues) }
  const names = new Set<string>()
  collectNames(expr, names)
  let cost: number | undefined
  return {
    program: {
      source, type: checked.type, names, run: (activation) => evaluate(expr, activation),
      get cost() {
        return (cost ??= estimateCost(expr, checked.types))
      },
    },
  }
}

function collectNames(e: Expr, out: Set<string>): void {
  switch (e.kind) {
    case 'ident':
      out.add(e.name.replace(/^\./, ''))
      return
    case 'select':
      return collectNames(e.operand, out)
    case 'call':
      if (e.target) collectNames(e.target, out)
      for (const a of e.args) collectNames(a, out)
      return
    case 'list':
      for (const x of e.elements) collectNames(x.value, out)
      return
    case 'map':
      for (const x of e.entries) {
        collectNames(x.key, out)
        collectNames(x.value, out)
      }
      return
    case 'struct':
      for (const f of e.fields) collectNames(f.value, out)
      return
    case 'fold':
      for (const x of [e.range, e.init, e.condition, e.step, e.result]) collectNames(x, out)
  }
}
