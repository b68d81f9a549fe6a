/**
 * The jq evaluator: every expression is a generator of results. In path mode each result carries the path that leads to it, so that
 * `path(…)`, assignments, `del` and friends use the same code.
 */
import { arithmetic, builtins, formats, invalid } from './builtins.ts'
import type { Ast, Pattern } from './parse.ts'
import { compare, JqError, keysOf, object, print, typeOf } from './values.ts'
import type { Json } from './values.ts'

export type Path = readonly Json[] | undefined
export type Result = readonly [value: Json, path: Path]

export interface Closure {
  readonly params: readonly string[]
  readonly body: Ast
  env: Env | undefined
}

/** Bindings as a linked list: variables, functions by `name/arity`, labels. */
export interface Env {
  readonly parent: Env | undefined
  readonly key: string
  readonly value: Json | Closure | { readonly ast: Ast; readonly env: Env } | number
  readonly context: Context
}

export interface Context {
  readonly variables: ReadonlyMap<string, Json>
  /** Remaining inputs, for `input` and `inputs`. */
  readonly inputs: { next(): Json | undefined }
  readonly environment: () => Json
  readonly now: () => number
  readonly warn: (text: string) => void
  labels: number
}

export function emptyEnv(context: Context): Env {
  return { parent: undefined, key: '', value: null, context }
}

function lookup(env: Env, key: string): Env | undefined {
  for (let e: Env | undefined = env; e; e = e.parent) if (e.key === key) return e
  return undefined
}

function bind(env: Env, key: string, value: Env['value']): Env {
  return { parent: env, key, value, context: env.context }
}

function short(v: Json): string {
  const text = print(v)
  return text.length > 11 ? `${text.slice(0, 10)}...` : text
}

export { short }

/** `.[key]` on a value. Throws JqError. */
export function getIndex(v: Json, key: Json): Json {
  const type = typeOf(v)
  if (type === 'object' && typeof key === 'string') return (v as { [k: string]: Json })[key] ?? null
  if (type === 'array' && typeof key === 'number') {
    const a = v as Json[]
    const i = Math.floor(key)
    return a[i < 0 ? a.length + i : i] ?? null
  }
  if (type === 'null' && (typeof key === 'string' || typeof key === 'number' || key === null || typeOf(key) === 'object')) return null
  if (typeOf(key) === 'object' && (type === 'array' || type === 'string')) {
    const k = key as { [k: string]: Json }
    return slice(v, k['start'] ?? null, k['end'] ?? null)
  }
  if (type === 'array' && Array.isArray(key)) {
    const a = v as Json[]
    const found: Json[] = []
    if (key.length > 0) for (let i = 0; i + key.length <= a.length; i++) if (key.every((x, k) => compare(x, a[i + k]!) === 0)) found.push(i)
    return found
  }
  if (typeof key === 'string') throw new JqError(`Cannot index ${type} with string "${key}"`)
  throw new JqError(`Cannot index ${type} with ${typeOf(key)}`)
}

export function slice(v: Json, from: Json, to: Json): Json {
  if (v === null) return null
  if (!Array.isArray(v) && typeof v !== 'string') throw new JqError(`Cannot index ${typeOf(v)} with object`)
  if ((from !== null && typeof from !== 'number') || (to !== null && typeof to !== 'number')) throw new JqError(`Start and end indices of an array slice must be numbers`)
  const chars = typeof v === 'string' ? [...v] : v
  const n = chars.length
  const fix = (x: number, round: (y: number) => number) => Math.max(0, Math.min(n, x < 0 ? round(n + x) : round(x)))
  const a = from === null ? 0 : fix(from, Math.floor)
  const b = to === null ? n : fix(to, Math.ceil)
  return typeof v === 'string' ? chars.slice(a, Math.max(a, b)).join('') : (chars as Json[]).slice(a, Math.max(a, b))
}

export function getPath(v: Json, path: readonly Json[]): Json {
  let at = v
  for (const p of path) {
    if (at === null) return null
    at = getIndex(at, p)
  }
  return at
}

