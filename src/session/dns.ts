/** One DNS question asked from a place, by its own resolver configuration: the first nameserver, the name as it is (fully qualified). */
import { decodeDns, dnsQuery, encodeDns } from '#base/dns.ts'
import type { DnsResult } from '#course/inspect.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'

const codes: Readonly<Record<number, DnsResult['code']>> = { 0: 'NOERROR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 5: 'REFUSED' }

export async function resolveName(process: Process, name: string, type: string): Promise<DnsResult> {
  const server = /^nameserver\s+(\S+)/m.exec(process.fs.exists('/etc/resolv.conf') ? process.fs.readFile('/etc/resolv.conf') : '')?.[1] ?? '127.0.0.1'
  const socket = process.sockets.udp()
  try {
    socket.connect(server, 53)
    for (let attempt = 0; attempt < 2; attempt++) {
      await socket.send(encodeDns(dnsQuery(4242 + attempt, name.endsWith('.') ? name : `${name}.`, type)))
      const received = await socket.receive(5000)
      if (!received) continue
      const message = decodeDns(received.data)
      if (!message) continue
      const answers = message.answers.filter((a) => a.type === type).map((a) => a.data.replace(/\.$/, '')).sort()
      return { code: codes[message.rcode] ?? 'SERVFAIL', answers }
    }
    return { code: 'timeout', answers: [] }
  } catch (error) {
    if (error instanceof FsError) return { code: 'refused', answers: [] }
    throw error
  } finally {
    socket.close()
  }
}
