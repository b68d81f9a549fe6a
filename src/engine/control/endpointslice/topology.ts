/**
 * Hints of topology aware routing (the annotation's mode Auto): endpoints are shared among zones in the proportion of their nodes' CPUs,
 * so that no zone's endpoints carry more than 20 % above their share (k8s.io/endpointslice/topologycache).
 */
import { parseQuantity, quantityMilliValue } from '#base/quantity.ts'
import type { EndpointSlice, SliceEndpoint } from '#engine/kinds/endpointslice/types.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import type { PortGroup } from './reconcile.ts'

const overload = 0.2
const zoneLabel = 'topology.kubernetes.io/zone'
const noNodeInfo = 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'

interface Allocation {
  readonly minimum: number
  readonly desired: number
  maximum: number
}

export interface HintEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: 'TopologyAwareHintsEnabled' | 'TopologyAwareHintsDisabled'
  readonly message: string
}

/** Share of all CPUs by zone; undefined when a node does not say, or there are fewer than two zones. */
export function zoneRatios(nodes: readonly Node[]): ReadonlyMap<string, number> | undefined {
  const cpus = new Map<string, number>()
  let total = 0
  for (const node of nodes) {
    const labels = node.metadata.labels ?? {}
    if ('node-role.kubernetes.io/control-plane' in labels || 'node-role.kubernetes.io/master' in labels) continue
    if (node.status?.conditions?.find((c) => c.type === 'Ready')?.status !== 'True') continue
    const zone = labels[zoneLabel] ?? ''
    const parsed = parseQuantity(String(node.status.allocatable?.['cpu'] ?? '0'))
    const cpu = parsed ? Number(quantityMilliValue(parsed)) : 0
    if (zone === '' || cpu === 0) return undefined
    total += cpu
    cpus.set(zone, (cpus.get(zone) ?? 0) + cpu)
  }
  if (total === 0 || cpus.size < 2) return undefined
  return new Map([...cpus].map(([zone, cpu]) => [zone, cpu / total]))
}

/** Whether the annotations ask for hints of this kind. */
export function wantsHints(annotations: Readonly<Record<string, string>> | undefined): boolean {
  const mode = annotations?.['service.kubernetes.io/topology-aware-hints'] ?? annotations?.['service.kubernetes.io/topology-mode']
  return mode === 'Auto' || mode === 'auto'
}

/** Whether some zone has fewer endpoints hinted than its share asks for, or the shares are unknown. */
export function isOverloaded(hinted: ReadonlyMap<string, number>, ratios: ReadonlyMap<string, number> | undefined): boolean {
  if (hinted.size === 0) return false
  if (!ratios) return true
  const total = [...hinted.values()].reduce((a, b) => a + b, 0)
  return [...ratios].some(([zone, ratio]) => !hinted.has(zone) || hinted.get(zone)! < Math.ceil(total * ratio * (1 / (1 + overload))))
}

const isReady = (e: SliceEndpoint) => e.conditions?.ready === true
const withoutHints = ({ hints: _, ...endpoint }: SliceEndpoint): SliceEndpoint => endpoint

interface HintPlan {
  readonly create: PortGroup[]
  readonly update: EndpointSlice[]
  /** Hints by zone; undefined when there are none. */
  readonly zones: ReadonlyMap<string, number> | undefined
  readonly event: HintEvent | undefined
}

/** `known`: the Service had hints before. Endpoints of `create` and `update` come without hints, those of `unchanged` as they are. */
export function addHints(create: readonly PortGroup[], update: readonly EndpointSlice[], unchanged: readonly EndpointSlice[], ratios: ReadonlyMap<string, number> | undefined, addressType: string, known: boolean): HintPlan {
  const refuse = (message: string): HintPlan => ({ create: create.map((g) => ({ ...g, endpoints: g.endpoints.map(withoutHints) })), ...removeHints(update, unchanged), zones: undefined, event: { type: 'Warning', reason: 'TopologyAwareHintsDisabled', message: `${message}, addressType: ${addressType}` } })
  const count = [...create, ...update, ...unchanged].reduce((n, s) => n + (s.endpoints ?? []).filter(isReady).length, 0)
  const allocations = allocate(count, ratios)
  if (typeof allocations === 'string') return refuse(allocations)
  const hinted = new Map<string, number>()
  const changed = [...update]
  for (const slice of unchanged) {
    const own = hintsOf(slice, hinted, allocations)
    if (own) for (const [zone, n] of own) hinted.set(zone, (hinted.get(zone) ?? 0) + n)
    else changed.push(slice)
  }
  const lists = [...create, ...changed].map((s) => (s.endpoints ?? []).map(withoutHints))
  if (lists.some((list) => list.some((e) => isReady(e) && !e.zone))) return refuse('One or more endpoints do not have a zone specified')
  for (const list of lists) {
    for (const e of list) {
      if (!isReady(e)) continue
      hinted.set(e.zone!, (hinted.get(e.zone!) ?? 0) + 1)
      e.hints = { forZones: [{ name: e.zone! }] }
    }
  }
  redistribute(lists, allocations, hinted)
  if (hinted.size === 0) return refuse('No hints allocated for zones')
  return {
    create: create.map((g, i) => ({ ...g, endpoints: lists[i]! })),
    update: changed.map((s, i) => ({ ...s, endpoints: lists[create.length + i]! })),
    zones: hinted,
    event: known ? undefined : { type: 'Normal', reason: 'TopologyAwareHintsEnabled', message: `Topology Aware Hints has been enabled, addressType: ${addressType}` },
  }
}