export function setPath(v: Json, path: readonly Json[], value: Json): Json {
  if (path.length === 0) return value
  const [head, ...rest] = path as [Json, ...Json[]]
  if (typeof head === 'string') {
    if (v !== null && typeOf(v) !== 'object') throw new JqError(`Cannot index ${typeOf(v)} with "${head}"`)
    const o = object(v === null ? [] : keysOf(v as { [k: string]: Json }).map((k) => [k, (v as { [k: string]: Json })[k]!]))
    o[head] = setPath(o[head] ?? null, rest, value)
    return o
  }
  if (typeof head === 'number') {
    if (v !== null && !Array.isArray(v)) throw new JqError(`Cannot index ${typeOf(v)} with number`)
    const a = [...((v as Json[] | null) ?? [])]
    let i = Math.floor(head)
    if (i < 0) {
      i += a.length
      if (i < 0) throw new JqError('Out of bounds negative array index')
    }
    while (a.length < i) a.push(null)
    a[i] = setPath(a[i] ?? null, rest, value)
    return a
  }
  if (typeOf(head) === 'object') {
    if (v !== null && !Array.isArray(v)) throw new JqError(`Cannot update field at object index of ${typeOf(v)}`)
    const a = (v as Json[] | null) ?? []
    const h = head as { [k: string]: Json }
    const part = slice(a, h['start'] ?? null, h['end'] ?? null) as Json[]
    const next = setPath(part, rest, value)
    if (!Array.isArray(next)) throw new JqError('A slice of an array can only be assigned another array')
    const n = a.length
    const fix = (x: Json, other: number) => (typeof x === 'number' ? Math.max(0, Math.min(n, x < 0 ? n + x : x)) : other)
    const from = Math.floor(fix(h['start'] ?? null, 0))
    const to = Math.max(from, Math.ceil(fix(h['end'] ?? null, n)))
    return [...a.slice(0, from), ...next, ...a.slice(to)]
  }
  if (Array.isArray(head)) throw new JqError('Cannot update field at array index of array')
  throw new JqError(`Invalid path component`)
}

export function deletePaths(v: Json, paths: readonly (readonly Json[])[]): Json {
  const sorted = [...paths].sort((a, b) => -compare(a as Json[], b as Json[]))
  let out = v
  for (const p of sorted) out = deletePath(out, p)
  return out
}

function deletePath(v: Json, path: readonly Json[]): Json {
  if (path.length === 0 || v === null) return null
  const [head, ...rest] = path as [Json, ...Json[]]
  if (rest.length > 0) {
    const child = getIndex(v, head)
    return child === null ? v : setPath(v, [head], deletePath(child, rest))
  }
  if (typeOf(v) === 'object') {
    if (typeof head !== 'string') throw new JqError(`Cannot delete field at object index of ${typeOf(head) === 'number' ? 'array' : typeOf(head)}`)
    const o = v as { [k: string]: Json }
    return object(keysOf(o).filter((k) => k !== head).map((k) => [k, o[k]!]))
  }
  if (Array.isArray(v)) {
    if (typeof head === 'number') {
      const i = head < 0 ? v.length + head : head
      return v.filter((_, k) => k !== i)
    }
    if (typeOf(head) === 'object') {
      const h = head as { [k: string]: Json }
      const n = v.length
      const fix = (x: Json | undefined, other: number) => (typeof x === 'number' ? Math.max(0, Math.min(n, x < 0 ? n + x : x)) : other)
      const from = fix(h['start'], 0)
      const to = fix(h['end'], n)
      return v.filter((_, k) => k < from || k >= to)
    }
    throw new JqError(`Cannot delete field at array index of array`)
  }
  throw new JqError(`Cannot delete field at ${typeof head === 'string' ? 'object' : 'array'} index of ${typeOf(v)}`)
}

export function truthy(v: Json): boolean {
  return v !== null && v !== false
}

const extend = (path: Path, key: Json): Path => path && [...path, key]

