/** The Bind plugin's request. The binding subresource writes the node's name and the PodScheduled condition in one step. */
import type { ApiClient } from '#engine/api/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'

export function bindPod(api: ApiClient, pod: Pod, node: string, time: string): void {
  const scheduled = { type: 'PodScheduled', status: 'True', reason: null, message: null, lastProbeTime: null, lastTransitionTime: time, observedGeneration: pod.metadata.generation ?? 1 }
  api.patch(pods, pod.metadata.namespace, pod.metadata.name, { spec: { nodeName: node }, status: { conditions: [scheduled] } }, 'strategic', 'binding')
}
