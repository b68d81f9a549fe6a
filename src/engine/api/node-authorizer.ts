/**
 * The Node authorizer's graph: a kubelet may read those secrets, config maps, claims and volumes that pods on its node use, and ask for tokens of their
 * accounts. Worked out from the stored pods when asked. Leaves out: resource claims, volume attachments.
 */
import type { Loose } from './loose.ts'
import type { AuthorizationAttributes } from './server.ts'
import type { Store } from './store.ts'
import type { UserInfo } from './types.ts'

const PREFIX = 'system:node:'
const graphed = new Set(['secrets', 'configmaps', 'persistentvolumeclaims', 'persistentvolumes'])

const list = (value: Loose): Loose[] => value ?? []

/** Names of objects of a kind that a pod uses. */
function used(pod: Loose, resource: string): Set<string> {
  const names = new Set<string>()
  const add = (name: string | undefined) => name && names.add(name)
  const { spec } = pod
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

/** undefined: not the graph's business. */
export function nodeRefusal(store: Store, user: UserInfo, a: AuthorizationAttributes): string | undefined {
  if (!user.name.startsWith(PREFIX) || !user.groups.includes('system:nodes') || a.group || !graphed.has(a.resource ?? '') || a.subresource) return undefined
  const node = user.name.slice(PREFIX.length)
  const none = `no relationship found between node '${node}' and this object`
  if (!['get', 'list', 'watch'].includes(a.verb) || !a.name) return a.verb === 'get' || a.verb === 'list' || a.verb === 'watch' ? 'No Object name found' : undefined
  const pods = (store.list('pods') as Loose[]).filter((p) => p.spec.nodeName === node)
  if (a.resource === 'persistentvolumes') {
    const claim = (store.get('persistentvolumes', '', a.name) as Loose)?.spec?.claimRef
    return claim && pods.some((p) => p.metadata.namespace === claim.namespace && used(p, 'persistentvolumeclaims').has(claim.name)) ? undefined : none
  }
  return pods.some((p) => p.metadata.namespace === a.namespace && used(p, a.resource!).has(a.name!)) ? undefined : none
}
