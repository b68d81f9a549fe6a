/**
 * From Ingress objects to the servers and locations that ingress-nginx puts into nginx.conf, and nginx's way of choosing one for a request:
 * the server by host name, an exact location, the longest prefix, regular expressions in their order. Pure.
 */
import type { Ingress, IngressBackend } from './types.ts'

export interface Upstream {
  readonly namespace: string
  readonly service: string
  /** Name or number of the service's port. */
  readonly port: string
}

/** `default-web-80`. */
export function upstreamName(u: Upstream): string {
  return `${u.namespace}-${u.service}-${u.port}`
}

export interface Canary {
  readonly upstream: Upstream
  readonly weight: number
  readonly weightTotal: number
  readonly header: string | undefined
  readonly headerValue: string | undefined
  readonly headerPattern: RegExp | undefined
  /** The pattern is no expression: a request with the header goes to the main backend. */
  readonly headerBroken: boolean
  readonly cookie: string | undefined
  /** affinity-canary-behavior: `sticky` (default) or `legacy`. */
  readonly affinity: string
}

export interface Location {
  readonly path: string
  readonly kind: 'exact' | 'prefix' | 'plain' | 'regex'
  readonly pattern: RegExp | undefined
  /** Undefined: the default backend. */
  readonly upstream: Upstream | undefined
  readonly ingress: Ingress | undefined
  readonly annotations: Readonly<Record<string, string>>
  canary?: Canary
}

export interface Server {
  readonly host: string
  readonly locations: Location[]
  /** Secret `ns/name` of its certificate. */
  tlsSecret: string | undefined
  /** Listed in a TLS section, with a secret or without: plain requests are sent to https. */
  tls?: boolean
  /** Other names of the same server; each has an entry of its own that names it. */
  aliases?: string[]
  aliasOf?: string
  /** The host that this one (with or without www.) leads to, by from-to-www-redirect. */
  redirect?: string
}

const prefix = 'nginx.ingress.kubernetes.io/'

export function annotationsOf(ingress: Ingress): Record<string, string> {
  return Object.fromEntries(Object.entries(ingress.metadata.annotations ?? {}).flatMap(([k, v]) => (k.startsWith(prefix) ? [[k.slice(prefix.length), v]] : [])))
}

export function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(1|t|T|TRUE|true|True)$/.test(value)
}

function upstreamOf(namespace: string, backend: IngressBackend | undefined): Upstream | undefined {
  const service = backend?.service
  return service ? { namespace, service: service.name, port: service.port?.name ?? String(service.port?.number ?? '') } : undefined
}

/** Go's regular expressions as JavaScript's; undefined where it is none. */
function regex(text: string, flags = 'i'): RegExp | undefined {
  try {
    return new RegExp(text, flags)
  } catch {
    return undefined
  }
}

function canaryOf(annotations: Readonly<Record<string, string>>, upstream: Upstream): Canary {
  const pattern = annotations['canary-by-header-pattern']
  return {
    upstream, weight: Number(annotations['canary-weight'] ?? 0), weightTotal: Number(annotations['canary-weight-total'] ?? 100), header: annotations['canary-by-header'], headerValue: annotations['canary-by-header-value'],
    headerPattern: pattern === undefined ? undefined : regex(pattern, ''), headerBroken: pattern !== undefined && regex(pattern, '') === undefined, cookie: annotations['canary-by-cookie'], affinity: annotations['affinity-canary-behavior'] ?? 'sticky',
  }
}

/** All servers by host; `_` catches what no other does. Ingresses in order of age: the older one keeps a path that two claim. */
export function buildServers(list: readonly Ingress[]): Map<string, Server> {
  const age = (i: Ingress) => `${i.metadata.creationTimestamp ?? ''} ${i.metadata.namespace}/${i.metadata.name}`
  const sorted = [...list].sort((a, b) => (age(a) < age(b) ? -1 : 1))
  const servers = new Map<string, Server>()
  const serverOf = (host: string): Server => {
    let server = servers.get(host)
    if (!server) servers.set(host, (server = { host, locations: [], tlsSecret: undefined }))
    return server
  }
  serverOf('_')
  const plain = sorted.filter((i) => !isTrue(annotationsOf(i)['canary']))
  for (const ingress of plain) {
    const namespace = ingress.metadata.namespace ?? ''
    const annotations = annotationsOf(ingress)
    const fallback = upstreamOf(namespace, ingress.spec.defaultBackend)
    for (const tls of ingress.spec.tls ?? []) {
      for (const host of tls.hosts ?? []) {
        const server = serverOf(host.toLowerCase())
        server.tls = true
        if (tls.secretName !== undefined) server.tlsSecret ??= `${namespace}/${tls.secretName}`
      }
    }
    if (fallback && (ingress.spec.rules ?? []).length === 0) addLocation(serverOf('_'), { path: '/', kind: 'prefix', pattern: undefined, upstream: fallback, ingress, annotations })
    for (const rule of ingress.spec.rules ?? []) {
      const server = serverOf(rule.host ? rule.host.toLowerCase() : '_')
      for (const alias of annotations['server-alias']?.split(',').map((h) => h.trim().toLowerCase()) ?? []) if (alias !== '' && !server.aliases?.includes(alias)) server.aliases = [...(server.aliases ?? []), alias]
      for (const p of rule.http?.paths ?? []) {
        const path = p.path === undefined || p.path === '' ? '/' : p.path
        const kind = p.pathType === 'Exact' ? 'exact' : p.pathType === 'Prefix' ? 'prefix' : 'plain'
        addLocation(server, { path, kind, pattern: undefined, upstream: upstreamOf(namespace, p.backend), ingress, annotations })
      }
      if (fallback) addLocation(server, { path: '/', kind: 'prefix', pattern: undefined, upstream: fallback, ingress, annotations })
    }
  }
  for (const ingress of sorted.filter((i) => isTrue(annotationsOf(i)['canary']))) addCanary(servers, ingress)
  for (const server of servers.values()) finish(server)
  // A name that is a server of its own stays that.
  for (const server of [...servers.values()]) for (const alias of server.aliases ?? []) if (!servers.has(alias)) servers.set(alias, { ...server, host: alias, aliasOf: server.host })
  for (const server of [...servers.values()]) {
    if (server.aliasOf !== undefined || server.host === '_' || server.host.startsWith('*') || !server.locations.some((l) => isTrue(l.annotations['from-to-www-redirect']))) continue
    const other = server.host.startsWith('www.') ? server.host.slice(4) : `www.${server.host}`
    if (!servers.has(other)) servers.set(other, { host: other, locations: [], tlsSecret: server.tlsSecret, ...(server.tls && { tls: true }), redirect: server.host })
  }
  return servers
}

