/** Service account tokens: JSON web tokens whose signature names the signing key (nothing is signed; see certificates.ts). */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { hex, sha256 } from '#base/sha.ts'
import type { UserInfo } from '#engine/api/types.ts'

export interface TokenClaims {
  readonly namespace: string
  readonly account: string
  readonly accountUid: string
  readonly pod?: { readonly name: string; readonly uid: string }
  readonly node?: { readonly name: string; readonly uid: string }
  readonly audiences: readonly string[]
  /** Seconds since the epoch. */
  readonly issuedAt: number
  readonly expires: number
}

const issuer = 'https://kubernetes.default.svc.cluster.local'
const url = (text: string) => toBase64(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const plain = (text: string) => fromBase64(text.replace(/-/g, '+').replace(/_/g, '/').padEnd(Math.ceil(text.length / 4) * 4, '='))
const signature = (body: string, key: string) => url(hex(sha256(`${key}.${body}`)) + hex(sha256(`${body}.${key}`)))

export function signToken(claims: TokenClaims, key: string): string {
  const header = url(JSON.stringify({ alg: 'RS256', kid: hex(sha256(key)).slice(0, 43) }))
  const payload = url(
    JSON.stringify({
      aud: claims.audiences.length > 0 ? claims.audiences : [issuer],
      exp: claims.expires,
      iat: claims.issuedAt,
      iss: issuer,
      'kubernetes.io': {
        namespace: claims.namespace,
        ...(claims.node ? { node: claims.node } : {}),
        ...(claims.pod ? { pod: claims.pod } : {}),
        serviceaccount: { name: claims.account, uid: claims.accountUid },
      },
      nbf: claims.issuedAt,
      sub: `system:serviceaccount:${claims.namespace}:${claims.account}`,
    }),
  )
  return `${header}.${payload}.${signature(`${header}.${payload}`, key)}`
}

/** Whose token it is; undefined when it is not one of ours, or has run out. `known` says whether the account still has this uid. */
export function verifyToken(token: string, key: string, now: number, known: (namespace: string, account: string, uid: string) => boolean): UserInfo | undefined {
  const [header = '', payload = '', sign = ''] = token.split('.')
  if (sign === '' || sign !== signature(`${header}.${payload}`, key)) return undefined
  const text = plain(payload)
  if (text === undefined) return undefined
  const claims = JSON.parse(text) as { exp: number; sub: string; 'kubernetes.io': { namespace: string; serviceaccount: { name: string; uid: string } } }
  if (claims.exp * 1000 < now) return undefined
  const { namespace, serviceaccount } = claims['kubernetes.io']
  if (!known(namespace, serviceaccount.name, serviceaccount.uid)) return undefined
  return { name: claims.sub, uid: serviceaccount.uid, groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'] }
}
