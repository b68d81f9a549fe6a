/**
 * Whether data from outside (an imported file, a call over HTTP) has the shape that the contract says. Answers name the place of the
 * first fault; nothing is repaired or guessed.
 */
import type { ExamState, ProgressEvent, Settings } from '#contract/host-api.ts'
import type { GradeResult, SittingInput, SittingLog } from '#contract/session-api.ts'

type Check = (value: unknown, at: string) => string | undefined

const text: Check = (v, at) => (typeof v === 'string' ? undefined : `${at}: a text is needed`)
const number: Check = (v, at) => (typeof v === 'number' && Number.isFinite(v) ? undefined : `${at}: a number is needed`)
const yesNo: Check = (v, at) => (typeof v === 'boolean' ? undefined : `${at}: true or false is needed`)
const oneOf = (...names: string[]): Check => (v, at) => (names.includes(v as string) ? undefined : `${at}: one of ${names.join(', ')} is needed`)
const within = (low: number, high: number): Check => (v, at) => number(v, at) ?? ((v as number) >= low && (v as number) <= high ? undefined : `${at}: a number from ${low} to ${high} is needed`)
const list = (item: Check): Check => (v, at) => {
  if (!Array.isArray(v)) return `${at}: a list is needed`
  for (let i = 0; i < v.length; i++) {
    const fault = item(v[i], `${at}[${i}]`)
    if (fault) return fault
  }
  return undefined
}
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)
const shape = (fields: Record<string, Check>, optional: Record<string, Check> = {}): Check => (v, at) => {
  if (!isObject(v)) return `${at}: an object is needed`
  for (const [name, check] of Object.entries(fields)) {
    const fault = check(v[name], `${at}.${name}`)
    if (fault) return fault
  }
  for (const [name, check] of Object.entries(optional)) {
    if (v[name] === undefined) continue
    const fault = check(v[name], `${at}.${name}`)
    if (fault) return fault
  }
  const strange = Object.keys(v).find((name) => !(name in fields) && !(name in optional))
  return strange === undefined ? undefined : `${at}: unknown field ${strange}`
}
const byKind = (kinds: Record<string, Check>): Check => (v, at) => {
  if (!isObject(v)) return `${at}: an object is needed`
  const check = Object.hasOwn(kinds, String(v['kind'])) ? kinds[String(v['kind'])] : undefined
  return check ? check(v, at) : `${at}.kind: one of ${Object.keys(kinds).join(', ')} is needed`
}
const record = (item: Check): Check => (v, at) => {
  if (!isObject(v)) return `${at}: an object is needed`
  for (const [name, value] of Object.entries(v)) {
    const fault = item(value, `${at}.${name}`)
    if (fault) return fault
  }
  return undefined
}

const size = { at: number, kind: text, terminal: text, columns: within(1, 1000), rows: within(1, 1000) }
const input = byKind({
  'terminal-open': shape(size),
  resize: shape(size),
  'terminal-close': shape({ at: number, kind: text, terminal: text }),
  key: shape({ at: number, kind: text, terminal: text, data: text }),
  editor: shape({ at: number, kind: text, terminal: text, saved: yesNo, text }),
  skip: shape({ at: number, kind: text, to: number }),
  script: shape({ at: number, kind: text, script: text }),
})
const open = shape({ kind: oneOf('lab', 'lesson', 'sandbox'), id: text, cluster: text })
const log = shape({ version: (v, at) => (v === 1 ? undefined : `${at}: only version 1 is known`), seed: text, open, inputs: list(input), until: number }, { engine: text })

