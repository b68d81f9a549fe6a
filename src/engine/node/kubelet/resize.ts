/**
 * In-place resize (kubelet's allocation manager and kuberuntime's doPodResizeAction, v1.35): whether a node can give what a running pod asks for now, which
 * containers must be started afresh for it, and what is said about it. Memory in use is not compared with a lower limit; pods wait in no order.
 */
import { podRequests, resourceMap } from '#engine/kinds/pod/requests.ts'
import type { Container, Pod } from '#engine/kinds/pod/types.ts'
import type { Rejection } from './admission.ts'

export type Resources = NonNullable<Container['resources']>

const resizable = ['cpu', 'memory'] as const
const lists = ['requests', 'limits'] as const

const sameAmount = (resource: string, a: string | undefined, b: string | undefined) => a === b || (a !== undefined && b !== undefined && resourceMap({ [resource]: a }).get(resource) === resourceMap({ [resource]: b }).get(resource))

/** Which of cpu and memory differ. */
export function changedResources(before: Resources | undefined, now: Resources | undefined): readonly string[] {
  return resizable.filter((r) => lists.some((l) => !sameAmount(r, before?.[l]?.[r], now?.[l]?.[r])))
}

export function needsRestart(container: Container, changed: readonly string[]): boolean {
  return changed.some((r) => container.resizePolicy?.some((p) => p.resourceName === r && p.restartPolicy === 'RestartContainer'))
}

/** More than the node has in all: no waiting helps. */
export function infeasible(pod: Pod, allocatable: Readonly<Record<string, string>>): Rejection | undefined {
  const wanted = podRequests(pod)
  const has = resourceMap(allocatable)
  for (const r of ['memory', 'cpu']) {
    const [requested, capacity] = [wanted.get(r) ?? 0, has.get(r) ?? 0]
    if (requested > capacity) return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${r}, requested: ${requested}, capacity: ${capacity}` }
  }
  return undefined
}

const sorted = (list: Readonly<Record<string, string>> | undefined) => list && Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)))
const summary = (list: readonly Container[]) => list.map((c) => ({ name: c.name, resources: { ...(c.resources?.limits ? { limits: sorted(c.resources.limits) } : {}), ...(c.resources?.requests ? { requests: sorted(c.resources.requests) } : {}) } }))

/** `Pod resize started: {"containers":[…],"generation":2}` */
export function resizeMessage(what: string, pod: Pod, error?: string): string {
  const init = pod.spec.initContainers ?? []
  return `Pod resize ${what}: ${JSON.stringify({ ...(init.length > 0 ? { initContainers: summary(init) } : {}), containers: summary(pod.spec.containers), generation: pod.metadata.generation ?? 1, ...(error === undefined ? {} : { error }) })}`
}
