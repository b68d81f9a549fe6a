/**
 * Which annotations the controller knows, how risky it holds them, and what it does with an Ingress that has one above the allowed level or a snippet where
 * snippets are off. `modelled: false`: the real controller honours it, this one says in its log that it does not.
 */
import type { Settings } from './settings.ts'
import type { Ingress } from './types.ts'

export const prefix = 'nginx.ingress.kubernetes.io/'

type Risk = 'Low' | 'Medium' | 'High' | 'Critical'
const rank: Readonly<Record<string, number>> = { Low: 1, Medium: 2, High: 3, Critical: 4 }

interface Known {
  /** The controller's parser, as its complaints name it. */
  readonly group: string
  readonly risk: Risk
  readonly modelled: boolean
}

type Row = readonly [group: string, risk: Risk, names: string]

const modelled: readonly Row[] = [
  ['FastCGI', 'Medium', 'fastcgi-index fastcgi-params-configmap'], ['Aliases', 'High', 'server-alias'], ['BackendProtocol', 'Low', 'backend-protocol'], ['BasicDigestAuth', 'Medium', 'auth-secret auth-realm'], ['BasicDigestAuth', 'Low', 'auth-type auth-secret-type'], ['Canary', 'Low', 'canary canary-weight canary-weight-total'],
  ['Canary', 'Medium', 'canary-by-header canary-by-header-value canary-by-header-pattern canary-by-cookie'], ['CertificateAuth', 'Medium', 'auth-tls-secret auth-tls-verify-client auth-tls-verify-depth auth-tls-pass-certificate-to-upstream'], ['CertificateAuth', 'High', 'auth-tls-error-page'], ['ClientBodyBufferSize', 'Low', 'client-body-buffer-size'], ['ConfigurationSnippet', 'Critical', 'configuration-snippet'], ['Connection', 'Low', 'connection-proxy-header'],
  ['CorsConfig', 'Low', 'enable-cors cors-allow-credentials cors-max-age'], ['CorsConfig', 'Medium', 'cors-allow-origin cors-allow-headers cors-allow-methods cors-expose-headers'], ['CustomHeaders', 'Medium', 'custom-headers'], ['CustomHTTPErrors', 'Low', 'custom-http-errors'], ['DefaultBackend', 'Low', 'default-backend'],
  ['Denylist', 'Medium', 'denylist-source-range'], ['Allowlist', 'Medium', 'whitelist-source-range allowlist-source-range'], ['DisableProxyInterceptErrors', 'Low', 'disable-proxy-intercept-errors'], ['ExternalAuth', 'High', 'auth-url auth-signin auth-response-headers auth-request-redirect'], ['ExternalAuth', 'Low', 'auth-method auth-always-set-cookie auth-signin-redirect-param'],
  ['ExternalAuth', 'Critical', 'auth-snippet'], ['HTTP2PushPreload', 'Low', 'http2-push-preload'], ['EnableGlobalAuth', 'Low', 'enable-global-auth'], ['Logs', 'Low', 'enable-access-log enable-rewrite-log'], ['Mirror', 'High', 'mirror-target mirror-host'], ['Mirror', 'Low', 'mirror-request-body'], ['Proxy', 'Low', 'proxy-body-size proxy-connect-timeout proxy-send-timeout proxy-read-timeout proxy-buffering proxy-buffer-size proxy-buffers-number proxy-busy-buffers-size proxy-max-temp-file-size proxy-request-buffering proxy-http-version proxy-next-upstream-timeout proxy-next-upstream-tries'],
  ['Proxy', 'Medium', 'proxy-next-upstream proxy-cookie-domain proxy-cookie-path proxy-redirect-from proxy-redirect-to'], ['RateLimit', 'Low', 'limit-rps limit-rpm limit-connections limit-burst-multiplier limit-rate limit-rate-after limit-whitelist limit-allowlist'], ['Redirect', 'Medium', 'permanent-redirect temporal-redirect'], ['Redirect', 'Low', 'permanent-redirect-code temporal-redirect-code from-to-www-redirect relative-redirects'],
  ['Rewrite', 'Medium', 'rewrite-target app-root'], ['Rewrite', 'Low', 'ssl-redirect force-ssl-redirect preserve-trailing-slash use-regex'], ['Satisfy', 'Low', 'satisfy'], ['ServerSnippet', 'Critical', 'server-snippet'], ['StreamSnippet', 'Critical', 'stream-snippet'], ['ServiceUpstream', 'Low', 'service-upstream'],
  ['SessionAffinity', 'Low', 'affinity affinity-mode affinity-canary-behavior session-cookie-change-on-failure session-cookie-conditional-samesite-none session-cookie-expires session-cookie-max-age session-cookie-samesite session-cookie-secure'], ['SessionAffinity', 'Medium', 'session-cookie-name session-cookie-domain session-cookie-path'],
  ['SSLCipher', 'Low', 'ssl-ciphers ssl-prefer-server-ciphers'], ['UpstreamHashBy', 'High', 'upstream-hash-by'], ['UpstreamHashBy', 'Low', 'upstream-hash-by-subset upstream-hash-by-subset-size'], ['LoadBalancing', 'Low', 'load-balance'], ['UpstreamVhost', 'Low', 'upstream-vhost'], ['XForwardedPrefix', 'Medium', 'x-forwarded-prefix'],
]

