/** The directive `kubernetes`: its options, and the API's objects in the form that ../kubernetes.ts asks for. */
import { dnsReply } from '#base/dns.ts'
import { nameTable } from '#base/name-table.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { argumentError, parseError } from '../corefile.ts'
import type { Line } from '../corefile.ts'
import { KubernetesPlugin } from '../kubernetes.ts'
import type { ClusterData, EndpointSet, KubernetesOptions, ServiceInfo } from '../kubernetes.ts'
import { accepted, acceptedWithArguments, readOptions, type OptionTable } from '../options.ts'
import type { Readiness, Setup, SetupContext } from '../plugin.ts'
import { canonicalAddress, normalName } from '../records.ts'

const namespacesGvr = { group: '', version: 'v1', resource: 'namespaces' }
const podsGvr = { group: '', version: 'v1', resource: 'pods' }

/** `10.0.0.0/24` and the like as reverse zones; names as they are. */
export function zonesOf(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    const m = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(arg)
    if (!m) return [normalName(arg)]
    const octets = Math.floor(Number(m[5]) / 8)
    return [`${m.slice(1, 1 + octets).reverse().join('.')}.in-addr.arpa.`]
  })
}

type Settings = { -readonly [K in 'ttl' | 'pods' | 'endpointPodNames' | 'ignoreEmptyService' | 'namespaces' | 'fallthrough']: KubernetesOptions[K] }

