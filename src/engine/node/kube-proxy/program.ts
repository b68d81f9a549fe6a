/**
 * The kube-proxy binary: flags, configuration file, start, informers, health ports (cmd/kube-proxy v1.35). The modes iptables and
 * nftables are modelled; ipvs answers as a kernel without IPVS does.
 */
import { parseIpv4 } from '#base/ip.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { nodes } from '#engine/kinds/node/types.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { NetError } from '#engine/net/error.ts'
import type { TcpListener } from '#engine/net/types.ts'
import { lineWriter } from '../daemon-log.ts'
import { klogLine, structured } from '../klog.ts'
import type { ContainerContext } from '../runtime/image.ts'
import { readKubeconfig } from '../kubelet/kubeconfig.ts'
import { failedToWatch, failedToWatchAt } from '../reflectors.ts'
import type { Reflector } from '../reflectors.ts'
import { readConfiguration } from './configuration.ts'
import { decodeConfiguration, validateConfiguration } from './decode.ts'
import type { KubeProxyConfiguration } from './configuration.ts'
import { ServiceHealth, serveHealthz, serveMetrics } from './health.ts'
import { cleanIptables, cleanNftables } from './cleanup.ts'
import { defaultConfiguration, flagLines } from './flags.ts'
import { proxiers, tellNotSyncing } from './proxiers.ts'
import type { Log } from './proxiers.ts'

export const kubeProxyVersion = 'v1.35.4'

function flagsOf(argv: readonly string[]): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  for (const arg of argv.slice(1)) {
    const m = /^--?([^=]+)(?:=(.*))?$/s.exec(arg)
    if (m) out.set(m[1]!, m[2] ?? 'true')
  }
  return out
}

/** The configuration, logging what is odd about it, or what `command failed` says. */
function loadConfiguration(process: Process, flags: ReadonlyMap<string, string>, log: Log): KubeProxyConfiguration | { readonly error: string } {
  const file = flags.get('config')
  let raw: Readonly<Record<string, unknown>> = {
    mode: flags.get('proxy-mode'), clusterCIDR: flags.get('cluster-cidr'), bindAddress: flags.get('bind-address'), nodePortAddresses: flags.get('nodeport-addresses')?.split(','), clientConnection: { kubeconfig: flags.get('kubeconfig') },
  }
  let config = readConfiguration(raw)
  if (file !== undefined) {
    if (!process.fs.exists(file)) return { error: `failed complete: open ${file}: no such file or directory` }
    const decoded = decodeConfiguration(process.fs.readFile(file))
    if ('error' in decoded) return decoded
    if (decoded.lenient !== undefined) log('I', 'options.go:360', 'Using lenient decoding as strict decoding failed', { err: decoded.lenient })
    ;({ config, raw } = decoded)
  }
  if ((raw['mode'] ?? '') === '') log('I', 'server_linux.go:53', 'Using iptables proxy')
  const error = validateConfiguration(config, raw)
  return error === undefined ? config : { error }
}

/** Where client-go made the informers, as this binary names it. */
const reflectorName = 'pkg/mod/k8s.io/client-go@v0.35.4/tools/cache/reflector.go:289'

/** Where the image keeps its programs. */
const programFolders: ReadonlySet<string> = new Set(['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'])

/** Selects the services that are kube-proxy's. */
const proxied = '%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-name'

/** A node that is going away gets no more traffic from load balancers. */
function eligible(node: Node | undefined): boolean {
  return node === undefined || (node.metadata.deletionTimestamp === undefined && !(node.spec.taints ?? []).some((t) => t.key === 'ToBeDeletedByClusterAutoscaler'))
}

interface ServiceCidr extends KubeObject {
  readonly spec?: { readonly cidrs?: readonly string[] }
}

