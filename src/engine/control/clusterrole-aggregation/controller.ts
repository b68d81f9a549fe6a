/** Gives ClusterRoles with an aggregationRule the rules of those they select (pkg/controller/clusterroleaggregation). */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import { selectorMatches, type LabelSelector } from '#engine/kinds/selectors.ts'
import type { ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { tolerateGone } from '../ownership.ts'

const clusterroles: GroupVersionResource = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' }

interface ClusterRole extends KubeObject {
  rules?: unknown[] | null
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] }
}

export function startClusterRoleAggregation(context: ControllerContext): void {
  const { api } = context
  const cache = api.informer<ClusterRole>(clusterroles)
  const queue = context.queue(sync)
  const aggregates = new Set<string>()
  const wake = (role: ClusterRole) => {
    if (role.aggregationRule) aggregates.add(role.metadata.name)
    else aggregates.delete(role.metadata.name)
    for (const name of aggregates) queue.add(name)
  }
  cache.onAdd(wake)
  cache.onUpdate(wake)
  cache.onDelete((role) => {
    aggregates.delete(role.metadata.name)
    for (const name of aggregates) queue.add(name)
  })

  function sync(name: string): void {
    const role = cache.get(undefined, name)
    if (!role?.aggregationRule) return
    const rules: unknown[] = []
    for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
      const members = cache.list().filter((r) => r.metadata.name !== name && selectorMatches(selector, r.metadata.labels)).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      for (const member of members) for (const rule of member.rules ?? []) if (!rules.some((r) => deepEqual(r, rule))) rules.push(rule)
    }
    if (deepEqual(rules, role.rules ?? [])) return
    tolerateGone(() => api.update<ClusterRole>(clusterroles, { ...role, rules: rules.length > 0 ? rules : null }))
  }
}
