/** Log lines of daemons: written without waiting, and dropped once the process or the reader of its output is gone. */
import type { OutputStream } from '#engine/machine/process.ts'

export function lineWriter(stream: OutputStream): (line: string) => void {
  return (line) => {
    stream.write(`${line}\n`).catch(() => undefined)
  }
}
