/**
 * The jq evaluator: every expression is a generator of results. In path mode each result carries the path that leads to it, so that
 * `path(…)`, assignments, `del` and friends use the same code.
 */
import { bind, lookup, type Closure, type Env } from './env.ts'
import { names } from './names.ts'
import { binary, formats } from './operators.ts'
import type { Ast, Pattern } from './parse.ts'
import { checkPath, deletePaths, extend, getIndex, getPath, iterate, noPath, recurse, setPath, slice, truthy, type Path, type Result } from './paths.ts'
import { JqError, object, print, short, typeOf, type Json } from './values.ts'

export function run(ast: Ast, env: Env, v: Json, path: Path = undefined): Generator<Result> {
  return (evaluators[ast.k] as Evaluator<Ast['k']>)(ast as never, env, v, path)
}

type Evaluator<K extends Ast['k']> = (ast: Ast & { readonly k: K }, env: Env, v: Json, path: Path) => Generator<Result>

const evaluators: { readonly [K in Ast['k']]: Evaluator<K> } = {
  *identity(_ast, _env, v, path) {
    yield [v, path]
  },
  *recurse(_ast, _env, v, path) {
    yield* recurse(v, path)
  },
  *field(ast, env, v, path) {
    for (const [on, p] of run(ast.on, env, v, path)) {
      if (ast.name.k === 'literal') yield [getIndex(on, ast.name.v as Json), extend(p, ast.name.v as Json)]
      else for (const [key] of run(ast.name, env, v)) yield [getIndex(on, key), extend(p, key)]
    }
  },
  *iterate(ast, env, v, path) {
    for (const [on, p] of run(ast.on, env, v, path)) yield* iterate(on, p)
  },
  *slice(ast, env, v, path) {
    for (const [on, p] of run(ast.on, env, v, path)) {
      for (const [to] of ast.to ? run(ast.to, env, v) : [[null] as const]) {
        for (const [from] of ast.from ? run(ast.from, env, v) : [[null] as const]) yield [slice(on, from, to), extend(p, object([['start', from], ['end', to]]))]
      }
    }
  },
  *literal(ast, _env, _v, path) {
    if (path && ast.v === null) {
      yield [null, path]
      return
    }
    yield noPath(ast.v, path)
  },
  *string(ast, env, v, path) {
    for (const text of interpolate(ast.parts, ast.format, env, v)) yield noPath(text, path)
  },
  *format(ast, _env, v, path) {
    yield noPath(formats(ast.name, v), path)
  },
  *array(ast, env, v, path) {
    const out: Json[] = []
    if (ast.inner) for (const [x] of run(ast.inner, env, v)) out.push(x)
    yield noPath(out, path)
  },
  *object(ast, env, v, path) {
    for (const o of entries(ast.entries, 0, env, v, [])) yield noPath(o, path)
  },
  *pipe(ast, env, v, path) {
    for (const [x, p] of run(ast.left, env, v, path)) yield* run(ast.right, env, x, p)
  },
  *comma(ast, env, v, path) {
    yield* run(ast.left, env, v, path)
    yield* run(ast.right, env, v, path)
  },
  *alternative(ast, env, v, path) {
    let any = false
    try {
      for (const r of run(ast.left, env, v, path)) {
        if (truthy(r[0])) {
          any = true
          yield r
        }
      }
    } catch (error) {
      if (!(error instanceof JqError) || error.label !== undefined) throw error
    }
    if (!any) yield* run(ast.right, env, v, path)
  },
  and: logical(false),
  or: logical(true),
  *binary(ast, env, v, path) {
    for (const [r] of run(ast.right, env, v)) for (const [l] of run(ast.left, env, v)) yield noPath(binary(ast.op, l, r), path)
  },
  *negate(ast, env, v, path) {
    for (const [x] of run(ast.arg, env, v)) {
      if (typeof x !== 'number') throw new JqError(`${typeOf(x)} (${short(x)}) cannot be negated`)
      yield noPath(-x, path)
    }
  },
  *assign(ast, env, v, path) {
    for (const x of assign(ast, env, v)) yield noPath(x, path)
  },
  *if(ast, env, v, path) {
    yield* conditional(ast.branches, 0, ast.no, env, v, path)
  },
  *try(ast, env, v, path) {
    try {
      yield* run(ast.body, env, v, path)
    } catch (error) {
      if (!(error instanceof JqError) || error.label !== undefined) throw error
      if (ast.handler) {
        if (error.value === '__break__' || error.value === null) return
        for (const [x] of run(ast.handler, env, error.value)) yield noPath(x, path)
      }
    }
  },
  *reduce(ast, env, v, path) {
    for (const [init] of run(ast.init, env, v)) {
      let state: Json = init
      for (const [x] of run(ast.source, env, v)) {
        for (const e of destructure(ast.pattern, x, env)) {
          let last: Json = null
          for (const [y] of run(ast.update, e, state)) last = y
          state = last
        }
      }
      yield noPath(state, path)
    }
  },
  *foreach(ast, env, v, path) {
    for (const [init, p0] of run(ast.init, env, v, path)) {
      let state: Json = init
      let at = p0
      for (const [x] of run(ast.source, env, v)) {
        for (const e of destructure(ast.pattern, x, env)) {
          for (const [y, py] of run(ast.update, e, state, at)) {
            state = y
            at = py
            if (ast.extract) yield* run(ast.extract, e, y, py)
            else yield [y, py]
          }
        }
      }
    }
  },
  *as(ast, env, v, path) {
    for (const [x] of run(ast.source, env, v)) {
      for (const [i, pattern] of ast.patterns.entries()) {
        try {
          let base = env
          if (ast.patterns.length > 1) for (const name of names(ast.patterns)) base = bind(base, '$' + name, null)
          for (const e of destructure(pattern, x, base)) yield* run(ast.body, e, v, path)
          break
        } catch (error) {
          if (!(error instanceof JqError) || i === ast.patterns.length - 1) throw error
        }
      }
    }
  },
  *def(ast, env, v, path) {
    const closure: Closure = { params: ast.params, body: ast.body, env: undefined }
    const inner = bind(env, `${ast.name}/${ast.params.length}`, closure)
    closure.env = inner
    yield* run(ast.rest, inner, v, path)
  },
  *call(ast, env, v, path) {
    yield* call(ast, env, v, path)
  },
  *variable(ast, env, _v, path) {
    const found = lookup(env, '$' + ast.name)
    if (found) {
      yield noPath(found.value as Json, path)
      return
    }
    if (ast.name === 'ENV') {
      yield noPath(env.context.environment(), path)
      return
    }
    const global = env.context.variables.get(ast.name)
    if (global === undefined) throw new JqError(`$${ast.name} is not defined`)
    yield noPath(global, path)
  },
  *label(ast, env, v, path) {
    const id = ++env.context.labels
    try {
      yield* run(ast.body, bind(env, '*' + ast.name, id), v, path)
    } catch (error) {
      if (!(error instanceof JqError) || error.label !== id) throw error
    }
  },
  *break(ast, env) {
    const found = lookup(env, '*' + ast.name)
    throw new JqError('break', (found?.value as number) ?? -1)
  },
}

