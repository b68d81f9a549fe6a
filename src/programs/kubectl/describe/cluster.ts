/** Nodes, namespaces, quotas, limit ranges, config maps, secrets, service accounts, rbac, volumes and claims, classes, signing requests. */
import { byteLength, fromBase64 } from '#base/bytes.ts'
import { humanDuration } from '#base/duration.ts'
import { addQuantities, formatQuantity, parseQuantity, quantityMilliValue, quantityValue, type Quantity } from '#base/quantity.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { decodeRequest, pemBlocks } from '#engine/machine/certificates.ts'
import { ageOf, rfc1123 } from '../verbs/time.ts'
import { fields, quantity, rows, text, volumeKinds, type Fields } from './pod-template.ts'
import { requestSubject } from './der.ts'
import { finish, heading, type DescribeContext, type Describer } from './workloads.ts'
import { annotationLines, DescribeWriter, labelLines } from './writer.ts'

const specOf = (o: KubeObject): Fields => fields(o['spec'])
const statusOf = (o: KubeObject): Fields => fields(o['status'])

function common(out: DescribeWriter, o: KubeObject, namespaced: boolean): void {
  heading(out, o, namespaced)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
}

async function items(context: DescribeContext, path: string, query: Readonly<Record<string, string>> = {}): Promise<KubeObject[]> {
  try {
    return (await context.run.rest.json<{ items?: KubeObject[] }>('GET', path, { query })).items ?? []
  } catch {
    return []
  }
}

// nodes

const zero = (): Quantity => parseQuantity('0')!

/** What a pod asks for or may use: the sum over containers, at least the largest init container. */
function podTotal(pod: KubeObject, kind: 'requests' | 'limits', resource: string): Quantity {
  const of = (c: Fields) => parseQuantity(text(fields(fields(c['resources'])[kind])[resource] ?? '0')) ?? zero()
  let sum = zero()
  for (const c of rows(specOf(pod)['containers'])) sum = addQuantities(sum, of(c))
  let sidecars = zero()
  let peak = zero()
  for (const c of rows(specOf(pod)['initContainers'])) {
    if (c['restartPolicy'] === 'Always') {
      sidecars = addQuantities(sidecars, of(c))
      sum = addQuantities(sum, of(c))
    } else if (quantityMilliValue(addQuantities(of(c), sidecars)) > quantityMilliValue(peak)) peak = addQuantities(of(c), sidecars)
  }
  const overhead = parseQuantity(text(fields(specOf(pod)['overhead'])[resource] ?? '0')) ?? zero()
  return addQuantities(quantityMilliValue(peak) > quantityMilliValue(sum) ? peak : sum, overhead)
}

function share(amount: Quantity, of: unknown): string {
  const whole = parseQuantity(text(of ?? '0')) ?? zero()
  const percent = quantityMilliValue(whole) === 0n ? 0 : Number((quantityMilliValue(amount) * 100n) / quantityMilliValue(whole))
  return `${quantityValue(amount) === 0n && quantityMilliValue(amount) === 0n ? '0' : formatQuantity(amount)} (${percent}%)`
}

