/** The CustomResourceDefinitions of the Gateway API v1.5, standard and experimental channel, with names and printer columns as upstream's. */
import type { KubeObject } from '#engine/api/types.ts'
import { object } from '../object.ts'
import { backendTlsPolicy, gateway, gatewayClass, listenerSet, referenceGrant } from './gateways.ts'
import { grpcRoute, httpRoute, tcpRoute, tlsRoute, udpRoute } from './routes.ts'
import { inChannel } from './schema.ts'
import type { Schema } from './schema.ts'

export const gatewayApiVersion = 'v1.5.1'
export const gatewayGroup = 'gateway.networking.k8s.io'
export type Channel = 'standard' | 'experimental'

interface Definition {
  readonly kind: string
  readonly plural: string
  readonly shortNames?: readonly string[]
  readonly cluster?: true
  readonly channel?: 'experimental'
  /** The first is stored. */
  readonly versions: readonly string[]
  readonly columns: readonly (readonly [name: string, type: string, jsonPath: string, priority?: number])[]
  readonly schema: Schema
  readonly status?: false
  readonly labels?: Record<string, string>
}

const age = ['Age', 'date', '.metadata.creationTimestamp'] as const
const hostnames = ['Hostnames', 'string', '.spec.hostnames'] as const
const stateOf = (type: string) => [type, 'string', `.status.conditions[?(@.type=="${type}")].status`] as const

const definitions: readonly Definition[] = [
  { kind: 'BackendTLSPolicy', plural: 'backendtlspolicies', shortNames: ['btlspolicy'], versions: ['v1'], columns: [age], schema: backendTlsPolicy, labels: { 'gateway.networking.k8s.io/policy': 'Direct' } },
  { kind: 'GatewayClass', plural: 'gatewayclasses', shortNames: ['gc'], cluster: true, versions: ['v1', 'v1beta1'], columns: [['Controller', 'string', '.spec.controllerName'], stateOf('Accepted'), age, ['Description', 'string', '.spec.description', 1]], schema: gatewayClass },
  { kind: 'Gateway', plural: 'gateways', shortNames: ['gtw'], versions: ['v1', 'v1beta1'], columns: [['Class', 'string', '.spec.gatewayClassName'], ['Address', 'string', '.status.addresses[*].value'], stateOf('Programmed'), age], schema: gateway },
  { kind: 'GRPCRoute', plural: 'grpcroutes', versions: ['v1'], columns: [hostnames, age], schema: grpcRoute },
  { kind: 'HTTPRoute', plural: 'httproutes', versions: ['v1', 'v1beta1'], columns: [hostnames, age], schema: httpRoute },
  { kind: 'ListenerSet', plural: 'listenersets', shortNames: ['lset'], versions: ['v1'], columns: [stateOf('Accepted'), stateOf('Programmed'), age], schema: listenerSet },
  { kind: 'ReferenceGrant', plural: 'referencegrants', shortNames: ['refgrant'], versions: ['v1', 'v1beta1'], columns: [age], schema: referenceGrant, status: false },
  { kind: 'TCPRoute', plural: 'tcproutes', channel: 'experimental', versions: ['v1alpha2'], columns: [age], schema: tcpRoute },
  { kind: 'TLSRoute', plural: 'tlsroutes', versions: ['v1'], columns: [hostnames, age], schema: tlsRoute },
  { kind: 'UDPRoute', plural: 'udproutes', channel: 'experimental', versions: ['v1alpha2'], columns: [age], schema: udpRoute },
]

export function gatewayApiDefinitions(channel: Channel): KubeObject[] {
  return definitions.filter((d) => d.channel !== 'experimental' || channel === 'experimental').map((d) => {
    const schema = inChannel(d.schema, channel)
    return object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', `${d.plural}.${gatewayGroup}`, undefined, {
      spec: {
        group: gatewayGroup,
        names: { categories: ['gateway-api'], kind: d.kind, listKind: `${d.kind}List`, plural: d.plural, ...(d.shortNames && { shortNames: d.shortNames }), singular: d.kind.toLowerCase() },
        scope: d.cluster ? 'Cluster' : 'Namespaced',
        versions: d.versions.map((name, i) => ({
          additionalPrinterColumns: d.columns.map(([column, type, jsonPath, priority]) => ({ jsonPath, name: column, ...(priority !== undefined && { priority }), type })), name, schema: { openAPIV3Schema: schema }, served: true, storage: i === 0,
          ...(d.status !== false && { subresources: { status: {} } }),
        })),
      },
    }, { annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/3328', 'gateway.networking.k8s.io/bundle-version': gatewayApiVersion, 'gateway.networking.k8s.io/channel': channel }, ...(d.labels && { labels: d.labels }) })
  })
}
