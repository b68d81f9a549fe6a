/** One object on its way through the kustomizations: what it is now and by which names others may still call it. */
import type { KubeObject } from '#engine/api/types.ts'

export type Fields = Record<string, unknown>

export interface Item {
  object: KubeObject
  /** Every name that it has had, the first one first; references are looked up among them. */
  names: string[]
  /** Every namespace that it has had. */
  namespaces: string[]
  /** A generated map or secret whose name gets a hash at the very end. */
  hashed: boolean
  behaviour?: 'create' | 'merge' | 'replace'
}

export function itemOf(object: KubeObject, hashed = false): Item {
  return { object, names: [object.metadata.name], namespaces: [object.metadata.namespace ?? ''], hashed }
}

export function rename(item: Item, name: string): void {
  item.object.metadata.name = name
  if (!item.names.includes(name)) item.names.push(name)
}

export function move(item: Item, namespace: string): void {
  item.object.metadata.namespace = namespace
  if (!item.namespaces.includes(namespace)) item.namespaces.push(namespace)
}

const clusterKinds = new Set([
  'APIService', 'CSIDriver', 'CSINode', 'CertificateSigningRequest', 'ClusterRole', 'ClusterRoleBinding', 'ComponentStatus', 'CustomResourceDefinition', 'FlowSchema', 'GatewayClass', 'IngressClass',
  'MutatingWebhookConfiguration', 'Namespace', 'Node', 'PersistentVolume', 'PriorityClass', 'PriorityLevelConfiguration', 'RuntimeClass', 'StorageClass', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration', 'VolumeAttachment',
])

export function isClusterScoped(kind: string): boolean {
  return clusterKinds.has(kind)
}

/** Deployment.v1.apps/web.shop, as messages name an object. */
export function idOf(object: KubeObject, name = object.metadata.name, namespace = object.metadata.namespace ?? ''): string {
  const [group, version] = object.apiVersion.includes('/') ? (object.apiVersion.split('/') as [string, string]) : ['[noGrp]', object.apiVersion]
  return `${object.kind}.${version}.${group}/${name}.${namespace === '' ? '[noNs]' : namespace}`
}

const templatePaths: Record<string, readonly string[]> = {
  Deployment: ['spec', 'template'], ReplicaSet: ['spec', 'template'], DaemonSet: ['spec', 'template'], StatefulSet: ['spec', 'template'], ReplicationController: ['spec', 'template'], Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
}

/** The pod template of a workload. */
export function templateOf(object: KubeObject): Fields | undefined {
  const path = templatePaths[object.kind]
  return path && path.reduce<Fields | undefined>((at, key) => at?.[key] as Fields | undefined, object as unknown as Fields)
}

export function podSpecOf(object: KubeObject): Fields | undefined {
  return (object.kind === 'Pod' ? object['spec'] : templateOf(object)?.['spec']) as Fields | undefined
}

/** The value at a path in which `name[]` goes into every member of a list: calls back with the holder and the key of each. */
export function visit(at: unknown, path: readonly string[], found: (holder: Fields, key: string) => void): void {
  if (typeof at !== 'object' || at === null) return
  const [head, ...rest] = path as [string, ...string[]]
  const list = head.endsWith('[]')
  const key = list ? head.slice(0, -2) : head
  const holder = at as Fields
  if (holder[key] === undefined) return
  if (rest.length === 0) found(holder, key)
  else if (list) for (const member of Array.isArray(holder[key]) ? holder[key] : []) visit(member, rest, found)
  else visit(holder[key], rest, found)
}
