/** Deployments: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal, semanticEqual } from '#engine/api/loose.ts'
import { podSpecDefaults } from '../pod/defaults.ts'
import { podNameWarnings, podSpecWarnings } from '../pod/warnings.ts'
import { validateDeploymentSpec } from '../shared/workload-validation.ts'

export const deploymentStrategy: Strategy & Partial<KindDefinition> = {
  validate: validateDeploymentSpec,
  warnings: (o, old) => [...(old ? [] : podNameWarnings(o.metadata.name)), ...(old && equal(o.spec.template, old.spec.template) ? [] : podSpecWarnings(o.spec?.template?.spec ?? {}, 'spec.template.spec'))],
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
  generationChanges: (d, old) => !equal(d.spec, old.spec) || !semanticEqual(d.metadata.annotations, old.metadata.annotations),
  prepareForStatusUpdate(d, old) {
    d.spec = old.spec
    if (old.metadata.labels) d.metadata.labels = old.metadata.labels
    else delete d.metadata.labels
  },
  scale: { specPath: '.spec.replicas', statusPath: '.status.replicas', selectorPath: '.spec.selector' },
}
