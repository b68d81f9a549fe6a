/**
 * Whether a node takes a pod that was bound to it (the scheduler's admission check and the sysctl list, as the kubelet asks them again): pods that name
 * their node themselves meet it first here. Preemption for critical pods, topology and AppArmor are left out.
 */
import type { Node } from '#engine/kinds/node/types.ts'
import { addTo, podRequests, resourceMap } from '#engine/kinds/pod/requests.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'
import { nodeSelectorMatches, type Taint } from '#engine/kinds/selectors.ts'
import { isSidecar } from './actions.ts'

export interface Rejection {
  readonly reason: string
  readonly message: string
}

export interface AdmissionFacts {
  readonly node: Node | undefined
  readonly allocatable: Readonly<Record<string, string>>
  /** Pods that the kubelet already has and that have not ended. */
  readonly others: readonly Pod[]
  readonly allowedUnsafeSysctls: readonly string[]
}

/** cpu in milli, the rest in units, as Go's resource arithmetic holds them. */
function shortage(pod: Pod, facts: AdmissionFacts): Rejection | undefined {
  const capacity = resourceMap(facts.allocatable)
  const insufficient = (resource: string, requested: number, used: number, has: number): Rejection => ({ reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${has}` })
  const pods = capacity.get('pods') ?? 110
  if (facts.others.length + 1 > pods) return insufficient('pods', 1, facts.others.length, pods)
  const used = new Map<string, number>()
  for (const other of facts.others) addTo(used, podRequests(other))
  const wanted = podRequests(pod)
  const first = ['cpu', 'memory', 'ephemeral-storage']
  for (const resource of [...first, ...[...wanted.keys()].filter((r) => !first.includes(r))]) {
    const requested = wanted.get(resource) ?? 0
    const taken = used.get(resource) ?? 0
    const has = capacity.get(resource) ?? 0
    if (requested > 0 && requested > has - taken) return insufficient(resource, requested, taken, has)
  }
  return undefined
}

const failed = (predicate: string, why: string): Rejection => ({ reason: predicate, message: `Predicate ${predicate} failed: ${why}` })

function hostPorts(pod: Pod): readonly { readonly ip: string; readonly protocol: string; readonly port: number }[] {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]
  return containers.flatMap((c) => (c.ports ?? []).filter((p) => (p.hostPort ?? 0) > 0).map((p) => ({ ip: p.hostIP || '0.0.0.0', protocol: p.protocol ?? 'TCP', port: p.hostPort! })))
}

function placement(pod: Pod, facts: AdmissionFacts): Rejection | undefined {
  const { node } = facts
  if (node) {
    const labels = node.metadata.labels ?? {}
    const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    const selected = Object.entries(pod.spec.nodeSelector ?? {}).every(([k, v]) => labels[k] === v)
    if (!selected || (required && !nodeSelectorMatches(required, node))) return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector")
  }
  const taken = facts.others.flatMap(hostPorts)
  const clash = hostPorts(pod).some((a) => taken.some((b) => a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0')))
  if (clash) return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports")
  const tolerated = (taint: Taint) => (pod.spec.tolerations ?? []).some((t) => (!t.effect || t.effect === taint.effect) && (!t.key || t.key === taint.key) && (t.operator === 'Exists' || (t.value ?? '') === (taint.value ?? '')))
  if ((node?.spec.taints ?? []).some((t) => t.effect === 'NoExecute' && !tolerated(t))) return failed('TaintToleration', "node(s) had taints that the pod didn't tolerate")
  return undefined
}

const safeSysctls = new Set(
  'kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range net.ipv4.ip_unprivileged_port_start net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem net.ipv4.tcp_wmem'.split(' '),
)

function forbiddenSysctl(pod: Pod, allowed: readonly string[]): Rejection | undefined {
  const refuse = (why: string): Rejection => ({ reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` })
  for (const { name: given } of pod.spec.securityContext?.sysctls ?? []) {
    const name = given.replaceAll('/', '.')
    if (pod.spec.hostNetwork && name.startsWith('net.')) return refuse(`${JSON.stringify(name)} not allowed with host net enabled`)
    if (!safeSysctls.has(name) && !allowed.some((a) => a === name || (a.endsWith('*') && name.startsWith(a.slice(0, -1))))) return refuse(`${JSON.stringify(name)} not allowlisted`)
  }
  return undefined
}

export function admissionProblem(pod: Pod, facts: AdmissionFacts): Rejection | undefined {
  return forbiddenSysctl(pod, facts.allowedUnsafeSysctls) ?? shortage(pod, facts) ?? placement(pod, facts)
}
