/** API versions that the server's code still knows but does not serve: bodies of these are understood, and then refused. */
import { type Loose } from './loose.ts'

const registered: Readonly<Record<string, readonly string[]>> = {
  'extensions/v1beta1': ['DaemonSet', 'Deployment', 'Ingress', 'NetworkPolicy', 'ReplicaSet'],
  'apps/v1beta1': ['ControllerRevision', 'Deployment', 'StatefulSet'],
  'apps/v1beta2': ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  'batch/v1beta1': ['CronJob'],
  'networking.k8s.io/v1beta1': ['IPAddress', 'Ingress', 'IngressClass', 'ServiceCIDR'],
  'policy/v1beta1': ['Eviction', 'PodDisruptionBudget'],
  'autoscaling/v2beta1': ['HorizontalPodAutoscaler'],
  'autoscaling/v2beta2': ['HorizontalPodAutoscaler'],
  'rbac.authorization.k8s.io/v1alpha1': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'rbac.authorization.k8s.io/v1beta1': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'storage.k8s.io/v1beta1': ['CSIDriver', 'CSINode', 'CSIStorageCapacity', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'],
  'scheduling.k8s.io/v1beta1': ['PriorityClass'],
  'coordination.k8s.io/v1beta1': ['Lease'],
  'discovery.k8s.io/v1beta1': ['EndpointSlice'],
  'events.k8s.io/v1beta1': ['Event'],
  'node.k8s.io/v1beta1': ['RuntimeClass'],
  'admissionregistration.k8s.io/v1beta1': ['MutatingWebhookConfiguration', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'ValidatingWebhookConfiguration'],
  'apiextensions.k8s.io/v1beta1': ['CustomResourceDefinition'],
  'apiregistration.k8s.io/v1beta1': ['APIService'],
}

export const isRegistered = (apiVersion: string, kind: string): boolean => registered[apiVersion]?.includes(kind) ?? false

/** Fields of today's version that the old one does not have; only Ingress differs in what people write. */
export function fieldsUnknownTo(apiVersion: string, value: Loose): string[] {
  if (value.kind !== 'Ingress' || !['extensions/v1beta1', 'networking.k8s.io/v1beta1'].includes(apiVersion)) return []
  const out: string[] = []
  if (value.spec?.defaultBackend !== undefined) out.push('spec.defaultBackend')
  for (const [i, rule] of ((value.spec?.rules ?? []) as Loose[]).entries()) {
    for (const [n, path] of ((rule.http?.paths ?? []) as Loose[]).entries()) if (path.backend?.service !== undefined) out.push(`spec.rules[${i}].http.paths[${n}].backend.service`)
  }
  return out
}
