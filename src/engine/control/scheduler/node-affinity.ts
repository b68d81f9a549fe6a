/** Where a pod's node selector and required node affinity let it be. */
import type { Pod } from '#engine/kinds/pod/types.ts'
import { nodeSelectorMatches } from '#engine/kinds/selectors.ts'
import type { NodeInfo } from './node-info.ts'

export function matchesNodeAffinity(pod: Pod, info: NodeInfo): boolean {
  const labels = info.node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (labels[key] !== value) return false
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || nodeSelectorMatches(required, info.node)
}
