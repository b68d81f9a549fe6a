/** busybox's ip, ifconfig, route, traceroute and netstat: the same facts as the big programs in its own words. */
import { maskOf } from '#base/ip.ts'
import type { LinkInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { ip } from './ip/ip.ts'
import { complain, say } from './support.ts'

const version = 'BusyBox v1.36.1 (2024-05-09 20:45:37 UTC) multi-call binary.'

const dotted = (length: number) => {
  const m = maskOf(length)
  return `${m >>> 24}.${(m >>> 16) & 255}.${(m >>> 8) & 255}.${m & 255}`
}

const flags = (l: LinkInfo) => {
  const list = l.flags.filter((f) => f !== 'NO-CARRIER' && f !== 'M-DOWN')
  return l.peer?.namespace && l.up ? [...list, 'M-DOWN'] : list
}

function linkLines(l: LinkInfo, addresses: boolean, oneline: boolean): string {
  const nl = oneline ? '\\' : '\n'
  const name = l.peer ? `${l.name}@${l.peer.namespace ? `if${l.peer.index}` : l.peer.name}` : l.name
  let text = `${l.index}: ${name}: <${flags(l).join(',')}> mtu ${l.mtu} qdisc ${l.qdisc} ${l.master !== undefined ? `master ${l.master} ` : ''}qlen ${l.queueLength}${nl}    link/${l.kind === 'loopback' ? 'loopback' : 'ether'} ${l.mac} brd ${l.kind === 'loopback' ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff'}\n`
  if (addresses) for (const a of l.addresses) text += `    inet ${a.address}/${a.length}${a.broadcast !== undefined ? ` brd ${a.broadcast}` : ''} scope ${a.scope} ${a.secondary ? 'secondary ' : ''}${a.label}${nl}       valid_lft forever preferred_lft forever\n`
  return text
}

/** Showing is busybox's own; changing is left to the big program, whose effects are the same. */
export const busyboxIp: Program = async (p) => {
  const args = p.argv.slice(1)
  const oneline = args[0] === '-o' || args[0] === '-oneline'
  const words = args.filter((a) => !a.startsWith('-'))
  const [object = '', verb = 'show'] = words
  const isShow = 'show'.startsWith(verb) || 'list'.startsWith(verb)
  const rest = words.slice(2).filter((w) => w !== 'dev')
  const plain = words.length < 2 || isShow
  if (object === '') {
    await complain(p, `${version}\n\nUsage: ip [OPTIONS] address|route|link|tunnel|neigh|rule [ARGS]\n\nOPTIONS := -f[amily] inet|inet6|link | -o[neline]\n`)
    return 1
  }
  const device = rest[0]
  if (plain && ('address'.startsWith(object) || (object.startsWith('l') && 'link'.startsWith(object)))) {
    if (device !== undefined && !p.net.links.has(device)) {
      await complain(p, `ip: can't find device '${device}'\n`)
      return 1
    }
    const links = [...p.net.links.values()].filter((l) => device === undefined || l.name === device).sort((a, b) => a.index - b.index)
    await say(p, links.map((l) => linkLines(l, 'address'.startsWith(object), oneline)).join(''))
    return 0
  }
  if (plain && 'route'.startsWith(object) && rest.length === 0) {
    await say(p, p.net.routes().map((r) => `${r.type && r.type !== 'unicast' ? `${r.type} ` : ''}${r.to} ${r.via !== undefined ? `via ${r.via} ` : ''}${r.device !== undefined ? `dev ${r.device} ` : ''}${r.scope === 'link' ? 'scope link ' : ''}${r.source !== undefined ? ` src ${r.source} ` : ''}${r.metric ? `metric ${r.metric} ` : ''}\n`).join(''))
    return 0
  }
  if (!p.can('NET_ADMIN')) {
    await complain(p, 'ip: RTNETLINK answers: Operation not permitted\n')
    return 2
  }
  return ip(p)
}

export const busyboxIfconfig: Program = async (p) => {
  const words = p.argv.slice(1).filter((a) => !a.startsWith('-'))
  const name = words[0]
  if (name !== undefined && !p.net.links.has(name)) {
    await complain(p, `ifconfig: ${name}: error fetching interface information: Device not found\n`)
    return 1
  }
  const change = words[1]
  if (name !== undefined && change !== undefined) {
    if (change === 'up' || change === 'down') p.net.setLink(name, { up: change === 'up' })
    else p.net.addAddress(name, change.includes('/') ? change : `${change}/24`)
    return 0
  }
  let text = ''
  for (const l of p.net.links.values()) {
    if (name === undefined ? !l.up && !p.argv.includes('-a') : l.name !== name) continue
    const [a, s] = [l.addresses[0], l.statistics]
    const size = (n: number) => `${n} (${n >= 1048576 ? `${(n / 1048576).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n.toFixed(1)} B`})`
    const words = [l.up && 'UP', l.kind === 'loopback' ? 'LOOPBACK' : 'BROADCAST', l.up && l.carrier && 'RUNNING', l.kind !== 'loopback' && 'MULTICAST'].filter((w): w is string => typeof w === 'string')
    text += `${l.name.padEnd(9)} Link encap:${l.kind === 'loopback' ? 'Local Loopback  ' : `Ethernet  HWaddr ${l.mac.toUpperCase()}  `}\n`
    if (a) text += `          inet addr:${a.address}  ${l.kind === 'loopback' ? '' : `Bcast:${a.broadcast ?? '0.0.0.0'}  `}Mask:${dotted(a.length)}\n`
    text += `          ${words.join(' ')}  MTU:${l.mtu}  Metric:1\n          RX packets:${s.rxPackets} errors:${s.rxErrors} dropped:${s.rxDropped} overruns:0 frame:0\n          TX packets:${s.txPackets} errors:${s.txErrors} dropped:${s.txDropped} overruns:0 carrier:0\n          collisions:0 txqueuelen:${l.queueLength} \n          RX bytes:${size(s.rxBytes)}  TX bytes:${size(s.txBytes)}\n\n`
  }
  await say(p, text)
  return 0
}

export const busyboxRoute: Program = async (p) => {
  const numeric = p.argv.some((a) => /^-\w*n/.test(a))
  await say(p, `Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n${p.net.routes().filter((r) => r.device !== undefined).map((r) => {
    const [to, length] = r.to === 'default' ? ['0.0.0.0', 0] : r.to.includes('/') ? [r.to.split('/')[0]!, Number(r.to.split('/')[1])] : [r.to, 32]
    return `${(to === '0.0.0.0' && !numeric ? 'default' : to).padEnd(15)} ${(r.via ?? (numeric ? '0.0.0.0' : '*')).padEnd(15)} ${dotted(length).padEnd(16)}${`U${r.via ? 'G' : ''}${length === 32 ? 'H' : ''}`.padEnd(5)} ${String(r.metric ?? 0).padEnd(6)} 0        0 ${r.device}\n`
  }).join('')}`)
  return 0
}

export const busyboxNetstat: Program = async (p: Process) => {
  const letters = p.argv.slice(1).join('')
  if (letters.includes('r')) {
    const row = (to: string, via: string, mask: string, marks: string, device: string) => `${to.padEnd(15)} ${via.padEnd(15)} ${mask.padEnd(15)} ${marks.padEnd(7)}   0 0          0 ${device}\n`
    await say(p, `Kernel IP routing table\nDestination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n${p.net.routes().filter((r) => r.device !== undefined).map((r) => {
      const [to, length] = r.to === 'default' ? ['0.0.0.0', 0] : r.to.includes('/') ? [r.to.split('/')[0]!, Number(r.to.split('/')[1])] : [r.to, 32]
      return row(to, r.via ?? '0.0.0.0', dotted(length), `U${r.via ? 'G' : ''}${length === 32 ? 'H' : ''}`, r.device!)
    }).join('')}`)
    return 0
  }
  const tcp = letters.includes('t')
  const udp = letters.includes('u')
  const all = letters.includes('a')
  const listening = letters.includes('l')
  const rows = p.net.sockets.list().filter((s) => (s.protocol === 'tcp' ? tcp || !udp : udp || !tcp) && (all || (listening ? s.state === 'LISTEN' || s.state === 'UNCONN' : s.state !== 'LISTEN' && s.state !== 'UNCONN')))
  const states: Readonly<Record<string, string>> = { ESTAB: 'ESTABLISHED', 'TIME-WAIT': 'TIME_WAIT', 'CLOSE-WAIT': 'CLOSE_WAIT', 'SYN-SENT': 'SYN_SENT', 'FIN-WAIT-1': 'FIN_WAIT1', 'FIN-WAIT-2': 'FIN_WAIT2', UNCONN: '' }
  await say(p, `Active Internet connections (${all ? 'servers and established' : listening ? 'only servers' : 'w/o servers'})\nProto Recv-Q Send-Q Local Address           Foreign Address         State       ${letters.includes('p') ? 'PID/Program name    ' : ''}\n${rows.map((s) => {
    const [name, pid] = s.owner.split(',')
    return `${s.protocol.padEnd(5)} ${String(s.receiveQueue).padStart(6)} ${String(s.state === 'LISTEN' ? 0 : s.sendQueue).padStart(6)} ${s.local.padEnd(23)} ${s.remote.padEnd(23)} ${(states[s.state] ?? s.state).padEnd(11)} ${letters.includes('p') ? (pid ? `${pid}/${name}` : '-') : ''}\n`
  }).join('')}`)
  return 0
}
