/**
 * A container's log in CRI's format under /var/log/pods: one line per line of output with time and stream, `P` for a part
 * of a line that is still open. Rotation is left out.
 */
import type { Machine } from '#engine/machine/machine.ts'
import { FsError } from '#engine/machine/files.ts'

export type LogStream = 'stdout' | 'stderr'

export interface LogLine {
  readonly time: number
  readonly stream: LogStream
  /** With its '\n' unless partial. */
  readonly text: string
}

/** 2026-03-02T09:00:00.123456789Z */
export function nanoTimestamp(ms: number): string {
  const whole = Math.floor(ms)
  const nanos = Math.floor((ms - whole) * 1e6)
  return new Date(whole).toISOString().slice(0, 23) + String(nanos).padStart(6, '0') + 'Z'
}

export class ContainerLog {
  readonly #node: Machine
  readonly #path: string
  readonly #link: string | undefined
  readonly #open: Record<LogStream, string> = { stdout: '', stderr: '' }
  readonly #listeners = new Set<(line: LogLine) => void>()

  /** `link`: its name in /var/log/containers, where log collectors look. */
  constructor(node: Machine, path: string, link?: string) {
    this.#node = node
    this.#path = path
    this.#link = link
    try {
      node.fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
      node.fs.writeFile(path, '', { append: true, mode: 0o640 })
      if (link !== undefined) {
        node.fs.mkdir(link.slice(0, link.lastIndexOf('/')), { parents: true })
        node.fs.symlink(path, link)
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }

  /** The container has been removed: its link goes, the file stays for the log's own clean-up. */
  unlink(): void {
    if (this.#link === undefined) return
    try {
      this.#node.fs.unlink(this.#link)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }

  get path(): string {
    return this.#path
  }

  write(now: number, stream: LogStream, text: string): void {
    const lines = (this.#open[stream] + text).split('\n')
    this.#open[stream] = lines.pop() ?? ''
    if (lines.length > 0) this.#append(lines.map((line) => `${nanoTimestamp(now)} ${stream} F ${line}\n`).join(''))
    for (const line of lines) for (const listener of [...this.#listeners]) listener({ time: now, stream, text: line + '\n' })
  }

  /** The process has ended: what has no newline yet is written as it is. */
  flush(now: number): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const rest = this.#open[stream]
      if (rest === '') continue
      this.#open[stream] = ''
      this.#append(`${nanoTimestamp(now)} ${stream} P ${rest}\n`)
      for (const listener of [...this.#listeners]) listener({ time: now, stream, text: rest })
    }
  }

  #append(text: string): void {
    try {
      this.#node.fs.writeFile(this.#path, text, { append: true })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }

  follow(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  read(): LogLine[] {
    return readLog(this.#node, this.#path)
  }
}

/** Parses a log file of a node; nothing when it is gone. */
export function readLog(node: Machine, path: string): LogLine[] {
  let text: string
  try {
    text = node.fs.readFile(path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return []
  }
  return text.split('\n').flatMap((line) => {
    const match = /^(\S+) (stdout|stderr) ([FP])(?: (.*))?$/s.exec(line)
    if (!match) return []
    const time = Date.parse(match[1]!.replace(/(\.\d{3})\d*Z$/, '$1Z'))
    return [{ time, stream: match[2] as LogStream, text: (match[4] ?? '') + (match[3] === 'F' ? '\n' : '') }]
  })
}