export const describeNode: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  out.line(0, `Name:\t${o.metadata.name}`)
  const roles = Object.keys(o.metadata.labels ?? {}).flatMap((k) => (k.startsWith('node-role.kubernetes.io/') && k.length > 24 ? [k.slice(24)] : k === 'kubernetes.io/role' ? [o.metadata.labels![k]!] : [])).sort()
  out.line(0, `Roles:\t${roles.join(',') || '<none>'}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `CreationTimestamp:\t${rfc1123(o.metadata.creationTimestamp)}`)
  const taints = rows(spec['taints']).map((t) => `${text(t['key'])}${t['value'] ? `=${text(t['value'])}` : ''}:${text(t['effect'])}`).sort()
  taints.forEach((t, i) => out.line(0, `${i === 0 ? 'Taints:' : ''}\t${t}`))
  if (taints.length === 0) out.line(0, 'Taints:\t<none>')
  out.line(0, `Unschedulable:\t${spec['unschedulable'] === true}`)
  await leaseLines(out, o, context)
  const conditions = rows(status['conditions'])
  if (conditions.length > 0) {
    out.line(0, 'Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage').line(1, '----\t------\t-----------------\t------------------\t------\t-------')
    for (const c of conditions) out.line(1, `${text(c['type'])} \t${text(c['status'])} \t${rfc1123(text(c['lastHeartbeatTime']))} \t${rfc1123(text(c['lastTransitionTime']))} \t${text(c['reason'])} \t${text(c['message'])}`)
  }
  out.line(0, 'Addresses:')
  for (const a of rows(status['addresses'])) out.line(1, `${text(a['type'])}:\t${text(a['address'])}`)
  const amounts = (label: string, map: Fields) => {
    if (Object.keys(map).length === 0) return
    out.line(0, `${label}:`)
    for (const k of Object.keys(map).sort()) out.line(1, `${k}:\t${quantity(map[k])}`)
  }
  amounts('Capacity', fields(status['capacity']))
  amounts('Allocatable', fields(status['allocatable']))
  const info = fields(status['nodeInfo'])
  out.line(0, 'System Info:')
  for (const [label, key] of [['Machine ID', 'machineID'], ['System UUID', 'systemUUID'], ['Boot ID', 'bootID'], ['Kernel Version', 'kernelVersion'], ['OS Image', 'osImage'], ['Operating System', 'operatingSystem'], ['Architecture', 'architecture'], ['Container Runtime Version', 'containerRuntimeVersion'], ['Kubelet Version', 'kubeletVersion'], ['Kube-Proxy Version', 'kubeProxyVersion']] as const) out.line(1, `${label}:\t${text(info[key])}`)
  if (spec['podCIDR']) out.line(0, `PodCIDR:\t${text(spec['podCIDR'])}`)
  if (rows(spec['podCIDRs']).length > 0) out.line(0, `PodCIDRs:\t${(spec['podCIDRs'] as string[]).join(',')}`)
  if (spec['providerID']) out.line(0, `ProviderID:\t${text(spec['providerID'])}`)
  const pods = await items(context, '/api/v1/pods', { fieldSelector: `spec.nodeName=${o.metadata.name},status.phase!=Succeeded,status.phase!=Failed` })
  podTable(out, o, pods, context.now)
  return finish(out, context)
}

async function leaseLines(out: DescribeWriter, o: KubeObject, context: DescribeContext): Promise<void> {
  let lease: Fields | undefined
  try {
    lease = fields((await context.run.rest.json<KubeObject>('GET', `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${o.metadata.name}`))['spec'])
  } catch {
    out.line(0, `Lease:\tFailed to get lease: leases.coordination.k8s.io ${JSON.stringify(o.metadata.name)} not found`)
    return
  }
  const time = (v: unknown) => (v ? rfc1123(text(v)) : '<unset>')
  out.line(0, 'Lease:').line(1, `HolderIdentity:\t${text(lease['holderIdentity']) || '<unset>'}`).line(1, `AcquireTime:\t${time(lease['acquireTime'])}`).line(1, `RenewTime:\t${time(lease['renewTime'])}`)
}

function podTable(out: DescribeWriter, node: KubeObject, pods: readonly KubeObject[], now: number): void {
  const status = statusOf(node)
  const allocatable = Object.keys(fields(status['allocatable'])).length > 0 ? fields(status['allocatable']) : fields(status['capacity'])
  out.line(0, `Non-terminated Pods:\t(${pods.length} in total)`)
  out.line(1, 'Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge').line(1, '---------\t----\t\t------------\t----------\t---------------\t-------------\t---')
  const totals: Record<'requests' | 'limits', Record<string, Quantity>> = { requests: {}, limits: {} }
  const extended = Object.keys(allocatable).filter((k) => !['cpu', 'memory', 'ephemeral-storage', 'pods'].includes(k)).sort()
  for (const pod of pods) {
    const cell = (kind: 'requests' | 'limits', resource: string) => share(podTotal(pod, kind, resource), allocatable[resource])
    out.line(1, `${pod.metadata.namespace ?? ''}\t${pod.metadata.name}\t\t${cell('requests', 'cpu')}\t${cell('limits', 'cpu')}\t${cell('requests', 'memory')}\t${cell('limits', 'memory')}\t${ageOf(now, pod.metadata.creationTimestamp)}`)
    for (const kind of ['requests', 'limits'] as const) for (const resource of ['cpu', 'memory', 'ephemeral-storage', ...extended]) totals[kind][resource] = addQuantities(totals[kind][resource] ?? zero(), podTotal(pod, kind, resource))
  }
  out.line(0, 'Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)').line(1, 'Resource\tRequests\tLimits').line(1, '--------\t--------\t------')
  const total = (kind: 'requests' | 'limits', resource: string) => share(totals[kind][resource] ?? zero(), allocatable[resource])
  for (const resource of ['cpu', 'memory', 'ephemeral-storage']) out.line(1, `${resource}\t${total('requests', resource)}\t${total('limits', resource)}`)
  for (const resource of extended) {
    const plain = (kind: 'requests' | 'limits') => (resource.startsWith('hugepages-') ? total(kind, resource) : formatQuantity(totals[kind][resource] ?? zero()))
    out.line(1, `${resource}\t${plain('requests')}\t${plain('limits')}`)
  }
}

// namespaces, quotas, limit ranges

const scopeTexts: Readonly<Record<string, string>> = {
  Terminating: ' * Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system.',
  NotTerminating: ' * Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate.',
  BestEffort: ' * Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.',
  NotBestEffort: ' * Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service.',
}

function quotaRows(out: DescribeWriter, level: number, quota: KubeObject): void {
  const status = statusOf(quota)
  const hard = fields(status['hard'])
  for (const name of Object.keys(hard).sort()) out.line(level, `${name}\t${quantity(fields(status['used'])[name] ?? '0')}\t${quantity(hard[name])}`)
}

export const describeQuota: Describer = async (o) => {
  const out = new DescribeWriter()
  heading(out, o)
  const scopes = [...((specOf(o)['scopes'] as string[] | undefined) ?? [])].sort()
  if (scopes.length > 0) {
    out.line(0, `Scopes:\t${scopes.join(', ')}`)
    for (const scope of scopes) if (scopeTexts[scope]) out.line(0, scopeTexts[scope])
  }
  out.line(0, 'Resource\tUsed\tHard').line(0, '--------\t----\t----')
  quotaRows(out, 0, o)
  return out.toString()
}

function limitRows(out: DescribeWriter, prefix: string, o: KubeObject): void {
  for (const limit of rows(specOf(o)['limits'])) {
    const names = new Set(['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'].flatMap((k) => Object.keys(fields(limit[k]))))
    for (const name of [...names].sort()) {
      const v = (key: string) => (fields(limit[key])[name] === undefined ? '-' : quantity(fields(limit[key])[name]))
      out.line(0, `${prefix}${text(limit['type'])}\t${name}\t${v('min')}\t${v('max')}\t${v('defaultRequest')}\t${v('default')}\t${v('maxLimitRequestRatio')}`)
    }
  }
}

export const describeLimitRange: Describer = async (o) => {
  const out = new DescribeWriter()
  heading(out, o)
  out.line(0, 'Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio').line(0, '----\t--------\t---\t---\t---------------\t-------------\t-----------------------')
  limitRows(out, '', o)
  return out.toString()
}

export const describeNamespace: Describer = async (o, context) => {
  const out = new DescribeWriter()
  common(out, o, false)
  out.line(0, `Status:\t${text(statusOf(o)['phase'])}`)
  const conditions = rows(statusOf(o)['conditions'])
  if (conditions.length > 0) {
    out.line(0, 'Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage').line(1, '----\t------\t------------------\t------\t-------')
    for (const c of conditions) out.line(1, `${text(c['type'])}\t${text(c['status'])}\t${rfc1123(text(c['lastTransitionTime']))}\t${text(c['reason'])}\t${text(c['message'])}`)
  }
  const quotas = await items(context, `/api/v1/namespaces/${o.metadata.name}/resourcequotas`)
  if (quotas.length === 0) out.line(0, '\nNo resource quota.')
  else {
    out.line(0, '\nResource Quotas')
    for (const quota of quotas) {
      out.line(1, `Name:\t${quota.metadata.name}`)
      const scopes = [...((specOf(quota)['scopes'] as string[] | undefined) ?? [])].sort()
      if (scopes.length > 0) {
        out.line(1, `Scopes:\t${scopes.join(', ')}`)
        for (const scope of scopes) if (scopeTexts[scope]) out.line(1, scopeTexts[scope])
      }
      out.line(1, 'Resource\tUsed\tHard').line(1, '--------\t---\t---')
      quotaRows(out, 1, quota)
    }
  }
  const ranges = await items(context, `/api/v1/namespaces/${o.metadata.name}/limitranges`)
  if (ranges.length === 0) out.line(0, '\nNo LimitRange resource.')
  else {
    out.line(0, '\nResource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n ----\t--------\t---\t---\t---------------\t-------------\t-----------------------')
    for (const range of ranges) limitRows(out, ' ', range)
  }
  return out.toString()
}

// data

export const describeConfigMap: Describer = async (o, context) => {
  const out = new DescribeWriter()
  common(out, o, true)
  out.line(0, '\nData\n====')
  const data = fields(o['data'])
  for (const key of Object.keys(data).sort()) out.line(0, `${key}:\n----`).line(0, `${text(data[key])}\n`)
  out.line(0, '\nBinaryData\n====')
  const binary = fields(o['binaryData'])
  for (const key of Object.keys(binary).sort()) out.line(0, `${key}: ${byteLength(fromBase64(text(binary[key])) ?? '')} bytes`)
  out.line(0, '')
  return finish(out, context)
}

export const describeSecret: Describer = async (o) => {
  const out = new DescribeWriter()
  common(out, o, true)
  out.line(0, `\nType:\t${text(o['type'])}`).line(0, '\nData\n====')
  const data = fields(o['data'])
  for (const key of Object.keys(data).sort()) {
    const value = fromBase64(text(data[key])) ?? ''
    if (o['type'] === 'kubernetes.io/service-account-token' && key === 'token') out.line(0, `${key}:\t${value}`)
    else out.line(0, `${key}:\t${byteLength(value)} bytes`)
  }
  return out.toString()
}

export const describeServiceAccount: Describer = async (o, context) => {
  const out = new DescribeWriter()
  common(out, o, true)
  const names = (label: string, list: readonly string[]) => {
    list.forEach((n, i) => out.line(0, `${i === 0 ? `${label}:` : ''}\t${n}`))
    if (list.length === 0) out.line(0, `${label}:\t<none>`)
  }
  const tokens = (await items(context, `/api/v1/namespaces/${o.metadata.namespace ?? ''}/secrets`)).filter((s) => s['type'] === 'kubernetes.io/service-account-token' && s.metadata.annotations?.['kubernetes.io/service-account.name'] === o.metadata.name)
  names('Image pull secrets', rows(o['imagePullSecrets']).map((r) => text(r['name'])))
  names('Mountable secrets', rows(o['secrets']).map((r) => text(r['name'])))
  names('Tokens', tokens.map((t) => t.metadata.name))
  return finish(out, context)
}

// rbac

/** One row per resource, verbs of equal rules together, in order. */
function ruleRows(rules: readonly Fields[]): string[] {
  const broken = new Map<string, { resource: string; url: string; names: string; verbs: string[] }>()
  const strings = (v: unknown) => (v as string[] | undefined) ?? []
  const put = (resource: string, url: string, names: readonly string[], verbs: readonly string[]) => {
    for (const name of names.length > 0 ? names : ['']) {
      const key = `${resource}\0${url}\0${name}`
      const row = broken.get(key) ?? { resource, url, names: name, verbs: [] }
      for (const verb of verbs) if (!row.verbs.includes(verb)) row.verbs.push(verb)
      broken.set(key, row)
    }
  }
  for (const rule of rules) {
    for (const group of strings(rule['apiGroups'])) for (const resource of strings(rule['resources'])) put(combine(resource, group), '', strings(rule['resourceNames']), strings(rule['verbs']))
    for (const url of strings(rule['nonResourceURLs'])) put('', url, [], strings(rule['verbs']))
  }
  // Text order: Go sorts the rules' String forms, where names and urls come after resources.
  return [...broken.values()].sort((a, b) => order(a, b)).map((r) => `${r.resource}\t[${r.url}]\t[${r.names}]\t[${r.verbs.join(' ')}]`)
}

function combine(resource: string, group: string): string {
  if (group === '') return resource
  const [name, ...sub] = resource.split('/')
  return sub.length > 0 ? `${name!}.${group}/${sub.join('/')}` : `${name!}.${group}`
}

function order(a: { resource: string; url: string }, b: { resource: string; url: string }): number {
  if ((a.resource === '') !== (b.resource === '')) return a.resource === '' ? 1 : -1
  const [x, y] = a.resource === '' ? [a.url, b.url] : [a.resource, b.resource]
  return x < y ? -1 : x > y ? 1 : 0
}

export const describeRole: Describer = async (o) => {
  const out = new DescribeWriter()
  common(out, o, false)
  out.line(0, 'PolicyRule:').line(1, 'Resources\tNon-Resource URLs\tResource Names\tVerbs').line(1, '---------\t-----------------\t--------------\t-----')
  for (const row of ruleRows(rows(o['rules']))) out.line(1, row)
  return out.toString()
}

export const describeBinding: Describer = async (o) => {
  const out = new DescribeWriter()
  common(out, o, false)
  const role = fields(o['roleRef'])
  out.line(0, 'Role:').line(1, `Kind:\t${text(role['kind'])}`).line(1, `Name:\t${text(role['name'])}`)
  out.line(0, 'Subjects:').line(1, 'Kind\tName\tNamespace').line(1, '----\t----\t---------')
  for (const s of rows(o['subjects'])) out.line(1, `${text(s['kind'])}\t${text(s['name'])}\t${text(s['namespace'])}`)
  return out.toString()
}

// storage

const modeNames: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' }
const modes = (v: unknown): string => ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'].filter((m) => ((v as string[] | undefined) ?? []).includes(m)).map((m) => modeNames[m]!).join(',')

export const describeClaim: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  out.line(0, `StorageClass:\t${text(o.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec['storageClassName'])}`)
  out.line(0, o.metadata.deletionTimestamp ? `Status:\tTerminating (lasts ${humanDuration(context.now - Date.parse(o.metadata.deletionTimestamp))})` : `Status:\t${text(status['phase'])}`)
  out.line(0, `Volume:\t${text(spec['volumeName'])}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `Finalizers:\t[${(o.metadata.finalizers ?? []).join(' ')}]`)
  const storage = fields(status['capacity'])['storage']
  const bound = Boolean(spec['volumeName'])
  out.line(0, `Capacity:\t${bound && storage !== undefined ? quantity(storage) : bound ? '0' : ''}`).line(0, `Access Modes:\t${bound ? modes(status['accessModes']) : ''}`)
  if (spec['volumeMode']) out.line(0, `VolumeMode:\t${text(spec['volumeMode'])}`)
  const source = spec['dataSource'] as Fields | undefined
  if (source) {
    out.line(0, 'DataSource:')
    if (source['apiGroup']) out.line(1, `APIGroup:\t${text(source['apiGroup'])}`)
    out.line(1, `Kind:\t${text(source['kind'])}`).line(1, `Name:\t${text(source['name'])}`)
  }
  const users = (await items(context, `/api/v1/namespaces/${o.metadata.namespace ?? ''}/pods`)).filter((p) => rows(specOf(p)['volumes']).some((v) => fields(v['persistentVolumeClaim'])['claimName'] === o.metadata.name)).map((p) => p.metadata.name)
  users.forEach((u, i) => out.line(0, `${i === 0 ? 'Used By:' : ''}\t${u}`))
  if (users.length === 0) out.line(0, 'Used By:\t<none>')
  const conditions = rows(status['conditions'])
  if (conditions.length > 0) {
    out.line(0, 'Conditions:').line(1, 'Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage').line(1, '----\t------\t-----------------\t------------------\t------\t-------')
    for (const c of conditions) out.line(1, `${text(c['type'])} \t${text(c['status'])} \t${rfc1123(text(c['lastProbeTime']))} \t${rfc1123(text(c['lastTransitionTime']))} \t${text(c['reason'])} \t${text(c['message'])}`)
  }
  return finish(out, context)
}

