/** read and mapfile. */
import { AssignError, getScalar, setArray, setElement, setScalar } from '../expand/variables.ts'
import { runSource } from '../run/source.ts'
import { runPendingTraps } from '../run/traps.ts'
import { Interrupted } from '../state.ts'
import type { Shell } from '../state.ts'
import { usage } from './basic.ts'
import type { Builtin } from './table.ts'

/** Splits a line for `read`: `limit` fields, the last takes the rest. A backslash in `text` quotes unless raw. */
function splitFields(text: string, ifs: string, limit: number, raw: boolean): string[] {
  const fields: string[] = []
  const blank = (c: string) => ifs.includes(c) && ' \t\n'.includes(c)
  let i = 0
  while (i < text.length && blank(text[i]!)) i++
  while (i < text.length && fields.length < limit - 1) {
    let field = ''
    let hard = false
    while (i < text.length && !ifs.includes(text[i]!)) {
      if (!raw && text[i] === '\\') i++
      field += text[i] ?? ''
      i++
    }
    while (i < text.length && ifs.includes(text[i]!)) {
      if (!blank(text[i]!)) {
        if (hard) break
        hard = true
      }
      i++
    }
    fields.push(field)
  }
  if (i < text.length) {
    // The rest, without trailing blanks, and without one trailing separator when it is the only one.
    let rest = ''
    let plain = ''
    let keep = 0
    for (let k = i; k < text.length; k++) {
      const c = text[k]!
      if (!raw && c === '\\') {
        k++
        rest += text[k] ?? ''
        plain += 'x'
        keep = rest.length
        continue
      }
      rest += c
      plain += c
      if (!blank(c)) keep = rest.length
    }
    rest = rest.slice(0, keep)
    plain = plain.slice(0, keep)
    const last = plain.at(-1)
    if (last !== undefined && ifs.includes(last) && !blank(last) && ![...plain.slice(0, -1)].some((c) => ifs.includes(c) && !blank(c))) {
      rest = rest.slice(0, -1)
      while (rest !== '' && blank(rest.at(-1)!)) rest = rest.slice(0, -1)
    }
    fields.push(rest)
  }
  return fields
}

