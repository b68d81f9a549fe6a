/** Path types and wildcard hosts as the documentation's tables have them (ingress/path-types), by the router of the ingress controller. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildServers, chooseLocation, chooseServer } from '#engine/addons/ingress-nginx/router.ts'
import type { Ingress } from '#engine/addons/ingress-nginx/types.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

interface PathRow {
  readonly kind: string
  readonly paths: readonly string[]
  readonly requests: readonly string[]
  readonly match: string
}

interface HostRow {
  readonly host: string
  readonly hostHeader: string
  readonly match: string
}

type Row = { readonly id: string; readonly path?: PathRow; readonly host?: HostRow }

const file = 'oracles/ingress/k8s-docs-pathtype-table.json'

function ingress(rules: Ingress['spec']['rules']): Ingress {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'i', namespace: 'n' }, spec: { ingressClassName: 'nginx', rules: rules! } }
}

function runPath(row: PathRow): Outcome {
  const paths = row.paths.map((p) => {
    const m = /^(\S+)(?: \((\w+)\))?$/.exec(p)!
    const pathType = m[2] ?? row.kind
    return { path: m[1]!, pathType, backend: { service: { name: `${pathType}-${m[1]}`, port: { number: 80 } } } }
  })
  const server = chooseServer(buildServers([ingress([{ host: 'a.test', http: { paths } }])]), 'a.test')
  const wanted = row.match.startsWith('Yes')
  const preferred = /matches (\S+) prefix/.exec(row.match)?.[1] ?? (row.match.includes('prefers Exact') ? 'Exact' : undefined)
  for (const request of row.requests) {
    const got = chooseLocation(server, request === '(all paths)' ? '/any/thing' : request)?.upstream?.service
    const fine = wanted ? got !== undefined && (preferred === undefined || got === `Prefix-${preferred}` || got.startsWith(`${preferred}-`)) : got === undefined
    if (!fine) return { result: 'failed', expected: row.match, actual: `${request} → ${got ?? 'default backend'}` }
  }
  return { result: 'passed' }
}

function runHost(row: HostRow): Outcome {
  const server = chooseServer(buildServers([ingress([{ host: row.host, http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] } }])]), row.hostHeader)
  const matched = server.host === row.host
  return matched === row.match.startsWith('Matches') ? { result: 'passed' } : { result: 'failed', expected: row.match, actual: String(matched) }
}

export const collections = [
  collection<Row>({
    name: 'ingress/path-types',
    needs: [file],
    load: (shared) => {
      const data = JSON.parse(readFileSync(join(shared, file), 'utf8')) as { pathType: PathRow[]; hostWildcard: HostRow[] }
      return [...data.pathType.map((path, i) => ({ id: `path-${i}`, path })), ...data.hostWildcard.map((host, i) => ({ id: `host-${i}`, host }))]
    },
    id: (row) => row.id,
    run: (row) => (row.path ? runPath(row.path) : runHost(row.host!)),
  }),
]
