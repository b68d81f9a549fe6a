/** net-tools 2.10: arp, route and ifconfig (reading; route add/del as far as learners type it). */
import { maskOf, parseIpv4 } from '#base/ip.ts'
import { NetError } from '#engine/net/error.ts'
import type { Program } from '#engine/machine/process.ts'
import { reverseLookup } from './dns-client.ts'
import { getopt } from './getopt.ts'
import { complain, nameOf, say } from './support.ts'

const maskText = (length: number) => {
  const m = maskOf(length)
  return `${m >>> 24}.${(m >>> 16) & 255}.${(m >>> 8) & 255}.${m & 255}`
}

export const arp: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'aenvDi:d:s:H:', { numeric: '', device: ':', delete: ':' })
  const device = o.get('i', 'device')
  if (device !== undefined && !p.net.links.has(device)) {
    await say(p, `arp: in ${p.net.neighbours().length} entries no match found.\n`)
    return 0
  }
  const gone = o.get('d', 'delete')
  if (gone !== undefined) {
    const entry = p.net.neighbours(device).find((n) => n.address === gone)
    if (entry) p.net.deleteNeighbour(entry.device, gone)
    else await complain(p, `No ARP entry for ${gone}\n`)
    return entry ? 0 : 255
  }
  const rows = p.net.neighbours(device).filter((n) => n.state !== 'NOARP' && (o.operands[0] === undefined || n.address === o.operands[0]))
  const name = async (address: string) => (o.has('n', 'numeric') ? address : ((await nameOf(p, address, reverseLookup)) ?? (o.has('a') ? '?' : address)))
  if (o.has('a')) {
    for (const n of rows) await say(p, `${await name(n.address)} (${n.address}) at ${n.mac === undefined ? '<incomplete> ' : `${n.mac} [ether]`}${n.state === 'PERMANENT' ? ' PERM' : ''} on ${n.device}\n`)
    return 0
  }
  if (rows.length === 0) {
    if (o.operands[0] !== undefined) await say(p, `${o.operands[0]} (${o.operands[0]}) -- no entry\n`)
    return 0
  }
  await say(p, 'Address                  HWtype  HWaddress           Flags Mask            Iface\n')
  for (const n of rows) await say(p, `${(await name(n.address)).padEnd(23)}  ${n.mac === undefined ? '        (incomplete)       ' : `ether   ${n.mac}   ${(n.state === 'PERMANENT' ? 'CM' : 'C').padEnd(21)}`}${n.mac === undefined ? '                      ' : ''} ${n.device}\n`)
  return 0
}

export const route: Program = async (p) => {
  const args = p.argv.slice(1)
  const words = args.filter((a) => !/^-[nevFC]+$/.test(a) && a !== '-net' && a !== '-host')
  const verb = words[0]
  if (verb === 'add' || verb === 'del') {
    const value = (key: string) => (words.includes(key) ? words[words.indexOf(key) + 1] : undefined)
    const mask = value('netmask')
    const length = mask === undefined ? undefined : [...Array(33).keys()].find((n) => maskText(n) === mask)
    const to = `${words[1] ?? 'default'}${length === undefined ? '' : `/${length}`}`
    const [via, device, metric] = [value('gw'), value('dev'), value('metric')]
    const spec = { to, ...(via !== undefined && { via }), ...(device !== undefined && { device }), ...(metric !== undefined && { metric: Number(metric) }) }
    try {
      if (verb === 'add') p.net.addRoute(spec)
      else p.net.deleteRoute(spec)
      return 0
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      await complain(p, `SIOC${verb === 'add' ? 'ADD' : 'DEL'}RT: ${error.extended ? 'Network is unreachable' : error.message}\n`)
      return 7
    }
  }
  const numeric = args.some((a) => /^-\w*n/.test(a))
  let text = 'Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n'
  for (const r of p.net.routes()) {
    const [to, length] = r.to === 'default' ? ['0.0.0.0', 0] : r.to.includes('/') ? [r.to.split('/')[0]!, Number(r.to.split('/')[1])] : [r.to, 32]
    const reject = r.type === 'unreachable' || r.type === 'blackhole' || r.type === 'prohibit'
    text += `${(numeric || to !== '0.0.0.0' ? to : 'default').padEnd(15)} ${(r.via ?? (reject ? '-' : '0.0.0.0')).padEnd(15)} ${maskText(length).padEnd(15)} ${`${reject ? '!' : 'U'}${r.via ? 'G' : ''}${length === 32 ? 'H' : ''}`.padEnd(5)} ${String(r.metric ?? 0).padEnd(6)} ${(reject ? '-' : '0').padEnd(5)} ${'0'.padStart(4)} ${r.device ?? '-'}\n`
  }
  await say(p, text)
  return 0
}

export const ifconfig: Program = async (p) => {
  const args = p.argv.slice(1)
  const name = args.find((a) => !a.startsWith('-'))
  if (name !== undefined && !p.net.links.has(name)) {
    await complain(p, `${name}: error fetching interface information: Device not found\n`)
    return 1
  }
  const at = name === undefined ? -1 : args.indexOf(name)
  const change = at >= 0 ? args[at + 1] : undefined
  if (name !== undefined && change !== undefined) {
    if (change === 'up' || change === 'down') p.net.setLink(name, { up: change === 'up' })
    else if (change === 'mtu') p.net.setLink(name, { mtu: Number(args[at + 2]) })
    else if (parseIpv4(change.split('/')[0]!) !== undefined) {
      p.net.addAddress(name, change.includes('/') ? change : `${change}/24`)
      p.net.setLink(name, { up: true })
    }
    return 0
  }
  let text = ''
  for (const l of p.net.links.values()) {
    if (name === undefined ? !l.up && !args.includes('-a') : l.name !== name) continue
    const flags = [l.up && 'UP', l.kind !== 'loopback' && 'BROADCAST', l.kind === 'loopback' && 'LOOPBACK', l.up && l.carrier && 'RUNNING', l.kind !== 'loopback' && 'MULTICAST'].filter((f): f is string => typeof f === 'string')
    const value = (l.up ? 1 : 0) | (l.kind === 'loopback' ? 8 : 2) | (l.up && l.carrier ? 64 : 0) | (l.kind === 'loopback' ? 0 : 4096)
    const [a, s] = [l.addresses[0], l.statistics]
    const size = (n: number) => `${n} (${n >= 1e6 ? `${(n / 1048576).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n.toFixed(1)} B`})`
    text += `${l.name}: flags=${value}<${flags.join(',')}>  mtu ${l.mtu}\n`
    if (a) text += `        inet ${a.address}  netmask ${maskText(a.length)}${a.broadcast !== undefined ? `  broadcast ${a.broadcast}` : l.kind === 'loopback' ? '' : '  broadcast 0.0.0.0'}\n`
    text += l.kind === 'loopback' ? '        loop  txqueuelen 1000  (Local Loopback)\n' : `        ether ${l.mac}  txqueuelen ${l.queueLength}  (Ethernet)\n`
    text += `        RX packets ${s.rxPackets}  bytes ${size(s.rxBytes)}\n        RX errors ${s.rxErrors}  dropped ${s.rxDropped}  overruns 0  frame 0\n        TX packets ${s.txPackets}  bytes ${size(s.txBytes)}\n        TX errors ${s.txErrors}  dropped ${s.txDropped} overruns 0  carrier 0  collisions 0\n\n`
  }
  await say(p, text)
  return 0
}
