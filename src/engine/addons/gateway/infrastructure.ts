/** What the controller makes for a Gateway, named and labelled as the API asks for it: account, Deployment of proxies, Service with the listeners' ports. */
import type { Loose } from '#engine/api/loose.ts'
import { equal } from '#engine/api/loose.ts'
import { ApiUnreachable, StatusError } from '#engine/api/types.ts'
import type { ApiClient, GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import { gatewayGroup } from '../gateway-api/definitions.ts'
import type { Listener } from './listeners.ts'
import { deployments } from './view.ts'
import type { View } from './view.ts'

export const proxyImage = 'docker.io/drill/gateway-proxy:1.0'
const managedBy = 'app.kubernetes.io/managed-by'
const manager = 'drill-gateway-controller'
/** Where proxies get their configuration. */
export const configPort = 18_000
const accounts: GroupVersionResource = { group: '', version: 'v1', resource: 'serviceaccounts' }

/** `<gateway>-<class>`, cut with a checksum where a Service could not be called so. */
export function infrastructureName(gateway: Loose): string {
  const full = `${gateway.metadata.name}-${gateway.spec.gatewayClassName}`.replace(/\./g, '-')
  return cut(/^[a-z]/.test(full) ? full : `gw-${full}`)
}

function cut(text: string): string {
  if (text.length <= 63) return text
  let sum = 2166136261
  for (const c of text) sum = Math.imul(sum ^ c.charCodeAt(0), 16777619) >>> 0
  return `${text.slice(0, 54).replace(/[-.]+$/, '')}-${sum.toString(16).padStart(8, '0')}`
}

export function labelsOf(gateway: Loose): Record<string, string> {
  return { [`${gatewayGroup}/gateway-class-name`]: cut(gateway.spec.gatewayClassName), [`${gatewayGroup}/gateway-name`]: cut(gateway.metadata.name) }
}

const serviceProtocol = (l: Listener) => (l.protocol === 'UDP' ? 'UDP' : 'TCP')

/** Ports below 1024 are opened above 10000: the proxy is no root. */
export const openedPort = (port: number) => (port < 1024 ? port + 10_000 : port)

function portsOf(listeners: readonly Listener[]): Loose[] {
  const seen = new Map<string, Loose>()
  for (const l of listeners.filter((x) => x.accepted)) {
    const protocol = serviceProtocol(l)
    const name = `${l.protocol.toLowerCase()}-${l.spec.port}`
    if (!seen.has(`${protocol}${l.spec.port}`)) seen.set(`${protocol}${l.spec.port}`, { name, port: l.spec.port, protocol, targetPort: openedPort(l.spec.port) })
  }
  return [...seen.values()]
}

export function wantedObjects(gateway: Loose, listeners: readonly Listener[], controllerNamespace: string): { readonly gvr: GroupVersionResource; readonly object: KubeObject }[] {
  const { namespace } = gateway.metadata
  const name = infrastructureName(gateway)
  const own = labelsOf(gateway)
  const metadata = (): Loose => ({
    name, namespace, labels: { [managedBy]: manager, 'app.kubernetes.io/name': name, ...own, ...gateway.spec.infrastructure?.labels }, ...(gateway.spec.infrastructure?.annotations && { annotations: { ...gateway.spec.infrastructure.annotations } }),
    ownerReferences: [{ apiVersion: gateway.apiVersion, kind: 'Gateway', name: gateway.metadata.name, uid: gateway.metadata.uid, controller: true, blockOwnerDeletion: true }],
  })
  const address = ((gateway.spec.addresses ?? []) as Loose[]).map((a) => a.value as string | undefined).find((v) => v)
  const ports = portsOf(listeners)
  const object = (apiVersion: string, kind: string, rest: Loose): KubeObject => ({ apiVersion, kind, metadata: metadata(), ...rest })
  return [
    { gvr: accounts, object: object('v1', 'ServiceAccount', {}) },
    {
      gvr: deployments,
      object: object('apps/v1', 'Deployment', {
        spec: {
          replicas: 1, selector: { matchLabels: own },
          template: {
            metadata: { labels: { 'app.kubernetes.io/name': name, ...own, ...gateway.spec.infrastructure?.labels }, ...(gateway.spec.infrastructure?.annotations && { annotations: { ...gateway.spec.infrastructure.annotations } }) },
            spec: {
              automountServiceAccountToken: false, serviceAccountName: name, terminationGracePeriodSeconds: 5,
              containers: [{
                name: 'proxy', image: proxyImage, args: [`--gateway=${namespace}/${gateway.metadata.name}`, `--controller=drill-gateway-controller.${controllerNamespace}.svc.cluster.local:${configPort}`], ports: [{ containerPort: 19_003, name: 'readiness', protocol: 'TCP' }],
                readinessProbe: { httpGet: { path: '/ready', port: 19_003, scheme: 'HTTP' }, initialDelaySeconds: 1, periodSeconds: 5 }, resources: { requests: { cpu: '10m', memory: '32Mi' } },
                securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, runAsNonRoot: true, runAsUser: 65_532 },
              }],
            },
          },
        },
      }),
    },
    ...(ports.length > 0 ? [{ gvr: services, object: object('v1', 'Service', { spec: { ports, selector: own, type: 'LoadBalancer', ...(address !== undefined && { loadBalancerIP: address }) } }) }] : []),
  ]
}

