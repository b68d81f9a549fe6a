/** ReplicaSets: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal } from '#engine/api/loose.ts'
import { podSpecDefaults } from '../pod/defaults.ts'
import { podNameWarnings, podSpecWarnings } from '../pod/warnings.ts'
import { validateReplicaSetSpec } from '../shared/workload-validation.ts'

export const replicaSetStrategy: Strategy & Partial<KindDefinition> = {
  validate: (rs, errors) => validateReplicaSetSpec(rs.spec ?? {}, 'deployment', errors),
  warnings: (o, old) => [...(old ? [] : podNameWarnings(o.metadata.name)), ...(old && equal(o.spec.template, old.spec.template) ? [] : podSpecWarnings(o.spec?.template?.spec ?? {}, 'spec.template.spec'))],
  defaults(rs) {
    podSpecDefaults(rs.spec?.template?.spec)
    if (rs.spec) rs.spec.replicas ??= 1
  },
  prepareForCreate(rs) {
    rs.status = { replicas: 0 }
  },
  prepareForUpdate(rs, old) {
    rs.status = old.status
  },
  scale: { specPath: '.spec.replicas', statusPath: '.status.replicas', selectorPath: '.spec.selector' },
}
