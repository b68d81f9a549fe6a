/** sort: keys with modifiers, numeric, general, human, version and month order, unique, check, merge; stable where asked. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { compareBytes, Fatal, Out, parseOptions, quote, readInputs, splitLines, tool } from './common.ts'

interface Key {
  readonly from: number
  readonly fromChar: number
  readonly to: number
  readonly toChar: number
  readonly flags: string
}

const letters = 'bdfgiMhnRrV'
const sorts: readonly (readonly [string, string])[] = [['general-numeric', 'g'], ['human-numeric', 'h'], ['month', 'M'], ['numeric', 'n'], ['random', 'R'], ['version', 'V']]

function parseKey(text: string): Key {
  const m = /^(\d+)(?:\.(\d+))?([bdfgiMhnRrV]*)(?:,(\d+)(?:\.(\d+))?([bdfgiMhnRrV]*))?$/.exec(text)
  if (!m) {
    const after = /^\d+(?:\.\d+)?[a-zA-Z]*,|^\d+\./.exec(text)
    if (after && !/^\d/.test(text.slice(after[0].length))) throw new Fatal(`sort: invalid number after '${after[0].at(-1)}': invalid count at start of ‘${text.slice(after[0].length)}’`, 2)
    if (/^\d/.test(text)) throw new Fatal(`sort: stray character in field spec: invalid field specification ‘${text}’`, 2)
    throw new Fatal(`sort: invalid number at field start: invalid count at start of ‘${text}’`, 2)
  }
  if (Number(m[1]) === 0) throw new Fatal(`sort: field number is zero: invalid field specification ‘${text}’`, 2)
  return { from: Number(m[1]), fromChar: Number(m[2] ?? 1), to: m[4] === undefined ? Infinity : Number(m[4]), toChar: m[5] === undefined ? 0 : Number(m[5]), flags: (m[3] ?? '') + (m[6] ?? '') }
}

/** The part of a line that a key means. */
function extract(line: string, key: Key, separator: string | undefined): string {
  const blanks = key.flags.includes('b')
  const starts: number[] = []
  const ends: number[] = []
  if (separator !== undefined) {
    let at = 0
    for (;;) {
      const next = line.indexOf(separator, at)
      starts.push(at)
      ends.push(next < 0 ? line.length : next)
      if (next < 0) break
      at = next + 1
    }
  } else {
    // Fields begin with the blanks before them.
    for (const m of line.matchAll(/[ \t]*[^ \t]+/g)) {
      starts.push(m.index)
      ends.push(m.index + m[0].length)
    }
  }
  const skip = (at: number) => {
    while (at < line.length && /[ \t]/.test(line[at]!)) at++
    return at
  }
  if (key.from > starts.length) return ''
  let start = starts[key.from - 1]!
  if (blanks) start = skip(start)
  start += key.fromChar - 1
  let end = line.length
  if (key.to !== Infinity) {
    if (key.to <= starts.length) end = key.toChar === 0 ? ends[key.to - 1]! : Math.min(line.length, (blanks ? skip(starts[key.to - 1]!) : starts[key.to - 1]!) + key.toChar)
  }
  return line.slice(start, Math.max(start, end))
}

function numeric(text: string): [number, string] {
  const m = /^\s*(-?)(\d*(?:,\d+)*)(\.\d*)?/.exec(text)!
  const value = Number(`${m[2] || '0'}${m[3] && m[3] !== '.' ? m[3] : ''}`)
  return [m[1] ? -value : value, text]
}

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const human = ['', 'K', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']

/** filevercmp: digits by value, letters before other characters, `~` first. */
export function compareVersions(a: string, b: string): number {
  const order = (c: string | undefined) => (c === undefined || /\d/.test(c) ? 0 : /[A-Za-z]/.test(c) ? c.charCodeAt(0) : c === '~' ? -1 : c.charCodeAt(0) + 256)
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    while ((i < a.length && !/\d/.test(a[i]!)) || (j < b.length && !/\d/.test(b[j]!))) {
      const d = order(a[i]) - order(b[j])
      if (d !== 0) return d
      i++
      j++
    }
    while (a[i] === '0') i++
    while (b[j] === '0') j++
    let first = 0
    while (/\d/.test(a[i] ?? '') && /\d/.test(b[j] ?? '')) {
      if (first === 0) first = a.charCodeAt(i) - b.charCodeAt(j)
      i++
      j++
    }
    if (/\d/.test(a[i] ?? '')) return 1
    if (/\d/.test(b[j] ?? '')) return -1
    if (first !== 0) return first
  }
  return 0
}

