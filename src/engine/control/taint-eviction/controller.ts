/** Deletes pods that do not tolerate their node's NoExecute taints, at once or when their tolerationSeconds are over (pkg/controller/tainteviction). */
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { isPodFinished, pods, type Condition, type Pod } from '#engine/kinds/pod/types.ts'
import { tolerates } from '#engine/kinds/selectors.ts'
import type { Timer } from '#engine/sim/sim.ts'
import { keyOf, timestamp, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { tolerateGone } from '../ownership.ts'

const component = 'taint-eviction-controller'

export function startTaintEvictionController(context: ControllerContext): void {
  const { api, sim } = context
  const nodeCache = api.informer<Node>(nodes)
  const podCache = api.informer<Pod>(pods)
  podCache.addIndex('node', (p) => (p.spec.nodeName ? [p.spec.nodeName] : []))
  const pending = new Map<string, { timer: Timer; due: number }>()

  const consider = (pod: Pod): void => {
    if (!pod.spec.nodeName || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) return cancel(pod, false)
    const taints = (nodeCache.get(undefined, pod.spec.nodeName)?.spec.taints ?? []).filter((t) => t.effect === 'NoExecute')
    if (taints.length === 0) return cancel(pod, true)
    const key = keyOf(pod)
    let wait = Infinity
    for (const taint of taints) {
      const matching = (pod.spec.tolerations ?? []).filter((t) => tolerates(t, taint))
      if (matching.length === 0) {
        cancel(pod, false)
        evict(pod)
        return
      }
      for (const t of matching) if (t.tolerationSeconds !== undefined) wait = Math.min(wait, Math.max(0, t.tolerationSeconds) * 1000)
    }
    if (wait === Infinity) return cancel(pod, true)
    if (pending.has(key)) return
    pending.set(key, {
      due: sim.now + wait,
      timer: context.after(wait, () => {
        pending.delete(key)
        const now = podCache.get(pod.metadata.namespace, pod.metadata.name)
        if (now && now.metadata.uid === pod.metadata.uid) evict(now)
      }, { background: true }),
    })
  }

  const cancel = (pod: Pod, tell: boolean): void => {
    const key = keyOf(pod)
    const waiting = pending.get(key)
    if (!waiting) return
    pending.delete(key)
    sim.cancel(waiting.timer)
    if (tell) api.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`, component)
  }

  const queue = context.queue((key) => {
    const [namespace, name] = key.split('/') as [string, string]
    const pod = podCache.get(namespace, name)
    if (!pod || pod.metadata.deletionTimestamp !== undefined) return
    api.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`, component)
    const condition: Condition = { type: 'DisruptionTarget', status: 'True', lastProbeTime: null, reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint', lastTransitionTime: timestamp(sim.now), observedGeneration: pod.metadata.generation ?? 1 }
    tolerateGone(() => api.patch(pods, namespace, name, { status: { conditions: [condition] } }, 'strategic', 'status'))
    tolerateGone(() => api.delete(pods, namespace, name))
  })
  const evict = (pod: Pod) => queue.add(keyOf(pod))

  podCache.onAdd(consider)
  podCache.onUpdate((pod, old) => {
    if (pod.spec.nodeName !== old.spec.nodeName || !deepEqual(pod.spec.tolerations, old.spec.tolerations) || pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp) consider(pod)
  })
  podCache.onDelete((pod) => cancel(pod, false))
  const nodeChanged = (node: Node) => {
    for (const pod of podCache.byIndex('node', node.metadata.name)) consider(pod)
  }
  nodeCache.onAdd(nodeChanged)
  nodeCache.onUpdate((node, old) => {
    if (!deepEqual(node.spec.taints, old.spec.taints)) nodeChanged(node)
  })
}
