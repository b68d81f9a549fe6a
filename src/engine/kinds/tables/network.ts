/** Rows of services, endpoints, slices, ingresses and network policies. */
import type { TablePrinter } from '#engine/api/kind.ts'
import { formatLabelSelector } from '#engine/api/label-selector.ts'
import type { Loose } from '#engine/api/loose.ts'
import { created, formatLabels, orNone, printer } from './columns.ts'

function loadBalancerAddresses(status: Loose, wide: boolean): string {
  const all: string[] = (status?.loadBalancer?.ingress ?? []).map((i: Loose) => i.ip || i.hostname || '')
  const unique = [...new Set(all.filter((a) => a !== ''))]
  const text = unique.join(',')
  return !wide && text.length > 16 ? text.slice(0, 13) + '...' : text
}

export function externalIp(service: Loose, wide = false): string {
  const { spec = {}, status } = service
  const external: string[] = spec.externalIPs ?? []
  switch (spec.type) {
    case 'LoadBalancer': {
      const address = loadBalancerAddresses(status, wide)
      if (external.length > 0) return [...(address === '' ? [] : [address]), ...external].join(',')
      return address === '' ? '<pending>' : address
    }
    case 'ExternalName':
      return spec.externalName ?? ''
    default:
      return external.length > 0 ? external.join(',') : '<none>'
  }
}

export function servicePorts(ports: Loose[] | undefined): string {
  return (ports ?? []).map((p) => (p.nodePort > 0 ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`)).join(',')
}

function endpointsText(endpoints: Loose): string {
  const list: string[] = []
  let more = 0
  for (const subset of endpoints.subsets ?? []) {
    const ports: Loose[] = subset.ports ?? []
    for (const address of subset.addresses ?? []) {
      const texts = ports.length === 0 ? [address.ip] : ports.map((p) => (address.ip.includes(':') ? `[${address.ip}]:${p.port}` : `${address.ip}:${p.port}`))
      for (const text of texts) {
        if (list.length < 3) list.push(text)
        else more++
      }
    }
  }
  if (list.length === 0) return '<none>'
  return list.join(',') + (more > 0 ? ` + ${more} more...` : '')
}

function firstThree(items: string[], none: string): string {
  if (items.length === 0) return none
  return items.slice(0, 3).join(',') + (items.length > 3 ? ` + ${items.length - 3} more...` : '')
}

function slicePorts(ports: Loose[] | undefined): string {
  return firstThree((ports ?? []).map((p) => (p.port === undefined || p.port === null ? (p.name ? p.name : '*') : String(p.port))), '<unset>')
}

function ingressHosts(ingress: Loose): string {
  const hosts: string[] = (ingress.spec?.rules ?? []).map((r: Loose) => r.host).filter((h: string | undefined) => h)
  if (hosts.length === 0) return '*'
  return firstThree(hosts, '*')
}

export const networkTables: Readonly<Record<string, TablePrinter>> = {
  services: printer(['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector*'], (s, now) => [
    s.metadata.name, s.spec?.type ?? '', orNone(s.spec?.clusterIPs?.[0] ?? s.spec?.clusterIP), externalIp(s), orNone(servicePorts(s.spec?.ports)), created(s, now), formatLabels(s.spec?.selector),
  ]),
  endpoints: printer(['Name', 'Endpoints', 'Age'], (e, now) => [e.metadata.name, endpointsText(e), created(e, now)]),
  'endpointslices.discovery.k8s.io': printer(['Name', 'AddressType', 'Ports', 'Endpoints', 'Age'], (s, now) => [
    s.metadata.name, s.addressType ?? '', slicePorts(s.ports), firstThree((s.endpoints ?? []).flatMap((e: Loose) => e.addresses ?? []), '<unset>'), created(s, now),
  ]),
  'ingresses.networking.k8s.io': printer(['Name', 'Class', 'Hosts', 'Address', 'Ports', 'Age'], (i, now) => [
    i.metadata.name, orNone(i.spec?.ingressClassName ?? i.metadata.annotations?.['kubernetes.io/ingress.class']), ingressHosts(i), loadBalancerAddresses(i.status, false), i.spec?.tls?.length > 0 ? '80, 443' : '80', created(i, now),
  ]),
  'ingressclasses.networking.k8s.io': printer(['Name', 'Controller', 'Parameters', 'Age'], (c, now) => {
    const p = c.spec?.parameters
    return [c.metadata.name, c.spec?.controller ?? '', p ? `${p.kind}${p.apiGroup ? '.' + p.apiGroup : ''}/${p.name}` : '<none>', created(c, now)]
  }),
  'networkpolicies.networking.k8s.io': printer(['Name', 'Pod-Selector', 'Age'], (n, now) => [n.metadata.name, formatLabelSelector(n.spec?.podSelector), created(n, now)]),
  'servicecidrs.networking.k8s.io': printer(['Name', 'CIDRs', 'Age'], (c, now) => [c.metadata.name, (c.spec?.cidrs ?? []).join(','), created(c, now)]),
  'ipaddresses.networking.k8s.io': printer(['Name', 'ParentRef'], (ip) => {
    const r = ip.spec?.parentRef ?? {}
    return [ip.metadata.name, [r.resource + (r.group ? `.${r.group}` : ''), r.namespace, r.name].filter((x) => x).join('/')]
  }),
}
