/**
 * A process's hold on an open file description: turns the description's immediate operations into calls that wait, are lost when
 * the process is killed, and raise SIGPIPE or SIGTTIN as the kernel does.
 */
import { FsError } from './files.ts'
import { prefixWithin, type Description } from './descriptions.ts'
import type { OpenFile, Terminal } from './process.ts'
import type { Tty } from './tty.ts'
import type { WaitQueue } from './wait-queue.ts'

/** What a handle needs of its process. */
export interface Waiter {
  /** Calls `attempt` until it has an answer, waiting on `queue` in between. Never answers in a dead process. */
  retry<T>(queue: WaitQueue, attempt: () => { readonly value: T } | undefined): Promise<T>
  /** Raises SIGPIPE; false when the process died of it. */
  brokenPipe(): boolean
  /** False when a read must wait because the process is in the background of its terminal. */
  mayRead(tty: Tty): boolean
  /** The terminal with group numbers as the process sees them. */
  terminal(tty: Tty): Terminal
}

export class Handle implements OpenFile {
  readonly description: Description
  readonly #waiter: Waiter
  #holds = 1

  constructor(description: Description, waiter: Waiter) {
    this.description = description
    this.#waiter = waiter
    description.holders++
  }

  get kind(): OpenFile['kind'] {
    return this.description.kind
  }
  get target(): string {
    return this.description.target
  }
  get tty(): Terminal | undefined {
    const tty = this.description.terminal
    return tty && this.#waiter.terminal(tty)
  }
  get ready(): boolean {
    return this.description.ended || this.description.pending() !== ''
  }

  retain(): OpenFile {
    this.#holds++
    this.description.holders++
    return this
  }

  release(): void {
    if (this.#holds === 0) return
    this.#holds--
    if (--this.description.holders === 0) this.description.close()
  }

  /** The process has ended: lets go of all that is held. */
  releaseAll(): void {
    while (this.#holds > 0) this.release()
  }

  read(): Promise<string | undefined> {
    return this.#take((text) => text.length)
  }

  readBytes(bytes: number): Promise<string | undefined> {
    return this.#take((text) => Math.max(1, prefixWithin(text, bytes)))
  }

  readLine(): Promise<string | undefined> {
    let line = ''
    const d = this.description
    return this.#guard(() => {
      for (;;) {
        const text = d.pending()
        const end = text.indexOf('\n')
        if (end >= 0) {
          line += text.slice(0, end + 1)
          d.take(end + 1)
          return { value: line }
        }
        line += text
        d.take(text.length)
        if (d.ended) {
          this.#end()
          return { value: line === '' ? undefined : line }
        }
        if (text === '') return undefined
      }
    })
  }

  readAll(): Promise<string> {
    const parts: string[] = []
    const d = this.description
    return this.#guard(() => {
      for (;;) {
        const text = d.pending()
        if (text !== '') {
          parts.push(text)
          d.take(text.length)
        } else if (d.ended) {
          this.#end()
          return { value: parts.join('') }
        } else return undefined
      }
    })
  }

  write(text: string): Promise<void> {
    const d = this.description
    if (!d.writable || this.#holds === 0) return Promise.reject(new FsError('EBADF'))
    let rest = text
    return this.#waiter.retry(d.writers, () => {
      while (rest !== '') {
        let n: number
        try {
          n = d.put(rest)
        } catch (error) {
          if (error instanceof FsError && error.code === 'EPIPE' && !this.#waiter.brokenPipe()) return undefined
          throw error
        }
        if (n === 0) return undefined
        rest = rest.slice(n)
      }
      return { value: undefined }
    })
  }

  #take(count: (text: string) => number): Promise<string | undefined> {
    const d = this.description
    return this.#guard(() => {
      const text = d.pending()
      if (text === '') {
        if (!d.ended) return undefined
        this.#end()
        return { value: undefined }
      }
      const n = count(text)
      d.take(n)
      return { value: n === text.length ? text : text.slice(0, n) }
    })
  }

  #end(): void {
    const d = this.description as Description & { sawEnd?(): void }
    d.sawEnd?.()
  }

  #guard<T>(attempt: () => { readonly value: T } | undefined): Promise<T> {
    const d = this.description
    if (!d.readable || this.#holds === 0) return Promise.reject(new FsError('EBADF'))
    const tty = d.terminal
    return this.#waiter.retry(d.readers, () => (tty && !this.#waiter.mayRead(tty) ? undefined : attempt()))
  }
}
