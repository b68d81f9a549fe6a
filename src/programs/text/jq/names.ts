/** The names of a program: what patterns bind, and what nobody defines. */
import type { Context } from './env.ts'
import type { Ast, Pattern } from './parse.ts'

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

export function undefinedNames(ast: Ast, context: Context): Undefined | undefined {
  const visit = (a: Ast | undefined, names: ReadonlySet<string>): Undefined | undefined => {
    if (!a) return undefined
    switch (a.k) {
      case 'call': {
        const key = `${a.name}/${a.args.length}`
        if (!names.has(key) && !context.builtins.has(key)) return { text: `${key} is not defined`, pos: a.pos }
        for (const x of a.args) {
          const bad = visit(x, names)
          if (bad) return bad
        }
        return undefined
      }
      case 'variable':
        return names.has('$' + a.name) || a.name === 'ENV' || context.variables.has(a.name) ? undefined : { text: `$${a.name} is not defined`, pos: a.pos ?? 0 }
      case 'def': {
        const self = new Set([...names, `${a.name}/${a.params.length}`])
        const inner = new Set([...self, ...a.params.flatMap((p) => (p.startsWith('$') ? [p, `${p.slice(1)}/0`] : [`${p}/0`]))])
        return visit(a.body, inner) ?? visit(a.rest, self)
      }
      case 'as': {
        const inner = new Set([...names, ...patternNames(a.patterns)])
        return visit(a.source, names) ?? visit(a.body, inner)
      }
      case 'reduce':
      case 'foreach': {
        const inner = new Set([...names, ...patternNames([a.pattern])])
        return visit(a.source, names) ?? visit(a.init, names) ?? visit(a.update, inner) ?? (a.k === 'foreach' ? visit(a.extract, inner) : undefined)
      }
      case 'binary':
        if (a.op === '/' && a.left.k === 'literal' && a.right.k === 'literal' && a.right.v === 0 && typeof a.left.v === 'number') return { text: 'Division by zero?', pos: 0 }
        return visit(a.left, names) ?? visit(a.right, names)
      case 'string':
        for (const p of a.parts) {
          const bad = typeof p === 'string' ? undefined : visit(p, names)
          if (bad) return bad
        }
        return undefined
      case 'object':
        for (const e of a.entries) {
          const bad = visit(e.key, names) ?? visit(e.value, names)
          if (bad) return bad
        }
        return undefined
      case 'if':
        for (const b of a.branches) {
          const bad = visit(b.test, names) ?? visit(b.body, names)
          if (bad) return bad
        }
        return visit(a.no, names)
      default: {
        for (const x of Object.values(a)) {
          if (x !== null && typeof x === 'object' && 'k' in x) {
            const bad = visit(x as Ast, names)
            if (bad) return bad
          }
        }
        return undefined
      }
    }
  }
  return visit(ast, new Set())
}

function patternNames(patterns: readonly Pattern[]): string[] {
  return names(patterns).map((n) => '$' + n)
}
