/** What pods ask of nodes (component-helpers resource.PodRequests): cpu in milli, everything else in units. */
import { parseQuantity, quantityMilliValue, quantityValue } from '#base/quantity.ts'
import type { Container, Pod } from './types.ts'

export type Resources = ReadonlyMap<string, number>

export function amount(resource: string, text: string): number {
  const q = parseQuantity(text)
  if (!q) return 0
  return Number(resource === 'cpu' ? quantityMilliValue(q) : quantityValue(q))
}

export function resourceMap(list: Readonly<Record<string, string>> | undefined): Map<string, number> {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, amount(name, text)]))
}

export function addTo(target: Map<string, number>, more: Resources, sign = 1): void {
  for (const [name, n] of more) target.set(name, (target.get(name) ?? 0) + sign * n)
}

function maxInto(target: Map<string, number>, more: Resources): void {
  for (const [name, n] of more) target.set(name, Math.max(target.get(name) ?? 0, n))
}

const requestsOf = (c: Container) => resourceMap(c.resources?.requests)

/** Sum of containers and sidecars, or the largest moment of the init phase, whichever is larger; plus overhead. */
export function podRequests(pod: Pod): Map<string, number> {
  const total = new Map<string, number>()
  for (const c of pod.spec.containers) addTo(total, requestsOf(c))
  const sidecars = new Map<string, number>()
  const init = new Map<string, number>()
  for (const c of pod.spec.initContainers ?? []) {
    const own = requestsOf(c)
    if (c.restartPolicy === 'Always') {
      addTo(total, own)
      addTo(sidecars, own)
      maxInto(init, sidecars)
    } else {
      const moment = new Map(sidecars)
      addTo(moment, own)
      maxInto(init, moment)
    }
  }
  maxInto(total, init)
  addTo(total, resourceMap(pod.spec.overhead))
  return total
}

/** What an unlimited pod counts for when nodes are scored: 100m and 200Mi. */
export function nonZeroRequests(pod: Pod): { readonly cpu: number; readonly memory: number } {
  let cpu = 0
  let memory = 0
  for (const c of pod.spec.containers) {
    const own = requestsOf(c)
    cpu += own.get('cpu') ?? 100
    memory += own.get('memory') ?? 200 * 1024 * 1024
  }
  return { cpu, memory }
}
