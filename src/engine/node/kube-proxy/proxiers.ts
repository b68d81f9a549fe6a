/** The proxier of each mode, made from the configuration, with what each logs when it is made and what it takes away of the other one. */
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import type { Severity } from '../klog.ts'
import { cleanIptables, cleanNftables } from './cleanup.ts'
import type { KubeProxyConfiguration } from './configuration.ts'
import { syncOptions } from './iptables/options.ts'
import { IptablesProxier } from './iptables/proxier.ts'
import { nftOptions } from './nftables/options.ts'
import { NftablesProxier } from './nftables/proxier.ts'

export type Log = (severity: Severity, at: string, text: string, values?: Readonly<Record<string, unknown>>) => void

export interface Proxier {
  start(): void
  stop(): void
  /** Something about the service (`ns/name`) or its slices has changed. */
  changed(service: string): void
  forceFullSync(): void
}

export interface ProxierNeeds {
  readonly sim: Sim
  readonly net: NetNamespace
  readonly nodeName: string
  readonly nodeIp: string
  readonly podCidr: string | undefined
  readonly config: KubeProxyConfiguration
  readonly log: Log
  /** -v */
  readonly verbosity: number
  readonly slicesOf: (service: string) => readonly EndpointSlice[]
  readonly serviceOf: (service: string) => Service | undefined
  readonly zone: () => string
  readonly serviceCidrs: () => readonly string[]
  readonly onSynced: (counts: ReadonlyMap<string, { readonly nodePort: number; readonly endpoints: number }>) => void
}

const families = ['IPv4', 'IPv6'] as const
const seconds = (ms: number) => `${ms / 1000}s`

function noDetector(n: ProxierNeeds, detector: unknown): void {
  if (detector === undefined && n.config.detectLocalMode === 'ClusterCIDR') {
    n.log('I', 'server_linux.go:413', 'Detect-local-mode set to ClusterCIDR, but no cluster CIDR specified for primary IP family', { ipFamily: 'IPv4', clusterCIDRs: null })
  }
}

function iptables(n: ProxierNeeds): Proxier {
  const { config, net, log, sim, nodeName } = n
  cleanNftables(net.nftables)
  const rules = syncOptions(config, net, n.nodeIp, n.podCidr)
  noDetector(n, rules.detector)
  log('I', 'server_linux.go:152', 'Using iptables Proxier')
  if (rules.localhostNodePorts && net.sysctl('net.ipv4.conf.all.route_localnet') !== '1') {
    log('I', 'proxier.go:258', 'Setting route_localnet=1 to allow node-ports on localhost; to change this either disable iptables.localhostNodePorts (--iptables-localhost-nodeports) or set nodePortAddresses (--nodeport-addresses) to filter loopback addresses', { ipFamily: 'IPv4' })
    if (n.verbosity >= 2) log('I', 'utils.go:111', 'Changed sysctl', { name: 'net/ipv4/conf/all/route_localnet', before: 0, after: 1 })
    net.setSysctl('net.ipv4.conf.all.route_localnet', '1')
  }
  if (config.tcpBeLiberal) for (const ipFamily of families) log('I', 'proxier.go:277', 'nf_conntrack_tcp_be_liberal set, not installing DROP rules for INVALID packets', { ipFamily })
  if (n.verbosity >= 2) {
    for (const ipFamily of families) {
      log('I', 'proxier.go:285', 'Using iptables mark for masquerade', { ipFamily, mark: mark(config.masqueradeBit) })
      log('I', 'proxier.go:330', 'Iptables sync params', { ipFamily, minSyncPeriod: seconds(config.minSyncPeriod), syncPeriod: seconds(config.syncPeriod), maxSyncPeriod: '1h0m0s' })
      log('I', 'proxier.go:340', 'Iptables supports --random-fully', { ipFamily })
    }
  }
  return new IptablesProxier({
    sim, net, nodeName, rules, minSyncPeriod: config.minSyncPeriod, syncPeriod: config.syncPeriod, slicesOf: n.slicesOf, serviceOf: n.serviceOf, zone: n.zone, onSynced: n.onSynced,
    ...(n.verbosity >= 2 && { tell: (text: string, values: Readonly<Record<string, unknown>>) => log('I', `proxier.go:${places[text] ?? 1}`, text, values) }),
    logError: (message) => log('E', 'proxier.go:1405', 'Failed to execute iptables-restore', { err: message }),
  })
}

const mark = (bit: number) => `0x${((1 << bit) >>> 0).toString(16).padStart(8, '0')}`

/** Line numbers of the proxiers' messages. */
const places: Readonly<Record<string, number>> = {
  'Failed to list existing nftables objects': 1177, 'nftables sync failed': 1826, 'Sync failed': 1138, 'Deleting stale nftables chains': 1160, 'Unable to delete stale chains; will retry later': 1166,
  'Syncing iptables rules': 677, 'Reloading service iptables data': 1370, 'Not syncing iptables until Services and Endpoints have been received from master': 659, 'Syncing nftables rules': 1129, 'Reloading service nftables data': 1811, 'SyncProxyRules complete': 1123, 'Not syncing nftables until Services and Endpoints have been received from master': 1103,
}

function nftables(n: ProxierNeeds): Proxier {
  const { config, net, log, sim, nodeName } = n
  cleanIptables(net.netfilter)
  const options = () => nftOptions(config, net, n.nodeIp, n.podCidr, n.serviceCidrs())
  noDetector(n, options().detector)
  log('I', 'server_linux.go:201', 'Using nftables Proxier')
  if (n.verbosity >= 2) {
    for (const ipFamily of families) {
      log('I', 'proxier.go:222', 'Using nftables mark for masquerade', { ipFamily, mark: mark(config.nftables.masqueradeBit) })
      log('I', 'proxier.go:260', 'NFTables sync params', { ipFamily, minSyncPeriod: seconds(config.nftables.minSyncPeriod), syncPeriod: seconds(config.nftables.syncPeriod), maxSyncPeriod: '1h0m0s' })
    }
  }
  return new NftablesProxier({
    sim, net, nodeName, options, minSyncPeriod: config.nftables.minSyncPeriod, syncPeriod: config.nftables.syncPeriod, verbosity: n.verbosity, slicesOf: n.slicesOf, serviceOf: n.serviceOf, zone: n.zone, onSynced: n.onSynced,
    log: (severity, text, values) => log(severity, `proxier.go:${places[text] ?? 1}`, text, values),
  })
}

/** At -v=2: the first of the two informers that is done finds that the other is not. */
export function tellNotSyncing(mode: string, log: Log): void {
  const text = `Not syncing ${mode} until Services and Endpoints have been received from master`
  for (const ipFamily of mode === 'iptables' ? families : families.slice(1)) log('I', `proxier.go:${places[text]}`, text, { ipFamily })
}

/** By the mode's name. */
export const proxiers: Readonly<Record<string, (needs: ProxierNeeds) => Proxier>> = { iptables, nftables }
