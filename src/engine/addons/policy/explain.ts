/**
 * From a rule or chain of the policy agent back to the objects: which pod it guards, which NetworkPolicies isolate that pod, and a sentence
 * for people. Works from the API's objects alone, because the agent's names follow from theirs.
 */
import { calicoInterface } from '#engine/node/cni/calico.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { compilePolicy } from './compile.ts'
import { denialText, PolicyModel } from './evaluate.ts'
import type { Party } from './evaluate.ts'
import { policyChain } from './names.ts'
import { policyNamespace, policyPod } from './types.ts'
import type { Direction, NetworkPolicy, PolicyPod } from './types.ts'

export interface PolicyFacts {
  readonly pods: readonly KubeObject[]
  readonly namespaces: readonly KubeObject[]
  readonly policies: readonly NetworkPolicy[]
}

export interface Explanation {
  /** NetworkPolicies that isolate the pod in this direction, or whose chain this is. */
  readonly policies: readonly { readonly namespace: string; readonly name: string }[]
  readonly pod: { readonly namespace: string; readonly name: string } | undefined
  readonly direction: Direction | undefined
  readonly sentence: string
}

/** What is known of the packet; helps to say why no rule fits. */
export interface PacketFacts {
  readonly source?: string
  readonly destination?: string
  readonly destinationPort?: number
  readonly protocol?: string
}

const chainOf = (rule: string) => /(?:^-A |^)(cali-\S+)/.exec(rule)?.[1]

/** `rule` as iptables-save prints it (`-A cali-tw-… …`) or a chain's name. Undefined where it is none of the agent's. */
export function explainPolicyRule(rule: string, facts: PolicyFacts, packet: PacketFacts = {}): Explanation | undefined {
  const chain = chainOf(rule)
  if (chain === undefined) return undefined
  const workload = /^cali-(tw|fw)-(\S+)$/.exec(chain)
  if (workload) return explainWorkload(rule, workload[1] === 'tw' ? 'ingress' : 'egress', workload[2]!, facts, packet)
  for (const policy of facts.policies) {
    for (const direction of ['ingress', 'egress'] as const) {
      const { namespace, name } = compilePolicy(policy)
      if (policyChain(namespace, name, direction) !== chain) continue
      return { policies: [{ namespace, name }], pod: undefined, direction, sentence: `This is the ${direction} part of NetworkPolicy ${namespace}/${name}; it marks what the policy allows.` }
    }
  }
  if (rule.includes('Unknown interface')) return { policies: [], pod: undefined, direction: undefined, sentence: 'The policy agent does not know this pod yet: it drops traffic of interfaces that it has no rules for.' }
  return { policies: [], pod: undefined, direction: undefined, sentence: 'A chain of the policy agent that only leads to the chains of pods.' }
}

function explainWorkload(rule: string, direction: Direction, iface: string, facts: PolicyFacts, packet: PacketFacts): Explanation {
  const pods = facts.pods.map(policyPod)
  const pod = pods.find((p) => calicoInterface(p.namespace, p.name) === iface)
  if (!pod) return { policies: [], pod: undefined, direction, sentence: `The pod behind ${iface} is gone.` }
  const model = new PolicyModel(facts.namespaces.map(policyNamespace), facts.policies)
  const selecting = model.selecting(pod, direction)
  const policies = selecting.map(({ namespace, name }) => ({ namespace, name }))
  const base = { policies, pod: { namespace: pod.namespace, name: pod.name }, direction }
  const side = direction === 'ingress' ? 'ingress to' : 'egress from'
  if (!/-j DROP/.test(rule)) return { ...base, sentence: policies.length === 0 ? `No NetworkPolicy limits ${side} ${pod.namespace}/${pod.name}.` : `Here the policies on ${side} ${pod.namespace}/${pod.name} are asked: ${policies.map((p) => p.name).join(', ')}.` }
  if (rule.includes('INVALID')) return { ...base, sentence: 'The packet belongs to no connection that the node knows of.' }
  if (packet.destinationPort === undefined || packet.protocol === undefined) {
    return { ...base, sentence: `${direction === 'ingress' ? 'Ingress to' : 'Egress from'} ${pod.namespace}/${pod.name} is isolated by NetworkPolicy ${policies.map((p) => `${p.namespace}/${p.name}`).join(', ')}, and no rule allows this packet.` }
  }
  const party = (ip: string | undefined, own: PolicyPod | undefined): Party => (own ? { pod: own } : partyOf(ip, pods))
  const from = party(packet.source, direction === 'egress' ? pod : undefined)
  const to = party(packet.destination, direction === 'ingress' ? pod : undefined)
  const decision = model.decide(from, to, packet.destinationPort, packet.protocol.toUpperCase())
  const judged = direction === 'ingress' ? decision.ingress : decision.egress
  if (judged.allowed) return { ...base, sentence: `The packet was dropped by rules for ${pod.namespace}/${pod.name} that the policies of now would not make: they have changed since.` }
  return { ...base, sentence: denialText(`${pod.namespace}/${pod.name}`, direction, judged) }
}

function partyOf(ip: string | undefined, pods: readonly PolicyPod[]): Party {
  const pod = ip === undefined ? undefined : pods.find((p) => p.ip === ip && !p.hostNetwork)
  return pod ? { pod } : ip === undefined ? {} : { ip }
}
