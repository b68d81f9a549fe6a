/** Who may reach whom on one port, by NetworkPolicies alone (no listener is asked); pods that policies cannot tell apart share a row. */
import type { PolicyMatrix } from '#contract/session-api.ts'
import { PolicyModel } from '#engine/addons/policy/evaluate.ts'
import { policyPod, type NetworkPolicy, type PolicyPod } from '#engine/addons/policy/types.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { ClusterState } from './state.ts'
import { valueAt } from './values.ts'

/** Labels that controllers add to tell generations apart; people do not write policies about them. */
const generated = new Set(['pod-template-hash', 'controller-revision-hash', 'statefulset.kubernetes.io/pod-name', 'apps.kubernetes.io/pod-index'])

/** Felix, in calico-node, is what turns policies into rules; flannel alone and the bridge plugin have nothing of the kind. */
const enforces = (pod: KubeObject) => valueAt(pod, 'spec', 'nodeName') !== undefined && ((valueAt(pod, 'spec', 'containers') as { image?: string }[] | undefined) ?? []).some((c) => /(^|\/)calico\/node[:@]/.test(c.image ?? ''))

export function policyMatrix(state: ClusterState, port: number, protocol: 'tcp' | 'udp'): PolicyMatrix {
  const namespaces = state.list('Namespace').map((n) => ({ name: n.metadata.name, labels: n.metadata.labels ?? {} }))
  const model = new PolicyModel(namespaces, state.list('NetworkPolicy') as readonly NetworkPolicy[])
  const groups = new Map<string, PolicyPod[]>()
  for (const object of state.list('Pod')) {
    const pod = policyPod(object)
    if (pod.hostNetwork || pod.ip === undefined || valueAt(object, 'status', 'phase') !== 'Running') continue
    const labels = Object.entries(pod.labels).filter(([k]) => !generated.has(k)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${v}`)
    const key = `${pod.namespace}/${labels.length === 0 ? pod.name : labels.join(',')}`
    groups.set(key, [...(groups.get(key) ?? []), pod])
  }
  const keys = [...groups.keys()].sort()
  const subjects = keys.map((id) => {
    const pods = groups.get(id)!
    return { id, namespace: pods[0]!.namespace, title: id.slice(id.indexOf('/') + 1), pods: pods.map((p) => p.name) }
  })
  const unenforced = !state.list('Pod').some(enforces)
  const wire = protocol.toUpperCase()
  // Within a row the second pod of a group stands for its neighbours: a pod always reaches itself.
  const cells = keys.map((from) =>
    keys.map((to) => {
      const source = groups.get(from)![0]!
      const target = groups.get(to)!.at(-1)!
      const decision = model.decide({ pod: source }, { pod: target }, port, wire)
      return unenforced ? { allowed: true, why: 'Nothing on the nodes enforces NetworkPolicies.' } : { allowed: decision.allowed, why: decision.reason }
    }),
  )
  return { subjects, ports: [{ port, protocol: wire }], cells, ...(unenforced ? { unenforced: true as const } : {}) }
}
