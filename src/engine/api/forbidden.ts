/** The words of a refused authorization (apiserver's handlers/responsewriters): who cannot do what, where. */
import type { AuthorizationAttributes } from './server.ts'
import { failure } from './status.ts'
import type { StatusError, UserInfo } from './types.ts'

export function forbiddenText(user: UserInfo, a: AuthorizationAttributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${a.verb}`
  if (a.path !== undefined) return `${who} path ${JSON.stringify(a.path)}`
  const resource = a.subresource ? `${a.resource}/${a.subresource}` : a.resource
  const what = `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(a.group ?? '')}`
  return a.namespace ? `${what} in the namespace ${JSON.stringify(a.namespace)}` : `${what} at the cluster scope`
}

export function forbiddenError(user: UserInfo, a: AuthorizationAttributes, reason = ''): StatusError {
  const text = forbiddenText(user, a) + (reason ? `: ${reason}` : '')
  if (a.path !== undefined) return failure(403, 'Forbidden', `forbidden: ${text}`, {})
  const resource = a.group ? `${a.resource}.${a.group}` : a.resource!
  const subject = a.name ? `${resource} ${JSON.stringify(a.name)}` : resource
  return failure(403, 'Forbidden', `${subject} is forbidden: ${text}`, { ...(a.name ? { name: a.name } : {}), ...(a.group ? { group: a.group } : {}), kind: a.resource! })
}