function compareBy(a: string, b: string, flags: string): number {
  if (flags.includes('n')) return numeric(a)[0] - numeric(b)[0]
  if (flags.includes('g')) {
    const value = (t: string) => {
      const m = /^\s*[-+]?(\d+\.?\d*(e[-+]?\d+)?|\.\d+(e[-+]?\d+)?|inf|nan)/i.exec(t)
      return m ? (/inf/i.test(m[0]) ? (m[0].trim().startsWith('-') ? -Infinity : Infinity) : /nan/i.test(m[0]) ? NaN : Number(m[0])) : undefined
    }
    const x = value(a)
    const y = value(b)
    const rank = (v: number | undefined) => (v === undefined ? 0 : Number.isNaN(v) ? 1 : 2)
    return rank(x) - rank(y) || (rank(x) === 2 ? (x! < y! ? -1 : x! > y! ? 1 : 0) : 0)
  }
  if (flags.includes('h')) {
    const value = (t: string): [number, number] => {
      const m = /^\s*(-?)(\d*\.?\d*)([KMGTPEZYk]?)/.exec(t)!
      const n = Number(m[2] || 0) * (m[1] ? -1 : 1)
      return [n === 0 ? 0 : human.indexOf((m[3] ?? '').toUpperCase()) * (m[1] ? -1 : 1), n]
    }
    const [ua, na] = value(a)
    const [ub, nb] = value(b)
    const sign = Math.sign(na) - Math.sign(nb)
    return sign || ua - ub || na - nb
  }
  if (flags.includes('M')) {
    const value = (t: string) => months.indexOf(t.trim().slice(0, 3).toUpperCase())
    return value(a) - value(b)
  }
  if (flags.includes('V')) return compareVersions(a, b) || compareBytes(a, b)
  let x = a
  let y = b
  if (flags.includes('d')) [x, y] = [x, y].map((t) => t.replace(/[^A-Za-z0-9 \t]/g, '')) as [string, string]
  if (flags.includes('i')) [x, y] = [x, y].map((t) => t.replace(/[\x00-\x1f\x7f]/g, '')) as [string, string]
  if (flags.includes('f')) [x, y] = [x.toUpperCase(), y.toUpperCase()]
  return compareBytes(x, y)
}

