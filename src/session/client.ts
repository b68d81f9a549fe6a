/**
 * Questions that are asked inside the simulated world by a process of ours in the right place: name lookup with that place's own resolver,
 * connections through that place's own network namespace.
 */
import { parseIpv4 } from '#base/ip.ts'
import { FsError, type Errno } from '#engine/machine/files.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import type { Process } from '#engine/machine/process.ts'

export type ConnectOutcome =
  | { readonly ok: true; readonly address: string; readonly connection: Connection | undefined }
  | { readonly ok: false; readonly address?: string; readonly error: Errno | 'EAI_NONAME' }

/** Looks the name up and connects; UDP sends a probe datagram and waits for an answer or an error. */
export async function connectFrom(process: Process, to: string, port: number, protocol: 'tcp' | 'udp', seconds: number): Promise<ConnectOutcome> {
  let address = to
  if (parseIpv4(to) === undefined) {
    const found = await process.sockets.lookup(to)
    if (!found.ok || found.addresses[0] === undefined) return { ok: false, error: 'EAI_NONAME' }
    address = found.addresses[0]
  }
  try {
    if (protocol === 'tcp') return { ok: true, address, connection: await process.sockets.connect(address, port, { timeout: seconds * 1000 }) }
    const socket = process.sockets.udp()
    socket.connect(address, port)
    await socket.send('?\n')
    const answer = await socket.receive(seconds * 1000)
    socket.close()
    return answer ? { ok: true, address, connection: undefined } : { ok: false, address, error: 'ETIMEDOUT' }
  } catch (error) {
    if (error instanceof FsError) return { ok: false, address, error: error.code }
    throw error
  }
}
