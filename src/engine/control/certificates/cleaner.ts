/** Deletes certificate requests that nobody needs any more: an hour after they were approved, denied or failed, a day after they were made (pkg/controller/certificates/cleaner). */
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import type { ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'

const hour = 3_600_000
/** How often upstream looks. */
const period = hour

/** When a request has had its time; undefined: it is not there any more. */
function dueTime({ metadata, status }: CertificateSigningRequest): number {
  const made = Date.parse(metadata.creationTimestamp ?? '')
  const ends = (status?.conditions ?? []).filter((c) => ['Approved', 'Denied', 'Failed'].includes(c.type)).map((c) => Date.parse(c.lastUpdateTime ?? '') + hour)
  return Math.min(made + 24 * hour, ...ends)
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
      for (const csr of cache.list()) if (dueTime(csr) <= sim.now) tolerateGone(() => api.delete(certificatesigningrequests, undefined, csr.metadata.name))
      arm()
    }, { quiet: true })
  }
  cache.onAdd(arm)
}
