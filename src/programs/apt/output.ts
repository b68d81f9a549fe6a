/** Lines of apt's programs. */
import type { Process } from '#engine/machine/process.ts'
import { MalformedSource } from './state.ts'

/** Ends the program: what is wrong, each line with its letter. */
export class AptError extends Error {
  readonly lines: readonly string[]
  readonly code: number

  constructor(lines: readonly string[], code = 100) {
    super(lines.join('\n'))
    this.lines = lines
    this.code = code
  }
}

export const fail = (...lines: string[]): never => {
  throw new AptError(lines.map((l) => (/^[EWN]: /.test(l) ? l : `E: ${l}`)))
}

/** Runs a command and says what went wrong. */
export async function guarded(process: Process, work: () => Promise<void>): Promise<number> {
  try {
    await work()
    return 0
  } catch (error) {
    if (error instanceof MalformedSource) {
      await process.stderr.write(`E: ${error.message}\nE: The list of sources could not be read.\n`)
      return 100
    }
    if (!(error instanceof AptError)) throw error
    for (const line of error.lines) await process.stderr.write(`${line}\n`)
    return error.code
  }
}

/** `12.5 MB`, with the digits that apt shows. */
export function bytes(size: number): string {
  let n = size
  for (const unit of ['', 'k', 'M', 'G']) {
    if (n < 100 && unit !== '') return `${n.toFixed(1)} ${unit}B`
    if (n < 10_000) return `${n.toFixed(0)} ${unit}B`
    n /= 1000
  }
  return `${n.toFixed(0)} TB`
}

export const say = (process: Process, line: string): Promise<void> => process.stdout.write(`${line}\n`)

/** `Reading package lists... Done` on a terminal. */
export const step = (process: Process, what: string): Promise<void> => say(process, `${what}...${process.stdout.tty ? ' Done' : ''}`)

/** Names in lines of at most eighty columns, indented by two. */
export function nameLines(names: readonly string[]): string {
  const lines: string[] = []
  for (const name of [...names].sort()) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + name.length + 1 <= 79) lines[lines.length - 1] = `${last} ${name}`
    else lines.push(`  ${name}`)
  }
  return lines.join('\n')
}
