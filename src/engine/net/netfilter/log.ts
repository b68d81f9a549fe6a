/** The line that a LOG rule writes to the kernel's log (nf_log_ip_packet). */
import { formatIpv4 } from '#base/ip.ts'
import { formatMac } from '../mac.ts'
import { ACK, FIN, ICMP, isEcho, isIcmpError, PSH, RST, SYN, TCP, UDP, URG, type Packet } from '../packet.ts'
import type { HookContext } from './extension.ts'

const hex2 = (n: number) => `0x${n.toString(16).toUpperCase().padStart(2, '0')}`

function transport(p: Packet): string {
  if (p.protocol === TCP) {
    const flags = [[URG, 'URG'], [ACK, 'ACK'], [PSH, 'PSH'], [RST, 'RST'], [SYN, 'SYN'], [FIN, 'FIN']] as const
    return `PROTO=TCP SPT=${p.sourcePort} DPT=${p.destinationPort} WINDOW=${p.window} RES=0x00 ${flags.filter(([bit]) => (p.flags & bit) !== 0).map(([, name]) => `${name} `).join('')}URGP=0 `
  }
  if (p.protocol === UDP) return `PROTO=UDP SPT=${p.sourcePort} DPT=${p.destinationPort} LEN=${p.length - 20} `
  if (p.protocol === ICMP) {
    const echo = isEcho(p) ? `ID=${p.icmpId} SEQ=${p.icmpSeq} ` : ''
    const about = isIcmpError(p) && p.quoted ? `[${addresses(p.quoted)}${transport(p.quoted)}] ` : ''
    return `PROTO=ICMP TYPE=${p.icmpType} CODE=${p.icmpCode} ${echo}${about}`
  }
  return `PROTO=${p.protocol} `
}

function addresses(p: Packet): string {
  return `SRC=${formatIpv4(p.source)} DST=${formatIpv4(p.destination)} LEN=${p.length} TOS=${hex2(p.tos & 0x1e)} PREC=${hex2(p.tos & 0xe0)} TTL=${p.ttl} ID=${p.id} ${p.df ? 'DF ' : ''}`
}

export function logLine(prefix: string, p: Packet, h: HookContext): string {
  const physical = `${p.physIn && p.input?.kind === 'bridge' ? `PHYSIN=${p.physIn.name} ` : ''}${p.physOut ? `PHYSOUT=${p.physOut.name} ` : ''}`
  const mac = h.input && !h.input.loopback && p.linkSource !== undefined ? `MAC=${formatMac(h.input.mac)}:${formatMac(p.linkSource)}:08:00 ` : h.input ? 'MAC= ' : ''
  return `${prefix}IN=${h.input?.name ?? ''} OUT=${h.output?.name ?? ''} ${physical}${mac}${addresses(p)}${transport(p)}${p.mark === 0 ? '' : `MARK=0x${p.mark.toString(16)} `}`
}
