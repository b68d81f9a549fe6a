/**
 * The host-local IPAM plugin (CNI plugins v1.9): gives each container one address out of each range set of its node's
 * configuration, round robin, remembered in files. Left out: file locking (calls never overlap here).
 */
import type { CniAddress, CniCall, CniDns, CniHost, CniResult, CniRoute, NetConf } from '../cni/types.ts'
import { CniError } from '../cni/types.ts'
import { formatIp, formatIpNet, parseIp, parseIpNet, sameIp } from './address.ts'
import type { Ip } from './address.ts'
import { parseArgs } from '../cni/args.ts'
import { candidates, canonicalizeRanges, formatRangeSet, rangeContains } from './ranges.ts'
import type { RangeConf, RangeSet } from './ranges.ts'
import { LeaseStore } from './store.ts'

interface HostLocalConf extends RangeConf {
  readonly ranges?: readonly (readonly RangeConf[])[]
  readonly routes?: readonly CniRoute[]
  readonly dataDir?: string
  readonly resolvConf?: string
}

/** One address out of the set for the container, or a CniError with the plugin's words. */
export function allocate(store: LeaseStore, set: RangeSet, rangeId: number, id: string, ifname: string, requested?: Ip): CniAddress {
  if (requested) {
    const range = set.find((r) => rangeContains(r, requested))
    if (!range) throw new CniError(`${formatIp(requested)} not in range set ${formatRangeSet(set)}`)
    if (sameIp(requested, range.gateway)) throw new CniError(`requested ip ${formatIp(requested)} is subnet's gateway`)
    if (!store.reserve(id, ifname, requested, rangeId)) {
      throw new CniError(`requested IP address ${formatIp(requested)} is not available in range set ${formatRangeSet(set)}`)
    }
    return { address: formatIpNet({ ip: requested, length: range.subnet.length }), gateway: formatIp(range.gateway) }
  }
  for (const held of store.heldBy(id, ifname)) {
    if (set.some((r) => rangeContains(r, held))) throw new CniError(`${formatIp(held)} has been allocated to ${id}, duplicate allocation is not allowed`)
  }
  for (const { ip, range } of candidates(set, store.lastReserved(rangeId))) {
    if (store.reserve(id, ifname, ip, rangeId)) return { address: formatIpNet({ ip, length: range.subnet.length }), gateway: formatIp(range.gateway) }
  }
  throw new CniError(`no IP addresses available in range set: ${formatRangeSet(set)}`)
}

/** Addresses asked for through CNI_ARGS, `args.cni.ips` and `runtimeConfig.ips`. */
function requestedAddresses(conf: NetConf, args: string): Ip[] {
  const read = (text: string) => parseIp(text) ?? parseIpNet(text)?.ip
  const out: Ip[] = []
  const argument = parseArgs(args, ['IP'], (key, value) => {
    if (key === 'IP' && !read(value)) throw new CniError(`invalid IP address ${value}`)
  }).get('IP')
  if (argument) out.push(read(argument)!)
  for (const text of [...((conf.args?.cni?.['ips'] as string[] | undefined) ?? []), ...((conf.runtimeConfig?.['ips'] as string[] | undefined) ?? [])]) {
    const ip = read(text)
    if (!ip) throw new CniError(`invalid IP address ${text}`)
    out.push(ip)
  }
  return out
}

function load(call: CniCall): { conf: HostLocalConf; sets: RangeSet[]; requested: Ip[] } {
  if (!call.conf.ipam) throw new CniError("IPAM config missing 'ipam' key")
  const conf = call.conf.ipam as unknown as HostLocalConf
  const requested = requestedAddresses(call.conf, call.args)
  const ranges = [...((call.conf.runtimeConfig?.['ipRanges'] as (readonly RangeConf[])[] | undefined) ?? []), ...(conf.subnet !== undefined ? [[conf]] : []), ...(conf.ranges ?? [])]
  const sets = canonicalizeRanges(ranges)
  const old = /^0\.[12]\.|^$/.test(call.conf.cniVersion ?? '')
  if (old && ([4, 6] as const).some((family) => sets.filter((s) => s[0]!.start.family === family).length > 1)) {
    throw new CniError(`CNI version ${call.conf.cniVersion ?? ''} does not support more than 1 address per family`)
  }
  return { conf, sets, requested }
}

/** nameservers, domain, search and options of a resolv.conf, as results carry them. */
export function readResolvConf(text: string): CniDns {
  const nameservers: string[] = []
  const search: string[] = []
  const options: string[] = []
  let domain: string | undefined
  for (const line of text.split('\n')) {
    const [key, ...words] = line.trim().split(/\s+/)
    if (key === 'nameserver' && words[0]) nameservers.push(words[0])
    else if (key === 'domain' && words[0]) domain = words[0]
    else if (key === 'search') search.push(...words)
    else if (key === 'options') options.push(...words)
  }
  return { ...(nameservers.length > 0 && { nameservers }), ...(domain !== undefined && { domain }), ...(search.length > 0 && { search }), ...(options.length > 0 && { options }) }
}

function add(call: CniCall, host: CniHost): CniResult {
  const { conf, sets, requested } = load(call)
  const dns = conf.resolvConf ? readResolvConf(host.fs.readFile(conf.resolvConf)) : undefined
  const store = new LeaseStore(host.fs, call.conf.name ?? '', conf.dataDir)
  const open = new Map(requested.map((ip) => [formatIp(ip), ip]))
  const ips: CniAddress[] = []
  for (const [i, set] of sets.entries()) {
    const wanted = [...open.values()].find((ip) => set.some((r) => rangeContains(r, ip)))
    if (wanted) open.delete(formatIp(wanted))
    try {
      ips.push(allocate(store, set, i, call.containerId, call.ifname, wanted))
    } catch (error) {
      if (ips.length > 0) store.release(call.containerId, call.ifname)
      throw new CniError(`failed to allocate for range ${i}: ${(error as Error).message}`)
    }
  }
  if (open.size > 0) {
    store.release(call.containerId, call.ifname)
    throw new CniError(`failed to allocate all requested IPs: ${[...open.keys()].join(' ')}`)
  }
  return { cniVersion: call.conf.cniVersion ?? '0.1.0', ips, ...(conf.routes && { routes: conf.routes }), ...(dns && { dns }) }
}

export function hostLocal(call: CniCall, host: CniHost): CniResult | undefined {
  if (call.command === 'ADD') return add(call, host)
  const { conf } = load(call)
  const store = new LeaseStore(host.fs, call.conf.name ?? '', conf.dataDir)
  if (call.command === 'DEL') store.release(call.containerId, call.ifname)
  else if (call.command === 'CHECK' && store.heldBy(call.containerId, call.ifname).length === 0) {
    throw new CniError(`host-local: Failed to find address added by container ${call.containerId}`)
  }
  return undefined
}
