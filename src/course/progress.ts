/**
 * What the learner has done, reduced from an append-only list of events. Readiness weighs the five domains as the exam does: in
 * each, the share of labs solved, where a solution that was looked up counts nothing and practice fades with a half-life of 45 days.
 */
import { domains, type Domain } from './schema/lab.ts'

export type ProgressEvent =
  | { readonly at: number; readonly kind: 'lesson-opened' | 'lesson-finished'; readonly id: string }
  | { readonly at: number; readonly kind: 'block-run'; readonly id: string; readonly block: string }
  | { readonly at: number; readonly kind: 'quiz-answered'; readonly id: string; readonly block: string; readonly right: boolean }
  | { readonly at: number; readonly kind: 'lab-opened'; readonly id: string }
  | { readonly at: number; readonly kind: 'lab-graded'; readonly id: string; readonly points: number; readonly outOf: number; readonly tasks: readonly { readonly id: string; readonly pass: boolean }[] }
  | { readonly at: number; readonly kind: 'hint-shown'; readonly id: string; readonly rung: number }
  | { readonly at: number; readonly kind: 'solution-shown'; readonly id: string }
  | { readonly at: number; readonly kind: 'exam-finished'; readonly id: string; readonly report: unknown }

interface LessonProgress {
  opened: number
  finished: number | undefined
  blocks: string[]
  quizzes: Record<string, boolean>
}

interface LabProgress {
  opened: number
  best: number
  outOf: number
  solved: number | undefined
  hints: number
  solutionShown: boolean
}

export interface ProgressState<Report = unknown> {
  readonly lessons: Readonly<Record<string, LessonProgress>>
  readonly labs: Readonly<Record<string, LabProgress>>
  readonly exams: readonly Report[]
  readonly last: { readonly kind: 'lesson' | 'lab'; readonly id: string; readonly at: number } | undefined
  readonly readiness: Readiness
}

export interface Readiness {
  readonly percent: number
  /** Labs that the figure rests on. */
  readonly labs: number
  readonly domains: readonly { readonly domain: string; readonly weight: number; readonly solved: number; readonly total: number }[]
}

const day = 86_400_000
const halfLife = 45 * day

/** `labs`: id → domain of every lab of the course; `now` in ms. */
export function reduceProgress<Report>(events: readonly ProgressEvent[], labs: ReadonlyMap<string, { readonly domain: Domain }>, now: number): ProgressState<Report> {
  const lessons: Record<string, LessonProgress> = {}
  const practice: Record<string, LabProgress> = {}
  const exams: Report[] = []
  let last: ProgressState['last']
  const lesson = (id: string) => (lessons[id] ??= { opened: 0, finished: undefined, blocks: [], quizzes: {} })
  const lab = (id: string) => (practice[id] ??= { opened: 0, best: 0, outOf: 0, solved: undefined, hints: 0, solutionShown: false })
  for (const event of events) {
    switch (event.kind) {
      case 'lesson-opened':
        lesson(event.id).opened ||= event.at
        last = { kind: 'lesson', id: event.id, at: event.at }
        break
      case 'lesson-finished':
        lesson(event.id).finished ??= event.at
        break
      case 'block-run':
        if (!lesson(event.id).blocks.includes(event.block)) lesson(event.id).blocks.push(event.block)
        break
      case 'quiz-answered':
        lesson(event.id).quizzes[event.block] = event.right
        break
      case 'lab-opened':
        lab(event.id).opened ||= event.at
        last = { kind: 'lab', id: event.id, at: event.at }
        break
      case 'lab-graded': {
        const entry = lab(event.id)
        entry.best = Math.max(entry.best, event.points)
        entry.outOf = event.outOf
        if (event.points === event.outOf && event.outOf > 0) entry.solved = event.at
        break
      }
      case 'hint-shown':
        lab(event.id).hints = Math.max(lab(event.id).hints, event.rung)
        break
      case 'solution-shown':
        if (lab(event.id).solved === undefined) lab(event.id).solutionShown = true
        break
      case 'exam-finished':
        exams.push(event.report as Report)
        break
    }
  }
  return { lessons, labs: practice, exams, last, readiness: readinessOf(practice, labs, now) }
}

function readinessOf(practice: Readonly<Record<string, LabProgress>>, labs: ReadonlyMap<string, { readonly domain: Domain }>, now: number): Readiness {
  let percent = 0
  let weights = 0
  let evidence = 0
  const rows = (Object.keys(domains) as Domain[]).map((domain) => {
    const ids = [...labs].filter(([, l]) => l.domain === domain).map(([id]) => id)
    let score = 0
    let solved = 0
    for (const id of ids) {
      const entry = practice[id]
      if (entry?.solved === undefined) continue
      solved++
      evidence++
      if (!entry.solutionShown) score += 0.5 ** (Math.max(0, now - entry.solved) / halfLife)
    }
    const { weight, title } = domains[domain]
    if (ids.length > 0) {
      percent += (weight * score) / ids.length
      weights += weight
    }
    return { domain: title, weight, solved, total: ids.length }
  })
  return { percent: weights === 0 ? 0 : Math.round((100 * percent) / weights), labs: evidence, domains: rows }
}
