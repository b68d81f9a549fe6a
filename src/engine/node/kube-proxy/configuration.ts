/** KubeProxyConfiguration v1alpha1 as far as the iptables and nftables modes use it, with its defaults. */
import { parseGoDuration } from '#base/duration.ts'

export interface KubeProxyConfiguration {
  readonly mode: string
  readonly bindAddress: string
  readonly clusterCidr: string
  readonly detectLocalMode: string
  readonly bridgeInterface: string
  readonly interfaceNamePrefix: string
  readonly masqueradeAll: boolean
  readonly masqueradeBit: number
  readonly localhostNodePorts: boolean
  /** The nftables mode has settings of its own. */
  readonly nftables: { readonly masqueradeAll: boolean; readonly masqueradeBit: number; readonly minSyncPeriod: number; readonly syncPeriod: number }
  /** ms */
  readonly minSyncPeriod: number
  readonly syncPeriod: number
  readonly nodePortAddresses: readonly string[]
  readonly healthzBindAddress: string
  readonly metricsBindAddress: string
  readonly tcpBeLiberal: boolean
  readonly hostnameOverride: string
  readonly kubeconfig: string
  /** Seconds for nf_conntrack_tcp_timeout_established and …_close_wait; 0 leaves them alone. */
  readonly tcpEstablishedTimeout: number
  readonly tcpCloseWaitTimeout: number
}

type Loose = Readonly<Record<string, unknown>>

/** Fills in the defaults; `raw` is the decoded file. What has the wrong type counts as absent. */
export function readConfiguration(raw: unknown): KubeProxyConfiguration {
  const root = (raw ?? {}) as Loose
  const part = (key: string): Loose => (root[key] !== null && typeof root[key] === 'object' ? (root[key] as Loose) : {})
  const text = (of: Loose, key: string, or = '') => (typeof of[key] === 'string' && of[key] !== '' ? of[key] : or)
  const flag = (of: Loose, key: string, or: boolean) => (typeof of[key] === 'boolean' ? of[key] : or)
  const duration = (value: unknown) => (typeof value === 'string' ? parseGoDuration(value) : undefined)
  const positive = (value: unknown, or: number) => {
    const ms = duration(value)
    return ms === undefined || ms === 0 ? or : ms
  }
  const iptables = part('iptables')
  const nftables = part('nftables')
  const conntrack = part('conntrack')
  const detect = part('detectLocal')
  const mode = text(root, 'mode', 'iptables')
  return {
    mode,
    bindAddress: text(root, 'bindAddress', '0.0.0.0'),
    clusterCidr: text(root, 'clusterCIDR'),
    detectLocalMode: text(root, 'detectLocalMode', 'ClusterCIDR'),
    bridgeInterface: text(detect, 'bridgeInterface'),
    interfaceNamePrefix: text(detect, 'interfaceNamePrefix'),
    masqueradeAll: flag(iptables, 'masqueradeAll', false),
    masqueradeBit: typeof iptables['masqueradeBit'] === 'number' ? iptables['masqueradeBit'] : 14,
    localhostNodePorts: flag(iptables, 'localhostNodePorts', true),
    nftables: {
      masqueradeAll: flag(nftables, 'masqueradeAll', false), masqueradeBit: typeof nftables['masqueradeBit'] === 'number' ? nftables['masqueradeBit'] : 14,
      minSyncPeriod: positive(nftables['minSyncPeriod'], 1000), syncPeriod: positive(nftables['syncPeriod'], 30_000),
    },
    minSyncPeriod: positive(iptables['minSyncPeriod'], 1000),
    syncPeriod: positive(iptables['syncPeriod'], 30_000),
    nodePortAddresses: Array.isArray(root['nodePortAddresses']) ? (root['nodePortAddresses'] as string[]) : [],
    healthzBindAddress: text(root, 'healthzBindAddress', '0.0.0.0:10256'),
    metricsBindAddress: text(root, 'metricsBindAddress', '127.0.0.1:10249'),
    tcpBeLiberal: flag(conntrack, 'tcpBeLiberal', false),
    hostnameOverride: text(root, 'hostnameOverride'),
    kubeconfig: text(part('clientConnection'), 'kubeconfig'),
    tcpEstablishedTimeout: (duration(conntrack['tcpEstablishedTimeout']) ?? 86_400_000) / 1000,
    tcpCloseWaitTimeout: (duration(conntrack['tcpCloseWaitTimeout']) ?? 3_600_000) / 1000,
  }
}
