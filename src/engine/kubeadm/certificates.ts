/**
 * The certificates and kubeconfigs of a kubeadm cluster: which there are, who signs them, what they say. Models phases/certs and phases/kubeconfig.
 * External authorities (a certificate without its key) are left to the caller.
 */
import { toBase64 } from '#base/bytes.ts'
import { parseGoDuration } from '#base/duration.ts'
import { formatIpv4, cidr4, parseIpv4 } from '#base/ip.ts'
import type { Random } from '#base/random.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { encodeCertificate, encodeKey, issueCertificate, type CertificateRequest, type KeyPair } from '#engine/machine/certificates.ts'
import type { ApiEndpoint, ClusterConfiguration } from './configuration.ts'

export interface CertificateInputs {
  readonly cluster: ClusterConfiguration
  readonly endpoint: ApiEndpoint
  readonly node: string
}

export interface CertificateSpec {
  /** As phases and `certs renew` name it. */
  readonly name: string
  /** Below the certificate folder, without extension; also how the output calls it. */
  readonly file: string
  /** Name of the authority; none: it is one. */
  readonly ca?: string
  /** What `certs renew` calls it. */
  readonly title: string
  request(inputs: CertificateInputs): CertificateRequest
}

/** `index`: the first is the API server's address, the tenth DNS'. */
export function serviceAddress(cluster: ClusterConfiguration, index: number): string {
  return formatIpv4(cidr4(cluster.networking.serviceSubnet.split(',')[0]!).network + index)
}

const isAddress = (name: string) => parseIpv4(name) !== undefined || name.includes(':')

/** DNS names and addresses without doubles, more names behind the usual ones. */
function alternates(names: readonly string[], addresses: readonly string[], more: readonly string[] = []): Pick<CertificateRequest, 'dnsNames' | 'ipAddresses'> {
  return { dnsNames: [...new Set([...names, ...more.filter((m) => !isAddress(m))])].sort(), ipAddresses: [...new Set([...addresses, ...more.filter(isAddress)])] }
}

const sortedAlternates = (inputs: CertificateInputs, more: readonly string[] | undefined) => alternates([inputs.node, 'localhost'], [inputs.endpoint.advertiseAddress, '127.0.0.1', '::1'], more)

