/** The pods that a Service's selector chooses, by an index of labels: work follows the pods that match one pair, not those of the namespace. */
import type { Informer } from '#engine/api/types.ts'
import { mapMatches } from '#engine/kinds/selectors.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'

const byLabel = 'label'

/** To be called once where the cache is set up; more often does no harm. */
export function indexPodLabels(cache: Informer<Pod>): void {
  cache.addIndex(byLabel, (pod) => Object.entries(pod.metadata.labels ?? {}).map(([k, v]) => `${pod.metadata.namespace}/${k}=${v}`))
}

/** In no particular order. An empty selector chooses all pods of the namespace. */
export function selectedPods(cache: Informer<Pod>, namespace: string | undefined, selector: Readonly<Record<string, string>>): readonly Pod[] {
  const first = Object.entries(selector)[0]
  const candidates = first ? cache.byIndex(byLabel, `${namespace}/${first[0]}=${first[1]}`) : cache.list(namespace)
  return candidates.filter((p) => mapMatches(selector, p.metadata.labels))
}
