/**
 * What `ssh` and `sshd` say to each other: the version banners of SSH-2.0, then length-prefixed frames. Keys decide who may come in;
 * nothing is encrypted, and there is one session per connection: no multiplexing, forwarding or agents.
 */
import type { Connection } from '#engine/machine/sockets.ts'

export const banner = 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n'

export type Frame =
  | { readonly kind: 'auth'; readonly user: string; readonly keys: readonly string[] }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'denied' }
  | { readonly kind: 'session'; readonly command: string | undefined; readonly terminal: { readonly columns: number; readonly rows: number; readonly term: string } | undefined }
  | { readonly kind: 'input' | 'output' | 'error'; readonly data: string }
  | { readonly kind: 'input-end' }
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'exit'; readonly code: number }

export class FrameStream {
  readonly connection: Connection
  #buffer = ''

  constructor(connection: Connection) {
    this.connection = connection
  }

  async greet(): Promise<boolean> {
    await this.connection.write(banner)
    while (!this.#buffer.includes('\r\n')) {
      const chunk = await this.connection.read()
      if (chunk === undefined) return false
      this.#buffer += chunk
    }
    const line = this.#buffer.slice(0, this.#buffer.indexOf('\r\n'))
    this.#buffer = this.#buffer.slice(line.length + 2)
    return line.startsWith('SSH-2.0-')
  }

  async send(frame: Frame): Promise<void> {
    const text = JSON.stringify(frame)
    await this.connection.write(`${text.length}\n${text}`)
  }

  /** The next frame; undefined when the other side has gone or talks nonsense. */
  async receive(): Promise<Frame | undefined> {
    for (;;) {
      const line = this.#buffer.indexOf('\n')
      if (line >= 0) {
        const length = Number(this.#buffer.slice(0, line))
        if (!Number.isInteger(length)) return undefined
        if (this.#buffer.length >= line + 1 + length) {
          const text = this.#buffer.slice(line + 1, line + 1 + length)
          this.#buffer = this.#buffer.slice(line + 1 + length)
          return JSON.parse(text) as Frame
        }
      }
      const chunk = await this.connection.read()
      if (chunk === undefined) return undefined
      this.#buffer += chunk
    }
  }
}
