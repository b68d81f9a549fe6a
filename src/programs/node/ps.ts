/** ps of procps 4.0.2: System V, BSD and GNU options as tables; and busybox's. */
import { commandName } from '#engine/machine/proc.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import type { Task } from '#engine/machine/task.ts'
import { complain, say } from '../net/support.ts'
import { aliases, args, column, columns, cpuTime, render, rows, rss, started, two, type Column, type Row } from './processes.ts'

const usage = "\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n"

class PsError extends Error {}

type Shape = 'plain' | 'full' | 'extra' | 'jobs' | 'long' | 'longy' | 'bsd' | 'bsdjobs' | 'bsdlong'

interface Wish {
  readonly process: Process
  all: boolean
  /** `a` and `x` of BSD, each of which lifts a restriction. */
  everyone: boolean
  noTty: boolean
  /** `-N`. */
  invert: boolean
  shape: Shape
  forest: boolean
  header: boolean
  columns: (Column & { titled?: string })[] | undefined
  readonly select: ((r: Row) => boolean)[]
  sort: string | undefined
}

type Flag = (w: Wish) => void
/** An option with a value; `name` is how the complaint about a missing one calls it. */
interface Valued {
  readonly list: string
  readonly take: (w: Wish, value: string, bsd: boolean) => void
}

const numbers = (text: string): number[] => {
  const words = text.split(/[ ,]+/).filter((x) => x !== '')
  for (const x of words) if (!/^\d+$/.test(x)) throw new PsError('process ID list syntax error')
  return words.map(Number)
}

const byNumber = (list: string, of: (r: Row, w: Wish) => number): Valued => ({
  list, take: (w, value) => {
    const wanted = new Set(numbers(value))
    w.select.push((r) => wanted.has(of(r, w)))
  },
})
const byPid = byNumber('list of process IDs', (r) => r.pid)
const byParent = byNumber('list of process IDs', (r) => r.ppid)
const bySession = byNumber('list of session leaders OR effective group names', (r) => r.task.group)

const byUser = (list: string): Valued => ({
  list, take: (w, value) => {
    for (const name of value.split(/[ ,]+/).filter((x) => x !== '')) {
      if (!/^\d+$/.test(name) && !w.process.machine.users.has(name)) throw new PsError('user name does not exist')
      w.select.push((r) => r.task.user.name === name || String(r.task.user.uid) === name)
    }
  },
})
const byCommand: Valued = { list: 'list of command names', take: (w, value) => {
  const names = new Set(value.split(','))
  w.select.push((r) => names.has(commandName(r.task)))
} }
const byTty: Valued = { list: 'list of terminals (pty, tty...)', take: (w, value) => {
  for (const name of value.split(',')) {
    const path = `/dev/${name.replace(/^\/dev\//, '').replace(/^(\d+)$/, 'pts/$1')}`
    if (!w.process.fs.exists(path)) throw new PsError('TTY could not be found')
    w.select.push((r) => r.task.tty?.name === path)
  }
} }
const format: Valued = { list: 'format specification', take: (w, value) => {
  w.columns ??= []
  for (const part of value.split(/,(?![^=]*$)|,|\s+/)) {
    if (part === '') continue
    const [whole, ...title] = part.split('=')
    const [name, width] = whole!.split(':')
    const c = columns[aliases[name!.toLowerCase()] ?? name!.toLowerCase()]
    if (!c) throw new PsError(`unknown user-defined format specifier "${name}"`)
    w.columns.push({ ...c, ...(width !== undefined && { width: Number(width) }), ...(title.length > 0 && { titled: title.join('=') }) })
  }
} }
const sorting: Valued = { list: 'sort specification', take: (w, value) => void (w.sort = value) }

const all: Flag = (w) => void (w.all = true)
const shape = (s: Shape): Flag => (w) => void (w.shape = s)
const forest: Flag = (w) => void (w.forest = true)
const noHeader: Flag = (w) => void (w.header = false)
const invert: Flag = (w) => void (w.invert = true)
const ignored: Flag = () => {}

