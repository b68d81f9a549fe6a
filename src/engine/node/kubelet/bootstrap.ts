/**
 * The kubelet's first certificate (pkg/kubelet/certificate/bootstrap): a key of its own, a CertificateSigningRequest sent with the bootstrap kubeconfig's credentials, and
 * the certificate that the cluster's signer gives. The pair is kept in /var/lib/kubelet/pki, kubelet.conf points to it. Renewal before it ends is left out.
 */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { hex, sha512 } from '#base/sha.ts'
import { ApiUnreachable, StatusError, type ApiClient } from '#engine/api/types.ts'
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { encodeKey, encodeRequestPem } from '#engine/machine/certificates.ts'
import type { Process } from '#engine/machine/process.ts'
import { KubeletFailure } from './config.ts'
import { readKubeconfig, type Credentials } from './kubeconfig.ts'

const folder = '/var/lib/kubelet/pki'
const current = `${folder}/kubelet-client-current.pem`

export interface BootstrapRequest {
  /** Where kubelet.conf is to be. */
  readonly path: string
  readonly bootstrap: string
  readonly name: string
  client(credentials: Credentials): { readonly client: ApiClient; close(): void }
  log(level: 'I' | 'W' | 'E', message: string, where?: string): void
}

/** `kubelet-client-2026-03-02-09-00-05.pem` and the link to it. */
function keep(process: Process, pem: string): void {
  const time = new Date(Math.floor(process.now())).toISOString().slice(0, 19).replace(/[T:]/g, '-')
  const file = `kubelet-client-${time}.pem`
  process.fs.mkdir(folder, { parents: true })
  process.fs.writeFile(`${folder}/${file}`, pem, { mode: 0o600 })
  if (process.fs.exists(current)) process.fs.unlink(current)
  process.fs.symlink(`${folder}/${file}`, current)
}

/** A kubeconfig that carries its certificate: the kubelet keeps a copy, which it renews from then on. */
export function keepCertificate(process: Process, credentials: Credentials): void {
  if (credentials.certificatePem !== '' && credentials.keyPem !== '' && !process.fs.exists(current)) keep(process, credentials.certificatePem + credentials.keyPem)
}

const poll = 500

/** Waits until the request has been approved and signed. */
export async function requestCertificate(process: Process, request: BootstrapRequest): Promise<void> {
  const credentials = readKubeconfig(process, request.bootstrap)
  request.log('I', `"Using bootstrap kubeconfig to generate TLS client cert, key and kubeconfig file"`, 'bootstrap.go:101')
  const keyId = process.machine.sim.random.fork(`kubelet ${request.name}`).letters(40, '0123456789ABCDEF')
  const commonName = `system:node:${request.name}`
  const pem = encodeRequestPem({ commonName, organizations: ['system:nodes'], usages: ['client auth'], keyId })
  const name = `node-csr-${toBase64(hex(sha512(keyId))).replace(/[^A-Za-z0-9]/g, '').slice(0, 43)}`
  const { client, close } = request.client(credentials)
  try {
    let certificate: string | undefined
    let asked = false
    while (certificate === undefined) {
      try {
        if (!asked) {
          client.create<CertificateSigningRequest>(certificatesigningrequests, {
            apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name },
            spec: { request: toBase64(pem), signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] },
          } as CertificateSigningRequest)
          asked = true
        }
        const csr = client.get<CertificateSigningRequest>(certificatesigningrequests, undefined, name)
        if ((csr.status?.conditions ?? []).some((c) => c.type === 'Denied')) throw new KubeletFailure('failed to run Kubelet: cannot create certificate signing request: certificate signing request is denied')
        certificate = csr.status?.certificate
      } catch (error) {
        if (error instanceof StatusError && error.status.reason === 'AlreadyExists') asked = true
        else if (error instanceof StatusError) throw new KubeletFailure(`failed to run Kubelet: cannot create certificate signing request: ${error.status.message ?? ''}`)
        else if (!(error instanceof ApiUnreachable)) throw error
      }
      if (certificate === undefined) await process.sleep(poll)
    }
    keep(process, (fromBase64(certificate) ?? '') + encodeKey(keyId))
    process.fs.writeFile(request.path, emitYaml({
      apiVersion: 'v1', clusters: [{ cluster: { 'certificate-authority-data': toBase64(credentials.caPem), server: credentials.server }, name: 'default-cluster' }],
      contexts: [{ context: { cluster: 'default-cluster', namespace: 'default', user: 'default-auth' }, name: 'default-context' }], 'current-context': 'default-context', kind: 'Config',
      users: [{ name: 'default-auth', user: { 'client-certificate': current, 'client-key': current } }],
    }), { mode: 0o600 })
  } finally {
    close()
  }
}
