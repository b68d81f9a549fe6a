/** ReplicaSets: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { podSpecDefaults } from '../pod/defaults.ts'

export const replicaSetStrategy: Strategy & Partial<KindDefinition> = {
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
  selectableFields: (rs) => ({ 'status.replicas': String(rs.status?.replicas ?? 0) }),
  scale: { specPath: '.spec.replicas', statusPath: '.status.replicas', selectorPath: '.spec.selector' },
}
