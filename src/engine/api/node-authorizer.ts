/**
 * The Node authorizer's graph: a kubelet may read those secrets, config maps, claims and volumes that pods on its node use, and ask for tokens of their
 * accounts. Worked out from the stored pods when asked (plugin/pkg/auth/authorizer/node). Leaves out: resource claims, volume attachments, secrets
 * of volumes, and what a node may do with nodes, pods and leases, where ClusterRole system:node decides.
 */
import type { Loose } from './loose.ts'
import type { AuthorizationAttributes } from './server.ts'
import type { Store } from './store.ts'
import type { UserInfo } from './types.ts'

const PREFIX = 'system:node:'
const MIRROR = 'kubernetes.io/config.mirror'

const list = (value: Loose): Loose[] => value ?? []

/** Names of objects of a kind that a pod uses. */
function used(pod: Loose, resource: string): Set<string> {
  const names = new Set<string>()
  const add = (name: string | undefined) => name && names.add(name)
  const { spec } = pod
  if (resource === 'serviceaccounts') {
    add(spec.serviceAccountName)
    return names
  }
  const secrets = resource === 'secrets'
  for (const v of list(spec.volumes)) {
    if (resource === 'persistentvolumeclaims') {
      add(v.persistentVolumeClaim?.claimName)
      if (v.ephemeral) add(`${pod.metadata.name}-${v.name}`)
    }
    add(secrets ? v.secret?.secretName : resource === 'configmaps' ? v.configMap?.name : undefined)
    for (const s of list(v.projected?.sources)) add(secrets ? s.secret?.name : resource === 'configmaps' ? s.configMap?.name : undefined)
    if (secrets) add(v.csi?.nodePublishSecretRef?.name)
  }
  if (secrets) for (const s of list(spec.imagePullSecrets)) add(s.name)
  for (const c of [...list(spec.containers), ...list(spec.initContainers), ...list(spec.ephemeralContainers)]) {
    for (const f of list(c.envFrom)) add(secrets ? f.secretRef?.name : resource === 'configmaps' ? f.configMapRef?.name : undefined)
    for (const e of list(c.env)) add(secrets ? e.valueFrom?.secretKeyRef?.name : resource === 'configmaps' ? e.valueFrom?.configMapKeyRef?.name : undefined)
  }
  return names
}

const reading = new Set(['get', 'list', 'watch'])

/** Secrets and config maps: read by name, also watched. */
function readRefusal(a: AuthorizationAttributes): string | undefined {
  if (!reading.has(a.verb)) return 'can only read resources of this type'
  if (a.subresource) return 'cannot read subresource'
  if (!a.namespace) return 'can only read namespaced object of this type'
  return a.name ? undefined : 'No Object name found'
}

/** Claims and volumes: one at a time. */
function getRefusal(a: AuthorizationAttributes): string | undefined {
  if (a.verb !== 'get' || !a.name) return 'can only get individual resources of this type'
  return a.subresource ? 'cannot get subresource' : undefined
}

function accountRefusal(a: AuthorizationAttributes): string | undefined {
  if (a.verb === 'get' && !a.subresource) return readRefusal(a)
  if (a.verb !== 'create' || !a.name) return 'can only create tokens for individual service accounts'
  return a.subresource === 'token' ? undefined : 'can only create token subresource of serviceaccount'
}

/** Resource → what is wrong with a request, whichever object it names. */
const rules: Readonly<Record<string, (a: AuthorizationAttributes) => string | undefined>> = {
  secrets: readRefusal, configmaps: readRefusal, persistentvolumeclaims: getRefusal, persistentvolumes: getRefusal, serviceaccounts: accountRefusal,
}

function isRelated(store: Store, node: string, a: AuthorizationAttributes): boolean {
  // A mirror pod is its node's own word and opens nothing.
  const pods = (store.list('pods') as Loose[]).filter((p) => p.spec.nodeName === node && p.metadata.annotations?.[MIRROR] === undefined)
  if (a.resource !== 'persistentvolumes') return pods.some((p) => p.metadata.namespace === a.namespace && used(p, a.resource!).has(a.name!))
  const claim = (store.get('persistentvolumes', '', a.name!) as Loose)?.spec?.claimRef
  return claim !== undefined && pods.some((p) => p.metadata.namespace === claim.namespace && used(p, 'persistentvolumeclaims').has(claim.name))
}

/** Why the graph does not allow it, in upstream's words; undefined: it does, or it is not the graph's business. */
export function nodeRefusal(store: Store, user: UserInfo, a: AuthorizationAttributes): string | undefined {
  if (!user.name.startsWith(PREFIX) || !user.groups.includes('system:nodes') || a.group || a.resource === undefined || !Object.hasOwn(rules, a.resource)) return undefined
  // Growing a volume writes the status of its claim.
  if (a.resource === 'persistentvolumeclaims' && a.subresource === 'status') return undefined
  const node = user.name.slice(PREFIX.length)
  return rules[a.resource]!(a) ?? (isRelated(store, node, a) ? undefined : `no relationship found between node '${node}' and this object`)
}
