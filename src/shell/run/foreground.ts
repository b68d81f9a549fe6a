/** Waiting for children, job notices, and handing the terminal over (jobs.c). */
import type { Child, WaitStatus } from '#engine/machine/process.ts'
import { Interrupted } from '../state.ts'
import type { Shell } from '../state.ts'
import type { Job } from './job-table.ts'
import { runPendingTraps, signalTexts } from './traps.ts'

/** `[1] 4711` when a background job starts in an interactive shell. */
export async function announceJob(sh: Shell, job: Job): Promise<void> {
  if (sh.interactive && !sh.subshell) await sh.write(2, `[${job.id}] ${job.children.at(-1)!.pid}\n`)
}

export function takeTerminal(sh: Shell): void {
  if (sh.monitor && sh.process.tty) sh.process.tty.foreground = sh.process.group
}

function giveTerminal(sh: Shell, group: number): void {
  if (sh.monitor && sh.process.tty) sh.process.tty.foreground = group
}

/** Waits until all have ended (or one has stopped); the status of the last. */
export async function waitForeground(sh: Shell, children: readonly Child[], text: string, job?: Job): Promise<number> {
  giveTerminal(sh, children[0]!.group)
  let stopped = false
  try {
    for (const child of children) {
      for (;;) {
        const got = sh.traps.size > 0 ? await sh.process.interruptible(child.wait()) : await child.wait()
        if (got === 'interrupted') {
          if (sh.traps.get('EXIT')) await runPendingTrapsOfDying(sh)
          if (child.status && !child.status.stopped) break
          continue
        }
        if (got.stopped) stopped = true
        break
      }
      if (stopped) break
    }
  } finally {
    takeTerminal(sh)
  }
  const last = children.at(-1)!.status ?? { code: 0 }
  if (stopped) {
    const entry = job ?? sh.jobs.add(children, text, false, false)
    entry.stopped = true
    entry.background = true
    sh.jobs.touch(entry)
    await sh.write(2, `\n${jobLine(sh, entry, 'Stopped', '+')}\n`)
    return 128 + 20
  }
  await reportSignal(sh, children, last, text)
  if (sh.interactive && !sh.subshell && children.some((c) => c.status?.signal === 'SIGINT')) {
    sh.status = last.code
    sh.pipestatus = children.map((c) => c.status?.code ?? 0)
    if (job) sh.jobs.remove(job)
    await sh.out('\n')
    throw new Interrupted(true)
  }
  return last.code
}

async function runPendingTrapsOfDying(sh: Shell): Promise<void> {
  if (sh.pendingTraps.length === 0) await runPendingTraps(sh)
}

/** What bash says when a foreground child was killed. */
async function reportSignal(sh: Shell, children: readonly Child[], last: WaitStatus, text: string): Promise<void> {
  const signal = last.signal
  if (!signal || signal === 'SIGPIPE') return
  if (signal === 'SIGINT') return
  const words = signalTexts[signal] ?? signal
  if ((sh.interactive && !sh.subshell) || (signal === 'SIGTERM' && !sh.subshell)) await sh.write(2, `${words}\n`)
  else if (!sh.subshell) await sh.write(2, `${sh.prefix}${sh.posix ? '' : `${String(children.at(-1)!.pid).padStart(5)} `}${words.padEnd(24)}${sh.posix ? '' : text}\n`)
}

export function stateText(sh: Shell, job: Job): string {
  const state = sh.jobs.state(job)
  if (state === 'running') return 'Running'
  if (state === 'stopped') return 'Stopped'
  const s = sh.jobs.result(job)!
  if (s.signal) return signalTexts[s.signal] ?? s.signal
  return s.code === 0 ? 'Done' : `Exit ${s.code}`
}

export function jobLine(sh: Shell, job: Job, state = stateText(sh, job), mark: string = sh.jobs.mark(job)): string {
  return `[${job.id}]${mark}  ${state.padEnd(24)}${job.text}${state === 'Running' ? ' &' : ''}`
}

/** Notices before a prompt: jobs that ended since the last one. */
export async function notifyJobs(sh: Shell): Promise<void> {
  const done: Job[] = []
  const lines: string[] = []
  for (const job of sh.jobs.jobs) {
    const state = sh.jobs.state(job)
    if (state === 'done') {
      if (!job.notified && sh.option('monitor')) lines.push(jobLine(sh, job))
      done.push(job)
    } else if (state === 'stopped' && !job.stopped) {
      job.stopped = true
      sh.jobs.touch(job)
      lines.push('\n' + jobLine(sh, job))
    }
  }
  for (const job of done) sh.jobs.remove(job)
  for (const line of lines) await sh.write(2, line + '\n')
}
