/** Paths that are not about one resource: /version, /healthz, /api, /apis and their resource lists, all made from the kinds table. */
import { decodeBytes, toBase64 } from '#base/bytes.ts'
import { sha256 } from '#base/sha.ts'
import { aggregatedDiscovery, wantsAggregated } from './aggregated-discovery.ts'
import type { KindDefinition } from './kind.ts'
import type { ApiServer } from './server.ts'
import * as status from './status.ts'
import type { ApiRequest, ApiResponse } from './types.ts'

const json = (body: unknown): ApiResponse => ({ kind: 'complete', code: 200, headers: new Map([['content-type', 'application/json']]), body: JSON.stringify(body) + '\n' })
const text = (body: string): ApiResponse => ({ kind: 'complete', code: 200, headers: new Map([['content-type', 'text/plain; charset=utf-8']]), body })

const pageNotFound: ApiResponse = { kind: 'complete', code: 404, headers: new Map([['content-type', 'text/plain; charset=utf-8']]), body: '404 page not found\n' }

const hooks = (
  'start-apiserver-admission-initializer generic-apiserver-start-informers priority-and-fairness-config-consumer priority-and-fairness-filter storage-object-count-tracker-hook start-apiextensions-informers ' +
  'start-apiextensions-controllers crd-informer-synced start-system-namespaces-controller start-cluster-authentication-info-controller start-kube-apiserver-identity-lease-controller ' +
  'start-kube-apiserver-identity-lease-garbage-collector start-legacy-token-tracking-controller start-service-ip-repair-controllers rbac/bootstrap-roles scheduling/bootstrap-system-priority-classes ' +
  'priority-and-fairness-config-producer bootstrap-controller start-kubernetes-service-cidr-controller aggregator-reload-proxy-client-cert start-kube-aggregator-informers apiservice-status-local-available-controller ' +
  'apiservice-status-remote-available-controller apiservice-registration-controller apiservice-discovery-controller kube-apiserver-autoregistration'
).split(' ').map((h) => `poststarthook/${h}`)
const checks: Record<string, readonly string[]> = {
  healthz: ['ping', 'log', 'etcd', ...hooks, 'autoregister-completion', 'poststarthook/apiservice-openapi-controller', 'poststarthook/apiservice-openapiv3-controller'],
  livez: ['ping', 'log', 'etcd', ...hooks, 'autoregister-completion', 'poststarthook/apiservice-openapi-controller', 'poststarthook/apiservice-openapiv3-controller'],
  readyz: ['ping', 'log', 'etcd', 'etcd-readiness', 'informer-sync', ...hooks, 'autoregister-completion', 'poststarthook/apiservice-openapi-controller', 'poststarthook/apiservice-openapiv3-controller', 'shutdown'],
}

function health(name: string, check: string, request: ApiRequest): ApiResponse {
  if (check !== '') return checks[name]!.includes(check) ? text('ok') : pageNotFound
  const excluded = request.query.get('exclude') ?? []
  if (!request.query.has('verbose')) return text('ok')
  return text(checks[name]!.map((c) => (excluded.includes(c) ? `[+]${c} excluded: ok\n` : `[+]${c} ok\n`)).join('') + `${name} check passed\n`)
}

/** A resource that is not there: in a known group a Status, elsewhere the plain page. */
export function unknownPath(server: ApiServer, group: string): ApiResponse {
  if (server.kinds.some((k) => k.group === group)) throw status.pathNotFound()
  return pageNotFound
}

