/** nft's refusals as it prints them: message, the line of the input, and marks under the words that are meant (src/erec.c). */
import type { Problem } from '#engine/net/nft/lexer.ts'

/** `file`: where the text came from, with line and columns; undefined for the command line. */
export function problemText(problem: Problem, text: string, file: string | undefined): string {
  if (!problem.span) return `${problem.bare ? '' : 'Error: '}${problem.message}\n`
  const { from } = problem.span
  const start = text.lastIndexOf('\n', from - 1) + 1
  const end = text.indexOf('\n', start)
  const line = text.slice(start, end < 0 ? text.length : end)
  const column = from - start
  const width = Math.max(1, Math.min(problem.span.to, end < 0 ? text.length + 1 : end + 1) - from)
  const place = file === undefined ? '' : `${file}:${text.slice(0, start).split('\n').length}:${column + 1}-${column + width}: `
  const marks: string[] = [...line.padEnd(column + width)].map((ch) => (ch === '\t' ? '\t' : ' '))
  for (const also of problem.also ?? []) for (let i = also.from - start; i < Math.min(also.to - start, marks.length); i++) if (i >= 0) marks[i] = '~'
  for (let i = column; i < column + width; i++) marks[i] = '^'
  return `${place}Error: ${problem.message}\n${line}\n${marks.join('').trimEnd()}\n`
}
