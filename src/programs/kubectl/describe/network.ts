/** Services, endpoints, slices, ingresses, ingress classes, network policies, service CIDRs and addresses. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError } from '../cli/errors.ts'
import { rfc1123 } from '../verbs/time.ts'
import { fields, rows, selectorOr, text, type Fields } from './pod-template.ts'
import { finish, heading, type DescribeContext, type Describer } from './workloads.ts'
import { annotationLines, DescribeWriter, labelLines } from './writer.ts'

const specOf = (o: KubeObject): Fields => fields(o['spec'])
const unset = (v: unknown): string => text(v) || '<unset>'

async function slicesOf(context: DescribeContext, namespace: string, service: string): Promise<KubeObject[]> {
  try {
    return (await context.run.rest.json<{ items?: KubeObject[] }>('GET', `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, { query: { labelSelector: `kubernetes.io/service-name=${service}` } })).items ?? []
  } catch {
    return []
  }
}

/** The first three ready addresses of a port, and how many more there are. */
function endpointText(slices: readonly KubeObject[], port: string | undefined, anyPort = false): string {
  if (slices.length === 0) return '<none>'
  const out: string[] = []
  let count = 0
  for (const slice of slices) {
    const ports = rows(slice['ports'])
    const list = ports.length === 0 ? [undefined] : ports
    for (const p of list) {
      if (!anyPort && p && text(p['name']) !== (port ?? '')) continue
      for (const e of rows(slice['endpoints'])) {
        if (fields(e['conditions'])['ready'] === false) continue
        for (const address of (e['addresses'] as string[] | undefined) ?? []) {
          if (count++ < 3) out.push(p ? `${address}:${text(p['port'])}` : address)
        }
      }
    }
  }
  return out.join(',') + (count > 3 ? ` + ${count - 3} more...` : '')
}

export const describeService: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const spec = specOf(o)
  heading(out, o)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  const selector = fields(spec['selector'])
  out.line(0, `Selector:\t${Object.keys(selector).sort().map((k) => `${k}=${text(selector[k])}`).join(',') || '<none>'}`).line(0, `Type:\t${text(spec['type'])}`)
  if (spec['ipFamilyPolicy']) out.line(0, `IP Family Policy:\t${text(spec['ipFamilyPolicy'])}`)
  out.line(0, `IP Families:\t${((spec['ipFamilies'] as string[] | undefined) ?? []).join(',') || '<none>'}`).line(0, `IP:\t${text(spec['clusterIP'])}`)
  out.line(0, `IPs:\t${((spec['clusterIPs'] as string[] | undefined) ?? []).join(',') || '<none>'}`)
  if (((spec['externalIPs'] as string[] | undefined) ?? []).length > 0) out.line(0, `External IPs:\t${(spec['externalIPs'] as string[]).join(',')}`)
  if (spec['loadBalancerIP']) out.line(0, `Desired LoadBalancer IP:\t${text(spec['loadBalancerIP'])}`)
  if (spec['externalName']) out.line(0, `External Name:\t${text(spec['externalName'])}`)
  const ingress = rows(fields(fields(o['status'])['loadBalancer'])['ingress'])
  if (ingress.length > 0) out.line(0, `LoadBalancer Ingress:\t${ingress.map((i) => (i['ip'] ? `${text(i['ip'])}${i['ipMode'] ? ` (${text(i['ipMode'])})` : ''}` : text(i['hostname']))).join(', ')}`)
  const slices = rows(spec['ports']).length > 0 ? await slicesOf(context, o.metadata.namespace ?? '', o.metadata.name) : []
  for (const port of rows(spec['ports'])) {
    const name = unset(port['name'])
    const protocol = text(port['protocol'] ?? 'TCP')
    out.line(0, `Port:\t${name}\t${text(port['port'])}/${protocol}`)
    out.line(0, `TargetPort:\t${text(port['targetPort'] ?? port['port'])}/${protocol}`)
    if (port['nodePort']) out.line(0, `NodePort:\t${name}\t${text(port['nodePort'])}/${protocol}`)
    out.line(0, `Endpoints:\t${endpointText(slices, port['name'] as string | undefined)}`)
  }
  out.line(0, `Session Affinity:\t${text(spec['sessionAffinity'] ?? 'None')}`)
  if (spec['externalTrafficPolicy']) out.line(0, `External Traffic Policy:\t${text(spec['externalTrafficPolicy'])}`)
  if (spec['internalTrafficPolicy']) out.line(0, `Internal Traffic Policy:\t${text(spec['internalTrafficPolicy'])}`)
  if (spec['trafficDistribution']) out.line(0, `Traffic Distribution:\t${text(spec['trafficDistribution'])}`)
  if (spec['healthCheckNodePort']) out.line(0, `HealthCheck NodePort:\t${text(spec['healthCheckNodePort'])}`)
  const ranges = (spec['loadBalancerSourceRanges'] as string[] | undefined) ?? []
  if (ranges.length > 0) out.line(0, `LoadBalancer Source Ranges:\t${ranges.join(',')}`)
  return finish(out, context)
}

