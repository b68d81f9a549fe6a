/**
 * Names that objects hold of one another follow when prefixes, suffixes, hashes and namespaces change them (kustomize's name reference
 * transformer with its default table). Left out: references of kinds that practice tasks do not meet.
 */
import { podSpecOf, visit, type Fields, type Item } from './item.ts'

/** Kind of what is meant → paths inside a pod spec. */
const inPods: readonly (readonly [string, string])[] = [
  ['ConfigMap', 'volumes[].configMap.name'], ['ConfigMap', 'volumes[].projected.sources[].configMap.name'],
  ...['containers[]', 'initContainers[]', 'ephemeralContainers[]'].flatMap((c) => [['ConfigMap', `${c}.env[].valueFrom.configMapKeyRef.name`], ['ConfigMap', `${c}.envFrom[].configMapRef.name`], ['Secret', `${c}.env[].valueFrom.secretKeyRef.name`], ['Secret', `${c}.envFrom[].secretRef.name`]] as const),
  ['Secret', 'volumes[].secret.secretName'], ['Secret', 'volumes[].projected.sources[].secret.name'], ['Secret', 'imagePullSecrets[].name'], ['ServiceAccount', 'serviceAccountName'],
  ['PersistentVolumeClaim', 'volumes[].persistentVolumeClaim.claimName'], ['PriorityClass', 'priorityClassName'],
]

/** Kind of the holder, kind of what is meant, path. */
const elsewhere: readonly (readonly [string, string, string])[] = [
  ['Ingress', 'Service', 'spec.rules[].http.paths[].backend.service.name'], ['Ingress', 'Service', 'spec.defaultBackend.service.name'], ['Ingress', 'Secret', 'spec.tls[].secretName'], ['Ingress', 'IngressClass', 'spec.ingressClassName'],
  ['StatefulSet', 'Service', 'spec.serviceName'], ['StatefulSet', 'StorageClass', 'spec.volumeClaimTemplates[].spec.storageClassName'],
  ['PersistentVolume', 'StorageClass', 'spec.storageClassName'], ['PersistentVolumeClaim', 'StorageClass', 'spec.storageClassName'], ['PersistentVolumeClaim', 'PersistentVolume', 'spec.volumeName'],
  ['PersistentVolume', 'PersistentVolumeClaim', 'spec.claimRef.name'], ['ServiceAccount', 'Secret', 'imagePullSecrets[].name'], ['ServiceAccount', 'Secret', 'secrets[].name'],
  ['APIService', 'Service', 'spec.service.name'], ['ValidatingWebhookConfiguration', 'Service', 'webhooks[].clientConfig.service.name'], ['MutatingWebhookConfiguration', 'Service', 'webhooks[].clientConfig.service.name'],
]

/** Holders whose reference says the kind itself. */
const byOwnKind: Record<string, string> = { HorizontalPodAutoscaler: 'spec.scaleTargetRef', RoleBinding: 'roleRef', ClusterRoleBinding: 'roleRef' }

export function followNames(items: readonly Item[]): void {
  for (const item of items) {
    const target = (kind: string, name: unknown, namespace?: string) => items.find((other) => other.object.kind === kind && other.names.includes(String(name)) && (namespace === undefined || other.namespaces.includes(namespace)))
    const follow = (kind: string) => (holder: Fields, key: string) => {
      const other = target(kind, holder[key], kind === 'ConfigMap' || kind === 'Secret' || kind === 'Service' ? (typeof holder['namespace'] === 'string' ? holder['namespace'] : (item.object.metadata.namespace ?? '')) : undefined) ?? undefined
      if (!other) return
      holder[key] = other.object.metadata.name
      if (typeof holder['namespace'] === 'string' && other.object.metadata.namespace !== undefined) holder['namespace'] = other.object.metadata.namespace
    }
    const spec = podSpecOf(item.object)
    if (spec) for (const [kind, path] of inPods) visit(spec, path.split('.'), follow(kind))
    for (const [holder, kind, path] of elsewhere) if (holder === item.object.kind) visit(item.object, path.split('.'), follow(kind))
    const own = byOwnKind[item.object.kind]
    if (own !== undefined) visit(item.object, own.split('.'), (holder, key) => {
      const reference = holder[key] as Fields
      const other = target(String(reference['kind']), reference['name'])
      if (other) reference['name'] = other.object.metadata.name
    })
    for (const subject of (item.object['subjects'] as Fields[] | undefined) ?? []) {
      if (subject['kind'] !== 'ServiceAccount') continue
      const other = target('ServiceAccount', subject['name'], typeof subject['namespace'] === 'string' ? subject['namespace'] : undefined) ?? target('ServiceAccount', subject['name'], item.object.metadata.namespace ?? '')
      if (!other) continue
      subject['name'] = other.object.metadata.name
      if (other.object.metadata.namespace !== undefined) subject['namespace'] = other.object.metadata.namespace
    }
  }
}
