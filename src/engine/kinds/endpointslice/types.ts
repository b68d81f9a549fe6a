/** EndpointSlice, discovery.k8s.io/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { ObjectReference } from '../endpoints/types.ts'

export const endpointslices: GroupVersionResource = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' }

export interface SliceEndpoint {
  addresses: string[]
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
  hostname?: string
  targetRef?: ObjectReference
  nodeName?: string
  zone?: string
  hints?: { forZones?: { name: string }[]; forNodes?: { name: string }[] }
}

export interface SlicePort {
  name?: string
  protocol?: string
  port?: number
  appProtocol?: string
}

export interface EndpointSlice extends KubeObject {
  addressType: string
  endpoints: SliceEndpoint[] | null
  ports?: SlicePort[] | null
}
