/** Ingress and IngressClass, networking.k8s.io/v1, and the Secret of a TLS section. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'

export const ingresses: GroupVersionResource = { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses' }
export const ingressClasses: GroupVersionResource = { group: 'networking.k8s.io', version: 'v1', resource: 'ingressclasses' }
export const configMaps: GroupVersionResource = { group: '', version: 'v1', resource: 'configmaps' }
export const secrets: GroupVersionResource = { group: '', version: 'v1', resource: 'secrets' }

export interface IngressBackend {
  service?: { name: string; port?: { name?: string; number?: number } }
  resource?: unknown
}

export interface IngressPath {
  path?: string
  pathType: string
  backend: IngressBackend
}

export interface Ingress extends KubeObject {
  spec: {
    ingressClassName?: string
    defaultBackend?: IngressBackend
    tls?: { hosts?: string[]; secretName?: string }[]
    rules?: { host?: string; http?: { paths: IngressPath[] } }[]
  }
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } }
}

export interface IngressClass extends KubeObject {
  spec?: { controller?: string }
}