/** Makes what is missing and mends what differs. */
export function applyObjects(api: ApiClient, view: View, wanted: readonly { readonly gvr: GroupVersionResource; readonly object: KubeObject }[]): void {
  for (const { gvr, object } of wanted) {
    try {
      const { name, namespace } = object.metadata
      const there: Loose = gvr === accounts ? attempt(() => api.get(gvr, namespace, name)) : view.get(gvr, namespace, name)
      if (!there) {
        api.create(gvr, object)
        continue
      }
      const patch = differences(there, object)
      if (patch) api.patch(gvr, namespace, name, patch, 'strategic')
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
    }
  }
}

function attempt<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof StatusError && error.status.reason === 'NotFound') return undefined
    throw error
  }
}

function differences(there: Loose, wanted: Loose): Loose | undefined {
  const patch: Loose = {}
  const labels = (at: 'labels' | 'annotations') => Object.entries((wanted.metadata[at] ?? {}) as Record<string, string>).some(([k, v]) => there.metadata[at]?.[k] !== v)
  for (const at of ['labels', 'annotations'] as const) if (labels(at)) patch.metadata = { ...patch.metadata, [at]: wanted.metadata[at] }
  if (wanted.kind === 'Service') {
    const plain = (p: Loose) => ({ name: p.name, port: p.port, protocol: p.protocol, targetPort: p.targetPort })
    if (!equal((there.spec.ports as Loose[]).map(plain), wanted.spec.ports)) {
      const kept = wanted.spec.ports.map((p: Loose) => {
        const node = (there.spec.ports as Loose[]).find((o) => o.port === p.port && o.protocol === p.protocol)?.nodePort
        return { ...p, ...(node !== undefined && { nodePort: node }) }
      })
      patch.spec = { ports: [{ $patch: 'replace' }, ...kept] }
    }
    if ((there.spec.loadBalancerIP ?? undefined) !== wanted.spec.loadBalancerIP) patch.spec = { ...patch.spec, loadBalancerIP: wanted.spec.loadBalancerIP ?? null }
  }
  return Object.keys(patch).length > 0 ? patch : undefined
}

/** Takes away what was made for Gateways that are another controller's now; deleted ones take theirs with them. */
export function removeStrays(api: ApiClient, view: View, ours: ReadonlySet<string>): void {
  for (const gvr of [deployments, services]) {
    for (const object of view.list(gvr).filter((o) => o.metadata.labels?.[managedBy] === manager && !(o.metadata.ownerReferences ?? []).some((r: Loose) => ours.has(r.uid)))) {
      const { namespace, name } = object.metadata
      for (const kind of gvr === deployments ? [deployments, accounts] : [services]) {
        try {
          api.delete(kind, namespace, name)
        } catch (error) {
          if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
        }
      }
    }
  }
}
