/** Discovery of everything in one answer (apidiscovery.k8s.io/v2), for clients that ask for it by their Accept header. */
import type { KindDefinition } from './kind.ts'
import type { ApiServer } from './server.ts'
import type { ApiRequest, ApiResponse } from './types.ts'

const PARAMETERS = 'g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Does the client take the aggregated form before the plain one? */
export function wantsAggregated(request: ApiRequest): boolean {
  for (const part of (request.headers.get('accept') ?? '').split(',')) {
    const [type, ...parameters] = part.split(';').map((p) => p.trim())
    if (type !== 'application/json') continue
    return ['g=apidiscovery.k8s.io', 'v=v2', 'as=APIGroupDiscoveryList'].every((p) => parameters.includes(p))
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

/** `core`: of /api, else of /apis. */
export function aggregatedDiscovery(server: ApiServer, core: boolean): ApiResponse {
  const groups = new Map<string, Map<string, KindDefinition[]>>()
  for (const kind of server.kinds) {
    if ((kind.group === '') !== core) continue
    const versions = groups.get(kind.group) ?? new Map<string, KindDefinition[]>()
    versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind])
    groups.set(kind.group, versions)
  }
  const items = [...groups].map(([name, versions]) => ({
    metadata: name === '' ? {} : { name },
    versions: [...versions].map(([version, kinds]) => ({ version, resources: kinds.map(resourceOf).sort((a, b) => (a.resource < b.resource ? -1 : 1)), freshness: 'Current' })),
  }))
  const body = { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
  return { kind: 'complete', code: 200, headers: new Map([['content-type', `application/json;${PARAMETERS}`]]), body: JSON.stringify(body) + '\n' }
}
