/**
 * Watches over nodes (pkg/controller/nodelifecycle): a node whose lease and status fall silent becomes Unknown after the grace period, conditions
 * become taints, pods of a silent node become not ready. Zones and their eviction rates are left out.
 */
import { leases, nodeCondition, nodes, type Lease, type Node } from '#engine/kinds/node/types.ts'
import { podCondition, pods, type Condition, type Pod } from '#engine/kinds/pod/types.ts'
import type { Taint } from '#engine/kinds/selectors.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { timestamp, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { isConflict, tolerateGone } from '../ownership.ts'

const component = 'node-controller'
const notReady = 'node.kubernetes.io/not-ready'
const unreachable = 'node.kubernetes.io/unreachable'

/** Condition type and status → the key of its NoSchedule taint. */
const conditionTaints: readonly { readonly type: string; readonly status: string; readonly key: string }[] = [
  { type: 'Ready', status: 'False', key: notReady },
  { type: 'Ready', status: 'Unknown', key: unreachable },
  { type: 'MemoryPressure', status: 'True', key: 'node.kubernetes.io/memory-pressure' },
  { type: 'DiskPressure', status: 'True', key: 'node.kubernetes.io/disk-pressure' },
  { type: 'NetworkUnavailable', status: 'True', key: 'node.kubernetes.io/network-unavailable' },
  { type: 'PIDPressure', status: 'True', key: 'node.kubernetes.io/pid-pressure' },
]
const unschedulable = 'node.kubernetes.io/unschedulable'
const managed = new Set([...conditionTaints.map((t) => t.key), unschedulable])
const silent = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const

interface Health {
  /** When the node was last heard of, by this controller's clock. */
  heard: number
  armed: boolean
  renewTime: string | undefined
  heartbeat: string | undefined
}

