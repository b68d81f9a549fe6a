/**
 * NetworkPolicies as a function: may this pod (or address) open a connection to that one on this port, and why (not)? Used for the policy
 * matrix and for explanations; the packets themselves are judged by the rules that agent.ts writes, and both agree.
 */
import { cidrContains, parseCidr4, parseIpv4 } from '#base/ip.ts'
import { selectorMatches } from '#engine/kinds/selectors.ts'
import { compilePolicy, peerText, portsText } from './compile.ts'
import type { CompiledPolicy, CompiledRule, Peer, PortSet } from './compile.ts'
import type { Direction, NetworkPolicy, PolicyNamespace, PolicyPod } from './types.ts'

export interface Party {
  readonly pod?: PolicyPod
  /** Of the pod, or of whoever is outside. */
  readonly ip?: string
}

/** Why one rule of a policy did not apply. */
export interface RuleMiss {
  readonly rule: number
  readonly why: 'peer' | 'port' | 'peer and port'
  readonly text: string
}

export interface PolicyVerdict {
  readonly namespace: string
  readonly name: string
  /** Index of the rule that allows. */
  readonly allowedBy: number | undefined
  readonly misses: readonly RuleMiss[]
}

export interface SideDecision {
  readonly allowed: boolean
  /** Policies that select the pod in this direction; none: it is not isolated. */
  readonly policies: readonly PolicyVerdict[]
}

export interface Decision {
  readonly allowed: boolean
  readonly egress: SideDecision
  readonly ingress: SideDecision
  /** One sentence for people. */
  readonly reason: string
}

function portMatches(set: PortSet, port: number, protocol: string, destination: PolicyPod | undefined): boolean {
  if (set.protocol !== protocol) return false
  if (set.all || set.ranges.some((r) => port >= r.from && port <= r.to)) return true
  return set.names.some((name) => destination?.namedPorts.some((p) => p.name === name && p.protocol === protocol && p.port === port))
}

const nothing: SideDecision = { allowed: true, policies: [] }

export class PolicyModel {
  readonly #namespaces: ReadonlyMap<string, PolicyNamespace>
  readonly #byNamespace = new Map<string, CompiledPolicy[]>()

  constructor(namespaces: Iterable<PolicyNamespace>, policies: Iterable<NetworkPolicy>) {
    this.#namespaces = new Map([...namespaces].map((n) => [n.name, n]))
    for (const policy of policies) {
      const compiled = compilePolicy(policy)
      const list = this.#byNamespace.get(compiled.namespace)
      if (list) list.push(compiled)
      else this.#byNamespace.set(compiled.namespace, [compiled])
    }
  }

