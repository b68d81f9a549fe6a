/** Routes: which listeners they hang on and what the controller says of that, their rules as a proxy needs them, and the order of precedence. */
import { parseGoDuration } from './durations.ts'
import type { Loose } from '#engine/api/loose.ts'
import { gatewayGroup } from '../gateway-api/definitions.ts'
import type { Backends, Problem, Source } from './backends.ts'
import { intersect, specificity } from './hostnames.ts'
import { byAge } from './listeners.ts'
import type { Listener } from './listeners.ts'
import { condition } from './types.ts'
import type { Condition, Entry, Rule, Shared, Target } from './types.ts'
import type { View } from './view.ts'

/** A parentRef of a route, and the listeners that took it there. */
export interface Attachment {
  readonly route: Loose
  readonly kind: string
  readonly listeners: readonly { readonly listener: Listener; readonly hostnames: readonly Shared[] }[]
  readonly accepted: Condition
}

const hostBound = new Set(['HTTP', 'HTTPS', 'TLS'])

/** `all` are the listeners of the parent's Gateway; `parent` is the Gateway or ListenerSet that the reference names. */
export function attach(view: View, route: Loose, kind: string, ref: Loose, parent: Loose, all: readonly Listener[]): Attachment {
  const refused = (reason: string, message: string): Attachment => ({ route, kind, listeners: [], accepted: condition('Accepted', false, reason, message) })
  const named = all.filter((l) => l.owner === parent && (!ref.sectionName || l.spec.name === ref.sectionName) && (ref.port === undefined || l.spec.port === ref.port))
  if (named.length === 0) return refused('NoMatchingParent', 'No listeners match this parent ref')
  const open = named.filter((l) => l.supportedKinds.some((k) => k.kind === kind) && view.allows(l.spec.allowedRoutes?.namespaces, parent.metadata.namespace, route.metadata.namespace, 'Same'))
  if (open.length === 0) return refused('NotAllowedByListeners', 'No listeners included by this parent ref allowed this attachment')
  const wanted = ((route.spec.hostnames ?? []) as string[]).map((h) => h.toLowerCase())
  const listeners = open.flatMap((listener) => {
    if (!hostBound.has(listener.protocol) || kind === 'TCPRoute') return [{ listener, hostnames: [{ hostname: '', asked: '' }] }]
    const hostnames = wanted.length === 0 ? [{ hostname: listener.hostname, asked: '' }] : wanted.flatMap((asked): Shared[] => {
      const hostname = intersect(listener.hostname, asked)
      return hostname === undefined ? [] : [{ hostname, asked }]
    })
    return hostnames.length === 0 ? [] : [{ listener, hostnames }]
  })
  if (listeners.length === 0) return refused('NoMatchingListenerHostname', 'There were no hostname intersections between the route and this parent ref\'s listener(s)')
  const value = unsupported(route)
  if (value) return refused('UnsupportedValue', value)
  return { route, kind, listeners, accepted: condition('Accepted', true, 'Accepted', 'Route is accepted') }
}

function unsupported(route: Loose): string | undefined {
  for (const rule of (route.spec.rules ?? []) as Loose[]) {
    for (const f of [...(rule.filters ?? []), ...((rule.backendRefs ?? []) as Loose[]).flatMap((b) => b.filters ?? [])] as Loose[]) if (f.type === 'ExtensionRef') return `Unknown custom filter type: ${f.extensionRef?.kind}`
    for (const m of (rule.matches ?? []) as Loose[]) {
      for (const part of [m.path, ...(m.headers ?? []), ...(m.queryParams ?? [])] as Loose[]) {
        if (part?.type !== 'RegularExpression') continue
        try {
          new RegExp(part.value)
        } catch {
          return `Invalid regular expression: ${part.value}`
        }
      }
    }
  }
  return undefined
}

function sessionOf(s: Loose, index: number): NonNullable<Rule['session']> {
  const seconds = s.cookieConfig?.lifetimeType === 'Permanent' && s.absoluteTimeout !== undefined ? parseGoDuration(s.absoluteTimeout) / 1000 : undefined
  return { name: s.sessionName ?? `session-${index}`, header: s.type === 'Header', ...(seconds !== undefined && { seconds }) }
}

