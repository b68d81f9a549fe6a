/** jobs, fg, bg, wait, kill, disown, suspend. */
import { FsError } from '#engine/machine/files.ts'
import type { Signal } from '#engine/machine/process.ts'
import type { Shell } from '../state.ts'
import { Interrupted } from '../state.ts'
import { setScalar } from '../expand/variables.ts'
import type { Job } from '../run/job-table.ts'
import { jobLine, stateText, waitForeground } from '../run/foreground.ts'
import { runPendingTraps, signalName, signalNames, signalNumber, signalTexts } from '../run/traps.ts'
import { signalList } from './options.ts'
import { usage } from './basic.ts'
import type { Builtin } from './table.ts'

async function find(sh: Shell, command: string, spec: string | undefined): Promise<Job | undefined> {
  const job = sh.jobs.find(spec ?? '%+')
  if (job === 'ambiguous') {
    await sh.complain(`${command}: ${spec!.replace(/^%/, '')}: ambiguous job spec`)
    return undefined
  }
  if (!job) await sh.complain(`${command}: ${spec ?? 'current'}: no such job`)
  return job
}

const jobs: Builtin = async (sh, argv) => {
  let form = ''
  let only = ''
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    for (const c of argv[i]!.slice(1)) {
      if (c === 'l' || c === 'p') form = c
      else if (c === 'r' || c === 's') only = c
      else if (c !== 'n') return usage(sh, 'jobs', `-${c}`, 'jobs [-lnprs] [jobspec ...] or jobs -x command [args]')
    }
  }
  let list: Job[]
  if (i < argv.length) {
    list = []
    for (const spec of argv.slice(i)) {
      const job = await find(sh, 'jobs', spec)
      if (!job) return 1
      list.push(job)
    }
  } else list = [...sh.jobs.jobs]
  const lines: string[] = []
  for (const job of list) {
    const state = sh.jobs.state(job)
    if (only === 'r' && state !== 'running') continue
    if (only === 's' && state !== 'stopped') continue
    if (form === 'p') lines.push(`${job.children[0]!.pid}\n`)
    else if (form === 'l') {
      const text = stateText(sh, job)
      lines.push(`[${job.id}]${sh.jobs.mark(job)} ${String(job.children[0]!.pid).padStart(5)} ${text.padEnd(24)}${job.text}${text === 'Running' ? ' &' : ''}\n`)
    } else lines.push(jobLine(sh, job) + '\n')
  }
  for (const line of lines) await sh.out(line)
  for (const job of list) if (sh.jobs.state(job) === 'done') sh.jobs.remove(job)
  return 0
}

function resume(sh: Shell, job: Job): void {
  job.stopped = false
  sh.process.kill(-job.group, 'SIGCONT')
}

const fg: Builtin = async (sh, argv) => {
  if (!sh.option('monitor')) {
    await sh.complain('fg: no job control')
    return 1
  }
  const job = await find(sh, 'fg', argv[1])
  if (!job) return 1
  if (sh.jobs.state(job) === 'done') {
    await sh.complain('fg: job has terminated')
    return 1
  }
  await sh.out(`${job.text}\n`)
  sh.jobs.touch(job)
  job.background = false
  if (sh.process.tty) sh.process.tty.foreground = job.group
  resume(sh, job)
  const status = await waitForeground(sh, job.children, job.text, job)
  if (sh.jobs.state(job) === 'done') sh.jobs.remove(job)
  return status
}

const bg: Builtin = async (sh, argv) => {
  if (!sh.option('monitor')) {
    await sh.complain('bg: no job control')
    return 1
  }
  const specs = argv.length > 1 ? argv.slice(1) : [undefined]
  let status = 0
  for (const spec of specs) {
    const job = await find(sh, 'bg', spec)
    if (!job) {
      status = 1
      continue
    }
    if (sh.jobs.state(job) === 'running') {
      await sh.complain(`bg: job ${job.id} already in background`)
      continue
    }
    job.background = true
    await sh.out(`[${job.id}]${sh.jobs.mark(job)} ${job.text} &\n`)
    resume(sh, job)
  }
  return status
}

