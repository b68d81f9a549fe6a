/** The keys of a cluster that stands when the lab opens: its authorities and the key of its service accounts, made in the order of a fixed sequence of dice. */
import type { Random } from '#base/random.ts'
import { encodeCertificate, issueCertificate, type CertificateRequest, type KeyPair } from '#engine/machine/certificates.ts'

const decade = 3650
const year = 365

export class Pki {
  readonly ca: KeyPair
  readonly saKey: string
  readonly random: Random
  readonly now: number
  readonly #authorities: ReadonlyMap<string, KeyPair>

  constructor(random: Random, now: number) {
    this.random = random
    this.now = now
    const names: Readonly<Record<string, string>> = { ca: 'kubernetes', 'etcd-ca': 'etcd-ca', 'front-proxy-ca': 'front-proxy-ca' }
    this.#authorities = new Map(Object.entries(names).map(([name, commonName]) => [name, issueCertificate(random, { commonName, isCa: true, dnsNames: [commonName] }, { now, days: decade })]))
    this.ca = this.authority('ca')
    this.saKey = random.letters(40, '0123456789ABCDEF')
  }

  /** By the name that kubeadm gives it. */
  authority(name: string): KeyPair {
    return this.#authorities.get(name)!
  }

  get caPem(): string {
    return encodeCertificate(this.ca.certificate)
  }

  issue(request: CertificateRequest, issuer: KeyPair = this.ca): KeyPair {
    return issueCertificate(this.random, request, { now: this.now, days: year, issuer })
  }
}
