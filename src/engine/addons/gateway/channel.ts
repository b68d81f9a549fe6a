/** Small parts of connections: lines of a stream, an accept loop, a connection whose first bytes were read ahead. */
import type { Connection, Listener } from '#engine/machine/sockets.ts'

export async function* readLines(connection: Connection): AsyncGenerator<string> {
  let buffer = ''
  for (;;) {
    const chunk = await connection.read()
    if (chunk === undefined) return
    buffer += chunk
    for (let at = buffer.indexOf('\n'); at >= 0; at = buffer.indexOf('\n')) {
      yield buffer.slice(0, at)
      buffer = buffer.slice(at + 1)
    }
  }
}

/** Until the listener is closed. */
export function accept(listener: Listener, serve: (connection: Connection) => Promise<void>): void {
  const run = async () => {
    try {
      for (;;) void serve(await listener.accept())
    } catch {
      // Closed: the program is leaving, or the port is not wanted any more.
    }
  }
  void run()
}

/** Gives back what was read from it. */
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

/** The server name of a ClientHello (see tls.ts for its form), and the connection from its beginning. `undefined`: not TLS. */
export async function peekServerName(connection: Connection): Promise<{ readonly connection: Connection; readonly serverName: string | undefined; readonly alpn: readonly string[]; readonly tls: boolean }> {
  let buffer = ''
  for (;;) {
    const chunk = await connection.read()
    if (chunk === undefined) return { connection: new Replayed(connection, buffer), serverName: undefined, alpn: [], tls: false }
    buffer += chunk
    if (buffer[0] !== '\x16') return { connection: new Replayed(connection, buffer), serverName: undefined, alpn: [], tls: false }
    const length = buffer.length >= 9 ? parseInt(buffer.slice(3, 9), 16) : NaN
    if (Number.isNaN(length) || buffer.length < 9 + length) continue
    const hello = JSON.parse(buffer.slice(9, 9 + length)) as { serverName?: string; alpn?: string[] }
    return { connection: new Replayed(connection, buffer), serverName: hello.serverName?.toLowerCase(), alpn: hello.alpn ?? [], tls: true }
  }
}

/** Carries bytes both ways until both sides have ended. */
export async function join(a: Connection, b: Connection): Promise<void> {
  const pump = async (from: Connection, to: Connection) => {
    try {
      for (;;) {
        const chunk = await from.read()
        if (chunk === undefined) {
          to.end()
          return
        }
        await to.write(chunk)
      }
    } catch {
      from.close()
      to.close()
    }
  }
  await Promise.all([pump(a, b), pump(b, a)])
}