function addLocation(server: Server, location: Location): void {
  if (!server.locations.some((l) => l.path === location.path && l.kind === location.kind)) server.locations.push(location)
}

function addCanary(servers: Map<string, Server>, ingress: Ingress): void {
  const namespace = ingress.metadata.namespace ?? ''
  for (const rule of ingress.spec.rules ?? []) {
    const server = servers.get(rule.host ? rule.host.toLowerCase() : '_')
    for (const p of rule.http?.paths ?? []) {
      const upstream = upstreamOf(namespace, p.backend)
      const location = server?.locations.find((l) => l.path === (p.path || '/') && l.upstream?.namespace === namespace)
      if (upstream && location && !location.canary) location.canary = canaryOf(annotationsOf(ingress), upstream)
    }
  }
}

/** One path with a rewrite or use-regex makes regular expressions of all paths of the host. */
function finish(server: Server): void {
  const regexes = server.locations.some((l) => isTrue(l.annotations['use-regex']) || (l.annotations['rewrite-target'] ?? '') !== '')
  const order = (l: Location) => (l.kind === 'exact' ? 1 : 0)
  const sorted = [...server.locations].sort((a, b) => b.path.length - a.path.length || order(b) - order(a))
  server.locations.splice(0, server.locations.length, ...sorted.map((l): Location => {
    if (!regexes || l.kind === 'exact') return l
    const text = l.kind === 'prefix' && !isTrue(l.annotations['use-regex']) && (l.annotations['rewrite-target'] ?? '') === '' && l.path !== '/' ? `^${l.path.replace(/\/$/, '')}` : `^${l.path}`
    return { ...l, kind: 'regex', pattern: regex(text) }
  }))
}

/** The server of a Host header; wildcards stand for one label. */
export function chooseServer(servers: ReadonlyMap<string, Server>, hostHeader: string): Server {
  const host = hostHeader.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase()
  const dot = host.indexOf('.')
  return servers.get(host) ?? (dot > 0 ? servers.get(`*${host.slice(dot)}`) : undefined) ?? servers.get('_')!
}

/** nginx's choice among the locations of a server for a decoded path. */
export function chooseLocation(server: Server, path: string): Location | undefined {
  const exact = server.locations.find((l) => (l.kind === 'exact' && l.path === path) || (l.kind === 'prefix' && l.path !== '/' && l.path.replace(/\/$/, '') === path))
  if (exact && exact.kind === 'exact') return exact
  const truly = server.locations.find((l) => l.kind === 'exact' && l.path === path)
  if (truly) return truly
  if (exact) return exact
  const longest = server.locations.filter((l) => (l.kind === 'plain' ? path.startsWith(l.path) : l.kind === 'prefix' && path.startsWith(l.path === '/' ? '/' : `${l.path.replace(/\/$/, '')}/`))).sort((a, b) => b.path.length - a.path.length)[0]
  return server.locations.find((l) => l.kind === 'regex' && l.pattern?.test(path)) ?? longest
}

/** rewrite-target: the new path, with the groups of the location's expression. */
export function rewritePath(location: Location, path: string): string {
  const target = location.annotations['rewrite-target']
  if (target === undefined || target === '' || target === location.path) return path
  const match = location.pattern?.exec(path) ?? regex(`^${location.path}`)?.exec(path)
  if (!match) return path
  return target.replace(/\$(\d)/g, (_, n: string) => match[Number(n)] ?? '')
}

/** Whether a request goes to the canary's upstream: header, then cookie, then weight. `dice` is a number in [0, 1). */
export function goesToCanary(canary: Canary, header: (name: string) => string | undefined, dice: () => number): boolean {
  if (canary.header !== undefined) {
    const value = header(canary.header)
    if (value !== undefined) {
      if (canary.headerValue !== undefined && canary.headerValue !== '') {
        if (value === canary.headerValue) return true
      } else if (canary.headerBroken) return false
      else if (canary.headerPattern) {
        if (canary.headerPattern.test(value)) return true
      } else if (value === 'always') return true
      else if (value === 'never') return false
    }
  }
  if (canary.cookie !== undefined) {
    const value = new RegExp(`(?:^|;\\s*)${canary.cookie.replace(/[^\w-]/g, '')}=([^;]*)`).exec(header('Cookie') ?? '')?.[1]
    if (value === 'always') return true
    if (value === 'never') return false
  }
  return canary.weight > 0 && dice() * canary.weightTotal < canary.weight
}