const unix: Readonly<Record<string, Flag | Valued>> = {
  e: all, A: all, a: all, d: all, N: invert, f: shape('full'), F: shape('extra'), j: shape('jobs'), l: shape('long'), y: (w) => void (w.shape = w.shape === 'long' ? 'longy' : w.shape), H: forest,
  w: ignored, L: ignored, T: ignored, m: ignored, M: ignored, Z: ignored, c: ignored, P: ignored,
  o: format, O: format, p: byPid, q: byPid, C: byCommand, u: byUser('list of users'), U: byUser('list of real users'), g: bySession, s: bySession, t: byTty, G: byUser('list of real groups'),
}
const bsd: Readonly<Record<string, Flag | Valued>> = {
  a: (w) => void (w.everyone = true), x: (w) => void (w.noTty = true), u: shape('bsd'), l: shape('bsdlong'), j: shape('bsdjobs'), f: forest, h: noHeader, e: ignored, w: ignored, c: ignored, n: ignored, S: ignored, m: ignored, H: ignored, r: ignored, T: (w) => void (w.noTty = true), g: ignored, s: ignored, v: ignored, X: ignored, Z: ignored, L: ignored,
  o: format, O: format, p: byPid, q: byPid, U: byUser('list of users'), t: byTty, k: sorting,
}
const gnu: Readonly<Record<string, Flag | Valued>> = {
  'no-headers': noHeader, 'no-heading': noHeader, 'no-header': noHeader, noheaders: noHeader, noheader: noHeader, forest, deselect: invert, headers: ignored, heading: ignored, cumulative: ignored, info: ignored, context: ignored,
  sort: sorting, format, pid: byPid, 'quick-pid': byPid, ppid: byParent, sid: bySession, user: byUser('list of effective users'), User: byUser('list of real users'), group: byUser('list of effective groups'), Group: byUser('list of real groups'), tty: byTty, columns: { list: 'number', take: () => {} }, cols: { list: 'number', take: () => {} }, width: { list: 'number', take: () => {} }, rows: { list: 'number', take: () => {} }, lines: { list: 'number', take: () => {} },
}

function read(p: Process, words: readonly string[]): Wish {
  const w: Wish = { process: p, all: false, everyone: false, noTty: false, invert: false, shape: 'plain', forest: false, header: true, columns: undefined, select: [], sort: undefined }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const apply = (option: Flag | Valued, inline: string, named: string, isBsd: boolean) => {
      if (typeof option === 'function') return option(w)
      const value = inline !== '' ? inline : words[++i]
      if (value === undefined) throw new PsError(`${option.list} must follow ${named}`)
      option.take(w, value, isBsd)
    }
    if (word.startsWith('--')) {
      const [name, ...rest] = word.slice(2).split('=')
      const option = Object.hasOwn(gnu, name!) ? gnu[name!] : undefined
      if (!option) throw new PsError('unknown gnu long option')
      apply(option, rest.join('='), `--${name}`, false)
      continue
    }
    const dash = word.startsWith('-')
    if (!dash && /^\d[\d,]*$/.test(word)) {
      byPid.take(w, word, true)
      continue
    }
    for (let k = dash ? 1 : 0; k < word.length; k++) {
      const letter = word[k]!
      const option = Object.hasOwn(dash ? unix : bsd, letter) ? (dash ? unix : bsd)[letter] : undefined
      if (!option) throw new PsError(dash ? 'unsupported SysV option' : 'unsupported option (BSD syntax)')
      const valued = typeof option !== 'function'
      apply(option, valued ? word.slice(k + 1) : '', `${dash ? '-' : ''}${letter}`, !dash)
      if (valued) break
    }
  }
  return w
}

function chosen(p: Process, w: Wish): Row[] {
  const shown = (r: Row): boolean => {
    if (w.select.length > 0) return w.select.some((test) => test(r))
    if (w.all || (w.everyone && w.noTty)) return true
    if (w.everyone) return r.task.tty !== undefined
    if (w.noTty) return r.task.user.uid === p.user.uid
    if (p.tty === undefined) return r.task === (p as unknown as Task)
    return r.task.tty?.name === p.tty.name && r.task.user.uid === p.user.uid
  }
  return rows(p).filter((r) => shown(r) !== w.invert)
}

function sorted(p: Process, list: readonly Row[], sort: string): Row[] {
  const out = [...list]
  for (const key of sort.split(',').reverse()) {
    const name = key.replace(/^[-+]/, '')
    const c = columns[aliases[name] ?? name]
    if (!c) throw new PsError('unknown sort specifier')
    const sign = key.startsWith('-') ? -1 : 1
    out.sort((a, b) => {
      const [x, y] = [c.value(p, a), c.value(p, b)]
      return sign * (/^[\d.]+$/.test(x) && /^[\d.]+$/.test(y) ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0)
    })
  }
  return out
}

/** Children below their parents, and how deep each stands. */
function tree(list: readonly Row[]): { readonly list: Row[]; readonly depth: ReadonlyMap<number, number> } {
  const depth = new Map<number, number>()
  const below = new Map<number, Row[]>()
  for (const r of list) below.set(r.ppid, [...(below.get(r.ppid) ?? []), r])
  const pids = new Set(list.map((r) => r.pid))
  const out: Row[] = []
  const visit = (r: Row, level: number) => {
    depth.set(r.pid, level)
    out.push(r)
    for (const child of below.get(r.pid) ?? []) if (child !== r) visit(child, level + 1)
  }
  for (const r of list) if (!pids.has(r.ppid)) visit(r, 0)
  return { list: out, depth }
}

