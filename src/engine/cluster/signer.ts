/** The authority with which kube-controller-manager signs requests (--cluster-signing-cert-file): certificates as facts, as in machine/certificates.ts. */
import type { Random } from '#base/random.ts'
import { readDerRequest } from '#engine/control/certificates/der.ts'
import type { CertificateSigner } from '#engine/control/controller.ts'
import { decodeRequest, encodeCertificate, issueCertificate, type KeyPair } from '#engine/machine/certificates.ts'

const backdate = 5 * 60_000
const day = 24 * 3600

export function signerOf(random: Random, authority: KeyPair): CertificateSigner {
  return {
    read: (pem) => {
      const r = decodeRequest(pem)
      // A request that was made elsewhere is real DER.
      if (r === undefined) return readDerRequest(pem)
      return typeof r.commonName === 'string' ? { commonName: r.commonName, organizations: r.organizations ?? [], dnsNames: r.dnsNames ?? [], ipAddresses: r.ipAddresses ?? [] } : undefined
    },
    sign: (pem, { usages, seconds, now }) => {
      const request = decodeRequest(pem) ?? { ...readDerRequest(pem)!, keyId: 'elsewhere' }
      const extended = (['server auth', 'client auth'] as const).filter((u) => usages.includes(u))
      return encodeCertificate(issueCertificate(random, { ...request, isCa: false, usages: extended }, { now: now - backdate, days: seconds / day, issuer: authority, keyId: request.keyId }).certificate)
    },
  }
}
