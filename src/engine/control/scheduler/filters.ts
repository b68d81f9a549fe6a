/**
 * The filter plugins of the default profile, in their order, with upstream's reasons. A filter answers undefined (fits) or why not;
 * `resolvable: false` says that evicting pods could not help (UnschedulableAndUnresolvable).
 */
import type { Pod, PodAffinityTerm } from '#engine/kinds/pod/types.ts'
import { selectorMatches, toleratedBy, type LabelSelector } from '#engine/kinds/selectors.ts'
import type { DisruptionBudget } from './budget.ts'
import type { NodeInfo } from './node-info.ts'
import { podRequests } from '#engine/kinds/pod/requests.ts'
import { matchesNodeAffinity } from './node-affinity.ts'
import { spreadFilter } from './spread.ts'
import { volumeFilter, volumeRestrictions, volumeZone } from './volumes.ts'

export interface Refusal {
  readonly reasons: readonly string[]
  readonly resolvable: boolean
}

/** One cycle's view: all nodes, and lookups of other objects. */
export interface CycleState {
  readonly pod: Pod
  readonly nodes: readonly NodeInfo[]
  /** Disruption budgets, for preemption. */
  readonly budgets?: () => readonly DisruptionBudget[]
  namespaceLabels(namespace: string): Readonly<Record<string, string>>
  readonly volumes: VolumeLookup
}

export interface VolumeLookup {
  claim(namespace: string, name: string): import('#engine/kinds/persistentvolumeclaim/types.ts').PersistentVolumeClaim | undefined
  volume(name: string): import('#engine/kinds/persistentvolume/types.ts').PersistentVolume | undefined
  volumes(): readonly import('#engine/kinds/persistentvolume/types.ts').PersistentVolume[]
  storageClass(name: string): import('#engine/kinds/persistentvolume/types.ts').StorageClass | undefined
  /** Pods that use a claim. */
  users(namespace: string, claim: string): number
}

export type Filter = (state: CycleState, info: NodeInfo) => Refusal | undefined

const refuse = (reason: string, resolvable: boolean): Refusal => ({ reasons: [reason], resolvable })

