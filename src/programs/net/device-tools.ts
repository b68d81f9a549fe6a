/**
 * `tc` of iproute2 6.1 and `ethtool` 6.1 as far as they look at devices: the queueing discipline that each has, a veth's driver, peer and
 * link. No disciplines or classes can be added: the simulated devices have no queues.
 */
import type { LinkInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { prettyJson } from './ip/context.ts'
import { complain, say } from './support.ts'

const tcUsage = `Usage:	tc [ OPTIONS ] OBJECT { COMMAND | help }
	tc [-force] -batch filename
where  OBJECT := { qdisc | class | filter | chain |
		    action | monitor | exec }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[aw] |
		    -o[neline] | -j[son] | -p[retty] | -c[olor]
		    -b[atch] [filename] | -n[etns] name | -N[umeric] |
		     -nm | -nam[es] | { -cf | -conf } path
		     -br[ief] }
`

const qdiscs = (p: Process, device: string | undefined) => [...p.net.links.values()].filter((l) => (device === undefined || l.name === device) && l.qdisc !== 'noop').sort((a, b) => a.index - b.index)

function qdiscLine(l: LinkInfo, named: boolean, statistics: boolean): string {
  const fair = l.qdisc === 'fq_codel' ? 'limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64 ' : ''
  const text = `qdisc ${l.qdisc} 0: ${named ? `dev ${l.name} ` : ''}root refcnt 2 ${fair}\n`
  if (!statistics) return text
  const sent = l.qdisc === 'noqueue' ? [0, 0] : [l.statistics.txBytes, l.statistics.txPackets]
  return `${text} Sent ${sent[0]} bytes ${sent[1]} pkt (dropped 0, overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n`
}

export const tc: Program = async (p) => {
  const args = p.argv.slice(1)
  const fail = async (text: string, code: number) => {
    await complain(p, text)
    return code
  }
  let statistics = false
  let json = false
  let pretty = false
  while (args[0]?.startsWith('-')) {
    const flag = args.shift()!
    if ('-statistics'.startsWith(flag) || '-stats'.startsWith(flag)) statistics = true
    else if ('-json'.startsWith(flag)) json = true
    else if ('-pretty'.startsWith(flag)) pretty = true
    else if ('-Version'.startsWith(flag)) {
      await say(p, 'tc utility, iproute2-6.1.0, libbpf 1.1.2\n')
      return 0
    } else if (!['-details', '-raw', '-oneline', '-color', '-Numeric', '-force', '-brief', '-names', '-nm'].some((f) => f.startsWith(flag))) return fail(`Option "${flag}" is unknown, try "tc -help".\n`, 255)
  }
  const object = args.shift()
  if (object === undefined || 'help'.startsWith(object)) {
    await complain(p, tcUsage)
    return object === undefined ? 0 : 255
  }
  const known = ['qdisc', 'class', 'filter', 'chain', 'action', 'monitor', 'exec'].find((o) => o.startsWith(object))
  if (known === undefined) return fail(`Object "${object}" is unknown, try "tc help".\n`, 255)
  const verb = args.shift() ?? 'show'
  const at = args.indexOf('dev')
  const device = at >= 0 ? args[at + 1] : undefined
  if (at >= 0 && device === undefined) return fail('Command line is not complete. Try option "help"\n', 255)
  if (device !== undefined && !p.net.links.has(device)) return fail(`Cannot find device "${device}"\n`, 1)
  if (['show', 'list', 'lst', 'ls'].some((v) => v.startsWith(verb))) {
    if (known !== 'qdisc') return 0
    const word = args.find((a, i) => a !== 'dev' && args[i - 1] !== 'dev' && !['root', 'ingress', 'invisible'].includes(a))
    if (word !== undefined) return fail(`What is "${word}"? Try "tc qdisc help".\n`, 255)
    const rows = qdiscs(p, device)
    if (json) {
      const list = rows.map((l) => ({ kind: l.qdisc, handle: '0:', ...(device === undefined && { dev: l.name }), root: true, refcnt: 2, options: {} }))
      await say(p, pretty ? prettyJson(list) : JSON.stringify(list) + '\n')
    } else await say(p, rows.map((l) => qdiscLine(l, device === undefined, statistics)).join(''))
    return 0
  }
  if (!['add', 'change', 'replace', 'delete', 'link'].some((v) => v.startsWith(verb))) return fail(`Command "${verb}" is unknown, try "tc ${known} help".\n`, 255)
  if (!p.can('NET_ADMIN')) return fail('RTNETLINK answers: Operation not permitted\n', 2)
  return fail('delete'.startsWith(verb) ? 'Error: Cannot delete qdisc with handle of zero.\n' : known === 'qdisc' ? 'Error: Specified qdisc kind is unknown.\n' : 'RTNETLINK answers: Operation not supported\n', 2)
}

const drivers: Readonly<Record<LinkInfo['kind'], readonly [name: string, version: string] | undefined>> = { veth: ['veth', '1.0'], bridge: ['bridge', '2.3'], vxlan: ['vxlan', '0.1'], dummy: ['dummy', '1.0'], ipip: undefined, loopback: undefined, physical: ['virtio_net', '1.0.0'] }

function settings(l: LinkInfo): string {
  if (l.kind === 'loopback' || l.kind === 'ipip') return `Settings for ${l.name}:\n\tLink detected: ${l.up ? 'yes' : 'no'}\n`
  const speed = l.kind === 'veth' ? '10000Mb/s' : 'Unknown!'
  return `Settings for ${l.name}:\n\tSupported ports: [  ]\n\tSupported link modes:   Not reported\n\tSupported pause frame use: No\n\tSupports auto-negotiation: No\n\tSupported FEC modes: Not reported\n\tAdvertised link modes:  Not reported\n\tAdvertised pause frame use: No\n\tAdvertised auto-negotiation: No\n\tAdvertised FEC modes: Not reported\n\tSpeed: ${speed}\n\tDuplex: ${l.kind === 'veth' ? 'Full' : 'Unknown! (255)'}\n\tAuto-negotiation: off\n\tPort: ${l.kind === 'veth' ? 'Twisted Pair' : 'Other'}\n\tPHYAD: 0\n\tTransceiver: internal\n${l.kind === 'veth' ? '\tMDI-X: Unknown\n' : ''}\tLink detected: ${l.up && l.carrier ? 'yes' : 'no'}\n`
}

const queueCounters = ['rx_queue_0_xdp_packets', 'rx_queue_0_xdp_bytes', 'rx_queue_0_drops', 'rx_queue_0_xdp_redirect', 'rx_queue_0_xdp_drops', 'rx_queue_0_xdp_tx', 'rx_queue_0_xdp_tx_errors', 'tx_queue_0_xdp_xmit', 'tx_queue_0_xdp_xmit_errors']

/** Options that look at a device: what they print, or the complaint and the code. */
const views: Readonly<Record<string, (l: LinkInfo) => string | readonly [text: string, code: number]>> = {
  '-i': (l) => {
    const driver = drivers[l.kind]
    if (!driver) return ['Cannot get driver information: Operation not supported\n', 71]
    return `driver: ${driver[0]}\nversion: ${driver[1]}\nfirmware-version: \nexpansion-rom-version: \nbus-info: \nsupports-statistics: ${l.kind === 'veth' ? 'yes' : 'no'}\nsupports-test: no\nsupports-eeprom-access: no\nsupports-register-dump: no\nsupports-priv-flags: no\n`
  },
  '-S': (l) => (l.kind === 'veth' && l.peer ? `NIC statistics:\n     peer_ifindex: ${l.peer.index}\n${queueCounters.map((c) => `     ${c}: 0\n`).join('')}` : ['no stats available\n', 94]),
  '-k': (l) => `Features for ${l.name}:\nrx-checksumming: on\ntx-checksumming: on\n\ttx-checksum-ipv4: off [fixed]\n\ttx-checksum-ip-generic: on\n\ttx-checksum-ipv6: off [fixed]\n\ttx-checksum-fcoe-crc: off [fixed]\n\ttx-checksum-sctp: on\nscatter-gather: on\n\ttx-scatter-gather: on\n\ttx-scatter-gather-fraglist: on\ntcp-segmentation-offload: on\n\ttx-tcp-segmentation: on\n\ttx-tcp-ecn-segmentation: on\n\ttx-tcp-mangleid-segmentation: on\n\ttx-tcp6-segmentation: on\ngeneric-segmentation-offload: on\ngeneric-receive-offload: off\nlarge-receive-offload: off [fixed]\nrx-vlan-offload: on\ntx-vlan-offload: on\n`,
}
const longViews: Readonly<Record<string, string>> = { '--driver': '-i', '--statistics': '-S', '--show-features': '-k', '--show-offload': '-k' }
const missing: Readonly<Record<string, readonly [text: string, code: number]>> = { '-i': ['Cannot get driver information: No such device\n', 71], '-S': ['Cannot get stats strings information: No such device\n', 96], '-k': ['netlink error: no device matches name (offset 24)\nnetlink error: No such device\n', 1] }

export const ethtool: Program = async (p) => {
  const [first, second] = p.argv.slice(1)
  if (first === '--version') {
    await say(p, 'ethtool version 6.1\n')
    return 0
  }
  const view = first?.startsWith('-') ? (longViews[first] ?? first) : ''
  const name = view === '' ? first : second
  if (name === undefined || (view !== '' && !views[view])) {
    await complain(p, 'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n')
    return 1
  }
  const l = p.net.links.get(name)
  if (!l) {
    const [text, code] = missing[view] ?? ['netlink error: no device matches name (offset 24)\nnetlink error: No such device\n'.repeat(5), 75]
    await complain(p, text)
    if (view === '') await say(p, 'No data available\n')
    return code
  }
  const shown = view === '' ? settings(l) : views[view]!(l)
  if (typeof shown === 'string') {
    await say(p, shown)
    return 0
  }
  await complain(p, shown[0])
  return shown[1]
}
