/** Create-only kinds that ask instead of storing: access reviews, token reviews, who am I. */
import { userOfToken } from './authenticator.ts'
import type { Loose } from './loose.ts'
import type { KindDefinition, RequestContext } from './kind.ts'
import type { AuthorizationAttributes, ApiServer } from './server.ts'
import * as status from './status.ts'
import type { UserInfo } from './types.ts'
import { FieldErrors } from './field-errors.ts'

function attributesOf(spec: Loose): AuthorizationAttributes {
  const r = spec.resourceAttributes
  if (r) {
    return {
      verb: r.verb ?? '', group: r.group ?? '', resource: r.resource ?? '', ...(r.subresource ? { subresource: r.subresource } : {}), ...(r.namespace ? { namespace: r.namespace } : {}), ...(r.name ? { name: r.name } : {}),
    }
  }
  return { verb: spec.nonResourceAttributes?.verb ?? '', path: spec.nonResourceAttributes?.path ?? '' }
}

function access(server: ApiServer, kind: KindDefinition, object: Loose, user: UserInfo): void {
  const { spec = {} } = object
  const errors = new FieldErrors()
  if (spec.resourceAttributes && spec.nonResourceAttributes) errors.invalid('spec.nonResourceAttributes', { Path: spec.nonResourceAttributes.path ?? '', Verb: spec.nonResourceAttributes.verb ?? '' }, 'cannot be specified in combination with resourceAttributes')
  if (!spec.resourceAttributes && !spec.nonResourceAttributes) errors.invalid('spec.resourceAttributes', spec.resourceAttributes, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')
  if (errors.list.length > 0) throw status.invalid(kind.group, '', '', errors.list)
  const attributes = attributesOf(spec)
  const allowed = server.authorize(user, attributes)
  const reason = allowed ? server.grantReason(user, attributes) : server.denialReason(user, attributes)
  object.status = { allowed, ...(reason ? { reason } : {}) }
}

type Review = (server: ApiServer, kind: KindDefinition, object: Loose, context: RequestContext) => void

export const reviews: Readonly<Record<string, Review>> = {
  SelfSubjectAccessReview: (server, kind, object, context) => access(server, kind, object, context.user),
  SubjectAccessReview: (server, kind, object) => {
    const { spec = {} } = object
    const errors = new FieldErrors()
    if (!spec.user && !spec.groups?.length) errors.invalid('spec.user', spec.user ?? '', 'at least one of user or group must be specified')
    if (errors.list.length > 0) throw status.invalid(kind.group, '', '', errors.list)
    access(server, kind, object, { name: spec.user ?? '', groups: spec.groups ?? [] })
  },
  LocalSubjectAccessReview: (server, kind, object, context) => {
    const { spec = {} } = object
    if (!spec.resourceAttributes) throw status.badRequest('spec.resourceAttributes is required')
    if (spec.resourceAttributes.namespace !== context.namespace) {
      const errors = new FieldErrors()
      errors.invalid('spec.resourceAttributes.namespace', spec.resourceAttributes.namespace ?? '', 'must match metadata.namespace')
      throw status.invalid(kind.group, '', '', errors.list)
    }
    access(server, kind, object, { name: spec.user ?? '', groups: spec.groups ?? [] })
  },
  SelfSubjectRulesReview: (server, _kind, object, context) => {
    const namespace = object.spec?.namespace
    if (!namespace) throw status.badRequest('no namespace on request')
    const all = [...server.rbac.rulesOf(context.user, '').rules, ...server.rbac.rulesOf(context.user, namespace).rules]
    const masters = context.user.groups.includes('system:masters')
    object.status = {
      incomplete: false,
      resourceRules: [...(masters ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] : []), ...all.filter((r) => r.resources?.length).map((r) => ({ verbs: r.verbs, apiGroups: r.apiGroups, resources: r.resources, ...(r.resourceNames?.length ? { resourceNames: r.resourceNames } : {}) }))],
      nonResourceRules: [...(masters ? [{ verbs: ['*'], nonResourceURLs: ['*'] }] : []), ...all.filter((r) => r.nonResourceURLs?.length).map((r) => ({ verbs: r.verbs, nonResourceURLs: r.nonResourceURLs }))],
    }
  },
  SelfSubjectReview: (_server, _kind, object, context) => {
    const { user } = context
    object.metadata.creationTimestamp = context.now
    object.status = { userInfo: { username: user.name, ...(user.uid ? { uid: user.uid } : {}), groups: [...user.groups] } }
  },
  TokenReview: (server, _kind, object) => {
    const user = userOfToken(server.tokens, server.store, object.spec?.token ?? '', server.sim.now)
    if (!user) {
      object.status = { user: {}, error: '[invalid bearer token, service account token has been invalidated]' }
      return
    }
    object.status = { authenticated: true, user: { username: user.name, uid: user.uid, groups: [...user.groups], ...(user.extra ? { extra: user.extra } : {}) }, ...(user.audiences ? { audiences: [...user.audiences] } : {}) }
  },
}
