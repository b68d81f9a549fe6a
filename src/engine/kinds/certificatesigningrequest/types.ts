/** CertificateSigningRequest, certificates.k8s.io/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'

export const certificatesigningrequests: GroupVersionResource = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' }

export interface RequestCondition {
  type: string
  status: string
  reason?: string
  message?: string
  lastUpdateTime?: string
  lastTransitionTime?: string
}

export interface CertificateSigningRequest extends KubeObject {
  spec: { request: string; signerName: string; usages?: string[]; expirationSeconds?: number; username?: string; groups?: string[] }
  status?: { conditions?: RequestCondition[]; certificate?: string }
}
