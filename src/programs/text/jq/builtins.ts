/** jq's built-in functions, by `name/arity`. */
import { byteLength } from '#base/bytes.ts'
import { addDates } from './dates.ts'
import { addNumbers } from './numbers.ts'
import { addRegex } from './regex.ts'
import type { Ast } from './parse.ts'
import type { Builtin, Env } from './env.ts'
import { arithmetic, invalid, shown, text } from './operators.ts'
import { checkPath, deletePaths, getIndex, getPath, iterate, poisoned, setPath, slice, truthy, type Path, type Result } from './paths.ts'
import { run } from './run.ts'
import { compare, compact, JqError, JsonReader, JsonSyntax, keysOf, object, print, sortedKeys, typeOf } from './values.ts'
import type { Json } from './values.ts'

type Obj = { [key: string]: Json }

const table = new Map<string, Builtin>()
export const builtins: ReadonlyMap<string, Builtin> = table

/** A function of the input alone. */
function value(key: string, f: (v: Json, env: Env) => Json): void {
  table.set(key, function* (_args, env, v, path) {
    yield out(f(v, env), path)
  })
}

/** A function whose arguments are values: all combinations, the last varies slowest. */
function values(key: string, f: (v: Json, args: readonly Json[], env: Env) => Json): void {
  const arity = Number(key.slice(key.lastIndexOf('/') + 1))
  table.set(key, function* (args, env, v, path) {
    function* combine(i: number, got: readonly Json[]): Generator<readonly Json[]> {
      if (i < 0) {
        yield got
        return
      }
      for (const [x] of run(args[i]!, env, v)) yield* combine(i - 1, [x, ...got])
    }
    for (const got of combine(arity - 1, [])) yield out(f(v, got, env), path)
  })
}

function out(v: Json, path: Path): Result {
  return path ? [v, poisoned] : [v, undefined]
}

function length(v: Json): Json {
  if (v === null) return 0
  if (typeof v === 'boolean') return invalid(v, 'has no length')
  if (typeof v === 'number') return Math.abs(v)
  if (typeof v === 'string') return [...v].length
  return Array.isArray(v) ? v.length : keysOf(v).length
}

const needArray = (v: Json, what: string): Json[] => (Array.isArray(v) ? v : invalid(v, what))
/** The elements; anything else cannot be iterated over. */
const each = (v: Json): Json[] => [...iterate(v, undefined)].map(([x]) => x)
const wrong = (text: string): never => {
  throw new JqError(text)
}
const keyed = (f: Ast, env: Env, v: Json): [Json, Json][] => [...iterate(v, undefined)].map(([x]) => [[...run(f, env, x)].map(([y]) => y), x])
const stable = <T,>(list: readonly T[], by: (a: T, b: T) => number): T[] => [...list].sort(by)

function groups(list: readonly [Json, Json][]): Json[][] {
  const out: { key: Json; items: Json[] }[] = []
  for (const [k, x] of stable(list, (a, b) => compare(a[0], b[0]))) {
    const last = out.at(-1)
    if (last && compare(last.key, k) === 0) last.items.push(x)
    else out.push({ key: k, items: [x] })
  }
  return out.map((g) => g.items)
}

function contains(a: Json, b: Json): boolean {
  if (typeOf(a) !== typeOf(b)) throw new JqError(`${shown(a)} and ${shown(b)} cannot have their containment checked`)
  if (typeof a === 'string') return a.includes(b as string)
  if (Array.isArray(a)) return (b as Json[]).every((y) => a.some((x) => typeOf(x) === typeOf(y) && contains(x, y)))
  if (a !== null && typeof a === 'object') return keysOf(b as Obj).every((k) => k in a && typeOf(a[k]!) === typeOf((b as Obj)[k]!) && contains(a[k]!, (b as Obj)[k]!))
  return compare(a, b) === 0
}

function flatten(v: Json[], depth: number): Json[] {
  return v.flatMap((x) => (Array.isArray(x) && depth > 0 ? flatten(x, depth - 1) : [x]))
}

// Plain values

