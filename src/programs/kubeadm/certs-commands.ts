/** `kubeadm certs`: when certificates end, new ones in their place, requests for an outside authority (cmd/certs.go, phases/certs/renewal). */
import { fromBase64 } from '#base/bytes.ts'
import { humanDuration } from '#base/duration.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseYaml } from '#base/go-yaml/parse.ts'
import { decodeCertificates, encodeCertificate, encodeKey, encodeRequestPem, issueCertificate, type Certificate } from '#engine/machine/certificates.ts'
import { certificateCredentials, certificateSpec, certificateSpecs, formatKubeconfig, kubeconfigSpecs, lifetime, newKeyId } from '#engine/kubeadm/certificates.ts'
import { controlPlaneHost, formatSorted, type ClusterConfiguration } from '#engine/kubeadm/configuration.ts'
import { fetchConfiguration, isControlPlaneNode } from './cluster-config.ts'
import { loadInit, type Loaded } from './config/load.ts'
import { certificateOrKeyExists, loadCertificate, loadKey, loadPair, readFile, writeFile, writePair } from './files.ts'
import { adminClient, Failure, isExpected, type Run } from './run.ts'
import { alignTabs } from './tabs.ts'
import { versionParts } from './version.ts'

const folder = '/etc/kubernetes'

/** The cluster's configuration where it can be had, else a file's or the defaults. */
async function configuration(run: Run, prefix: string, quiet = false): Promise<Loaded> {
  const path = run.flags.string('config')
  const kubeconfig = run.flags.string('kubeconfig')
  if (path === '' && run.fs.exists(kubeconfig)) {
    try {
      const found = await fetchConfiguration(run, adminClient(run, kubeconfig), prefix, { node: true, endpoint: isControlPlaneNode(run), components: true }, quiet)
      if (!quiet) await run.out('')
      found.cluster.certificatesDir = run.flags.string('cert-dir')
      return found
    } catch (error) {
      if (!isExpected(error)) throw error
      if (!quiet) await run.out(`[${prefix}] Error reading configuration from the Cluster. Falling back to default configuration\n`)
    }
  }
  const [major, minor] = versionParts(run.version)
  return loadInit(run, path, { cluster: { kubernetesVersion: `v${major}.${minor}.0`, certificatesDir: run.flags.string('cert-dir') } })
}

export interface Handler {
  readonly name: string
  readonly title: string
  readonly ca: string
  readonly caFile: string
  readonly kubeconfig: boolean
  /** Below its folder: base name of a certificate, or name of a kubeconfig. */
  readonly file: string
}

/** What can be renewed, in the order of the names. */
export function renewable(cluster: ClusterConfiguration): Handler[] {
  const certificates = certificateSpecs.filter((s) => s.ca !== undefined && !(cluster.etcd.external && s.ca === 'etcd-ca')).map((s) => ({ name: s.name, title: s.title, ca: s.ca!, caFile: certificateSpec(s.ca!).file, kubeconfig: false, file: s.file }))
  const files = kubeconfigSpecs.filter((s) => s.name !== 'kubelet').map((s) => ({ name: s.file, title: s.title, ca: 'ca', caFile: 'ca', kubeconfig: true, file: s.file }))
  return [...certificates, ...files].sort((a, b) => (a.name < b.name ? -1 : 1))
}

type Kubeconfig = { users?: { name?: string; user?: Record<string, string> }[] }

function current(run: Run, cluster: ClusterConfiguration, h: Handler): Certificate | undefined {
  if (!h.kubeconfig) return loadCertificate(run, cluster.certificatesDir, h.file)
  const text = readFile(run, `${folder}/${h.file}`)
  if (text === undefined) return undefined
  const data = (parseYaml(text) as Kubeconfig).users?.[0]?.user?.['client-certificate-data']
  return decodeCertificates(fromBase64(data ?? '') ?? '')[0]
}

const external = (run: Run, cluster: ClusterConfiguration, caFile: string) => loadCertificate(run, cluster.certificatesDir, caFile) !== undefined && loadKey(run, cluster.certificatesDir, caFile) === undefined

/** `Jan 02, 2006 15:04 UTC` */
function dateText(ms: number): string {
  const d = new Date(ms).toISOString()
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][Number(d.slice(5, 7)) - 1]!
  return `${month} ${d.slice(8, 10)}, ${d.slice(0, 4)} ${d.slice(11, 16)} UTC`
}

