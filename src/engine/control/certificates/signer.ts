/**
 * Issues the certificates of approved CertificateSigningRequests for the three signers of the cluster's own authority (pkg/controller/certificates/signer).
 * What a request may ask for is judged by signer (rules.ts).
 */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { keyOf, splitKey, timestamp, type ControllerContext } from '../controller.ts'
import { signerRules } from './rules.ts'

/** --cluster-signing-duration, seconds. */
const year = 365 * 24 * 3600
export function startSigningController(context: ControllerContext): void {
  const { api, sim } = context
  const { signer } = context.options
  if (!signer) return
  const cache = api.informer<CertificateSigningRequest>(certificatesigningrequests)
  const queue = context.queue((key) => {
    const csr = cache.get(...splitKey(key))
    const rule = signerRules[csr?.spec.signerName ?? '']
    if (!csr || !rule || csr.status?.certificate) return
    const has = (type: string) => (csr.status?.conditions ?? []).some((c) => c.type === type && c.status === 'True')
    if (!has('Approved') || has('Denied') || has('Failed')) return
    const pem = fromBase64(csr.spec.request) ?? ''
    const request = signer.read(pem)
    if (!request) return
    const usages = csr.spec.usages ?? []
    const wrong = rule(request, usages)
    if (wrong !== undefined) {
      const condition = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: wrong, lastUpdateTime: timestamp(sim.now) }
      api.update<CertificateSigningRequest>(certificatesigningrequests, { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] } }, 'status')
      return
    }
    const certificate = toBase64(signer.sign(pem, { usages, seconds: Math.min(csr.spec.expirationSeconds ?? year, year), now: sim.now }))
    api.update<CertificateSigningRequest>(certificatesigningrequests, { ...csr, status: { ...csr.status, certificate } }, 'status')
  })
  cache.onAdd((csr) => queue.add(keyOf(csr)))
  cache.onUpdate((csr) => queue.add(keyOf(csr)))
}
