/** ResourceQuota: what a new object uses is charged to the quotas of its namespace, or refused. Recounting is the quota controller's work. Leaves out: charging of updates. */
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, type Quantity } from '#base/quantity.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '#engine/api/admission.ts'
import type { Loose } from '#engine/api/loose.ts'
import * as status from '#engine/api/status.ts'
import type { Store } from '#engine/api/store.ts'
import { qosClass } from '../pod/qos.ts'

const list = (value: Loose): Loose[] => value ?? []
const one: Quantity = { unscaled: 1n, scale: 0, format: 'DecimalSI' }
const quantity = (text: unknown): Quantity => parseQuantity(String(text)) ?? { unscaled: 0n, scale: 0, format: 'DecimalSI' }

type Usage = Map<string, Quantity>

const legacyCounts: Record<string, string> = { configmaps: 'configmaps', secrets: 'secrets', services: 'services', replicationcontrollers: 'replicationcontrollers', resourcequotas: 'resourcequotas', persistentvolumeclaims: 'persistentvolumeclaims', pods: 'pods' }

/** Sum over containers; init containers count by their largest. */
function totals(spec: Loose, field: 'requests' | 'limits'): Usage {
  const out: Usage = new Map()
  for (const c of [...list(spec.containers), ...list(spec.initContainers).filter((i) => i.restartPolicy === 'Always')]) for (const [k, v] of Object.entries(c.resources?.[field] ?? {})) out.set(k, out.has(k) ? addQuantities(out.get(k)!, quantity(v)) : quantity(v))
  for (const c of list(spec.initContainers)) {
    for (const [k, v] of Object.entries(c.resources?.[field] ?? {})) if (!out.has(k) || compareQuantities(quantity(v), out.get(k)!) > 0) out.set(k, quantity(v))
  }
  return out
}

export function usageOf(plural: string, group: string, object: Loose): Usage {
  const out: Usage = new Map()
  out.set(`count/${group === '' ? plural : `${plural}.${group}`}`, one)
  if (group === '' && legacyCounts[plural]) out.set(legacyCounts[plural], one)
  if (group !== '') return out
  if (plural === 'pods') {
    for (const [k, v] of totals(object.spec, 'requests')) {
      if (['cpu', 'memory', 'ephemeral-storage'].includes(k)) out.set(k, v)
      out.set(`requests.${k}`, v)
    }
    for (const [k, v] of totals(object.spec, 'limits')) out.set(`limits.${k}`, v)
  }
  if (plural === 'services') {
    const ports = BigInt(list(object.spec?.ports).length)
    const { type } = object.spec ?? {}
    if (type === 'NodePort' || (type === 'LoadBalancer' && object.spec.allocateLoadBalancerNodePorts !== false)) out.set('services.nodeports', { unscaled: ports, scale: 0, format: 'DecimalSI' })
    if (type === 'LoadBalancer') out.set('services.loadbalancers', one)
  }
  if (plural === 'persistentvolumeclaims') {
    const size = quantity(object.spec?.resources?.requests?.storage ?? '0')
    out.set('requests.storage', size)
    const name = object.spec?.storageClassName
    if (name) {
      out.set(`${name}.storageclass.storage.k8s.io/requests.storage`, size)
      out.set(`${name}.storageclass.storage.k8s.io/persistentvolumeclaims`, one)
    }
  }
  return out
}

function scopeMatches(scope: string, operator: string, values: readonly string[], plural: string, object: Loose): boolean {
  if (plural !== 'pods') return scope === 'VolumeAttributesClass' && plural === 'persistentvolumeclaims'
  const spec = object.spec ?? {}
  switch (scope) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined
    case 'BestEffort':
      return qosClass(spec) === 'BestEffort'
    case 'NotBestEffort':
      return qosClass(spec) !== 'BestEffort'
    case 'PriorityClass': {
      const name = spec.priorityClassName
      if (operator === 'Exists') return Boolean(name)
      if (operator === 'DoesNotExist') return !name
      return operator === 'NotIn' ? !values.includes(name) : values.includes(name)
    }
    case 'CrossNamespacePodAffinity':
      return [...list(spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution), ...list(spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution)].some((t) => t.namespaces || t.namespaceSelector)
  }
  return false
}