async function checkExpiration(run: Run): Promise<void> {
  const format = run.flags.string('output')
  const text = format === '' || format === 'text'
  const { cluster } = await configuration(run, 'check-expiration', !text)
  const now = run.process.now()
  const rows = renewable(cluster).map((h) => ({ h, certificate: current(run, cluster, h) }))
  const authorities = certificateSpecs.filter((s) => s.ca === undefined && !(cluster.etcd.external && s.name === 'etcd-ca')).map((s) => ({ name: s.name, file: s.file, certificate: loadCertificate(run, cluster.certificatesDir, s.file) })).sort((a, b) => (a.name < b.name ? -1 : 1))
  const yes = (b: boolean) => (b ? 'yes' : 'no').padEnd(8)
  if (text) {
    const lines = alignTabs([
      'CERTIFICATE\tEXPIRES\tRESIDUAL TIME\tCERTIFICATE AUTHORITY\tEXTERNALLY MANAGED',
      ...rows.map(({ h, certificate: c }) => (c ? [h.name, dateText(c.notAfter), humanDuration(Math.floor((c.notAfter - now) / 1000) * 1000), h.ca, yes(external(run, cluster, h.caFile))].join('\t') : `!MISSING! ${h.name}\t\t\t\t`)),
      '',
      'CERTIFICATE AUTHORITY\tEXPIRES\tRESIDUAL TIME\tEXTERNALLY MANAGED',
      ...authorities.map(({ name, file, certificate: c }) => (c ? [name, dateText(c.notAfter), humanDuration(Math.floor((c.notAfter - now) / 1000) * 1000), yes(external(run, cluster, file))].join('\t') : `!MISSING! ${name}\t\t\t`)),
    ])
    await run.process.stdout.write(`${lines.join('\n')}\n`)
    return
  }
  const entry = (name: string, c: Certificate | undefined, ca: string | undefined, outside: boolean) => ({
    name, expirationDate: c ? `${new Date(c.notAfter).toISOString().slice(0, 19)}Z` : null, residualTime: c ? Math.floor((c.notAfter - now) / 1000) : 0, ...(c && ca !== undefined ? { caName: ca } : {}), externallyManaged: c !== undefined && outside, ...(c ? {} : { missing: true }),
  })
  const info = {
    kind: 'CertificateExpirationInfo', apiVersion: 'output.kubeadm.k8s.io/v1alpha3',
    certificates: rows.map(({ h, certificate }) => entry(h.name, certificate, h.ca, external(run, cluster, h.caFile))),
    certificateAuthorities: authorities.map(({ name, file, certificate }) => entry(name, certificate, undefined, external(run, cluster, file))),
  }
  if (format === 'json') await run.out(JSON.stringify(info, null, 4))
  else await run.process.stdout.write(emitYaml(info))
}

/** A new key and certificate with the names of the old one. Undefined: made elsewhere. */
export function renewOne(run: Run, cluster: ClusterConfiguration, h: Handler): boolean {
  if (external(run, cluster, h.caFile)) return false
  const issuer = loadPair(run, cluster.certificatesDir, h.caFile)
  if (!issuer) throw new Failure(`couldn't load ${h.caFile} certificate authority from ${cluster.certificatesDir}`)
  const old = current(run, cluster, h)!
  const pair = issueCertificate(run.random, { commonName: old.subject.commonName, organizations: old.subject.organizations, dnsNames: old.dnsNames, ipAddresses: old.ipAddresses, usages: old.usages }, { now: run.process.now(), days: lifetime(cluster, h), issuer })
  if (!h.kubeconfig) {
    writePair(run, cluster.certificatesDir, h.file, pair)
    return true
  }
  const path = `${folder}/${h.file}`
  const config = parseYaml(run.fs.readFile(path)) as Kubeconfig
  for (const u of config.users ?? []) u.user = { ...u.user, ...certificateCredentials(pair) }
  writeFile(run, path, formatSorted(config), 0o600)
  return true
}

async function renew(run: Run): Promise<void> {
  const { cluster } = await configuration(run, 'renew')
  const name = run.path.split(' ').at(-1)!
  const handlers = renewable(cluster).filter((h) => name === 'all' || h.name === name)
  for (const h of handlers) {
    if (!current(run, cluster, h)) await run.out(`MISSING! ${h.title}`)
    else await run.out(renewOne(run, cluster, h) ? `${h.title} renewed` : `Detected external ${h.caFile}, ${h.title} can't be renewed`)
  }
  if (name === 'all') await run.out('\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so that they can use the new certificates.')
}

/** The order in which requests are made. */
const requestOrder = ['etcd-server', 'etcd-healthcheck-client', 'etcd-peer', 'apiserver-etcd-client', 'apiserver', 'apiserver-kubelet-client', 'front-proxy-client']

async function generateRequests(run: Run): Promise<void> {
  const { flags } = run
  const { init, cluster } = await loadInit(run, flags.string('config'), {})
  const pki = flags.string('cert-dir') || cluster.certificatesDir
  const inputs = { cluster, endpoint: init.localAPIEndpoint, node: init.nodeRegistration.name }
  await run.out(`generating keys and CSRs in ${pki}`)
  for (const spec of requestOrder.map(certificateSpec)) {
    await run.out(`  ${spec.file}`)
    if (certificateOrKeyExists(run, pki, spec.file)) throw new Failure(`${spec.file}: key or CSR file already exists`)
    const keyId = newKeyId(run.random)
    writeFile(run, `${pki}/${spec.file}.key`, encodeKey(keyId), 0o600)
    writeFile(run, `${pki}/${spec.file}.csr`, encodeRequestPem({ ...spec.request(inputs), keyId }), 0o600)
  }
  const target = flags.string('kubeconfig-dir')
  await run.out(`generating keys and CSRs in ${target}`)
  const ca = loadCertificate(run, pki, 'ca')
  for (const spec of kubeconfigSpecs) {
    await run.out(`  ${spec.file}`)
    const keyId = newKeyId(run.random)
    const user = spec.user(init.nodeRegistration.name)
    const server = `https://${spec.local ? `${init.localAPIEndpoint.advertiseAddress}:${init.localAPIEndpoint.bindPort}` : controlPlaneHost(cluster, init.localAPIEndpoint)}`
    const credentials = { 'client-key-data': certificateCredentials({ keyId, certificate: {} as Certificate })['client-key-data']! }
    writeFile(run, `${target}/${spec.file}`, formatKubeconfig({ server, caPem: ca ? encodeCertificate(ca) : '', user, clusterName: cluster.clusterName }, credentials), 0o600)
    writeFile(run, `${target}/${spec.file}.csr`, encodeRequestPem({ commonName: user, organizations: spec.organizations, usages: ['client auth'], keyId }), 0o600)
  }
}

export const certsCommands: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  'kubeadm certs check-expiration': checkExpiration, 'kubeadm certs generate-csr': generateRequests, 'kubeadm certs certificate-key': (run) => run.out(run.random.letters(64, '0123456789abcdef')),
}

export { renew as renewCertificates }