export function* run(ast: Ast, env: Env, v: Json, path: Path = undefined): Generator<Result> {
  switch (ast.k) {
    case 'identity':
      yield [v, path]
      return
    case 'recurse':
      yield* recurse(v, path)
      return
    case 'field':
      for (const [on, p] of run(ast.on, env, v, path)) {
        if (ast.name.k === 'literal') yield [getIndex(on, ast.name.v as Json), extend(p, ast.name.v as Json)]
        else for (const [key] of run(ast.name, env, v)) yield [getIndex(on, key), extend(p, key)]
      }
      return
    case 'iterate':
      for (const [on, p] of run(ast.on, env, v, path)) yield* iterate(on, p)
      return
    case 'slice':
      for (const [on, p] of run(ast.on, env, v, path)) {
        for (const [to] of ast.to ? run(ast.to, env, v) : [[null] as const]) {
          for (const [from] of ast.from ? run(ast.from, env, v) : [[null] as const]) yield [slice(on, from, to), extend(p, object([['start', from], ['end', to]]))]
        }
      }
      return
    case 'literal':
      if (path && ast.v === null) {
        yield [null, path]
        return
      }
      yield noPath(ast.v, path)
      return
    case 'string':
      for (const text of interpolate(ast.parts, ast.format, env, v)) yield noPath(text, path)
      return
    case 'format':
      yield noPath(formats(ast.name, v), path)
      return
    case 'array': {
      const out: Json[] = []
      if (ast.inner) for (const [x] of run(ast.inner, env, v)) out.push(x)
      yield noPath(out, path)
      return
    }
    case 'object':
      for (const o of entries(ast.entries, 0, env, v, [])) yield noPath(o, path)
      return
    case 'pipe':
      for (const [x, p] of run(ast.left, env, v, path)) yield* run(ast.right, env, x, p)
      return
    case 'comma':
      yield* run(ast.left, env, v, path)
      yield* run(ast.right, env, v, path)
      return
    case 'alternative': {
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
      return
    }
    case 'and':
    case 'or':
      for (const [l] of run(ast.left, env, v)) {
        if (truthy(l) === (ast.k === 'or')) yield noPath(ast.k === 'or', path)
        else for (const [r] of run(ast.right, env, v)) yield noPath(truthy(r), path)
      }
      return
    case 'binary':
      for (const [r] of run(ast.right, env, v)) for (const [l] of run(ast.left, env, v)) yield noPath(binary(ast.op, l, r), path)
      return
    case 'negate':
      for (const [x] of run(ast.arg, env, v)) {
        if (typeof x !== 'number') throw new JqError(`${typeOf(x)} (${short(x)}) cannot be negated`)
        yield noPath(-x, path)
      }
      return
    case 'assign':
      for (const x of assign(ast, env, v)) yield noPath(x, path)
      return
    case 'if':
      yield* conditional(ast.branches, 0, ast.no, env, v, path)
      return
    case 'try':
      try {
        yield* run(ast.body, env, v, path)
      } catch (error) {
        if (!(error instanceof JqError) || error.label !== undefined) throw error
        if (ast.handler) {
          if (error.value === '__break__') return
          for (const [x] of run(ast.handler, env, error.value)) yield noPath(x, path)
        }
      }
      return
    case 'reduce': {
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
      return
    }
    case 'foreach':
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
      return
    case 'as':
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
      return
    case 'def': {
      const closure: Closure = { params: ast.params, body: ast.body, env: undefined }
      const inner = bind(env, `${ast.name}/${ast.params.length}`, closure)
      closure.env = inner
      yield* run(ast.rest, inner, v, path)
      return
    }
    case 'call':
      yield* call(ast, env, v, path)
      return
    case 'variable': {
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
      return
    }
    case 'label': {
      const id = ++env.context.labels
      try {
        yield* run(ast.body, bind(env, '*' + ast.name, id), v, path)
      } catch (error) {
        if (!(error instanceof JqError) || error.label !== id) throw error
      }
      return
    }
    case 'break': {
      const found = lookup(env, '*' + ast.name)
      throw new JqError('break', (found?.value as number) ?? -1)
    }
  }
}

function names(patterns: readonly Pattern[]): string[] {
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

/** A computed value in path mode has no path; using it as one is an error. */
function noPath(v: Json, path: Path): Result {
  return path ? [v, poisoned] : [v, undefined]
}

/** Marks results that are no paths; any further step on them fails. */
export const poisoned: readonly Json[] = Object.freeze(['\u0000not a path'])

export function checkPath(r: Result): readonly Json[] {
  if (r[1]![0] === poisoned[0] && r[1]!.length >= 1) throw new JqError(r[1] === poisoned ? `Invalid path expression with result ${short(r[0])}` : `Invalid path expression with result ${short(r[0])}`)
  return r[1]!
}

export function* iterate(v: Json, path: Path): Generator<Result> {
  if (Array.isArray(v)) {
    for (let i = 0; i < v.length; i++) yield [v[i]!, extend(path, i)]
    return
  }
  if (v !== null && typeof v === 'object') {
    for (const k of keysOf(v)) yield [v[k]!, extend(path, k)]
    return
  }
  throw new JqError(`Cannot iterate over ${typeOf(v)}${v === null ? ' (null)' : ` (${short(v)})`}`)
}

function* recurse(v: Json, path: Path): Generator<Result> {
  yield [v, path]
  if (v !== null && typeof v === 'object') for (const [x, p] of iterate(v, path)) yield* recurse(x, p)
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

export function binary(op: string, l: Json, r: Json): Json {
  switch (op) {
    case '==': return compare(l, r) === 0
    case '!=': return compare(l, r) !== 0
    case '<': return compare(l, r) < 0
    case '<=': return compare(l, r) <= 0
    case '>': return compare(l, r) > 0
    case '>=': return compare(l, r) >= 0
    default: return arithmetic(op, l, r)
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
  const builtin = builtins.get(key)
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
        if (!names.has(key) && !builtins.has(key)) return { text: `${key} is not defined`, pos: a.pos }
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

export { invalid, bind }