const serviceCidrs = { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' }

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
  const verbosity = Number(flags.get('v') ?? 0)
  const plain = (at: string, text: string) => write(klogLine(sim.now, 'I', text, { at, pid: process.pid }))
  const config = loadConfiguration(process, flags, log)
  if ('error' in config) {
    log('E', 'run.go:72', 'command failed', { err: config.error })
    return 1
  }
  if (flags.get('cleanup') === 'true') {
    cleanIptables(process.machine.net.netfilter)
    cleanNftables(process.machine.net.nftables)
    return 0
  }
  const written = flags.get('write-config-to')
  if (written) {
    process.fs.writeFile(written, defaultConfiguration())
    log('I', 'options.go:176', 'Wrote configuration', { file: written })
    return 0
  }
  if (verbosity >= 2) {
    for (const line of flagLines(flags)) plain('flags.go:64', line)
    plain('feature_gate.go:385', 'feature gates: {map[]}')
  }
  if (config.kubeconfig === '' && flags.get('master') === undefined) {
    log('I', 'server.go:310', 'Neither kubeconfig file nor master URL was specified, falling back to in-cluster config')
    if (!process.env.has('KUBERNETES_SERVICE_HOST')) {
      const err = 'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined'
      log('E', 'server.go:140', 'Error running ProxyServer', { err })
      log('E', 'run.go:72', 'command failed', { err })
      return 1
    }
  }
  const nodeName = flags.get('hostname-override') || config.hostnameOverride || context.nodeName
  const net = process.machine.net
  log('I', 'shared_informer.go:349', 'Waiting for caches to sync')
  const server = flags.get('master') ?? (config.kubeconfig === '' || !process.fs.exists(config.kubeconfig) ? '' : readKubeconfig(process, config.kubeconfig).server)
  const api = server === '' || !context.apiAt ? context.api : context.apiAt(server)
  const reflector = (type: string, path: string): Reflector => ({ from: reflectorName, type, path })
  const reflectors = [
    reflector('*v1.Service', `/api/v1/services?labelSelector=${proxied}&`),
    reflector('*v1.EndpointSlice', `/apis/discovery.k8s.io/v1/endpointslices?labelSelector=${proxied}&`),
    reflector('*v1.ServiceCIDR', '/apis/networking.k8s.io/v1/servicecidrs?'),
    reflector('*v1.Node', `/api/v1/nodes?fieldSelector=metadata.name%3D${nodeName}&`),
  ]
  let nodeKnown = false
  context.lostWatches?.((url, why, fresh) => {
    // a refused connection is tried again in silence; before its node is known it asks for nothing else
    if (/connection refused/.test(why)) return
    for (const r of nodeKnown ? reflectors : reflectors.slice(-1)) write(klogLine(sim.now, 'E', failedToWatch(url, r, why, fresh), { at: failedToWatchAt, pid: process.pid }))
  }, ...(server === '' ? [] : [server]))
  const nodeInformer = api.informer<Node>(nodes)
  const serviceInformer = api.informer<Service>(services)
  const sliceInformer = api.informer<EndpointSlice>(endpointslices)
  sliceInformer.addIndex('service', (slice) => [serviceOfSlice(slice)])
  while (!nodeInformer.synced) await process.sleep(1000)
  nodeKnown = true
  const populated = (type: string) => {
    if (verbosity >= 2) log('I', 'reflector.go:446', 'Caches populated', { type, reflector: reflectorName })
  }
  populated('*v1.Node')
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
  if (config.nodePortAddresses.length === 0 && config.mode !== 'nftables') {
    log('E', 'server.go:255', 'Kube-proxy configuration may be incomplete or incorrect', { err: 'nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. Consider using `--nodeport-addresses primary`' })
  }
  const path = process.env.get('PATH')
  if (config.mode === 'iptables' && path !== undefined && !path.split(':').some((dir) => programFolders.has(dir))) {
    const err = 'iptables is not available on this host : error listing chain "POSTROUTING" in table "nat": executable file not found in $PATH: '
    log('E', 'server.go:140', 'Error running ProxyServer', { err })
    log('E', 'run.go:72', 'command failed', { err })
    return 1
  }
  write(klogLine(sim.now, 'I', '"kube-proxy running in dual-stack mode" primary ipFamily="IPv4"', { at: 'server.go:264', pid: process.pid }))
  const makeProxier = proxiers[config.mode]
  if (!makeProxier) {
    const err = "can't use the IPVS proxier: Ipvs not supported"
    const time = new Date(Math.floor(sim.now)).toISOString().replace(/\.\d+/, '')
    const kernel = process.machine.sysctl?.('kernel.osrelease') ?? '6.8.0'
    write(`time="${time}" level=warning msg="Running modprobe ip_vs failed with message: \`modprobe: WARNING: Module ip_vs not found in directory /lib/modules/${kernel}\`, error: exit status 1"`)
    write(`time="${time}" level=error msg="Could not get ipvs family information from the kernel. It is possible that ipvs is not enabled in your kernel. Native loadbalancing will not work until this is fixed."`)
    log('I', 'proxier.go:750', 'Dummy VS not created', { scheduler: 'rr' })
    log('E', 'server.go:140', 'Error running ProxyServer', { err })
    log('E', 'run.go:72', 'command failed', { err })
    return 1
  }
  let lastUpdated: number | undefined
  const now = () => sim.now
  const serviceHealth = new ServiceHealth(net.sockets, now)
  const cidrs = config.mode === 'nftables' ? api.informer<ServiceCidr>(serviceCidrs) : undefined
  const proxier = makeProxier({
    sim, net, nodeName, nodeIp, podCidr: node?.spec.podCIDR, config, log, verbosity,
    slicesOf: (service) => sliceInformer.byIndex('service', service).filter((s) => s.metadata.labels?.['service.kubernetes.io/headless'] === undefined && s.metadata.labels?.['service.kubernetes.io/service-proxy-name'] === undefined),
    serviceOf: (key) => serviceInformer.get(key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)),
    zone: () => nodeInformer.get(undefined, nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'] ?? '',
    serviceCidrs: () => cidrs?.list().flatMap((c) => c.spec?.cidrs ?? []) ?? [],
    onSynced: (counts) => {
      lastUpdated = sim.now
      serviceHealth.sync(counts)
    },
  })

  const listeners: TcpListener[] = []
  let running = true
  /** Tried again every five seconds, with a line each time. */
  const listen = (address: string, open: (host: string, port: number) => TcpListener, failure: (text: string) => void): void => {
    const colon = address.lastIndexOf(':')
    try {
      listeners.push(open(address.slice(0, colon), Number(address.slice(colon + 1))))
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      failure(`listen tcp ${address}: bind: address already in use`)
      sim.after(5000, () => {
        if (running) listen(address, open, failure)
      }, { background: true })
    }
  }
  listen(config.healthzBindAddress, (host, port) => serveHealthz(net.sockets, host, port, { now, lastUpdated: () => lastUpdated, nodeEligible: () => eligible(nodeInformer.get(undefined, nodeName)) }), (text) =>
    log('E', 'server.go:404', 'Healthz server failed', { err: `failed to start proxy healthz on ${config.healthzBindAddress}: ${text}` }))
  listen(config.metricsBindAddress, (host, port) => serveMetrics(net.sockets, host, port, now, config.mode), (text) =>
    log('E', 'server.go:433', 'Starting metrics server failed', { err: text }))
  context.onExit(() => {
    running = false
    proxier.stop()
    serviceHealth.close()
    for (const listener of listeners) listener.close()
  })

  log('I', 'server.go:527', 'Version info', { version: kubeProxyVersion })
  log('I', 'server.go:529', 'Golang settings', { GOGC: '', GOMAXPROCS: '', GOTRACEBACK: '' })
  if (verbosity >= 2 && process.can?.('SYS_RESOURCE') === false) {
    const err = 'write /proc/self/oom_score_adj: permission denied'
    plain('oom_linux.go:66', `failed to set "/proc/self/oom_score_adj" to "-999": ${err}`)
    log('I', 'server.go:523', 'Failed to apply OOMScore', { err })
  }
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
  while (!serviceInformer.synced || !sliceInformer.synced || cidrs?.synced === false) await process.sleep(100)
  for (const type of ['*v1.EndpointSlice', '*v1.Service', '*v1.ServiceCIDR']) populated(type)
  for (const controller of [controllers[3]!, ...controllers.slice(0, 3)]) log('I', 'shared_informer.go:356', 'Caches are synced', { controller })
  if (verbosity >= 2) tellNotSyncing(config.mode, log)
  proxier.start()
  await context.terminated()
  return 0
}
