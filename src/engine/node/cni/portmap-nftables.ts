/**
 * The portmap plugin's nftables backend: the table cni_hostport, in which each rule of a container carries the container's id as comment. The
 * chain hostip_hostports stays empty, as upstream keeps it for nodes that older versions wrote to. Left out: IPv6.
 */
import type { Nftables } from '#engine/net/types.ts'
import { formatIp, parseIpNet } from '../ipam/address.ts'
import type { PortMapping, PortmapBackend, PortmapConf } from './portmap-types.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost } from './types.ts'

const table = 'ip cni_hostport'
const ownChains = ['hostports', 'hostip_hostports', 'masquerading'] as const
type OwnChain = (typeof ownChains)[number]

const applies = (m: PortMapping) => !m.hostIP?.includes(':')

function structure(conf: PortmapConf): string[] {
  const toLocal = [...(conf.conditionsV4 ?? []), 'fib daddr type local'].join(' ')
  const lines = [
    `add table ${table} { comment "CNI portmap plugin" ; }`,
    `add chain ${table} hostports`,
    `add chain ${table} hostip_hostports`,
    `add chain ${table} hostports_all`,
    `flush chain ${table} hostports_all`,
    `add rule ${table} hostports_all jump hostip_hostports`,
    `add rule ${table} hostports_all jump hostports`,
  ]
  for (const hook of ['prerouting', 'output']) {
    lines.push(`add chain ${table} ${hook} { type nat hook ${hook} priority -100 ; }`, `flush chain ${table} ${hook}`, `add rule ${table} ${hook} ${toLocal} jump hostports_all`)
  }
  if (conf.snat ?? true) lines.push(`add chain ${table} masquerading { type nat hook postrouting priority 100 ; }`)
  return lines
}

/** The rules of a container by chain, without their comment. */
function containerRules(conf: PortmapConf, mappings: readonly PortMapping[], address: string): (readonly [chain: OwnChain, rule: string])[] {
  const ip = formatIp(parseIpNet(address)!.ip)
  const rules: (readonly [OwnChain, string])[] = mappings.filter(applies).map((m) => {
    const to = m.hostIP && m.hostIP !== '0.0.0.0' ? `ip daddr ${m.hostIP} ` : ''
    return ['hostports', `${to}${m.protocol} dport ${m.hostPort} dnat to ${ip}:${m.containerPort}`]
  })
  if (!(conf.snat ?? true)) return rules
  const sources = conf.masqAll ? ['0.0.0.0/0'] : [ip, '127.0.0.1']
  return [...rules, ...sources.map((from) => ['masquerading', `ip saddr ${from} ip daddr ${ip} masquerade`] as const)]
}

function forward(call: CniCall, host: CniHost, mappings: readonly PortMapping[], address: string): void {
  const conf = call.conf as PortmapConf
  const rules = containerRules(conf, mappings, address).map(([chain, rule]) => `add rule ${table} ${chain} ${rule} comment "${call.containerId}"`)
  try {
    host.net.nftables.run(`${[...structure(conf), ...rules].join('\n')}\n`)
  } catch (error) {
    throw new CniError(`unable to set up nftables rules for port mappings: ${(error as Error).message}`)
  }
}

/** Handles of a container's rules in a chain, found as the plugin does it: by the comment, in nft's JSON. */
function handles(nftables: Nftables, chain: OwnChain, containerId: string): number[] {
  if (!nftables.names('ip', 'cni_hostport', 'chains')?.includes(chain)) return []
  const { nftables: objects } = JSON.parse(nftables.run(`list chain ${table} ${chain}`, { json: true })) as { readonly nftables: readonly { readonly rule?: { readonly handle: number; readonly comment?: string } }[] }
  return objects.flatMap(({ rule }) => (rule?.comment === containerId ? [rule.handle] : []))
}

function check(call: CniCall, host: CniHost, mappings: readonly PortMapping[], address: string): void {
  const rules = containerRules(call.conf as PortmapConf, mappings, address)
  for (const chain of ['hostports', 'masquerading'] as const) {
    if (handles(host.net.nftables, chain, call.containerId).length < rules.filter(([c]) => c === chain).length) throw new CniError(`missing hostport rules in "${chain}" chain`)
  }
}

function unforward(call: CniCall, host: CniHost): void {
  const { nftables } = host.net
  const lines = ownChains.flatMap((chain) => handles(nftables, chain, call.containerId).map((handle) => `delete rule ${table} ${chain} handle ${handle}`))
  if (lines.length > 0) nftables.run(`${lines.join('\n')}\n`)
}

export const nftablesBackend: PortmapBackend = { forward, check, unforward }
