/** The writing end of a process's standard input, held by the runtime. */
import { createPipe, type Description } from '#engine/machine/descriptions.ts'
import type { OpenFile } from '#engine/machine/process.ts'
import { FsError } from '#engine/machine/files.ts'

export class StdinPipe {
  readonly #read: Description
  readonly #write: Description
  #waiting = ''
  #ended = false
  #closed = false

  constructor(number: number) {
    const pipe = createPipe(number)
    this.#read = pipe.read
    this.#write = pipe.write
    this.#write.holders++
  }

  /** What the process gets as file descriptor 0. */
  get file(): OpenFile {
    return { description: this.#read } as unknown as OpenFile
  }

  write(text: string): void {
    this.#waiting += text
    this.#flush()
  }

  end(): void {
    this.#ended = true
    this.#flush()
  }

  #flush(): void {
    if (this.#closed) return
    try {
      while (this.#waiting !== '') {
        const taken = this.#write.put(this.#waiting)
        if (taken === 0) break
        this.#waiting = this.#waiting.slice(taken)
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      this.#waiting = ''
    }
    if (this.#waiting === '' && this.#ended) {
      this.#closed = true
      this.#write.close()
    } else if (this.#waiting !== '') this.#write.writers.add(() => this.#flush())
  }
}
