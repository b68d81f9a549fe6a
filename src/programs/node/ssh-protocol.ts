/**
 * What ssh and sshd say to each other. SIMPLIFICATION: nothing is encrypted; after the real identification strings come records of JSON, one
 * per line. Keys are the text of the public key file: who has the file can prove it.
 */
import { FsError } from '#engine/machine/files.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { EditorPort } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'

export const serverBanner = 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u4'

export type SshRecord =
  | { readonly t: 'auth'; readonly user: string; readonly keys: readonly string[] }
  | { readonly t: 'accepted' }
  | { readonly t: 'denied'; readonly methods: string }
  | { readonly t: 'open'; readonly command: string | undefined; readonly pty: { readonly columns: number; readonly rows: number; readonly term: string } | undefined; readonly editor: number | undefined }
  | { readonly t: 'data'; readonly text: string; readonly error?: boolean }
  | { readonly t: 'eof' }
  | { readonly t: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly t: 'exit'; readonly code: number; readonly signal?: string }

export function encode(record: SshRecord): string {
  return JSON.stringify(record) + '\n'
}

/** Reads lines off a connection: the identification string, then records. */
export class SshReader {
  readonly #connection: Connection
  #buffer = ''

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Undefined at the end of the connection, however it ended. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const at = this.#buffer.indexOf('\n')
      if (at >= 0) {
        const line = this.#buffer.slice(0, at)
        this.#buffer = this.#buffer.slice(at + 1)
        return line.replace(/\r$/, '')
      }
      let chunk: string | undefined
      try {
        chunk = await this.#connection.read()
      } catch (error) {
        if (!(error instanceof FsError)) throw error
      }
      if (chunk === undefined) return undefined
      this.#buffer += chunk
    }
  }

  async record(): Promise<SshRecord | undefined> {
    const line = await this.line()
    try {
      return line === undefined ? undefined : (JSON.parse(line) as SshRecord)
    } catch {
      return undefined
    }
  }
}

type Sim = Machine['sim']

/** Those who wait for an editor, by the world they live in. */
const ports = new WeakMap<Sim, Map<number, EditorPort>>()

/** Lets the far side's vi open the editor of this side's terminal: the number travels in the `open` record. */
export function offerEditor(sim: Sim, editor: EditorPort): number {
  let known = ports.get(sim)
  if (!known) ports.set(sim, (known = new Map()))
  const number = known.size + 1
  known.set(number, editor)
  return number
}

export function editorAt(sim: Sim, number: number | undefined): EditorPort | undefined {
  return number === undefined ? undefined : ports.get(sim)?.get(number)
}
