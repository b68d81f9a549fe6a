/** Bootstrap tokens as Secrets of kube-system: what they say and whether they have ended (k8s.io/cluster-bootstrap/token). */
import { fromBase64 } from '#base/bytes.ts'
import type { Secret } from '#engine/kinds/namespace/types.ts'

export const tokenNamespace = 'kube-system'
const tokenType = 'bootstrap.kubernetes.io/token'

export interface BootstrapToken {
  readonly id: string
  readonly secret: string
  /** ms; undefined: it never ends. */
  readonly expires: number | undefined
  readonly uses: ReadonlySet<string>
}

export function isTokenSecret(secret: Secret): boolean {
  return secret.metadata.namespace === tokenNamespace && secret.type === tokenType
}

export function readToken(secret: Secret): BootstrapToken | undefined {
  const get = (key: string) => fromBase64(secret.data?.[key] ?? '') ?? ''
  const id = get('token-id')
  if (!isTokenSecret(secret) || secret.metadata.name !== `bootstrap-token-${id}` || get('token-secret') === '') return undefined
  const time = Date.parse(get('expiration'))
  const uses = Object.keys(secret.data ?? {}).filter((k) => k.startsWith('usage-bootstrap-') && get(k) === 'true').map((k) => k.slice('usage-bootstrap-'.length))
  return { id, secret: get('token-secret'), expires: Number.isNaN(time) ? undefined : time, uses: new Set(uses) }
}
