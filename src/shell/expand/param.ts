/** Parameter expansion in all its forms (subst.c's parameter_brace_expand). */
import { matchesPattern, patternSource } from '#base/glob.ts'
import { Discard } from '../state.ts'
import type { Shell } from '../state.ts'
import type { Param } from '../parser/ast.ts'
import { partsOfText } from '../parser/words.ts'
import { AssignError, elements, getElement, getScalar, isArray, isAssoc, setElement, setScalar, variableNames } from './variables.ts'
import { arithmetic, expandSubscript, expandText, expandTextPattern, fail, segmentsOf } from './word.ts'
import { fieldEnd, starEnd, type Segment } from './segment.ts'
import { quoteWord } from '../print/quote.ts'
import { ansiEscapes } from '../parser/words.ts'
import { describeAttributes, declareLine } from '../print/variable.ts'
import { expandPrompt } from '../edit/prompt.ts'

type Value = { readonly list: readonly string[]; readonly star: boolean } | { readonly scalar: string | undefined }

function special(sh: Shell, name: string): string | undefined {
  switch (name) {
    case '#': return String(sh.params.length)
    case '?': return String(sh.status)
    case '$': return String(sh.shellPid)
    case '!': return sh.lastBackground === undefined ? undefined : String(sh.lastBackground)
    case '-': return optionLetters(sh)
    case '0': return sh.name
    case '_': return sh.lastArgument
    default: return /^\d+$/.test(name) ? sh.params[Number(name) - 1] : undefined
  }
}

/** `$-` */
function optionLetters(sh: Shell): string {
  const letters: [string, string][] = [['allexport', 'a'], ['notify', 'b'], ['errexit', 'e'], ['noglob', 'f'], ['hashall', 'h'], ['interactive', 'i'], ['keyword', 'k'], ['monitor', 'm'], ['noexec', 'n'], ['privileged', 'p'], ['onecmd', 't'], ['nounset', 'u'], ['verbose', 'v'], ['xtrace', 'x'], ['braceexpand', 'B'], ['noclobber', 'C'], ['errtrace', 'E'], ['histexpand', 'H'], ['physical', 'P'], ['functrace', 'T']]
  let out = ''
  for (const [name, letter] of letters) if (name === 'interactive' ? sh.interactive : sh.option(name)) out += letter
  if (sh.source === '-c') out += 'c'
  if (sh.source === 'stdin') out += 's'
  return out
}

async function valueOf(sh: Shell, name: string, subscript: string | undefined, line: number): Promise<Value> {
  if (name === '@' || name === '*') return { list: sh.params, star: name === '*' }
  if (!/^[A-Za-z_]/.test(name) || name === '_') return { scalar: special(sh, name) }
  if (subscript === undefined) return { scalar: getScalar(sh, name) }
  if (subscript === '@' || subscript === '*') return { list: elements(sh, name).map(([, v]) => v), star: subscript === '*' }
  const key = await expandSubscript(sh, subscript, line)
  try {
    return { scalar: getElement(sh, name, key) }
  } catch (error) {
    if (error instanceof AssignError && error.message.endsWith('bad array subscript')) {
      await sh.complain(error.message)
      return { scalar: undefined }
    }
    return fail(sh, error)
  }
}

function separator(sh: Shell): string {
  const ifs = getScalar(sh, 'IFS')
  return ifs === undefined ? ' ' : (ifs[0] ?? '')
}

function push(sh: Shell, value: Value, quoted: boolean, out: Segment[]): void {
  if ('scalar' in value) {
    if (value.scalar === undefined || value.scalar === '') {
      if (quoted) out.push({ text: '', quoted: true, split: false })
      return
    }
    out.push({ text: value.scalar, quoted, split: !quoted })
    return
  }
  if (value.star && quoted) {
    out.push({ text: value.list.join(separator(sh)), quoted: true, split: false })
    return
  }
  value.list.forEach((text, i) => {
    if (i > 0) out.push(value.star ? starEnd : fieldEnd)
    out.push({ text, quoted, split: !quoted })
  })
}

