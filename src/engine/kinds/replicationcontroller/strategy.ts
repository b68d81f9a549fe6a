/** ReplicationControllers: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal } from '#engine/api/loose.ts'
import { dns1123SubdomainErrors } from '#engine/api/names.ts'
import { podSpecDefaults } from '../pod/defaults.ts'
import { podNameWarnings, podSpecWarnings } from '../pod/warnings.ts'
import { validateReplicationControllerSpec } from '../shared/workload-validation.ts'

export const replicationControllerStrategy: Strategy & Partial<KindDefinition> = {
  // Validated declaratively, in its words.
  validateName: (name, prefix) => dns1123SubdomainErrors(name, prefix).map((text) => text.replace('must be no more than 253 characters', 'must be no more than 253 bytes')),
  validate: validateReplicationControllerSpec,
  warnings: (o, old) => [...(old ? [] : podNameWarnings(o.metadata.name)), ...(old && equal(o.spec.template, old.spec.template) ? [] : podSpecWarnings(o.spec?.template?.spec ?? {}, 'spec.template.spec'))],
  defaults(rc) {
    const spec = (rc.spec ??= {})
    podSpecDefaults(spec.template?.spec)
    const labels = spec.template?.metadata?.labels
    if (labels) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels }
      if (Object.keys(rc.metadata.labels ?? {}).length === 0) rc.metadata.labels = { ...labels }
    }
    spec.replicas ??= 1
  },
  prepareForCreate(rc) {
    rc.status = { replicas: 0 }
  },
  prepareForUpdate(rc, old) {
    rc.status = old.status
  },
  selectableFields: (rc) => ({ 'status.replicas': String(rc.status?.replicas ?? 0) }),
  scale: { specPath: '.spec.replicas', statusPath: '.status.replicas', selectorPath: '.spec.selector' },
}
