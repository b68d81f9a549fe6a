/** What ps, pgrep, top and their like share: the processes of a machine's view, the columns of procps 4.0.2 and their layout. */
import { commandName, memory } from '#engine/machine/proc.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Task } from '#engine/machine/task.ts'
import { clock, months } from '../net/support.ts'

export const two = (n: number) => String(n).padStart(2, '0')

export interface Row {
  readonly pid: number
  readonly ppid: number
  readonly task: Task
}

export function rows(p: Process): Row[] {
  return [...p.machine.processes].map(([pid, task]) => ({ pid, ppid: parentOf(p, task as Task), task: task as Task })).sort((a, b) => a.pid - b.pid)
}

/** The parent's number as this machine sees it. */
function parentOf(p: Process, task: Task): number {
  for (const [pid, t] of p.machine.processes) if (t === task.parent) return pid
  return task.pid === 1 ? 0 : p.machine.processes.get(1) === (task as unknown as Process) ? 0 : p.machine.processes.has(1) ? 1 : 0
}

const ttyName = (t: Task) => t.tty?.name.replace(/^\/dev\//, '') ?? '?'
export const args = (t: Task) => t.argv.join(' ')

export function cpuTime(p: Process, t: Task): number {
  return Math.floor(((p.now() - t.started) / 1000) * 0.01)
}

const elapsed = (ms: number) => {
  const s = Math.floor(ms / 1000)
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60]
  return `${d > 0 ? `${d}-` : ''}${d > 0 || h > 0 ? `${two(h)}:` : ''}${two(m)}:${two(s % 60)}`
}

const hms = (s: number) => `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`

export function started(p: Process, t: Task): string {
  const d = new Date(t.started)
  return p.now() - t.started < 86_400_000 ? clock(t.started).slice(0, 5) : `${months[d.getUTCMonth()]}${two(d.getUTCDate())}`
}

export interface Column {
  readonly title: string
  readonly right: boolean
  readonly width: number
  value(p: Process, r: Row): string
}
export const column = (title: string, width: number, right: boolean, value: Column['value']): Column => ({ title, width, right, value })
const group = (p: Process, t: Task) => (p.machine === t.machine ? t.group : t.groupId)
export const rss = (t: Task) => 3000 + ((t.argv.join('').length * 577) % 40_000)

export const columns: Readonly<Record<string, Column>> = {
  pid: column('PID', 7, true, (_, r) => String(r.pid)), ppid: column('PPID', 7, true, (_, r) => String(r.ppid)), pgid: column('PGID', 7, true, (p, r) => String(group(p, r.task))), sid: column('SID', 7, true, (p, r) => String(group(p, r.task))),
  user: column('USER', 8, false, (_, r) => r.task.user.name), uid: column('UID', 5, true, (_, r) => String(r.task.user.uid)), group: column('GROUP', 8, false, (_, r) => r.task.user.name), tty: column('TT', 8, false, (_, r) => ttyName(r.task)), tname: column('TTY', 8, false, (_, r) => ttyName(r.task)),
  stat: column('STAT', 4, false, (_, r) => stat(r.task)), s: column('S', 1, false, (_, r) => stat(r.task)[0]!), time: column('TIME', 8, true, (p, r) => hms(cpuTime(p, r.task))), etime: column('ELAPSED', 11, true, (p, r) => elapsed(p.now() - r.task.started)), etimes: column('ELAPSED', 7, true, (p, r) => String(Math.floor((p.now() - r.task.started) / 1000))),
  comm: column('COMMAND', 15, false, (_, r) => commandName(r.task)), cmd: column('CMD', 27, false, (_, r) => args(r.task)), args: column('COMMAND', 27, false, (_, r) => args(r.task)), command: column('COMMAND', 27, false, (_, r) => args(r.task)), ucmd: column('CMD', 15, false, (_, r) => commandName(r.task)),
  pcpu: column('%CPU', 4, true, () => '0.0'), pmem: column('%MEM', 4, true, (_, r) => ((rss(r.task) / memory.total) * 100).toFixed(1)), vsz: column('VSZ', 6, true, (_, r) => String(rss(r.task) * 3)), rss: column('RSS', 5, true, (_, r) => String(rss(r.task))), start: column('STARTED', 8, true, (_, r) => clock(r.task.started)),
  lstart: column('STARTED', 24, true, (_, r) => new Date(r.task.started).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+) (\S+) GMT$/, '$1 $3 $2 $5 $4')), ni: column('NI', 3, true, () => '0'), pri: column('PRI', 3, true, () => '19'), c: column('C', 2, true, () => '0'), nlwp: column('NLWP', 4, true, () => '1'), wchan: column('WCHAN', 6, false, () => '-'),
  stime: column('STIME', 5, false, (p, r) => started(p, r.task)), cgroup: column('CGROUP', 27, false, () => '-'), netns: column('NETNS', 10, true, (_, r) => String(r.task.kernel.namespaceNumber(r.task.net))),
}
export const aliases: Readonly<Record<string, string>> = { tt: 'tty', '%cpu': 'pcpu', '%mem': 'pmem', euser: 'user', uname: 'user', state: 's', pgrp: 'pgid', sess: 'sid', session: 'sid', cputime: 'time', euid: 'uid', ucomm: 'comm', fname: 'comm', rssize: 'rss', vsize: 'vsz' }

function stat(t: Task): string {
  const foreground = t.tty && t.tty.foreground === t.group ? '+' : ''
  const leader = t.pid === t.group ? 's' : ''
  return `${t.stopped ? 'T' : t.argv[0] === 'ps' ? 'R' : 'S'}${leader}${foreground}`
}

export function render(p: Process, list: readonly Row[], cols: readonly (Column & { readonly titled?: string })[], header: boolean): string {
  const widths = cols.map((c) => Math.max(c.width, (c.titled ?? c.title).length))
  const line = (cells: readonly string[]) => cells.map((cell, i) => (cols[i]!.right ? cell.padStart(widths[i]!) : i === cells.length - 1 ? cell : cell.padEnd(widths[i]!))).join(' ').trimEnd() + '\n'
  const titles = cols.map((c) => c.titled ?? c.title)
  return (header && titles.some((t) => t !== '') ? line(titles) : '') + list.map((r) => line(cols.map((c) => c.value(p, r)))).join('')
}