/** What is to be written so that no slice has hints. */
export function removeHints(update: readonly EndpointSlice[], unchanged: readonly EndpointSlice[]): { update: EndpointSlice[] } {
  const bare = (s: EndpointSlice): EndpointSlice => ({ ...s, endpoints: (s.endpoints ?? []).map(withoutHints) })
  return { update: [...update.map(bare), ...unchanged.filter((s) => s.endpoints?.some((e) => e.hints)).map(bare)] }
}

/** Endpoints that each zone is to have, or why that cannot be. */
function allocate(count: number, ratios: ReadonlyMap<string, number> | undefined): Map<string, Allocation> | string {
  if (!ratios) return noNodeInfo
  if (ratios.size > count) return `Insufficient number of endpoints (${count} endpoints, ${ratios.size} zones)`
  const out = new Map<string, Allocation>()
  let minimums = 0
  for (const [zone, ratio] of ratios) {
    const desired = ratio * count
    const minimum = Math.ceil(desired * (1 / (1 + overload)))
    out.set(zone, { minimum, desired: Math.max(desired, minimum), maximum: 0 })
    minimums += minimum
    if (minimums > count) return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (${count} endpoints, ${ratios.size} zones)`
  }
  for (const a of out.values()) a.maximum = a.minimum + count - minimums
  return out
}

/** Hints of a slice that may stay as it is. */
function hintsOf(slice: EndpointSlice, hinted: ReadonlyMap<string, number>, allocations: ReadonlyMap<string, Allocation>): Map<string, number> | undefined {
  const out = new Map<string, number>()
  for (const e of slice.endpoints ?? []) {
    if (!isReady(e)) continue
    const zones = e.hints?.forZones ?? []
    if (zones.length === 0) return undefined
    for (const { name } of zones) {
      if (!allocations.has(name)) return undefined
      out.set(name, (out.get(name) ?? 0) + 1)
    }
  }
  for (const [zone, n] of out) if (n + (hinted.get(zone) ?? 0) > allocations.get(zone)!.maximum) return undefined
  return out
}

function redistribute(lists: readonly SliceEndpoint[][], allocations: ReadonlyMap<string, Allocation>, hinted: Map<string, number>): void {
  const surplus = new Map<string, number>()
  const need = new Map<string, number>()
  for (const [zone, { desired }] of allocations) {
    const difference = (hinted.get(zone) ?? 0) - desired
    if (difference > 0) surplus.set(zone, difference)
    else if (difference < 0) need.set(zone, -difference)
  }
  const giving = new Map<string, number>()
  const receiving = new Map<string, number>()
  for (;;) {
    const [from, give] = most(surplus)
    const [to, take] = most(need)
    if (from === '' || to === '' || (give < 1 && take < 1) || give < 0.5 || take < 0.5) break
    giving.set(from, (giving.get(from) ?? 0) + 1)
    surplus.set(from, give - 1)
    receiving.set(to, (receiving.get(to) ?? 0) + 1)
    need.set(to, take - 1)
  }
  for (const e of lists.flat()) {
    if (!isReady(e) || !((giving.get(e.zone!) ?? 0) > 0)) continue
    const to = [...receiving].find(([, n]) => n > 0)?.[0]
    if (to === undefined) return
    e.hints = { forZones: [{ name: to }] }
    giving.set(e.zone!, giving.get(e.zone!)! - 1)
    receiving.set(to, receiving.get(to)! - 1)
    hinted.set(to, (hinted.get(to) ?? 0) + 1)
    hinted.set(e.zone!, (hinted.get(e.zone!) ?? 0) - 1)
  }
}

function most(zones: ReadonlyMap<string, number>): [string, number] {
  let best: [string, number] = ['', 0]
  for (const [zone, n] of zones) if (n > best[1]) best = [zone, n]
  return best
}