  /** Policies that isolate the pod in this direction. */
  selecting(pod: PolicyPod, direction: Direction): readonly CompiledPolicy[] {
    if (pod.hostNetwork) return []
    return (this.#byNamespace.get(pod.namespace) ?? []).filter((p) => p[direction] !== undefined && selectorMatches(p.selector, pod.labels))
  }

  peerMatches(peer: Peer, party: Party): boolean {
    if (peer.kind === 'block') {
      const ip = parseIpv4(party.ip ?? party.pod?.ip ?? '')
      const inside = (text: string) => {
        const cidr = parseCidr4(text)
        return cidr !== undefined && ip !== undefined && cidrContains(cidr, ip)
      }
      return inside(peer.cidr) && !peer.except.some(inside)
    }
    const { pod } = party
    if (!pod || pod.hostNetwork) return false
    if (peer.namespaces === undefined ? pod.namespace !== peer.own : !selectorMatches(peer.namespaces, this.#namespaces.get(pod.namespace)?.labels ?? { 'kubernetes.io/metadata.name': pod.namespace })) return false
    return selectorMatches(peer.pods ?? {}, pod.labels)
  }

  #judge(policy: CompiledPolicy, direction: Direction, other: Party, destination: PolicyPod | undefined, port: number, protocol: string): PolicyVerdict {
    const misses: RuleMiss[] = []
    for (const rule of policy[direction] ?? []) {
      const peer = rule.peers === undefined || rule.peers.some((p) => this.peerMatches(p, other))
      const ports = rule.ports === undefined || rule.ports.some((s) => portMatches(s, port, protocol, destination))
      if (peer && ports) return { namespace: policy.namespace, name: policy.name, allowedBy: rule.index, misses }
      misses.push({ rule: rule.index, why: peer ? 'port' : ports ? 'peer' : 'peer and port', text: ruleText(rule, direction) })
    }
    return { namespace: policy.namespace, name: policy.name, allowedBy: undefined, misses }
  }

  #side(pod: PolicyPod | undefined, direction: Direction, other: Party, destination: PolicyPod | undefined, port: number, protocol: string): SideDecision {
    const policies = pod ? this.selecting(pod, direction) : []
    if (policies.length === 0) return nothing
    const verdicts = policies.map((p) => this.#judge(p, direction, other, destination, port, protocol))
    return { allowed: verdicts.some((v) => v.allowedBy !== undefined), policies: verdicts }
  }

  /** `protocol` is TCP, UDP or SCTP. A pod always reaches itself. */
  decide(from: Party, to: Party, port: number, protocol: string): Decision {
    if (from.pod && to.pod && from.pod.namespace === to.pod.namespace && from.pod.name === to.pod.name) {
      return { allowed: true, egress: nothing, ingress: nothing, reason: 'A pod always reaches itself.' }
    }
    const egress = this.#side(from.pod, 'egress', to, to.pod, port, protocol)
    // The node reaches the pods that it runs, whatever their policies say.
    const fromOwnNode = from.pod?.hostNetwork === true && from.pod.node !== undefined && from.pod.node === to.pod?.node
    const ingress = fromOwnNode ? nothing : this.#side(to.pod, 'ingress', from, to.pod, port, protocol)
    return { allowed: egress.allowed && ingress.allowed, egress, ingress, reason: reasonText(from, to, port, protocol, egress, ingress) }
  }
}

export function ruleText(rule: CompiledRule, direction: Direction): string {
  const peers = rule.peers ? rule.peers.map(peerText).join(' or ') : direction === 'ingress' ? 'anyone' : 'anywhere'
  return `${direction === 'ingress' ? 'from' : 'to'} ${peers} on ${portsText(rule.ports)}`
}

function partyText(party: Party): string {
  return party.pod ? `${party.pod.namespace}/${party.pod.name}` : (party.ip ?? 'somebody')
}

/** Says of a denied side which policies isolate the pod and why none of their rules fits. */
export function denialText(pod: string, direction: Direction, side: SideDecision): string {
  const names = side.policies.map((p) => `${p.namespace}/${p.name}`).join(', ')
  const misses = side.policies.flatMap((p) => (p.misses.length === 0 ? [`${p.name} allows nothing`] : p.misses.map((m) => `${p.name} rule ${m.rule + 1} allows only ${m.text}`)))
  return `${direction === 'ingress' ? 'Ingress to' : 'Egress from'} ${pod} is isolated by NetworkPolicy ${names}, and no rule allows this: ${misses.join('; ')}.`
}

function reasonText(from: Party, to: Party, port: number, protocol: string, egress: SideDecision, ingress: SideDecision): string {
  if (!egress.allowed) return denialText(partyText(from), 'egress', egress)
  if (!ingress.allowed) return denialText(partyText(to), 'ingress', ingress)
  const by = [...egress.policies, ...ingress.policies].filter((p) => p.allowedBy !== undefined).map((p) => `${p.namespace}/${p.name} rule ${p.allowedBy! + 1}`)
  if (by.length === 0) return `No NetworkPolicy isolates ${partyText(from)} for egress or ${partyText(to)} for ingress.`
  return `Allowed on ${protocol}/${port} by ${by.join(' and ')}.`
}
