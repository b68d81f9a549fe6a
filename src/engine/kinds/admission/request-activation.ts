/** Values of the names that expressions of policies and match conditions may use. */
import type { AdmissionAttributes } from '#engine/api/admission.ts'
import type { Activation } from '#engine/api/cel/evaluate.ts'
import { authorizerValue, type Authorize, requestResourceValue } from '#engine/api/cel/libraries.ts'
import { parseTimestamp } from '#engine/api/cel/time.ts'
import { CelMap, fromJson, type Value } from '#engine/api/cel/values.ts'
import { copy, type Loose } from '#engine/api/loose.ts'
import type { ApiServer } from '#engine/api/server.ts'

function requestValue(a: AdmissionAttributes): Value {
  const { kind, context } = a
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind }
  const gvr = { group: kind.group, version: kind.version, resource: kind.plural }
  const { name, uid, groups, extra } = context.user
  return fromJson({
    kind: gvk, resource: gvr, requestKind: gvk, requestResource: gvr, ...(a.subresource ? { subResource: a.subresource, requestSubResource: a.subresource } : {}), name: a.name, ...(a.namespace ? { namespace: a.namespace } : {}), operation: a.operation,
    userInfo: { username: name, ...(uid ? { uid } : {}), groups: [...groups], extra: extra ?? {} }, dryRun: context.dryRun, options: {},
  })
}

function namespaceValue(ns: Loose): Value {
  if (!ns) return null
  const value = fromJson({ metadata: ns.metadata, spec: ns.spec ?? {}, status: ns.status ?? {} }) as CelMap
  const metadata = value.get('metadata') as CelMap
  const { creationTimestamp, deletionTimestamp } = ns.metadata
  if (creationTimestamp) metadata.set('creationTimestamp', parseTimestamp(creationTimestamp) ?? null)
  if (deletionTimestamp) metadata.set('deletionTimestamp', parseTimestamp(deletionTimestamp) ?? null)
  return value
}

/** The object as the server would write it: without what is empty. */
function encoded(server: ApiServer, a: AdmissionAttributes): Loose {
  if (a.object === undefined) return undefined
  const out = copy(a.object) as Loose
  server.registry.settle?.(a.kind, out)
  return out
}

export function requestActivation(server: ApiServer, a: AdmissionAttributes, extra: Iterable<readonly [string, Value | (() => Value)]> = []): Activation {
  const { user } = a.context
  const authorize: Authorize = ({ path, ...rest }, account) => {
    const who = account === undefined ? user : { name: `system:serviceaccount:${account.namespace}:${account.name}`, groups: ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`, 'system:authenticated'] }
    return server.authorize(who, path === undefined ? { group: '', ...rest } : { verb: rest.verb, path })
  }
  const own = { group: a.kind.group, resource: a.kind.plural, ...(a.subresource ? { subresource: a.subresource } : {}), ...(a.namespace ? { namespace: a.namespace } : {}), ...(a.name ? { name: a.name } : {}) }
  return new Map<string, Value | (() => Value)>([
    ['object', () => fromJson(encoded(server, a))],
    ['oldObject', () => fromJson(a.old)],
    ['request', () => requestValue(a)],
    ['namespaceObject', () => namespaceValue(a.namespace === '' ? undefined : a.context.find('namespaces', '', a.namespace))],
    ['authorizer', () => authorizerValue(authorize)],
    ['authorizer.requestResource', () => requestResourceValue(authorize, own)],
    ...extra,
  ])
}