export function startNodeLifecycleController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<Node>(nodes)
  const leaseCache = api.informer<Lease>(leases)
  const podCache = api.informer<Pod>(pods)
  podCache.addIndex('node', (p) => (p.spec.nodeName ? [p.spec.nodeName] : []))
  const grace = context.options.nodeMonitorGracePeriod ?? 50_000
  const period = context.options.nodeMonitorPeriod ?? 5000
  const healths = new Map<string, Health>()
  const taintQueue = context.queue((key) => syncTaints(key))
  const readiness = new Map<string, string>()

  cache.onAdd((node) => {
    const { name } = node.metadata
    healths.set(name, { heard: sim.now, armed: false, renewTime: undefined, heartbeat: heartbeatOf(node) })
    api.event(reference(node), 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`, component)
    arm(name)
    taintQueue.add(name)
    noteReady(node)
  })
  cache.onUpdate((node) => {
    hear(node.metadata.name, (h) => {
      const beat = heartbeatOf(node)
      if (beat === h.heartbeat) return false
      h.heartbeat = beat
      return true
    })
    taintQueue.add(node.metadata.name)
    noteReady(node)
  })
  cache.onDelete((node) => {
    const { name } = node.metadata
    healths.delete(name)
    readiness.delete(name)
    api.event(reference(node), 'Normal', 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`, component)
  })
  const leaseHeard = (lease: Lease) => {
    if (lease.metadata.namespace !== 'kube-node-lease') return
    hear(lease.metadata.name, (h) => {
      if (lease.spec.renewTime === h.renewTime) return false
      h.renewTime = lease.spec.renewTime
      return true
    })
  }
  leaseCache.onAdd(leaseHeard)
  leaseCache.onUpdate(leaseHeard)

  /** Pods that become ready on a node that is not are told so too. */
  podCache.onAdd((pod) => {
    if (pod.spec.nodeName && readiness.get(pod.spec.nodeName) === 'Unknown') markPods(pod.spec.nodeName)
  })

  function hear(name: string, changed: (h: Health) => boolean): void {
    const health = healths.get(name)
    if (!health || !changed(health)) return
    health.heard = sim.now
    arm(name)
  }

  /** One look per node when its silence would be too long, not one every five seconds. */
  function arm(name: string): void {
    const health = healths.get(name)
    if (!health || health.armed) return
    health.armed = true
    // The real monitor looks every `period`; the silence is noticed at the first look after the grace.
    const due = Math.ceil((health.heard + grace) / period) * period + 1
    context.after(due - sim.now, () => {
      health.armed = false
      if (healths.get(name) !== health) return
      if (sim.now - health.heard >= grace) silence(name)
      else arm(name)
    }, { quiet: true })
  }

  function silence(name: string): void {
    const node = cache.get(undefined, name)
    if (!node) return
    const now = timestamp(sim.now)
    const conditions: Condition[] = [...(node.status?.conditions ?? [])]
    for (const type of silent) {
      const at = conditions.findIndex((c) => c.type === type)
      const old = conditions[at]
      if (!old) conditions.push({ type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.', lastHeartbeatTime: node.metadata.creationTimestamp ?? now, lastTransitionTime: now })
      else if (old.status !== 'Unknown') conditions[at] = { ...old, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: now }
    }
    if (deepEqual(conditions, node.status?.conditions)) return
    update(node, (fresh) => ({ ...fresh, status: { ...fresh.status, conditions } }), 'status')
  }

  function noteReady(node: Node): void {
    const { name } = node.metadata
    const status = nodeCondition(node, 'Ready')?.status ?? 'Unknown'
    const before = readiness.get(name)
    readiness.set(name, status)
    if (before === 'True' && status !== 'True') {
      api.event(reference(node), 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`, component)
      markPods(name)
    }
  }

  function markPods(node: string): void {
    for (const pod of podCache.byIndex('node', node)) {
      const ready = podCondition(pod, 'Ready')
      if (ready?.status !== 'True') continue
      const next: Condition = { ...ready, status: 'False', lastTransitionTime: timestamp(sim.now) }
      tolerateGone(() => api.update<Pod>(pods, { ...pod, status: { ...pod.status, conditions: (pod.status?.conditions ?? []).map((c) => (c.type === 'Ready' ? next : c)) } }, 'status'))
      api.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready', component)
    }
  }

  function syncTaints(name: string): void {
    const node = cache.get(undefined, name)
    if (!node) return
    const wanted: Taint[] = []
    for (const t of conditionTaints) if (nodeCondition(node, t.type)?.status === t.status) wanted.push({ key: t.key, effect: 'NoSchedule' })
    if (node.spec.unschedulable) wanted.push({ key: unschedulable, effect: 'NoSchedule' })
    const ready = nodeCondition(node, 'Ready')?.status
    // Evicting taints come with the monitor's next look, not at once.
    const since = Date.parse(nodeCondition(node, 'Ready')?.lastTransitionTime ?? '') || 0
    if ((ready === 'False' || ready === 'Unknown') && sim.now < since + period) context.after(since + period - sim.now, () => taintQueue.add(name), { background: true })
    else if (ready === 'False') wanted.push({ key: notReady, effect: 'NoExecute' })
    else if (ready === 'Unknown') wanted.push({ key: unreachable, effect: 'NoExecute' })
    const old = node.spec.taints ?? []
    const same = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect
    const kept = old.filter((t) => !managed.has(t.key) || wanted.some((w) => same(w, t)))
    const added = wanted.filter((w) => !old.some((t) => same(w, t))).map((t) => ({ ...t, timeAdded: timestamp(sim.now) }))
    if (added.length === 0 && kept.length === old.length) return
    update(node, (fresh) => {
      const spec = { ...fresh.spec }
      const taints = [...kept, ...added]
      if (taints.length > 0) spec.taints = taints
      else delete spec.taints
      return { ...fresh, spec }
    })
  }

  function update(node: Node, change: (node: Node) => Node, subresource?: string): void {
    try {
      tolerateGone(() => (subresource === undefined ? api.update(nodes, change(node)) : api.update(nodes, change(node), subresource)))
    } catch (error) {
      if (!isConflict(error)) throw error
      const fresh = tolerateGone(() => api.get<Node>(nodes, undefined, node.metadata.name))
      if (fresh) tolerateGone(() => (subresource === undefined ? api.update(nodes, change(fresh)) : api.update(nodes, change(fresh), subresource)))
    }
  }
}

function heartbeatOf(node: Node): string | undefined {
  const ready = nodeCondition(node, 'Ready')
  return ready?.reason?.startsWith('NodeStatus') ? undefined : (ready?.lastHeartbeatTime ?? undefined)
}

/** Events about nodes name them by name, not by uid of the object. */
function reference(node: Node): KubeObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: node.metadata.name, uid: node.metadata.uid ?? node.metadata.name } }
}
