/**
 * The certificate that the kubelet shows on port 10250 (cmd/kubelet/app InitializeTLS): the configured pair, else /var/lib/kubelet/pki/kubelet.crt and .key, made at its
 * first start with an authority of their own. A serving certificate that the cluster signs (serverTLSBootstrap) is left out: the kubelet has its own pair then, too.
 */
import { encodeCertificate, encodeKey, issueCertificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import { loadIdentity, type TlsIdentity } from '#engine/machine/tls.ts'
import { KubeletFailure } from './config.ts'

export interface ServingFiles {
  readonly certificate: string
  readonly key: string
}

const ownFiles: ServingFiles = { certificate: '/var/lib/kubelet/pki/kubelet.crt', key: '/var/lib/kubelet/pki/kubelet.key' }

const hour = 3_600_000

/** Where the pair is: the two files that are configured, or the kubelet's own, which are made when there are none. */
export function servingFiles(process: Process, configured: ServingFiles, name: string): ServingFiles {
  if (configured.certificate !== '' || configured.key !== '') return configured
  const { fs } = process
  const [certificate, key] = [fs.exists(ownFiles.certificate), fs.exists(ownFiles.key)]
  if (certificate && key) return ownFiles
  if (certificate || key) throw new KubeletFailure(`failed to construct kubelet dependencies: error reading ${certificate ? ownFiles.key : ownFiles.certificate}, certificate and key must be supplied as a pair`)
  const random = process.machine.sim.random.fork('kubelet')
  const seconds = Math.floor(process.now() / 1000)
  const options = { now: process.now() - hour, days: 365 }
  const authority = issueCertificate(random, { commonName: `${name}-ca@${seconds}`, isCa: true }, options)
  const own = issueCertificate(random, { commonName: `${name}@${seconds}`, dnsNames: [name] }, { ...options, issuer: authority })
  fs.mkdir('/var/lib/kubelet/pki', { parents: true })
  fs.writeFile(ownFiles.certificate, encodeCertificate(own.certificate) + encodeCertificate(authority.certificate))
  fs.writeFile(ownFiles.key, encodeKey(own.keyId), { mode: 0o600 })
  return ownFiles
}

/** What the files hold; `error` is Go's. */
export function servingIdentity(process: Process, files: ServingFiles): { readonly ok: true; readonly identity: TlsIdentity } | { readonly ok: false; readonly error: string } {
  const texts: string[] = []
  for (const path of [files.certificate, files.key]) {
    try {
      texts.push(process.fs.readFile(path))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      return { ok: false, error: `open ${path}: ${error.message.toLowerCase()}` }
    }
  }
  return loadIdentity(texts[0]!, texts[1]!)
}
