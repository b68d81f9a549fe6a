/** The certificates and kubeconfigs that kubeadm makes: one authority for the cluster, one for etcd, one for the front proxy, leaves for a year. */
import { formatYaml } from '#base/yaml.ts'
import { toBase64 } from '#base/bytes.ts'
import type { Random } from '#base/random.ts'
import { encodeCertificate, encodeKey, issueCertificate, type CertificateRequest, type KeyPair } from '#engine/machine/certificates.ts'

const decade = 3650
const year = 365

export class Pki {
  readonly ca: KeyPair
  readonly etcdCa: KeyPair
  readonly frontProxyCa: KeyPair
  readonly saKey: string
  readonly #random: Random
  readonly #now: number

  constructor(random: Random, now: number) {
    this.#random = random
    this.#now = now
    const authority = (commonName: string) => issueCertificate(random, { commonName, isCa: true, dnsNames: [commonName] }, { now, days: decade })
    this.ca = authority('kubernetes')
    this.etcdCa = authority('etcd-ca')
    this.frontProxyCa = authority('front-proxy-ca')
    this.saKey = random.letters(40, '0123456789ABCDEF')
  }

  get caPem(): string {
    return encodeCertificate(this.ca.certificate)
  }

  issue(request: CertificateRequest, issuer: KeyPair = this.ca): KeyPair {
    return issueCertificate(this.#random, request, { now: this.#now, days: year, issuer })
  }

  /** Path → text and mode of /etc/kubernetes/pki on a control plane. */
  files(options: { readonly node: string; readonly address: string; readonly serviceIp: string; readonly loopback?: boolean }): Map<string, { text: string; mode: number }> {
    const out = new Map<string, { text: string; mode: number }>()
    const base = '/etc/kubernetes/pki'
    const put = (name: string, pair: KeyPair) => {
      out.set(`${base}/${name}.crt`, { text: encodeCertificate(pair.certificate), mode: 0o644 })
      out.set(`${base}/${name}.key`, { text: encodeKey(pair.keyId), mode: 0o600 })
    }
    const { node, address, serviceIp } = options
    put('ca', this.ca)
    put('etcd/ca', this.etcdCa)
    put('front-proxy-ca', this.frontProxyCa)
    put('apiserver', this.issue({ commonName: 'kube-apiserver', dnsNames: [node, 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'], ipAddresses: [serviceIp, address, ...(options.loopback ? ['127.0.0.1'] : [])], usages: ['server auth'] }))
    put('apiserver-kubelet-client', this.issue({ commonName: 'kube-apiserver-kubelet-client', organizations: ['kubeadm:cluster-admins'], usages: ['client auth'] }))
    put('apiserver-etcd-client', this.issue({ commonName: 'kube-apiserver-etcd-client', usages: ['client auth'] }, this.etcdCa))
    put('front-proxy-client', this.issue({ commonName: 'front-proxy-client', usages: ['client auth'] }, this.frontProxyCa))
    for (const name of ['server', 'peer']) put(`etcd/${name}`, this.issue({ commonName: node, dnsNames: ['localhost', node], ipAddresses: [address, '127.0.0.1', '::1'], usages: ['server auth', 'client auth'] }, this.etcdCa))
    put('etcd/healthcheck-client', this.issue({ commonName: 'kube-etcd-healthcheck-client', usages: ['client auth'] }, this.etcdCa))
    out.set(`${base}/sa.key`, { text: encodeKey(this.saKey), mode: 0o600 })
    out.set(`${base}/sa.pub`, { text: `-----BEGIN PUBLIC KEY-----\n${toBase64(JSON.stringify({ keyId: this.saKey })).replace(/(.{64})(?=.)/g, '$1\n')}\n-----END PUBLIC KEY-----\n`, mode: 0o644 })
    return out
  }

  kubeconfig(options: { readonly server: string; readonly user: string; readonly commonName: string; readonly organizations?: readonly string[] }): string {
    const pair = this.issue({ commonName: options.commonName, organizations: options.organizations ?? [], usages: ['client auth'] })
    return formatYaml({
      apiVersion: 'v1',
      clusters: [{ cluster: { 'certificate-authority-data': toBase64(this.caPem), server: options.server }, name: 'kubernetes' }],
      contexts: [{ context: { cluster: 'kubernetes', user: options.user }, name: `${options.user}@kubernetes` }],
      'current-context': `${options.user}@kubernetes`,
      kind: 'Config',
      users: [{ name: options.user, user: { 'client-certificate-data': toBase64(encodeCertificate(pair.certificate)), 'client-key-data': toBase64(encodeKey(pair.keyId)) } }],
    })
  }
}
