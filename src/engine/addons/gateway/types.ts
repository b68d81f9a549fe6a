/** Names and shapes shared by the gateway controller and its proxies: resources, conditions, and the configuration that a proxy gets. */
import type { Loose } from '#engine/api/loose.ts'
import type { GroupVersionResource } from '#engine/api/types.ts'
import { gatewayGroup } from '../gateway-api/definitions.ts'

export const controllerName = 'kubedrill.dev/gateway-controller'
export const className = 'drill'

const of = (resource: string, version = 'v1'): GroupVersionResource => ({ group: gatewayGroup, version, resource })
export const gatewayClasses = of('gatewayclasses')
export const gateways = of('gateways')
export const listenerSets = of('listenersets')
export const referenceGrants = of('referencegrants')
export const backendTlsPolicies = of('backendtlspolicies')

/** Route kinds with the protocols of listeners that they can hang on. */
export const routeKinds: Readonly<Record<string, { readonly gvr: GroupVersionResource; readonly protocols: readonly string[] }>> = {
  HTTPRoute: { gvr: of('httproutes'), protocols: ['HTTP', 'HTTPS'] },
  GRPCRoute: { gvr: of('grpcroutes'), protocols: ['HTTP', 'HTTPS'] },
  TLSRoute: { gvr: of('tlsroutes'), protocols: ['TLS'] },
  TCPRoute: { gvr: of('tcproutes', 'v1alpha2'), protocols: ['TCP', 'TLS'] },
  UDPRoute: { gvr: of('udproutes', 'v1alpha2'), protocols: ['UDP'] },
}

export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

export const condition = (type: string, ok: boolean, reason: string, message: string): Condition => ({ type, status: ok ? 'True' : 'False', reason, message })

/** A backend with its share of the traffic. */
export interface Target {
  /** `namespace/name:port`, for logs. */
  readonly name: string
  readonly weight: number
  /** The reference leads nowhere: requests are answered with 500. */
  readonly invalid?: true
  /** Ready `address:port`. */
  readonly endpoints: readonly string[]
  readonly filters: readonly Loose[]
  /** `kubernetes.io/h2c`, `kubernetes.io/ws`. */
  readonly protocol?: string
  readonly tls?: BackendTls
}

/** From a BackendTLSPolicy. */
export interface BackendTls {
  readonly serverName: string
  /** Names one of which the certificate must be for, in place of the server name. */
  readonly names: readonly string[]
  readonly authorities: string
  /** The policy is not to be used: no request may go out. */
  readonly broken?: true
}

/** A host name for which a route hangs on a listener: what both allow, and what the route asked for. '' stands for every host. */
export interface Shared {
  readonly hostname: string
  readonly asked: string
}

/** One match of one rule for one host name. */
export interface Entry {
  /** '' stands for every host. */
  readonly hostname: string
  readonly match: Loose
  readonly rule: Rule
}

export interface Rule {
  /** `namespace/name` of the route and the number of the rule. */
  readonly name: string
  readonly grpc: boolean
  readonly filters: readonly Loose[]
  readonly targets: readonly Target[]
  readonly timeouts?: { readonly request?: number; readonly backendRequest?: number }
  readonly session?: { readonly name: string; readonly header: boolean; /** Seconds; undefined: until the browser is closed. */ readonly seconds?: number }
  readonly retry?: { readonly attempts: number; readonly codes: readonly number[]; readonly backoff: number }
}

export interface Certificate {
  readonly certificate: string
  readonly key: string
}

export interface Door {
  readonly name: string
  readonly port: number
  readonly protocol: 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'UDP'
  readonly hostname: string
  readonly passthrough: boolean
  readonly certificates: readonly Certificate[]
  readonly clients?: { readonly authorities: string; readonly insecureFallback: boolean }
  /** Of HTTP and HTTPS, in order of precedence. */
  readonly entries: readonly Entry[]
  /** Of TLS, TCP and UDP; a host name is '' for the last two. */
  readonly streams: readonly { readonly hostname: string; readonly targets: readonly Target[] }[]
}

/** What a proxy gets from the controller. */
export interface ProxyConfig {
  readonly doors: readonly Door[]
  /** The Gateway's own certificate towards backends. */
  readonly client?: Certificate
}
