/** Quality of service class of a pod: Guaranteed, Burstable or BestEffort, from cpu and memory of all containers (or the pod's own resources). */
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import type { Loose } from '#engine/api/loose.ts'

const positive = (text: string | undefined) => text !== undefined && (parseQuantity(String(text))?.unscaled ?? 0n) > 0n

export function qosClass(spec: Loose): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all: Loose[] = spec.resources?.requests || spec.resources?.limits ? [spec] : [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
  let any = false
  let guaranteed = true
  for (const c of all) {
    for (const name of ['cpu', 'memory']) {
      const limit = c.resources?.limits?.[name]
      const request = c.resources?.requests?.[name]
      if (positive(limit) || positive(request)) any = true
      if (!positive(limit)) guaranteed = false
      else if (request !== undefined && compareQuantities(parseQuantity(String(request))!, parseQuantity(String(limit))!) !== 0) guaranteed = false
    }
  }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable'
}
