/**
 * What the signers of the cluster's own authority let a request ask for (pkg/apis/certificates/v1/helpers.go, pkg/controller/certificates/signer). Leaves out e-mail addresses
 * and URIs as subjectAltNames.
 */
import type { RequestFacts } from '../controller.ts'

export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'

const optional = ['digital signature', 'key encipherment']

function clientUsages(usages: readonly string[]): string | undefined {
  const odd = usages.find((u) => u !== 'client auth' && !optional.includes(u))
  if (odd !== undefined) return `invalid usage for client certificate: ${odd}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}

const organization = (r: RequestFacts) => (r.organizations.length === 1 && r.organizations[0] === 'system:nodes' ? undefined : 'subject organization is not system:nodes')
const nodeName = (r: RequestFacts) => (r.commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node: ')

/** `main` and a digital signature, with or without key encipherment. */
function nodeUsages(usages: readonly string[], main: string): string | undefined {
  const given = [...new Set(usages)].sort().join(' ')
  const [short, long] = [['digital signature', main], ['digital signature', 'key encipherment', main]].map((l) => l.sort().join(' '))
  return given === short || given === long ? undefined : `usages did not match [${long}]`
}

/** Signer → what is wrong with a request; undefined: nothing. */
export const signerRules: Readonly<Record<string, (request: RequestFacts, usages: readonly string[]) => string | undefined>> = {
  'kubernetes.io/kube-apiserver-client': (_request, usages) => clientUsages(usages),
  [kubeletClientSigner]: (r, usages) =>
    organization(r) ?? (r.dnsNames.length > 0 ? 'DNS subjectAltNames are not allowed' : r.ipAddresses.length > 0 ? 'IP subjectAltNames are not allowed' : (nodeName(r) ?? nodeUsages(usages, 'client auth'))),
  'kubernetes.io/kubelet-serving': (r, usages) => organization(r) ?? (r.dnsNames.length + r.ipAddresses.length === 0 ? 'DNS or IP subjectAltName is required' : (nodeUsages(usages, 'server auth') ?? nodeName(r))),
}
