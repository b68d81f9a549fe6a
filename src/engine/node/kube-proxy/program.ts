/**
 * The kube-proxy binary: start, informers, health ports, the proxier of its mode (cmd/kube-proxy v1.35). The modes iptables and nftables are
 * modelled; ipvs answers as a kernel without IPVS does.
 */
import type { Informer, KubeObject } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { nodes } from '#engine/kinds/node/types.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { lineWriter } from '../daemon-log.ts'
import { klogLine, structured } from '../klog.ts'
import type { ContainerContext } from '../runtime/image.ts'
import { readKubeconfig } from '../kubelet/kubeconfig.ts'
import { failedToWatch, failedToWatchAt } from '../reflectors.ts'
import type { Reflector } from '../reflectors.ts'
import { ProxyHealth, ServiceHealth, serveHealthPorts } from './health.ts'
import { cleanIptables, cleanNftables } from './cleanup.ts'
import type { KubeProxyConfiguration } from './configuration.ts'
import { flagLines } from './flags.ts'
import { proxiers, tellNotSyncing } from './proxiers.ts'
import type { Log, Proxier } from './proxiers.ts'
import { configurationText } from './written-configuration.ts'
import { flagsOf, giveUp, loadConfiguration, missingPrograms, nodeIpOf, refuseIpvs, setConntrack } from './startup.ts'

export const kubeProxyVersion = 'v1.35.4'

/** Where client-go made the informers, as this binary names it. */
const reflectorName = 'pkg/mod/k8s.io/client-go@v0.35.4/tools/cache/reflector.go:289'

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

/** What the process was asked to do instead of proxying; undefined: nothing of that kind. */
async function runOnce(process: Process, flags: ReadonlyMap<string, string>, config: KubeProxyConfiguration, log: Log): Promise<number | undefined> {
  if (flags.get('cleanup') === 'true') {
    cleanIptables(process.machine.net.netfilter)
    cleanNftables(process.machine.net.nftables)
    return 0
  }
  const file = flags.get('write-config-to')
  if (!file) return undefined
  process.fs.writeFile(file, configurationText(config, flags.get('v')))
  log('I', 'options.go:176', 'Wrote configuration', { file })
  return 0
}

const controllers = ['service config', 'endpoint slice config', 'serviceCIDR config', 'node config'] as const
const controllerLines = [200, 106, 403, 309] as const

interface Informers {
  readonly node: Informer<Node>
  readonly service: Informer<Service>
  readonly slice: Informer<EndpointSlice>
}

/** Hands on to the proxier what changes; `queued` hears of each. */
function feed(proxier: Proxier, informers: Informers, nodeName: string, queued: () => void): void {
  const { node, service, slice } = informers
  const changed = (key: string) => {
    queued()
    proxier.changed(key)
  }
  const changedService = (s: KubeObject) => changed(`${s.metadata.namespace}/${s.metadata.name}`)
  service.onAdd(changedService)
  service.onUpdate(changedService)
  service.onDelete(changedService)
  const changedSlice = (s: KubeObject) => changed(serviceOfSlice(s))
  slice.onAdd(changedSlice)
  slice.onUpdate((s, old) => {
    changedSlice(s)
    if (serviceOfSlice(old) !== serviceOfSlice(s)) changedSlice(old)
  })
  slice.onDelete(changedSlice)
  node.onUpdate((after, before) => {
    if (after.metadata.name === nodeName && zoneOf(after) !== zoneOf(before)) proxier.forceFullSync()
  })
}

const zoneOf = (node: Node | undefined) => node?.metadata.labels?.['topology.kubernetes.io/zone']

const ignored = (slice: EndpointSlice) => slice.metadata.labels?.['service.kubernetes.io/headless'] !== undefined || slice.metadata.labels?.['service.kubernetes.io/service-proxy-name'] !== undefined

