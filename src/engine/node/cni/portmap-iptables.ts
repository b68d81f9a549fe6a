/** The portmap plugin's iptables backend: one nat chain per container, reached by its host ports. Left out: IPv6, own conditions and mark chains. */
import { formatIp, formatIpNet, networkOf, parseIpNet } from '../ipam/address.ts'
import { Iptables } from '../iptables.ts'
import { chainName } from './ip-masq.ts'
import type { PortMapping, PortmapBackend, PortmapConf } from './portmap-types.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost } from './types.ts'

/** Kubernetes has 14 and 15. */
const defaultMarkBit = 13

/** Host ports grouped by protocol, at most 15 to a multiport match. */
function portGroups(mappings: readonly PortMapping[]): { protocol: string; ports: number[] }[] {
  const out: { protocol: string; ports: number[] }[] = []
  for (const protocol of [...new Set(mappings.map((m) => m.protocol))].sort()) {
    const ports = [...new Set(mappings.filter((m) => m.protocol === protocol).map((m) => m.hostPort))]
    for (let i = 0; i < ports.length; i += 15) out.push({ protocol, ports: ports.slice(i, i + 15) })
  }
  return out
}

function forward(call: CniCall, host: CniHost, mappings: readonly PortMapping[], address: string): void {
  const conf = call.conf as PortmapConf
  const net = parseIpNet(address)!
  const tables = new Iptables(host.net.netfilter)
  const chain = chainName(conf.name ?? '', call.containerId, 'DN-')
  const mark = `0x${((1 << (conf.markMasqBit ?? defaultMarkBit)) >>> 0).toString(16)}`
  const snat = conf.snat ?? true
  tables.ensureChain('nat', 'CNI-HOSTPORT-DNAT')
  for (const hook of ['PREROUTING', 'OUTPUT']) tables.ensureAppended('nat', hook, '-m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT')
  if (snat) {
    tables.ensureChain('nat', 'CNI-HOSTPORT-SETMARK')
    tables.ensureAppended('nat', 'CNI-HOSTPORT-SETMARK', `-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${mark}/${mark}`)
    tables.ensureChain('nat', 'CNI-HOSTPORT-MASQ')
    tables.ensureAppended('nat', 'CNI-HOSTPORT-MASQ', `-m mark --mark ${mark}/${mark} -j MASQUERADE`)
    tables.ensureInserted('nat', 'POSTROUTING', '-m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ')
  }
  const rules: string[] = []
  for (const m of mappings) {
    if (m.hostIP && m.hostIP.includes(':')) continue
    const to = m.hostIP && m.hostIP !== '0.0.0.0' ? `-d ${m.hostIP}/32 ` : ''
    const match = `${to}-p ${m.protocol} -m ${m.protocol} --dport ${m.hostPort}`
    if (snat && conf.masqAll) rules.push(`${match} -j CNI-HOSTPORT-SETMARK`)
    else if (snat) {
      rules.push(`-s ${formatIpNet({ ip: networkOf(net), length: net.length })} ${match} -j CNI-HOSTPORT-SETMARK`)
      rules.push(`-s 127.0.0.1/32 ${match} -j CNI-HOSTPORT-SETMARK`)
    }
    rules.push(`${match} -j DNAT --to-destination ${formatIp(net.ip)}:${m.containerPort}`)
  }
  tables.replaceChain('nat', chain, rules)
  for (const { protocol, ports } of portGroups(mappings)) {
    const comment = `dnat name: \\"${conf.name ?? ''}\\" id: \\"${call.containerId}\\"`
    tables.ensureAppended('nat', 'CNI-HOSTPORT-DNAT', `-p ${protocol} -m comment --comment "${comment}" -m multiport --dports ${ports.join(',')} -j ${chain}`)
  }
}

/** Whether the container's chain still holds its rules; the error names them all, as the plugin would write them. */
function check(call: CniCall, host: CniHost, mappings: readonly PortMapping[], address: string): void {
  const conf = call.conf as PortmapConf
  const chain = chainName(conf.name ?? '', call.containerId, 'DN-')
  const marked = conf.snat ?? true ? (conf.masqAll ? [''] : [` -s ${address}`, ' -s 127.0.0.1']) : []
  const wanted = mappings.flatMap((m) => {
    const match = `-p ${m.protocol} --dport ${m.hostPort}`
    return [...marked.map((from) => `${match}${from} -j CNI-HOSTPORT-SETMARK`), `${match} -j DNAT --to-destination ${formatIp(parseIpNet(address)!.ip)}:${m.containerPort}`]
  })
  if (new Iptables(host.net.netfilter).rules('nat', chain).length < wanted.length) throw new CniError(`could not check ipv4 dnat: rule [${wanted.map((r) => `[${r}]`).join(' ')}] in chain ${chain} not found in table nat`)
}

function unforward(call: CniCall, host: CniHost): void {
  const tables = new Iptables(host.net.netfilter)
  const chain = chainName(call.conf.name ?? '', call.containerId, 'DN-')
  for (const rule of tables.rules('nat', 'CNI-HOSTPORT-DNAT')) if (rule.endsWith(`-j ${chain}`)) tables.delete('nat', 'CNI-HOSTPORT-DNAT', rule)
  tables.deleteChain('nat', chain)
}

export const iptablesBackend: PortmapBackend = { forward, check, unforward }
