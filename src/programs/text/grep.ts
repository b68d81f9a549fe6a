/** grep, egrep, fgrep: basic, extended, fixed and (as far as RegExp goes) Perl patterns; context, counting, recursion, colours. */
import { posixRegex, RegexError } from '#base/regex.ts'
import type { Regex } from '#base/regex.ts'
import { matchesPattern } from '#base/glob.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { OpenFile, Process, Program } from '#engine/machine/process.ts'
import { complain, Fatal, linesOf, nameOf, Out, parseOptions, readText, tool } from './common.ts'

interface Hit {
  readonly start: number
  readonly end: number
}

type Matcher = (line: string, from: number) => Hit | undefined

function fixed(pattern: string): string {
  return pattern.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** RegExp source of a Perl pattern: what JavaScript spells in another way is rewritten. */
function perl(pattern: string): string {
  return pattern.replace(/\\K/g, '').replace(/\(\?<([=!])/g, '(?<$1').replace(/\\h/g, '[ \\t]').replace(/\\A/g, '^').replace(/\\[zZ]/g, '$').replace(/([*+?}])\+/g, '$1').replace(/\[\[:(\w+):\]\]/g, (_, c: string) => ({ digit: '\\d', space: '\\s', alpha: '[A-Za-z]', alnum: '[A-Za-z0-9]', upper: '[A-Z]', lower: '[a-z]', punct: '[!-\\/:-@\\[-`{-~]' })[c] ?? '.').replace(/\(\?i\)/g, '')
}

function perlFailure(source: string): string | undefined {
  if (/(^|[^\\])(\\\\)*\\$/.test(source)) return '\\ at end of pattern'
  if (/\{(\d+),(\d+)\}/.test(source) && [...source.matchAll(/\{(\d+),(\d+)\}/g)].some((m) => Number(m[1]) > Number(m[2]))) return 'numbers out of order in {} quantifier'
  const names = [...source.matchAll(/\(\?<([A-Za-z_]\w*)>/g)].map((m) => m[1])
  if (new Set(names).size < names.length) return 'two named subpatterns have the same name (PCRE2_DUPNAMES not set)'
  if (/\\[pP]\{/.test(source)) return 'unknown property after \\P or \\p'
  return undefined
}

/** What grep's own reader of patterns has to say: a repetition of nothing, and a class without its outer brackets. */
function misgivings(pattern: string, kind: string): { readonly text: string; readonly fatal: boolean } | undefined {
  if (kind === 'F' || kind === 'P') return undefined
  if (/(?:^|[^[\\])\[(:|\.|=)[^\]]*\1\]/.test(pattern)) return { text: 'character class syntax is [[:space:]], not [:space:]', fatal: true }
  const m = kind === 'E' ? /(?:^|\\[()|]|(?<!\\)[(|])\^*([*+?]|\{\d+(?:,\d*)?\})/.exec(pattern) : null
  return m ? { text: `warning: ${m[1]!.startsWith('{') ? '{...}' : m[1]} at start of expression`, fatal: false } : undefined
}

function compile(patterns: readonly string[], kind: string, options: { ignoreCase: boolean; words: boolean; lines: boolean }): Matcher {
  let regexes: Regex[]
  if (kind === 'P') {
    if (patterns.length > 1) throw new Fatal('grep: the -P option only supports a single pattern', 2)
    const source = patterns.join('|').replace(/\(\?P</g, '(?<')
    const keep = source.indexOf('\\K')
    let regex: RegExp
    try {
      const body = keep >= 0 ? `(?<=${perl(source.slice(0, keep))})${perl(source.slice(keep + 2))}` : perl(source)
      const wrapped = options.lines ? `^(?:${body})$` : options.words ? `(?<!\\w)(?:${body})(?!\\w)` : body
      regex = new RegExp(wrapped, 'g' + (options.ignoreCase || source.includes('(?i)') ? 'i' : '') + (/\\p\{|\\u\{|[^\x00-\x7f]/.test(source) ? 'u' : ''))
    } catch (error) {
      const text = error instanceof Error ? error.message : ''
      throw new Fatal(`grep: ${perlFailure(source) ?? (/[Uu]nterminated group/.test(text) ? 'missing closing parenthesis' : /[Uu]nterminated character class/.test(text) ? 'missing terminating ] for character class' : /[Uu]nmatched '\)'/.test(text) ? 'unmatched closing parenthesis' : /[Nn]othing to repeat/.test(text) ? 'quantifier does not follow a repeatable item' : 'unrecognized character follows \\')}`, 2)
    }
    return (line, from) => {
      regex.lastIndex = from
      const m = regex.exec(line)
      return m ? { start: m.index, end: m.index + m[0].length } : undefined
    }
  }
  try {
    regexes = patterns.map((p) => {
      if (kind === 'F') return posixRegex(fixed(p), { extended: true, ignoreCase: options.ignoreCase })
      return posixRegex(p, { extended: kind === 'E', ignoreCase: options.ignoreCase })
    })
  } catch (error) {
    if (error instanceof RegexError) throw new Fatal(`grep: ${patterns.some((p) => /\[\^?$/.test(p)) && error.message.startsWith('Unmatched [') ? 'Invalid regular expression' : error.message}`, 2)
    throw error
  }
  const word = (c: string | undefined) => c !== undefined && /[A-Za-z0-9_\u00c0-\uffff]/.test(c)
  return (line, from) => {
    let best: Hit | undefined
    for (const regex of regexes) {
      for (let at = from; at <= line.length; ) {
        const m = regex.exec(line, at)
        if (!m) break
        let { index, end } = m
        if (options.lines && (index !== 0 || end !== line.length)) {
          // Another match may take the whole line.
          const whole = wholeLine(regex, line)
          if (!whole) break
          index = 0
          end = line.length
        }
        if (options.words && (word(line[index - 1]) || word(line[end]))) {
          // Shorter matches at the same place may fit.
          let shorter: Hit | undefined
          for (let e = end - 1; e > index; e--) {
            const s = regex.exec(line.slice(0, e), index)
            if (s && s.index === index && s.end === e && !word(line[index - 1]) && !word(line[e])) {
              shorter = { start: index, end: e }
              break
            }
          }
          if (!shorter) {
            at = index + 1
            continue
          }
          end = shorter.end
        }
        if (!best || index < best.start || (index === best.start && end > best.end)) best = { start: index, end }
        break
      }
    }
    return best
  }
}

function wholeLine(regex: Regex, line: string): boolean {
  for (let at = 0; at <= line.length; at++) {
    const m = regex.exec(line, at)
    if (!m) return false
    if (m.index === 0 && m.end === line.length) return true
    if (m.index > 0) return false
    at = m.index
  }
  return false
}

interface Settings {
  readonly match: Matcher
  readonly invert: boolean
  readonly count: boolean
  readonly list: '' | 'l' | 'L'
  readonly only: boolean
  readonly quiet: boolean
  readonly numbers: boolean
  readonly bytes: boolean
  readonly max: number
  readonly before: number
  readonly after: number
  readonly names: boolean
  readonly nul: boolean
  readonly color: boolean
  readonly text: boolean
  readonly lineBuffered: boolean
  readonly separator: string | undefined
  readonly initialTab: boolean
  /** What ends lines: NUL with -z. */
  readonly end: string
  readonly skipBinary: boolean
  readonly context: boolean
}

async function search(process: Process, file: OpenFile, name: string, s: Settings, state: { printed: boolean }): Promise<boolean> {
  const out = new Out(process.stdout)
  out.lineBuffered = s.lineBuffered || file.kind === 'tty' || process.stdout.tty !== undefined
  const paint = (text: string, code: string) => (s.color ? `\x1b[${code}m\x1b[K${text}\x1b[m\x1b[K` : text)
  const head = (number: number, offset: number, mark: string) =>
    (s.names ? paint(name, '35') + (s.nul ? '\0' : paint(mark, '36')) : '') + (s.numbers ? paint(String(number), '32') + paint(mark, '36') : '') + (s.bytes ? paint(String(offset), '32') + paint(mark, '36') : '')
  let selected = 0
  let number = 0
  let offset = 0
  let last = 0
  let left = 0
  const held: { number: number; offset: number; line: string }[] = []
  for await (const raw of linesOf(file, s.end)) {
    number++
    const line = raw.endsWith(s.end) ? raw.slice(0, -1) : raw
    const hit = s.match(line, 0)
    if ((hit !== undefined) !== s.invert && selected < s.max) {
      selected++
      if (s.quiet) return true
      if (s.list) break
      if (!s.text && s.end === '\n' && line.includes('\0')) {
        if (s.skipBinary) return false
        if (!s.count) {
          await out.flush()
          await process.stderr.write(`grep: ${name}: binary file matches\n`)
          return true
        }
      }
      if (!s.count) {
        const first = held[0]?.number ?? number
        if (s.context && s.separator !== undefined && !s.only && state.printed && (last === 0 || first > last + 1)) await out.put(paint(s.separator, '36') + '\n')
        for (const h of held.splice(0)) if (!s.only) await out.put(`${head(h.number, h.offset, '-')}${h.line}${s.end}`)
        if (s.only) {
          if (!s.invert) {
            for (let h = hit; h; ) {
              if (h.end > h.start) await out.put(`${head(number, offset + h.start, ':')}${paint(line.slice(h.start, h.end), '01;31')}${s.end}`)
              const from: number = h.end > h.start ? h.end : h.end + 1
              if (from > line.length) break
              h = s.match(line, from)
            }
          }
        } else {
          let shown = line
          if (s.color && hit && !s.invert) {
            shown = ''
            let at = 0
            for (let h: Hit | undefined = hit; h; ) {
              if (h.end > h.start) {
                shown += line.slice(at, h.start) + paint(line.slice(h.start, h.end), '01;31')
                at = h.end
              }
              const from: number = h.end > h.start ? h.end : h.end + 1
              if (from > line.length) break
              h = s.match(line, from)
            }
            shown += line.slice(at)
          }
          await out.put(`${head(number, offset, ':')}${shown}${s.end}`)
        }
        last = number
        left = s.after
        state.printed = true
      }
      if (selected >= s.max && left === 0) break
    } else if (left > 0 && !s.count && !s.list) {
      left--
      if (!s.only) await out.put(`${head(number, offset, '-')}${line}${s.end}`)
      last = number
      if (left === 0 && selected >= s.max) break
    } else if (s.before > 0 && !s.count) {
      held.push({ number, offset, line })
      if (held.length > s.before) held.shift()
    }
    offset += raw.length
    if (number % 500 === 0) await process.yield()
  }
  if (s.count && !s.list) await out.put(`${s.names ? paint(name, '35') + (s.nul ? '\0' : paint(':', '36')) : ''}${selected}\n`)
  if ((s.list === 'l' && selected > 0) || (s.list === 'L' && selected === 0)) await out.put(paint(name, '35') + (s.nul ? '\0' : '\n'))
  await out.flush()
  return selected > 0
}

const usage = "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information."

const grep: Program = tool(async (process) => {
  const o = parseOptions(process, {
    short: 'EFGPe:f:iyvwxcloLqsnbHhTZzrRA:B:C:m:aIUd:D:',
    long: { 'extended-regexp': 'E', 'fixed-strings': 'F', 'basic-regexp': 'G', 'perl-regexp': 'P', 'regexp=': 'e', 'file=': 'f', 'ignore-case': 'i', 'no-ignore-case': 'noi', 'invert-match': 'v', 'word-regexp': 'w', 'line-regexp': 'x', count: 'c', 'color=?': 'color', 'colour=?': 'color', 'files-without-match': 'L', 'files-with-matches': 'l', 'max-count=': 'm', 'only-matching': 'o', quiet: 'q', silent: 'q', 'no-messages': 's', 'byte-offset': 'b', 'with-filename': 'H', 'no-filename': 'h', 'label=': 'label', 'line-number': 'n', 'initial-tab': 'T', null: 'Z', 'null-data': 'z', 'after-context=': 'A', 'before-context=': 'B', 'context=': 'C', 'group-separator=': 'sep', 'no-group-separator': 'nosep', text: 'a', 'binary-files=': 'binary', 'directories=': 'd', 'exclude=': 'exclude', 'exclude-dir=': 'exclude-dir', 'include=': 'include', recursive: 'r', 'dereference-recursive': 'R', 'line-buffered': 'buffered' },
    code: 2,
    digits: (d) => ['C', d],
    usage: 'Usage: grep [OPTION]... PATTERNS [FILE]...',
  })
  const name = nameOf(process)
  const rest = [...o.rest]
  const patterns: string[] = []
  for (const [k, v] of o.list) {
    if (k === 'e') patterns.push(...v.split('\n'))
    if (k === 'f') {
      try {
        const text = await readText(process, v)
        patterns.push(...text.replace(/\n$/, '').split('\n').filter((_, i, all) => !(all.length === 1 && text === '')))
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        throw new Fatal(`grep: ${v}: ${strerror(error.code)}`, 2)
      }
    }
  }
  if (!o.has('e') && !o.has('f')) {
    if (rest.length === 0) throw new Fatal(usage, 2)
    patterns.push(...rest.shift()!.split('\n'))
  }
  const matchers = new Set(o.list.map(([k]) => k).filter((k) => 'EFGP'.includes(k)))
  if (matchers.size > 1) throw new Fatal('grep: conflicting matchers specified', 2)
  if (o.has('binary') && !['binary', 'text', 'without-match'].includes(o.get('binary')!)) throw new Fatal('grep: unknown binary-files type', 2)
  if (o.has('D') && !['read', 'skip'].includes(o.get('D')!)) throw new Fatal('grep: unknown devices method', 2)
  if (o.has('d') && !['read', 'recurse', 'skip'].includes(o.get('d')!)) throw new Fatal(`grep: invalid argument ‘${o.get('d')}’ for ‘--directories’\nValid arguments are:\n  - ‘read’\n  - ‘recurse’\n  - ‘skip’\n${usage}`, 1)
  const kind = name === 'fgrep' ? 'F' : (o.list.findLast(([k]) => 'EFGP'.includes(k))?.[0] ?? (name === 'egrep' ? 'E' : 'G'))
  const number = (flag: string): number => {
    const v = o.get(flag)
    if (v === undefined) return 0
    if (flag === 'm' && /^-\d+$/.test(v)) return Infinity
    if (!/^\d+$/.test(v)) throw new Fatal(flag === 'm' ? 'grep: invalid max count' : `grep: ${v}: invalid context length argument`, 2)
    return Number(v)
  }
  for (const pattern of patterns) {
    const doubt = misgivings(pattern, kind)
    if (doubt?.fatal) throw new Fatal(`grep: ${doubt.text}`, 2)
    if (doubt) await complain(process, doubt.text)
  }
  const match = compile(patterns, kind, { ignoreCase: (o.has('i') || o.has('y')) && !o.has('noi'), words: o.has('w'), lines: o.has('x') })
  const recursive = o.has('r') || o.has('R') || o.get('d') === 'recurse'
  const paths = rest.length > 0 ? rest : recursive ? ['.'] : ['-']
  const color = o.has('color') && (['', 'always', 'yes', 'force'].includes(o.get('color')!) ? o.get('color') !== '' || process.stdout.tty !== undefined : process.stdout.tty !== undefined && ['auto', 'tty', 'if-tty'].includes(o.get('color')!))
  const settings: Settings = {
    match, invert: o.has('v'), count: o.has('c'), list: o.has('l') ? 'l' : o.has('L') ? 'L' : '', only: o.has('o'), quiet: o.has('q'), numbers: o.has('n'), bytes: o.has('b'),
    max: o.has('m') ? number('m') : Infinity, before: o.has('B') ? number('B') : number('C'), after: o.has('A') ? number('A') : number('C'),
    names: o.has('h') ? false : o.has('H') || paths.length > 1 || recursive, nul: o.has('Z'), color, text: o.has('a') || o.get('binary') === 'text', lineBuffered: o.has('buffered'),
    separator: o.has('nosep') ? undefined : (o.get('sep') ?? '--'), initialTab: o.has('T'), end: o.has('z') ? '\0' : '\n', context: ['A', 'B', 'C'].some((f) => o.has(f)), skipBinary: o.has('I') || o.get('binary') === 'without-match',
  }
  if (settings.max === 0) return 1
  let found = false
  let failed = false
  const state = { printed: false }
  const one = async (path: string): Promise<void> => {
    if (path === '-') {
      found = (await search(process, process.stdin, o.get('label') ?? '(standard input)', settings, state)) || found
      return
    }
    try {
      const file = process.open(path, { read: true })
      found = (await search(process, file, path, settings, state)) || found
      file.release()
    } catch (error) {
      if (!(error instanceof FsError) || error.code === 'EPIPE') throw error
      if (!o.has('s')) await complain(process, `${path}: ${strerror(error.code)}`)
      failed = true
    }
  }
  const included = (base: string) => {
    if (o.all('exclude').some((p) => matchesPattern(base, p))) return false
    return o.all('include').length === 0 || o.all('include').some((p) => matchesPattern(base, p))
  }
  const descend = async (path: string, top: boolean): Promise<void> => {
    let type: string
    try {
      type = (top || o.has('R') ? process.fs.stat(path) : process.fs.lstat(path)).type
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (!o.has('s')) await complain(process, `${path}: ${strerror(error.code)}`)
      failed = true
      return
    }
    const base = path.slice(path.lastIndexOf('/') + 1)
    if (type === 'directory') {
      if (!top && o.all('exclude-dir').some((p) => matchesPattern(base, p.replace(/\/$/, '')))) return
      for (const n of process.fs.readDir(path)) await descend(path === '.' && rest.length === 0 ? n : path.endsWith('/') ? path + n : `${path}/${n}`, false)
    } else if (type === 'file' ? top || included(base) : top) await one(path)
  }
  for (const path of paths) {
    if (settings.quiet && found) break
    if (path !== '-' && recursive) await descend(path, true)
    else {
      let directory = false
      try {
        directory = path !== '-' && process.fs.stat(path).type === 'directory'
      } catch {
        // Told when it is opened.
      }
      if (directory) {
        if (o.get('d') !== 'skip' && !o.has('s')) await complain(process, `${path}: Is a directory`)
        if (o.get('d') !== 'skip') failed = true
        if (settings.count) await process.stdout.write(`${settings.names ? `${path}:` : ''}0\n`)
        continue
      }
      if (path !== '-' && o.has('include') && !included(path.slice(path.lastIndexOf('/') + 1))) continue
      await one(path)
    }
  }
  if (failed && !(settings.quiet && found)) return 2
  return found ? 0 : 1
})

export const grepPrograms: readonly (readonly [string, Program])[] = [['grep', grep], ['egrep', grep], ['fgrep', grep]]