export const describeEndpoints: Describer = async (o, context) => {
  const out = new DescribeWriter()
  heading(out, o)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, 'Subsets:')
  const addresses = (list: unknown) => rows(list).map((a) => text(a['ip'])).join(',') || '<none>'
  for (const subset of rows(o['subsets'])) {
    out.line(1, `Addresses:\t${addresses(subset['addresses'])}`).line(1, `NotReadyAddresses:\t${addresses(subset['notReadyAddresses'])}`)
    if (rows(subset['ports']).length > 0) {
      out.line(1, 'Ports:').line(2, 'Name\tPort\tProtocol').line(2, '----\t----\t--------')
      for (const p of rows(subset['ports'])) out.line(2, `${unset(p['name'])}\t${text(p['port'])}\t${text(p['protocol'] ?? 'TCP')}`)
    }
    out.line(0, '')
  }
  return finish(out, context)
}

export const describeSlice: Describer = async (o, context) => {
  const out = new DescribeWriter()
  heading(out, o)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `AddressType:\t${text(o['addressType'])}`)
  const ports = rows(o['ports'])
  if (ports.length === 0) out.line(0, 'Ports: <unset>')
  else {
    out.line(0, 'Ports:').line(1, 'Name\tPort\tProtocol').line(1, '----\t----\t--------')
    for (const p of ports) out.line(1, `${unset(p['name'])}\t${p['port'] === undefined || p['port'] === null ? '<unset>' : text(p['port'])}\t${text(p['protocol'] ?? 'TCP')}`)
  }
  const endpoints = rows(o['endpoints'])
  if (endpoints.length === 0) out.line(0, 'Endpoints: <none>')
  else {
    out.line(0, 'Endpoints:')
    for (const e of endpoints) {
      out.line(1, `- Addresses:\t${((e['addresses'] as string[] | undefined) ?? []).join(', ')}`).line(2, 'Conditions:').line(3, `Ready:\t${fields(e['conditions'])['ready'] === undefined ? '<unset>' : text(fields(e['conditions'])['ready'])}`)
      out.line(2, `Hostname:\t${unset(e['hostname'])}`)
      const target = e['targetRef'] as Fields | undefined
      if (target) out.line(2, `TargetRef:\t${text(target['kind'])}/${text(target['name'])}`)
      out.line(2, `NodeName:\t${unset(e['nodeName'])}`).line(2, `Zone:\t${unset(e['zone'])}`)
      const topology = fields(e['deprecatedTopology'])
      if (Object.keys(topology).length > 0) {
        out.line(2, 'Topology:')
        for (const k of Object.keys(topology).sort()) out.line(3, `${k}:\t${text(topology[k])}`)
      }
    }
  }
  return finish(out, context)
}

