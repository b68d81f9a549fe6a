/** DaemonSets: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { podSpecDefaults } from '../pod/defaults.ts'
import { podSpecWarnings } from '../pod/warnings.ts'
import { selector } from '../update-rules.ts'
import { validateDaemonSetSpec } from '../shared/workload-validation.ts'

const GENERATION = 'deprecated.daemonset.template.generation'

function templateGeneration(ds: Loose, generation: number): void {
  ds.metadata.annotations = { ...ds.metadata.annotations, [GENERATION]: String(generation) }
}

export const daemonSetStrategy: Strategy & Partial<KindDefinition> = {
  versionAnnotations: [GENERATION],
  validate: validateDaemonSetSpec,
  validateUpdate(ds, old, errors) {
    selector(ds, old, errors)
    validateDaemonSetSpec(ds, errors)
  },
  warnings: (o, old) => [...(old && equal(o.spec.template, old.spec.template) ? [] : podSpecWarnings(o.spec?.template?.spec ?? {}, 'spec.template.spec'))],
  defaults(ds) {
    const spec = (ds.spec ??= {})
    podSpecDefaults(spec.template?.spec)
    const update = (spec.updateStrategy ??= {})
    update.type ||= 'RollingUpdate'
    if (update.type === 'RollingUpdate') {
      update.rollingUpdate ??= {}
      update.rollingUpdate.maxUnavailable ??= 1
      update.rollingUpdate.maxSurge ??= 0
    }
    spec.revisionHistoryLimit ??= 10
    // The number of the template is a field that only this annotation shows.
    if (ds.metadata.annotations?.[GENERATION] === undefined) templateGeneration(ds, 0)
  },
  prepareForCreate(ds) {
    ds.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }
    templateGeneration(ds, Number(ds.metadata.annotations?.[GENERATION] ?? 0) || 1)
  },
  prepareForUpdate(ds, old) {
    ds.status = old.status
    const before = Number(old.metadata.annotations?.[GENERATION] ?? 1)
    templateGeneration(ds, equal(ds.spec.template, old.spec.template) ? before : before + 1)
  },
}
