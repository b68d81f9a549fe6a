/** `select`: a numbered menu on standard error, PS3, and an answer per round. */
import type { Command } from '../parser/ast.ts'
import { getScalar, setScalar } from '../expand/variables.ts'
import { expandWords } from '../expand/word.ts'
import type { Shell } from '../state.ts'

export async function runSelect(sh: Shell, command: Command & { kind: 'for' | 'select' }, body: (result: { status: number }) => Promise<boolean>): Promise<number> {
  const words = command.words ? await expandWords(sh, command.words) : [...sh.params]
  if (words.length === 0) return 0
  const result = { status: 0 }
  let menu = true
  for (;;) {
    if (menu) await sh.write(2, menuText(words, Number(getScalar(sh, 'COLUMNS')) || sh.process.tty?.columns || 80))
    await sh.write(2, getScalar(sh, 'PS3') ?? '#? ')
    const line = await sh.process.fds.get(0)?.readLine()
    if (line === undefined) {
      await sh.out('\n')
      return 1
    }
    const answer = line.replace(/\n$/, '')
    menu = answer === ''
    if (menu) continue
    setScalar(sh, 'REPLY', answer)
    const n = Number(answer.trim())
    setScalar(sh, command.name, /^\d+$/.test(answer.trim()) && n >= 1 && n <= words.length ? words[n - 1]! : '')
    if (await body(result)) return result.status
    menu = getScalar(sh, 'REPLY') === ''
  }
}

function menuText(words: readonly string[], width: number): string {
  const digits = String(words.length).length
  const longest = Math.max(...words.map((w) => w.length)) + digits + 2
  const columnWidth = longest + 2
  const columns = Math.max(1, Math.floor(width / columnWidth))
  const rows = Math.ceil(words.length / columns)
  if (rows === 1 || rows === words.length || columns === 1) return words.map((w, i) => `${String(i + 1).padStart(digits)}) ${w}\n`).join('')
  let out = ''
  for (let r = 0; r < rows; r++) {
    let line = ''
    for (let c = r; c < words.length; c += rows) {
      const cell = `${String(c + 1).padStart(digits)}) ${words[c]}`
      line += c + rows < words.length ? cell.padEnd(columnWidth) : cell
    }
    out += line + '\n'
  }
  return out
}