async function waitOne(sh: Shell, calls: readonly Promise<unknown>[]): Promise<'interrupted' | number> {
  for (;;) {
    const got = await sh.process.interruptible(sh.process.any(calls))
    if (got !== 'interrupted') return got
    if (sh.interrupted && sh.interactive) {
      sh.interrupted = false
      throw new Interrupted()
    }
    const name = sh.pendingTraps[0]
    await runPendingTraps(sh)
    if (name !== undefined) {
      sh.status = 128 + signalNumber(name)
      return 'interrupted'
    }
  }
}

async function waitJob(sh: Shell, job: Job): Promise<number> {
  for (const child of job.children) {
    while (!child.status || child.status.stopped) {
      if ((await waitOne(sh, [child.wait()])) === 'interrupted') return sh.status
    }
  }
  const result = sh.jobs.result(job)!
  if (result.signal && !sh.interactive && !['SIGINT', 'SIGTERM', 'SIGPIPE'].includes(result.signal)) {
    await sh.write(2, `${sh.prefix}${String(job.children.at(-1)!.pid).padStart(5)} ${(signalTexts[result.signal] ?? result.signal).padEnd(24)}${job.text}\n`)
  }
  if (sh.interactive && result.signal) await sh.write(2, jobLine(sh, job) + '\n')
  else if (sh.monitor) {
    job.notified = false
    return result.code
  }
  sh.jobs.remove(job)
  return result.code
}

const wait: Builtin = async (sh, argv) => {
  let next = false
  let variable: string | undefined
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    if (argv[i] === '--') {
      i++
      break
    }
    if (argv[i] === '-p') variable = argv[++i]
    else if (/^-[nf]+$/.test(argv[i]!)) next ||= argv[i]!.includes('n')
    else return usage(sh, 'wait', argv[i]!.slice(0, 2), 'wait [-fn] [-p var] [id ...]')
  }
  const specs = argv.slice(i)
  if (next) {
    let candidates = sh.jobs.jobs.filter((j) => j.background)
    if (specs.length > 0) candidates = specs.flatMap((s) => sh.jobs.jobs.filter((j) => (s.startsWith('%') ? sh.jobs.find(s) === j : j.children.some((c) => c.pid === Number(s)))))
    if (candidates.length === 0) return 127
    let done = candidates.find((j) => sh.jobs.state(j) === 'done')
    if (!done) {
      const got = await waitOne(sh, candidates.map((j) => j.children.at(-1)!.wait()))
      if (got === 'interrupted') return sh.status
      done = candidates[got]!
    }
    if (variable !== undefined) setScalar(sh, variable, String(done.children.at(-1)!.pid))
    return waitJob(sh, done)
  }
  if (specs.length === 0) {
    for (const job of [...sh.jobs.jobs]) {
      if (sh.jobs.state(job) === 'stopped') continue
      for (const child of job.children) {
        while (!child.status || child.status.stopped) if ((await waitOne(sh, [child.wait()])) === 'interrupted') return sh.status
      }
      if (!sh.monitor) sh.jobs.remove(job)
    }
    return 0
  }
  let status = 0
  for (const spec of specs) {
    if (spec.startsWith('%')) {
      const job = await find(sh, 'wait', spec)
      status = job ? await waitJob(sh, job) : 127
      continue
    }
    if (!/^\d+$/.test(spec)) {
      await sh.complain(`wait: \`${spec}': not a pid or valid job spec`)
      status = 1
      continue
    }
    const pid = Number(spec)
    const job = sh.jobs.jobs.find((j) => j.children.some((c) => c.pid === pid))
    const finished = sh.jobs.finished.get(pid)
    if (job) {
      const child = job.children.find((c) => c.pid === pid)!
      if (child === job.children.at(-1)) status = await waitJob(sh, job)
      else {
        while (!child.status || child.status.stopped) if ((await waitOne(sh, [child.wait()])) === 'interrupted') return sh.status
        status = child.status.code
      }
    } else if (finished !== undefined) status = finished
    else {
      await sh.complain(`wait: pid ${pid} is not a child of this shell`)
      status = 127
    }
  }
  return status
}