value('length/0', length)
value('utf8bytelength/0', (v) => (typeof v === 'string' ? byteLength(v) : invalid(v, 'only strings have UTF-8 byte length')))
value('not/0', (v) => !truthy(v))
value('keys/0', (v) => (Array.isArray(v) ? v.map((_, i) => i) : v !== null && typeof v === 'object' ? sortedKeys(v) : invalid(v, 'has no keys')))
value('keys_unsorted/0', (v) => (Array.isArray(v) ? v.map((_, i) => i) : v !== null && typeof v === 'object' ? [...keysOf(v)] : invalid(v, 'has no keys')))
value('add/0', (v) => {
  let sum: Json = null
  for (const [x] of iterate(v, undefined)) sum = arithmetic('+', sum, x)
  return sum
})
value('any/0', (v) => [...iterate(v, undefined)].some(([x]) => truthy(x)))
value('all/0', (v) => [...iterate(v, undefined)].every(([x]) => truthy(x)))
value('type/0', (v) => typeOf(v))
value('tostring/0', text)
value('tojson/0', (v) => print(v))
value('tonumber/0', (v) => {
  if (typeof v === 'number') return v
  if (typeof v !== 'string') return invalid(v, 'cannot be parsed as a number')
  return parseText(v)
})
function parseText(v: string): Json {
  try {
    const reader = new JsonReader(v)
    const found = reader.next()
    if (found === undefined) throw new JsonSyntax('Expected JSON value')
    if (reader.next() !== undefined) throw new JsonSyntax(`Unexpected extra JSON values`)
    return found
  } catch (error) {
    if (!(error instanceof JsonSyntax)) throw error
    throw new JqError(`${error.message} (while parsing '${v}')`)
  }
}
value('fromjson/0', (v) => (typeof v === 'string' ? parseText(v) : invalid(v, 'only strings can be parsed')))
value('ascii_downcase/0', (v) => (typeof v === 'string' ? v.replace(/[A-Z]/g, (c) => c.toLowerCase()) : (() => { throw new JqError('explode input must be a string') })()))
value('ascii_upcase/0', (v) => (typeof v === 'string' ? v.replace(/[a-z]/g, (c) => c.toUpperCase()) : (() => { throw new JqError('explode input must be a string') })()))
value('explode/0', (v) => (typeof v === 'string' ? [...v].map((c) => c.codePointAt(0)!) : wrong('explode input must be a string')))
value('implode/0', (v) => (Array.isArray(v) ? v : wrong('implode input must be an array')).map((c) => String.fromCodePoint(typeof c === 'number' ? c : invalid(c, "can't be imploded, unicode codepoint needs to be numeric"))).join(''))
value('reverse/0', (v) => {
  const n = length(v) as number
  return Array.from({ length: n }, (_, i) => getIndex(v, n - 1 - i))
})
value('sort/0', (v) => stable(needArray(v, 'cannot be sorted, as it is not an array'), compare))
value('unique/0', (v) => groups(each(v).map((x) => [[x], x])).map((g) => g[0]!))
const extreme = (list: readonly [Json, Json][], largest: boolean): Json => (list.length === 0 ? null : list.reduce((a, b) => (compare(b[0], a[0]) < 0 === largest ? a : b))[1])
const both = (v: Json): [Json, Json][] => (Array.isArray(v) ? v : wrong(`${shown(v)} and ${shown(v)} cannot be iterated over`)).map((x) => [x, x])
value('min/0', (v) => extreme(both(v), false))
value('max/0', (v) => extreme(both(v), true))
value('flatten/0', (v) => flatten(each(v), 1e9))
value('transpose/0', (v) => {
  const rows = each(v)
  const n = Math.max(0, ...rows.map((r) => length(r) as number))
  return Array.from({ length: n }, (_, i) => rows.map((r) => getIndex(r, i)))
})
value('to_entries/0', (v) => {
  if (v === null || typeof v !== 'object') return invalid(v, 'has no keys')
  return [...iterate(v, [])].map(([x, p]) => object([['key', p![0]!], ['value', x]]))
})
value('from_entries/0', (v) => {
  const o = object()
  for (const [e] of iterate(v, undefined)) {
    const pick = (...names: string[]): Json => {
      let last: Json = null
      for (const name of names) {
        last = getIndex(e, name)
        if (truthy(last)) return last
      }
      return last
    }
    const key = pick('key', 'k', 'name', 'Name', 'Key', 'K')
    const has = (k: string) => e !== null && typeof e === 'object' && k in e
    if (typeof key !== 'string') throw new JqError(`Cannot use ${shown(key)} as object key`)
    o[key] = has('value') ? getIndex(e, 'value') : has('Value') ? getIndex(e, 'Value') : null
  }
  return o
})
value('now/0', (_, env) => env.context.now() / 1000)
value('env/0', (_, env) => env.context.environment())
value('input_line_number/0', (_, env) => env.context.at().line)
value('builtins/0', () => [...table.keys()])
value('halt/0', () => { throw new Halt(0, undefined) })
value('halt_error/0', (v) => { throw new Halt(5, v) })
values('halt_error/1', (v, [code]) => { throw new Halt(typeof code === 'number' ? code : invalid(v, 'halt_error/1: number required'), v) })
value('input_filename/0', (_, env) => env.context.at().file)
value('debug/0', (v, env) => {
  env.context.warn(print(['DEBUG:', v]) + '\n')
  return v
})
value('stderr/0', (v, env) => {
  env.context.warn(print(v))
  return v
})
value('get_search_list/0', () => ['~/.jq', '$ORIGIN/../lib/jq', '$ORIGIN/lib'])
value('tojson/0', (v) => print(v, compact))

