/** Paths that are not about one resource: /version, /healthz, /api, /apis and their resource lists, all made from the kinds table. */
import type { KindDefinition } from './kind.ts'
import type { ApiServer } from './server.ts'
import * as status from './status.ts'
import type { ApiRequest, ApiResponse } from './types.ts'

const json = (body: unknown): ApiResponse => ({ kind: 'complete', code: 200, headers: new Map([['content-type', 'application/json']]), body: JSON.stringify(body) + '\n' })
const text = (body: string): ApiResponse => ({ kind: 'complete', code: 200, headers: new Map([['content-type', 'text/plain; charset=utf-8']]), body })

export function answerDiscovery(server: ApiServer, request: ApiRequest): ApiResponse {
  const parts = request.path.split('/').filter((p) => p !== '')
  const version = server.options.version ?? 'v1.35.4'
  switch (parts[0]) {
    case 'version': {
      const [major, minor] = version.slice(1).split('.')
      return json({
        major, minor, emulationMajor: major, emulationMinor: minor, minCompatibilityMajor: major, minCompatibilityMinor: String(Number(minor) - 1),
        gitVersion: version, gitCommit: '0000000000000000000000000000000000000000', gitTreeState: 'clean', buildDate: '2026-01-01T00:00:00Z', goVersion: 'go1.25.5', compiler: 'gc', platform: 'linux/amd64',
      })
    }
    case 'healthz':
    case 'livez':
    case 'readyz':
      return text('ok')
    case 'api':
      if (parts.length === 1) {
        return json({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: server.options.advertiseAddress ?? '10.0.0.1:6443' }] })
      }
      return json(resourceList(server, '', parts[1]!))
    case 'apis':
      if (parts.length === 1) return json({ kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(server) })
      if (parts.length === 2) {
        const group = groupsOf(server).find((g) => g.name === parts[1])
        if (!group) throw status.pathNotFound()
        return json({ kind: 'APIGroup', apiVersion: 'v1', ...group })
      }
      return json(resourceList(server, parts[1]!, parts[2]!))
    case undefined:
      return json({ paths: ['/api', '/api/v1', '/apis', ...groupsOf(server).flatMap((g) => [`/apis/${g.name}`, ...g.versions.map((v) => `/apis/${v.groupVersion}`)]), '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'].sort() })
  }
  throw status.pathNotFound()
}

function groupsOf(server: ApiServer) {
  const groups = new Map<string, string[]>()
  for (const kind of server.kinds) {
    if (kind.group === '') continue
    const versions = groups.get(kind.group) ?? []
    if (!versions.includes(kind.version)) versions.push(kind.version)
    groups.set(kind.group, versions)
  }
  return [...groups].map(([name, versions]) => {
    const list = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
    return { name, versions: list, preferredVersion: list[0]! }
  })
}

function resourceList(server: ApiServer, group: string, version: string) {
  const kinds = server.kinds.filter((k) => k.group === group && k.version === version)
  if (kinds.length === 0) throw status.pathNotFound()
  return { kind: 'APIResourceList', ...(group === '' ? {} : { apiVersion: 'v1' }), groupVersion: group === '' ? version : `${group}/${version}`, resources: kinds.flatMap(rows).sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

function rows(kind: KindDefinition) {
  return [
    {
      name: kind.plural, singularName: kind.singular, namespaced: kind.namespaced, kind: kind.kind, verbs: kind.verbs,
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    },
    ...kind.subresources.map((s) => ({
      name: `${kind.plural}/${s.name}`, singularName: '', namespaced: kind.namespaced,
      ...(s.group !== kind.group || s.version !== kind.version ? { group: s.group, version: s.version } : {}),
      kind: s.kind, verbs: s.verbs,
    })),
  ]
}
