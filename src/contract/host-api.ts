/**
 * HostApi: the interface ↔ the disk. Implemented once in src/host; carried by Electron IPC or by HTTP.
 * Times are ms since the epoch of the wall clock.
 */
import type { GradeResult, LabBundle, SittingLog } from './session-api.ts'

export interface CourseTree {
  readonly modules: readonly ModuleEntry[]
  readonly labs: readonly LabEntry[]
  readonly exams: readonly ExamEntry[]
  /** Shapes of clusters, for the sandbox. */
  readonly clusters: readonly { readonly id: string; readonly title: string }[]
  /** Content that could not be loaded; the rest of the course still opens. */
  readonly problems: readonly ContentProblem[]
}

export interface ModuleEntry {
  readonly id: string
  readonly title: string
  readonly summary: string
  readonly lessons: readonly { readonly id: string; readonly title: string; readonly minutes: number; readonly cluster: string }[]
}

export interface LabEntry {
  readonly id: string
  readonly title: string
  readonly domain: string
  readonly competency: string
  readonly difficulty: number
  readonly minutes: number
  readonly points: number
  readonly module?: string
}

export interface ExamEntry {
  readonly id: string
  readonly title: string
  readonly minutes: number
  readonly pass: number
  readonly tasks: readonly { readonly lab: string; readonly host: string; readonly points: number; readonly title: string; readonly domain: string }[]
}

export interface ContentProblem {
  readonly file: string
  readonly line: number
  readonly field: string
  readonly message: string
  readonly suggestion: string
}

export interface LessonDocument {
  readonly id: string
  readonly title: string
  readonly minutes: number
  readonly cluster: string
  readonly blocks: readonly LessonBlock[]
}

/** Markdown becomes components, never raw HTML: `markdown` is rendered by the interface with HTML off. */
export type LessonBlock =
  | { readonly kind: 'markdown'; readonly text: string }
  | { readonly kind: 'run'; readonly id: string; readonly command: string; readonly output?: string }
  | { readonly kind: 'trace'; readonly id: string; readonly from: string; readonly to: string; readonly port: number; readonly protocol: 'tcp' | 'udp' }
  | { readonly kind: 'map'; readonly select?: string }
  | { readonly kind: 'quiz'; readonly id: string; readonly question: string; readonly choices: readonly { readonly text: string; readonly right: boolean; readonly because: string }[] }

/** Events are appended, never changed; everything shown is reduced from them (course/progress.ts). */
export type ProgressEvent =
  | { readonly at: number; readonly kind: 'lesson-opened' | 'lesson-finished'; readonly id: string }
  | { readonly at: number; readonly kind: 'block-run'; readonly id: string; readonly block: string }
  | { readonly at: number; readonly kind: 'quiz-answered'; readonly id: string; readonly block: string; readonly right: boolean }
  | { readonly at: number; readonly kind: 'lab-opened'; readonly id: string }
  | { readonly at: number; readonly kind: 'lab-graded'; readonly id: string; readonly points: number; readonly outOf: number; readonly tasks: readonly { readonly id: string; readonly pass: boolean }[] }
  | { readonly at: number; readonly kind: 'hint-shown'; readonly id: string; readonly rung: number }
  | { readonly at: number; readonly kind: 'solution-shown'; readonly id: string }
  | { readonly at: number; readonly kind: 'exam-finished'; readonly id: string; readonly report: ExamReport }

export interface ExamReport {
  readonly exam: string
  readonly started: number
  readonly ended: number
  readonly percent: number
  readonly pass: boolean
  readonly domains: readonly { readonly domain: string; readonly points: number; readonly outOf: number }[]
  readonly tasks: readonly {
    readonly lab: string
    readonly title: string
    readonly points: number
    readonly outOf: number
    readonly seconds: number
    readonly checks: readonly { readonly title: string; readonly pass: boolean; readonly expected: string; readonly observed: string; readonly why: string }[]
    readonly commands: readonly string[]
  }[]
}

/** A running exam: enough to go on after a crash with the clock right. */
export interface ExamState {
  readonly exam: string
  readonly started: number
  readonly ends: number
  readonly current: number
  readonly flags: readonly number[]
  readonly notes: string
  readonly secondsPerTask: readonly number[]
}

export interface Progress {
  readonly lessons: Readonly<Record<string, { readonly opened: number; readonly finished: number | undefined; readonly blocks: readonly string[]; readonly quizzes: Readonly<Record<string, boolean>> }>>
  readonly labs: Readonly<Record<string, { readonly opened: number; readonly best: number; readonly outOf: number; readonly solved: number | undefined; readonly hints: number; readonly solutionShown: boolean }>>
  readonly exams: readonly ExamReport[]
  /** Where the learner was. */
  readonly last: { readonly kind: 'lesson' | 'lab'; readonly id: string; readonly at: number } | undefined
  readonly readiness: { readonly percent: number; readonly labs: number; readonly domains: readonly { readonly domain: string; readonly weight: number; readonly solved: number; readonly total: number }[] }
}

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark' | 'contrast'
  readonly textSize: number
  readonly motion: 'system' | 'full' | 'reduced'
  readonly terminalSize: number
  readonly cursor: 'block' | 'bar' | 'underline'
  readonly screenReader: boolean
  readonly editor: 'vi' | 'nano'
  readonly speed: number
  /** Pane sizes in percent by kind of page. */
  readonly panes: Readonly<Record<string, readonly number[]>>
}

/** What the learner is told at the start, e.g. that a damaged database was put aside and where. */
export interface HostNotice {
  readonly level: 'info' | 'warning'
  readonly message: string
}

export interface HostMethods {
  course(): CourseTree
  lesson(id: string): LessonDocument
  lab(id: string): LabBundle
  progress(): Progress
  record(event: ProgressEvent): Progress
  settings(): Settings
  changeSettings(change: Partial<Settings>): Settings
  /** Sittings by key (`lab:ID`, `lesson:ID`, `exam:ID:N`, `sandbox:NAME`). */
  sitting(key: string): SittingLog | undefined
  saveSitting(key: string, log: SittingLog): void
  /** Adds inputs to a stored sitting without sending the whole again. */
  appendSitting(key: string, from: number, inputs: SittingLog['inputs'], until: number): void
  /** With what was kept of its checks. */
  dropSitting(key: string): void
  /** What the last check of a sitting found, so that it is there again after a reload; undefined forgets it. */
  results(key: string): GradeResult | undefined
  saveResults(key: string, results: GradeResult | undefined): void
  examState(): ExamState | undefined
  saveExamState(state: ExamState | undefined): void
  notices(): readonly HostNotice[]
  /** Everything about the learner as one JSON text. */
  exportData(): string
  importData(text: string): Progress
  backups(): readonly { readonly name: string; readonly at: number; readonly bytes: number }[]
  backup(): string
  restore(name: string): Progress
  deleteData(): Progress
}

export interface HostEvents {
  notice: HostNotice
}
