/**
 * Issues the certificates of approved CertificateSigningRequests for the three signers of the cluster's own authority (pkg/controller/certificates/signer).
 * What a request may ask for is judged by signer. The approver of kubelets' own requests and the cleaner of old ones are left out.
 */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { keyOf, splitKey, timestamp, type ControllerContext, type RequestFacts } from '../controller.ts'

const year = 365 * 24 * 3600
const optional = ['digital signature', 'key encipherment']

function clientUsages(usages: readonly string[]): string | undefined {
  const odd = usages.find((u) => u !== 'client auth' && !optional.includes(u))
  if (odd !== undefined) return `invalid usage for client certificate: ${odd}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}

const nodeName = (r: RequestFacts): string | undefined =>
  r.organizations.length !== 1 || r.organizations[0] !== 'system:nodes' ? 'subject organization is not system:nodes' : r.commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node: '

function nodeUsages(usages: readonly string[], main: string): string | undefined {
  const sorted = [...usages].sort().join(' ')
  const [short, long] = [['digital signature', main], ['digital signature', 'key encipherment', main]].map((l) => l.sort())
  return sorted === short!.join(' ') || sorted === long!.join(' ') ? undefined : `usages did not match [${long!.join(' ')}]`
}

/** Signer → what is wrong with a request. */
const rules: Readonly<Record<string, (request: RequestFacts, usages: readonly string[]) => string | undefined>> = {
  'kubernetes.io/kube-apiserver-client': (_request, usages) => clientUsages(usages),
  'kubernetes.io/kube-apiserver-client-kubelet': (r, usages) =>
    nodeName(r) ?? (r.dnsNames.length > 0 ? 'DNS subjectAltNames are not allowed' : r.ipAddresses.length > 0 ? 'IP subjectAltNames are not allowed' : nodeUsages(usages, 'client auth')),
  'kubernetes.io/kubelet-serving': (r, usages) => nodeName(r) ?? (r.dnsNames.length + r.ipAddresses.length === 0 ? 'DNS or IP subjectAltName is required' : nodeUsages(usages, 'server auth')),
}

export function startSigningController(context: ControllerContext): void {
  const { api, sim } = context
  const { signer } = context.options
  if (!signer) return
  const cache = api.informer<CertificateSigningRequest>(certificatesigningrequests)
  const queue = context.queue((key) => {
    const csr = cache.get(...splitKey(key))
    const rule = rules[csr?.spec.signerName ?? '']
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