function nodeUnschedulable({ pod }: CycleState, { node }: NodeInfo): Refusal | undefined {
  if (!node.spec.unschedulable) return undefined
  if (toleratedBy(pod.spec.tolerations, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' })) return undefined
  return refuse('node(s) were unschedulable', false)
}

function taintToleration({ pod }: CycleState, { node }: NodeInfo): Refusal | undefined {
  const bad = (node.spec.taints ?? []).find((t) => (t.effect === 'NoSchedule' || t.effect === 'NoExecute') && !toleratedBy(pod.spec.tolerations, t))
  return bad ? refuse('node(s) had untolerated taint(s)', false) : undefined
}

function nodeAffinity({ pod }: CycleState, info: NodeInfo): Refusal | undefined {
  return matchesNodeAffinity(pod, info) ? undefined : refuse("node(s) didn't match Pod's node affinity/selector", false)
}

interface HostPort {
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

function hostPorts(pod: Pod): HostPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')
  return [...pod.spec.containers, ...sidecars].flatMap((c) => (c.ports ?? []).filter((p) => (p.hostPort ?? 0) > 0).map((p) => ({ ip: p.hostIP || '0.0.0.0', protocol: p.protocol ?? 'TCP', port: p.hostPort! })))
}

function nodePorts({ pod }: CycleState, info: NodeInfo): Refusal | undefined {
  const wanted = hostPorts(pod)
  if (wanted.length === 0) return undefined
  const taken = [...info.pods.values()].flatMap(hostPorts)
  const clash = wanted.some((w) => taken.some((t) => t.port === w.port && t.protocol === w.protocol && (t.ip === w.ip || t.ip === '0.0.0.0' || w.ip === '0.0.0.0')))
  return clash ? refuse("node(s) didn't have free ports for the requested pod ports", true) : undefined
}

function nodeResourcesFit({ pod }: CycleState, info: NodeInfo): Refusal | undefined {
  const reasons: string[] = []
  let resolvable = true
  if (info.pods.size + 1 > (info.allocatable.get('pods') ?? 0)) reasons.push('Too many pods')
  const requests = podRequests(pod)
  const ordered = [...['cpu', 'memory', 'ephemeral-storage'].filter((r) => requests.has(r)), ...[...requests.keys()].filter((r) => !['cpu', 'memory', 'ephemeral-storage', 'pods'].includes(r))]
  for (const name of ordered) {
    const want = requests.get(name) ?? 0
    const have = info.allocatable.get(name) ?? 0
    if (want > 0 && want > have - (info.requested.get(name) ?? 0)) {
      reasons.push(`Insufficient ${name}`)
      if (want > have) resolvable = false
    }
  }
  return reasons.length > 0 ? { reasons, resolvable } : undefined
}

function termNamespaces(term: PodAffinityTerm, owner: Pod): { readonly names: ReadonlySet<string>; readonly selector: LabelSelector | undefined } {
  const names = new Set(term.namespaces ?? [])
  if (names.size === 0 && !term.namespaceSelector) names.add(owner.metadata.namespace ?? 'default')
  return { names, selector: term.namespaceSelector }
}

/** Does `term`, written in `owner`, select `other`? */
export function affinityTermMatches(state: CycleState, term: PodAffinityTerm, owner: Pod, other: Pod): boolean {
  const { names, selector } = termNamespaces(term, owner)
  const namespace = other.metadata.namespace ?? 'default'
  if (!names.has(namespace) && !(selector && selectorMatches(selector, state.namespaceLabels(namespace)))) return false
  const labels = owner.metadata.labels ?? {}
  for (const key of term.matchLabelKeys ?? []) if (labels[key] !== undefined && other.metadata.labels?.[key] !== labels[key]) return false
  for (const key of term.mismatchLabelKeys ?? []) if (labels[key] !== undefined && other.metadata.labels?.[key] === labels[key]) return false
  return selectorMatches(term.labelSelector, other.metadata.labels)
}

export const requiredAffinity = (pod: Pod) => pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
export const requiredAntiAffinity = (pod: Pod) => pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []

/** Is there, in the topology domain of `info`, a pod for which `test` holds? */
function inDomain(state: CycleState, info: NodeInfo, key: string, test: (other: Pod) => boolean): boolean {
  const value = info.node.metadata.labels?.[key]
  if (value === undefined) return false
  return state.nodes.some((n) => {
    if (n.node.metadata.labels?.[key] !== value) return false
    const view = n.node.metadata.name === info.node.metadata.name ? info : n
    for (const other of view.pods.values()) if (test(other)) return true
    return false
  })
}

function interPodAffinity(state: CycleState, info: NodeInfo): Refusal | undefined {
  const { pod } = state
  const affinity = requiredAffinity(pod)
  if (affinity.length > 0) {
    const labels = info.node.metadata.labels ?? {}
    const matchesAll = (other: Pod) => affinity.every((t) => affinityTermMatches(state, t, pod, other))
    const fits = affinity.every((t) => labels[t.topologyKey] !== undefined) && affinity.every((t) => inDomain(state, info, t.topologyKey, matchesAll))
    if (!fits) {
      const nobody = !state.nodes.some((n) => [...n.pods.values()].some((o) => matchesAll(o) && affinity.some((t) => n.node.metadata.labels?.[t.topologyKey] !== undefined)))
      const selfMatch = nobody && matchesAll(pod) && affinity.every((t) => labels[t.topologyKey] !== undefined)
      if (!selfMatch) return refuse("node(s) didn't match pod affinity rules", false)
    }
  }
  for (const term of requiredAntiAffinity(pod)) {
    if (inDomain(state, info, term.topologyKey, (other) => affinityTermMatches(state, term, pod, other))) return refuse("node(s) didn't match pod anti-affinity rules", true)
  }
  for (const n of state.nodes) {
    const view = n.node.metadata.name === info.node.metadata.name ? info : n
    for (const other of view.pods.values()) {
      for (const term of requiredAntiAffinity(other)) {
        const value = n.node.metadata.labels?.[term.topologyKey]
        if (value !== undefined && value === info.node.metadata.labels?.[term.topologyKey] && affinityTermMatches(state, term, other, pod)) return refuse("node(s) didn't satisfy existing pods anti-affinity rules", true)
      }
    }
  }
  return undefined
}

export const filters: readonly Filter[] = [nodeUnschedulable, taintToleration, nodeAffinity, nodePorts, nodeResourcesFit, volumeRestrictions, volumeFilter, volumeZone, spreadFilter, interPodAffinity]

/** The first refusal, as upstream stops at the first plugin that says no. */
export function filterNode(state: CycleState, info: NodeInfo): Refusal | undefined {
  for (const filter of filters) {
    const refusal = filter(state, info)
    if (refusal) return refusal
  }
  return undefined
}

/** Node names that metadata.name terms allow, or undefined when they do not restrict (NodeAffinity's PreFilter). */
export function allowedNames(pod: Pod): ReadonlySet<string> | undefined {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  if (!terms || terms.length === 0) return undefined
  const out = new Set<string>()
  for (const term of terms) {
    const named = (term.matchFields ?? []).filter((f) => f.key === 'metadata.name' && f.operator === 'In')
    if (named.length === 0) return undefined
    let names = new Set(named[0]!.values ?? [])
    for (const f of named.slice(1)) names = new Set([...names].filter((n) => f.values?.includes(n)))
    for (const n of names) out.add(n)
  }
  return out
}
