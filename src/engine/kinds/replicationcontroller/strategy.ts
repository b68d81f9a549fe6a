/** ReplicationControllers: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { podSpecDefaults } from '../pod/defaults.ts'

export const replicationControllerStrategy: Strategy & Partial<KindDefinition> = {
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
