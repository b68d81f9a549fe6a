/** A connection some bytes of which were read ahead: they come first once more. */
import type { Connection } from './sockets.ts'

export class Replayed implements Connection {
  readonly #under: Connection
  #first: string | undefined

  constructor(under: Connection, first: string) {
    this.#under = under
    this.#first = first
  }
  get local() {
    return this.#under.local
  }
  get remote() {
    return this.#under.remote
  }
  get closed(): boolean {
    return this.#under.closed
  }
  async read(): Promise<string | undefined> {
    if (this.#first === undefined) return this.#under.read()
    const first = this.#first
    this.#first = undefined
    return first
  }
  write(text: string): Promise<void> {
    return this.#under.write(text)
  }
  end(): void {
    this.#under.end()
  }
  close(reset?: boolean): void {
    this.#under.close(reset)
  }
}
