/**
 * Approves kubelets' requests for client certificates: a node's own renewal, and a first one by whoever may ask for nodes, which a bootstrap token is allowed to
 * (pkg/controller/certificates/approver). Whether they may is asked of the API server by a SubjectAccessReview.
 */
import { fromBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { keyOf, splitKey, timestamp, type ControllerContext, type RequestFacts } from '../controller.ts'
import { kubeletClientSigner, signerRules } from './rules.ts'

const reviews = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' }

/** A node's client certificate, as its signer will give it. */
function isNodeRequest(csr: CertificateSigningRequest, facts: RequestFacts): boolean {
  return csr.spec.signerName === kubeletClientSigner && signerRules[kubeletClientSigner]!(facts, csr.spec.usages ?? []) === undefined
}

interface Recognizer {
  readonly subresource: string
  readonly message: string
  applies(csr: CertificateSigningRequest, facts: RequestFacts): boolean
}

const recognizers: readonly Recognizer[] = [
  { subresource: 'selfnodeclient', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.', applies: (csr, facts) => csr.spec.username === facts.commonName },
  { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.', applies: () => true },
]

export function startApprovingController(context: ControllerContext): void {
  const { api, sim } = context
  const { signer } = context.options
  if (!signer) return
  const cache = api.informer<CertificateSigningRequest>(certificatesigningrequests)
  const queue = context.queue((key) => {
    const csr = cache.get(...splitKey(key))
    if (!csr || csr.status?.certificate || (csr.status?.conditions ?? []).some((c) => c.type === 'Approved' || c.type === 'Denied')) return
    const facts = signer.read(fromBase64(csr.spec.request) ?? '')
    if (!facts || !isNodeRequest(csr, facts)) return
    for (const r of recognizers) {
      if (!r.applies(csr, facts)) continue
      const review = api.create(reviews, {
        apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: { name: '' },
        spec: { user: csr.spec.username, groups: csr.spec.groups, resourceAttributes: { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create', subresource: r.subresource } },
      } as unknown as KubeObject) as unknown as { status?: { allowed?: boolean } }
      if (review.status?.allowed !== true) continue
      const condition = { type: 'Approved', status: 'True', reason: 'AutoApproved', message: r.message, lastUpdateTime: timestamp(sim.now) }
      api.update<CertificateSigningRequest>(certificatesigningrequests, { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] } }, 'approval')
      return
    }
  })
  cache.onAdd((csr) => queue.add(keyOf(csr)))
  cache.onUpdate((csr) => queue.add(keyOf(csr)))
}
