/** ps of procps 4.0.2, and pgrep, pkill, kill, killall, pidof, top (one shot). */
import { FsError, strerror } from '#engine/machine/files.ts'
import { commandName, memory } from '#engine/machine/proc.ts'
import { signalNamed, signals } from '#engine/machine/signals.ts'
import type { Process, Program, Signal } from '#engine/machine/process.ts'
import type { Task } from '#engine/machine/task.ts'
import { getopt } from '../net/getopt.ts'
import { clock, complain, months, say } from '../net/support.ts'

const two = (n: number) => String(n).padStart(2, '0')

interface Row {
  readonly pid: number
  readonly ppid: number
  readonly task: Task
}

function rows(p: Process): Row[] {
  return [...p.machine.processes].map(([pid, task]) => ({ pid, ppid: parentOf(p, task as Task), task: task as Task })).sort((a, b) => a.pid - b.pid)
}

/** The parent's number as this machine sees it. */
function parentOf(p: Process, task: Task): number {
  for (const [pid, t] of p.machine.processes) if (t === task.parent) return pid
  return task.pid === 1 ? 0 : p.machine.processes.get(1) === (task as unknown as Process) ? 0 : p.machine.processes.has(1) ? 1 : 0
}

const ttyName = (t: Task) => t.tty?.name.replace(/^\/dev\//, '') ?? '?'
const args = (t: Task) => t.argv.join(' ')

function cpuTime(p: Process, t: Task): number {
  return Math.floor(((p.now() - t.started) / 1000) * 0.01)
}

const elapsed = (ms: number) => {
  const s = Math.floor(ms / 1000)
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60]
  return `${d > 0 ? `${d}-` : ''}${d > 0 || h > 0 ? `${two(h)}:` : ''}${two(m)}:${two(s % 60)}`
}

const hms = (s: number) => `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`

function started(p: Process, t: Task): string {
  const d = new Date(t.started)
  return p.now() - t.started < 86_400_000 ? clock(t.started).slice(0, 5) : `${months[d.getUTCMonth()]}${two(d.getUTCDate())}`
}

interface Column {
  readonly title: string
  readonly right: boolean
  readonly width: number
  value(p: Process, r: Row): string
}
const column = (title: string, width: number, right: boolean, value: Column['value']): Column => ({ title, width, right, value })
const group = (p: Process, t: Task) => (p.machine === t.machine ? t.group : t.groupId)
const rss = (t: Task) => 3000 + ((t.argv.join('').length * 577) % 40_000)

const columns: Readonly<Record<string, Column>> = {
  pid: column('PID', 7, true, (_, r) => String(r.pid)), ppid: column('PPID', 7, true, (_, r) => String(r.ppid)), pgid: column('PGID', 7, true, (p, r) => String(group(p, r.task))), sid: column('SID', 7, true, (p, r) => String(group(p, r.task))),
  user: column('USER', 8, false, (_, r) => r.task.user.name), uid: column('UID', 5, true, (_, r) => String(r.task.user.uid)), group: column('GROUP', 8, false, (_, r) => r.task.user.name), tty: column('TT', 8, false, (_, r) => ttyName(r.task)), tname: column('TTY', 8, false, (_, r) => ttyName(r.task)),
  stat: column('STAT', 4, false, (_, r) => stat(r.task)), s: column('S', 1, false, (_, r) => stat(r.task)[0]!), time: column('TIME', 8, true, (p, r) => hms(cpuTime(p, r.task))), etime: column('ELAPSED', 11, true, (p, r) => elapsed(p.now() - r.task.started)), etimes: column('ELAPSED', 7, true, (p, r) => String(Math.floor((p.now() - r.task.started) / 1000))),
  comm: column('COMMAND', 15, false, (_, r) => commandName(r.task)), cmd: column('CMD', 27, false, (_, r) => args(r.task)), args: column('COMMAND', 27, false, (_, r) => args(r.task)), command: column('COMMAND', 27, false, (_, r) => args(r.task)), ucmd: column('CMD', 15, false, (_, r) => commandName(r.task)),
  pcpu: column('%CPU', 4, true, () => '0.0'), pmem: column('%MEM', 4, true, (_, r) => ((rss(r.task) / memory.total) * 100).toFixed(1)), vsz: column('VSZ', 6, true, (_, r) => String(rss(r.task) * 3)), rss: column('RSS', 5, true, (_, r) => String(rss(r.task))), start: column('STARTED', 8, true, (_, r) => clock(r.task.started)),
  lstart: column('STARTED', 24, true, (_, r) => new Date(r.task.started).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+) (\S+) GMT$/, '$1 $3 $2 $5 $4')), ni: column('NI', 3, true, () => '0'), pri: column('PRI', 3, true, () => '19'), c: column('C', 2, true, () => '0'), nlwp: column('NLWP', 4, true, () => '1'), wchan: column('WCHAN', 6, false, () => '-'),
  stime: column('STIME', 5, false, (p, r) => started(p, r.task)), cgroup: column('CGROUP', 27, false, () => '-'), netns: column('NETNS', 10, true, (_, r) => String(r.task.kernel.namespaceNumber(r.task.net))),
}
const aliases: Readonly<Record<string, string>> = { tt: 'tty', '%cpu': 'pcpu', '%mem': 'pmem', euser: 'user', uname: 'user', state: 's', pgrp: 'pgid', sess: 'sid', session: 'sid', cputime: 'time', euid: 'uid', ucomm: 'comm', fname: 'comm', rssize: 'rss', vsize: 'vsz' }