export function answerDiscovery(server: ApiServer, request: ApiRequest): ApiResponse {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw status.methodNotAllowed()
  const parts = request.path.split('/').filter((p) => p !== '')
  const version = server.options.version ?? 'v1.35.4'
  switch (parts[0]) {
    case 'version': {
      const [major, minor] = version.slice(1).split('.')
      return json({
        major, minor, emulationMajor: major, emulationMinor: minor, minCompatibilityMajor: major, minCompatibilityMinor: String(Number(minor) - 1),
        gitVersion: version, gitCommit: 'd0b7d5a', gitTreeState: 'clean', buildDate: '2026-01-01T00:00:00Z', goVersion: 'go1.26.8', compiler: 'gc', platform: 'linux/amd64',
      })
    }
    case 'healthz':
    case 'livez':
    case 'readyz':
      return health(parts[0], parts.slice(1).join('/'), request)
    case 'api':
      if (parts.length === 1) {
        if (wantsAggregated(request)) return aggregatedDiscovery(server, request, true)
        return json({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: server.options.advertiseAddress ?? '10.0.0.1:6443' }] })
      }
      return resourceList(server, '', parts[1]!)
    case 'apis':
      if (parts.length === 1 && wantsAggregated(request)) return aggregatedDiscovery(server, request, false)
      if (parts.length === 1) return json({ kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(server) })
      if (parts.length === 2) {
        const group = groupsOf(server).find((g) => g.name === parts[1])
        if (!group) return pageNotFound
        return json({ kind: 'APIGroup', apiVersion: 'v1', ...group })
      }
      return server.aggregation?.handle(request, { group: parts[1]!, version: parts[2]! }) ?? resourceList(server, parts[1]!, parts[2]!)
    case undefined:
      return json({ paths: ['/api', '/api/v1', '/apis', ...groupsOf(server).flatMap((g) => [`/apis/${g.name}`, ...g.versions.map((v) => `/apis/${v.groupVersion}`)]), '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'].sort() })
  }
  return pageNotFound
}

function groupsOf(server: ApiServer) {
  const groups = new Map<string, string[]>()
  for (const kind of server.kinds) {
    if (kind.group === '') continue
    const versions = groups.get(kind.group) ?? []
    if (!versions.includes(kind.version)) versions.push(kind.version)
    groups.set(kind.group, versions)
  }
  for (const [group, versions] of server.aggregation?.groups() ?? []) groups.set(group, [...(groups.get(group) ?? []), ...versions])
  return [...groups].map(([name, versions]) => {
    const list = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
    return { name, versions: list, preferredVersion: list[0]! }
  })
}

function resourceList(server: ApiServer, group: string, version: string): ApiResponse {
  const kinds = server.kinds.filter((k) => k.group === group && k.version === version)
  if (kinds.length === 0) return unknownPath(server, group)
  const resources = kinds.flatMap(rows)
  if (!kinds.some((k) => k.custom)) resources.sort((a, b) => (a.name < b.name ? -1 : 1))
  return json({ kind: 'APIResourceList', ...(group === '' ? {} : { apiVersion: 'v1' }), groupVersion: group === '' ? version : `${group}/${version}`, resources })
}

/** The first eight bytes of SHA-256 of `group/version/kind` as stored. */
function storageHash(kind: KindDefinition): string {
  const { group, version } = stored[`${kind.plural}.${kind.group}`] ?? kind
  return toBase64(decodeBytes(sha256(`${group}/${version}/${kind.kind}`).slice(0, 8)))
}

/** Kinds that are stored in another group or version than they are served in. */
const stored: Record<string, { group: string; version: string }> = { 'events.events.k8s.io': { group: '', version: 'v1' }, 'horizontalpodautoscalers.autoscaling': { group: 'autoscaling', version: 'v2' } }

function rows(kind: KindDefinition) {
  return [
    {
      name: kind.plural, singularName: kind.singular, namespaced: kind.namespaced, kind: kind.kind, verbs: kind.verbs,
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
      ...(kind.verbs.includes('watch') ? { storageVersionHash: storageHash(kind) } : {}),
    },
    ...kind.subresources.map((s) => ({
      name: `${kind.plural}/${s.name}`, singularName: '', namespaced: kind.namespaced,
      ...(s.group !== kind.group || s.version !== kind.version ? { group: s.group, version: s.version } : {}),
      kind: s.kind, verbs: s.verbs,
    })),
  ]
}
