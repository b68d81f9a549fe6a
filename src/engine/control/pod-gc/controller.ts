/** Removes pods whose node no longer exists, terminating pods that were never bound, and the oldest finished ones above the threshold (pkg/controller/podgc). */
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { isPodFinished, pods, type Condition, type Pod } from '#engine/kinds/pod/types.ts'
import { keyOf, splitKey, timestamp, type ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'

const quarantine = 40_000
const threshold = 12_500

export function startPodGarbageCollector(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<Pod>(pods)
  const nodeCache = api.informer<Node>(nodes)
  const queue = context.queue((key) => {
    const pod = cache.get(...splitKey(key))
    if (!pod) return
    const orphan = Boolean(pod.spec.nodeName) && !nodeCache.get(undefined, pod.spec.nodeName!)
    const unscheduled = !pod.spec.nodeName && pod.metadata.deletionTimestamp !== undefined
    if (!orphan && !unscheduled) return
    if (!isPodFinished(pod)) {
      const condition: Condition | undefined = orphan ? { type: 'DisruptionTarget', status: 'True', lastProbeTime: null, reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', lastTransitionTime: timestamp(sim.now), observedGeneration: pod.metadata.generation ?? 1 } : undefined
      tolerateGone(() => api.patch(pods, pod.metadata.namespace, pod.metadata.name, { status: { phase: 'Failed', ...(condition ? { conditions: [condition] } : {}) } }, 'strategic', 'status'))
    }
    tolerateGone(() => api.delete(pods, pod.metadata.namespace, pod.metadata.name, { gracePeriodSeconds: 0 }))
  })
  nodeCache.onDelete((node) => {
    context.after(quarantine, () => {
      if (nodeCache.get(undefined, node.metadata.name)) return
      for (const pod of cache.list()) if (pod.spec.nodeName === node.metadata.name) queue.add(keyOf(pod))
    })
  })
  cache.onUpdate((pod) => {
    if (!pod.spec.nodeName && pod.metadata.deletionTimestamp !== undefined) queue.addAfter(keyOf(pod), 20_000)
    if (isPodFinished(pod)) sweep()
  })

  function sweep(): void {
    const finished = cache.list().filter(isPodFinished)
    if (finished.length <= threshold) return
    const oldest = [...finished].sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1)).slice(0, finished.length - threshold)
    for (const pod of oldest) tolerateGone(() => api.delete(pods, pod.metadata.namespace, pod.metadata.name, { gracePeriodSeconds: 0 }))
  }
}