async function backendText(context: DescribeContext, namespace: string, backend: Fields): Promise<readonly [string, string]> {
  const service = backend['service'] as Fields | undefined
  if (!service) {
    const resource = fields(backend['resource'])
    return [`APIGroup: ${resource['apiGroup'] === undefined ? '<none>' : text(resource['apiGroup'])}, Kind: ${text(resource['kind'])}, Name: ${text(resource['name'])}`, '']
  }
  const port = fields(service['port'])
  const name = text(service['name'])
  const wanted = port['name'] ? text(port['name']) : text(port['number'] ?? 0)
  let endpoints: string
  try {
    const object = await context.run.rest.json<KubeObject>('GET', `/api/v1/namespaces/${namespace}/services/${name}`)
    const servicePort = rows(specOf(object)['ports']).find((p) => text(p['name']) === text(port['name'] ?? '\0') || text(p['port']) === text(port['number'] ?? '\0'))
    endpoints = servicePort ? endpointText(await slicesOf(context, namespace, name), servicePort['name'] as string | undefined) : ''
    const external = specOf(object)['externalName']
    void external
  } catch (error) {
    endpoints = `<error: ${error instanceof ApiError ? error.message : String(error)}>`
  }
  return [`${name}:${wanted}`, endpoints]
}

export const describeIngress: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const spec = specOf(o)
  const namespace = o.metadata.namespace ?? ''
  out.line(0, `Name:\t${o.metadata.name}`)
  labelLines(out, 'Labels', o.metadata.labels)
  out.line(0, `Namespace:\t${namespace}`)
  const balancers = rows(fields(fields(o['status'])['loadBalancer'])['ingress']).map((i) => text(i['ip']) || text(i['hostname']))
  out.line(0, `Address:\t${balancers.join(',')}`)
  out.line(0, `Ingress Class:\t${spec['ingressClassName'] === undefined ? '<none>' : text(spec['ingressClassName'])}`)
  const fallback = spec['defaultBackend'] as Fields | undefined
  if (!fallback) out.line(0, 'Default backend:\t<default>')
  else {
    const [name, endpoints] = await backendText(context, namespace, fallback)
    out.line(0, `Default backend:\t${name}${fallback['service'] ? ` (${endpoints})` : ''}`)
  }
  const tls = rows(spec['tls'])
  if (tls.length > 0) {
    out.line(0, 'TLS:')
    for (const t of tls) {
      const hosts = ((t['hosts'] as string[] | undefined) ?? []).join(',')
      out.line(1, t['secretName'] ? `${text(t['secretName'])} terminates ${hosts}` : `SNI routes ${hosts}`)
    }
  }
  out.line(0, 'Rules:\n  Host\tPath\tBackends').line(1, '----\t----\t--------')
  const rules = rows(spec['rules'])
  for (const rule of rules) {
    if (!rule['http']) continue
    out.line(1, `${text(rule['host']) || '*'}\t`)
    for (const path of rows(fields(rule['http'])['paths'])) {
      const backend = fields(path['backend'])
      const [name, endpoints] = await backendText(context, namespace, backend)
      out.line(2, `\t${text(path['path'])} \t${name}${backend['service'] ? ` (${endpoints})` : ''}`)
    }
  }
  if (!rules.some((r) => r['http'])) {
    if (fallback) {
      const [name, endpoints] = await backendText(context, namespace, fallback)
      out.line(1, `*\t*\t${name}${fallback['service'] ? ` (${endpoints})` : ''}`)
    } else out.line(1, '*\t*\t<default>')
  }
  annotationLines(out, 'Annotations', o.metadata.annotations)
  return finish(out, context)
}

export const describeIngressClass: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const spec = specOf(o)
  heading(out, o, false)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `Controller:\t${text(spec['controller'])}`)
  const parameters = spec['parameters'] as Fields | undefined
  if (parameters) {
    out.line(0, 'Parameters:')
    if (parameters['apiGroup']) out.line(1, `APIGroup:\t${text(parameters['apiGroup'])}`)
    out.line(1, `Kind:\t${text(parameters['kind'])}`).line(1, `Name:\t${text(parameters['name'])}`)
  }
  return finish(out, context)
}