export const describeVolume: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o, false)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `Finalizers:\t[${(o.metadata.finalizers ?? []).join(' ')}]`).line(0, `StorageClass:\t${text(spec['storageClassName'])}`)
  out.line(0, o.metadata.deletionTimestamp ? `Status:\tTerminating (lasts ${humanDuration(context.now - Date.parse(o.metadata.deletionTimestamp))})` : `Status:\t${text(status['phase'])}`)
  const claim = spec['claimRef'] as Fields | undefined
  out.line(0, `Claim:\t${claim ? `${text(claim['namespace'])}/${text(claim['name'])}` : ''}`).line(0, `Reclaim Policy:\t${text(spec['persistentVolumeReclaimPolicy'])}`).line(0, `Access Modes:\t${modes(spec['accessModes'])}`)
  if (spec['volumeMode']) out.line(0, `VolumeMode:\t${text(spec['volumeMode'])}`)
  out.line(0, `Capacity:\t${quantity(fields(spec['capacity'])['storage'] ?? '0')}`)
  affinityLines(out, spec['nodeAffinity'] as Fields | undefined)
  out.line(0, `Message:\t${text(status['message'])}`).line(0, 'Source:')
  const kind = Object.keys(volumeKinds).find((k) => spec[k] !== undefined)
  if (kind) volumeKinds[kind]!(fields(spec[kind]), out)
  else out.line(1, '<unknown>')
  return finish(out, context)
}

