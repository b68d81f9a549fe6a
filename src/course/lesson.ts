/**
 * A lesson: front matter, then markdown in which fenced blocks with these words become parts of the page:
 *
 *     ```run      one command (may span lines)      ```output   what it must print, checked by the tests (… on a line of its own: anything; ~ at the start of a line: a regular expression)
 *     ```trace    from/to/port as YAML              ```map      show the network map         ```quiz   question and choices as YAML
 *
 * Everything else stays markdown and is rendered with HTML switched off.
 */
import { err, ok, type Result } from '#base/result.ts'
import { readDocument, type Problem } from './document.ts'
import { lessonFront, mapBlock, quizBlock, traceBlock } from './schema/lesson.ts'

export type LessonBlock =
  | { readonly kind: 'markdown'; readonly text: string }
  | { readonly kind: 'run'; readonly id: string; readonly command: string; readonly output?: string }
  | { readonly kind: 'trace'; readonly id: string; readonly from: string; readonly to: string; readonly port: number; readonly protocol: 'tcp' | 'udp' }
  | { readonly kind: 'map'; readonly select?: string }
  | { readonly kind: 'quiz'; readonly id: string; readonly question: string; readonly choices: readonly { readonly text: string; readonly right: boolean; readonly because: string }[] }

export interface LessonDocument {
  readonly id: string
  readonly title: string
  readonly minutes: number
  readonly cluster: string
  readonly blocks: readonly LessonBlock[]
}

const directives = ['run', 'output', 'trace', 'map', 'quiz'] as const
type Directive = (typeof directives)[number]

export function parseLesson(id: string, file: string, text: string): Result<LessonDocument, readonly Problem[]> {
  const lines = text.split('\n')
  const end = lines.indexOf('---', 1)
  if (lines[0] !== '---' || end < 0) {
    return err([{ file, line: 1, field: '', message: 'a lesson begins with front matter between two lines of ---', suggestion: 'Add title, minutes and cluster there.' }])
  }
  const front = readDocument(file, lines.slice(1, end).join('\n'), lessonFront, 2)
  const problems: Problem[] = front.ok ? [] : [...front.error]
  const blocks: LessonBlock[] = []
  let prose: string[] = []
  const flush = () => {
    const markdown = prose.join('\n').trim()
    if (markdown !== '') blocks.push({ kind: 'markdown', text: markdown })
    prose = []
  }
  for (let i = end + 1; i < lines.length; i++) {
    const fence = /^(`{3,})(\S*)\s*$/.exec(lines[i]!)
    if (!fence) {
      prose.push(lines[i]!)
      continue
    }
    let close = i + 1
    while (close < lines.length && !(lines[close]!.startsWith(fence[1]!) && lines[close]!.trim() === fence[1])) close++
    const body = lines.slice(i + 1, close)
    const first = i + 2
    const word = fence[2] as Directive
    if (!directives.includes(word)) {
      prose.push(...lines.slice(i, close + 1))
    } else {
      flush()
      const block = readDirective(word, body.join('\n'), file, first, blocks, `b${blocks.filter((b) => 'id' in b).length + 1}`)
      if ('problems' in block) problems.push(...block.problems)
      else if (block.block) blocks.push(block.block)
    }
    i = close
  }
  flush()
  if (problems.length > 0 || !front.ok) return err(problems)
  return ok({ id, title: front.value.title, minutes: front.value.minutes, cluster: front.value.cluster, blocks })
}

function readDirective(word: Directive, body: string, file: string, line: number, blocks: LessonBlock[], id: string): { block?: LessonBlock } | { problems: readonly Problem[] } {
  switch (word) {
    case 'run':
      return { block: { kind: 'run', id, command: body.trim() } }
    case 'output': {
      const last = blocks.at(-1)
      if (last?.kind !== 'run') return { problems: [{ file, line, field: 'output', message: 'an output block must follow a run block directly', suggestion: 'Move it below its command.' }] }
      blocks[blocks.length - 1] = { ...last, output: body }
      return {}
    }
    case 'trace': {
      const read = readDocument(file, body, traceBlock, line)
      return read.ok ? { block: { kind: 'trace', id, ...read.value } } : { problems: read.error }
    }
    case 'map': {
      const read = readDocument(file, body === '' ? '{}' : body, mapBlock, line)
      return read.ok ? { block: { kind: 'map', ...(read.value.select === undefined ? {} : { select: read.value.select }) } } : { problems: read.error }
    }
    case 'quiz': {
      const read = readDocument(file, body, quizBlock, line)
      if (!read.ok) return { problems: read.error }
      if (!read.value.choices.some((c) => c.right)) return { problems: [{ file, line, field: 'choices', message: 'no choice is right', suggestion: 'Mark one with right: true.' }] }
      return { block: { kind: 'quiz', id, ...read.value } }
    }
  }
}

/** Whether `actual` is what an output block shows; see the top of this file for its two wildcards. */
export function outputMatches(shown: string, actual: string): boolean {
  const want = shown.replace(/\n+$/, '').split('\n')
  const have = actual.replace(/\n+$/, '').split('\n').map((l) => l.trimEnd())
  const match = (i: number, k: number): boolean => {
    if (i === want.length) return k === have.length
    const line = want[i]!.trimEnd()
    if (line === '…') return match(i + 1, k) || (k < have.length && match(i, k + 1))
    if (k >= have.length) return false
    const fits = line.startsWith('~') ? new RegExp(`^${line.slice(1).trim()}$`).test(have[k]!) : line === have[k]
    return fits && match(i + 1, k + 1)
  }
  return match(0, 0)
}
