/** jq's regular expressions (Oniguruma there, RegExp here): test, match, capture, scan, split, splits, sub, gsub. */
import type { Builtin, Env } from './env.ts'
import { arithmetic, invalid } from './operators.ts'
import type { Ast } from './parse.ts'
import { poisoned, type Path, type Result } from './paths.ts'
import { run } from './run.ts'
import { JqError, object, typeOf, type Json } from './values.ts'

type Obj = { [key: string]: Json }

function out(v: Json, path: Path): Result {
  return path ? [v, poisoned] : [v, undefined]
}

function regexOf(source: Json, flags: Json): RegExp {
  if (typeof source !== 'string') return invalid(source, 'is not a string')
  const f = typeof flags === 'string' ? flags : ''
  for (const c of f) if (!'gimnpslx'.includes(c)) throw new JqError(`${f} is not a valid modifier string`)
  let s = source.replace(/\(\?<([A-Za-z_]\w*)>/g, '(?<$1>').replace(/\[\[:(\w+):\]\]/g, (_, c: string) => ({ digit: '\\d', space: '\\s', alpha: '[A-Za-z]', alnum: '[A-Za-z0-9]', upper: '[A-Z]', lower: '[a-z]' })[c] ?? '.').replace(/\\h/g, '[0-9a-fA-F]').replace(/\\A/g, '^').replace(/\\[zZ]/g, '$')
  let ignore = f.includes('i')
  s = s.replace(/^\(\?([a-z]+)\)/, (_, m: string) => {
    if (m.includes('i')) ignore = true
    return ''
  })
  if (f.includes('x')) s = s.replace(/\\#|#.*$|\s+/gm, (m) => (m === '\\#' ? m : ''))
  try {
    return new RegExp(s, 'gu' + (ignore ? 'i' : '') + (/[sp]/.test(f) ? 's' : ''))
  } catch {
    try {
      return new RegExp(s, 'g' + (ignore ? 'i' : '') + (/[sp]/.test(f) ? 's' : ''))
    } catch {
      throw new JqError(`Regex failure: ${failure(source)}`)
    }
  }
}

/** What Oniguruma says of a pattern that it cannot read. */
function failure(source: string): string {
  let depth = 0
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!
    if (c === '\\') {
      if (++i === source.length) return 'end pattern at escape'
    } else if (c === '[') {
      const end = source.indexOf(']', i + 2)
      if (end < 0) return 'premature end of char-class'
      const m = /(.)-(.)/s.exec(source.slice(i + 1, end))
      if (m && m[1]! > m[2]!) return 'empty range in char class'
      i = end
    } else if (c === '(') {
      depth++
      if (/^\(\?[a-z]*$/.test(source.slice(i))) return 'end pattern in group'
    } else if (c === ')' && --depth < 0) return 'unmatched close parenthesis'
    else if ('*+?'.includes(c) && (i === 0 || /[(|]/.test(source[i - 1]!)) && source[i - 1] !== '\\' && !(c === '?' && source[i - 1] === '(')) return 'target of repeat operator is not specified'
    const m = c === '{' ? /^\{(\d+),(\d+)\}/.exec(source.slice(i)) : null
    if (m && Number(m[1]) > Number(m[2])) return 'upper is smaller than lower in repeat range'
  }
  return depth > 0 ? 'end pattern with unmatched parenthesis' : 'invalid backref number/name'
}

function matches(v: Json, source: Json, flags: Json, global: boolean): Obj[] {
  if (typeof v !== 'string') return invalid(v, 'cannot be matched, as it is not a string')
  const regex = regexOf(source, flags)
  const all = global || (typeof flags === 'string' && flags.includes('g'))
  const found: Obj[] = []
  const groupNames = [...(source as string).replace(/\\./g, '').matchAll(/\((?!\?)|\(\?<([A-Za-z_]\w*)>/g)].map((m) => m[1] ?? null)
  const chars = (at: number) => [...v.slice(0, at)].length
  for (const m of v.matchAll(regex)) {
    let from = m.index
    const captures = groupNames.map((n, i) => {
      const t = m[i + 1]
      let at = -1
      if (t !== undefined) {
        at = v.indexOf(t, from)
        if (at < 0) at = v.indexOf(t, m.index)
        from = Math.max(from, at)
      }
      return object([['offset', t === undefined ? -1 : chars(at)], ['length', t === undefined ? 0 : [...t].length], ['string', t ?? null], ['name', n]])
    })
    found.push(object([['offset', chars(m.index)], ['length', [...m[0]].length], ['string', m[0]], ['captures', captures]]))
    if (!all) break
  }
  return found
}

function captureObject(m: Obj): Obj {
  return object((m['captures'] as Obj[]).filter((c) => c['name'] !== null).map((c) => [c['name'] as string, c['string']!]))
}

/** The one argument of `test(re)` and friends: a string, or an array of a string and flags. */
function patternOf(a: Json): [Json, Json] {
  if (typeof a === 'string') return [a, null]
  if (Array.isArray(a) && a.length > 0) return [a[0]!, a.length > 1 ? a[1]! : null]
  throw new JqError(`${typeOf(a)} not a string or array`)
}

function* combinations(args: readonly Ast[], env: Env, v: Json, i = args.length - 1, got: readonly Json[] = []): Generator<readonly Json[]> {
  if (i < 0) {
    yield got
    return
  }
  for (const [x] of run(args[i]!, env, v)) yield* combinations(args, env, v, i - 1, [x, ...got])
}

function splitRegex(v: Json, re: Json, flags: Json): Json[] {
  const found = matches(v, re, flags, true)
  const chars = [...(v as string)]
  let at = 0
  const parts: Json[] = []
  for (const m of found) {
    parts.push(chars.slice(at, m['offset'] as number).join(''))
    at = (m['offset'] as number) + (m['length'] as number)
  }
  return [...parts, chars.slice(at).join('')]
}

/** Each result of the replacement (and each combination of several) makes a text of its own. */
function* substituted(v: string, list: readonly Obj[], replacement: Ast, env: Env): Generator<string> {
  const chars = [...v]
  function* from(i: number, at: number): Generator<string> {
    const m = list[i]
    if (!m) {
      yield chars.slice(at).join('')
      return
    }
    const offset = m['offset'] as number
    for (const rest of [...from(i + 1, offset + (m['length'] as number))]) {
      for (const [piece] of run(replacement, env, captureObject(m))) {
        const before = chars.slice(at, offset).join('')
        yield (arithmetic('+', before, typeof piece === 'string' ? piece : (piece === null ? '' : piece)) as string) + rest
      }
    }
  }
  yield* from(0, 0)
}

function substitution(all: boolean): Builtin {
  return function* (args, env, v, path) {
    for (const [flags] of args[2] ? run(args[2], env, v) : [[null] as const]) {
      for (const [re] of run(args[0]!, env, v)) {
        const [pattern, more] = args[2] ? [re, flags] : patternOf(re)
        const list = matches(v, pattern, more, all)
        for (const text of substituted(v as string, list, args[1]!, env)) yield out(text, path)
      }
    }
  }
}

const results: Readonly<Record<string, (v: Json, re: Json, flags: Json) => Iterable<Json>>> = {
  test: (v, re, flags) => [matches(v, re, flags, false).length > 0],
  match: (v, re, flags) => matches(v, re, flags, false),
  capture: (v, re, flags) => matches(v, re, flags, false).map(captureObject),
  scan: (v, re, flags) => matches(v, re, flags, true).map((m) => ((m['captures'] as Obj[]).length > 0 ? (m['captures'] as Obj[]).map((c) => c['string']!) : m['string']!)),
  splits: (v, re, flags) => splitRegex(v, re, typeof flags === 'string' ? `g${flags}` : 'g'),
}

export function addRegex(filter: (key: string, f: Builtin) => void): void {
  for (const [name, f] of Object.entries(results)) {
    for (const n of [1, 2]) {
      filter(`${name}/${n}`, function* (args, env, v, path) {
        for (const a of combinations(args, env, v)) {
          const [re, flags] = n === 2 || name === 'splits' ? [a[0]!, a[1] ?? null] : patternOf(a[0]!)
          for (const x of f(v, re, flags)) yield out(x, path)
        }
      })
    }
  }
  filter('split/2', function* (args, env, v, path) {
    for (const [re, flags] of combinations(args, env, v)) yield out(splitRegex(v, re!, typeof flags === 'string' ? `g${flags}` : 'g'), path)
  })
  for (const n of [2, 3]) {
    filter(`sub/${n}`, substitution(false))
    filter(`gsub/${n}`, substitution(true))
  }
}
