/** Grading: every check of every task is run against the Inspect port; a task's points are given only when all its checks pass. */
import type { Inspect } from './inspect.ts'
import { kindOf, type Check, type Lab } from './schema/lab.ts'
import { checks, type CheckOutcome } from './checks/table.ts'

export interface CheckResult extends CheckOutcome {
  /** `task/check`, as wrong answers name it. */
  readonly id: string
  readonly title: string
}

export interface TaskResult {
  readonly id: string
  readonly pass: boolean
  readonly points: number
  readonly checks: readonly CheckResult[]
}

/** How long the cluster may take to come to rest before it is judged, in virtual seconds. */
export const settleSeconds = 120

/** The id of a check inside its task: its own, or its place. */
export function checkId(task: string, check: Check, index: number): string {
  return `${task}/${check.id ?? `check-${index + 1}`}`
}

/** Grades all tasks, or one. */
export async function gradeLab(lab: Lab, inspect: Inspect, only?: string): Promise<readonly TaskResult[]> {
  await inspect.settle(settleSeconds)
  const results: TaskResult[] = []
  for (const task of lab.tasks) {
    if (only !== undefined && task.id !== only) continue
    const outcomes: CheckResult[] = []
    for (const [index, check] of task.checks.entries()) {
      outcomes.push({ id: checkId(task.id, check, index), title: check.title, ...(await runCheck(check, inspect)) })
    }
    const pass = outcomes.every((o) => o.pass)
    results.push({ id: task.id, pass, points: pass ? task.points : 0, checks: outcomes })
  }
  return results
}

async function runCheck(check: Check, inspect: Inspect): Promise<CheckOutcome> {
  const kind = kindOf(check)
  if (kind !== 'trial') return checks[kind](check[kind] as never, inspect)
  const trial = check.trial!
  const branch = await inspect.branch()
  const done = await branch.exec(trial.on, trial.do)
  await branch.pass(trial.settle)
  const evidence = [`in a copy of the cluster: ${trial.do}`]
  if (done.exit !== 0) {
    return { pass: false, expected: `"${trial.do}" can be done`, observed: `it exits with ${done.exit}`, why: done.stderr.trim() || done.stdout.trim(), evidence, links: [] }
  }
  for (const inner of trial.then) {
    const outcome = await runCheck(inner as Check, branch)
    if (!outcome.pass) return { ...outcome, expected: `after "${trial.do}": ${outcome.expected}`, evidence: [...evidence, ...outcome.evidence] }
  }
  return { pass: true, expected: `after "${trial.do}": ${trial.then.map((t) => t.title).join('; ')}`, observed: 'it holds', why: '', evidence, links: [] }
}