function affinityLines(out: DescribeWriter, affinity: Fields | undefined): void {
  const required = affinity ? fields(affinity['required']) : undefined
  if (!required) {
    out.line(0, 'Node Affinity:\t<none>')
    return
  }
  out.line(0, 'Node Affinity:')
  out.line(1, 'Required Terms:')
  const terms = rows(required['nodeSelectorTerms'])
  terms.forEach((term, i) => {
    const parts = rows(term['matchExpressions']).map((e) => {
      const values = ((e['values'] as string[] | undefined) ?? []).join(', ')
      const operator = text(e['operator'])
      return operator === 'Exists' ? text(e['key']) : operator === 'DoesNotExist' ? `!${text(e['key'])}` : operator === 'In' ? `${text(e['key'])} in [${values}]` : operator === 'NotIn' ? `${text(e['key'])} not in [${values}]` : `${text(e['key'])} ${operator} ${values}`
    })
    out.line(2, `Term ${i}:\t${parts[0] ?? '<none>'}`)
    for (const part of parts.slice(1)) out.line(2, `\t${part}`)
  })
}

export const describeStorageClass: Describer = async (o, context) => {
  const out = new DescribeWriter()
  heading(out, o, false)
  out.line(0, `IsDefaultClass:\t${o.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ? 'Yes' : 'No'}`)
  const annotations = o.metadata.annotations ?? {}
  out.line(0, `Annotations:\t${Object.keys(annotations).sort().map((k) => `${k}=${annotations[k]!}`).join(',') || '<none>'}`).line(0, `Provisioner:\t${text(o['provisioner'])}`)
  const parameters = fields(o['parameters'])
  out.line(0, `Parameters:\t${Object.keys(parameters).sort().map((k) => `${k}=${text(parameters[k])}`).join(',') || '<none>'}`)
  out.line(0, `AllowVolumeExpansion:\t${o['allowVolumeExpansion'] === undefined ? '<unset>' : o['allowVolumeExpansion'] === true ? 'True' : 'False'}`)
  const options = (o['mountOptions'] as string[] | undefined) ?? []
  if (options.length === 0) out.line(0, 'MountOptions:\t<none>')
  else {
    out.line(0, 'MountOptions:')
    for (const option of options) out.line(1, option)
  }
  if (o['reclaimPolicy']) out.line(0, `ReclaimPolicy:\t${text(o['reclaimPolicy'])}`)
  if (o['volumeBindingMode']) out.line(0, `VolumeBindingMode:\t${text(o['volumeBindingMode'])}`)
  return finish(out, context)
}

