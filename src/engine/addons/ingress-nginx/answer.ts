/** What nginx says by itself: error pages, redirects, access control, CORS, the access log's line. */
import { cidrContains, parseCidr4, parseIpv4 } from '#base/ip.ts'
import type { Location } from './router.ts'
import { isTrue } from './router.ts'
import { usualSettings } from './settings.ts'
import type { Settings } from './settings.ts'

const titles: Readonly<Record<number, string>> = {
  300: 'Multiple Choices', 301: 'Moved Permanently', 302: 'Found', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Authorization Required', 403: 'Forbidden', 404: 'Not Found', 405: 'Not Allowed', 408: 'Request Time-out', 413: 'Request Entity Too Large',
  500: 'Internal Server Error', 502: 'Bad Gateway', 503: 'Service Temporarily Unavailable', 504: 'Gateway Time-out', 429: 'Too Many Requests', 303: 'See Other', 421: 'Misdirected Request', 431: 'Request Header Or Cookie Too Large',
}

export function statusTitle(status: number): string {
  return titles[status] ?? ''
}

export function errorPage(status: number): string {
  const title = `${status} ${titles[status] ?? ''}`
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`
}

export interface OwnAnswer {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

const page = (status: number, headers: readonly (readonly [string, string])[] = []): OwnAnswer => ({ status, headers: [['Content-Type', 'text/html'], ...headers], body: errorPage(status) })

export function listed(list: string | undefined, ip: string): boolean {
  const value = parseIpv4(ip)
  return value !== undefined && (list ?? '').split(',').some((text) => {
    const cidr = parseCidr4(text.trim().includes('/') ? text.trim() : `${text.trim()}/32`)
    return cidr !== undefined && cidrContains(cidr, value)
  })
}

export interface Asked {
  readonly method: string
  readonly host: string
  readonly path: string
  /** With query. */
  readonly uri: string
  readonly secure: boolean
  readonly client: string
  readonly header: (name: string) => string | undefined
  readonly bodyLength: number
  /** The server has a certificate of its own. */
  readonly hasCertificate: boolean
}

const sizes: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** What the location's annotations answer before anything is proxied; undefined: go on. */
export function preAnswer(location: Location, asked: Asked, settings: Settings = usualSettings): OwnAnswer | undefined {
  return redirects(location, asked, settings) ?? access(location, asked, settings)
}

/** A code that redirects, or the usual one. */
export const redirectCode = (given: string | undefined, usual: number): number => (given !== undefined && Number(given) >= 300 && Number(given) <= 308 ? Number(given) : usual)

/** nginx's rewrite phase: answers that need no right. */
export function redirects(location: Location, asked: Asked, settings: Settings): OwnAnswer | undefined {
  const a = location.annotations
  const open = settings.list('no-tls-redirect-locations').some((path) => asked.path.startsWith(path))
  const sslRedirect = a['ssl-redirect'] === undefined ? settings.flag('ssl-redirect') : isTrue(a['ssl-redirect'])
  const forced = a['force-ssl-redirect'] === undefined ? settings.flag('force-ssl-redirect') : isTrue(a['force-ssl-redirect'])
  if (!asked.secure && !open && ((asked.hasCertificate && sslRedirect) || forced)) {
    const to = `https://${asked.host.replace(/:\d+$/, '')}${asked.uri}`
    return page(Number(settings.text('http-redirect-code')), [['Location', isTrue(a['preserve-trailing-slash']) ? to : to.replace(/\/$/, '')]])
  }
  const absolute = (to: string) => (to.startsWith('/') && !isTrue(a['relative-redirects']) ? `${asked.secure ? 'https' : 'http'}://${asked.host}${to}` : to)
  if (a['permanent-redirect']) return page(redirectCode(a['permanent-redirect-code'], 301), [['Location', absolute(a['permanent-redirect'])]])
  if (a['temporal-redirect']) return page(redirectCode(a['temporal-redirect-code'], 302), [['Location', absolute(a['temporal-redirect'])]])
  if (a['app-root'] && asked.path === '/') return page(302, [['Location', `${asked.secure ? 'https' : 'http'}://${asked.host}${a['app-root']}`]])
  if (isTrue(a['enable-cors']) && asked.method === 'OPTIONS') return { status: 204, headers: [...corsHeaders(location, asked), ['Content-Type', 'text/plain charset=UTF-8'], ['Content-Length', '0']], body: '' }
  return undefined
}