export function quotaMatches(quota: Loose, plural: string, object: Loose): boolean {
  return (
    list(quota.spec?.scopes).every((s) => scopeMatches(String(s), 'Exists', [], plural, object)) &&
    list(quota.spec?.scopeSelector?.matchExpressions).every((e) => scopeMatches(e.scopeName, e.operator, e.values ?? [], plural, object))
  )
}

const compute = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']

/** `limits.memory for: c; requests.cpu for: c` */
function missing(hard: readonly string[], spec: Loose): string {
  const out: string[] = []
  for (const name of hard.filter((h) => compute.includes(h)).sort()) {
    const [field, resource] = name.startsWith('limits.') ? ['limits', name.slice(7)] : ['requests', name.replace('requests.', '')]
    const lacking = [...list(spec.containers), ...list(spec.initContainers)].filter((c) => c.resources?.[field]?.[resource] === undefined).map((c) => c.name)
    if (lacking.length > 0) out.push(`${name} for: ${lacking.sort().join(',')}`)
  }
  return out.join('; ')
}

const pretty = (names: readonly string[], value: (name: string) => string) => [...names].sort().map((n) => `${n}=${value(n)}`).join(',')

export class ResourceQuota implements AdmissionPlugin {
  readonly name = 'ResourceQuota'
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  #concerned({ operation, kind, subresource, namespace, object, context }: AdmissionAttributes): { quota: Loose; usage: Usage }[] {
    if (operation !== 'CREATE' || subresource !== '' || namespace === '' || kind.kind === 'Event') return []
    const quotas = context.all('resourcequotas', namespace) as Loose[]
    if (quotas.length === 0 || kind.kind === 'ResourceQuota') return []
    const usage = usageOf(kind.plural, kind.group, object)
    return quotas.flatMap((quota) => {
      const hard = Object.keys(quota.status?.hard ?? {})
      const charged = new Map([...usage].filter(([name]) => hard.includes(name)))
      const wants = kind.plural === 'pods' && kind.group === '' && hard.some((h) => compute.includes(h))
      return (charged.size > 0 || wants) && quotaMatches(quota, kind.plural, object) ? [{ quota, usage: charged }] : []
    })
  }

  validate(attributes: AdmissionAttributes): void {
    const { kind, object } = attributes
    const name = attributes.name || (object.metadata.name ?? '')
    const resource = { group: kind.group, resource: kind.plural }
    const concerned = this.#concerned(attributes)
    if (kind.plural === 'pods' && kind.group === '') {
      for (const { quota } of concerned) {
        const text = missing(Object.keys(quota.status.hard), object.spec)
        if (text !== '') throw status.forbidden(resource, name, `failed quota: ${quota.metadata.name}: must specify ${text}`)
      }
    }
    for (const { quota, usage } of concerned) {
      const { hard, used = {} } = quota.status
      const over = [...usage].filter(([n, q]) => compareQuantities(addQuantities(quantity(used[n] ?? '0'), q), quantity(hard[n])) > 0).map(([n]) => n)
      if (over.length > 0) {
        throw status.forbidden(resource, name, `exceeded quota: ${quota.metadata.name}, requested: ${pretty(over, (n) => formatQuantity(usage.get(n)!))}, used: ${pretty(over, (n) => String(used[n] ?? '0'))}, limited: ${pretty(over, (n) => String(hard[n]))}`)
      }
    }
  }

  committed(attributes: AdmissionAttributes): void {
    for (const { quota, usage } of this.#concerned(attributes)) {
      if (usage.size === 0) continue
      const fresh = this.#store.get('resourcequotas', quota.metadata.namespace, quota.metadata.name) as Loose
      const used = { ...fresh.status.used }
      for (const [n, q] of usage) used[n] = formatQuantity(addQuantities(quantity(used[n] ?? '0'), q))
      this.#store.put('resourcequotas', { ...fresh, metadata: { ...fresh.metadata }, status: { ...fresh.status, used } })
    }
  }
}
