/** The API server of the recordings: kubeadm's flags, nothing else running, namespaces `lab` and `other`. */
import { Aggregation } from '#engine/api/aggregation.ts'
import { ApiServer } from '#engine/api/server.ts'
import type { ApiRequest, ApiResponse, UserInfo } from '#engine/api/types.ts'
import { buildApiServer } from '#engine/kinds/build.ts'
import { Sim } from '#engine/sim/sim.ts'
import type { Answer, Json } from './api-match.ts'

export const admin: UserInfo = { name: 'kubernetes-super-admin', groups: ['system:masters', 'system:authenticated'], extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${'0'.repeat(64)}`] } }

export interface Rig {
  readonly sim: Sim
  readonly server: ApiServer
}

export function buildRig(namespaces: readonly string[], labels: Record<string, string> = {}): Rig {
  const sim = new Sim({ seed: 'oracles', start: Date.parse('2026-03-01T12:00:00Z') })
  const server = buildApiServer({ sim, version: 'v1.35.4', serviceCidr: '10.96.0.0/12', nodePortRange: [30000, 32767], advertiseAddress: '172.30.1.2:6443' })
  // Nothing serves other groups there, but the API server says so in their conditions.
  server.aggregation = new Aggregation(server, (address, port) => `dial tcp ${address}:${port}: connect: connection refused`)
  // No controller manager ran there: aggregated roles had no rules.
  for (const role of server.store.list('clusterroles.rbac.authorization.k8s.io') as Json[]) if (role.aggregationRule) server.store.put('clusterroles.rbac.authorization.k8s.io', { ...role, metadata: { ...role.metadata }, rules: null })
  for (const name of namespaces) {
    send(server, 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
    send(server, 'POST', `/api/v1/namespaces/${name}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } })
  }
  return { sim, server }
}

/** JSON with a space after commas and colons, as the recorder sent it. */
function spaced(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (value && typeof value === 'object') return `{${Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => `${JSON.stringify(k)}: ${spaced(v)}`).join(', ')}}`
  return JSON.stringify(value)
}

export function requestOf(method: string, url: string, body: Json, headers: Record<string, string> = {}, user: UserInfo = admin): ApiRequest {
  const mark = url.indexOf('?')
  const query = new Map<string, string[]>()
  for (const [k, v] of new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))) query.set(k, [...(query.get(k) ?? []), v])
  const lower = new Map(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), Array.isArray(v) ? v.join(',') : String(v)] as const))
  if (body !== undefined && !lower.has('content-type')) lower.set('content-type', 'application/json')
  return { method: method as ApiRequest['method'], path: mark < 0 ? url : url.slice(0, mark), query, headers: lower, body: body === undefined ? '' : typeof body === 'string' ? body : spaced(body), user }
}

export function complete(response: ApiResponse): Answer {
  if (response.kind !== 'complete') return { code: response.code, headers: response.headers, body: '' }
  return response
}

export function send(server: ApiServer, method: string, url: string, body?: Json, headers: Record<string, string> = {}, user: UserInfo = admin): Answer {
  return complete(server.handle(requestOf(method, url, body, headers, user)))
}
