/**
 * Deletes certificate requests that nobody needs any more: an hour after they were issued, denied or failed, a day after they were made when nobody decided
 * (pkg/controller/certificates/cleaner). A certificate's end is taken
 * from what was asked for, not read out of it.
 */
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import type { ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'

const hour = 3_600_000
/** How often upstream looks. */
const period = hour

/** When a request has had its time, in ms; undefined: it stays (approved, but nobody signs it). */
function dueTime({ metadata, spec, status }: CertificateSigningRequest): number | undefined {
  const conditions = status?.conditions ?? []
  if (conditions.length === 0) return Date.parse(metadata.creationTimestamp ?? '') + 24 * hour
  const issued = Math.min(hour, (spec.expirationSeconds ?? Infinity) * 1000)
  const ends = conditions.filter((c) => c.type === 'Denied' || c.type === 'Failed' || (c.type === 'Approved' && status?.certificate)).map((c) => Date.parse(c.lastUpdateTime ?? '') + (c.type === 'Approved' ? issued : hour))
  return ends.length === 0 ? undefined : Math.min(...ends)
}

export function startCertificateCleaner(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<CertificateSigningRequest>(certificatesigningrequests)
  const started = sim.now
  let armed = false
  const arm = () => {
    if (armed || cache.list().length === 0) return
    armed = true
    const next = started + Math.ceil((sim.now - started + 1) / period) * period
    context.after(next - sim.now, () => {
      armed = false
      for (const csr of cache.list()) if ((dueTime(csr) ?? Infinity) < sim.now) tolerateGone(() => api.delete(certificatesigningrequests, undefined, csr.metadata.name))
      arm()
    }, { quiet: true })
  }
  cache.onAdd(arm)
}