const options: OptionTable<Settings> = nameTable({
  pods: (option, settings) => {
    if (option.args.length !== 1) throw argumentError(option)
    if (!['disabled', 'insecure', 'verified'].includes(option.args[0]!)) throw new Error(`wrong value for pods: ${option.args[0]},  must be one of: disabled, verified, insecure`)
    settings.pods = option.args[0] as KubernetesOptions['pods']
  },
  ttl: (option, settings) => {
    if (option.args.length === 0) throw argumentError(option)
    const value = option.args[0]!
    if (!/^[+-]?\d+$/.test(value)) throw new Error(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`)
    if (Number(value) < 0 || Number(value) > 3600) throw parseError(option, `ttl must be in range [0, 3600]: ${Number(value)}`)
    settings.ttl = Number(value)
  },
  namespaces: (option, settings) => {
    if (option.args.length === 0) throw argumentError(option)
    settings.namespaces = [...option.args]
  },
  fallthrough: (option, settings) => {
    settings.fallthrough = option.args.length === 0 ? ['.'] : zonesOf(option.args)
  },
  endpoint_pod_names: (option, settings) => {
    if (option.args.length > 0) throw argumentError(option)
    settings.endpointPodNames = true
  },
  ignore: (option, settings) => {
    if (option.args.length === 0) throw argumentError(option)
    if (option.args[0] !== 'empty_service') throw parseError(option, `unable to parse ignore value: '${option.args[0]}'`)
    settings.ignoreEmptyService = true
  },
  'endpoint kubeconfig tls labels namespace_labels': acceptedWithArguments,
  'noendpoints startup_timeout apiserver_qps apiserver_burst apiserver_max_inflight multicluster': accepted,
})

export function kubernetesOptions(lines: readonly Line[], blockZones: readonly string[]): Omit<KubernetesOptions, 'localIps'> {
  if (lines.length > 1) throw new Error('this plugin can only be used once per Server Block')
  const line = lines[0]!
  const zones = line.args.length > 0 ? zonesOf(line.args) : [...blockZones]
  const settings: Settings = { ttl: 5, pods: 'disabled', endpointPodNames: false, ignoreEmptyService: false, namespaces: undefined, fallthrough: undefined }
  readOptions(line, options, settings)
  // A TTL of 0 counts as unset.
  return { zones, ...settings, ttl: settings.ttl === 0 ? 5 : settings.ttl }
}

function serviceInfo(service: Service): ServiceInfo {
  const { spec } = service
  const ips = spec.clusterIPs && spec.clusterIPs.length > 0 ? spec.clusterIPs : [spec.clusterIP ?? '']
  return {
    name: service.metadata.name, namespace: service.metadata.namespace ?? '', type: spec.type ?? 'ClusterIP', clusterIps: ips.filter((ip) => ip !== ''), externalName: spec.externalName ?? '',
    ports: (spec.ports ?? []).map((p) => ({ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port })),
    externalIps: [...(spec.externalIPs ?? []), ...(service.status?.loadBalancer?.ingress ?? []).flatMap((i) => i.ip ?? i.hostname ?? [])],
  }
}

function endpointSet(slice: EndpointSlice): EndpointSet {
  return {
    service: slice.metadata.labels?.['kubernetes.io/service-name'] ?? '', namespace: slice.metadata.namespace ?? '',
    addresses: (slice.endpoints ?? []).flatMap((e) => (e.conditions?.ready === false ? [] : e.addresses.map((ip) => ({ ip: canonicalAddress(ip) ?? ip, hostname: e.hostname ?? '', target: e.targetRef?.name && e.targetRef.name.length < 64 ? e.targetRef.name : '' })))),
    ports: (slice.ports ?? []).flatMap((p) => (p.port === undefined || p.port === null ? [] : [{ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port }])),
  }
}

/** The cluster as informers know it. */
export function clusterData(context: SetupContext, verifyPods: boolean): ClusterData {
  const { api, sim } = context
  const serviceInformer = api.informer<Service>(services)
  const sliceInformer = api.informer<EndpointSlice>(endpointslices)
  const namespaces = api.informer(namespacesGvr)
  const pods = verifyPods ? api.informer(podsGvr) : undefined
  serviceInformer.addIndex('clusterIP', (s) => [...new Set([s.spec.clusterIP ?? '', ...(s.spec.clusterIPs ?? [])])].filter((ip) => ip !== '' && ip !== 'None'))
  sliceInformer.addIndex('service', (s) => [`${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
  sliceInformer.addIndex('ip', (s) => (s.endpoints ?? []).flatMap((e) => (e.conditions?.ready === false ? [] : e.addresses)))
  pods?.addIndex('podIP', (p) => [String((p['status'] as { podIP?: string } | undefined)?.podIP ?? '')])
  let serial = Math.floor(sim.now / 1000)
  const touch = () => {
    serial = Math.floor(sim.now / 1000)
  }
  for (const informer of [serviceInformer, sliceInformer]) {
    informer.onAdd(touch)
    informer.onUpdate(touch)
    informer.onDelete(touch)
  }
  return {
    get synced() {
      return serviceInformer.synced && sliceInformer.synced && namespaces.synced
    },
    get serial() {
      return serial
    },
    namespaceExists: (name) => namespaces.get(undefined, name) !== undefined,
    services: (name, namespace) => {
      const found = serviceInformer.get(namespace, name)
      return found ? [serviceInfo(found)] : []
    },
    servicesByIp: (ip) => serviceInformer.byIndex('clusterIP', ip).map(serviceInfo),
    endpoints: (service, namespace) => sliceInformer.byIndex('service', `${namespace}/${service}`).map(endpointSet),
    endpointsByIp: (ip) => sliceInformer.byIndex('ip', ip).map(endpointSet),
    podNamespace: (ip) => pods?.byIndex('podIP', ip)[0]?.metadata.namespace,
    podInNamespace: (ip, namespace) => (pods?.byIndex('podIP', ip) ?? []).some((p: KubeObject) => p.metadata.namespace === namespace),
  }
}

export const kubernetes: Setup = (lines, context) => {
  const options = kubernetesOptions(lines, context.zones)
  const data = clusterData(context, options.pods === 'verified')
  const plugin = new KubernetesPlugin({ ...options, get localIps() { return context.localAddresses() } }, data)
  context.shared.set('kubernetes', plugin)
  const readiness: Readiness = { name: 'kubernetes', ready: () => data.synced }
  ;(context.shared.get('readiness') as Readiness[] | undefined)?.push(readiness)
  if (!data.synced) {
    context.onStart(() => {
      context.log('INFO', 'plugin/kubernetes: waiting for Kubernetes API before starting server')
      waitForApi(context, data)
    })
  }
  return (next) => (request, done) =>
    plugin.answer(
      request.question,
      (name, type, found) => context.ask(request, name, type, (m) => found(m?.answers)),
      (answer) => {
        if (!answer) return next(request, done)
        done({ rcode: answer.rcode, message: dnsReply(request.message, { rcode: answer.rcode, authoritative: true, answers: answer.answers, authority: answer.authority, additional: answer.additional }) })
      },
    )
}

/** For five seconds nothing is served while the API has not answered; then the server starts without it. */
function waitForApi(context: SetupContext, data: ClusterData): void {
  const end = context.sim.now + 5000
  const look = () => {
    if (data.synced) return
    if (context.sim.now >= end) return context.log('WARNING', 'plugin/kubernetes: starting server with unsynced Kubernetes API')
    context.sim.after(500, look)
  }
  look()
}