function stat(t: Task): string {
  const foreground = t.tty && t.tty.foreground === t.group ? '+' : ''
  const leader = t.pid === t.group ? 's' : ''
  return `${t.stopped ? 'T' : t.argv[0] === 'ps' ? 'R' : 'S'}${leader}${foreground}`
}

function render(p: Process, list: readonly Row[], cols: readonly (Column & { readonly titled?: string })[], header: boolean): string {
  const widths = cols.map((c) => Math.max(c.width, (c.titled ?? c.title).length))
  const line = (cells: readonly string[]) => cells.map((cell, i) => (cols[i]!.right ? cell.padStart(widths[i]!) : i === cells.length - 1 ? cell : cell.padEnd(widths[i]!))).join(' ').trimEnd() + '\n'
  const titles = cols.map((c) => c.titled ?? c.title)
  return (header && titles.some((t) => t !== '') ? line(titles) : '') + list.map((r) => line(cols.map((c) => c.value(p, r)))).join('')
}

export const ps: Program = async (p) => {
  const words = p.argv.slice(1)
  let all = false
  let noTty = false
  let shape: 'plain' | 'full' | 'bsd' | 'bsdlong' | 'long' = 'plain'
  let forest = false
  let header = true
  let wanted: (Column & { titled?: string })[] | undefined
  const pids = new Set<number>()
  const names = new Set<string>()
  const users = new Set<string>()
  const parents = new Set<number>()
  let sort: string | undefined
  let bsdAll = false
  const fail = async (text: string) => {
    await complain(p, `error: ${text}\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n`)
    return 1
  }
  const format = (text: string): string | undefined => {
    wanted ??= []
    for (const part of text.split(/,(?![^=]*$)|,|\s+/)) {
      if (part === '') continue
      const [name, ...title] = part.split('=')
      const c = columns[aliases[name!.toLowerCase()] ?? name!.toLowerCase()]
      if (!c) return name
      wanted.push(title.length > 0 ? { ...c, titled: title.join('=') } : { ...c })
    }
    return undefined
  }
  for (let i = 0; i < words.length; i++) {
    const w = words[i]!
    if (w.startsWith('--')) {
      const [name, inline] = w.slice(2).split('=') as [string, string | undefined]
      const value = () => inline ?? words[++i] ?? ''
      if (name === 'sort') sort = value()
      else if (name === 'no-headers' || name === 'no-heading') header = false
      else if (name === 'forest') forest = true
      else if (name === 'pid') value().split(/[ ,]/).forEach((x) => pids.add(Number(x)))
      else if (name === 'ppid') value().split(/[ ,]/).forEach((x) => parents.add(Number(x)))
      else if (name === 'user') value().split(/[ ,]/).forEach((x) => users.add(x))
      else if (name === 'format') {
        const bad = format(value())
        if (bad !== undefined) return fail(`unknown user-defined format specifier "${bad}"`)
      } else if (name === 'version') {
        await say(p, 'ps from procps-ng 4.0.2\n')
        return 0
      }
      continue
    }
    const dash = w.startsWith('-')
    if (!dash && /^\d[\d,]*$/.test(w)) {
      w.split(',').forEach((x) => pids.add(Number(x)))
      continue
    }
    for (let k = dash ? 1 : 0; k < w.length; k++) {
      const letter = w[k]!
      const rest = () => {
        const value = w.slice(k + 1) || words[++i] || ''
        k = w.length
        return value
      }
      if (dash) {
        if (letter === 'e' || letter === 'A') all = true
        else if (letter === 'f') shape = 'full'
        else if (letter === 'l') shape = 'long'
        else if (letter === 'F') shape = 'full'
        else if (letter === 'o' || letter === 'O') {
          const bad = format(rest())
          if (bad !== undefined) return fail(`unknown user-defined format specifier "${bad}"`)
        } else if (letter === 'p') rest().split(/[ ,]/).forEach((x) => pids.add(Number(x)))
        else if (letter === 'C') rest().split(',').forEach((x) => names.add(x))
        else if (letter === 'u' || letter === 'U') rest().split(',').forEach((x) => users.add(x))
        else if (letter === 'H') forest = true
        else if (letter === 'w' || letter === 'L' || letter === 'T' || letter === 'm' || letter === 'M' || letter === 'Z' || letter === 'y') continue
        else if (letter === 'a' || letter === 'd') all = true
        else if (letter === 't') rest()
        else return fail('unsupported SysV option')
      } else if (letter === 'a') bsdAll = true
      else if (letter === 'x') noTty = true
      else if (letter === 'u') shape = 'bsd'
      else if (letter === 'f') forest = true
      else if (letter === 'e' || letter === 'w' || letter === 'h' || letter === 'c') {
        if (letter === 'h') header = false
      } else if (letter === 'l') shape = 'bsdlong'
      else if (letter === 'o') {
        const bad = format(rest())
        if (bad !== undefined) return fail(`unknown user-defined format specifier "${bad}"`)
      } else if (letter === 'p') rest().split(/[ ,]/).forEach((x) => pids.add(Number(x)))
      else return fail('unsupported option (BSD syntax)')
    }
  }
  let list = rows(p)
  const filtered = pids.size > 0 || names.size > 0 || users.size > 0 || parents.size > 0
  if (filtered) list = list.filter((r) => pids.has(r.pid) || names.has(commandName(r.task)) || users.has(r.task.user.name) || users.has(String(r.task.user.uid)) || parents.has(r.ppid))
  else if (!all && !(bsdAll && noTty)) list = list.filter((r) => (bsdAll ? r.task.tty !== undefined : noTty ? r.task.user.uid === p.user.uid : r.task.tty !== undefined && p.tty !== undefined && r.task.tty.name === p.tty.name && r.task.user.uid === p.user.uid) || (p.tty === undefined && !bsdAll && !noTty && r.task === (p as unknown as Task)))
  if (sort !== undefined) {
    const keys = sort.split(',').reverse()
    for (const key of keys) {
      const name = key.replace(/^[-+]/, '')
      const c = columns[aliases[name] ?? name]
      if (!c) return fail('unknown sort specifier')
      const sign = key.startsWith('-') ? -1 : 1
      list.sort((a, b) => {
        const [x, y] = [c.value(p, a), c.value(p, b)]
        return sign * (/^[\d.]+$/.test(x) && /^[\d.]+$/.test(y) ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0)
      })
    }
  }
  const depth = new Map<number, number>()
  if (forest) {
    const byParent = new Map<number, Row[]>()
    for (const r of list) byParent.set(r.ppid, [...(byParent.get(r.ppid) ?? []), r])
    const inList = new Set(list.map((r) => r.pid))
    const out: Row[] = []
    const visit = (r: Row, level: number) => {
      depth.set(r.pid, level)
      out.push(r)
      for (const child of byParent.get(r.pid) ?? []) if (child !== r) visit(child, level + 1)
    }
    for (const r of list) if (!inList.has(r.ppid)) visit(r, 0)
    list = out
  }
  const prefix = (r: Row) => {
    const level = depth.get(r.pid) ?? 0
    return level > 0 ? `${'    '.repeat(Math.max(0, level - 1))} \\_ ` : ''
  }
  const command = (title: string, bsd: boolean): Column => column(title, 3, false, (_, r) => prefix(r) + (bsd || shape !== 'plain' ? args(r.task) : commandName(r.task)))
  const sets: Readonly<Record<typeof shape, () => Column[]>> = {
    plain: () => (bsdAll || noTty ? [columns['pid']!, { ...columns['tname']! }, columns['stat']!, column('TIME', 6, true, (q, r) => `${Math.floor(cpuTime(q, r.task) / 60)}:${two(cpuTime(q, r.task) % 60)}`), command('COMMAND', true)] : [columns['pid']!, columns['tname']!, columns['time']!, command('CMD', false)]),
    full: () => [column('UID', 8, false, (_, r) => r.task.user.name), columns['pid']!, columns['ppid']!, columns['c']!, columns['stime']!, columns['tname']!, columns['time']!, command('CMD', true)],
    long: () => [column('F', 1, true, () => '4'), columns['s']!, columns['uid']!, columns['pid']!, columns['ppid']!, columns['c']!, columns['pri']!, columns['ni']!, columns['tname']!, columns['time']!, command('CMD', true)],
    bsd: () => [columns['user']!, columns['pid']!, columns['pcpu']!, columns['pmem']!, columns['vsz']!, columns['rss']!, columns['tname']!, columns['stat']!, column('START', 5, true, (q, r) => started(q, r.task)), column('TIME', 6, true, (q, r) => `${Math.floor(cpuTime(q, r.task) / 60)}:${two(cpuTime(q, r.task) % 60)}`), command('COMMAND', true)],
    bsdlong: () => [columns['uid']!, columns['pid']!, columns['ppid']!, columns['stat']!, columns['tname']!, columns['time']!, command('COMMAND', true)],
  }
  await say(p, render(p, list, wanted ?? sets[shape](), header))
  return filtered && list.length === 0 ? 1 : 0
}