export async function expandParam(sh: Shell, param: Param, quoted: boolean, out: Segment[]): Promise<void> {
  const { op } = param
  if (op === 'bad') {
    await sh.complain(`${param.raw}: bad substitution`)
    throw new Discard(1, false)
  }
  if (op === 'prefix') {
    const names = variableNames(sh).filter((n) => n.startsWith(param.name))
    return push(sh, { list: names, star: param.arg === '*' }, quoted, out)
  }
  if (op === 'keys') {
    return push(sh, { list: elements(sh, param.name).map(([k]) => k), star: param.subscript === '*' }, quoted, out)
  }
  let { name, subscript } = param
  if (param.indirect) {
    const target = sh.lookup(name)?.nameref ? sh.lookup(name)!.value : await scalarOf(sh, await valueOf(sh, name, subscript, param.line))
    if (sh.lookup(name)?.nameref && op === '') return push(sh, { scalar: target }, quoted, out)
    if (target === undefined || target === '') {
      if (['-', ':-', '+', ':+', '?', ':?'].includes(op)) {
        name = ' '
      } else {
        await sh.complain(target === undefined ? `${subscript === undefined ? name : `${name}[${subscript}]`}: invalid indirect expansion` : `${param.raw.slice(2, -1)}: invalid variable name`)
        throw new Discard(1, false)
      }
    } else {
      const m = /^([A-Za-z_]\w*|\d+|[@*#?$!-])(?:\[([\s\S]*)\])?$/.exec(target)
      if (!m) {
        await sh.complain(`${target}: invalid variable name`)
        throw new Discard(1, false)
      }
      name = m[1]!
      subscript = m[2]
    }
  }
  const target = subscript === undefined ? name : `${name}[${subscript}]`
  const value = await valueOf(sh, name, subscript, param.line)
  const isList = 'list' in value
  const unset = isList ? value.list.length === 0 : value.scalar === undefined

  if (op === 'length') {
    if (isList) out.push({ text: String(value.list.length), quoted, split: false })
    else {
      if (unset && sh.option('nounset')) await unbound(sh, name, subscript)
      out.push({ text: String([...(value.scalar ?? '')].length), quoted, split: false })
    }
    return
  }
  const conditional = /^:?[-=?+]$/.test(op)
  if (conditional) {
    const colon = op.startsWith(':')
    const empty = unset || (colon && (isList ? value.list.length === 0 || value.list.join('') === '' && (value.list.length === 1 || !isList) : value.scalar === ''))
    const kind = op.at(-1)!
    if (kind === '+') {
      if (!empty) await argument(sh, param, quoted, out)
      else if (quoted && !(isList && !value.star)) out.push({ text: '', quoted: true, split: false })
      return
    }
    if (!empty) return push(sh, value, quoted, out)
    if (kind === '-') return argument(sh, param, quoted, out)
    if (kind === '=') {
      const text = await expandText(sh, param.arg, param.line, quoted ? 'double' : 'pattern')
      try {
        if (isList || !/^[A-Za-z_]/.test(name)) {
          await sh.complain(`$${name}: cannot assign in this way`)
          throw new Discard(1, false)
        }
        if (subscript !== undefined) setElement(sh, name, await expandSubscript(sh, subscript, param.line), text, false)
        else setScalar(sh, name, text)
      } catch (error) {
        await fail(sh, error)
      }
      return push(sh, { scalar: getScalar(sh, name) }, quoted, out)
    }
    const message = param.arg === '' ? (colon ? 'parameter null or not set' : 'parameter not set') : await expandText(sh, param.arg, param.line, 'pattern')
    await sh.complain(`${target}: ${message}`)
    throw new Discard(sh.source === '-c' || sh.subshell ? 127 : 1, true)
  }
  if (unset && !isList && sh.option('nounset')) await unbound(sh, name, subscript)
  if (op === '') return push(sh, value, quoted, out)
  if (op === ':') return push(sh, await substring(sh, param, name, value), quoted, out)
  if (op.startsWith('@')) {
    const how = op[1]!
    if (how === 'A' || how === 'a') {
      if (how === 'A') return push(sh, { scalar: subscript === '@' || subscript === '*' || !isArray(sh, name) ? declareLine(sh, name, true) : `declare ${describeAttributes(sh, name)} ${name}=${quoteWord(getScalar(sh, name) ?? '')}` }, quoted, out)
      const flags = describeAttributes(sh, name).replace(/^--?/, '')
      if (isList) return push(sh, { list: value.list.map(() => flags), star: value.star }, quoted, out)
      return push(sh, { scalar: flags }, quoted, out)
    }
    if ((how === 'K' || how === 'k') && isList && /^[A-Za-z_]/.test(name)) {
      const pairs = elements(sh, name)
      if (how === 'K') return push(sh, { scalar: pairs.map(([k, v]) => `${isAssoc(sh, name) ? assocKey(k) : k} "${v.replace(/["$`\\]/g, '\\$&')}"`).join(' ') + (isAssoc(sh, name) && pairs.length > 0 ? ' ' : '') }, quoted, out)
      return push(sh, { list: pairs.flat(), star: value.star }, quoted, out)
    }
  }
  const change = await transformer(sh, param, quoted)
  if (isList) return push(sh, { list: value.list.map(change), star: value.star }, quoted, out)
  if (value.scalar === undefined) {
    if (quoted) out.push({ text: '', quoted: true, split: false })
    return
  }
  return push(sh, { scalar: change(value.scalar) }, quoted, out)
}

function assocKey(key: string): string {
  return /^[\w./:@%+,-]+$/.test(key) ? key : `"${key.replace(/["$`\\]/g, '\\$&')}"`
}

