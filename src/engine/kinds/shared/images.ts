/** Image references as docker's distribution parser splits them. */
export interface ImageReference {
  readonly repository: string
  readonly tag: string
  readonly digest: string
}

const path = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const domain = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?|\\[[0-9a-fA-F:]+\\](?::[0-9]+)?'
const pattern = new RegExp(`^((?:(?:${domain})/)?${path}(?:/${path})*)(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`)

/** undefined when it cannot be parsed. A reference without tag and digest has tag `latest`. */
export function parseImage(text: string): ImageReference | undefined {
  const m = pattern.exec(text)
  if (!m) return undefined
  const digest = m[3] ?? ''
  return { repository: m[1]!, tag: m[2] ?? (digest === '' ? 'latest' : ''), digest }
}
