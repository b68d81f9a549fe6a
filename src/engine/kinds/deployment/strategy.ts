/** Deployments: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { podSpecDefaults } from '../pod/defaults.ts'

export const deploymentStrategy: Strategy & Partial<KindDefinition> = {
  defaults(d) {
    const spec = (d.spec ??= {})
    podSpecDefaults(spec.template?.spec)
    spec.replicas ??= 1
    const strategy = (spec.strategy ??= {})
    strategy.type ||= 'RollingUpdate'
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {}
      strategy.rollingUpdate.maxUnavailable ??= '25%'
      strategy.rollingUpdate.maxSurge ??= '25%'
    }
    spec.revisionHistoryLimit ??= 10
    spec.progressDeadlineSeconds ??= 600
  },
  prepareForCreate(d) {
    d.status = {}
  },
  prepareForUpdate(d, old) {
    d.status = old.status
  },
  prepareForStatusUpdate(d, old) {
    d.spec = old.spec
    if (old.metadata.labels) d.metadata.labels = old.metadata.labels
    else delete d.metadata.labels
  },
  scale: { specPath: '.spec.replicas', statusPath: '.status.replicas', selectorPath: '.spec.selector' },
}