const read: Builtin = async (sh, argv) => {
  let raw = false
  let array: string | undefined
  let delimiter = '\n'
  let count: number | undefined
  let exact = false
  let prompt = ''
  let silent = false
  let timeout: number | undefined
  let fd = 0
  let i = 1
  const text = 'read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]'
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    if (argv[i] === '--') {
      i++
      break
    }
    const letters = argv[i]!.slice(1)
    for (let k = 0; k < letters.length; k++) {
      const c = letters[k]!
      if (c === 'r') raw = true
      else if (c === 's') silent = true
      else if (c === 'e') continue
      else if ('adinNptu'.includes(c)) {
        const value = letters.slice(k + 1) || argv[++i]
        if (value === undefined) {
          await sh.complain(`read: -${c}: option requires an argument`)
          await sh.write(2, `read: usage: ${text}\n`)
          return 2
        }
        if (c === 'a') array = value
        else if (c === 'd') delimiter = value === '' ? '\0' : value[0]!
        else if (c === 'n' || c === 'N') {
          if (!/^\d+$/.test(value)) {
            await sh.complain(`read: ${value}: invalid number`)
            return 1
          }
          count = Number(value)
          exact = c === 'N'
        } else if (c === 'p') prompt = value
        else if (c === 't') {
          if (!/^\d*\.?\d*$/.test(value) || value === '') {
            await sh.complain(`read: ${value}: invalid timeout specification`)
            return 1
          }
          timeout = Number(value) * 1000
        } else if (c === 'u') fd = Number(value)
        break
      } else return usage(sh, 'read', `-${c}`, text)
    }
  }
  const names = argv.slice(i)
  for (const n of names) {
    if (!/^[A-Za-z_]\w*(\[[\s\S]*\])?$/.test(n)) {
      await sh.complain(`read: \`${n}': not a valid identifier`)
      return 1
    }
  }
  const file = sh.process.fds.get(fd)
  if (!file) {
    await sh.complain(fd === 0 ? 'read: read error: 0: Bad file descriptor' : `read: ${fd}: invalid file descriptor: Bad file descriptor`)
    return 1
  }
  if (prompt !== '' && file.tty) await sh.write(2, prompt)
  if (timeout === 0) return file.ready ? 0 : 1
  if (silent) file.tty?.setEcho(false)
  const restore = count !== undefined && file.tty ? file.tty.setRaw(true) : undefined
  let got: { line: string; ended: boolean; timedOut: boolean }
  try {
    got = await collect(sh, file, { delimiter, count, exact, raw, timeout, echo: restore !== undefined && !silent })
  } finally {
    restore?.()
    if (silent) file.tty?.setEcho(true)
  }
  const { line, ended } = got
  const ifs = getScalar(sh, 'IFS') ?? ' \t\n'
  try {
    if (array !== undefined) {
      const fields = splitFields(line, ifs, Infinity, raw)
      setArray(sh, array, fields.map((value) => ({ key: undefined, value })), false)
    } else if (names.length === 0) {
      setScalar(sh, 'REPLY', raw ? line : line.replace(/\\([\s\S])/g, '$1'))
    } else {
      const fields = exact ? [raw ? line : line.replace(/\\([\s\S])/g, '$1')] : names.length === 1 ? splitFields(line, ifs, 1, raw) : splitFields(line, ifs, names.length, raw)
      for (const [k, n] of names.entries()) {
        const m = /^(\w+)\[([\s\S]*)\]$/.exec(n)
        if (m) setElement(sh, m[1]!, m[2]!, fields[k] ?? '', false)
        else setScalar(sh, n, fields[k] ?? '')
      }
    }
  } catch (error) {
    if (!(error instanceof AssignError)) throw error
    await sh.complain(`read: ${error.message}`)
    return 1
  }
  return got.timedOut ? 142 : ended ? 1 : 0
}

interface How {
  readonly delimiter: string
  readonly count: number | undefined
  readonly exact: boolean
  readonly raw: boolean
  readonly timeout: number | undefined
  /** The terminal does not echo by itself. */
  readonly echo: boolean
}

/** Reads up to the delimiter or the count; signals with a trap run it and reading goes on. */
async function collect(sh: Shell, file: NonNullable<ReturnType<Shell['process']['fds']['get']>>, how: How): Promise<{ line: string; ended: boolean; timedOut: boolean }> {
  let line = ''
  const deadline = how.timeout === undefined ? undefined : sh.process.now() + how.timeout
  const next = async (call: () => Promise<string | undefined>): Promise<string | undefined | 'timeout'> => {
    for (;;) {
      // A read that is given up would take what is typed afterwards, so nothing is read before something is there.
      while (deadline !== undefined && !file.ready) {
        const left = deadline - sh.process.now()
        if (left <= 0) return 'timeout'
        await sh.process.sleep(Math.min(left, 20))
      }
      const got = await sh.process.interruptible(call())
      if (got !== 'interrupted') return got
      if (sh.interrupted) {
        sh.interrupted = false
        throw new Interrupted()
      }
      await runPendingTraps(sh)
    }
  }
  if (how.delimiter === '\n' && how.count === undefined) {
    for (;;) {
      const got = await next(() => file.readLine())
      if (got === 'timeout') return { line, ended: true, timedOut: true }
      if (got === undefined) return { line, ended: true, timedOut: false }
      line += got.replace(/\0/g, '')
      if (!line.endsWith('\n')) return { line, ended: true, timedOut: false }
      if (!how.raw && /(^|[^\\])(\\\\)*\\\n$/.test(line)) {
        line = line.slice(0, -2)
        continue
      }
      return { line: line.slice(0, -1), ended: false, timedOut: false }
    }
  }
  let chars = 0
  while (how.count === undefined || chars < how.count) {
    const got = await next(() => readCharacter(file))
    if (got === 'timeout') return { line, ended: true, timedOut: true }
    if (got === undefined) return { line, ended: true, timedOut: false }
    if (got === how.delimiter && !how.exact) return { line, ended: false, timedOut: false }
    if (!how.raw && got === '\\') {
      const quoted = await next(() => readCharacter(file))
      if (quoted === undefined || quoted === 'timeout') return { line, ended: true, timedOut: quoted === 'timeout' }
      if (quoted !== '\n') line += '\\' + quoted
      chars++
      continue
    }
    line += got
    chars++
    if (how.echo) await file.write(got === '\r' ? '\r\n' : got)
  }
  return { line, ended: false, timedOut: false }
}

