/** CustomResourceDefinitions: defaults and life. Serving the kinds that they define is the controller's work (controller.ts). */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { each } from '../shared/defaults.ts'
import { validateCrd, validateCrdUpdate } from './validation.ts'

export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io'

export function setCondition(crd: Loose, type: string, status: string, reason: string, message: string, now: string): void {
  const conditions: Loose[] = (crd.status.conditions ?? []).filter((c: Loose) => c.type !== type)
  const before = (crd.status.conditions ?? []).find((c: Loose) => c.type === type)
  crd.status.conditions = [...conditions, { type, status, lastTransitionTime: before?.status === status ? before.lastTransitionTime : now, reason, message }]
}

export const crdStrategy: Strategy & Partial<KindDefinition> = {
  defaults(crd) {
    const spec = (crd.spec ??= {})
    const names = (spec.names ??= {})
    if (!names.singular) names.singular = String(names.kind ?? '').toLowerCase()
    if (!names.listKind && names.kind) names.listKind = `${names.kind}List`
    spec.conversion ??= { strategy: 'None' }
    each(spec.versions, (v) => {
      if (v.conversion?.webhook?.clientConfig?.service) v.conversion.webhook.clientConfig.service.port ??= 443
    })
    if (spec.conversion?.webhook?.clientConfig?.service) spec.conversion.webhook.clientConfig.service.port ??= 443
  },
  prepareForCreate(crd) {
    const storage = (crd.spec.versions ?? []).find((v: Loose) => v.storage)
    crd.status = { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: storage ? [storage.name] : null }
  },
  prepareForUpdate(crd, old) {
    crd.status = { ...old.status }
    const storage = (crd.spec.versions ?? []).find((v: Loose) => v.storage)
    const stored: string[] = crd.status.storedVersions ?? []
    if (storage && !stored.includes(storage.name)) crd.status.storedVersions = [...stored, storage.name]
  },
  plainFinalizers: true,
  plainDeletion: true,
  validate: validateCrd,
  validateUpdate: validateCrdUpdate,
  generationChanges: (crd, old) => !equal(crd.spec, old.spec),
  gracePeriod(crd, _requested, context) {
    // Instances go first: a finalizer that the server itself takes away.
    if ((crd.status?.conditions ?? []).some((c: Loose) => c.type === 'Established' && c.status === 'True') && !crd.metadata.deletionTimestamp) {
      crd.metadata.finalizers = [...new Set([...(crd.metadata.finalizers ?? []), CLEANUP])]
      crd.status = { ...crd.status }
      setCondition(crd, 'Terminating', 'True', 'InstanceDeletionPending', 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon', context.now)
    }
    return 0
  },
}