async function unbound(sh: Shell, name: string, subscript: string | undefined): Promise<never> {
  const shown = subscript !== undefined ? `${name}[${subscript}]` : /^\d+$/.test(name) ? `$${name}` : name
  await sh.complain(`${shown}: unbound variable`)
  throw new Discard(sh.source === '-c' && !sh.option('errexit') && !sh.subshell ? 127 : 1, true)
}

async function scalarOf(sh: Shell, value: Value): Promise<string | undefined> {
  return 'scalar' in value ? value.scalar : value.list.length === 0 ? undefined : value.list.join(' ')
}

/** The word behind the operator, with its own quotes. */
async function argument(sh: Shell, param: Param, quoted: boolean, out: Segment[]): Promise<void> {
  const before = out.length
  if (quoted) await segmentsOf(sh, partsOfText(param.arg, param.line, 'double'), true, out)
  else {
    const segments = await segmentsOf(sh, partsOfText(param.arg.replace(/^~(?=\/|$)/, getScalar(sh, 'HOME') ?? '~'), param.line, 'pattern'), false)
    for (const s of segments) out.push(s.quoted || s.end ? s : { ...s, split: true })
  }
  if (quoted && out.length === before) out.push({ text: '', quoted: true, split: false })
}

async function substring(sh: Shell, param: Param, name: string, value: Value): Promise<Value> {
  const colon = splitColon(param.arg)
  const offset = Number(await arithmetic(sh, colon[0], param.line))
  const length = colon[1] === undefined ? undefined : Number(await arithmetic(sh, colon[1], param.line))
  if ('scalar' in value) {
    const chars = [...(value.scalar ?? '')]
    const start = offset < 0 ? chars.length + offset : offset
    if (start < 0 || start > chars.length) return { scalar: '' }
    let end = length === undefined ? chars.length : length < 0 ? chars.length + length : start + length
    if (end < start) {
      await sh.complain(`${colon[1]!.trim()}: substring expression < 0`)
      throw new Discard(1, false)
    }
    end = Math.min(end, chars.length)
    return { scalar: chars.slice(start, end).join('') }
  }
  if (length !== undefined && length < 0) {
    await sh.complain(`${colon[1]!.trim()}: substring expression < 0`)
    throw new Discard(1, false)
  }
  if (name === '@' || name === '*') {
    const all = [sh.name, ...value.list]
    const start = offset < 0 ? all.length + offset : offset
    if (start < 0) return { list: [], star: value.star }
    const from = start === 0 && offset === 0 ? 0 : start
    return { list: all.slice(from, length === undefined ? undefined : from + length), star: value.star }
  }
  // Indexed arrays: the offset is an index, not a position.
  const items = elements(sh, name)
  const top = items.length === 0 ? 0 : Number(items.at(-1)![0]) + 1
  const assoc = isAssoc(sh, name)
  const from = offset < 0 ? top + offset : offset
  if (from < 0) return { list: [], star: value.star }
  const rest = assoc ? items.slice(Math.max(0, from - 1)) : items.filter(([k]) => Number(k) >= from)
  return { list: rest.slice(0, length).map(([, v]) => v), star: value.star }
}

