/** Small parts of connections: lines of a stream, an accept loop, two connections joined. */
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
