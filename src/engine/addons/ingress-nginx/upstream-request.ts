/** The request as the backend gets it: nginx's headers about the client, whom to trust with them, snippets. And whom the client is, and which cookie keeps it at a pod. */
import { HttpHeaders } from '#base/http.ts'
import type { Asked } from './answer.ts'
import { hex } from '#base/sha.ts'
import { md5 } from './htpasswd.ts'
import type { Location, Upstream } from './router.ts'
import { isTrue, upstreamName } from './router.ts'
import type { Settings } from './settings.ts'
import { parseSnippet } from './snippets.ts'

/** The client's address: the connection's, or the header's where a proxy in front is trusted. */
export function clientOf(remote: string, header: (name: string) => string | undefined, settings: Settings): string {
  if (!settings.flag('use-forwarded-headers') && !settings.flag('enable-real-ip')) return remote
  return header(settings.text('forwarded-for-header'))?.split(',')[0]?.trim() || remote
}

const own = new Set(['host', 'connection', 'x-request-id', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-forwarded-scheme', 'x-scheme', 'transfer-encoding', 'content-length', 'proxy'])

export function upstreamHeaders(location: Location, asked: Asked, given: HttpHeaders, requestId: string, settings: Settings, extra: readonly (readonly [string, string])[] = []): HttpHeaders {
  const trusted = settings.flag('use-forwarded-headers')
  const taken = (name: string, or: string) => (trusted ? (asked.header(name) ?? or) : or)
  const scheme = asked.secure ? 'https' : 'http'
  const forwardedFor = settings.flag('compute-full-forwarded-for') && asked.header('X-Forwarded-For') ? `${asked.header('X-Forwarded-For')}, ${asked.client}` : asked.client
  const headers = new HttpHeaders([['Host', location.annotations['upstream-vhost'] || asked.host], ['X-Request-ID', requestId], ['X-Real-IP', asked.client], ['X-Forwarded-For', forwardedFor], ['X-Forwarded-Host', taken('X-Forwarded-Host', asked.host)], ['X-Forwarded-Port', taken('X-Forwarded-Port', asked.secure ? '443' : '80')], ['X-Forwarded-Proto', taken('X-Forwarded-Proto', scheme)], ['X-Forwarded-Scheme', taken('X-Forwarded-Proto', scheme)], ['X-Scheme', taken('X-Forwarded-Proto', scheme)]])
  if (asked.header('X-Forwarded-For') !== undefined) headers.set('X-Original-Forwarded-For', asked.header('X-Forwarded-For')!)
  if (location.annotations['x-forwarded-prefix']) headers.set('X-Forwarded-Prefix', location.annotations['x-forwarded-prefix'])
  if (location.annotations['connection-proxy-header']) headers.set('Connection', location.annotations['connection-proxy-header'])
  for (const [k, v] of given.list) if (!own.has(k.toLowerCase())) headers.add(k, v)
  const snippet = location.annotations['configuration-snippet']
  for (const [k, v] of [...extra, ...(snippet ? parseSnippet(snippet).request : [])]) headers.set(k, v)
  return headers
}

/** Cookie affinity: the cookie's name, undefined where the location has none. */
export function affinityCookie(location: Location): string | undefined {
  return location.annotations['affinity'] === 'cookie' ? (location.annotations['session-cookie-name'] || 'INGRESSCOOKIE') : undefined
}

export function setCookie(location: Location, name: string, value: string, now: number, secure: boolean): string {
  const a = location.annotations
  const age = Number(a['session-cookie-max-age'] ?? 0)
  const expires = Number(a['session-cookie-expires'] ?? 0)
  return [
    `${name}=${value}`, ...(expires > 0 ? [`Expires=${new Date(Math.floor(now) + expires * 1000).toUTCString().replace(/(\d\d) (\w{3}) (\d{4})/, '$1-$2-$3').replace(/-\d\d(\d\d) /, '-$1 ')}`] : []), ...(age > 0 ? [`Max-Age=${age}`] : []), ...(a['session-cookie-domain'] ? [`Domain=${a['session-cookie-domain']}`] : []),
    `Path=${a['session-cookie-path'] || (location.kind === 'regex' ? '/' : location.path)}`, ...((a['session-cookie-secure'] === undefined ? secure : isTrue(a['session-cookie-secure'])) ? ['Secure'] : []), 'HttpOnly', ...(a['session-cookie-samesite'] ? [`SameSite=${a['session-cookie-samesite']}`] : []),
  ].join('; ')
}

/** A backend as affinity cookies name it. */
export const upstreamKey = (u: Upstream): string => hex(Uint8Array.from(md5([...upstreamName(u)].map((c) => c.charCodeAt(0)))))

const cookies = (header: string | undefined) => (header ?? '').split(';').map((c) => c.trim().split('='))
export const cookieValue = (header: string | undefined, name: string): string | undefined => cookies(header).find(([k]) => k === name)?.slice(1).join('=')

/** FNV of a text: which pod a cookie or a hashed key belongs to. */
export function pick<T>(list: readonly T[], key: string, addressOf: (item: T) => string): T | undefined {
  const hash = (text: string) => {
    let sum = 2166136261
    for (const c of text) sum = Math.imul(sum ^ c.charCodeAt(0), 16777619) >>> 0
    return sum
  }
  let best: T | undefined
  for (const item of list) if (best === undefined || hash(`${addressOf(item)} ${key}`) > hash(`${addressOf(best)} ${key}`)) best = item
  return best
}
