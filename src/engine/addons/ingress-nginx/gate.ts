/** Who may pass: the ConfigMap's blocks, rate limits, passwords, an outside judge. What the answers say is answer.ts's. */
import { fromBase64 } from '#base/bytes.ts'
import { decodeCertificates, encodeCertificate, verifyChain } from '#engine/machine/certificates.ts'
import type { Certificate } from '#engine/machine/certificates.ts'
import type { OwnAnswer, Asked } from './answer.ts'
import { listed, ownPage } from './answer.ts'
import { matchesPassword } from './htpasswd.ts'
import type { Location } from './router.ts'
import type { Settings } from './settings.ts'

/** block-cidrs, block-user-agents, block-referers: entries as nginx's maps take them (`~*expression` or the whole text). */
export function blocked(asked: Asked, settings: Settings): OwnAnswer | undefined {
  const hit = (value: string | undefined, list: readonly string[]) => value !== undefined && list.some((e) => {
    if (!e.startsWith('~')) return e === value
    try {
      return new RegExp(e.replace(/^~\*?/, ''), e.startsWith('~*') ? 'i' : '').test(value)
    } catch {
      return false
    }
  })
  if (listed(settings.text('block-cidrs'), asked.client) || hit(asked.header('User-Agent'), settings.list('block-user-agents')) || hit(asked.header('Referer'), settings.list('block-referers'))) return ownPage(403)
  return undefined
}

/** nginx's limit_req without delay: a bucket per client and zone that leaks at the rate. */
export class Limits {
  readonly #buckets = new Map<string, { excess: number; at: number }>()
  readonly #connections = new Map<string, number>()

  /** undefined: go on. */
  request(location: Location, asked: Asked, now: number, settings: Settings): OwnAnswer | undefined {
    const a = location.annotations
    if (listed(a['limit-whitelist'] ?? a['limit-allowlist'], asked.client)) return undefined
    const burst = Number(a['limit-burst-multiplier'] ?? 5) || 5
    const own = `${location.ingress?.metadata.namespace}/${location.ingress?.metadata.name}`
    for (const [name, perMs] of [['limit-rps', 1 / 1000], ['limit-rpm', 1 / 60_000]] as const) {
      const rate = Number(a[name] ?? 0)
      if (!(rate > 0)) continue
      const key = `${name} ${own} ${asked.client}`
      const bucket = this.#buckets.get(key)
      const excess = bucket ? Math.max(0, bucket.excess - (now - bucket.at) * rate * perMs) + 1 : 0
      if (excess > rate * burst) return ownPage(Number(settings.text('limit-req-status-code')))
      this.#buckets.set(key, { excess, at: now })
    }
    return undefined
  }

  /** A place among the connections of a client; undefined: none is left. */
  enter(location: Location, asked: Asked): (() => void) | undefined {
    const most = Number(location.annotations['limit-connections'] ?? 0)
    if (!(most > 0) || listed(location.annotations['limit-whitelist'], asked.client)) return () => {}
    const key = `${location.ingress?.metadata.namespace}/${location.ingress?.metadata.name} ${asked.client}`
    const have = this.#connections.get(key) ?? 0
    if (have >= most) return undefined
    this.#connections.set(key, have + 1)
    return () => void this.#connections.set(key, (this.#connections.get(key) ?? 1) - 1)
  }
}

/** Data of a Secret `namespace/name`; undefined: there is none. */
export type SecretReader = (key: string) => Readonly<Record<string, string>> | undefined

const tlsPage = (what: string): OwnAnswer => ({ status: 400, headers: [['Content-Type', 'text/html']], body: `<html>\r\n<head><title>400 ${what}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<center>${what}</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n` })

/** auth-tls-secret: is the client's certificate signed by an authority of the secret? With what the backend is told about it. */
export function clientCertificate(location: Location, asked: Asked, chain: readonly Certificate[], now: number, secret: SecretReader): { readonly answer?: OwnAnswer; readonly headers: readonly (readonly [string, string])[] } {
  const a = location.annotations
  const name = a['auth-tls-secret']
  if (name === undefined || !asked.secure) return { headers: [] }
  const roots = decodeCertificates(secret(name.includes('/') ? name : `${location.ingress?.metadata.namespace ?? ''}/${name}`)?.['ca.crt'] ?? '')
  // A location whose authorities cannot be read is denied altogether.
  if (roots.length === 0) return { answer: ownPage(503), headers: [] }
  const mode = a['auth-tls-verify-client'] ?? 'on'
  const problem = chain.length === 0 ? 'NONE' : verifyChain(chain, { roots, now }) ? 'FAILED' : 'SUCCESS'
  const error = a['auth-tls-error-page']
  if (mode === 'on' ? problem !== 'SUCCESS' : mode === 'optional' && problem === 'FAILED') return { answer: error ? { ...ownPage(302), headers: [['Content-Type', 'text/html'], ['Location', error]] } : tlsPage(problem === 'NONE' ? 'No required SSL certificate was sent' : 'The SSL certificate error'), headers: [] }
  const subject = (c: Certificate) => [`CN=${c.subject.commonName}`, ...c.subject.organizations.map((o) => `O=${o}`)].join(',')
  return { headers: [['ssl-client-verify', problem], ['ssl-client-subject-dn', chain[0] ? subject(chain[0]) : ''], ...(/^true$/.test(a['auth-tls-pass-certificate-to-upstream'] ?? '') && chain[0] ? [['ssl-client-cert', encodeURIComponent(encodeCertificate(chain[0]))] as const] : [])] }
}

/** auth-type basic. */
export function basicAuth(location: Location, asked: Asked, secret: SecretReader): OwnAnswer | undefined {
  const a = location.annotations
  if (a['auth-type'] !== 'basic') return undefined
  const name = a['auth-secret'] ?? ''
  const data = secret(name.includes('/') ? name : `${location.ingress?.metadata.namespace ?? ''}/${name}`)
  const lines = a['auth-secret-type'] === 'auth-map' ? Object.entries(data ?? {}).map(([user, hash]) => `${user}:${hash}`) : (data?.['auth'] ?? '').split('\n')
  // A location whose password file cannot be made is denied altogether.
  if (!data || (a['auth-secret-type'] !== 'auth-map' && data['auth'] === undefined)) return ownPage(503)
  const given = /^Basic\s+(\S+)$/i.exec(asked.header('Authorization') ?? '')
  const text = given ? (fromBase64(given[1]!) ?? '') : ''
  const colon = text.indexOf(':')
  if (colon >= 0) {
    const [user, password] = [text.slice(0, colon), text.slice(colon + 1)]
    const line = lines.find((l) => l.startsWith(`${user}:`))
    if (line !== undefined && matchesPassword(line.slice(user.length + 1).trim(), password)) return undefined
  }
  const answer = ownPage(401)
  return { ...answer, headers: [...answer.headers, ['WWW-Authenticate', `Basic realm="${a['auth-realm'] ?? ''}"`]] }
}