/** Splits `offset:length` at a colon outside of `?:` and parentheses. */
function splitColon(text: string): [string, string | undefined] {
  let depth = 0
  let questions = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '(' || c === '[' || c === '{') depth++
    else if (c === ')' || c === ']' || c === '}') depth--
    else if (c === '?') questions++
    else if (c === ':' && depth === 0) {
      if (questions > 0) questions--
      else return [text.slice(0, i), text.slice(i + 1)]
    }
  }
  return [text, undefined]
}

/** Finds the slash that ends the pattern of `${x/pattern/string}`. */
function splitSlash(arg: string, all: boolean): [string, string | undefined] {
  let i = 0
  if (all && arg[0] === '/') i = 1
  for (; i < arg.length; i++) {
    const c = arg[i]!
    if (c === '\\') i++
    else if (c === "'" || c === '"') {
      const end = arg.indexOf(c, i + 1)
      if (end > 0) i = end
    } else if (c === '$' && (arg[i + 1] === '{' || arg[i + 1] === '(')) {
      const close = arg[i + 1] === '{' ? '}' : ')'
      const end = arg.indexOf(close, i)
      if (end > 0) i = end
    } else if (c === '[') {
      const end = arg.indexOf(']', i + 2)
      if (end > 0 && arg.slice(i, end).includes('/')) i = end
    } else if (c === '/') return [arg.slice(0, i), arg.slice(i + 1)]
  }
  return [arg, undefined]
}

async function transformer(sh: Shell, param: Param, quoted: boolean): Promise<(text: string) => string> {
  const { op, arg, line } = param
  const extglob = sh.shopt('extglob')
  switch (op[0]) {
    case '#':
    case '%': {
      const pattern = await expandTextPattern(sh, arg, line, quoted)
      return op[0] === '#' ? removePrefix(pattern, op.length === 2, extglob) : removeSuffix(pattern, op.length === 2, extglob)
    }
    case '/': {
      const [rawPattern, rawReplacement] = splitSlash(arg, op === '//')
      const pattern = await expandTextPattern(sh, rawPattern, line, quoted)
      let replacement = await replacementOf(sh, rawReplacement ?? '', line)
      const ampersand = sh.shopt('patsub_replacement')
      if (pattern === '') {
        return op === '/#' ? (t) => replacement.join('') + t : op === '/%' ? (t) => t + replacement.join('') : (t) => t
      }
      const source = patternSource(pattern, { extglob })
      const anchored = op === '/#' ? `^(?:${source})` : op === '/%' ? `(?:${source})$` : `(?:${source})`
      const regex = new RegExp(anchored, (op === '//' ? 'gu' : 'u') + (sh.shopt('nocasematch') ? 'i' : ''))
      if (!ampersand) replacement = [replacement.join('')]
      const fill = (m: string) => (ampersand ? replacement.join(m) : replacement[0]!)
      if (extglob && pattern.includes('!(')) return (t) => replaceWhole(t, pattern, op, fill, sh.shopt('nocasematch'))
      return (t) => t.replace(regex, (m) => (m === '' && op === '//' ? '' : fill(m)))
    }
    case '^':
    case ',':
    case '~': {
      const pattern = arg === '' ? '?' : await expandTextPattern(sh, arg, line, quoted)
      const shape = (c: string) => (op[0] === '^' ? c.toUpperCase() : op[0] === ',' ? c.toLowerCase() : c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())
      return (t) => [...t].map((c, i) => ((op.length === 2 || i === 0) && matchesPattern(c, pattern, { extglob }) ? shape(c) : c)).join('')
    }
    case '@':
      switch (op[1]) {
        case 'U': return (t) => t.toUpperCase()
        case 'u': return (t) => t.slice(0, 1).toUpperCase() + t.slice(1)
        case 'L': return (t) => t.toLowerCase()
        case 'Q': return (t) => quoteAlways(t)
        case 'K': case 'k': return (t) => quoteAlways(t)
        case 'E': return (t) => ansiEscapes(t)
        case 'P': return (t) => expandPrompt(sh, t)
        default: return (t) => t
      }
    default:
      return (t) => t
  }
}

