/** Nobody can give away rights that they do not have (rbac's policybased storage): roles and bindings are refused unless the author holds every rule, or may escalate or bind. */
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import type { Loose } from '#engine/api/loose.ts'
import { type RbacAuthorizer, type Rule } from '#engine/api/rbac.ts'
import * as status from '#engine/api/status.ts'
import type { UserInfo } from '#engine/api/types.ts'

const GROUP = 'rbac.authorization.k8s.io'
const list = (value: readonly string[] | undefined) => value ?? []
const covers = (owned: readonly string[] | undefined, wanted: string) => list(owned).includes('*') || list(owned).includes(wanted)

/** A rule taken apart: one verb, group, resource and name each. */
function atoms(rule: Rule): Rule[] {
  const out: Rule[] = []
  for (const verb of list(rule.verbs)) {
    for (const group of list(rule.apiGroups)) for (const resource of list(rule.resources)) {
      if (list(rule.resourceNames).length === 0) out.push({ verbs: [verb], apiGroups: [group], resources: [resource] })
      for (const name of list(rule.resourceNames)) out.push({ verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: [name] })
    }
    for (const url of list(rule.nonResourceURLs)) out.push({ verbs: [verb], nonResourceURLs: [url] })
  }
  return out
}

function ruleCovers(owner: Rule, atom: Rule): boolean {
  if (!covers(owner.verbs, atom.verbs![0]!)) return false
  if (atom.nonResourceURLs) return list(owner.nonResourceURLs).some((u) => u === '*' || u === atom.nonResourceURLs![0] || (u.endsWith('*') && atom.nonResourceURLs![0]!.startsWith(u.slice(0, -1))))
  const resource = atom.resources![0]!
  const named = list(owner.resources).some((r) => r === '*' || r === resource || (resource.includes('/') && r === `*/${resource.split('/')[1]}`))
  return covers(owner.apiGroups, atom.apiGroups![0]!) && named && (list(owner.resourceNames).length === 0 || (atom.resourceNames !== undefined && owner.resourceNames!.includes(atom.resourceNames[0]!)))
}

const goList = (values: readonly string[]) => `[${values.map((v) => JSON.stringify(v)).join(' ')}]`

/** Atoms of one kind are told together: verbs joined. */
function compact(rules: readonly Rule[]): string[] {
  const groups = new Map<string, { rule: Rule; verbs: string[] }>()
  for (const r of rules) {
    const key = JSON.stringify([r.apiGroups, r.resources, r.resourceNames, r.nonResourceURLs])
    const found = groups.get(key)
    if (found) found.verbs.push(r.verbs![0]!)
    else groups.set(key, { rule: r, verbs: [r.verbs![0]!] })
  }
  return [...groups.values()]
    .map(({ rule, verbs }) => {
      const parts: string[] = []
      if (rule.apiGroups) parts.push(`APIGroups:${goList(rule.apiGroups)}`)
      if (rule.resources) parts.push(`Resources:${goList(rule.resources)}`)
      if (rule.nonResourceURLs) parts.push(`NonResourceURLs:${goList(rule.nonResourceURLs)}`)
      if (rule.resourceNames) parts.push(`ResourceNames:${goList(rule.resourceNames)}`)
      parts.push(`Verbs:${goList(verbs)}`)
      return `{${parts.join(', ')}}`
    })
    .sort()
}

export function rbacEscalation(rbac: RbacAuthorizer): AdmissionPlugin {
  const lacking = (user: UserInfo, namespace: string, rules: readonly Rule[]): Rule[] => {
    const owned = [...rbac.rulesOf(user, '').rules, ...(namespace === '' ? [] : rbac.rulesOf(user, namespace).rules)]
    return rules.flatMap(atoms).filter((a) => !owned.some((o) => ruleCovers(o, a)))
  }
  return {
    name: 'RbacEscalation',
    validate({ operation, kind, subresource, namespace, name, object, old, context }) {
      if (kind.group !== GROUP || (operation !== 'CREATE' && operation !== 'UPDATE') || subresource !== '') return
      const { user } = context
      if (user.groups.includes('system:masters')) return
      const refuse = (missing: readonly Rule[]) =>
        status.forbidden({ group: kind.group, resource: kind.plural }, name, `user ${JSON.stringify(user.name)} (groups=${goList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${compact(missing).join('\n')}`)
      if (kind.kind === 'Role' || kind.kind === 'ClusterRole') {
        if (old && JSON.stringify(old.rules) === JSON.stringify(object.rules)) return
        if (context.allowed({ verb: 'escalate', group: GROUP, resource: kind.plural, namespace, name })) return
        const missing = lacking(user, namespace, object.rules ?? [])
        if (missing.length > 0) throw refuse(missing)
        return
      }
      const { kind: refKind, name: refName } = object.roleRef ?? {}
      const plural = refKind === 'ClusterRole' ? 'clusterroles' : 'roles'
      if (context.allowed({ verb: 'bind', group: GROUP, resource: plural, namespace, name: refName })) return
      const role = context.find(`${plural}.${GROUP}`, refKind === 'ClusterRole' ? '' : namespace, refName) as Loose
      if (!role) throw status.notFound({ group: GROUP, resource: kind.plural }, refName ?? '')
      const missing = lacking(user, namespace, role.rules ?? [])
      if (missing.length > 0) throw refuse(missing)
    },
  }
}
