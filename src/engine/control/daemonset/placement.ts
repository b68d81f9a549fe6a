/** On which nodes a DaemonSet's pod belongs: the scheduler's rules without resources (pkg/controller/daemon nodeShouldRunDaemonPod). */
import type { DaemonSet } from '#engine/kinds/daemonset/types.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import type { PodSpec } from '#engine/kinds/pod/types.ts'
import { nodeSelectorMatches, toleratedBy, type Toleration } from '#engine/kinds/selectors.ts'

const always: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
]

/** The template's tolerations and those that all daemon pods have. */
export function daemonTolerations(spec: PodSpec): Toleration[] {
  const extra = spec.hostNetwork ? [...always, { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' }] : always
  const out = [...(spec.tolerations ?? [])]
  for (const t of extra) {
    const at = out.findIndex((o) => o.key === t.key && o.effect === t.effect && (o.operator ?? 'Equal') === t.operator && (o.value ?? '') === '')
    if (at < 0) out.push(t)
    else out[at] = t
  }
  return out
}

/** [should a pod run there, may an existing one stay]. */
export function placement(ds: DaemonSet, node: Node): [boolean, boolean] {
  const spec = ds.spec.template.spec
  const labels = node.metadata.labels ?? {}
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const fitsName = !spec.nodeName || spec.nodeName === node.metadata.name
  const fitsLabels = Object.entries(spec.nodeSelector ?? {}).every(([k, v]) => labels[k] === v) && (!required || nodeSelectorMatches(required, node))
  if (!fitsName || !fitsLabels) return [false, false]
  const tolerations = daemonTolerations(spec)
  const taints = node.spec.taints ?? []
  if (taints.some((t) => (t.effect === 'NoSchedule' || t.effect === 'NoExecute') && !toleratedBy(tolerations, t))) {
    return [false, !taints.some((t) => t.effect === 'NoExecute' && !toleratedBy(tolerations, t))]
  }
  return [true, true]
}
