/** What routes point at: references to Services become targets with addresses, or a reason why they cannot be used; BackendTLSPolicies that apply to them. */
import type { Loose } from '#engine/api/loose.ts'
import { gatewayGroup } from '../gateway-api/definitions.ts'
import { authoritiesOf, byAge } from './listeners.ts'
import { backendTlsPolicies, condition } from './types.ts'
import type { BackendTls, Condition, Target } from './types.ts'
import type { View } from './view.ts'

export interface Problem {
  readonly reason: string
  readonly message: string
}

export interface Source {
  readonly kind: string
  readonly namespace: string
}

/** A policy with its judgement; `losers` lost a target to an older one. */
interface Judged {
  readonly policy: Loose
  readonly tls: BackendTls
  readonly conditions: readonly Condition[]
}

/** Resolves references, and remembers which policies they met. */
export class Backends {
  readonly #view: View
  readonly #judged = new Map<Loose, Judged>()
  /** Policies used on behalf of the Gateway at work: policy → conditions. */
  readonly met = new Map<Loose, readonly Condition[]>()

  constructor(view: View) {
    this.#view = view
  }

  /** A backendRef of a route. */
  target(ref: Loose, from: Source, filters: readonly Loose[]): { readonly target: Target; readonly problem?: Problem } {
    const namespace = ref.namespace ?? from.namespace
    const base = { name: `${namespace}/${ref.name}:${ref.port ?? ''}`, weight: ref.weight ?? 1, endpoints: [] as readonly string[], filters }
    const found = this.#resolve(ref, namespace, from)
    if ('reason' in found) return { target: { ...base, invalid: true }, problem: found }
    const tls = this.#policy(found.service, found.port)
    const protocol = found.port.appProtocol as string | undefined
    return { target: { ...base, endpoints: this.#view.endpoints(found.service, found.port), ...(protocol !== undefined && { protocol }), ...(tls && { tls }) } }
  }

  #resolve(ref: Loose, namespace: string, from: Source): { readonly service: Loose; readonly port: Loose } | Problem {
    const [group, kind] = [ref.group ?? '', ref.kind ?? 'Service']
    if (group !== '' || kind !== 'Service') return { reason: 'InvalidKind', message: `Unsupported kind of backend: ${group === '' ? kind : `${group}/${kind}`}` }
    if (!this.#view.permitted({ group: gatewayGroup, kind: from.kind, namespace: from.namespace }, { group, kind, namespace, name: ref.name })) return { reason: 'RefNotPermitted', message: `Backend ref to Service ${namespace}/${ref.name} not permitted by any ReferenceGrant` }
    const service = this.#view.service(namespace, ref.name)
    if (!service) return { reason: 'BackendNotFound', message: `Service ${namespace}/${ref.name} not found` }
    const port = ((service.spec.ports ?? []) as Loose[]).find((p) => p.port === ref.port && (from.kind === 'UDPRoute' ? p.protocol === 'UDP' : (p.protocol ?? 'TCP') === 'TCP'))
    if (!port) return { reason: 'BackendNotFound', message: `${from.kind === 'UDPRoute' ? 'UDP' : 'TCP'} Port ${ref.port} not found on Service ${namespace}/${ref.name}` }
    return { service, port }
  }

  /** The policy for a Service's port: one for that port before one for all. */
  #policy(service: Loose, port: Loose): BackendTls | undefined {
    const all = this.#view.list(backendTlsPolicies).filter((p) => p.metadata.namespace === service.metadata.namespace).sort(byAge)
    const aims = (p: Loose, section: string | undefined) => ((p.spec.targetRefs ?? []) as Loose[]).some((t) => (t.group ?? '') === '' && t.kind === 'Service' && t.name === service.metadata.name && (t.sectionName || undefined) === section)
    const named = port.name === undefined ? [] : all.filter((p) => aims(p, port.name))
    const whole = all.filter((p) => aims(p, undefined))
    for (const list of [named, whole]) {
      for (const [i, p] of list.entries()) {
        const judged = this.#judge(p)
        if (i > 0) this.met.set(p, [condition('Accepted', false, 'Conflicted', `The target is taken by the older policy ${list[0].metadata.name}`), judged.conditions[1]!])
        else if (!this.met.has(p)) this.met.set(p, judged.conditions)
      }
    }
    const chosen = named[0] ?? whole[0]
    return chosen && this.#judge(chosen).tls
  }

  #judge(policy: Loose): Judged {
    const known = this.#judged.get(policy)
    if (known) return known
    const { validation } = policy.spec
    const problems: Problem[] = []
    const pems: string[] = []
    for (const ref of (validation.caCertificateRefs ?? []) as Loose[]) {
      const found = authoritiesOf(this.#view, policy.metadata.namespace, ref, 'InvalidKind')
      if ('reason' in found) problems.push(found)
      else pems.push(found.pem)
    }
    const broken = problems.length > 0 && pems.length === 0
    const names = ((validation.subjectAltNames ?? []) as Loose[]).map((n) => String(n.hostname ?? n.uri))
    const judged: Judged = {
      policy, tls: { serverName: validation.hostname, names, authorities: pems.join('\n'), ...(broken && { broken: true as const }) },
      conditions: [
        broken ? condition('Accepted', false, 'NoValidCACertificate', problems[0]!.message) : condition('Accepted', true, 'Accepted', 'Policy is accepted'),
        problems[0] ? condition('ResolvedRefs', false, problems[0].reason, problems[0].message) : condition('ResolvedRefs', true, 'ResolvedRefs', 'All references are resolved'),
      ],
    }
    this.#judged.set(policy, judged)
    return judged
  }
}
