/** The Bind plugin's request: the binding subresource writes the node's name and the PodScheduled condition in one step. */
import type { ApiClient } from '#engine/api/types.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'

export function bindPod(api: ApiClient, pod: Pod, node: string): void {
  const { name, namespace, uid } = pod.metadata
  api.create(
    { group: '', version: 'v1', resource: 'pods/binding' },
    { apiVersion: 'v1', kind: 'Binding', metadata: { name, ...(namespace !== undefined ? { namespace } : {}), ...(uid !== undefined ? { uid } : {}) }, target: { kind: 'Node', name: node } },
  )
}
