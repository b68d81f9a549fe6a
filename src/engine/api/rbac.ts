/**
 * The RBAC authorizer over the stored roles and bindings. Rules of a user in a namespace are collected once and kept until a role or binding changes.
 * Members of system:masters may do anything; kubelets (system:nodes) have the rules of ClusterRole system:node and the Node authorizer's graph.
 */
import { nodeRefusal } from './node-authorizer.ts'
import type { Loose } from './loose.ts'
import type { AuthorizationAttributes } from './server.ts'
import type { Store } from './store.ts'
import type { UserInfo } from './types.ts'

const GROUP = 'rbac.authorization.k8s.io'
const resources = ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].map((r) => `${r}.${GROUP}`)

export interface Rule {
  readonly verbs?: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

export interface CollectedRules {
  readonly rules: readonly Rule[]
  /** How many of them come from bindings; the rest is what every kubelet may do. */
  readonly own: number
  /** Bindings to roles that do not exist. */
  readonly errors: readonly string[]
}

const has = (list: readonly string[] | undefined, value: string) => list !== undefined && (list.includes('*') || list.includes(value))

export function ruleAllows(rule: Rule, a: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, a.verb)) return false
  if (a.path !== undefined) return (rule.nonResourceURLs ?? []).some((u) => u === '*' || u === a.path || (u.endsWith('*') && a.path!.startsWith(u.slice(0, -1))))
  if (!has(rule.apiGroups, a.group ?? '')) return false
  const combined = a.subresource ? `${a.resource}/${a.subresource}` : a.resource!
  const named = (rule.resources ?? []).some((r) => r === '*' || r === combined || (a.subresource !== undefined && a.subresource !== '' && r === `*/${a.subresource}`))
  if (!named) return false
  return (rule.resourceNames ?? []).length === 0 || (a.name !== undefined && rule.resourceNames!.includes(a.name))
}

export class RbacAuthorizer {
  readonly #store: Store
  readonly #cache = new Map<string, CollectedRules>()

  constructor(store: Store) {
    this.#store = store
    store.onEvent((event) => {
      if (resources.includes(event.resource)) this.#cache.clear()
    })
  }

  allows(user: UserInfo, a: AuthorizationAttributes): boolean {
    if (user.groups.includes('system:masters')) return true
    const { rules, own } = this.rulesOf(user, '')
    // The graph grants less than ClusterRole system:node says; roles that are bound to nodes count as they do for everybody.
    const counting = nodeRefusal(this.#store, user, a) === undefined ? rules : rules.slice(0, own)
    if (counting.some((r) => ruleAllows(r, a))) return true
    if (a.namespace && this.rulesOf(user, a.namespace).rules.some((r) => ruleAllows(r, a))) return true
    return false
  }

  /** What upstream adds to a refusal when bindings point nowhere: `RBAC: clusterrole.rbac.authorization.k8s.io "x" not found`. */
  reason(user: UserInfo, a: AuthorizationAttributes): string {
    const node = nodeRefusal(this.#store, user, a)
    if (node !== undefined) return node
    const errors = [...this.rulesOf(user, '').errors, ...(a.namespace ? this.rulesOf(user, a.namespace).errors : [])]
    return errors.length === 0 ? '' : `RBAC: ${errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`}`
  }

  /** Why something is allowed: `RBAC: allowed by RoleBinding "rb/ns" of Role "r" to User "jane"`; '' for members of system:masters. */
  grant(user: UserInfo, a: AuthorizationAttributes): string {
    if (user.groups.includes('system:masters')) return ''
    for (const namespace of a.namespace ? ['', a.namespace] : ['']) {
      const bindings = (namespace === '' ? this.#store.list(`clusterrolebindings.${GROUP}`) : this.#store.list(`rolebindings.${GROUP}`, namespace)) as Loose[]
      for (const binding of bindings) {
        const subject = (binding.subjects ?? []).find((s: Loose) => this.#applies(s, user, namespace))
        if (!subject) continue
        const { kind, name } = binding.roleRef
        const role = (kind === 'ClusterRole' ? this.#store.get(`clusterroles.${GROUP}`, '', name) : this.#store.get(`roles.${GROUP}`, namespace, name)) as Loose
        if (!(role?.rules ?? []).some((r: Rule) => ruleAllows(r, a))) continue
        const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name
        return `RBAC: allowed by ${binding.kind} ${JSON.stringify(namespace === '' ? binding.metadata.name : `${binding.metadata.name}/${namespace}`)} of ${kind} ${JSON.stringify(name)} to ${subject.kind} ${JSON.stringify(who)}`
      }
    }
    return ''
  }

  /** Cluster-wide rules for namespace '', else those of the namespace's role bindings alone. */
  rulesOf(user: UserInfo, namespace: string): CollectedRules {
    const key = [user.name, [...user.groups].join(','), namespace].join('|')
    let found = this.#cache.get(key)
    if (!found) {
      found = this.#collect(user, namespace)
      if (this.#cache.size > 2000) this.#cache.clear()
      this.#cache.set(key, found)
    }
    return found
  }

  #collect(user: UserInfo, namespace: string): CollectedRules {
    const rules: Rule[] = []
    const errors: string[] = []
    const bindings = namespace === '' ? this.#store.list(`clusterrolebindings.${GROUP}`) : this.#store.list(`rolebindings.${GROUP}`, namespace)
    for (const binding of bindings as Loose[]) {
      if (!(binding.subjects ?? []).some((s: Loose) => this.#applies(s, user, namespace))) continue
      const { kind, name } = binding.roleRef
      const role = (kind === 'ClusterRole' ? this.#store.get(`clusterroles.${GROUP}`, '', name) : this.#store.get(`roles.${GROUP}`, namespace, name)) as Loose
      if (role) rules.push(...(role.rules ?? []))
      else errors.push(`${String(kind).toLowerCase()}.${GROUP} ${JSON.stringify(name)} not found`)
    }
    const own = rules.length
    if (namespace === '' && user.groups.includes('system:nodes') && user.name.startsWith('system:node:')) rules.push(...((this.#store.get(`clusterroles.${GROUP}`, '', 'system:node') as Loose)?.rules ?? []))
    return { rules, own, errors }
  }

  #applies(subject: Loose, user: UserInfo, namespace: string): boolean {
    switch (subject.kind) {
      case 'User':
        return user.name === subject.name
      case 'Group':
        return user.groups.includes(subject.name)
      case 'ServiceAccount': {
        const ns = subject.namespace || namespace
        return ns !== '' && user.name === `system:serviceaccount:${ns}:${subject.name}`
      }
    }
    return false
  }
}
