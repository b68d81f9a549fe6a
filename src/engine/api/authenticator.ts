/**
 * Who asks: the facts of a verified client certificate, a bearer token of a service account, or nobody (system:anonymous). Tokens are JWTs in form; their signature
 * is a keyed hash of the cluster instead of RSA.
 */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { hex, sha256 } from '#base/sha.ts'
import type { Loose } from './loose.ts'
import type { Store } from './store.ts'
import type { UserInfo } from './types.ts'

export interface CertificateFacts {
  readonly commonName: string
  readonly organizations: readonly string[]
}

export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
const ISSUER = 'https://kubernetes.default.svc.cluster.local'

const url = (text: string) => toBase64(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
const unurl = (text: string) => fromBase64(text.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (text.length % 4)) % 4))

export interface TokenClaims {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly audiences: readonly string[]
  /** Seconds since the epoch. */
  readonly issued: number
  readonly expires: number
  readonly id: string
  readonly pod?: { readonly name: string; readonly uid: string }
  readonly node?: { readonly name: string; readonly uid: string }
}

export class Tokens {
  readonly #secret: string

  constructor(secret: string) {
    this.#secret = secret
  }

  #sign(text: string): string {
    let out = ''
    for (let i = 0; i < 8; i++) out += hex(sha256(`${this.#secret}/${i}/${text}`))
    return url(out.match(/../g)!.map((h) => String.fromCharCode(Number.parseInt(h, 16) & 0x7f)).join(''))
  }

  issue(c: TokenClaims): string {
    const payload = {
      aud: c.audiences, exp: c.expires, iat: c.issued, iss: ISSUER, jti: c.id,
      'kubernetes.io': { namespace: c.namespace, ...(c.node ? { node: c.node } : {}), ...(c.pod ? { pod: c.pod } : {}), serviceaccount: { name: c.name, uid: c.uid } },
      nbf: c.issued, sub: `system:serviceaccount:${c.namespace}:${c.name}`,
    }
    return this.#seal(payload)
  }

  /** The never-ending token of a Secret of type kubernetes.io/service-account-token. */
  issueForSecret(namespace: string, name: string, uid: string, secret: string): string {
    return this.#seal({
      iss: 'kubernetes/serviceaccount', 'kubernetes.io/serviceaccount/namespace': namespace, 'kubernetes.io/serviceaccount/secret.name': secret,
      'kubernetes.io/serviceaccount/service-account.name': name, 'kubernetes.io/serviceaccount/service-account.uid': uid, sub: `system:serviceaccount:${namespace}:${name}`,
    })
  }

  #seal(payload: unknown): string {
    const body = `${url(JSON.stringify({ alg: 'RS256', kid: hex(sha256(this.#secret)).slice(0, 43) }))}.${url(JSON.stringify(payload))}`
    return `${body}.${this.#sign(body)}`
  }

  /** The payload of a token with a good signature. */
  open(token: string): Loose {
    const parts = token.split('.')
    if (parts.length !== 3 || this.#sign(`${parts[0]}.${parts[1]}`) !== parts[2]) return undefined
    try {
      return JSON.parse(unurl(parts[1]!) ?? '')
    } catch {
      return undefined
    }
  }
}

/** Whom a bootstrap token of kube-system speaks for (--enable-bootstrap-token-auth). */
function userOfBootstrapToken(store: Store, id: string, secret: string, now: number): UserInfo | undefined {
  const object = store.get('secrets', 'kube-system', `bootstrap-token-${id}`) as Loose
  const get = (key: string) => fromBase64(object?.data?.[key] ?? '') ?? ''
  if (!object || object.metadata.deletionTimestamp || object.type !== 'bootstrap.kubernetes.io/token' || get('token-id') !== id || get('token-secret') !== secret || get('usage-bootstrap-authentication') !== 'true') return undefined
  const expires = Date.parse(get('expiration'))
  if (expires <= now) return undefined
  const groups = get('auth-extra-groups').split(',').filter((g) => g.startsWith('system:bootstrappers:'))
  return { name: `system:bootstrap:${id}`, groups: ['system:bootstrappers', ...groups, 'system:authenticated'] }
}

/** The user of a bearer token, or undefined when it is no good. `now` in ms. */
export function userOfToken(tokens: Tokens, store: Store, token: string, now: number): (UserInfo & { readonly extra?: Readonly<Record<string, readonly string[]>>; readonly audiences?: readonly string[] }) | undefined {
  const bootstrap = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(token)
  if (bootstrap) return userOfBootstrapToken(store, bootstrap[1]!, bootstrap[2]!, now)
  const payload = tokens.open(token)
  if (!payload) return undefined
  const bound = payload['kubernetes.io']
  const namespace: string = bound?.namespace ?? payload['kubernetes.io/serviceaccount/namespace']
  const name: string = bound?.serviceaccount?.name ?? payload['kubernetes.io/serviceaccount/service-account.name']
  const uid: string = bound?.serviceaccount?.uid ?? payload['kubernetes.io/serviceaccount/service-account.uid']
  if (payload.exp !== undefined && payload.exp * 1000 < now) return undefined
  const account = store.get('serviceaccounts', namespace, name)
  if (!account || account.metadata.uid !== uid) return undefined
  if (bound?.pod) {
    const pod = store.get('pods', namespace, bound.pod.name)
    if (!pod || pod.metadata.uid !== bound.pod.uid) return undefined
  }
  const secret = payload['kubernetes.io/serviceaccount/secret.name']
  if (secret && !store.get('secrets', namespace, secret)) return undefined
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    ...(payload.aud ? { audiences: payload.aud } : {}),
    ...(bound
      ? { extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${payload.jti}`], ...(bound.node ? { 'authentication.kubernetes.io/node-name': [bound.node.name], 'authentication.kubernetes.io/node-uid': [bound.node.uid] } : {}), ...(bound.pod ? { 'authentication.kubernetes.io/pod-name': [bound.pod.name], 'authentication.kubernetes.io/pod-uid': [bound.pod.uid] } : {}) } }
      : {}),
  }
}