/** Substitution with `!(…)`, which no regular expression finds at its longest: every stretch is tried as a whole. */
function replaceWhole(text: string, pattern: string, op: string, fill: (m: string) => string, ignoreCase: boolean): string {
  const fits = (from: number, to: number) => matchesPattern(text.slice(from, to), pattern, { extglob: true, ignoreCase })
  let out = ''
  let at = 0
  while (at <= text.length) {
    let end = text.length
    while (end >= at && !(fits(at, end) && (op !== '/%' || end === text.length))) end--
    if (end > at || (end === at && op !== '//')) {
      out += fill(text.slice(at, end))
      at = end
      if (op !== '//') return out + text.slice(at)
      if (at === text.length) break
      continue
    }
    if (op === '/#') break
    out += text[at] ?? ''
    at++
  }
  return out + text.slice(at)
}

function quoteAlways(text: string): string {
  const q = quoteWord(text)
  return /^['$]/.test(q) ? q : `'${text.replace(/'/g, "'\\''")}'`
}

/** The replacement, cut at each unquoted `&`. */
async function replacementOf(sh: Shell, text: string, line: number): Promise<string[]> {
  const out = ['']
  const segments = await segmentsOf(sh, partsOfText(text.replace(/^~(?=\/|$)/, getScalar(sh, 'HOME') ?? '~'), line, 'pattern'), false)
  for (const s of segments) {
    if (s.quoted) out[out.length - 1] += s.text
    else {
      const unescaped = s.text.split('&')
      out[out.length - 1] += unescaped[0]!
      out.push(...unescaped.slice(1))
    }
  }
  return out
}

function removePrefix(pattern: string, longest: boolean, extglob: boolean): (t: string) => string {
  const regex = new RegExp(`^(?:${patternSource(pattern, { extglob, lazy: !longest })})`, 'u')
  if (longest || !/[+?*@]\(|\|/.test(pattern)) return (t) => t.replace(regex, '')
  return (t) => {
    for (let i = 0; i <= t.length; i++) if (matchesPattern(t.slice(0, i), pattern, { extglob })) return t.slice(i)
    return t
  }
}

function removeSuffix(pattern: string, longest: boolean, extglob: boolean): (t: string) => string {
  const whole = new RegExp(`^(?:${patternSource(pattern, { extglob })})$`, 'u')
  return (t) => {
    if (longest) {
      for (let i = 0; i <= t.length; i++) if (whole.test(t.slice(i))) return t.slice(0, i)
    } else {
      for (let i = t.length; i >= 0; i--) if (whole.test(t.slice(i))) return t.slice(0, i)
    }
    return t
  }
}