/** `and` and `or`: the left side that settles it is the result. */
function logical(or: boolean): (ast: Ast & { readonly k: 'and' | 'or' }, env: Env, v: Json, path: Path) => Generator<Result> {
  return function* (ast, env, v, path) {
    for (const [l] of run(ast.left, env, v)) {
      if (truthy(l) === or) yield noPath(or, path)
      else for (const [r] of run(ast.right, env, v)) yield noPath(truthy(r), path)
    }
  }
}

function* conditional(branches: readonly { test: Ast; body: Ast }[], i: number, no: Ast, env: Env, v: Json, path: Path): Generator<Result> {
  const branch = branches[i]
  if (!branch) {
    yield* run(no, env, v, path)
    return
  }
  for (const [t] of run(branch.test, env, v)) {
    if (truthy(t)) yield* run(branch.body, env, v, path)
    else yield* conditional(branches, i + 1, no, env, v, path)
  }
}

function* interpolate(parts: readonly (string | Ast)[], format: string | undefined, env: Env, v: Json, i = 0): Generator<string> {
  if (i === parts.length) {
    yield ''
    return
  }
  // The last interpolation varies slowest, as in jq.
  for (const tail of interpolate(parts, format, env, v, i + 1)) {
    const part = parts[i]!
    if (typeof part === 'string') yield part + tail
    else for (const [x] of run(part, env, v)) yield (format ? formats(format, x) : typeof x === 'string' ? x : print(x)) + tail
  }
}

