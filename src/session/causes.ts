/** From a packet's end to the cluster's words: which object caused the rule that decided, in a sentence, and where to look next. */
import type { ObjectRef } from '#contract/session-api.ts'
import { explainPolicyRule, type PacketFacts, type PolicyFacts } from '#engine/addons/policy/explain.ts'
import type { NetworkPolicy } from '#engine/addons/policy/types.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { Header, Walk } from '#engine/net/types.ts'
import type { Sitting } from './sitting.ts'

export interface Cause {
  readonly kind: 'policy' | 'no-endpoints' | 'firewall' | 'route' | 'nobody-listens' | 'lost'
  readonly text: string
  readonly rule?: string
  readonly next?: string
  readonly object?: ObjectRef
}

interface ServiceFacts extends KubeObject {
  readonly spec: { readonly clusterIPs?: readonly string[]; readonly ports?: readonly { readonly port: number; readonly protocol?: string }[] }
}

/** The Service that kube-proxy names in a rule's comment: `"shop/web:http cluster IP"`, `"shop/web has no endpoints"`; in nftables mode by its chains. */
function serviceOf(rule: string): ObjectRef | undefined {
  const native = / kube-proxy /.test(rule) ? (/(?:service|external|local|endpoint|firewall)-[A-Z2-7]{8}-([a-z0-9-]+)\/([a-z0-9.-]+)\//.exec(rule) ?? / # by .* comment "([a-z0-9-]+)\/([a-z0-9.-]+?)(?::[a-z0-9-]+)?"/.exec(rule)) : null
  if (native) return { kind: 'Service', namespace: native[1]!, name: native[2]! }
  const match = /--comment "?([a-z0-9-]+)\/([a-z0-9.-]+?)(?::[a-z0-9-]+)?(?: |"|$)/.exec(rule)
  return match && /KUBE-/.test(rule) ? { kind: 'Service', namespace: match[1]!, name: match[2]! } : undefined
}

function policyFacts({ state }: Sitting): PolicyFacts {
  return { pods: state.list('Pod'), namespaces: state.list('Namespace'), policies: state.list('NetworkPolicy') as readonly NetworkPolicy[] }
}

export function objectOf(sitting: Sitting, rule: string): ObjectRef | undefined {
  const policy = explainPolicyRule(rule, policyFacts(sitting))
  if (policy?.policies[0]) return { kind: 'NetworkPolicy', ...policy.policies[0] }
  return serviceOf(rule)
}

function packetFacts(h: Header): PacketFacts {
  return { source: h.source, destination: h.destination, protocol: String(h.protocol), ...(h.destinationPort === undefined ? {} : { destinationPort: h.destinationPort }) }
}

/** A packet that still carries a ClusterIP at its end: kube-proxy had no rule for it, so it left the cluster by the default route and was lost there. */
function notRewritten(sitting: Sitting, last: Header | undefined, end = 'the packet was lost outside the cluster'): Pick<Cause, 'text' | 'next' | 'object'> | undefined {
  const service = last && (sitting.state.list('Service') as readonly ServiceFacts[]).find((s) => s.spec.clusterIPs?.includes(last.destination))
  if (!service) return undefined
  const { name, namespace = 'default' } = service.metadata
  const object: ObjectRef = { kind: 'Service', namespace, name }
  const ports = service.spec.ports ?? []
  if (ports.some((p) => p.port === last.destinationPort && (p.protocol ?? 'TCP').toLowerCase() === last.protocol)) {
    return { text: `No rule rewrote the address of Service ${namespace}/${name} to a pod's: kube-proxy has not written it on this node.`, next: 'kubectl get pods -n kube-system -l k8s-app=kube-proxy -o wide', object }
  }
  const shown = ports.map((p) => `${p.port}/${p.protocol ?? 'TCP'}`).join(', ')
  return { text: `Service ${namespace}/${name} has no port ${last.destinationPort ?? ''}/${String(last.protocol).toUpperCase()} (it has ${shown}), so no rule rewrote the address to a pod's and ${end}.`, next: `kubectl get service ${name} -n ${namespace}`, object }
}

export function causeOf(sitting: Sitting, walk: Walk): Cause {
  const { verdict } = walk
  const end = walk.observations.at(-1)
  if (verdict.kind === 'delivered') return { kind: 'lost', text: 'The packet arrived.' }
  const where = end === undefined ? verdict.at.namespace : end.node
  const rule = verdict.at.rule
  const withRule = rule === undefined ? {} : { rule }
  const stage = verdict.at.stage
  if (rule !== undefined) {
    const policy = explainPolicyRule(rule, policyFacts(sitting), end && packetFacts(end.before))
    if (policy) {
      const object = policy.policies[0]
      return {
        kind: 'policy',
        text: `Dropped on ${where}: ${policy.sentence}`,
        next: object ? `kubectl describe networkpolicy ${object.name} -n ${object.namespace}` : 'kubectl get networkpolicies -A',
        ...withRule,
        ...(object ? { object: { kind: 'NetworkPolicy', ...object } } : {}),
      }
    }
    const service = serviceOf(rule)
    if (service && /no endpoints|no local endpoints|@no-endpoint-/.test(rule)) {
      return { kind: 'no-endpoints', text: `Refused on ${where}: Service ${service.namespace}/${service.name} has no ready endpoint, so kube-proxy wrote a ${verdict.kind === 'rejected' ? 'REJECT' : 'DROP'} rule.`, next: `kubectl get endpointslices -n ${service.namespace} -l kubernetes.io/service-name=${service.name}`, object: service, ...withRule }
    }
    const unknown = / kube-proxy cluster-ips-check /.test(rule) ? notRewritten(sitting, end?.before, `kube-proxy ${verdict.kind === 'rejected' ? 'refused' : 'dropped'} it on ${where}`) : undefined
    if (unknown) return { kind: 'route', ...unknown, ...withRule }
    return { kind: stage.includes('route') ? 'route' : 'firewall', text: `${verdict.kind === 'rejected' ? 'Rejected' : 'Dropped'} on ${where} by the rule ${rule}`, next: `ssh ${where} sudo ${/^(?:add rule|table) /.test(rule) ? 'nft list ruleset' : 'iptables-save'}`, ...withRule }
  }
  const untouched = verdict.kind === 'rejected' ? undefined : notRewritten(sitting, end?.before)
  if (untouched) return { kind: 'route', ...untouched, ...withRule }
  if (verdict.kind === 'unreachable') return { kind: 'route', text: `Unreachable on ${where}: ${verdict.why}`, next: `ssh ${where} ip route`, ...withRule }
  if (verdict.kind === 'rejected') return { kind: 'nobody-listens', text: `Refused on ${where}: ${verdict.why}`, ...withRule }
  return { kind: stage.startsWith('route') || stage.startsWith('neighbour') ? 'route' : 'lost', text: `Lost on ${where}: ${verdict.why}`, next: `ssh ${where} ip route`, ...withRule }
}