export class Halt {
  readonly code: number
  readonly value: Json | undefined
  constructor(code: number, value: Json | undefined) {
    this.code = code
    this.value = value
  }
}

// Values with arguments

values('has/1', (v, [k]) => {
  if (Array.isArray(v) && typeof k === 'number') return k >= 0 && k < v.length
  if (v !== null && typeof v === 'object' && !Array.isArray(v) && typeof k === 'string') return k in v
  throw new JqError(`Cannot check whether ${typeOf(v)} has a ${typeof k === 'string' ? 'string' : typeOf(k!)} key`)
})
table.set('in/1', function* (args, env, v, path) {
  for (const [o] of run(args[0]!, env, v)) yield* callBuiltin('has/1', [literal(v)], env, o, path)
})
function literal(v: Json): Ast {
  return { k: 'literal', v: v as null }
}
function* callBuiltin(key: string, args: readonly Ast[], env: Env, v: Json, path: Path): Generator<Result> {
  yield* table.get(key)!(args, env, v, path)
}
values('contains/1', (v, [x]) => contains(v, x!))
values('inside/1', (v, [x]) => contains(x!, v))
values('startswith/1', (v, [x]) => (typeof v === 'string' && typeof x === 'string' ? v.startsWith(x) : (() => { throw new JqError('startswith() requires string inputs') })()))
values('endswith/1', (v, [x]) => (typeof v === 'string' && typeof x === 'string' ? v.endsWith(x) : (() => { throw new JqError('endswith() requires string inputs') })()))
values('ltrimstr/1', (v, [x]) => (typeof v === 'string' && typeof x === 'string' && v.startsWith(x) ? v.slice(x.length) : v))
values('rtrimstr/1', (v, [x]) => (typeof v === 'string' && typeof x === 'string' && x !== '' && v.endsWith(x) ? v.slice(0, -x.length) : v))
values('split/1', (v, [x]) => (typeof v === 'string' && typeof x === 'string' ? arithmetic('/', v, x) : (() => { throw new JqError('split input and separator must be strings') })()))
values('join/1', (v, [x]) => {
  const items = [...iterate(v, undefined)].map(([y]) => y)
  let sum: Json = null
  for (const y of items) {
    const piece = y === null ? '' : typeof y === 'boolean' || typeof y === 'number' ? print(y) : y
    sum = arithmetic('+', sum === null ? '' : arithmetic('+', sum, x!), piece)
  }
  return sum ?? ''
})
values('flatten/1', (v, [d]) => {
  if (typeof d !== 'number') return Array.isArray(v) && v.some((x) => Array.isArray(x)) ? arithmetic('-', d!, 1) : v
  if (d < 0) throw new JqError('flatten depth must not be negative')
  return flatten(each(v), d)
})
values('index/1', (v, [x]) => (indices(v, x!) as Json[])[0] ?? null)
values('rindex/1', (v, [x]) => (indices(v, x!) as Json[]).at(-1) ?? null)
values('indices/1', (v, [x]) => indices(v, x!))
values('_indices/1', (v, [x]) => indices(v, x!))
function indices(v: Json, x: Json): Json {
  if (v === null) return null
  if (typeof v === 'string' && typeof x === 'string') {
    const found: Json[] = []
    if (x !== '') for (let i = v.indexOf(x); i >= 0; i = v.indexOf(x, i + 1)) found.push(byteLength(v.slice(0, i)))
    return found
  }
  const list = Array.isArray(v) ? v : ((): never => {
    getIndex(v, x)
    return invalid(v, 'cannot be searched')
  })()
  const want = Array.isArray(x) ? x : [x]
  const found: Json[] = []
  if (want.length > 0) for (let i = 0; i + want.length <= list.length; i++) if (want.every((y, k) => compare(y, list[i + k]!) === 0)) found.push(i)
  return found
}
table.set('getpath/1', function* (args, env, v, path) {
  for (const [p] of run(args[0]!, env, v)) {
    if (!Array.isArray(p)) throw new JqError('Path must be specified as an array')
    yield [getPath(v, p), path && [...path, ...p]]
  }
})
values('setpath/2', (v, [p, x]) => setPath(v, Array.isArray(p) ? p : wrong('Path must be specified as an array'), x!))
values('delpaths/1', (v, [p]) => deletePaths(v, (Array.isArray(p) ? p : wrong('Paths must be specified as an array')).map((x) => (Array.isArray(x) ? x : wrong(`Path must be specified as array, not ${typeOf(x)}`)))))
values('tojson/1', (v) => print(v))
values('error/1', (_, [x]) => { throw new JqError(x!) })
value('error/0', (v) => { throw new JqError(v) })
values('ltrimstr/1', (v, [x]) => (typeof v === 'string' && typeof x === 'string' && v.startsWith(x) ? v.slice(x.length) : v))
table.set('combinations/0', function* (_args, _env, v, path) {
  function* rec(lists: Json): Generator<Json[]> {
    if (length(lists) === 0) {
      yield []
      return
    }
    for (const [x] of iterate(getIndex(lists, 0), undefined)) for (const rest of rec(slice(lists, 1, null))) yield [x, ...rest]
  }
  for (const x of rec(v)) yield out(x, path)
})
value('min_by/0', (v) => v)
values('bsearch/1', (v, [x]) => {
  if (!Array.isArray(v)) getIndex(v, 0)
  const list = v as Json[]
  let lo = 0
  let hi = list.length - 1
  while (lo <= hi) {
    const mid = (lo + hi) >> 1
    const d = compare(list[mid]!, x!)
    if (d === 0) return mid
    if (d < 0) lo = mid + 1
    else hi = mid - 1
  }
  return -1 - lo
})
value('tostream/0', (v) => v)

