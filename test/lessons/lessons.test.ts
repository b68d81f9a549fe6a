/** Every command of every lesson is executed in order against its cluster, in a terminal as the run button does it; shown output must match. */
import { expect, test } from 'vitest'
import { outputMatches } from '#course/lesson.ts'
import { loadCourse } from '#course/load.ts'
import { specOf } from '#session/lab.ts'
import { Sitting } from '#session/sitting.ts'
import { traceReport } from '#session/trace.ts'
import { content, drain } from '../world.ts'

const lessons = loadCourse(content).modules.flatMap((m) => m.lessons)

test('there are lessons', () => {
  expect(lessons.length).toBeGreaterThanOrEqual(3)
})

for (const lesson of lessons) {
  test(`${lesson.id} runs as it is written`, { timeout: 300_000 }, async () => {
    const sitting = await Sitting.begin({ seed: 'lesson', open: { kind: 'lesson', id: lesson.id, cluster: lesson.cluster }, spec: specOf(lesson.cluster), drain })
    await sitting.apply({ kind: 'terminal-open', terminal: 'main', columns: 200, rows: 50 })
    const terminal = sitting.terminals.get('main')!
    expect(await sitting.runner.runWhile(() => !terminal.atPrompt, 10_000)).toBe(true)
    for (const block of lesson.blocks) {
      if (block.kind === 'run') {
        const before = terminal.output.length
        const prompts = terminal.prompts
        const text = block.command
        await sitting.apply({ kind: 'key', terminal: 'main', data: text.includes('\n') ? `\x1b[200~${text}\x1b[201~\r` : `${text}\r` })
        const ended = await sitting.runner.runWhile(() => terminal.prompts === prompts || !terminal.atPrompt, 300_000)
        expect({ command: text, ended }).toEqual({ command: text, ended: true })
        if (block.output !== undefined) {
          const printed = terminal.output.slice(before).replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07/g, '').replaceAll('\r', '').split('\n')
          const lines = printed.slice(text.split('\n').length, -1).join('\n')
          expect({ command: text, printed: lines, matches: outputMatches(block.output, lines) }).toEqual({ command: text, printed: lines, matches: true })
        }
      }
      if (block.kind === 'trace') {
        const report = await traceReport(await sitting.fork(), block)
        expect({ block, steps: report.forward.length > 0, verdict: report.verdict }).toMatchObject({ steps: true })
      }
    }
  })
}
