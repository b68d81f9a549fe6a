/** Packing endpoints into slices of at most 100, changing as few slices as possible (k8s.io/endpointslice reconciler). */
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

export function planSlices(existing: readonly EndpointSlice[], groups: readonly PortGroup[]): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], delete: [] }
  const byPorts = new Map<string, EndpointSlice[]>()
  for (const slice of existing) byPorts.set(portKey(slice.ports), [...(byPorts.get(portKey(slice.ports)) ?? []), slice])
  for (const group of groups) {
    const key = portKey(group.ports)
    planGroup(byPorts.get(key) ?? [], group, plan)
    byPorts.delete(key)
  }
  for (const slices of byPorts.values()) plan.delete.push(...slices)
  return plan
}

function planGroup(slices: readonly EndpointSlice[], group: PortGroup, plan: SlicePlan): void {
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
    while (rest.length > 0 && entry.endpoints.length < maxEndpoints) {
      entry.endpoints.push(rest.shift()!)
      entry.changed = true
    }
  }
  for (const { slice, endpoints, changed } of kept) {
    if (endpoints.length === 0 && (kept.some((k) => k.endpoints.length > 0) || group.endpoints.length > 0)) plan.delete.push(slice)
    else if (changed) plan.update.push({ ...slice, endpoints })
  }
  while (rest.length > 0) plan.create.push({ ports: group.ports, endpoints: rest.splice(0, maxEndpoints) })
  if (group.endpoints.length === 0 && kept.length === 0) plan.create.push(group)
}