const notModelled: readonly Row[] = [
  ['CertificateAuth', 'High', 'auth-tls-match-cn'], ['ExternalAuth', 'Medium', 'auth-cache-key auth-cache-duration auth-keepalive auth-keepalive-share-vars auth-keepalive-requests auth-keepalive-timeout auth-proxy-set-headers'],
  ['ModSecurity', 'Critical', 'modsecurity-snippet'], ['ModSecurity', 'Low', 'enable-modsecurity enable-owasp-core-rules modsecurity-transaction-id'], ['Opentelemetry', 'Low', 'enable-opentelemetry opentelemetry-operation-name opentelemetry-trust-incoming-span'], ['ProxySSL', 'Medium', 'proxy-ssl-secret proxy-ssl-name proxy-ssl-verify proxy-ssl-verify-depth proxy-ssl-protocols proxy-ssl-ciphers proxy-ssl-server-name'], ['SSLPassthrough', 'Low', 'ssl-passthrough'],
]

const rows = (list: readonly Row[], is: boolean) => list.flatMap(([group, risk, names]) => names.split(' ').map((name): [string, Known] => [name, { group, risk, modelled: is }]))

export const knownAnnotations: ReadonlyMap<string, Known> = new Map([...rows(modelled, true), ...rows(notModelled, false)])

export interface Screened {
  /** Without the prefix, and without those that were dropped. */
  readonly annotations: Readonly<Record<string, string>>
  /** The whole Ingress is left out; the controller's words. */
  readonly refusal?: string
  /** Names (without prefix) that the real controller would honour and this one does not. */
  readonly ignored: readonly string[]
}

export function screen(ingress: Ingress, settings: Settings): Screened {
  const all = Object.entries(ingress.metadata.annotations ?? {}).flatMap(([k, v]): [string, string][] => (k.startsWith(prefix) ? [[k.slice(prefix.length), v]] : []))
  const limit = rank[settings.text('annotations-risk-level')] ?? 3
  const risky = all.map(([k]) => knownAnnotations.get(k)).find((k) => k !== undefined && rank[k.risk]! > limit)
  const bad = badWord(ingress, settings)
  const annotations = Object.fromEntries(all.filter(([k]) => settings.flag('allow-snippet-annotations') || !k.endsWith('-snippet')))
  if (bad !== undefined) return { annotations, refusal: `skipping ingress ${ingress.metadata.namespace}/${ingress.metadata.name}: ${bad}`, ignored: [] }
  return { annotations, ...(risky && { refusal: `annotation group ${risky.group} contains risky annotation based on ingress configuration` }), ignored: all.flatMap(([k]) => (knownAnnotations.get(k)?.modelled === false ? [k] : [])) }
}

/** annotation-value-word-blocklist. */
function badWord(ingress: Ingress, settings: Settings): string | undefined {
  for (const [key, value] of Object.entries(ingress.metadata.annotations ?? {})) {
    const word = key.startsWith(prefix) ? settings.list('annotation-value-word-blocklist').find((w) => value.includes(w)) : undefined
    if (word !== undefined) return `${key} annotation contains invalid word ${word}`
  }
  return undefined
}

/** What the admission webhook says of an Ingress; undefined: let it in. */
export function admissionRefusal(ingress: Ingress, settings: Settings): string | undefined {
  if (!settings.flag('allow-snippet-annotations')) {
    const snippet = Object.keys(ingress.metadata.annotations ?? {}).find((k) => k.startsWith(prefix) && k.endsWith('-snippet'))
    if (snippet !== undefined) return `${snippet} annotation cannot be used. Snippet directives are disabled by the Ingress administrator`
  }
  return badWord(ingress, settings) ?? screen(ingress, settings).refusal
}