/** nginx's access phase, without passwords. */
export function access(location: Location, asked: Asked, settings: Settings): OwnAnswer | undefined {
  const a = location.annotations
  const allow = a['whitelist-source-range'] ?? a['allowlist-source-range'] ?? settings.text('whitelist-source-range')
  const deny = a['denylist-source-range'] ?? settings.text('denylist-source-range')
  if (deny !== '' && listed(deny, asked.client)) return page(403)
  if (allow !== '' && !listed(allow, asked.client)) return page(403)
  const limit = /^(\d+)([kmg]?)$/i.exec(a['proxy-body-size'] ?? settings.text('proxy-body-size'))
  const bytes = limit ? Number(limit[1]) * sizes[limit[2]!.toLowerCase()]! : 0
  if (bytes > 0 && asked.bodyLength > bytes) return page(413)
  return undefined
}

const methods = 'GET, PUT, POST, DELETE, PATCH, OPTIONS'
const allowed = 'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization'

/** Headers that enable-cors adds. */
export function corsHeaders(location: Location, asked: Asked): readonly (readonly [string, string])[] {
  const a = location.annotations
  if (!isTrue(a['enable-cors'])) return []
  const given = (a['cors-allow-origin'] ?? '').split(',').map((o) => o.trim()).filter((o) => o !== '')
  const origins = given.length === 0 ? ['*'] : given.filter((o) => o === '*' || /^[a-z][a-z0-9+.-]*:\/\//i.test(o))
  const origin = asked.header('Origin')
  const fits = (pattern: string) => pattern === '*' || (origin !== undefined && new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace('*', '[A-Za-z0-9-]+')}$`).test(origin))
  if (!origins.some(fits)) return []
  return [
    ['Access-Control-Allow-Origin', origins.includes('*') ? '*' : origin!],
    ...(a['cors-allow-credentials'] === undefined || isTrue(a['cors-allow-credentials']) ? [['Access-Control-Allow-Credentials', 'true'] as const] : []),
    ['Access-Control-Allow-Methods', a['cors-allow-methods'] ?? methods],
    ['Access-Control-Allow-Headers', a['cors-allow-headers'] ?? allowed],
    ...(a['cors-expose-headers'] ? [['Access-Control-Expose-Headers', a['cors-expose-headers']] as const] : []),
    ['Access-Control-Max-Age', a['cors-max-age'] ?? '1728000'],
  ]
}

export function ownPage(status: number): OwnAnswer {
  return page(status)
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function localTime(now: number): string {
  const iso = new Date(Math.floor(now)).toISOString()
  return `${iso.slice(8, 10)}/${months[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}

export interface LogFacts {
  readonly now: number
  readonly started: number
  readonly client: string
  readonly request: string
  readonly status: number
  readonly bytes: number
  readonly referer: string | undefined
  readonly agent: string | undefined
  readonly requestLength: number
  readonly upstreamName: string
  readonly tries: readonly { readonly address: string; readonly length: number; readonly seconds: number; readonly status: number }[]
  readonly requestId: string
}

/** ingress-nginx's default log format (upstreaminfo). */
export function accessLine(f: LogFacts): string {
  const each = (text: (t: LogFacts['tries'][number]) => string) => (f.tries.length === 0 ? '-' : f.tries.map(text).join(', '))
  return `${f.client} - - [${localTime(f.now)}] "${f.request}" ${f.status} ${f.bytes} "${f.referer ?? '-'}" "${f.agent ?? '-'}" ${f.requestLength} ${((f.now - f.started) / 1000).toFixed(3)} [${f.upstreamName}] [] ${each((t) => t.address)} ${each((t) => String(t.length))} ${each((t) => t.seconds.toFixed(3))} ${each((t) => String(t.status))} ${f.requestId}`
}

