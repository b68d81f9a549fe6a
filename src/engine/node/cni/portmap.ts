/**
 * The portmap plugin: host ports of a container by DNAT, with masquerading for hairpin and localhost traffic; the rules are a backend's, by
 * iptables where the configuration names none. Left out: IPv6, conditions and mark chains with iptables.
 */
import { formatIp, parseIpNet } from '../ipam/address.ts'
import { iptablesBackend } from './portmap-iptables.ts'
import { nftablesBackend } from './portmap-nftables.ts'
import type { PortMapping, PortmapBackend, PortmapConf } from './portmap-types.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost, CniResult } from './types.ts'

const backends: ReadonlyMap<string, PortmapBackend> = new Map([['iptables', iptablesBackend], ['nftables', nftablesBackend]])

/** Options that only one of the backends understands: a condition of iptables begins with a hyphen, one of nftables never does. */
function optionsOf(conf: PortmapConf, backend: string): string[] {
  const out = backend === 'iptables' && conf.externalSetMarkChain !== undefined ? ['externalSetMarkChain'] : []
  for (const name of ['conditionsV4', 'conditionsV6'] as const) {
    const first = conf[name]?.[0] ?? ''
    if (first !== '' && first.startsWith('-') === (backend === 'iptables')) out.push(name)
  }
  return out
}

function backendOf(conf: PortmapConf): PortmapBackend {
  if (conf.markMasqBit !== undefined && conf.externalSetMarkChain !== undefined) throw new CniError('Cannot specify externalSetMarkChain and markMasqBit')
  if (conf.markMasqBit !== undefined && (conf.markMasqBit < 0 || conf.markMasqBit > 31)) throw new CniError('MasqMarkBit must be between 0 and 31')
  const name = conf.backend ?? 'iptables'
  const other = name === 'iptables' ? 'nftables' : 'iptables'
  const wrong = optionsOf(conf, other)
  if (wrong.length > 0) throw new CniError(`${name} backend was requested but configuration contains ${other}-specific options [${wrong.join(' ')}]`)
  const backend = backends.get(name)
  if (!backend) throw new CniError(`unrecognized backend ${JSON.stringify(name)}`)
  return backend
}

function mappingsOf(conf: PortmapConf): PortMapping[] {
  const given = (conf.runtimeConfig?.['portMappings'] as readonly PortMapping[] | undefined) ?? []
  for (const m of given) {
    if (m.containerPort <= 0) throw new CniError(`Invalid container port number: ${m.containerPort}`)
    if (m.hostPort <= 0) throw new CniError(`Invalid host port number: ${m.hostPort}`)
  }
  return given.map((m) => ({ ...m, protocol: m.protocol.toLowerCase() }))
}

/** The container's first IPv4 address, with prefix length. */
function containerAddress(call: CniCall, previous: CniResult): string | undefined {
  return previous.ips?.find((ip) => {
    const on = ip.interface === undefined ? undefined : previous.interfaces?.[ip.interface]
    return (!on || (on.name === call.ifname && (on.sandbox ?? '') !== '')) && parseIpNet(ip.address)?.ip.family === 4
  })?.address
}

/** 127/8 may cross to the container's device. */
function routeLocalhost(host: CniHost, address: string): void {
  const found = host.net.routeGet(formatIp(parseIpNet(address)!.ip))
  if ('route' in found && found.route.device !== undefined) host.net.setSysctl(`net.ipv4.conf.${found.route.device}.route_localnet`, '1')
}

/** UDP flows that began before the rules would go past them for ever. */
function forgetFlows(host: CniHost, mappings: readonly PortMapping[]): void {
  const ports = new Set(mappings.filter((m) => m.protocol === 'udp').map((m) => m.hostPort))
  if (ports.size > 0) host.net.conntrack.delete((flow) => flow.protocol === 'udp' && ports.has(flow.original.destinationPort ?? 0))
}

export function portmapPlugin(call: CniCall, host: CniHost): CniResult | undefined {
  const conf = call.conf as PortmapConf
  const backend = backendOf(conf)
  const mappings = mappingsOf(conf)
  if (call.command === 'DEL') {
    backend.unforward(call, host)
    return undefined
  }
  const previous = conf.prevResult
  if (!previous) throw new CniError(call.command === 'ADD' ? 'must be called as chained plugin' : 'Required prevResult missing')
  const address = containerAddress(call, previous)
  if (call.command === 'CHECK') {
    if (address !== undefined && mappings.length > 0) backend.check(call, host, mappings, address)
    return undefined
  }
  if (address !== undefined && mappings.length > 0) {
    backend.forward(call, host, mappings, address)
    forgetFlows(host, mappings)
    if (conf.snat ?? true) routeLocalhost(host, address)
  }
  return previous
}
