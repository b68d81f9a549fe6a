/**
 * The kube-proxy binary: flags, configuration file, start, informers, health ports (cmd/kube-proxy v1.35). Only the iptables mode is
 * modelled; ipvs answers as a kernel without IPVS does, nftables says that it is not there.
 */
import { parseIpv4 } from '#base/ip.ts'
import { parseYaml } from '#base/yaml.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { nodes } from '#engine/kinds/node/types.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import type { Process } from '#engine/machine/process.ts'
import type { TcpListener } from '#engine/net/types.ts'
import { lineWriter } from '../daemon-log.ts'
import { klogLine, structured } from '../klog.ts'
import type { Severity } from '../klog.ts'
import type { ContainerContext } from '../runtime/image.ts'
import { readConfiguration } from './configuration.ts'
import type { KubeProxyConfiguration } from './configuration.ts'
import { ServiceHealth, serveHealthz, serveMetrics } from './health.ts'
import { syncOptions } from './iptables/options.ts'
import { IptablesProxier } from './iptables/proxier.ts'

export const kubeProxyVersion = 'v1.35.4'

type Log = (severity: Severity, at: string, text: string, values?: Readonly<Record<string, unknown>>) => void

function flagsOf(argv: readonly string[]): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  for (const arg of argv.slice(1)) {
    const m = /^--?([^=]+)(?:=(.*))?$/s.exec(arg)
    if (m) out.set(m[1]!, m[2] ?? 'true')
  }
  return out
}

const modes = ['', 'iptables', 'ipvs', 'nftables']

/** The configuration, or what `command failed` says. */
export function loadConfiguration(process: Process, flags: ReadonlyMap<string, string>): { readonly config: KubeProxyConfiguration } | { readonly error: string } {
  const file = flags.get('config')
  let raw: unknown = {}
  if (file !== undefined) {
    if (!process.fs.exists(file)) return { error: `failed complete: open ${file}: no such file or directory` }
    try {
      raw = parseYaml(process.fs.readFile(file))
    } catch (error) {
      return { error: `failed complete: failed to decode: ${error instanceof Error ? error.message : String(error)}` }
    }
    const head = raw as { kind?: string; apiVersion?: string } | null
    if (head?.kind !== 'KubeProxyConfiguration') {
      return { error: `failed complete: no kind "${head?.kind ?? ''}" is registered for version "${head?.apiVersion ?? ''}" in scheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme/scheme.go"` }
    }
  } else {
    raw = { mode: flags.get('proxy-mode'), clusterCIDR: flags.get('cluster-cidr'), clientConnection: { kubeconfig: flags.get('kubeconfig') } }
  }
  const config = readConfiguration(raw)
  if (!modes.includes(config.mode)) {
    return { error: `failed validate: KubeProxyConfiguration.Mode.ProxyMode: Invalid value: ${JSON.stringify(config.mode)}: must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])` }
  }
  if (config.clusterCidr !== '' && config.clusterCidr.split(',').some((c) => !/^[0-9a-fA-F.:]+\/\d+$/.test(c))) {
    return { error: `failed validate: KubeProxyConfiguration.ClusterCIDR: Invalid value: ${JSON.stringify(config.clusterCidr)}: must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)` }
  }
  return { config }
}

const serviceOfSlice = (slice: KubeObject) => `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`

