/** ResourceQuota, core/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'

export const resourcequotas: GroupVersionResource = { group: '', version: 'v1', resource: 'resourcequotas' }

export interface ResourceQuota extends KubeObject {
  spec: { hard?: Record<string, string>; scopes?: string[]; scopeSelector?: { matchExpressions?: { scopeName: string; operator: string; values?: string[] }[] } }
  status?: { hard?: Record<string, string>; used?: Record<string, string> }
}
