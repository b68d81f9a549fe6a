/**
 * A NetworkPolicy in the form that both the evaluator and the rule writer work on: for each direction either nothing (the policy does not
 * speak of it) or rules made of peers and ports.
 */
import type { LabelSelector, Requirement } from '#engine/kinds/selectors.ts'
import type { Direction, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule } from './types.ts'

/** Pods chosen by labels: of the policy's own namespace, or of those that `namespaces` chooses. */
export interface PodPeer {
  readonly kind: 'pods'
  readonly pods: LabelSelector | undefined
  readonly namespaces: LabelSelector | undefined
  /** The policy's namespace; counts when `namespaces` is undefined. */
  readonly own: string
}

export interface BlockPeer {
  readonly kind: 'block'
  readonly cidr: string
  readonly except: readonly string[]
}

export type Peer = PodPeer | BlockPeer

/** Ports of one protocol: all of them, ranges, or names that each destination pod resolves for itself. */
export interface PortSet {
  readonly protocol: string
  readonly all: boolean
  readonly ranges: readonly { readonly from: number; readonly to: number }[]
  readonly names: readonly string[]
}

export interface CompiledRule {
  /** Position in the policy's list. */
  readonly index: number
  /** Undefined: anyone. */
  readonly peers: readonly Peer[] | undefined
  /** Undefined: any port of any protocol. */
  readonly ports: readonly PortSet[] | undefined
}

export interface CompiledPolicy {
  readonly namespace: string
  readonly name: string
  readonly selector: LabelSelector
  readonly ingress: readonly CompiledRule[] | undefined
  readonly egress: readonly CompiledRule[] | undefined
}

function compilePeer(peer: PolicyPeer, own: string): Peer {
  if (peer.ipBlock) return { kind: 'block', cidr: peer.ipBlock.cidr, except: peer.ipBlock.except ?? [] }
  return { kind: 'pods', pods: peer.podSelector, namespaces: peer.namespaceSelector, own }
}

function compilePorts(ports: readonly PolicyPort[]): PortSet[] {
  const sets = new Map<string, { all: boolean; ranges: { from: number; to: number }[]; names: string[] }>()
  for (const p of ports) {
    const protocol = p.protocol ?? 'TCP'
    const set = sets.get(protocol) ?? { all: false, ranges: [], names: [] }
    sets.set(protocol, set)
    if (p.port === undefined || p.port === null) set.all = true
    else if (typeof p.port === 'string') set.names.push(p.port)
    else set.ranges.push({ from: p.port, to: p.endPort ?? p.port })
  }
  return [...sets].map(([protocol, set]) => ({ protocol, ...set }))
}

function compileRules(rules: readonly PolicyRule[] | null | undefined, direction: Direction, own: string): CompiledRule[] {
  return (rules ?? []).map((rule, index) => {
    const peers = direction === 'ingress' ? rule.from : rule.to
    return { index, peers: peers && peers.length > 0 ? peers.map((p) => compilePeer(p, own)) : undefined, ports: rule.ports && rule.ports.length > 0 ? compilePorts(rule.ports) : undefined }
  })
}

/** Which directions a policy isolates: as written, or ingress always and egress when there are egress rules. */
export function policyTypes(policy: NetworkPolicy): Direction[] {
  const types = policy.spec.policyTypes
  if (types && types.length > 0) return (['ingress', 'egress'] as const).filter((d) => types.some((t) => t.toLowerCase() === d))
  return policy.spec.egress && policy.spec.egress.length > 0 ? ['ingress', 'egress'] : ['ingress']
}

export function compilePolicy(policy: NetworkPolicy): CompiledPolicy {
  const namespace = policy.metadata.namespace ?? 'default'
  const types = policyTypes(policy)
  return {
    namespace, name: policy.metadata.name, selector: policy.spec.podSelector ?? {},
    ingress: types.includes('ingress') ? compileRules(policy.spec.ingress, 'ingress', namespace) : undefined,
    egress: types.includes('egress') ? compileRules(policy.spec.egress, 'egress', namespace) : undefined,
  }
}

const requirementText = (r: Requirement) =>
  r.operator === 'In' ? `${r.key} in (${(r.values ?? []).join(', ')})` : r.operator === 'NotIn' ? `${r.key} not in (${(r.values ?? []).join(', ')})` : r.operator === 'Exists' ? `has ${r.key}` : `has no ${r.key}`

/** A selector in words: `app=web, tier in (a, b)`; `all` for an empty one. */
export function selectorText(selector: LabelSelector | undefined): string {
  const parts = [...Object.entries(selector?.matchLabels ?? {}).map(([k, v]) => `${k}=${v}`), ...(selector?.matchExpressions ?? []).map(requirementText)]
  return parts.length === 0 ? 'all' : parts.join(', ')
}

export function peerText(peer: Peer): string {
  if (peer.kind === 'block') return `addresses in ${peer.cidr}${peer.except.length > 0 ? ` except ${peer.except.join(', ')}` : ''}`
  const pods = selectorText(peer.pods)
  const what = pods === 'all' ? 'all pods' : `pods with ${pods}`
  if (peer.namespaces === undefined) return `${what} in namespace ${peer.own}`
  const namespaces = selectorText(peer.namespaces)
  return namespaces === 'all' ? `${what} in any namespace` : `${what} in namespaces with ${namespaces}`
}

export function portsText(ports: readonly PortSet[] | undefined): string {
  if (!ports) return 'any port'
  return ports
    .flatMap((set) => (set.all ? [`any ${set.protocol} port`] : [...set.ranges.map((r) => `${set.protocol}/${r.from === r.to ? r.from : `${r.from}-${r.to}`}`), ...set.names.map((n) => `${set.protocol}/${n}`)]))
    .join(', ')
}
