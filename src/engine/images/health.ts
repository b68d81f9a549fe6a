/** The small HTTP servers of daemons: every path answers `ok`, over TLS with a certificate of their own where asked. */
import { encodeResponse, HttpReader } from '#base/http.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { TlsError, tlsAccept, type TlsIdentity } from '#engine/machine/tls.ts'

async function answer(process: Process, connection: Connection, identity: TlsIdentity | undefined): Promise<void> {
  try {
    const wire = identity ? await tlsAccept(connection, { identity: () => identity, now: () => process.now() }) : connection
    const reader = new HttpReader(() => wire.read(), 'request')
    for (;;) {
      const message = await reader.message()
      if (!message || 'error' in message) break
      await wire.write(encodeResponse({ status: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' }, body: 'ok' }))
      if (!message.keepAlive) break
    }
    wire.end()
  } catch (error) {
    if (!(error instanceof FsError) && !(error instanceof TlsError)) throw error
    connection.close()
  }
}

/** Listens (throws FsError when it cannot) and answers until the process ends. */
export async function serveHealth(process: Process, host: string, port: number, identity?: TlsIdentity): Promise<void> {
  const listener = process.sockets.listen(host, port)
  void (async () => {
    for (;;) void answer(process, await listener.accept(), identity)
  })()
}
