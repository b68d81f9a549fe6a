/** What `--write-config-to` writes: every field of KubeProxyConfiguration; those that are not modelled have their defaults. */
import { formatGoDuration } from '#base/duration.ts'
import type { KubeProxyConfiguration } from './configuration.ts'

const text = (value: string) => (value === '' ? '""' : value)

export function configurationText(c: KubeProxyConfiguration, verbosity = '0'): string {
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: ${c.bindAddress}
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 10
  contentType: application/vnd.kubernetes.protobuf
  kubeconfig: ${text(c.kubeconfig)}
  qps: 5
clusterCIDR: ${text(c.clusterCidr)}
configSyncPeriod: 15m0s
conntrack:
  maxPerCore: 32768
  min: 131072
  tcpBeLiberal: ${c.tcpBeLiberal}
  tcpCloseWaitTimeout: ${formatGoDuration(c.tcpCloseWaitTimeout * 1000)}
  tcpEstablishedTimeout: ${formatGoDuration(c.tcpEstablishedTimeout * 1000)}
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ${text(c.bridgeInterface)}
  interfaceNamePrefix: ${text(c.interfaceNamePrefix)}
detectLocalMode: ${c.detectLocalMode}
enableProfiling: false
healthzBindAddress: ${c.healthzBindAddress}
hostnameOverride: ${text(c.hostnameOverride)}
iptables:
  localhostNodePorts: ${c.localhostNodePorts}
  masqueradeAll: ${c.masqueradeAll}
  masqueradeBit: ${c.masqueradeBit}
  minSyncPeriod: ${formatGoDuration(c.minSyncPeriod)}
  syncPeriod: ${formatGoDuration(c.syncPeriod)}
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
kind: KubeProxyConfiguration
logging:
  flushFrequency: 5s
  format: text
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: ${verbosity}
metricsBindAddress: ${c.metricsBindAddress}
mode: ${c.mode}
nftables:
  masqueradeAll: ${c.nftables.masqueradeAll}
  masqueradeBit: ${c.nftables.masqueradeBit}
  minSyncPeriod: 0s
  syncPeriod: 0s
nodePortAddresses:${c.nodePortAddresses.length === 0 ? ' null' : c.nodePortAddresses.map((a) => `\n- ${a}`).join('')}
oomScoreAdj: -999
portRange: ""
showHiddenMetricsForVersion: ""
winkernel:
  enableDSR: false
  forwardHealthCheckVip: false
  networkName: ""
  rootHnsEndpointName: ""
  sourceVip: ""
`
}
