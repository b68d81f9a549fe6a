/** Short forms for writing add-on manifests as data: metadata, RBAC rows, service accounts. */
import type { KubeObject } from '#engine/api/types.ts'

export function object(apiVersion: string, kind: string, name: string, namespace: string | undefined, fields: Record<string, unknown>, meta: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> } = {}): KubeObject {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }), ...meta }, ...fields }
}

export function serviceAccount(name: string, namespace: string, labels?: Record<string, string>): KubeObject {
  return object('v1', 'ServiceAccount', name, namespace, {}, labels ? { labels } : {})
}

/** A rule as `groups`, `resources`, `verbs`, each a comma list; '' stands for the core group. */
export function rbacRule(groups: string, resources: string, verbs: string, names?: string): Record<string, unknown> {
  return { apiGroups: groups.split(','), resources: resources.split(','), verbs: verbs.split(','), ...(names !== undefined && { resourceNames: names.split(',') }) }
}

export function clusterRole(name: string, rules: readonly Record<string, unknown>[], labels?: Record<string, string>): KubeObject {
  return object('rbac.authorization.k8s.io/v1', 'ClusterRole', name, undefined, { rules }, labels ? { labels } : {})
}

export function clusterRoleBinding(name: string, role: string, account: string, namespace: string, labels?: Record<string, string>): KubeObject {
  return object('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', name, undefined, {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }, subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  }, labels ? { labels } : {})
}

export function hostPath(name: string, path: string, type?: string): Record<string, unknown> {
  return { name, hostPath: { path, ...(type !== undefined && { type }) } }
}

export function mount(name: string, mountPath: string, readOnly?: boolean): Record<string, unknown> {
  return { name, mountPath, ...(readOnly && { readOnly }) }
}

export function fieldEnv(name: string, fieldPath: string): Record<string, unknown> {
  return { name, valueFrom: { fieldRef: { fieldPath } } }
}