function policyRules(out: DescribeWriter, rules: readonly Fields[], ingress: boolean): void {
  const pad = '    '
  const [peers, word, isolated, open] = ingress ? ['from', 'From', 'ingress', 'source'] : ['to', 'To', 'egress', 'destination']
  if (rules.length === 0) {
    out.line(0, `${pad}<none> (Selected pods are isolated for ${isolated} connectivity)`)
    return
  }
  rules.forEach((rule, i) => {
    const ports = rows(rule['ports'])
    if (ports.length === 0) out.line(0, `${pad}To Port: <any> (traffic allowed to all ports)`)
    for (const p of ports) {
      const protocol = text(p['protocol'] ?? 'TCP')
      const port = p['port'] === undefined ? '<nil>' : text(p['port'])
      out.line(0, p['endPort'] === undefined ? `${pad}To Port: ${port}/${protocol}` : `${pad}To Port Range: ${port}-${text(p['endPort'])}/${protocol}`)
    }
    const list = rows(rule[peers!])
    if (list.length === 0) out.line(0, `${pad}${word!}: <any> (traffic not restricted by ${open!})`)
    else {
      for (const peer of list) {
        out.line(0, `${pad}${word!}:`)
        if (peer['namespaceSelector']) out.line(0, `${pad}  NamespaceSelector: ${selectorOr(peer['namespaceSelector'])}`)
        if (peer['podSelector']) out.line(0, `${pad}  PodSelector: ${selectorOr(peer['podSelector'])}`)
        const block = peer['ipBlock'] as Fields | undefined
        if (block && !peer['podSelector'] && !peer['namespaceSelector']) {
          out.line(0, `${pad}  IPBlock:`).line(0, `${pad}    CIDR: ${text(block['cidr'])}`).line(0, `${pad}    Except: ${((block['except'] as string[] | undefined) ?? []).join(', ')}`)
        }
      }
    }
    if (i !== rules.length - 1) out.line(0, `${pad}----------`)
  })
}

/** Go's time.String of an RFC 3339 time. */
const goTime = (time: string | undefined): string => (time ? `${time.replace('T', ' ').replace('Z', '')} +0000 UTC` : '0001-01-01 00:00:00 +0000 UTC')

export const describeNetworkPolicy: Describer = async (o) => {
  const out = new DescribeWriter()
  const spec = specOf(o)
  heading(out, o)
  out.line(0, `Created on:\t${goTime(o.metadata.creationTimestamp)}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, 'Spec:')
  const selector = fields(spec['podSelector'])
  const all = Object.keys(fields(selector['matchLabels'])).length === 0 && rows(selector['matchExpressions']).length === 0
  out.line(1, `PodSelector:     ${all ? '<none> (Allowing the specific traffic to all pods in this namespace)' : selectorOr(spec['podSelector'])}`)
  const types = (spec['policyTypes'] as string[] | undefined) ?? []
  if (types.includes('Ingress')) {
    out.line(1, 'Allowing ingress traffic:')
    policyRules(out, rows(spec['ingress']), true)
  } else out.line(1, 'Not affecting ingress traffic')
  if (types.includes('Egress')) {
    out.line(1, 'Allowing egress traffic:')
    policyRules(out, rows(spec['egress']), false)
  } else out.line(1, 'Not affecting egress traffic')
  out.line(1, `Policy Types: ${types.join(', ')}`)
  return out.toString()
}

export const describeServiceCidr: Describer = async (o, context) => {
  const out = new DescribeWriter()
  heading(out, o, false)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `CIDRs:\t${((specOf(o)['cidrs'] as string[] | undefined) ?? []).join(', ')}`)
  const conditions = rows(fields(o['status'])['conditions'])
  if (conditions.length > 0) {
    out.line(0, 'Status:').line(0, 'Conditions:').line(1, 'Type\tStatus\tLastTransitionTime\tReason\tMessage').line(1, '----\t------\t------------------\t------\t-------')
    for (const c of conditions) out.line(1, `${text(c['type'])} \t${text(c['status'])} \t${rfc1123(text(c['lastTransitionTime']))} \t${text(c['reason'])} \t${text(c['message'])}`)
  }
  return finish(out, context)
}

export const describeAddress: Describer = async (o, context) => {
  const out = new DescribeWriter()
  heading(out, o, false)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  const parent = specOf(o)['parentRef'] as Fields | undefined
  if (parent) {
    out.line(0, 'Parent Reference:').line(1, `Group:\t${text(parent['group'])}`).line(1, `Resource:\t${text(parent['resource'])}`).line(1, `Namespace:\t${text(parent['namespace'])}`).line(1, `Name:\t${text(parent['name'])}`)
  }
  return finish(out, context)
}
