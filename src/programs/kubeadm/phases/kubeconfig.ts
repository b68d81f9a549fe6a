/** `[kubeconfig]`: the files with which the parts of a control plane and its administrators talk to the API server (phases/kubeconfig). */
import { fromBase64 } from '#base/bytes.ts'
import { issueCertificate, decodeCertificates, encodeCertificate } from '#engine/machine/certificates.ts'
import { certificateCredentials, formatKubeconfig, kubeconfigSpecs, lifetime, type KubeconfigSpec } from '#engine/kubeadm/certificates.ts'
import { controlPlaneHost, type ApiEndpoint, type ClusterConfiguration } from '#engine/kubeadm/configuration.ts'
import { readConfigFile as readKubeconfigFile } from '#programs/kubectl/client/kubeconfig.ts'
import { loadPair, writeFile } from '../files.ts'
import type { InitData } from '../init-data.ts'
import { Failure, type Run } from '../run.ts'
import type { Phase } from '../workflow.ts'

const localServer = (endpoint: ApiEndpoint) => `https://${endpoint.advertiseAddress}:${endpoint.bindPort}`

export interface KubeconfigTarget {
  readonly run: Run
  readonly cluster: ClusterConfiguration
  readonly endpoint: ApiEndpoint
  readonly node: string
  /** Where the authority's files are. */
  readonly pki: string
}

/** The text of one of the files. */
export function kubeconfigText(t: KubeconfigTarget, spec: KubeconfigSpec): string {
  const ca = loadPair(t.run, t.pki, 'ca')
  if (!ca) throw new Failure(`couldn't create a kubeconfig; the CA files couldn't be loaded: failed to load certificate: couldn't load the certificate file ${t.pki}/ca.crt: open ${t.pki}/ca.crt: no such file or directory`)
  const user = spec.user(t.node)
  const pair = issueCertificate(t.run.random, { commonName: user, organizations: spec.organizations, usages: ['client auth'] }, { now: t.run.process.now(), days: lifetime(t.cluster, { ca: 'ca' }), issuer: ca })
  const server = spec.local ? localServer(t.endpoint) : `https://${controlPlaneHost(t.cluster, t.endpoint)}`
  return formatKubeconfig({ server, caPem: encodeCertificate(ca.certificate), user, clusterName: t.cluster.clusterName }, certificateCredentials(pair))
}

/** Writes it, or finds that it is there and good. */
export async function ensureKubeconfig(t: KubeconfigTarget, spec: KubeconfigSpec, folder: string): Promise<void> {
  const { run } = t
  const path = `${folder}/${spec.file}`
  const text = kubeconfigText(t, spec)
  const existing = readKubeconfigFile(run.process, path)
  if (!existing) {
    await run.out(`[kubeconfig] Writing ${JSON.stringify(spec.file)} kubeconfig file`)
    writeFile(run, path, text, 0o600)
    return
  }
  const context = existing.contexts.get(existing.currentContext)
  const cluster = existing.clusters.get(String(context?.['cluster'] ?? ''))
  if (!context) throw new Failure(`failed to find CurrentContext in Contexts of the kubeconfig file ${path}`)
  if (!cluster) throw new Failure(`failed to find the given CurrentContext Cluster in Clusters of the kubeconfig file ${path}`)
  const pem = typeof cluster['certificate-authority-data'] === 'string' ? (fromBase64(cluster['certificate-authority-data']) ?? '') : typeof cluster['certificate-authority'] === 'string' && run.fs.exists(cluster['certificate-authority']) ? run.fs.readFile(cluster['certificate-authority']) : ''
  const current = decodeCertificates(pem)
  if (current.length === 0) throw new Failure(`the kubeconfig file ${JSON.stringify(path)} contains an invalid CA cert`)
  const ca = loadPair(run, t.pki, 'ca')!
  if (current[0]!.keyId !== ca.keyId) throw new Failure(`a kubeconfig file ${JSON.stringify(path)} exists but does not contain a trusted CA in its current context's cluster. Total CA certificates found: ${current.length}`)
  const expected = spec.local ? localServer(t.endpoint) : `https://${controlPlaneHost(t.cluster, t.endpoint)}`
  if (cluster['server'] !== expected) await run.warn('kubeconfig.go:293', `a kubeconfig file ${JSON.stringify(path)} exists already but has an unexpected API Server URL: expected: ${expected}, got: ${String(cluster['server'] ?? '')}`)
  await run.out(`[kubeconfig] Using existing kubeconfig file: ${JSON.stringify(path)}`)
}

const folderOf = (d: InitData) => (d.dryRun ? d.dryRunFolder : d.kubeconfigFolder)
const targetOf = (d: InitData): KubeconfigTarget => ({ run: d.run, cluster: d.cluster, endpoint: d.init.localAPIEndpoint, node: d.init.nodeRegistration.name, pki: d.dryRun && d.run.fs.exists(`${d.dryRunFolder}/ca.crt`) ? d.dryRunFolder : d.cluster.certificatesDir })

async function one(d: InitData, spec: KubeconfigSpec): Promise<void> {
  if (d.externalCa) return d.run.out(`[kubeconfig] External CA mode: Using user provided ${spec.file}`)
  await ensureKubeconfig(targetOf(d), spec, folderOf(d))
}

export const kubeconfigPhase: Phase<InitData> = {
  name: 'kubeconfig',
  run: (d) => d.run.out(`[kubeconfig] Using kubeconfig folder ${JSON.stringify(folderOf(d))}`),
  phases: kubeconfigSpecs.map((spec) => ({ name: spec.name, run: (d: InitData) => one(d, spec) })),
}