/** busybox's ps: every process of the view. */
export const busyboxPs: Program = async (p) => {
  const list = rows(p)
  const time = (t: Task) => `${Math.floor(cpuTime(p, t) / 60)}:${two(cpuTime(p, t) % 60)}`
  await say(p, `PID   USER     TIME  COMMAND\n${list.map((r) => `${String(r.pid).padStart(5)} ${r.task.user.name.slice(0, 8).padEnd(8)} ${time(r.task).padStart(5)} ${args(r.task)}\n`).join('')}`)
  return 0
}

function select(p: Process, o: ReturnType<typeof getopt>, pattern: string | undefined): Row[] {
  const re = pattern === undefined ? undefined : new RegExp(o.has('x', 'exact') ? `^(?:${pattern})$` : pattern, o.has('i', 'ignore-case') ? 'i' : '')
  const users = o.all('u', 'U', 'euid').flatMap((u) => u.split(','))
  const parents = o.all('P', 'parent').flatMap((x) => x.split(',').map(Number))
  let list = rows(p).filter((r) => (r.task as unknown) !== p && (!re || re.test(o.has('f', 'full') ? args(r.task) : commandName(r.task))) && (users.length === 0 || users.includes(r.task.user.name) || users.includes(String(r.task.user.uid))) && (parents.length === 0 || parents.includes(r.ppid)))
  if (o.has('v', 'inverse')) {
    const matched = new Set(list.map((r) => r.pid))
    list = rows(p).filter((r) => !matched.has(r.pid) && (r.task as unknown) !== p)
  }
  if (o.has('n', 'newest')) list = list.slice(-1)
  if (o.has('o', 'oldest')) list = list.slice(0, 1)
  return list
}

