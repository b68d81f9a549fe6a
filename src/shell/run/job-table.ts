/** Jobs of a shell: background and stopped pipelines, their numbers, and which are current (`%+`) and previous (`%-`). */
import type { Child, WaitStatus } from '#engine/machine/process.ts'

export interface Job {
  readonly id: number
  readonly children: readonly Child[]
  readonly text: string
  readonly group: number
  /** Ended jobs are told once. */
  notified: boolean
  background: boolean
  /** Order in which jobs became current. */
  touched: number
  keepOnHangup?: boolean
  /** Last known state of a stopped job; cleared when continued. */
  stopped: boolean
  /** Started without job control: never announced when it ends well. */
  readonly silent: boolean
}

export class JobTable {
  readonly jobs: Job[] = []
  /** Exit codes of children that were reaped, for `wait PID`. */
  readonly finished = new Map<number, number>()
  #touch = 0

  add(children: readonly Child[], text: string, background: boolean, silent: boolean): Job {
    const id = (this.jobs.at(-1)?.id ?? 0) + 1
    const job: Job = { id, children, text, group: children[0]!.group, notified: false, background, touched: ++this.#touch, stopped: false, silent }
    this.jobs.push(job)
    return job
  }

  touch(job: Job): void {
    job.touched = ++this.#touch
  }

  remove(job: Job): void {
    const at = this.jobs.indexOf(job)
    if (at >= 0) this.jobs.splice(at, 1)
    for (const child of job.children) if (child.status && !child.status.stopped) this.finished.set(child.pid, child.status.code)
  }

  /** A subshell's view: it may list jobs but they are not its children. */
  snapshot(): JobTable {
    const copy = new JobTable()
    copy.jobs.push(...this.jobs)
    copy.#touch = this.#touch
    copy.inherited = true
    return copy
  }

  inherited = false

  state(job: Job): 'running' | 'stopped' | 'done' {
    let stopped = job.stopped
    for (const child of job.children) {
      const s = child.status
      if (!s) {
        if (!stopped) return 'running'
      } else if (s.stopped) stopped = true
    }
    return stopped && job.children.some((c) => !c.status || c.status.stopped) ? 'stopped' : 'done'
  }

  /** Of the last member: what the job ended with. */
  result(job: Job): WaitStatus | undefined {
    return job.children.at(-1)!.status
  }

  /** Stopped jobs come before running ones, later touched before earlier ones. */
  #ranked(): Job[] {
    const live = this.jobs
    const rank = (j: Job) => (this.state(j) === 'stopped' ? 1e9 : 0) + j.touched
    return [...live].sort((a, b) => rank(b) - rank(a))
  }

  get current(): Job | undefined {
    return this.#ranked()[0]
  }

  get previous(): Job | undefined {
    return this.#ranked()[1]
  }

  mark(job: Job): '+' | '-' | ' ' {
    return job === this.current ? '+' : job === this.previous ? '-' : ' '
  }

  /** `%1`, `%+`, `%-`, `%name`, `%?text`; 'ambiguous' where several fit. */
  find(spec: string): Job | undefined | 'ambiguous' {
    const s = spec.startsWith('%') ? spec.slice(1) : spec
    if (s === '' || s === '%' || s === '+') return this.current
    if (s === '-') return this.previous ?? this.current
    if (/^\d+$/.test(s)) return this.jobs.find((j) => j.id === Number(s))
    const fits = this.jobs.filter((j) => (s.startsWith('?') ? j.text.includes(s.slice(1)) : j.text.startsWith(s)))
    return fits.length > 1 ? 'ambiguous' : fits[0]
  }
}
