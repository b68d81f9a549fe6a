/** What the scheduler knows of one node: its object, its pods and the sum of their requests, kept in step pod by pod. */
import type { Node } from '#engine/kinds/node/types.ts'
import { isPodFinished, type Pod } from '#engine/kinds/pod/types.ts'
import { addTo, nonZeroRequests, podRequests, resourceMap } from '#engine/kinds/pod/requests.ts'

export class NodeInfo {
  node: Node
  allocatable: Map<string, number>
  readonly pods = new Map<string, Pod>()
  readonly requested = new Map<string, number>()
  nonZeroCpu = 0
  nonZeroMemory = 0

  constructor(node: Node) {
    this.node = node
    this.allocatable = resourceMap(node.status?.allocatable)
  }

  setNode(node: Node): void {
    this.node = node
    this.allocatable = resourceMap(node.status?.allocatable)
  }

  add(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    if (this.pods.has(uid)) this.remove(this.pods.get(uid)!)
    if (isPodFinished(pod)) return
    this.pods.set(uid, pod)
    addTo(this.requested, podRequests(pod))
    const nonZero = nonZeroRequests(pod)
    this.nonZeroCpu += nonZero.cpu
    this.nonZeroMemory += nonZero.memory
  }

  remove(pod: Pod): void {
    const known = this.pods.get(pod.metadata.uid ?? '')
    if (!known) return
    this.pods.delete(pod.metadata.uid ?? '')
    addTo(this.requested, podRequests(known), -1)
    const nonZero = nonZeroRequests(known)
    this.nonZeroCpu -= nonZero.cpu
    this.nonZeroMemory -= nonZero.memory
  }

  /** The same node without some pods: a preemptor's what-if. */
  without(victims: readonly Pod[]): NodeInfo {
    const copy = new NodeInfo(this.node)
    const gone = new Set(victims.map((p) => p.metadata.uid))
    for (const [uid, pod] of this.pods) if (!gone.has(uid)) copy.add(pod)
    return copy
  }
}
