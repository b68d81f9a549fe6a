/** Which entry a request belongs to, and what filters make of request and answer. Pure. */
import { HttpHeaders } from '#base/http.ts'
import type { Loose } from '#engine/api/loose.ts'
import { mostSpecific, matchesHost, specificity } from './hostnames.ts'
import type { Door, Entry, Target } from './types.ts'

export interface Asked {
  readonly method: string
  /** Without port, lower case. */
  readonly host: string
  readonly path: string
  /** After the `?`; undefined where there is none. */
  readonly query: string | undefined
  readonly headers: HttpHeaders
  readonly scheme: 'http' | 'https'
  /** Content-Type application/grpc. */
  readonly grpc: boolean
}

/** A whole match, as Envoy's RE2. */
function expression(text: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${text.replace(/^\(\?i\)/, '')})$`, text.startsWith('(?i)') ? 'i' : '')
  } catch {
    return undefined
  }
}

const trimmed = (prefix: string) => prefix.replace(/\/+$/, '')

export function matchesPath(path: string, rule: Loose): boolean {
  if (rule.type === 'Exact') return path === rule.value
  if (rule.type === 'RegularExpression') return expression(rule.value)?.test(path) ?? false
  const prefix = trimmed(rule.value ?? '/')
  return path === prefix || path.startsWith(`${prefix}/`)
}

const valueFits = (given: string | undefined, m: Loose) => given !== undefined && (m.type === 'RegularExpression' ? (expression(m.value)?.test(given) ?? false) : given === m.value)

function queryValue(query: string | undefined, name: string): string | undefined {
  for (const part of (query ?? '').split('&')) {
    const at = part.indexOf('=')
    const key = at < 0 ? part : part.slice(0, at)
    if (decode(key) === name) return at < 0 ? '' : decode(part.slice(at + 1))
  }
  return undefined
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '))
  } catch {
    return text
  }
}

function fits(entry: Entry, asked: Asked): boolean {
  const m = entry.match
  if (entry.rule.grpc && !asked.grpc) return false
  if (!matchesPath(asked.path, m.path)) return false
  if (m.method && m.method !== asked.method) return false
  const firsts = (list: readonly Loose[], lower: boolean) => list.filter((h, i) => list.findIndex((o) => (lower ? o.name.toLowerCase() === h.name.toLowerCase() : o.name === h.name)) === i)
  if (!firsts(m.headers ?? [], true).every((h) => valueFits(asked.headers.has(h.name) ? asked.headers.all(h.name).join(',') : undefined, h))) return false
  return firsts(m.queryParams ?? [], false).every((q) => valueFits(queryValue(asked.query, q.name), q))
}

/** The door of a port that a host name belongs to. */
export function chooseDoor(doors: readonly Door[], host: string): Door | undefined {
  return mostSpecific(doors, (d) => d.hostname, host)
}

/** The first entry that fits, among those of the most specific host name. */
export function chooseEntry(door: Door, asked: Asked): Entry | undefined {
  let hostname: string | undefined
  for (const e of door.entries) if (matchesHost(e.hostname, asked.host) && (hostname === undefined || specificity(e.hostname) > specificity(hostname))) hostname = e.hostname
  return hostname === undefined ? undefined : door.entries.find((e) => e.hostname === hostname && fits(e, asked))
}

/** HTTPHeaderFilter. */
export function modifyHeaders(headers: HttpHeaders, filter: Loose): void {
  for (const name of (filter.remove ?? []) as string[]) headers.delete(name)
  for (const h of (filter.set ?? []) as Loose[]) {
    const kept = headers.list.find(([k]) => k.toLowerCase() === h.name.toLowerCase())?.[0]
    headers.delete(h.name)
    headers.add(kept ?? h.name, h.value)
  }
  for (const h of (filter.add ?? []) as Loose[]) {
    const there = headers.all(h.name)
    if (there.length === 0) headers.add(h.name, h.value)
    else {
      const name = headers.list.find(([k]) => k.toLowerCase() === h.name.toLowerCase())![0]
      headers.delete(h.name)
      headers.add(name, [...there, h.value].join(','))
    }
  }
}

/** HTTPPathModifier. */
export function modifyPath(path: string, modifier: Loose, match: Loose): string {
  if (!modifier) return path
  if (modifier.type === 'ReplaceFullPath') return modifier.replaceFullPath === '' ? '/' : modifier.replaceFullPath
  const rest = path.slice(trimmed(match.path?.value ?? '/').length)
  const to = trimmed(modifier.replacePrefixMatch ?? '')
  const joined = to + (rest === '' || rest.startsWith('/') ? rest : `/${rest}`)
  return joined === '' ? '/' : joined
}

const usualPort: Readonly<Record<string, number>> = { http: 80, https: 443 }

/** The Location of a RequestRedirect. `port` is the listener's. */
export function redirectTo(filter: Loose, asked: Asked, match: Loose, port: number): string {
  const scheme = (filter.scheme ?? asked.scheme) as string
  const host = filter.hostname ?? asked.host
  const to = filter.port ?? (filter.scheme ? usualPort[scheme] : port)
  const path = modifyPath(asked.path, filter.path, match)
  return `${scheme}://${host}${to === usualPort[scheme] ? '' : `:${to}`}${path}${asked.query === undefined ? '' : `?${asked.query}`}`
}

function originFits(pattern: string, origin: string): boolean {
  if (pattern === '*') return true
  return new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.+')}$`).test(origin)
}

/** Headers of the CORS filter for an answer, those of a preflight included where `preflight`; undefined: the origin may not. */
export function corsHeaders(filter: Loose, asked: Asked, preflight: boolean): [string, string][] | undefined {
  const origin = asked.headers.get('Origin')
  if (origin === undefined || !((filter.allowOrigins ?? []) as string[]).some((p) => originFits(p, origin))) return undefined
  const credentials = filter.allowCredentials === true
  const any = ((filter.allowOrigins ?? []) as string[]).includes('*') && !credentials
  const out: [string, string][] = [['Access-Control-Allow-Origin', any ? '*' : origin]]
  if (credentials) out.push(['Access-Control-Allow-Credentials', 'true'])
  const listed = (list: readonly string[], asks: string | undefined) => (list.includes('*') ? (credentials ? asks : '*') : list.join(', '))
  if (preflight) {
    const methods = listed(filter.allowMethods ?? [], asked.headers.get('Access-Control-Request-Method'))
    const headers = listed(filter.allowHeaders ?? [], asked.headers.get('Access-Control-Request-Headers'))
    if (methods) out.push(['Access-Control-Allow-Methods', methods])
    if (headers) out.push(['Access-Control-Allow-Headers', headers])
    out.push(['Access-Control-Max-Age', String(filter.maxAge ?? 5)])
  }
  if ((filter.exposeHeaders ?? []).length > 0) out.push(['Access-Control-Expose-Headers', (filter.exposeHeaders as string[]).join(', ')])
  return out
}

/** Shares traffic by weight, evenly spread (as nginx's smooth weighted round robin). One for each rule. */
export class Balance {
  #state: number[] = []

  next(targets: readonly Target[]): Target | undefined {
    const total = targets.reduce((sum, t) => sum + t.weight, 0)
    if (total === 0) return undefined
    if (this.#state.length !== targets.length) this.#state = targets.map(() => 0)
    let best = 0
    for (const [i, t] of targets.entries()) {
      this.#state[i]! += t.weight
      if (this.#state[i]! > this.#state[best]! || targets[best]!.weight === 0) best = i
    }
    this.#state[best]! -= total
    return targets[best]
  }
}
