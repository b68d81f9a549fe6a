/** Impersonate-User and its companions: who the request speaks for, when the caller may. */
import type { AuthorizationAttributes } from './server.ts'
import type { ApiRequest, UserInfo } from './types.ts'
import { forbiddenError } from './forbidden.ts'

export function impersonate(request: ApiRequest, allowed: (attributes: AuthorizationAttributes) => boolean): UserInfo {
  const name = request.headers.get('impersonate-user')
  if (name === undefined) return request.user
  const check = (attributes: AuthorizationAttributes) => {
    if (!allowed(attributes)) throw forbiddenError(request.user, attributes)
  }
  const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)
  if (serviceAccount) check({ verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace: serviceAccount[1]!, name: serviceAccount[2]! })
  else check({ verb: 'impersonate', group: '', resource: 'users', name })
  const given = (request.headers.get('impersonate-group') ?? '').split(',').map((g) => g.trim()).filter((g) => g !== '')
  for (const group of given) check({ verb: 'impersonate', group: '', resource: 'groups', name: group })
  const groups = [...given]
  if (serviceAccount && groups.length === 0) groups.push('system:serviceaccounts', `system:serviceaccounts:${serviceAccount[1]}`)
  if (!groups.includes('system:authenticated') && !groups.includes('system:unauthenticated') && name !== 'system:anonymous') groups.push('system:authenticated')
  if (name === 'system:anonymous' && !groups.includes('system:unauthenticated')) groups.push('system:unauthenticated')
  return { name, groups }
}