export const describePriorityClass: Describer = async (o, context) => {
  const out = new DescribeWriter()
  heading(out, o, false)
  out.line(0, `Value:\t${text(o['value'] ?? 0)}`).line(0, `GlobalDefault:\t${o['globalDefault'] === true}`).line(0, `PreemptionPolicy:\t${text(o['preemptionPolicy'])}`).line(0, `Description:\t${text(o['description'])}`)
  const annotations = o.metadata.annotations ?? {}
  out.line(0, `Annotations:\t${Object.keys(annotations).sort().map((k) => `${k}=${annotations[k]!}`).join(',') || '<none>'}`)
  return finish(out, context)
}

export const describeSigningRequest: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o, false)
  labelLines(out, 'Labels', o.metadata.labels)
  const annotations = o.metadata.annotations ?? {}
  const keys = Object.keys(annotations).sort()
  if (keys.length === 0) out.line(0, 'Annotations:\t<none>')
  keys.forEach((k, i) => out.line(0, `${i === 0 ? 'Annotations:' : ''}\t${k}=${annotations[k]!}`))
  out.line(0, `CreationTimestamp:\t${rfc1123(o.metadata.creationTimestamp)}`).line(0, `Requesting User:\t${text(spec['username'])}`)
  if (spec['signerName']) out.line(0, `Signer:\t${text(spec['signerName'])}`)
  if (spec['expirationSeconds'] !== undefined) out.line(0, `Requested Duration:\t${humanDuration(Number(spec['expirationSeconds']) * 1000)}`)
  const words = rows(status['conditions']).map((c) => text(c['type']))
  const state: string[] = [...new Set(words.filter((w) => w === 'Approved' || w === 'Denied' || w === 'Failed'))]
  if (status['certificate']) state.push('Issued')
  out.line(0, `Status:\t${state.join(',') || 'Pending'}`)
  const pem = fromBase64(text(spec['request'])) ?? ''
  const request = decodeRequest(pem)
  const subject = request ? { commonName: request.commonName, serialNumber: '', organizations: request.organizations ?? [] } : requestSubject(pemBlocks(pem)[0]?.body ?? '')
  out.line(0, 'Subject:').line(0, `\tCommon Name:\t${subject?.commonName ?? ''}`).line(0, `\tSerial Number:\t${subject?.serialNumber ?? ''}`)
  if (subject && subject.organizations.length > 0) out.line(0, `\tOrganization:\t${subject.organizations.join(', ')}`)
  if ((request?.dnsNames?.length ?? 0) + (request?.ipAddresses?.length ?? 0) > 0) {
    out.line(0, 'Subject Alternative Names:')
    if (request!.dnsNames?.length) out.line(0, `\tDNS Names:\t${request!.dnsNames.join('\n\t\t')}`)
    if (request!.ipAddresses?.length) out.line(0, `\tIP Addresses:\t${request!.ipAddresses.join('\n\t\t')}`)
  }
  return finish(out, context)
}
