/** Validation of the kinds that have no strategy folder of their own, by `plural.group`. */
import type { Strategy } from '#engine/api/kind.ts'
import { validateCronJob, validateJob } from './job/validation.ts'
import { validateAdmissionBinding, validateAdmissionPolicy, validateWebhooks } from './shared/admission-validation.ts'
import { validateClaim } from './persistentvolumeclaim/validation.ts'
import {
  validateAttachment, validateBinding, validateIpAddress, validateNode, validateServiceCidr, validateClusterRole, validateConfigMap, validateEvent, validateLease, validatePriorityClass, validateRole, validateRuntimeClass, validateSecret, validateSigningRequest, validateStorageClass, validateVolume,
} from './shared/object-validation.ts'
import { validateAttributesClass, validateCsiNode, validatePodTemplateObject, validateRevision, validateStorageCapacity } from './shared/rare-validation.ts'
import { validateAutoscaler, validateDisruptionBudget, validateLimitRange, validateQuota } from './shared/policy-validation.ts'

export const validations: Readonly<Record<string, NonNullable<Strategy['validate']>>> = {
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': validateWebhooks,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': validateWebhooks,
  'validatingadmissionpolicies.admissionregistration.k8s.io': validateAdmissionPolicy,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': validateAdmissionBinding,
  podtemplates: validatePodTemplateObject,
  'controllerrevisions.apps': validateRevision,
  'csinodes.storage.k8s.io': validateCsiNode,
  'csistoragecapacities.storage.k8s.io': validateStorageCapacity,
  'volumeattributesclasses.storage.k8s.io': validateAttributesClass,
  nodes: validateNode,
  'servicecidrs.networking.k8s.io': validateServiceCidr,
  'ipaddresses.networking.k8s.io': validateIpAddress,
  configmaps: validateConfigMap,
  secrets: validateSecret,
  persistentvolumes: validateVolume,
  persistentvolumeclaims: validateClaim,
  limitranges: validateLimitRange,
  resourcequotas: validateQuota,
  events: validateEvent,
  'jobs.batch': validateJob,
  'cronjobs.batch': validateCronJob,
  'horizontalpodautoscalers.autoscaling': validateAutoscaler,
  'poddisruptionbudgets.policy': validateDisruptionBudget,
  'roles.rbac.authorization.k8s.io': validateRole,
  'clusterroles.rbac.authorization.k8s.io': validateClusterRole,
  'rolebindings.rbac.authorization.k8s.io': validateBinding(true),
  'clusterrolebindings.rbac.authorization.k8s.io': validateBinding(false),
  'storageclasses.storage.k8s.io': validateStorageClass,
  'volumeattachments.storage.k8s.io': validateAttachment,
  'priorityclasses.scheduling.k8s.io': validatePriorityClass,
  'runtimeclasses.node.k8s.io': validateRuntimeClass,
  'leases.coordination.k8s.io': validateLease,
  'certificatesigningrequests.certificates.k8s.io': validateSigningRequest,
}
