/** Tells kubelets how long they may cache Secrets and ConfigMaps: an annotation by the size of the cluster (pkg/controller/ttl). */
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import type { ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'

const annotation = 'node.alpha.kubernetes.io/ttl'
const steps: readonly (readonly [number, number])[] = [[100, 0], [500, 15], [1000, 30], [2000, 60], [10_000, 300]]

export function startTtlController(context: ControllerContext): void {
  const { api } = context
  const cache = api.informer<Node>(nodes)
  const queue = context.queue((name) => {
    const node = cache.get(undefined, name)
    if (!node) return
    const size = cache.list().length
    const seconds = String(steps.find(([limit]) => size <= limit)?.[1] ?? 300)
    if (node.metadata.annotations?.[annotation] === seconds) return
    tolerateGone(() => api.patch(nodes, undefined, name, { metadata: { annotations: { [annotation]: seconds } } }, 'strategic'))
  })
  cache.onAdd((node) => queue.add(node.metadata.name))
  cache.onUpdate((node) => queue.add(node.metadata.name))
}