const kill: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  let signal = 'TERM'
  const text = 'kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]'
  if (args.length === 0) {
    await sh.write(2, `kill: usage: ${text}\n`)
    return 2
  }
  if (args[0] === '-l' || args[0] === '-L') {
    if (args.length === 1) {
      await sh.out(signalList())
      return 0
    }
    let status = 0
    for (const spec of args.slice(1)) {
      const n = Number(spec)
      if (/^\d+$/.test(spec)) {
        const name = signalName(String(n > 128 ? n - 128 : n))
        if (name !== undefined) await sh.out(`${name}\n`)
        else {
          await sh.complain(`kill: ${spec}: invalid signal specification`)
          status = 1
        }
      } else {
        const name = signalName(spec)
        if (name !== undefined) await sh.out(`${signalNumber(name)}\n`)
        else {
          await sh.complain(`kill: ${spec}: invalid signal specification`)
          status = 1
        }
      }
    }
    return status
  }
  if (args[0] === '--') args = args.slice(1)
  else if (args[0] === '-s' || args[0] === '-n') {
    signal = args[1] ?? ''
    args = args.slice(2)
  } else if (/^-./.test(args[0]!)) {
    signal = args[0]!.slice(1)
    args = args.slice(1)
  }
  if (args[0] === '--') args = args.slice(1)
  const name = signalName(signal)
  if (name === undefined || ['ERR', 'DEBUG', 'RETURN'].includes(name)) {
    await sh.complain(`kill: ${signal}: invalid signal specification`)
    return 1
  }
  if (args.length === 0) {
    await sh.write(2, `kill: usage: ${text}\n`)
    return 2
  }
  let status = 0
  for (const spec of args) {
    let target: number
    if (spec.startsWith('%')) {
      const job = await find(sh, 'kill', spec)
      if (!job) {
        status = 1
        continue
      }
      target = sh.monitor || sh.interactive ? -job.group : job.children.at(-1)!.pid
      if (sh.jobs.state(job) === 'stopped' && (name === 'TERM' || name === 'HUP')) {
        sh.process.kill(target, `SIG${name}` as Signal)
        try {
          sh.process.kill(target, 'SIGCONT')
        } catch {
          // It has ended at once.
        }
        continue
      }
    } else if (/^-?\d+$/.test(spec)) target = Number(spec)
    else {
      await sh.complain(`kill: ${spec}: arguments must be process or job IDs`)
      status = 1
      continue
    }
    try {
      if (name === 'EXIT') {
        if (!alive(sh, target)) throw new FsError('ESRCH')
        const owner = sh.process.machine.processes.get(target)?.user.uid
        if (owner !== undefined && sh.process.user.uid !== 0 && owner !== sh.process.user.uid) throw new FsError('EPERM')
      } else sh.process.kill(target === 0 ? -sh.process.group : target, `SIG${name}` as Signal)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await sh.complain(`kill: (${target}) - ${error.code === 'ESRCH' ? 'No such process' : 'Operation not permitted'}`)
      status = 1
    }
  }
  // A signal to this very process acts before the next command.
  await sh.process.yield()
  if (sh.interrupted && sh.interactive && !sh.subshell) {
    sh.interrupted = false
    throw new Interrupted()
  }
  return status
}

function alive(sh: Shell, target: number): boolean {
  if (target < 0) return [...sh.process.machine.processes.values()].some((p) => p.group === -target)
  return sh.process.machine.processes.has(target)
}

const disown: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  let keep = false
  let all = false
  while (args[0]?.startsWith('-')) {
    if (args[0].includes('h')) keep = true
    if (/[ar]/.test(args[0])) all = true
    args = args.slice(1)
  }
  const jobs = all ? [...sh.jobs.jobs] : []
  if (!all) {
    for (const spec of args.length > 0 ? args : [undefined]) {
      const byPid = spec !== undefined && /^\d+$/.test(spec) ? sh.jobs.jobs.find((j) => j.children.some((c) => c.pid === Number(spec))) : undefined
      const job = byPid ?? (await find(sh, 'disown', spec))
      if (!job) return 1
      jobs.push(job)
    }
  }
  for (const job of jobs) {
    if (keep) job.keepOnHangup = true
    else sh.jobs.remove(job)
  }
  return 0
}

export const jobBuiltins: readonly (readonly [string, Builtin])[] = [
  ['jobs', jobs],
  ['fg', fg],
  ['bg', bg],
  ['wait', wait],
  ['kill', kill],
  ['disown', disown],
  ['suspend', async (sh) => {
    if (!sh.option('monitor')) await sh.complain('suspend: cannot suspend: no job control')
    else await sh.complain('suspend: cannot suspend a login shell')
    return 1
  }],
]

export { signalNames }