/** The rules with their targets resolved. */
export function compile(backends: Backends, route: Loose, kind: string): { readonly rules: readonly Rule[]; readonly resolved: Condition } {
  const from: Source = { kind, namespace: route.metadata.namespace }
  const problems: Problem[] = []
  const targetOf = (ref: Loose, filters: readonly Loose[]): Target => {
    const { target, problem } = backends.target(ref, from, filters)
    if (problem) problems.push(problem)
    return target
  }
  /** Mirrors carry their target. */
  const filtersOf = (list: readonly Loose[]): Loose[] => list.map((f) => (f.type === 'RequestMirror' ? { ...f, target: targetOf(f.requestMirror.backendRef, []) } : f))
  const rules = ((route.spec.rules ?? []) as Loose[]).map((r, i): Rule => {
    const timeouts = r.timeouts && { ...(r.timeouts.request !== undefined && { request: parseGoDuration(r.timeouts.request) }), ...(r.timeouts.backendRequest !== undefined && { backendRequest: parseGoDuration(r.timeouts.backendRequest) }) }
    return {
      name: `${route.metadata.namespace}/${route.metadata.name}/${i}`, grpc: kind === 'GRPCRoute', filters: filtersOf(r.filters ?? []), targets: ((r.backendRefs ?? []) as Loose[]).map((b) => targetOf(b, filtersOf(b.filters ?? []))),
      ...(timeouts && { timeouts }), ...(r.sessionPersistence && { session: sessionOf(r.sessionPersistence, i) }), ...(r.retry && { retry: { attempts: r.retry.attempts ?? 1, codes: r.retry.codes ?? [], backoff: r.retry.backoff === undefined ? 25 : parseGoDuration(r.retry.backoff) } }),
    }
  })
  const first = problems[0]
  return { rules, resolved: first ? condition('ResolvedRefs', false, first.reason, first.message) : condition('ResolvedRefs', true, 'ResolvedRefs', 'All references are resolved') }
}

const whole = { path: { type: 'PathPrefix', value: '/' } }

/** A listener's entries in order of precedence. */
export function entriesOf(list: readonly { readonly route: Loose; readonly kind: string; readonly hostnames: readonly Shared[]; readonly rules: readonly Rule[] }[]): Entry[] {
  const ranked = [...list].sort((a, b) => byAge(a.route, b.route)).flatMap(({ route, kind, hostnames, rules }) =>
    hostnames.flatMap(({ hostname, asked }) => rules.flatMap((rule, i) => {
      const matches = (route.spec.rules[i].matches ?? []) as Loose[]
      return (matches.length === 0 ? [kind === 'GRPCRoute' ? {} : whole] : matches).map((m) => {
        const match = kind === 'GRPCRoute' ? grpcMatch(m) : { ...m, path: m.path ?? whole.path }
        return { entry: { hostname, match, rule }, rank: [specificity(hostname), specificity(asked), ...rankOf(match)] }
      })
    })),
  )
  // The sort is stable: age, then the order in the route, decide between equals.
  return ranked.sort((a, b) => {
    for (let i = 0; i < a.rank.length; i++) if (a.rank[i] !== b.rank[i]) return b.rank[i]! - a.rank[i]!
    return 0
  }).map((r) => r.entry)
}

/** A gRPC method is the path /service/method. */
function grpcMatch(m: Loose): Loose {
  const { method } = m
  const type = method?.type ?? 'Exact'
  const quote = (s: string) => (type === 'Exact' ? s.replace(/[.]/g, '\\.') : s)
  const path = !method ? { type: 'PathPrefix', value: '/' }
    : type === 'Exact' && method.service && method.method ? { type: 'Exact', value: `/${method.service}/${method.method}` }
    : type === 'Exact' && method.service ? { type: 'PathPrefix', value: `/${method.service}` }
    : { type: 'RegularExpression', value: `/${method.service ? quote(method.service) : '[^/]+'}/${method.method ? quote(method.method) : '[^/]+'}` }
  return { path, headers: m.headers ?? [] }
}

const pathRank: Readonly<Record<string, number>> = { Exact: 3, RegularExpression: 2, PathPrefix: 1 }

function rankOf(match: Loose): number[] {
  return [pathRank[match.path.type ?? 'PathPrefix']!, String(match.path.value ?? '/').length, match.method ? 1 : 0, (match.headers ?? []).length, (match.queryParams ?? []).length]
}

export const routeSource = (kind: string, namespace: string) => ({ group: gatewayGroup, kind, namespace })
