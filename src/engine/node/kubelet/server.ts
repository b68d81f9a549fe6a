/** The kubelet's own ports: health on 127.0.0.1:10248, and on 10250 nothing without authorization (the API server's requests come through streaming.ts). */
import { encodeResponse, HttpReader } from '#base/http.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection, Listener } from '#engine/machine/sockets.ts'
import { TlsError, tlsAccept, type TlsIdentity } from '#engine/machine/tls.ts'

async function answer(process: Process, connection: Connection, identity: TlsIdentity | undefined, status: number, body: string): Promise<void> {
  try {
    const wire = identity ? await tlsAccept(connection, { identity: () => identity, now: () => process.now() }) : connection
    const reader = new HttpReader(() => wire.read(), 'request')
    for (;;) {
      const message = await reader.message()
      if (!message || 'error' in message) break
      await wire.write(encodeResponse({ status, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' }, body }))
      if (!message.keepAlive) break
    }
    wire.end()
  } catch (error) {
    if (!(error instanceof FsError) && !(error instanceof TlsError)) throw error
    connection.close()
  }
}

export function serveKubelet(process: Process, listener: Listener, identity: TlsIdentity): void {
  const health = process.sockets.listen('127.0.0.1', 10248)
  const serve = async (from: Listener, own: TlsIdentity | undefined, status: number, body: string) => {
    for (;;) void answer(process, await from.accept(), own, status, body)
  }
  void serve(listener, identity, 401, 'Unauthorized')
  void serve(health, undefined, 200, 'ok')
}