const minutes = column('TIME', 6, true, (p, r) => `${Math.floor(cpuTime(p, r.task) / 60)}:${two(cpuTime(p, r.task) % 60)}`)
const flags = column('F', 1, true, () => '4')
const pages = column('SZ', 5, true, (_, r) => String(Math.floor((rss(r.task) * 3) / 4)))
const named = (title: string, name: string): Column => ({ ...columns[name]!, title })
const wide = (name: string): Column => ({ ...columns[name]!, width: 8 })

/** The columns of each layout; `command` comes last. */
const layouts: Readonly<Record<Shape, readonly Column[]>> = {
  plain: [columns['pid']!, columns['tname']!, columns['time']!],
  jobs: [columns['pid']!, columns['pgid']!, columns['sid']!, columns['tname']!, columns['time']!],
  full: [column('UID', 8, false, (_, r) => r.task.user.name), columns['pid']!, columns['ppid']!, columns['c']!, columns['stime']!, columns['tname']!, columns['time']!],
  extra: [column('UID', 8, false, (_, r) => r.task.user.name), columns['pid']!, columns['ppid']!, columns['c']!, pages, columns['rss']!, column('PSR', 3, true, () => '0'), columns['stime']!, columns['tname']!, columns['time']!],
  long: [flags, columns['s']!, columns['uid']!, columns['pid']!, columns['ppid']!, columns['c']!, column('PRI', 3, true, () => '80'), columns['ni']!, column('ADDR', 4, false, () => '-'), column('SZ', 2, true, pages.value), columns['wchan']!, columns['tname']!, columns['time']!],
  longy: [columns['s']!, columns['uid']!, columns['pid']!, columns['ppid']!, columns['c']!, column('PRI', 3, true, () => '80'), columns['ni']!, columns['rss']!, pages, columns['wchan']!, columns['tname']!, columns['time']!],
  bsd: [columns['user']!, columns['pid']!, columns['pcpu']!, columns['pmem']!, columns['vsz']!, columns['rss']!, wide('tname'), columns['stat']!, column('START', 5, true, (p, r) => started(p, r.task)), minutes],
  bsdjobs: [columns['ppid']!, columns['pid']!, columns['pgid']!, columns['sid']!, columns['tname']!, column('TPGID', 7, true, (_, r) => String(r.task.tty?.foreground ?? -1)), columns['stat']!, columns['uid']!, minutes],
  bsdlong: [flags, columns['uid']!, columns['pid']!, columns['ppid']!, column('PRI', 3, true, () => '20'), columns['ni']!, columns['vsz']!, columns['rss']!, columns['wchan']!, columns['stat']!, named('TTY', 'tname'), minutes],
}
const bsdPlain: readonly Column[] = [columns['pid']!, columns['tname']!, columns['stat']!, minutes]
/** Layouts whose last column is the name alone, not the arguments. */
const nameOnly = new Set<Shape>(['plain', 'jobs', 'long', 'longy'])

export const ps: Program = async (p) => {
  const words = p.argv.slice(1)
  if (words.includes('--version') || words.includes('-V') || words.includes('V')) {
    await say(p, 'ps from procps-ng 4.0.2\n')
    return 0
  }
  if (words.includes('--help')) {
    await say(p, usage)
    return 0
  }
  try {
    const w = read(p, words)
    let list = chosen(p, w)
    if (w.sort !== undefined) list = sorted(p, list, w.sort)
    const grown = w.forest ? tree(list) : { list, depth: new Map<number, number>() }
    const prefix = (r: Row) => {
      const level = grown.depth.get(r.pid) ?? 0
      return level > 0 ? `${'    '.repeat(Math.max(0, level - 1))} \\_ ` : ''
    }
    const isBsd = w.shape.startsWith('bsd') || (w.shape === 'plain' && (w.everyone || w.noTty || words.some((x) => /^\d/.test(x))))
    const base = w.shape === 'plain' && isBsd ? bsdPlain : layouts[w.shape]
    const command = column(isBsd ? 'COMMAND' : 'CMD', 3, false, (_, r) => prefix(r) + (isBsd || !nameOnly.has(w.shape) ? args(r.task) : commandName(r.task)))
    await say(p, render(p, grown.list, w.columns ?? [...base, command], w.header))
    return w.select.length > 0 && list.length === 0 ? 1 : 0
  } catch (error) {
    if (!(error instanceof PsError)) throw error
    await complain(p, `error: ${error.message}\n${usage}`)
    return 1
  }
}

/** busybox's ps: every process of the view. */
export const busyboxPs: Program = async (p) => {
  const list = rows(p)
  const time = (t: Task) => `${Math.floor(cpuTime(p, t) / 60)}:${two(cpuTime(p, t) % 60)}`
  await say(p, `PID   USER     TIME  COMMAND\n${list.map((r) => `${String(r.pid).padStart(5)} ${r.task.user.name.slice(0, 8).padEnd(8)} ${time(r.task).padStart(5)} ${args(r.task)}\n`).join('')}`)
  return 0
}
