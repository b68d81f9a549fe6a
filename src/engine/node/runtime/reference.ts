/** Image references as docker's reference grammar and containerd read them: `nginx` is docker.io/library/nginx:latest. */
export interface Reference {
  /** docker.io */
  readonly domain: string
  /** library/nginx */
  readonly path: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

export type ParsedReference = { readonly ok: true; readonly reference: Reference } | { readonly ok: false; readonly error: string }

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/
const domainPattern = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?$/

/** What distribution/reference's ParseNormalizedNamed answers. */
export function parseReference(text: string): ParsedReference {
  const invalid = (why?: string): ParsedReference => ({ ok: false, error: `invalid reference format${why ? `: ${why}` : ''}` })
  if (/^[a-f0-9]{64}$/.test(text)) return invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`)
  let rest = text
  let digest: string | undefined
  const at = rest.indexOf('@')
  if (at >= 0) {
    digest = rest.slice(at + 1)
    rest = rest.slice(0, at)
    if (!digestPattern.test(digest)) return invalid()
  }
  const slash = rest.indexOf('/')
  const first = slash < 0 ? '' : rest.slice(0, slash)
  let domain = 'docker.io'
  if (slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first)) {
    domain = first === 'index.docker.io' ? 'docker.io' : first
    rest = rest.slice(slash + 1)
  }
  let tag: string | undefined
  const colon = rest.lastIndexOf(':')
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1)
    rest = rest.slice(0, colon)
    if (!tagPattern.test(tag)) return invalid()
  }
  if (domain === 'docker.io' && rest !== '' && !rest.includes('/')) rest = `library/${rest}`
  if (rest.toLowerCase() !== rest && rest.split('/').every((c) => component.test(c.toLowerCase()))) return invalid(`repository name (${rest}) must be lowercase`)
  if (!domainPattern.test(domain) || !rest.split('/').every((c) => component.test(c))) return invalid()
  return { ok: true, reference: { domain, path: rest, tag, digest } }
}

export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`
}

/** With the default tag filled in: `docker.io/library/nginx:latest`. */
export function canonical(reference: Reference): string {
  const name = repositoryOf(reference)
  if (reference.digest !== undefined) return `${name}@${reference.digest}`
  return `${name}:${reference.tag ?? 'latest'}`
}