function* entries(list: readonly { key: Ast; value: Ast }[], i: number, env: Env, v: Json, done: readonly (readonly [string, Json])[]): Generator<Json> {
  const entry = list[i]
  if (!entry) {
    yield object(done)
    return
  }
  for (const [key] of run(entry.key, env, v)) {
    if (typeof key !== 'string') throw new JqError(`Object keys must be strings`)
    const values = entry.value.k === 'field' && entry.value.on.k === 'identity' && entry.value.name === entry.key ? [[getIndex(v, key)] as const] : run(entry.value, env, v)
    for (const [value] of values) yield* entries(list, i + 1, env, v, [...done, [key, value]])
  }
}

function* assign(ast: Extract<Ast, { k: 'assign' }>, env: Env, v: Json): Generator<Json> {
  if (ast.op === '|=') {
    let out = v
    const paths = [...run(ast.left, env, v, [])].map(checkPath)
    const gone: (readonly Json[])[] = []
    for (const p of paths) {
      let next: Json | undefined
      for (const [x] of run(ast.right, env, getPath(out, p))) {
        next = x
        break
      }
      if (next === undefined) gone.push(p)
      else out = setPath(out, p, next)
    }
    yield gone.length > 0 ? deletePaths(out, gone) : out
    return
  }
  for (const [right] of run(ast.right, env, v)) {
    let out = v
    for (const r of run(ast.left, env, v, [])) {
      const p = checkPath(r)
      if (ast.op === '=') out = setPath(out, p, right)
      else {
        const old = getPath(out, p)
        out = setPath(out, p, ast.op === '//=' ? (truthy(old) ? old : right) : binary(ast.op.slice(0, -1), old, right))
      }
    }
    yield out
  }
}

function* destructure(pattern: Pattern, v: Json, env: Env): Generator<Env> {
  if (pattern.k === 'variable') {
    yield bind(env, '$' + pattern.name, v)
    return
  }
  if (pattern.k === 'array') {
    if (v !== null && !Array.isArray(v)) throw new JqError(`Cannot index ${typeOf(v)} with number`)
    yield* each(pattern.items.map((p, i) => ({ key: i as Json, pattern: p })), 0, v, env)
    return
  }
  yield* objectPattern(pattern.entries, 0, v, env)
}

function* each(items: readonly { key: Json; pattern: Pattern }[], i: number, v: Json, env: Env): Generator<Env> {
  const item = items[i]
  if (!item) {
    yield env
    return
  }
  for (const e of destructure(item.pattern, getIndex(v, item.key), env)) yield* each(items, i + 1, v, e)
}

function* objectPattern(list: Extract<Pattern, { k: 'object' }>['entries'], i: number, v: Json, env: Env): Generator<Env> {
  const entry = list[i]
  if (!entry) {
    yield env
    return
  }
  for (const [key] of run(entry.key, env, v)) {
    if (typeof key !== 'string') throw new JqError(`Cannot index ${typeOf(v)} with ${typeOf(key)}`)
    const x = getIndex(v, key)
    const e = entry.variable ? bind(env, '$' + entry.variable, x) : env
    if (entry.value) for (const f of destructure(entry.value, x, e)) yield* objectPattern(list, i + 1, v, f)
    else yield* objectPattern(list, i + 1, v, e)
  }
}

function* call(ast: Extract<Ast, { k: 'call' }>, env: Env, v: Json, path: Path): Generator<Result> {
  const key = `${ast.name}/${ast.args.length}`
  const found = lookup(env, key)
  if (found) {
    const value = found.value as Closure | { ast: Ast; env: Env }
    if ('ast' in value) {
      yield* run(value.ast, value.env, v, path)
      return
    }
    yield* applyClosure(value, ast.args, env, v, path)
    return
  }
  const builtin = env.context.builtins.get(key)
  if (!builtin) throw new JqError(`${key} is not defined`)
  yield* builtin(ast.args, env, v, path)
}

function* applyClosure(closure: Closure, args: readonly Ast[], env: Env, v: Json, path: Path, i = 0, made: Env = closure.env!): Generator<Result> {
  if (i === args.length) {
    yield* run(closure.body, made, v, path)
    return
  }
  const param = closure.params[i]!
  if (param.startsWith('$')) {
    for (const [x] of run(args[i]!, env, v)) {
      const withVariable = bind(made, param, x)
      yield* applyClosure(closure, args, env, v, path, i + 1, bind(withVariable, `${param.slice(1)}/0`, { ast: { k: 'variable', name: param.slice(1) }, env: withVariable }))
    }
    return
  }
  yield* applyClosure(closure, args, env, v, path, i + 1, bind(made, `${param}/0`, { ast: args[i]!, env }))
}