const report = shape({
  exam: text,
  started: number,
  ended: number,
  percent: number,
  pass: yesNo,
  domains: list(shape({ domain: text, points: number, outOf: number })),
  tasks: list(
    shape({
      lab: text,
      title: text,
      points: number,
      outOf: number,
      seconds: number,
      checks: list(shape({ title: text, pass: yesNo, expected: text, observed: text, why: text })),
      commands: list(text),
    }),
  ),
})
const ref = shape({ kind: text, name: text }, { namespace: text })
const link = byKind({
  object: shape({ kind: text, object: ref, command: text }),
  trace: shape({ kind: text, request: shape({ from: text, to: text, port: number, protocol: oneOf('tcp', 'udp') }), command: text }),
  command: shape({ kind: text, command: text }),
})
const finding = shape({ id: text, title: text, pass: yesNo, expected: text, observed: text, why: text, evidence: list(text), links: list(link) })
const results = shape({ at: number, points: number, outOf: number, tasks: list(shape({ id: text, pass: yesNo, points: number, checks: list(finding) })) })

const head = { at: number, kind: text, id: text }
const event = byKind({
  'lesson-opened': shape(head),
  'lesson-finished': shape(head),
  'block-run': shape({ ...head, block: text }),
  'quiz-answered': shape({ ...head, block: text, right: yesNo }),
  'lab-opened': shape(head),
  'lab-graded': shape({ ...head, points: number, outOf: number, tasks: list(shape({ id: text, pass: yesNo })) }),
  'hint-shown': shape({ ...head, rung: number }),
  'solution-shown': shape(head),
  'exam-finished': shape({ ...head, report }),
})
const examState = shape({ exam: text, started: number, ends: number, current: number, flags: list(number), notes: text, secondsPerTask: list(number) })

const settingFields: { readonly [K in keyof Settings]: Check } = {
  theme: oneOf('system', 'light', 'dark', 'contrast'),
  textSize: within(12, 32),
  motion: oneOf('system', 'full', 'reduced'),
  terminalSize: within(9, 32),
  cursor: oneOf('block', 'bar', 'underline'),
  screenReader: yesNo,
  editor: oneOf('vi', 'nano'),
  speed: within(0, 60),
  panes: record(list(within(0, 100))),
}

export const defaultSettings: Settings = {
  theme: 'system',
  textSize: 16,
  motion: 'system',
  terminalSize: 14,
  cursor: 'block',
  screenReader: false,
  editor: 'vi',
  speed: 1,
  panes: {},
}

/** Stored settings over the defaults; a stored value that does not fit (an older format) falls back to its default. */
export function settleSettings(stored: Readonly<Record<string, unknown>>): Settings {
  const out: Record<string, unknown> = { ...defaultSettings }
  for (const [name, check] of Object.entries(settingFields)) if (name in stored && check(stored[name], name) === undefined) out[name] = stored[name]
  return out as unknown as Settings
}

/** What an exported file holds. */
export interface ExportedData {
  readonly format: 'kubedrill-data'
  readonly version: 1
  readonly exported: number
  readonly events: readonly ProgressEvent[]
  readonly settings: Partial<Settings>
  readonly sittings: Readonly<Record<string, SittingLog>>
  readonly results?: Readonly<Record<string, GradeResult>>
  readonly exam?: ExamState
}

const exported = shape(
  { format: oneOf('kubedrill-data'), version: (v, at) => (v === 1 ? undefined : `${at}: only version 1 is known`), exported: number, events: list(event), settings: shape({}, { ...settingFields }), sittings: record(log) },
  { exam: examState, results: record(results) },
)

function asserter<T>(check: Check, what: string): (value: unknown) => T {
  return (value) => {
    const fault = check(value, what)
    if (fault !== undefined) throw new Error(fault)
    return value as T
  }
}
export const assertEvent = asserter<ProgressEvent>(event, 'event')
export const assertLog = asserter<SittingLog>(log, 'sitting')
export const assertInputs = asserter<readonly SittingInput[]>(list(input), 'inputs')
export const assertExamState = asserter<ExamState>(examState, 'exam')
export const assertSettings = asserter<Partial<Settings>>(shape({}, { ...settingFields }), 'settings')
export const assertExported = asserter<ExportedData>(exported, 'file')
export const assertResults = asserter<GradeResult>(results, 'results')
export const assertText = asserter<string>(text, 'argument')
export const assertNumber = asserter<number>(number, 'argument')