export const sort: Program = tool(async (process) => {
  const o = parseOptions(process, {
    short: 'bcCdfghik:mMno:rRsS:t:T:uVz',
    long: { 'ignore-leading-blanks': 'b', 'dictionary-order': 'd', 'ignore-case': 'f', 'general-numeric-sort': 'g', 'human-numeric-sort': 'h', 'month-sort': 'M', 'numeric-sort': 'n', reverse: 'r', 'version-sort': 'V', 'check=?': 'c', 'key=': 'k', merge: 'm', 'output=': 'o', stable: 's', 'field-separator=': 't', unique: 'u', 'random-sort': 'R', 'zero-terminated': 'z', 'buffer-size=': 'S', 'parallel=': 'P', 'sort=': 'sort', 'random-source=': 'source', 'temporary-directory=': 'T', 'batch-size=': 'batch', 'compress-program=': 'compress', debug: 'debug', 'files0-from=': 'files0', 'ignore-nonprinting': 'i' },
    code: 2,
  })
  const kindOf = (value: string): string => {
    const at = sorts.filter(([name]) => name.startsWith(value))
    if (at.length === 0) throw new Fatal(`sort: invalid argument ‘${value}’ for ‘--sort’\nValid arguments are:\n${sorts.map(([name]) => `  - ‘${name}’`).join('\n')}\nTry 'sort --help' for more information.`, 1)
    return at[0]![1]
  }
  const global = o.list.map(([k, v]) => (k === 'sort' ? kindOf(v) : k)).filter((k) => letters.includes(k)).join('')
  const raw = o.get('t')
  const separator = raw === '\\0' ? '\0' : raw
  if (separator !== undefined && [...separator].length > 1) throw new Fatal(`sort: multi-character tab ${quote(separator).replace(/^'/, '‘').replace(/'$/, '’')}`, 2)
  if (separator === '') throw new Fatal('sort: empty tab', 2)
  const kinds = [...'ghMnRV'].filter((k) => global.includes(k))
  if (kinds.length > 1 || (global.includes('n') && global.includes('d'))) throw new Fatal(`sort: options '-${[...new Set(global)].filter((c) => 'dghMnRV'.includes(c)).sort().join('')}' are incompatible`, 2)
  const keys = o.all('k').map(parseKey).map((k) => (/[dfgiMhnRrV]/.test(k.flags) || (k.flags !== '' && k.flags !== 'b') ? k : { ...k, flags: k.flags + global }))
  if (keys.length === 0) keys.push({ from: 1, fromChar: 1, to: Infinity, toChar: 0, flags: global })
  const whole = o.all('k').length === 0 && !global.includes('b')
  const checking = o.list.findLast(([k]) => k === 'c' || k === 'C')?.[0]
  if (checking && o.has('o')) throw new Fatal(`sort: options '-${checking}o' are incompatible`, 2)
  if (checking && o.rest.length > 1) throw new Fatal(`sort: extra operand ‘${o.rest[1]}’ not allowed with -${checking}`, 2)
  const { texts, failed } = await readInputs(process, o.rest, (path, error) => `${error.code === 'EISDIR' ? 'read failed' : 'cannot read'}: ${path}: ${strerror(error.code)}`)
  if (failed) return 2
  const zero = o.has('z')
  const lines = texts.flatMap((t) => (zero ? t.split('\0').filter((x, i, all) => i < all.length - 1 || x !== '') : splitLines(t)))
  const by = (a: string, b: string): number => {
    for (const key of keys) {
      const x = whole ? a : extract(a, key, separator)
      const y = whole ? b : extract(b, key, separator)
      const d = compareBy(x, y, key.flags)
      if (d !== 0) return key.flags.includes('r') ? -d : d
    }
    return 0
  }
  const full = (a: string, b: string): number => by(a, b) || (o.has('s') || o.has('u') ? 0 : global.includes('r') ? compareBytes(b, a) : compareBytes(a, b))
  if (o.has('c') || o.has('C')) {
    for (let i = 1; i < lines.length; i++) {
      const d = o.has('u') ? by(lines[i - 1]!, lines[i]!) : full(lines[i - 1]!, lines[i]!)
      if (d > 0 || (o.has('u') && d === 0)) {
        if (!o.has('C') && o.get('c') !== 'quiet' && o.get('c') !== 'silent') await process.stderr.write(`sort: ${o.rest[0] ?? '-'}:${i + 1}: disorder: ${lines[i]}\n`)
        return 1
      }
    }
    return 0
  }
  if (o.has('R')) {
    const random = process.machine.sim.random
    const weight = new Map<string, number>()
    for (const l of lines) if (!weight.has(l)) weight.set(l, random.next())
    lines.sort((a, b) => weight.get(a)! - weight.get(b)!)
  } else lines.sort(full)
  const result = o.has('u') ? lines.filter((l, i) => i === 0 || by(lines[i - 1]!, l) !== 0) : lines
  const end = zero ? '\0' : '\n'
  const target = o.get('o')
  if (target !== undefined) {
    try {
      process.fs.writeFile(target, result.map((l) => l + end).join(''))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Fatal(`sort: open failed: ${target}: ${strerror(error.code)}`, 2)
    }
    return 0
  }
  const out = new Out(process.stdout)
  for (const l of result) await out.put(l + end)
  await out.flush()
  return 0
})