function reflectorsOf(nodeName: string): Reflector[] {
  const reflector = (type: string, path: string): Reflector => ({ from: reflectorName, type, path })
  return [
    reflector('*v1.Service', `/api/v1/services?labelSelector=${proxied}&`),
    reflector('*v1.EndpointSlice', `/apis/discovery.k8s.io/v1/endpointslices?labelSelector=${proxied}&`),
    reflector('*v1.ServiceCIDR', '/apis/networking.k8s.io/v1/servicecidrs?'),
    reflector('*v1.Node', `/api/v1/nodes?fieldSelector=metadata.name%3D${nodeName}&`),
  ]
}

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
  const done = await runOnce(process, flags, config, log)
  if (done !== undefined) return done
  if (verbosity >= 2) {
    for (const line of flagLines(flags)) plain('flags.go:64', line)
    plain('feature_gate.go:385', 'feature gates: {map[]}')
  }
  if (config.kubeconfig === '' && flags.get('master') === undefined) {
    log('I', 'server.go:310', 'Neither kubeconfig file nor master URL was specified, falling back to in-cluster config')
    if (!process.env.has('KUBERNETES_SERVICE_HOST')) return giveUp(log, 'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined')
  }
  const nodeName = flags.get('hostname-override') || config.hostnameOverride || context.nodeName
  const net = process.machine.net
  log('I', 'shared_informer.go:349', 'Waiting for caches to sync')
  const server = flags.get('master') ?? (config.kubeconfig === '' || !process.fs.exists(config.kubeconfig) ? '' : readKubeconfig(process, config.kubeconfig).server)
  const api = server === '' || !context.apiAt ? context.api : context.apiAt(server)
  const reflectors = reflectorsOf(nodeName)
  let nodeKnown = false
  context.lostWatches?.((url, why, fresh) => {
    // a refused connection is tried again in silence; before its node is known it asks for nothing else
    if (/connection refused/.test(why)) return
    for (const r of nodeKnown ? reflectors : reflectors.slice(-1)) write(klogLine(sim.now, 'E', failedToWatch(url, r, why, fresh), { at: failedToWatchAt, pid: process.pid }))
  }, ...(server === '' ? [] : [server]))
  const informers: Informers = { node: api.informer<Node>(nodes), service: api.informer<Service>(services), slice: api.informer<EndpointSlice>(endpointslices) }
  informers.slice.addIndex('service', (slice) => [serviceOfSlice(slice)])
  while (!informers.node.synced) await process.sleep(1000)
  nodeKnown = true
  const populated = (type: string) => {
    if (verbosity >= 2) log('I', 'reflector.go:446', 'Caches populated', { type, reflector: reflectorName })
  }
  populated('*v1.Node')
  log('I', 'shared_informer.go:356', 'Caches are synced')

  const thisNode = () => informers.node.get(undefined, nodeName)
  for (let waited = 0; !thisNode() && waited < 30_000; waited += 1000) await process.sleep(1000)
  const node = thisNode()
  const nodeIp = nodeIpOf(node, nodeName, log)
  setConntrack(config, net, log)
  if (config.nodePortAddresses.length === 0 && config.mode !== 'nftables') {
    log('E', 'server.go:255', 'Kube-proxy configuration may be incomplete or incorrect', { err: 'nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. Consider using `--nodeport-addresses primary`' })
  }
  const missing = missingPrograms(process, config.mode)
  if (missing !== undefined) return giveUp(log, missing)
  write(klogLine(sim.now, 'I', '"kube-proxy running in dual-stack mode" primary ipFamily="IPv4"', { at: 'server.go:264', pid: process.pid }))
  const makeProxier = proxiers[config.mode]
  if (!makeProxier) return refuseIpvs(process, log, write)
  const health = new ProxyHealth({ now: () => sim.now, timeout: 2 * (config.mode === 'nftables' ? config.nftables.syncPeriod : config.syncPeriod), nodeEligible: () => eligible(thisNode()) })
  const serviceHealth = new ServiceHealth(net.sockets, health)
  const cidrs = config.mode === 'nftables' ? api.informer<ServiceCidr>(serviceCidrs) : undefined
  const proxier = makeProxier({
    sim, net, nodeName, nodeIp, podCidr: node?.spec.podCIDR, config, log, verbosity,
    slicesOf: (service) => informers.slice.byIndex('service', service).filter((s) => !ignored(s)),
    serviceOf: (key) => informers.service.get(key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)),
    zone: () => zoneOf(thisNode()) ?? '',
    serviceCidrs: () => cidrs?.list().flatMap((c) => c.spec?.cidrs ?? []) ?? [],
    onSynced: (counts) => {
      health.updated()
      serviceHealth.sync(counts)
    },
  })
  const ports = serveHealthPorts({ sim, sockets: net.sockets, config, health, log })
  context.onExit(() => {
    proxier.stop()
    serviceHealth.close()
    ports.close()
  })

  log('I', 'server.go:527', 'Version info', { version: kubeProxyVersion })
  log('I', 'server.go:529', 'Golang settings', { GOGC: '', GOMAXPROCS: '', GOTRACEBACK: '' })
  if (verbosity >= 2 && process.can?.('SYS_RESOURCE') === false) {
    const err = 'write /proc/self/oom_score_adj: permission denied'
    plain('oom_linux.go:66', `failed to set "/proc/self/oom_score_adj" to "-999": ${err}`)
    log('I', 'server.go:523', 'Failed to apply OOMScore', { err })
  }
  for (const [i, controller] of controllers.entries()) {
    log('I', `config.go:${controllerLines[i]}`, `Starting ${controller} controller`)
    log('I', 'shared_informer.go:349', 'Waiting for caches to sync', { controller })
  }
  let started = false
  feed(proxier, informers, nodeName, () => {
    if (started) health.queued()
  })
  while (!informers.service.synced || !informers.slice.synced || cidrs?.synced === false) await process.sleep(100)
  for (const type of ['*v1.EndpointSlice', '*v1.Service', '*v1.ServiceCIDR']) populated(type)
  for (const controller of [controllers[3], ...controllers.slice(0, 3)]) log('I', 'shared_informer.go:356', 'Caches are synced', { controller })
  if (verbosity >= 2) tellNotSyncing(config.mode, log)
  started = true
  health.queued()
  proxier.start()
  await context.terminated()
  return 0
}
