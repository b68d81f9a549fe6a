/**
 * Discovery of everything in one answer (apidiscovery.k8s.io/v2), for clients that ask for it by their Accept header. Leaves out: subresources of other servers' resources,
 * and groups of which some versions are served here and others elsewhere.
 */
import type { KindDefinition } from './kind.ts'
import type { Loose } from './loose.ts'
import type { ApiServer } from './server.ts'
import type { ApiRequest, ApiResponse } from './types.ts'

const parameters = ['g=apidiscovery.k8s.io', 'v=v2', 'as=APIGroupDiscoveryList']

/** Does the client take the aggregated form before the plain one? */
export function wantsAggregated(request: ApiRequest): boolean {
  for (const part of (request.headers.get('accept') ?? '').split(',')) {
    const [type, ...given] = part.split(';').map((p) => p.trim())
    if (type !== 'application/json') continue
    return parameters.every((p) => given.includes(p))
  }
  return false
}

/** Kinds of another group than their resource name it; the others leave group and version empty. */
const kindOf = (of: { readonly group: string; readonly version: string; readonly kind: string }, own: KindDefinition) => (own.group === '' && of.group === '' ? { group: '', version: '', kind: of.kind } : { group: of.group, version: of.version, kind: of.kind })

function resourceOf(kind: KindDefinition) {
  const subresources = [...kind.subresources].sort((a, b) => (a.name < b.name ? -1 : 1)).map((s) => ({ subresource: s.name, responseKind: kindOf(s, kind), verbs: s.verbs }))
  return {
    resource: kind.plural, responseKind: kindOf(kind, kind), scope: kind.namespaced ? 'Namespaced' : 'Cluster', singularResource: kind.singular, verbs: [...kind.verbs].sort(),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}), ...(kind.categories.length > 0 ? { categories: kind.categories } : {}), ...(subresources.length > 0 ? { subresources } : {}),
  }
}

/** A version that another server serves, out of its plain list; one that does not answer is stale and says nothing of its resources. */
function foreignVersion(server: ApiServer, request: ApiRequest, group: string, version: string): object {
  const answer = server.aggregation?.handle({ ...request, method: 'GET', path: `/apis/${group}/${version}` }, { group, version })
  if (answer?.kind !== 'complete' || answer.code !== 200) return { version, freshness: 'Stale' }
  const { resources } = JSON.parse(answer.body) as Loose
  return {
    version,
    resources: (resources as Loose[]).map((r) => ({ resource: r.name, responseKind: { group: r.group ?? group, version: r.version ?? version, kind: r.kind }, scope: r.namespaced ? 'Namespaced' : 'Cluster', singularResource: r.singularName, verbs: r.verbs, ...(r.shortNames ? { shortNames: r.shortNames } : {}), ...(r.categories ? { categories: r.categories } : {}) })),
    freshness: 'Current',
  }
}

/** `core`: of /api, else of /apis. */
export function aggregatedDiscovery(server: ApiServer, request: ApiRequest, core: boolean): ApiResponse {
  const groups = new Map<string, Map<string, KindDefinition[]>>()
  for (const kind of server.kinds) {
    if ((kind.group === '') !== core) continue
    const versions = groups.get(kind.group) ?? new Map<string, KindDefinition[]>()
    versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind])
    groups.set(kind.group, versions)
  }
  const items: { metadata: { name?: string }; versions: object[] }[] = [...groups].map(([name, versions]) => ({
    metadata: name === '' ? {} : { name },
    versions: [...versions].map(([version, kinds]) => ({ version, resources: kinds.map(resourceOf).sort((a, b) => (a.resource < b.resource ? -1 : 1)), freshness: 'Current' })),
  }))
  if (!core) for (const [name, versions] of server.aggregation?.groups() ?? []) items.push({ metadata: { name }, versions: versions.map((v) => foreignVersion(server, request, name, v)) })
  const body = { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
  return { kind: 'complete', code: 200, headers: new Map([['content-type', `application/json;${parameters.join(';')}`]]), body: JSON.stringify(body) + '\n' }
}
