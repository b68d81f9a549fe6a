/** How pods are created, changed and deleted (registry/core/pod/strategy.go). */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'
import { podDefaults } from './defaults.ts'
import { validateEphemeralUpdate } from './ephemeral-validation.ts'
import { qosClass } from './qos.ts'
import { validatePodUpdate, validateResize } from './update-validation.ts'
import { validatePod, validatePodSpec } from './validation.ts'
import { podWarnings } from './warnings.ts'

export const podStrategy: Strategy & Partial<KindDefinition> = {
  defaults: podDefaults,
  validate: validatePod,
  validateUpdate(pod, old, errors, context) {
    if (context.subresource === '') validatePodUpdate(pod, old, errors)
    else if (context.subresource === 'resize') validateResize(pod, old, errors)
    else if (context.subresource === 'ephemeralcontainers') {
      validatePodSpec(pod.spec, pod.metadata, 'spec', errors)
      validateEphemeralUpdate(pod, old, errors)
    }
  },
  warnings: (pod, old) => (old ? [] : podWarnings(pod)),
  prepareForCreate(pod, context) {
    pod.status = { phase: 'Pending', qosClass: qosClass(pod.spec) }
    if (pod.spec.schedulingGates?.length > 0) {
      pod.status.conditions = [
        { type: 'PodScheduled', status: 'False', lastProbeTime: null, lastTransitionTime: context.now, reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' },
      ]
    }
    if (pod.spec.schedulingGates?.length === 0) delete pod.spec.schedulingGates
  },
  prepareForUpdate(pod, old) {
    pod.status = old.status
  },
  prepareForStatusUpdate(pod, old) {
    pod.spec = old.spec
    pod.metadata.deletionTimestamp = old.metadata.deletionTimestamp
    if (old.metadata.deletionTimestamp === undefined) delete pod.metadata.deletionTimestamp
    if (pod.status) pod.status.qosClass ??= old.status?.qosClass
  },
  gracePeriod(pod, requested) {
    if (requested === 0) return 0
    if (pod.metadata.deletionTimestamp) return requested ?? pod.metadata.deletionGracePeriodSeconds ?? 0
    let period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0
    if (requested !== undefined && requested < 0) period = 1
    if (!pod.spec.nodeName || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') period = 0
    return period
  },
  selectableFields: (pod: Loose) => ({
    'spec.nodeName': pod.spec?.nodeName ?? '',
    'spec.restartPolicy': pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(pod.spec?.hostNetwork ?? false),
    'status.phase': pod.status?.phase ?? '',
    'status.podIP': pod.status?.podIP ?? '',
    'status.podIPs': pod.status?.podIP ?? '',
    'status.nominatedNodeName': pod.status?.nominatedNodeName ?? '',
  }),
}
