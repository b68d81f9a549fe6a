/** pgrep, pkill, kill, killall and pidof of procps 4.0.2 and psmisc. */
import { FsError, strerror } from '#engine/machine/files.ts'
import { commandName } from '#engine/machine/proc.ts'
import { signalNamed, signals } from '#engine/machine/signals.ts'
import type { Process, Program, Signal } from '#engine/machine/process.ts'
import { getopt } from '../net/getopt.ts'
import { complain, say } from '../net/support.ts'
import { args, rows, type Row } from './processes.ts'

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

const killUsage = '\nUsage:\n kill [options] <pid> [...]\n\nOptions:\n <pid> [...]            send signal to every <pid> listed\n -<signal>, -s, --signal <signal>\n                        specify the <signal> to be sent\n -q, --queue <value>    integer value to be sent with the signal\n -l, --list=[<signal>]  list all signal names, or convert one to a name\n -L, --table            list all signal names in a nice table\n\n -h, --help     display this help and exit\n -V, --version  output version information and exit\n\nFor more details see kill(1).\n'

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
      await complain(p, `kill: invalid argument ${name[0]}\n${killUsage}`)
      return 1
    }
  }
  if (words[0] === '--') words.shift()
  if (words.length === 0) {
    await complain(p, killUsage)
    return 1
  }
  let code = 0
  for (const word of words) {
    if (!/^-?\d+$/.test(word)) {
      await complain(p, `kill: failed to parse argument: '${word}'\n`)
      code = 1
      continue
    }
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