async function readCharacter(file: { readBytes(n: number): Promise<string | undefined> }): Promise<string | undefined> {
  return file.readBytes(1)
}

/** What mapfile says of an option whose value is no number. */
const counts: Readonly<Record<string, string>> = { n: 'invalid line count', s: 'invalid line count', O: 'invalid array origin', c: 'invalid callback quantum', u: 'invalid file descriptor specification' }

const mapfile: Builtin = async (sh, argv) => {
  let strip = false
  let delimiter = '\n'
  let max = Infinity
  let origin: number | undefined
  let skip = 0
  let fd = 0
  let callback: string | undefined
  let quantum = 5000
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    const a = argv[i]!
    if (a === '--') {
      i++
      break
    }
    const c = a[1]!
    if (c === 't') {
      strip = true
      if (a.length === 2) continue
    }
    const rest = c === 't' ? a.slice(3) : a.slice(2)
    const option = c === 't' ? a[2]! : c
    if (!'dnOsuCct'.includes(option)) return usage(sh, argv[0]!, `-${option}`, `${argv[0]} [-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]`)
    const value = rest || argv[++i] || ''
    const wrong = counts[option]
    if (wrong !== undefined && !/^\s*[-+]?\d+\s*$/.test(value)) {
      await sh.complain(`${argv[0]}: ${value}: ${wrong}`)
      return 1
    }
    if (option === 'd') delimiter = value === '' ? '\0' : value[0]!
    else if (option === 'n') max = Number(value) || Infinity
    else if (option === 'O') origin = Number(value)
    else if (option === 's') skip = Number(value)
    else if (option === 'u') fd = Number(value)
    else if (option === 'C') callback = value
    else if (option === 'c') quantum = Number(value)
  }
  const name = argv[i] ?? 'MAPFILE'
  if (!/^[A-Za-z_]\w*$/.test(name)) {
    await sh.complain(`${argv[0]}: \`${name}': not a valid identifier`)
    return 1
  }
  const file = sh.process.fds.get(fd)
  if (!file) {
    await sh.complain(`${argv[0]}: ${fd}: invalid file descriptor: Bad file descriptor`)
    return 1
  }
  if (origin === undefined) setArray(sh, name, [], false)
  let at = origin ?? 0
  let done = 0
  const put = async (line: string) => {
    const text = strip && line.endsWith(delimiter) ? line.slice(0, -1) : line
    if (skip > 0) {
      skip--
      return
    }
    if (callback && (done + 1) % quantum === 0) await runSource(sh, `${callback} ${at} '${text.replace(/'/g, "'\\''")}'`, { name: 'mapfile' })
    setElement(sh, name, String(at++), text, false)
    done++
  }
  if (delimiter === '\n') {
    while (done < max) {
      const line = await file.readLine()
      if (line === undefined) break
      await put(line)
    }
  } else {
    const all = (await file.readAll()).split(delimiter)
    const last = all.pop()!
    for (const line of all) if (done < max) await put(line + delimiter)
    if (last !== '' && done < max) await put(last)
  }
  return 0
}

export const readBuiltins: readonly (readonly [string, Builtin])[] = [
  ['read', read],
  ['mapfile', mapfile],
  ['readarray', mapfile],
]