export async function kubeProxy(process: Process, context: ContainerContext): Promise<number> {
  const { sim } = process.machine
  const flags = flagsOf(process.argv)
  const write = lineWriter(process.stderr)
  const log: Log = (severity, at, text, values) => write(klogLine(sim.now, severity, structured(text, values), { at, pid: process.pid }))
  if (flags.has('version')) {
    await process.stdout.write(`Kubernetes ${kubeProxyVersion}\n`)
    return 0
  }
  const loaded = loadConfiguration(process, flags)
  if ('error' in loaded) {
    log('E', 'run.go:72', 'command failed', { err: loaded.error })
    return 1
  }
  const { config } = loaded
  const nodeName = flags.get('hostname-override') || config.hostnameOverride || context.nodeName
  const net = process.machine.net
  if (config.mode === '') log('I', 'server_linux.go:53', 'Using iptables proxy')

  log('I', 'shared_informer.go:349', 'Waiting for caches to sync')
  const { api } = context
  const nodeInformer = api.informer<Node>(nodes)
  const serviceInformer = api.informer<Service>(services)
  const sliceInformer = api.informer<EndpointSlice>(endpointslices)
  sliceInformer.addIndex('service', (slice) => [serviceOfSlice(slice)])
  while (!nodeInformer.synced) await process.sleep(1000)
  log('I', 'shared_informer.go:356', 'Caches are synced')

  let node = nodeInformer.get(undefined, nodeName)
  for (let waited = 0; !node && waited < 30_000; waited += 1000) {
    await process.sleep(1000)
    node = nodeInformer.get(undefined, nodeName)
  }
  const nodeIp = node?.status?.addresses?.find((a) => a.type === 'InternalIP' && parseIpv4(a.address) !== undefined)?.address ?? '127.0.0.1'
  if (node) log('I', 'server.go:218', 'Successfully retrieved NodeIPs', { NodeIPs: [nodeIp] })
  else {
    log('E', 'node.go:63', 'Timed out waiting for node %q to exist', { [nodeName]: '(MISSING)' })
    log('I', 'server.go:230', "Can't determine this node's IP, assuming loopback; if this is incorrect, please set the --bind-address flag")
  }
  for (const [entry, value] of [['nf_conntrack_tcp_timeout_established', config.tcpEstablishedTimeout], ['nf_conntrack_tcp_timeout_close_wait', config.tcpCloseWaitTimeout], ['nf_conntrack_tcp_be_liberal', config.tcpBeLiberal ? 1 : 0]] as const) {
    if (value === 0) continue
    log('I', 'conntrack.go:119', 'Set sysctl', { entry: `net/netfilter/${entry}`, value })
    if (net.sysctl(`net.netfilter.${entry}`) !== undefined) net.setSysctl(`net.netfilter.${entry}`, String(value))
  }
  if (config.nodePortAddresses.length === 0) {
    log('E', 'server.go:255', 'Kube-proxy configuration may be incomplete or incorrect', { err: 'nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. Consider using `--nodeport-addresses primary`' })
  }
  write(klogLine(sim.now, 'I', '"kube-proxy running in dual-stack mode" primary ipFamily="IPv4"', { at: 'server.go:264', pid: process.pid }))
  if (config.mode === 'ipvs' || config.mode === 'nftables') {
    const err = config.mode === 'ipvs' ? "can't use the IPVS proxier: Ipvs not supported" : 'the nftables proxier is not modelled in this simulator yet'
    log('E', 'server.go:140', 'Error running ProxyServer', { err })
    log('E', 'run.go:72', 'command failed', { err })
    return 1
  }
  const rules = syncOptions(config, net, nodeIp, node?.spec.podCIDR)
  if (!rules.detector && config.detectLocalMode === 'ClusterCIDR') {
    log('I', 'server_linux.go:413', 'Detect-local-mode set to ClusterCIDR, but no cluster CIDR specified for primary IP family', { ipFamily: 'IPv4', clusterCIDRs: null })
  }
  log('I', 'server_linux.go:152', 'Using iptables Proxier')

  if (rules.localhostNodePorts) {
    if (net.sysctl('net.ipv4.conf.all.route_localnet') !== '1') {
      log('I', 'proxier.go:258', 'Setting route_localnet=1 to allow node-ports on localhost; to change this either disable iptables.localhostNodePorts (--iptables-localhost-nodeports) or set nodePortAddresses (--nodeport-addresses) to filter loopback addresses', { ipFamily: 'IPv4' })
      net.setSysctl('net.ipv4.conf.all.route_localnet', '1')
    }
  }
  if (config.tcpBeLiberal) {
    for (const ipFamily of ['IPv4', 'IPv6']) log('I', 'proxier.go:277', 'nf_conntrack_tcp_be_liberal set, not installing DROP rules for INVALID packets', { ipFamily })
  }
  let lastUpdated: number | undefined
  const now = () => sim.now
  const serviceHealth = new ServiceHealth(net.sockets, now)
  const proxier = new IptablesProxier({
    sim, net, nodeName, rules, minSyncPeriod: config.minSyncPeriod, syncPeriod: config.syncPeriod,
    slicesOf: (service) => sliceInformer.byIndex('service', service).filter((s) => s.metadata.labels?.['service.kubernetes.io/headless'] === undefined && s.metadata.labels?.['service.kubernetes.io/service-proxy-name'] === undefined),
    serviceOf: (key) => serviceInformer.get(key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)),
    zone: () => nodeInformer.get(undefined, nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'] ?? '',
    logError: (message) => log('E', 'proxier.go:1405', 'Failed to execute iptables-restore', { err: message }),
    onSynced: (counts) => {
      lastUpdated = sim.now
      serviceHealth.sync(counts)
    },
  })

  const listeners: TcpListener[] = []
  const listen = (address: string, open: (host: string, port: number) => TcpListener, failure: (text: string) => void) => {
    const colon = address.lastIndexOf(':')
    try {
      listeners.push(open(address.slice(0, colon), Number(address.slice(colon + 1))))
    } catch {
      failure(`listen tcp ${address}: bind: address already in use`)
    }
  }
  listen(config.healthzBindAddress, (host, port) => serveHealthz(net.sockets, host, port, { now, lastUpdated: () => lastUpdated, nodeEligible: () => nodeInformer.get(undefined, nodeName)?.metadata.deletionTimestamp === undefined }), (text) =>
    log('E', 'server.go:404', 'Healthz server failed', { err: `failed to start proxy healthz on ${config.healthzBindAddress}: ${text}` }))
  listen(config.metricsBindAddress, (host, port) => serveMetrics(net.sockets, host, port, now, 'iptables'), (text) =>
    log('E', 'server.go:433', 'Starting metrics server failed', { err: text }))
  context.onExit(() => {
    proxier.stop()
    serviceHealth.close()
    for (const listener of listeners) listener.close()
  })

  log('I', 'server.go:527', 'Version info', { version: kubeProxyVersion })
  log('I', 'server.go:529', 'Golang settings', { GOGC: '', GOMAXPROCS: '', GOTRACEBACK: '' })
  const controllers = ['service config', 'endpoint slice config', 'serviceCIDR config', 'node config']
  for (const [i, controller] of controllers.entries()) {
    log('I', `config.go:${[200, 106, 403, 309][i]}`, `Starting ${controller} controller`)
    log('I', 'shared_informer.go:349', 'Waiting for caches to sync', { controller })
  }
  const changedService = (s: KubeObject) => proxier.changed(`${s.metadata.namespace}/${s.metadata.name}`)
  serviceInformer.onAdd(changedService)
  serviceInformer.onUpdate(changedService)
  serviceInformer.onDelete(changedService)
  const changedSlice = (slice: KubeObject) => proxier.changed(serviceOfSlice(slice))
  sliceInformer.onAdd(changedSlice)
  sliceInformer.onUpdate((slice, old) => {
    changedSlice(slice)
    if (serviceOfSlice(old) !== serviceOfSlice(slice)) changedSlice(old)
  })
  sliceInformer.onDelete(changedSlice)
  nodeInformer.onUpdate((after, before) => {
    const zone = (n: Node) => n.metadata.labels?.['topology.kubernetes.io/zone']
    if (after.metadata.name === nodeName && zone(after) !== zone(before)) proxier.forceFullSync()
  })
  while (!serviceInformer.synced || !sliceInformer.synced) await process.sleep(100)
  for (const controller of controllers) log('I', 'shared_informer.go:356', 'Caches are synced', { controller })
  proxier.start()
  await context.terminated()
  return 0
}
