/** Namespace and ServiceAccount, core/v1; ConfigMap and Secret as far as kubelets read them. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { Condition } from '../pod/types.ts'

export const namespaces: GroupVersionResource = { group: '', version: 'v1', resource: 'namespaces' }
export const serviceaccounts: GroupVersionResource = { group: '', version: 'v1', resource: 'serviceaccounts' }
export const configmaps: GroupVersionResource = { group: '', version: 'v1', resource: 'configmaps' }
export const secrets: GroupVersionResource = { group: '', version: 'v1', resource: 'secrets' }

export interface Namespace extends KubeObject {
  spec: { finalizers?: string[] }
  status?: { phase?: string; conditions?: Condition[] }
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
  binaryData?: Record<string, string>
  immutable?: boolean
}

export interface Secret extends KubeObject {
  /** Base64. */
  data?: Record<string, string>
  type?: string
  immutable?: boolean
}
