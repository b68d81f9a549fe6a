/** From the checks of each task to the report: points by task and domain against the pass mark. */
import type { ExamEntry, ExamReport } from '#contract/host-api.ts'
import type { GradeResult, TimelineEntry } from '#contract/session-api.ts'

export interface ExamOutcome {
  /** Undefined: the task was never opened. */
  readonly grade: GradeResult | undefined
  readonly timeline: readonly TimelineEntry[]
  readonly seconds: number
}

const tenth = (n: number) => Math.round(n * 10) / 10

export function scoreExam(exam: ExamEntry, outcomes: readonly ExamOutcome[], started: number, ended: number): ExamReport {
  const tasks = exam.tasks.map((task, i): ExamReport['tasks'][number] => {
    const { grade, timeline, seconds } = outcomes[i] ?? { grade: undefined, timeline: [], seconds: 0 }
    return {
      lab: task.lab,
      title: task.title,
      points: grade && grade.outOf > 0 ? tenth((task.points * grade.points) / grade.outOf) : 0,
      outOf: task.points,
      seconds: Math.round(seconds),
      checks: (grade?.tasks ?? []).flatMap((t) => t.checks.map(({ title, pass, expected, observed, why }) => ({ title, pass, expected, observed, why }))),
      commands: timeline.flatMap((e) => (e.kind === 'command' ? [e.text] : [])),
    }
  })
  const domains = new Map<string, { points: number; outOf: number }>()
  tasks.forEach((task, i) => {
    const domain = exam.tasks[i]!.domain
    const sum = domains.get(domain) ?? { points: 0, outOf: 0 }
    domains.set(domain, { points: tenth(sum.points + task.points), outOf: sum.outOf + task.outOf })
  })
  const points = tasks.reduce((n, t) => n + t.points, 0)
  const outOf = tasks.reduce((n, t) => n + t.outOf, 0)
  // Rounded down: 65.9 is not 66.
  const percent = outOf === 0 ? 0 : Math.floor((points / outOf) * 100 + 1e-9)
  return { exam: exam.id, started, ended, percent, pass: percent >= exam.pass, domains: [...domains].map(([domain, sum]) => ({ domain, ...sum })), tasks }
}
