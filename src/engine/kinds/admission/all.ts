/** The plugins of a kubeadm control plane, in the order in which the server runs them. */
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import type { ApiServer } from '#engine/api/server.ts'
import { CustomResources } from '../customresourcedefinition/controller.ts'
import { ServiceAllocator } from '../service/allocator.ts'
import { claimResize } from './claim-resize.ts'
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { defaultTolerationSeconds, podTopologyLabels, priority, runtimeClass, taintNodes } from './pod-plugins.ts'
import { podSecurity } from './pod-security.ts'
import { rbacEscalation } from './rbac-escalation.ts'
import { ResourceQuota } from './resource-quota.ts'
import { serviceAccount } from './service-account.ts'
import { ValidatingPolicies } from './validating-policies.ts'
import { Webhooks } from './webhooks.ts'

export function kubeadmAdmission(server: ApiServer): readonly AdmissionPlugin[] {
  const { options, store } = server
  return [
    namespaceLifecycle, limitRanger, serviceAccount, taintNodes, priority, defaultTolerationSeconds, defaultStorageClass, runtimeClass, defaultIngressClass, podTopologyLabels,
    podSecurity, claimResize, rbacEscalation(server.rbac), new Webhooks(server, true), new ValidatingPolicies(server), new Webhooks(server, false), new ResourceQuota(store), new CustomResources(server),
    new ServiceAllocator({ store, get serviceCidr() { return options.serviceCidr ?? '10.96.0.0/12' }, nodePortRange: options.nodePortRange ?? [30000, 32767] }),
  ]
}