const pgrepShort = 'ad:cflg:G:inoP:s:t:u:U:vwxF:Lr:'
const pgrepLong = { full: '', exact: '', 'list-name': '', 'list-full': '', count: '', newest: '', oldest: '', parent: ':', euid: ':', inverse: '', delimiter: ':', 'ignore-case': '', signal: ':', echo: '' } as const

export const pgrep: Program = async (p) => {
  const o = getopt(p.argv.slice(1), pgrepShort, pgrepLong)
  if (o.error || (o.operands.length === 0 && o.options.length === 0)) {
    await complain(p, o.error ? `pgrep: ${o.error}\n\nUsage:\n pgrep [options] <pattern>\n` : 'pgrep: no matching criteria specified\nTry `pgrep --help\' for more information.\n')
    return 2
  }
  const list = select(p, o, o.operands[0])
  if (o.has('c', 'count')) await say(p, `${list.length}\n`)
  else if (list.length > 0) {
    const cells = list.map((r) => `${r.pid}${o.has('l', 'list-name') ? ` ${commandName(r.task)}` : o.has('a', 'list-full') ? ` ${args(r.task)}` : ''}`)
    await say(p, cells.join(o.get('d', 'delimiter') ?? '\n') + '\n')
  }
  return list.length > 0 ? 0 : 1
}

export const pkill: Program = async (p) => {
  let signal: Signal = 'SIGTERM'
  const words = p.argv.slice(1).filter((w) => {
    const named = /^-(\d+|[A-Z]+\d?)$/.exec(w) && signalNamed(w.slice(1))
    if (named) signal = named
    return !named
  })
  const o = getopt(words, pgrepShort + 'e', pgrepLong)
  signal = signalNamed(o.get('signal') ?? '') ?? signal
  if (o.error || (o.operands.length === 0 && o.options.length === 0)) {
    await complain(p, 'pkill: no matching criteria specified\nTry `pkill --help\' for more information.\n')
    return 2
  }
  const list = select(p, o, o.operands[0])
  for (const r of list) {
    try {
      p.kill(r.pid, signal)
      if (o.has('e', 'echo')) await say(p, `${commandName(r.task)} killed (pid ${r.pid})\n`)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(p, `pkill: killing pid ${r.pid} failed: ${strerror(error.code)}\n`)
    }
  }
  return list.length > 0 ? 0 : 1
}

