/** StatefulSets: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { dns1123LabelErrors } from '#engine/api/names.ts'
import { podSpecDefaults } from '../pod/defaults.ts'
import { fractional, podSpecWarnings } from '../pod/warnings.ts'
import { validateStatefulSetSpec } from '../shared/workload-validation.ts'
import { each } from '../shared/defaults.ts'

function claimTemplateWarnings(templates: Loose): string[] {
  const out: string[] = []
  for (const [i, t] of ((templates ?? []) as Loose[]).entries()) for (const field of ['limits', 'requests']) fractional(t.spec?.resources?.[field], `spec.volumeClaimTemplates[${i}].resources.${field}`, out)
  return out
}

export const statefulSetStrategy: Strategy & Partial<KindDefinition> = {
  validateName: dns1123LabelErrors,
  validate: (s, errors) => validateStatefulSetSpec(s, errors),
  validateUpdate: (s, old, errors) => validateStatefulSetSpec(s, errors, old),
  warnings: (o, old) => [...(old && equal(o.spec.template, old.spec.template) ? [] : podSpecWarnings(o.spec?.template?.spec ?? {}, 'spec.template.spec')), ...claimTemplateWarnings(o.spec?.volumeClaimTemplates)],
  defaults(s) {
    const spec = (s.spec ??= {})
    podSpecDefaults(spec.template?.spec)
    spec.podManagementPolicy ||= 'OrderedReady'
    const update = (spec.updateStrategy ??= {})
    if (!update.type) {
      update.type = 'RollingUpdate'
      update.rollingUpdate ??= {}
      update.rollingUpdate.partition ??= 0
    }
    if (update.type === 'RollingUpdate' && update.rollingUpdate) update.rollingUpdate.partition ??= 0
    spec.persistentVolumeClaimRetentionPolicy ??= {}
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain'
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain'
    spec.replicas ??= 1
    spec.revisionHistoryLimit ??= 10
    each(spec.volumeClaimTemplates, (claim) => {
      // The internal form has no place for another kind.
      claim.kind = 'PersistentVolumeClaim'
      claim.apiVersion = 'v1'
      claim.spec ??= {}
      claim.spec.volumeMode ??= 'Filesystem'
      claim.status = { ...claim.status, phase: claim.status?.phase || 'Pending' }
    })
  },
  prepareForCreate(s) {
    // Behind a feature gate that is off.
    delete s.spec.updateStrategy?.rollingUpdate?.maxUnavailable
    s.status = { replicas: 0, availableReplicas: 0 }
  },
  prepareForUpdate(s, old) {
    s.status = old.status
  },
  scale: { specPath: '.spec.replicas', statusPath: '.status.replicas', selectorPath: '.spec.selector' },
}
