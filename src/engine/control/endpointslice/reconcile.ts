/**
 * Packing endpoints into slices of at most 100, changing as few slices as possible: a slice that would go takes the content of one
 * that would be made (k8s.io/endpointslice reconciler).
 */
import type { EndpointSlice, SliceEndpoint, SlicePort } from '#engine/kinds/endpointslice/types.ts'
import { deepEqual } from '../equal.ts'

export const maxEndpoints = 100

export interface PortGroup {
  readonly ports: SlicePort[] | null
  readonly endpoints: SliceEndpoint[]
}

export interface SlicePlan {
  readonly create: PortGroup[]
  readonly update: EndpointSlice[]
  readonly delete: EndpointSlice[]
}

const keyOf = (e: SliceEndpoint) => `${e.targetRef?.namespace ?? ''}/${e.targetRef?.name ?? ''}/${e.targetRef?.uid ?? ''}/${e.addresses.join(',')}`
export const portKey = (ports: readonly SlicePort[] | null | undefined) => JSON.stringify([...(ports ?? [])].map((p) => [p.name ?? '', p.protocol ?? '', p.port ?? null, p.appProtocol ?? '']).sort())

export function planSlices(existing: readonly EndpointSlice[], groups: readonly PortGroup[], options: { readonly max?: number; readonly owner?: string } = {}): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], delete: [] }
  const byPorts = new Map<string, EndpointSlice[]>()
  const own = (slice: EndpointSlice) => options.owner === undefined || (slice.metadata.ownerReferences ?? []).some((r) => r.uid === options.owner)
  for (const slice of existing) if (own(slice)) byPorts.set(portKey(slice.ports), [...(byPorts.get(portKey(slice.ports)) ?? []), slice])
  for (const group of groups) {
    const key = portKey(group.ports)
    planGroup(byPorts.get(key) ?? [], group, plan, options.max ?? maxEndpoints)
    byPorts.delete(key)
  }
  for (const slices of byPorts.values()) plan.delete.push(...slices)
  while (plan.create.length > 0 && plan.delete.length > 0) {
    const { ports, endpoints } = plan.create.pop()!
    plan.update.push({ ...plan.delete.shift()!, ports, endpoints })
  }
  plan.delete.push(...existing.filter((slice) => !own(slice)))
  return plan
}

function planGroup(slices: readonly EndpointSlice[], group: PortGroup, plan: SlicePlan, max: number): void {
  const left = new Map(group.endpoints.map((e) => [keyOf(e), e]))
  const kept: { slice: EndpointSlice; endpoints: SliceEndpoint[]; changed: boolean }[] = []
  for (const slice of slices) {
    const endpoints: SliceEndpoint[] = []
    let changed = false
    for (const old of slice.endpoints ?? []) {
      const fresh = left.get(keyOf(old))
      if (!fresh) {
        changed = true
        continue
      }
      left.delete(keyOf(old))
      endpoints.push(fresh)
      if (!deepEqual(fresh, old)) changed = true
    }
    kept.push({ slice, endpoints, changed })
  }
  // Slices that change anyway take the new ones first, then any with room.
  const rest = [...left.values()]
  for (const entry of [...kept.filter((k) => k.changed), ...kept.filter((k) => !k.changed)]) {
    while (rest.length > 0 && entry.endpoints.length < max) {
      entry.endpoints.push(rest.shift()!)
      entry.changed = true
    }
  }
  for (const { slice, endpoints, changed } of kept) {
    if (endpoints.length === 0 && (kept.some((k) => k.endpoints.length > 0) || group.endpoints.length > 0)) plan.delete.push(slice)
    else if (changed) plan.update.push({ ...slice, endpoints })
  }
  while (rest.length > 0) plan.create.push({ ports: group.ports, endpoints: rest.splice(0, max) })
  if (group.endpoints.length === 0 && kept.length === 0) plan.create.push(group)
}