export const kill: Program = async (p) => {
  const words = p.argv.slice(1)
  let signal: Signal | undefined = 'SIGTERM'
  if (words[0] === '-l' || words[0] === '-L' || words[0] === '--list') {
    await say(p, Object.keys(signals).map((s) => s.slice(3)).join(' ') + '\n')
    return 0
  }
  if (words[0] === '-s' || words[0] === '--signal') {
    const name = words[1] ?? ''
    signal = name === '0' ? undefined : signalNamed(name)
    words.splice(0, 2)
  } else if (/^-[A-Za-z0-9]+$/.test(words[0] ?? '')) {
    const name = words.shift()!.slice(1)
    signal = name === '0' ? undefined : signalNamed(name)
    if (name !== '0' && !signal) {
      await complain(p, `kill: unknown signal ${name}\n`)
      return 1
    }
  }
  if (words[0] === '--') words.shift()
  if (words.length === 0) {
    await complain(p, '\nUsage:\n kill [options] <pid> [...]\n')
    return 1
  }
  let code = 0
  for (const word of words) {
    try {
      if (signal === undefined) {
        if (!p.machine.processes.has(Math.abs(Number(word)))) throw new FsError('ESRCH')
      } else p.kill(Number(word), signal)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(p, `kill: (${word}): ${strerror(error.code)}\n`)
      code = 1
    }
  }
  return code
}

export const killall: Program = async (p) => {
  const words = p.argv.slice(1)
  let signal: Signal = 'SIGTERM'
  const names = words.filter((w) => {
    const named = w.startsWith('-') ? signalNamed(w.slice(1)) : undefined
    if (named) signal = named
    return !w.startsWith('-')
  })
  let code = 0
  for (const name of names) {
    const list = rows(p).filter((r) => commandName(r.task) === name)
    for (const r of list) p.kill(r.pid, signal)
    if (list.length === 0) {
      await complain(p, `${name}: no process found\n`)
      code = 1
    }
  }
  return code
}

export const pidof: Program = async (p) => {
  const list = rows(p).filter((r) => p.argv.slice(1).includes(commandName(r.task)) || p.argv.slice(1).includes(r.task.argv[0] ?? ''))
  if (list.length > 0) await say(p, list.map((r) => r.pid).reverse().join(' ') + '\n')
  return list.length > 0 ? 0 : 1
}

export const top: Program = async (p) => {
  const list = rows(p)
  const up = Math.floor((p.now() - p.machine.host.bootTime) / 60_000)
  const mib = (kb: number) => (kb / 1024).toFixed(1).padStart(8)
  const head = `top - ${clock(p.now())} up ${up < 60 ? `${up} min` : `${Math.floor(up / 60)}:${two(up % 60)}`},  1 user,  load average: 0.08, 0.03, 0.01\nTasks: ${String(list.length).padStart(3)} total,   1 running, ${String(list.length - 1).padStart(3)} sleeping,   0 stopped,   0 zombie\n%Cpu(s):  1.2 us,  0.8 sy,  0.0 ni, 97.9 id,  0.0 wa,  0.0 hi,  0.1 si,  0.0 st \nMiB Mem : ${mib(memory.total)} total, ${mib(memory.free)} free, ${mib(memory.total - memory.free - memory.buffers - memory.cached)} used, ${mib(memory.buffers + memory.cached)} buff/cache     \nMiB Swap:      0.0 total,      0.0 free,      0.0 used. ${mib(memory.available)} avail Mem \n\n    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n`
  const body = list.map((r) => `${String(r.pid).padStart(7)} ${r.task.user.name.slice(0, 8).padEnd(8)}  20   0 ${String(rss(r.task) * 3).padStart(7)} ${String(rss(r.task)).padStart(6)} ${String(Math.floor(rss(r.task) / 2)).padStart(6)} S   0.0 ${((rss(r.task) / memory.total) * 100).toFixed(1).padStart(5)}   0:0${cpuTime(p, r.task) % 10}.00 ${commandName(r.task)}\n`).join('')
  await say(p, head + body)
  if (p.argv.includes('-n') || p.argv.some((a) => a.startsWith('-b')) || !p.tty) return 0
  const restore = p.tty.setRaw(true)
  p.onEnd(restore)
  for (;;) {
    const keys = await p.stdin.read()
    if (keys === undefined || /[q\x03]/.test(keys)) break
  }
  restore()
  await say(p, '\n')
  return 0
}
