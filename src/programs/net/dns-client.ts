/** DNS questions of programs that ask by themselves: reverse names, and the resolver's servers for dig, nslookup and host. */
import { dnsQuery, type DnsMessage } from '#base/dns.ts'
import type { Process } from '#engine/machine/process.ts'
import { ask, queryId, readResolvConf } from '#engine/machine/resolver.ts'

/** `1.2.3.4` → `4.3.2.1.in-addr.arpa.` */
export function reverseName(address: string): string {
  return address.split('.').reverse().join('.') + '.in-addr.arpa.'
}

/** The PTR name of an address without the final dot, or undefined; asked as getnameinfo does. */
export async function reverseLookup(p: Process, address: string): Promise<string | undefined> {
  const config = readResolvConf(p)
  if (p.fs.exists('/etc/resolv.conf') && !/^\s*nameserver/m.test(p.fs.readFile('/etc/resolv.conf'))) return undefined
  for (let attempt = 0; attempt < config.attempts; attempt++) {
    for (const server of config.servers) {
      const [result] = await ask(p, server, [dnsQuery(queryId(p), reverseName(address), 'PTR')], config.timeout * 1000)
      if (result?.kind !== 'answer') continue
      return answerName(result.message)
    }
  }
  return undefined
}

function answerName(message: DnsMessage): string | undefined {
  return message.answers.find((r) => r.type === 'PTR')?.data.replace(/\.$/, '')
}
