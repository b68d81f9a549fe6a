/** The names of a program: what patterns bind, and what nobody defines. */
import type { Context } from './env.ts'
import type { Ast, Pattern } from './parse.ts'
import { print, typeOf } from './values.ts'

export function names(patterns: readonly Pattern[]): string[] {
  const out: string[] = []
  const walk = (p: Pattern) => {
    if (p.k === 'variable') out.push(p.name)
    else if (p.k === 'array') p.items.forEach(walk)
    else for (const e of p.entries) {
      if (e.variable) out.push(e.variable)
      if (e.value) walk(e.value)
    }
  }
  patterns.forEach(walk)
  return out
}

/** Names that a program uses and nobody defines: compile errors in jq. */
export interface Undefined {
  readonly text: string
  readonly pos: number
}

/** All of them, in the order of the text. */
export function undefinedNames(ast: Ast, context: Context): Undefined[] {
  const found: Undefined[] = []
  const many = (list: readonly (Ast | undefined)[], names: ReadonlySet<string>) => list.forEach((a) => visit(a, names))
  const visit = (a: Ast | undefined, names: ReadonlySet<string>): void => {
    if (!a) return
    switch (a.k) {
      case 'call': {
        const key = `${a.name}/${a.args.length}`
        if (!names.has(key) && !context.builtins.has(key)) found.push({ text: `${key} is not defined`, pos: a.pos })
        return many(a.args, names)
      }
      case 'variable':
        if (!names.has('$' + a.name) && a.name !== 'ENV' && !context.variables.has(a.name)) found.push({ text: `$${a.name} is not defined`, pos: a.pos ?? 0 })
        return
      case 'def': {
        const self = new Set([...names, `${a.name}/${a.params.length}`])
        visit(a.body, new Set([...self, ...a.params.flatMap((p) => (p.startsWith('$') ? [p, `${p.slice(1)}/0`] : [`${p}/0`]))]))
        return visit(a.rest, self)
      }
      case 'as':
        visit(a.source, names)
        return visit(a.body, new Set([...names, ...patternNames(a.patterns)]))
      case 'reduce':
      case 'foreach': {
        const inner = new Set([...names, ...patternNames([a.pattern])])
        many([a.source, a.init], names)
        visit(a.update, inner)
        return a.k === 'foreach' ? visit(a.extract, inner) : undefined
      }
      case 'binary':
        if (a.op === '/' && a.left.k === 'literal' && a.right.k === 'literal' && a.right.v === 0 && typeof a.left.v === 'number') found.push({ text: 'Division by zero?', pos: a.pos ?? 0 })
        return many([a.left, a.right], names)
      case 'string':
        return many(a.parts.map((p) => (typeof p === 'string' ? undefined : p)), names)
      case 'label':
        return visit(a.body, new Set([...names, `*${a.name}`]))
      case 'break':
        if (!names.has(`*${a.name}`)) found.push({ text: `$*label-${a.name} is not defined`, pos: a.pos })
        return
      case 'object':
        for (const e of a.entries) {
          if (e.key.k === 'literal' && typeof e.key.v !== 'string') found.push({ text: `Cannot use ${typeOf(e.key.v)} (${print(e.key.v)}) as object key`, pos: e.pos ?? 0 })
          many([e.key, e.value], names)
        }
        return
      case 'if':
        return many([...a.branches.flatMap((b) => [b.test, b.body]), a.no], names)
      default:
        for (const x of Object.values(a)) if (x !== null && typeof x === 'object' && 'k' in x) visit(x as Ast, names)
    }
  }
  visit(ast, new Set())
  return found
}

function patternNames(patterns: readonly Pattern[]): string[] {
  return names(patterns).map((n) => '$' + n)
}
