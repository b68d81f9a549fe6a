/**
 * The firewall plugin (iptables backend, which it falls back to where there is no firewalld): lets the addresses of the plugins before it be
 * forwarded, and keeps bridges apart where `ingressPolicy` says so. Left out: firewalld, IPv6.
 */
import { parseIpNet, formatIp } from '../ipam/address.ts'
import { Iptables } from '../iptables.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost, CniResult, NetConf } from './types.ts'

interface FirewallConf extends NetConf {
  readonly iptablesAdminChainName?: string
  readonly ingressPolicy?: string
}

const chain = 'CNI-FORWARD'
const comment = (text: string) => `-m comment --comment "CNI firewall plugin ${text}"`

function addressRules(result: CniResult): string[] {
  return (result.ips ?? []).flatMap((ip) => {
    const net = parseIpNet(ip.address)
    if (net?.ip.family !== 4) return []
    const address = `${formatIp(net.ip)}/32`
    return [`-d ${address} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`, `-s ${address} -j ACCEPT`]
  })
}

/** Traffic from one bridge to another ends in the second stage, which holds one rule for each bridge that is kept apart. */
function keepApart(tables: Iptables, bridge: string, policy: 'same-bridge' | 'isolated'): void {
  const [first, second] = ['CNI-ISOLATION-STAGE-1', 'CNI-ISOLATION-STAGE-2']
  const both = comment('rules (ingressPolicy: same-bridge|isolated)')
  for (const stage of [first, second]) tables.ensureChain('filter', stage)
  tables.ensureInserted('filter', 'FORWARD', `${both} -j ${first}`)
  tables.ensureInserted('filter', first, `-i ${bridge} ${policy === 'same-bridge' ? `! -o ${bridge} ` : ''}${comment(`rules (ingressPolicy: ${policy})`)} -j ${second}`)
  tables.ensureAppended('filter', first, `${both} -j RETURN`)
  tables.ensureInserted('filter', second, `-o ${bridge} ${both} -j DROP`)
  tables.ensureAppended('filter', second, `${both} -j RETURN`)
}

function add(conf: FirewallConf, result: CniResult, tables: Iptables): void {
  const admin = conf.iptablesAdminChainName ?? 'CNI-ADMIN'
  for (const name of [chain, admin]) tables.ensureChain('filter', name)
  tables.ensureInserted('filter', 'FORWARD', `${comment('rules')} -j ${chain}`)
  tables.ensureInserted('filter', chain, `${comment('admin overrides')} -j ${admin}`)
  for (const rule of addressRules(result)) tables.ensureAppended('filter', chain, rule)
  const policy = conf.ingressPolicy ?? ''
  if (policy === '' || policy === 'open') return
  if (policy !== 'same-bridge' && policy !== 'isolated') throw new CniError(`unknown ingress policy: "${policy}"`)
  const bridge = result.interfaces?.find((i) => i.sandbox === undefined || i.sandbox === '')
  if (bridge) keepApart(tables, bridge.name, policy)
}

export function firewallPlugin(call: CniCall, host: CniHost): CniResult | undefined {
  const conf = call.conf as FirewallConf
  const result = conf.prevResult
  const tables = new Iptables(host.net.netfilter)
  if (call.command === 'DEL') {
    for (const rule of result ? addressRules(result) : []) tables.delete('filter', chain, rule)
    return undefined
  }
  if (!result) throw new CniError('missing prevResult from earlier plugin')
  if (call.command === 'ADD') {
    add(conf, result, tables)
    return result
  }
  const missing = addressRules(result).find((rule) => !tables.has('filter', chain, rule))
  if (missing !== undefined) throw new CniError(`expected rule not found in ${chain}: ${missing}`)
  return undefined
}