// Functions of filters

function filter(key: string, f: Builtin): void {
  table.set(key, f)
}

filter('empty/0', function* () {})
filter('recurse/0', function* (_a, env, v, path) {
  yield* run({ k: 'recurse' }, env, v, path)
})
filter('recurse/1', function* (args, env, v, path) {
  function* rec(x: Json, p: Path): Generator<Result> {
    yield [x, p]
    for (const [y, q] of run(args[0]!, env, x, p)) yield* rec(y, q)
  }
  yield* rec(v, path)
})
filter('recurse/2', function* (args, env, v, path) {
  function* rec(x: Json, p: Path): Generator<Result> {
    yield [x, p]
    for (const [y, q] of run(args[0]!, env, x, p)) for (const [c] of run(args[1]!, env, y)) if (truthy(c)) yield* rec(y, q)
  }
  yield* rec(v, path)
})
filter('map/1', function* (args, env, v, path) {
  const list: Json[] = []
  for (const [x] of iterate(v, undefined)) for (const [y] of run(args[0]!, env, x)) list.push(y)
  yield out(list, path)
})
filter('map_values/1', function* (args, env, v, path) {
  const gone: Json[][] = []
  let result = v
  for (const [x, p] of iterate(v, [])) {
    const first = run(args[0]!, env, x).next()
    if (first.done) gone.push([...p!])
    else result = setPath(result, p!, first.value[0])
  }
  yield out(deletePaths(result, gone), path)
})
filter('select/1', function* (args, env, v, path) {
  for (const [c] of run(args[0]!, env, v)) if (truthy(c)) yield [v, path]
})
filter('path/1', function* (args, env, v, path) {
  for (const r of run(args[0]!, env, v, [])) yield out([...checkPath(r)], path)
})
filter('paths/0', function* (_a, env, v, path) {
  for (const [, p] of run({ k: 'recurse' }, env, v, [])) if (p!.length > 0) yield out([...p!], path)
})
filter('paths/1', function* (args, env, v, path) {
  for (const [x, p] of run({ k: 'recurse' }, env, v, [])) if (p!.length > 0) for (const [c] of run(args[0]!, env, x)) if (truthy(c)) yield out([...p!], path)
})
filter('leaf_paths/0', function* (_a, env, v, path) {
  for (const [x, p] of run({ k: 'recurse' }, env, v, [])) if (p!.length > 0 && truthy(x) && typeof x !== 'object') yield out([...p!], path)
})
filter('del/1', function* (args, env, v, path) {
  yield out(deletePaths(v, [...run(args[0]!, env, v, [])].map(checkPath)), path)
})
filter('to_entries/1', function* () {})
filter('with_entries/1', function* (args, env, v, path) {
  const to = [...table.get('to_entries/0')!([], env, v, undefined)][0]![0] as Json[]
  const list: Json[] = []
  for (const e of to) for (const [x] of run(args[0]!, env, e)) list.push(x)
  for (const [x] of table.get('from_entries/0')!([], env, list, undefined)) yield out(x, path)
})
filter('sort_by/1', function* (args, env, v, path) {
  yield out(stable(keyed(args[0]!, env, v), (a, b) => compare(a[0], b[0])).map(([, x]) => x), path)
})
filter('group_by/1', function* (args, env, v, path) {
  yield out(groups(keyed(args[0]!, env, v)), path)
})
filter('unique_by/1', function* (args, env, v, path) {
  yield out(groups(keyed(args[0]!, env, v)).map((g) => g[0]!), path)
})
filter('min_by/1', function* (args, env, v, path) {
  yield out(extreme(keyed(args[0]!, env, v), false), path)
})
filter('max_by/1', function* (args, env, v, path) {
  yield out(extreme(keyed(args[0]!, env, v), true), path)
})
filter('any/1', function* (args, env, v, path) {
  for (const [x] of iterate(v, undefined)) for (const [y] of run(args[0]!, env, x)) if (truthy(y)) return yield out(true, path)
  yield out(false, path)
})
filter('all/1', function* (args, env, v, path) {
  for (const [x] of iterate(v, undefined)) for (const [y] of run(args[0]!, env, x)) if (!truthy(y)) return yield out(false, path)
  yield out(true, path)
})
filter('any/2', function* (args, env, v, path) {
  for (const [x] of run(args[0]!, env, v)) for (const [y] of run(args[1]!, env, x)) if (truthy(y)) return yield out(true, path)
  yield out(false, path)
})
filter('all/2', function* (args, env, v, path) {
  for (const [x] of run(args[0]!, env, v)) for (const [y] of run(args[1]!, env, x)) if (!truthy(y)) return yield out(false, path)
  yield out(true, path)
})
filter('first/0', function* (_a, env, v, path) {
  yield* run({ k: 'field', on: { k: 'identity' }, name: { k: 'literal', v: 0 } }, env, v, path)
})
filter('last/0', function* (_a, env, v, path) {
  yield* run({ k: 'field', on: { k: 'identity' }, name: { k: 'literal', v: -1 } }, env, v, path)
})
filter('first/1', function* (args, env, v, path) {
  for (const r of run(args[0]!, env, v, path)) return yield r
})
filter('last/1', function* (args, env, v, path) {
  let last: Result | undefined
  for (const r of run(args[0]!, env, v, path)) last = r
  if (last) yield last
})
filter('isempty/1', function* (args, env, v, path) {
  yield out(run(args[0]!, env, v).next().done === true, path)
})
filter('limit/2', function* (args, env, v, path) {
  for (const [n] of run(args[0]!, env, v)) {
    if (typeof n === 'number' && n < 0) {
      yield* run(args[1]!, env, v, path)
      continue
    }
    let left: Json = n
    for (const r of run(args[1]!, env, v, path)) {
      left = arithmetic('-', left, 1)
      yield r
      if ((left as number) <= 0) break
    }
  }
})
filter('nth/1', function* (args, env, v, path) {
  yield* run({ k: 'field', on: { k: 'identity' }, name: args[0]! }, env, v, path)
})
filter('nth/2', function* (args, env, v, path) {
  for (const [n] of run(args[0]!, env, v)) {
    if ((n as number) < 0) throw new JqError("nth doesn't support negative indices")
    let i = 0
    let last: Result | undefined
    for (const r of run(args[1]!, env, v, path)) {
      last = r
      if (i++ >= (n as number)) break
    }
    if (last) yield last
  }
})
filter('until/2', function* (args, env, v, path) {
  function* rec(x: Json): Generator<Result> {
    for (const [c] of run(args[0]!, env, x)) {
      if (truthy(c)) yield out(x, path)
      else for (const [y] of run(args[1]!, env, x)) yield* rec(y)
    }
  }
  yield* rec(v)
})
filter('while/2', function* (args, env, v, path) {
  function* rec(x: Json): Generator<Result> {
    for (const [c] of run(args[0]!, env, x)) {
      if (!truthy(c)) continue
      yield out(x, path)
      for (const [y] of run(args[1]!, env, x)) yield* rec(y)
    }
  }
  yield* rec(v)
})
filter('repeat/1', function* (args, env, v, path) {
  function* rec(x: Json): Generator<Result> {
    for (const [y] of run(args[0]!, env, x)) {
      yield out(y, path)
      yield* rec(y)
    }
  }
  yield* rec(v)
})
const bound = (n: Json): number => (typeof n === 'number' ? n : wrong('Range bounds must be numeric'))
filter('range/1', function* (args, env, v, path) {
  for (const [n] of run(args[0]!, env, v)) for (let i = 0; i < bound(n); i++) yield out(i, path)
})
filter('range/2', function* (args, env, v, path) {
  for (const [a] of run(args[0]!, env, v)) for (const [b] of run(args[1]!, env, v)) for (let i = bound(a); i < bound(b); i++) yield out(i, path)
})
filter('range/3', function* (args, env, v, path) {
  for (const [a] of run(args[0]!, env, v)) for (const [b] of run(args[1]!, env, v)) for (const [s] of run(args[2]!, env, v)) {
    if (bound(s) > 0) for (let i = bound(a); i < bound(b); i += s as number) yield out(i, path)
    else if ((s as number) < 0) for (let i = bound(a); i > bound(b); i += s as number) yield out(i, path)
    else if (bound(a) < bound(b)) for (;;) yield out(a, path)
  }
})
filter('walk/1', function* (args, env, v, path) {
  const all = (x: Json): Json[] => [...run(args[0]!, env, x)].map(([y]) => y)
  function walk(x: Json): Json[] {
    if (Array.isArray(x)) return all(x.flatMap(walk))
    if (x === null || typeof x !== 'object') return all(x)
    const o = object()
    for (const k of keysOf(x)) {
      const made = walk(x[k]!)
      if (made.length > 0) o[k] = made.at(-1)!
    }
    return all(o)
  }
  for (const x of walk(v)) yield out(x, path)
})
filter('fromstream/1', function* (args, env, v, path) {
  let whole: Json = null
  for (const [event] of run(args[0]!, env, v)) {
    const [at, leaf] = event as [Json[], Json?]
    if ((event as Json[]).length === 2) whole = setPath(whole, at, leaf!)
    if (at.length !== ((event as Json[]).length === 2 ? 0 : 1)) continue
    yield out(whole, path)
    whole = null
  }
})
filter('truncate_stream/1', function* (args, env, v, path) {
  for (const [event] of run(args[0]!, env, null)) {
    const [at, ...leaf] = event as [Json[], ...Json[]]
    if (at.length > (v as number)) yield out([at.slice(v as number), ...leaf], path)
  }
})
filter('recurse_down/0', function* (_a, env, v, path) {
  yield* run({ k: 'recurse' }, env, v, path)
})
filter('env/1', function* () {})
filter('input/0', function* (_a, env, _v, path) {
  const x = env.context.inputs.next()
  if (x === undefined) throw new JqError('break')
  yield out(x, path)
})
filter('inputs/0', function* (_a, env, _v, path) {
  for (let x = env.context.inputs.next(); x !== undefined; x = env.context.inputs.next()) yield out(x, path)
})
filter('combinations/1', function* (args, env, v, path) {
  for (const [n] of run(args[0]!, env, v)) yield* table.get('combinations/0')!([], env, Array.from({ length: n as number }, () => v), path)
})
filter('ascii/1', function* () {})
filter('in/2', function* () {})
filter('splits/0', function* () {})
filter('tostream/0', function* (_a, _env, v, path) {
  function* rec(x: Json, p: Json[], top: boolean): Generator<Json> {
    if (x === null || typeof x !== 'object' || (Array.isArray(x) ? x.length : keysOf(x).length) === 0) {
      yield [p, x]
      return
    }
    let last: Json = null
    for (const [y, q] of iterate(x, [])) {
      last = q![0]!
      yield* rec(y, [...p, last], false)
    }
    yield [[...p, last]]
    void top
  }
  for (const x of rec(v, [], true)) yield out(x, path)
})
filter('INDEX/1', function* (args, env, v, path) {
  const o = object()
  for (const [x] of iterate(v, undefined)) for (const [k] of run(args[0]!, env, x)) o[text(k)] = x
  yield out(o, path)
})
filter('INDEX/2', function* (args, env, v, path) {
  const o = object()
  for (const [x] of run(args[0]!, env, v)) for (const [k] of run(args[1]!, env, x)) o[text(k)] = x
  yield out(o, path)
})
filter('IN/1', function* (args, env, v, path) {
  for (const [x] of run(args[0]!, env, v)) if (compare(x, v) === 0) return yield out(true, path)
  yield out(false, path)
})
filter('IN/2', function* (args, env, v, path) {
  const set = [...run(args[1]!, env, v)].map(([x]) => x)
  yield out([...run(args[0]!, env, v)].some(([x]) => set.some((y) => compare(x, y) === 0)), path)
})

for (const [key, test] of Object.entries({
  values: (v: Json) => v !== null, nulls: (v: Json) => v === null, booleans: (v: Json) => typeof v === 'boolean', numbers: (v: Json) => typeof v === 'number', strings: (v: Json) => typeof v === 'string', arrays: (v: Json) => Array.isArray(v),
  objects: (v: Json) => typeOf(v) === 'object', iterables: (v: Json) => v !== null && typeof v === 'object', scalars: (v: Json) => v === null || typeof v !== 'object', finites: (v: Json) => Number.isFinite(v), normals: (v: Json) => Number.isFinite(v) && v !== 0,
})) filter(`${key}/0`, function* (_a, _env, v, path) {
  if (test(v)) yield [v, path]
})

addDates(value, values)
addNumbers(value, values)
addRegex(filter)
value('@json/0', (v) => print(v))
value('splits/0', (v) => v)
values('getpath/2', (v) => v)
for (const key of ['splits/0', 'getpath/2', '@json/0', 'in/2', 'ascii/1', 'env/1', 'to_entries/1', 'min_by/0', 'toisodate/0', 'tojson/1', 'ascii/0']) table.delete(key)
