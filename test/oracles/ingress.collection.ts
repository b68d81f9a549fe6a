/** Path types and wildcard hosts as the documentation's tables have them (ingress/path-types), by the router of the ingress controller. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { corsHeaders, preAnswer } from '#engine/addons/ingress-nginx/answer.ts'
import type { Asked } from '#engine/addons/ingress-nginx/answer.ts'
import { buildServers, chooseLocation, chooseServer, goesToCanary } from '#engine/addons/ingress-nginx/router.ts'
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

interface E2eStep {
  readonly create_ingress?: { readonly kind?: string; readonly name: string; readonly path: string; readonly host: string; readonly namespace: string; readonly service: string; readonly port: number; readonly annotations: Record<string, unknown> | readonly unknown[] }
  readonly nginx_conf_contains?: unknown
  readonly request?: { readonly method: string; readonly path: string; readonly headers: Record<string, unknown>; readonly query: Record<string, unknown>; readonly WithCookie?: readonly [string, string] }
  readonly expect?: readonly (readonly unknown[])[]
}

interface E2eCase {
  readonly title: string
  readonly steps: readonly E2eStep[]
}

interface Answer {
  readonly status: number
  readonly service: string | undefined
  readonly headers: ReadonlyMap<string, string>
}

/** What the controller would do with the request: its own answer, or 200 from the backend that it chooses. */
function answerTo(list: readonly Ingress[], request: NonNullable<E2eStep['request']>): Answer {
  const headers = new Map(Object.entries(request.headers).map(([k, v]) => [k.toLowerCase(), String(v)]))
  if (request.WithCookie) headers.set('cookie', request.WithCookie.join('='))
  const host = headers.get('host') ?? ''
  const location = chooseLocation(chooseServer(buildServers(list), host), request.path)
  if (!location?.upstream) return { status: 404, service: undefined, headers: new Map() }
  const asked: Asked = { method: request.method, host, path: request.path, uri: request.path, secure: false, client: '10.0.0.9', header: (n) => headers.get(n.toLowerCase()), bodyLength: 0, hasCertificate: false }
  const own = preAnswer(location, asked)
  const out = new Map([...(own?.headers ?? []), ...corsHeaders(location, asked)].map(([k, v]) => [k.toLowerCase(), v]))
  const canary = location.canary && goesToCanary(location.canary, asked.header, () => 0.5)
  return { status: own?.status ?? 200, service: own ? undefined : canary ? location.canary!.upstream.service : location.upstream.service, headers: out }
}

function runE2e({ case: c }: { case: E2eCase }): Outcome {
  const kinds = new Set(c.steps.flatMap((s) => Object.keys(s)))
  if (!kinds.has('request') || [...kinds].some((k) => !['create_ingress', 'nginx_conf_contains', 'request', 'expect'].includes(k))) return { result: 'skipped', reason: 'needs a ConfigMap, flags or a deployment' }
  if (!kinds.has('create_ingress') || JSON.stringify(c.steps).match(/\$call|\$expr|\$id|snippet|custom-headers/) || c.steps.some((x) => (x.create_ingress && (!x.create_ingress.annotations || !x.create_ingress.service)) || (x.request && typeof x.request.path !== 'string'))) return { result: 'skipped', reason: 'not plain data, or snippets' }
  const list: Ingress[] = []
  const wrong: string[] = []
  for (const step of c.steps) {
    const i = step.create_ingress
    if (i) {
      const annotations = Object.fromEntries(Object.entries(i.annotations).map(([k, v]) => [k, String(v)]))
      if (Object.keys(annotations).some((k) => k.includes('ingressclass'))) return { result: 'skipped', reason: 'classes are chosen before the router' }
      list.push({
        apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: i.name, namespace: 'ns', annotations, creationTimestamp: `2026-01-01T00:00:${10 + list.length}Z` },
        spec: { ingressClassName: 'nginx', rules: [{ host: i.host, http: { paths: [{ path: i.path, pathType: 'Prefix', backend: { service: { name: i.service, port: { number: i.port } } } }] } }] },
      })
    }
    if (!step.request) continue
    const got = answerTo(list, step.request)
    let subject = 'status'
    let header = ''
    for (const [what, ...args] of step.expect ?? []) {
      const fail = () => wrong.push(`${step.request!.method} ${step.request!.path}: ${String(what)} ${JSON.stringify(args)}, got ${got.status} ${got.service ?? ''} ${JSON.stringify([...got.headers])}`)
      if (what === 'Status' && args[0] !== got.status) fail()
      else if (what === 'Body' || what === 'Headers') subject = String(what)
      else if (what === 'Header') [subject, header] = ['Header', String(args[0]).toLowerCase()]
      else if (what === 'ContainsKey' && !got.headers.has(String(args[0]).toLowerCase())) fail()
      else if (what === 'NotContainsKey' && got.headers.has(String(args[0]).toLowerCase())) fail()
      else if (what === 'ValueEqual' && JSON.stringify(args[1]) !== JSON.stringify([got.headers.get(String(args[0]).toLowerCase())])) fail()
      else if (what === 'Equal' && subject === 'Header' && got.headers.get(header) !== args[0]) fail()
      else if (what === 'Contains' && subject === 'Body' && /^(http-svc|httpbun|echo)/.test(String(args[0])) && got.service !== args[0]) fail()
      else if (what === 'NotContains' && subject === 'Body' && got.service === args[0]) fail()
    }
  }
  return wrong.length === 0 ? { result: 'passed' } : { result: 'failed', expected: 'the steps', actual: wrong.join('\n') }
}

const e2eFile = 'oracles/ingress/ingress-nginx-e2e.json'

export const collections = [
  collection<{ readonly id: string; readonly case: E2eCase }>({
    name: 'ingress/annotations',
    needs: [e2eFile],
    load: (shared) => (JSON.parse(readFileSync(join(shared, e2eFile), 'utf8')) as { files: { file: string; cases: E2eCase[] }[] }).files.flatMap((f) => f.cases.map((c, i) => ({ id: `${f.file.replace(/^.*\/|\.go$/g, '')}-${i}`, case: c }))),
    id: (row) => row.id,
    run: runE2e,
  }),
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
