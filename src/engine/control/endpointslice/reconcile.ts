/**
 * Packing endpoints of one address type into slices of at most 100, changing as few slices as possible: a slice that would go takes the
 * content of one that would be made, and a Service always keeps one slice, empty where it has no endpoints (k8s.io/endpointslice
 * reconciler).
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

export interface PlanOptions {
  readonly max?: number
  /** uid of the Service: slices of another owner are not kept. */
  readonly owner?: string
  /** Whether a slice has to be written although its endpoints are the same (labels). */
  readonly stale?: (slice: EndpointSlice) => boolean
  /** Hints are set afterwards: an endpoint that differs in them only is the same. */
  readonly ignoreHints?: boolean
}

const keyOf = (e: SliceEndpoint) => `${e.targetRef?.namespace ?? ''}/${e.targetRef?.name ?? ''}/${e.targetRef?.uid ?? ''}/${e.addresses.join(',')}`
export const portKey = (ports: readonly SlicePort[] | null | undefined) => JSON.stringify([...(ports ?? [])].map((p) => [p.name ?? '', p.protocol ?? '', p.port ?? null, p.appProtocol ?? '']).sort())

export function planSlices(existing: readonly EndpointSlice[], groups: readonly PortGroup[], options: PlanOptions = {}): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], delete: [] }
  const byPorts = new Map<string, EndpointSlice[]>()
  const own = (slice: EndpointSlice) => options.owner === undefined || (slice.metadata.ownerReferences ?? []).some((r) => r.uid === options.owner)
  const foreign = existing.filter((slice) => !own(slice))
  for (const slice of existing) {
    if (!own(slice)) continue
    // The empty slice of a Service without endpoints is not one of endpoints without ports.
    const key = (slice.endpoints ?? []).length === 0 && (slice.ports ?? []).length === 0 ? '' : portKey(slice.ports)
    byPorts.set(key, [...(byPorts.get(key) ?? []), slice])
  }
  for (const group of groups) {
    if (group.endpoints.length === 0) continue
    const key = portKey(group.ports)
    planGroup(byPorts.get(key) ?? [], group, plan, options)
    byPorts.delete(key)
  }
  for (const slices of byPorts.values()) plan.delete.push(...slices)
  const gone = plan.delete.length + foreign.length
  if (gone === existing.length && plan.create.length === 0) {
    const empty = plan.delete.length === 1 && foreign.length === 0 ? plan.delete[0]! : undefined
    if (empty && (empty.endpoints ?? []).length === 0 && (empty.ports ?? []).length === 0) {
      plan.delete.length = 0
      if (options.stale?.(empty)) plan.update.push(empty)
    } else plan.create.push({ ports: null, endpoints: [] })
  }
  while (plan.create.length > 0 && plan.delete.length > 0) {
    const { ports, endpoints } = plan.create.pop()!
    plan.update.push({ ...plan.delete.shift()!, ports, endpoints })
  }
  plan.delete.push(...foreign)
  return plan
}

function planGroup(slices: readonly EndpointSlice[], group: PortGroup, plan: SlicePlan, { max = maxEndpoints, stale, ignoreHints }: PlanOptions): void {
  const left = new Map(group.endpoints.map((e) => [keyOf(e), e]))
  const changed: { slice: EndpointSlice; endpoints: SliceEndpoint[] }[] = []
  const unchanged: EndpointSlice[] = []
  for (const slice of slices) {
    const endpoints: SliceEndpoint[] = []
    let differs = false
    for (const old of slice.endpoints ?? []) {
      const fresh = left.get(keyOf(old))
      if (!fresh) continue
      left.delete(keyOf(old))
      endpoints.push(fresh)
      if (!deepEqual(fresh, ignoreHints ? { ...old, hints: undefined } : old)) differs = true
    }
    if (differs || endpoints.length !== (slice.endpoints ?? []).length) {
      if (endpoints.length === 0) plan.delete.push(slice)
      else changed.push({ slice, endpoints })
    } else if (stale?.(slice)) changed.push({ slice, endpoints })
    else unchanged.push(slice)
  }
  const rest = [...left.values()]
  // The fullest of the slices that change anyway are filled first.
  for (const entry of [...changed].sort((a, b) => b.endpoints.length - a.endpoints.length)) while (rest.length > 0 && entry.endpoints.length < max) entry.endpoints.push(rest.shift()!)
  while (rest.length > 0) {
    const roomy = rest.length < max ? mostFilled(unchanged, rest.length, max) : undefined
    const taken = rest.splice(0, max - (roomy?.endpoints?.length ?? 0))
    if (roomy) {
      unchanged.splice(unchanged.indexOf(roomy), 1)
      changed.push({ slice: roomy, endpoints: [...(roomy.endpoints ?? []), ...taken] })
    } else plan.create.push({ ports: group.ports, endpoints: taken })
  }
  for (const { slice, endpoints } of changed) plan.update.push({ ...slice, endpoints })
}

/** The slice that takes `count` more and is then the fullest. */
function mostFilled(slices: readonly EndpointSlice[], count: number, max: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined
  let least = max
  for (const slice of slices) {
    const room = max - count - (slice.endpoints?.length ?? 0)
    if (room < 0 || room >= least) continue
    best = slice
    least = room
  }
  return best
}