function apiServerRequest({ cluster, endpoint, node }: CertificateInputs): CertificateRequest {
  const names = [node, 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${cluster.networking.dnsDomain}`]
  const host = cluster.controlPlaneEndpoint?.replace(/:\d+$/, '')
  const own = alternates(names, [serviceAddress(cluster, 1), endpoint.advertiseAddress], [...(host ? [host] : []), ...(cluster.apiServer.certSANs ?? [])])
  return { commonName: 'kube-apiserver', ...own, usages: ['server auth'] }
}

const authority = (commonName: string) => () => ({ commonName, isCa: true, dnsNames: [commonName] })
const client = (commonName: string, organizations: readonly string[] = []) => () => ({ commonName, organizations, usages: ['client auth' as const] })

/** In the order in which `kubeadm init` makes them. */
export const certificateSpecs: readonly CertificateSpec[] = [
  { name: 'ca', file: 'ca', title: 'self-signed Kubernetes CA to provision identities for other Kubernetes components', request: authority('kubernetes') },
  { name: 'apiserver', file: 'apiserver', ca: 'ca', title: 'certificate for serving the Kubernetes API', request: apiServerRequest },
  { name: 'apiserver-kubelet-client', file: 'apiserver-kubelet-client', ca: 'ca', title: 'certificate for the API server to connect to kubelet', request: client('kube-apiserver-kubelet-client', ['kubeadm:cluster-admins']) },
  { name: 'front-proxy-ca', file: 'front-proxy-ca', title: 'self-signed CA to provision identities for front proxy', request: authority('front-proxy-ca') },
  { name: 'front-proxy-client', file: 'front-proxy-client', ca: 'front-proxy-ca', title: 'certificate for the front proxy client', request: client('front-proxy-client') },
  { name: 'etcd-ca', file: 'etcd/ca', title: 'self-signed CA to provision identities for etcd', request: authority('etcd-ca') },
  { name: 'etcd-server', file: 'etcd/server', ca: 'etcd-ca', title: 'certificate for serving etcd', request: (i) => ({ commonName: i.node, ...sortedAlternates(i, i.cluster.etcd.local?.serverCertSANs), usages: ['server auth', 'client auth'] }) },
  { name: 'etcd-peer', file: 'etcd/peer', ca: 'etcd-ca', title: 'certificate for etcd nodes to communicate with each other', request: (i) => ({ commonName: i.node, ...sortedAlternates(i, i.cluster.etcd.local?.peerCertSANs), usages: ['server auth', 'client auth'] }) },
  { name: 'etcd-healthcheck-client', file: 'etcd/healthcheck-client', ca: 'etcd-ca', title: 'certificate for liveness probes to healthcheck etcd', request: client('kube-etcd-healthcheck-client') },
  { name: 'apiserver-etcd-client', file: 'apiserver-etcd-client', ca: 'etcd-ca', title: 'certificate the apiserver uses to access etcd', request: client('kube-apiserver-etcd-client') },
]

export const certificateSpec = (name: string): CertificateSpec => certificateSpecs.find((s) => s.name === name)!

export const lifetime = (cluster: ClusterConfiguration, spec: { readonly ca?: string }): number => (parseGoDuration(spec.ca === undefined ? cluster.caCertificateValidityPeriod : cluster.certificateValidityPeriod) ?? 0) / 86_400_000

export function issueSpec(random: Random, spec: CertificateSpec, inputs: CertificateInputs, now: number, issuer?: KeyPair): KeyPair {
  return issueCertificate(random, spec.request(inputs), { now, days: lifetime(inputs.cluster, spec), ...(issuer ? { issuer } : {}) })
}

export const publicKeyPem = (keyId: string): string => `-----BEGIN PUBLIC KEY-----\n${toBase64(JSON.stringify({ keyId })).replace(/(.{64})(?=.)/g, '$1\n')}\n-----END PUBLIC KEY-----\n`

export const newKeyId = (random: Random): string => random.letters(40, '0123456789ABCDEF')

export const pairFiles = (pair: KeyPair): { readonly crt: string; readonly key: string } => ({ crt: encodeCertificate(pair.certificate), key: encodeKey(pair.keyId) })

export interface KubeconfigSpec {
  /** As the phase names it. */
  readonly name: string
  readonly file: string
  readonly title: string
  user(node: string): string
  readonly organizations: readonly string[]
  /** It talks to the API server beside it, not to the cluster's endpoint. */
  readonly local: boolean
}

/** In the order of the phase. */
export const kubeconfigSpecs: readonly KubeconfigSpec[] = [
  { name: 'admin', file: 'admin.conf', title: 'certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself', user: () => 'kubernetes-admin', organizations: ['kubeadm:cluster-admins'], local: false },
  { name: 'super-admin', file: 'super-admin.conf', title: 'certificate embedded in the kubeconfig file for the super-admin', user: () => 'kubernetes-super-admin', organizations: ['system:masters'], local: false },
  { name: 'kubelet', file: 'kubelet.conf', title: 'certificate embedded in the kubeconfig file for the kubelet to use', user: (node) => `system:node:${node}`, organizations: ['system:nodes'], local: false },
  { name: 'controller-manager', file: 'controller-manager.conf', title: 'certificate embedded in the kubeconfig file for the controller manager to use', user: () => 'system:kube-controller-manager', organizations: [], local: true },
  { name: 'scheduler', file: 'scheduler.conf', title: 'certificate embedded in the kubeconfig file for the scheduler manager to use', user: () => 'system:kube-scheduler', organizations: [], local: true },
]

export interface KubeconfigInputs {
  readonly server: string
  readonly caPem: string
  readonly user: string
  readonly clusterName: string
}

/** A kubeconfig with one context; `credentials` are the members of the user. */
export function formatKubeconfig({ server, caPem, user, clusterName }: KubeconfigInputs, credentials: Readonly<Record<string, string>>): string {
  return emitYaml({
    apiVersion: 'v1',
    clusters: [{ cluster: { 'certificate-authority-data': toBase64(caPem), server }, name: clusterName }],
    contexts: [{ context: { cluster: clusterName, user }, name: `${user}@${clusterName}` }],
    'current-context': `${user}@${clusterName}`,
    kind: 'Config',
    users: [{ name: user, user: credentials }],
  })
}

export const certificateCredentials = (pair: KeyPair): Readonly<Record<string, string>> => ({ 'client-certificate-data': toBase64(encodeCertificate(pair.certificate)), 'client-key-data': toBase64(encodeKey(pair.keyId)) })
