/** REST paths into their parts (apiserver's RequestInfo): verb, group, version, namespace, resource, name, subresource. */
import type { ApiRequest } from './types.ts'

export interface RequestInfo {
  readonly isResource: boolean
  /** get, list, watch, create, update, patch, delete, deletecollection; for other paths the method in lower case. */
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly resource: string
  readonly name: string
  readonly subresource: string
  /** What follows the subresource (`proxy/…`). */
  readonly rest: string
  readonly path: string
}

const methodVerbs: Record<string, string> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete', OPTIONS: 'options' }

export function requestInfo(request: ApiRequest): RequestInfo {
  const { path } = request
  const parts = path.split('/').filter((p) => p !== '')
  const none: RequestInfo = { isResource: false, verb: request.method.toLowerCase(), group: '', version: '', namespace: '', resource: '', name: '', subresource: '', rest: '', path }
  let group = ''
  let rest: string[]
  if (parts[0] === 'api') {
    if (parts.length < 3) return none
    rest = parts.slice(1)
  } else if (parts[0] === 'apis') {
    if (parts.length < 4) return none
    group = parts[1]!
    rest = parts.slice(2)
  } else return none
  const version = rest[0]!
  rest = rest.slice(1)
  let verb = methodVerbs[request.method] ?? ''
  if (rest[0] === 'watch' && rest.length > 1) {
    verb = 'watch'
    rest = rest.slice(1)
  }
  let namespace = ''
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1]!
    if (rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') rest = rest.slice(2)
  }
  const [resource = '', name = '', subresource = ''] = rest.map(unescapeSegment)
  if (name === '' && verb === 'get') verb = 'list'
  if (name === '' && verb === 'delete') verb = 'deletecollection'
  const watch = request.query.get('watch')?.[0]
  if ((verb === 'list' || (verb === 'get' && /metadata\.name/.test(request.query.get('fieldSelector')?.[0] ?? ''))) && watch !== undefined && watch !== 'false' && watch !== '0') verb = 'watch'
  return { isResource: true, verb, group, version, namespace: unescapeSegment(namespace), resource, name, subresource, rest: rest.slice(3).join('/'), path }
}

/** A segment without its escapes; what is no escape, or no text, stays as it is. */
function unescapeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
