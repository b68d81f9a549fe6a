/** Which describer writes the text of which kind. */
import type { KubeObject } from '#engine/api/types.ts'
import type { Invocation } from '../cli/invocation.ts'
import { groupResource, type Resource } from '../client/discovery.ts'
import {
  describeBinding, describeClaim, describeConfigMap, describeLimitRange, describeNamespace, describeNode, describePriorityClass, describeQuota, describeRole, describeSecret, describeServiceAccount, describeSigningRequest,
  describeStorageClass, describeVolume,
} from './cluster.ts'
import { eventsOf } from './events.ts'
import { describeGeneric } from './generic.ts'
import { describeAddress, describeEndpoints, describeIngress, describeIngressClass, describeNetworkPolicy, describeService, describeServiceCidr, describeSlice } from './network.ts'
import { describePod } from './pod.ts'
import { describeAutoscaler, describeBudget, describeCronJob, describeDaemonSet, describeDeployment, describeJob, describeReplicaSet, describeStatefulSet, type Describer } from './workloads.ts'

export const describers: Readonly<Record<string, Describer>> = {
  pods: (o, c) => Promise.resolve(describePod(o, c.events, c.now)),
  replicationcontrollers: describeReplicaSet,
  'deployments.apps': describeDeployment,
  'replicasets.apps': describeReplicaSet,
  'daemonsets.apps': describeDaemonSet,
  'statefulsets.apps': describeStatefulSet,
  'jobs.batch': describeJob,
  'cronjobs.batch': describeCronJob,
  'horizontalpodautoscalers.autoscaling': describeAutoscaler,
  'poddisruptionbudgets.policy': describeBudget,
  services: describeService,
  endpoints: describeEndpoints,
  'endpointslices.discovery.k8s.io': describeSlice,
  'ingresses.networking.k8s.io': describeIngress,
  'ingressclasses.networking.k8s.io': describeIngressClass,
  'networkpolicies.networking.k8s.io': describeNetworkPolicy,
  'servicecidrs.networking.k8s.io': describeServiceCidr,
  'ipaddresses.networking.k8s.io': describeAddress,
  nodes: describeNode,
  namespaces: describeNamespace,
  resourcequotas: describeQuota,
  limitranges: describeLimitRange,
  configmaps: describeConfigMap,
  secrets: describeSecret,
  serviceaccounts: describeServiceAccount,
  'roles.rbac.authorization.k8s.io': describeRole,
  'clusterroles.rbac.authorization.k8s.io': describeRole,
  'rolebindings.rbac.authorization.k8s.io': describeBinding,
  'clusterrolebindings.rbac.authorization.k8s.io': describeBinding,
  persistentvolumeclaims: describeClaim,
  persistentvolumes: describeVolume,
  'storageclasses.storage.k8s.io': describeStorageClass,
  'priorityclasses.scheduling.k8s.io': describePriorityClass,
  'certificatesigningrequests.certificates.k8s.io': describeSigningRequest,
}

/** Texts that never show events. */
const eventless = new Set(['secrets', 'networkpolicies.networking.k8s.io', 'resourcequotas', 'limitranges', 'namespaces', 'roles.rbac.authorization.k8s.io', 'clusterroles.rbac.authorization.k8s.io', 'rolebindings.rbac.authorization.k8s.io', 'clusterrolebindings.rbac.authorization.k8s.io'])

export async function describeObject(run: Invocation, resource: Resource, object: KubeObject, withEvents: boolean): Promise<string> {
  const key = groupResource(resource)
  const now = run.process.now()
  const named = { ...object, kind: object.kind ?? resource.kind }
  const events = withEvents && !eventless.has(key) ? await eventsOf(run, named) : undefined
  const describer = describers[key]
  return describer ? describer(named, { run, now, events }) : describeGeneric(named, events, now)
}
