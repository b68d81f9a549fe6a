/** Endpoints, core/v1 (deprecated but still written for selectors). */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'

export const endpoints: GroupVersionResource = { group: '', version: 'v1', resource: 'endpoints' }

export interface ObjectReference {
  apiVersion?: string
  kind?: string
  namespace?: string
  name?: string
  uid?: string
  resourceVersion?: string
  fieldPath?: string
}

export interface EndpointAddress {
  ip: string
  hostname?: string
  nodeName?: string
  targetRef?: ObjectReference
}

export interface EndpointSubset {
  addresses?: EndpointAddress[]
  notReadyAddresses?: EndpointAddress[]
  ports?: { name?: string; port: number; protocol?: string; appProtocol?: string }[]
}

export interface Endpoints extends KubeObject {
  subsets?: EndpointSubset[]
}
