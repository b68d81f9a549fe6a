/**
 * CertificateSigningRequests (pkg/registry/certificates/certificates): the requestor is who sent it, `approval` changes conditions alone, `status` keeps
 * what `approval` decided. The check that a user may approve or sign for a signer is left out.
 */
import type { KindDefinition, RequestContext, Strategy } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'
import { pathSegmentErrors } from '#engine/api/names.ts'

const decisions = ['Approved', 'Denied']

function stamp(csr: Loose, old: Loose, now: string): void {
  for (const c of (csr.status?.conditions ?? []) as Loose[]) {
    const before = ((old.status?.conditions ?? []) as Loose[]).find((o) => o.type === c.type)
    c.lastTransitionTime ??= before?.status === c.status && before?.lastTransitionTime ? before.lastTransitionTime : now
    c.lastUpdateTime ??= now
  }
}

export const signingRequestStrategy: Strategy & Partial<KindDefinition> = {
  validateName: pathSegmentErrors,
  prepareForCreate(csr, context) {
    csr.spec.username = context.user.name
    if (context.user.uid) csr.spec.uid = context.user.uid
    csr.spec.groups = [...context.user.groups]
    if (context.user.extra) csr.spec.extra = Object.fromEntries(Object.entries(context.user.extra).map(([key, values]) => [key, [...values]]))
    csr.status = {}
  },
  prepareForUpdate(csr, old, context) {
    csr.spec = old.spec
    if (context.subresource !== 'approval') {
      csr.status = old.status
      return
    }
    csr.status = { ...old.status, conditions: csr.status?.conditions }
    if (csr.status.conditions === undefined) delete csr.status.conditions
    stamp(csr, old, context.now)
  },
  prepareForStatusUpdate(csr, old, context: RequestContext) {
    csr.spec = old.spec
    const own = ((csr.status?.conditions ?? []) as Loose[]).filter((c) => !decisions.includes(c.type))
    const kept = ((old.status?.conditions ?? []) as Loose[]).filter((c) => decisions.includes(c.type))
    if (own.length + kept.length > 0) csr.status = { ...csr.status, conditions: [...kept, ...own] }
    stamp(csr, old, context.now)
  },
  selectableFields: (csr) => ({ 'spec.signerName': csr.spec?.signerName ?? '' }),
}
