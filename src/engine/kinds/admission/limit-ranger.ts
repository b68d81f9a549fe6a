/** LimitRanger: defaults and bounds of containers, pods and claims, with upstream's messages. */
import { addQuantities, compareQuantities, formatQuantity as format, parseQuantity, type Quantity, quantityValue } from '#base/quantity.ts'
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import type { Loose } from '#engine/api/loose.ts'
import * as status from '#engine/api/status.ts'

const quantity = (text: string): Quantity => parseQuantity(String(text)) ?? { unscaled: 0n, scale: 0, format: 'DecimalSI' }
const ANNOTATION = 'kubernetes.io/limit-ranger'

function setDefaults(pod: Loose, item: Loose): void {
  const told: string[] = []
  const visit = (c: Loose, type: string) => {
    const resources = (c.resources ??= {})
    const filled = { request: [] as string[], limit: [] as string[] }
    for (const [k, v] of Object.entries((item.default ?? {}) as Record<string, string>)) {
      if (resources.limits?.[k] !== undefined) continue
      resources.limits = { ...resources.limits, [k]: v }
      filled.limit.push(k)
    }
    for (const [k, v] of Object.entries((item.defaultRequest ?? {}) as Record<string, string>)) {
      if (resources.requests?.[k] !== undefined) continue
      resources.requests = { ...resources.requests, [k]: v }
      filled.request.push(k)
    }
    if (filled.request.length > 0) told.push(`${filled.request.sort().join(', ')} request for ${type} ${c.name}`)
    if (filled.limit.length > 0) told.push(`${filled.limit.sort().join(', ')} limit for ${type} ${c.name}`)
  }
  for (const c of pod.spec.containers ?? []) visit(c, 'container')
  for (const c of pod.spec.initContainers ?? []) visit(c, 'init container')
  if (told.length > 0) pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${told.join('; ')}` }
}

function check(type: string, item: Loose, requests: Record<string, string>, limits: Record<string, string>, errors: string[], claim = false): void {
  for (const [k, v] of Object.entries((item.min ?? {}) as Record<string, string>)) {
    const [request, limit] = [requests[k], limits[k]]
    if (request === undefined) errors.push(`minimum ${k} usage per ${type} is ${v}.  No request is specified`)
    else if (compareQuantities(quantity(request), quantity(v)) < 0) errors.push(`minimum ${k} usage per ${type} is ${v}, but request is ${request}`)
    else if (!claim && limit !== undefined && compareQuantities(quantity(limit), quantity(v)) < 0) errors.push(`minimum ${k} usage per ${type} is ${v}, but limit is ${limit}`)
  }
  for (const [k, v] of Object.entries((item.max ?? {}) as Record<string, string>)) {
    const [request, limit] = [requests[k], limits[k]]
    if (claim) {
      if (request !== undefined && compareQuantities(quantity(request), quantity(v)) > 0) errors.push(`maximum ${k} usage per ${type} is ${v}, but request is ${request}`)
      continue
    }
    if (limit === undefined) errors.push(`maximum ${k} usage per ${type} is ${v}.  No limit is specified`)
    else if (compareQuantities(quantity(limit), quantity(v)) > 0) errors.push(`maximum ${k} usage per ${type} is ${v}, but limit is ${limit}`)
    else if (request !== undefined && compareQuantities(quantity(request), quantity(v)) > 0) errors.push(`maximum ${k} usage per ${type} is ${v}, but request is ${request}`)
  }
  for (const [k, v] of Object.entries((item.maxLimitRequestRatio ?? {}) as Record<string, string>)) {
    const [request, limit] = [requests[k], limits[k]]
    if (request === undefined || quantityValue(quantity(request)) === 0n) errors.push(`${k} max limit to request ratio per ${type} is ${v}, but no request is specified or request is 0`)
    else if (limit === undefined || quantityValue(quantity(limit)) === 0n) errors.push(`${k} max limit to request ratio per ${type} is ${v}, but no limit is specified or limit is 0`)
    else {
      const r = quantity(request)
      const l = quantity(limit)
      const shift = Math.min(r.scale, l.scale)
      const ratio = Number(l.unscaled * 10n ** BigInt(l.scale - shift)) / Number(r.unscaled * 10n ** BigInt(r.scale - shift))
      const max = Number(quantity(v).unscaled) * 10 ** quantity(v).scale
      if (ratio > max) errors.push(`${k} max limit to request ratio per ${type} is ${v}, but provided ratio is ${ratio.toFixed(6)}`)
    }
  }
}

/** Sum over containers; init containers count by their largest. */
function podTotals(pod: Loose, field: 'requests' | 'limits'): Record<string, string> {
  const sums = new Map<string, Quantity>()
  const texts: Record<string, string> = {}
  const add = (k: string, q: Quantity) => sums.set(k, sums.has(k) ? addQuantities(sums.get(k)!, q) : q)
  for (const c of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? []).filter((i: Loose) => i.restartPolicy === 'Always')]) for (const [k, v] of Object.entries((c.resources?.[field] ?? {}) as Record<string, string>)) add(k, quantity(v))
  for (const c of pod.spec.initContainers ?? []) {
    for (const [k, v] of Object.entries((c.resources?.[field] ?? {}) as Record<string, string>)) {
      const q = quantity(v)
      const before = sums.get(k)
      if (!before || compareQuantities(q, before) > 0) sums.set(k, q)
    }
  }
  for (const [k, q] of sums) texts[k] = format(q)
  return texts
}

export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  admit({ operation, kind, subresource, namespace, object, context }) {
    if (kind.kind !== 'Pod' || kind.group !== '' || operation !== 'CREATE' || subresource !== '') return
    for (const range of context.all('limitranges', namespace) as Loose[]) for (const item of range.spec?.limits ?? []) if (item.type === 'Container') setDefaults(object, item)
  },
  validate({ operation, kind, subresource, namespace, name, object, context }) {
    const pod = kind.kind === 'Pod' && kind.group === '' && operation === 'CREATE' && subresource === ''
    const claim = kind.kind === 'PersistentVolumeClaim' && (operation === 'CREATE' || operation === 'UPDATE') && subresource === ''
    if (!pod && !claim) return
    for (const range of context.all('limitranges', namespace) as Loose[]) {
      const errors: string[] = []
      for (const item of range.spec?.limits ?? []) {
        if (pod && item.type === 'Container') for (const c of [...(object.spec.containers ?? []), ...(object.spec.initContainers ?? [])]) check('Container', item, c.resources?.requests ?? {}, c.resources?.limits ?? {}, errors)
        if (pod && item.type === 'Pod') check('Pod', item, podTotals(object, 'requests'), podTotals(object, 'limits'), errors)
        if (claim && item.type === 'PersistentVolumeClaim') check('PersistentVolumeClaim', item, object.spec?.resources?.requests ?? {}, {}, errors, true)
      }
      if (errors.length > 0) throw status.forbidden({ group: kind.group, resource: kind.plural }, name, errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`)
    }
  },
}
