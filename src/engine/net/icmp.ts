/**
 * ICMP errors that the kernel sends about a packet (icmp_send), and what they mean to those who get them: errno and text. What arrives is
 * handled in icmp-receive.ts. Rate limits are left out.
 */
import { formatIpv4 } from '#base/ip.ts'
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { copyPacket, ICMP, isIcmpError, Packet } from './packet.ts'
import { routeOutput } from './route.ts'

/** Tells the sender of `about` what happened to it. `info`: MTU or gateway. */
export function icmpSend(ns: Namespace, about: Packet, type: number, code: number, info: number): void {
  if (about.broadcast || about.destination >>> 28 === 0xe || about.destination === 0xffffffff || about.source === 0 || isIcmpError(about)) return
  // a packet for this host itself is answered from the address it asked
  const own = ns.fib.addressType(about.destination) === 'local' ? about.destination : 0
  const path = routeOutput(ns, about.source, own, undefined, 0)
  if ('errno' in path) return
  const p = new Packet()
  p.source = path.source
  p.destination = about.source
  p.protocol = ICMP
  p.icmpType = type
  p.icmpCode = code
  p.icmpInfo = info
  p.tos = 0xc0
  p.ttl = ns.sysctls.defaultTtl
  p.length = 28 + Math.min(about.segment > 0 ? about.segment : about.length, 548)
  const quoted = copyPacket(about)
  quoted.walk = undefined
  quoted.connection = undefined
  p.quoted = quoted
  // the error belongs to the connection of what it is about, even before that is confirmed
  if (about.connection) {
    p.connection = about.connection
    p.isReply = !about.isReply
    p.track = 'related'
  } else if (about.track === 'untracked') p.track = 'invalid'
  p.latency = about.latency
  p.id = ns.nextId()
  ns.network.startWalk(p)
  localOut(ns, p, path)
}

/** The errno of an unreachable and whether it is final (icmp_err_convert). */
export const unreachableErrors: readonly { readonly errno: string; readonly fatal: boolean }[] = [
  { errno: 'ENETUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: false },
  { errno: 'ENOPROTOOPT', fatal: true },
  { errno: 'ECONNREFUSED', fatal: true },
  { errno: 'EMSGSIZE', fatal: false },
  { errno: 'EOPNOTSUPP', fatal: false },
  { errno: 'ENETUNREACH', fatal: true },
  { errno: 'EHOSTDOWN', fatal: true },
  { errno: 'ENONET', fatal: true },
  { errno: 'ENETUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'ENETUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
]

/** As ping prints them. */
export const unreachableTexts: readonly string[] = [
  'Destination Net Unreachable', 'Destination Host Unreachable', 'Destination Protocol Unreachable', 'Destination Port Unreachable', 'Frag needed and DF set', 'Source Route Failed',
  'Destination Net Unknown', 'Destination Host Unknown', 'Source Host Isolated', 'Destination Net Prohibited', 'Destination Host Prohibited',
  'Destination Net Unreachable for Type of Service', 'Destination Host Unreachable for Type of Service', 'Packet filtered', 'Precedence Violation', 'Precedence Cutoff',
]

/** The errno of an ICMP error and whether a connected UDP socket reports it. */
export function icmpErrno(p: Packet): { readonly errno: string; readonly fatal: boolean } | undefined {
  if (p.icmpType === 11) return { errno: 'EHOSTUNREACH', fatal: false }
  if (p.icmpType === 3) return unreachableErrors[p.icmpCode]
  return undefined
}

/** What ping prints after `icmp_seq=1 `. */
export function icmpText(p: Packet): string {
  if (p.icmpType === 3) return p.icmpCode === 4 ? `Frag needed and DF set (mtu = ${p.icmpInfo})` : (unreachableTexts[p.icmpCode] ?? `Dest Unreachable, Bad Code: ${p.icmpCode}`)
  if (p.icmpType === 11) return p.icmpCode === 1 ? 'Frag reassembly time exceeded' : 'Time to live exceeded'
  if (p.icmpType === 5) return `Redirect Host(New nexthop: ${formatIpv4(p.icmpInfo)})`
  if (p.icmpType === 12) return 'Parameter problem'
  return `Bad ICMP type: ${p.icmpType}`
}
