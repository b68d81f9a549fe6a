/** What `kubeadm init` puts into the running cluster: configuration, labels and taints, tokens and rules, add-ons, certificates for other control planes. */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { parseGoDuration } from '#base/duration.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { coreDnsManifest, kubeProxyManifest, manifestObjects, proxyConfiguration } from '#engine/kubeadm/addons.ts'
import { bootstrapRules, clusterInfoObjects, configObjects, kubeletObjects, signature, tokenSecret } from '#engine/kubeadm/cluster-objects.ts'
import { controlPlaneHost, type BootstrapToken, type Taint } from '#engine/kubeadm/configuration.ts'
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import { createOrUpdate, find, pathOf } from '../api.ts'
import type { InitData } from '../init-data.ts'
import { ApiError, clientConfig, type Run } from '../run.ts'
import type { Phase } from '../workflow.ts'
import { clusterKubeletText } from './kubelet.ts'
import { patchesOf } from './control-plane.ts'
import { certificatesToCopy } from '../copy-certs.ts'

async function uploadConfig(d: InitData): Promise<void> {
  const client = await d.client()
  await d.run.out('[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace')
  for (const o of configObjects(d.cluster)) await createOrUpdate(client, o)
}

async function uploadKubeletConfig(d: InitData): Promise<void> {
  const client = await d.client()
  await d.run.out('[kubelet] Creating a ConfigMap "kubelet-config" in namespace kube-system with the configuration for the kubelets in the cluster')
  for (const o of kubeletObjects(clusterKubeletText(d), Object.keys(d.kubelet).length > 0)) await createOrUpdate(client, o)
}

export const uploadConfigPhase: Phase<InitData> = { name: 'upload-config', phases: [{ name: 'kubeadm', run: uploadConfig }, { name: 'kubelet', run: uploadKubeletConfig }] }

const controlPlaneLabels = ['node-role.kubernetes.io/control-plane', 'node.kubernetes.io/exclude-from-external-load-balancers']
const taintText = (t: Taint) => `${t.key}${t.value ? `=${t.value}` : ''}:${t.effect}`

export async function markControlPlane(run: Run, client: RestClient, node: string, taints: readonly Taint[]): Promise<void> {
  await run.out(`[mark-control-plane] Marking the node ${node} as control-plane by adding the labels: [${controlPlaneLabels.join(' ')}]`)
  if (taints.length > 0) await run.out(`[mark-control-plane] Marking the node ${node} as control-plane by adding the taints [${taints.map(taintText).join(' ')}]`)
  // The kubelet may still be about to register it.
  const end = run.process.now() + 60_000
  for (;;) {
    try {
      const old = await client.json<KubeObject & { spec?: { taints?: Taint[] } }>('GET', pathOf('v1', 'Node', undefined, node))
      const same = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect && (a.value ?? '') === (b.value ?? '')
      const all = [...taints, ...(old.spec?.taints ?? []).filter((t) => !taints.some((x) => same(x, t)))]
      await client.call('PATCH', pathOf('v1', 'Node', undefined, node), { body: { metadata: { labels: Object.fromEntries(controlPlaneLabels.map((l) => [l, ''])) }, ...(all.length > 0 ? { spec: { taints: all } } : {}) }, contentType: 'application/merge-patch+json' })
      return
    } catch (error) {
      if (!(error instanceof ApiError) || run.process.now() > end || (error.reason !== 'NotFound' && error.reason !== 'Conflict')) throw error
      await run.process.sleep(500)
    }
  }
}

export const markPhase: Phase<InitData> = {
  name: 'mark-control-plane',
  run: async (d) => markControlPlane(d.run, await d.client(), d.init.nodeRegistration.name, d.init.nodeRegistration.taints ?? []),
}

const rfc3339 = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** The Secret of a token that lives from now on. */
export function secretOf(run: Run, token: BootstrapToken): KubeObject {
  const life = token.ttl === undefined ? 0 : (parseGoDuration(token.ttl) ?? 0)
  return tokenSecret(token, token.expires ?? (life > 0 ? rfc3339(run.process.now() + life) : undefined))
}

async function bootstrapToken(d: InitData): Promise<void> {
  const { run } = d
  const client = await d.client()
  const tokens = d.init.bootstrapTokens.map((t) => t.token)
  if (!run.flags.bool('skip-token-print')) await run.out(tokens.length === 1 ? `[bootstrap-token] Using token: ${tokens[0]}` : `[bootstrap-token] Using tokens: [${tokens.join(' ')}]`)
  await run.out('[bootstrap-token] Configuring bootstrap tokens, cluster-info ConfigMap, RBAC Roles')
  for (const t of d.init.bootstrapTokens) await createOrUpdate(client, secretOf(run, t))
  for (const { line, objects } of bootstrapRules) {
    await run.out(`[bootstrap-token] ${line}`)
    for (const o of objects) await createOrUpdate(client, o)
  }
  await run.out('[bootstrap-token] Creating the "cluster-info" ConfigMap in the "kube-public" namespace')
  const config = clientConfig(run, run.flags.changed('kubeconfig') ? run.flags.string('kubeconfig') : '/etc/kubernetes/admin.conf')
  for (const o of clusterInfoObjects(config.server, config.caData ?? '')) await createOrUpdate(client, o)
}

export const bootstrapTokenPhase: Phase<InitData> = { name: 'bootstrap-token', run: bootstrapToken }

/** Applies CoreDNS; a Deployment that is there keeps its replicas. */
export async function applyCoreDns(d: Pick<InitData, 'run' | 'cluster' | 'patches'>, client: RestClient): Promise<void> {
  const old = await find<{ spec?: { replicas?: number } }>(client, 'apps/v1', 'Deployment', 'kube-system', 'coredns')
  const text = coreDnsManifest(d.cluster, { tool: d.run.version, replicas: old?.spec?.replicas ?? 2 })
  const objects = manifestObjects(text)
  const order = ['ConfigMap', 'ClusterRole', 'ClusterRoleBinding', 'ServiceAccount', 'Deployment', 'Service']
  for (const kind of order) {
    const object = objects.find((o) => o.kind === kind)!
    // A Corefile of the user stays.
    if (kind === 'ConfigMap' && old !== undefined && (await find(client, 'v1', 'ConfigMap', 'kube-system', 'coredns'))) continue
    await createOrUpdate(client, kind === 'Deployment' ? ((await patchesOf(d).apply('corednsdeployment', object)) as KubeObject) : object)
  }
  await d.run.out('[addons] Applied essential addon: CoreDNS')
}

const proxyText = (d: Pick<InitData, 'cluster' | 'init' | 'kubeProxy'>) => kubeProxyManifest(d.cluster, `https://${controlPlaneHost(d.cluster, d.init.localAPIEndpoint)}`, proxyConfiguration(d.cluster, d.kubeProxy))

export async function applyKubeProxy(d: Pick<InitData, 'run' | 'cluster' | 'init' | 'kubeProxy'>, client: RestClient): Promise<void> {
  for (const object of manifestObjects(proxyText(d))) {
    const config = object.kind === 'ConfigMap' ? String((object as unknown as { data: Record<string, string> }).data['config.conf']) : undefined
    await createOrUpdate(client, config === undefined || Object.keys(d.kubeProxy).length > 0 ? object : { ...object, metadata: { ...object.metadata, ...signature(config) } })
  }
  await d.run.out('[addons] Applied essential addon: kube-proxy')
}

export const addonPhase: Phase<InitData> = {
  name: 'addon',
  phases: [
    {
      name: 'coredns',
      run: async (d) => {
        if (d.run.flags.bool('print-manifest')) return void (await d.run.process.stdout.write(coreDnsManifest(d.cluster, { tool: d.run.version })))
        await applyCoreDns(d, await d.client())
      },
    },
    {
      name: 'kube-proxy',
      run: async (d) => {
        if (d.run.flags.bool('print-manifest')) return void (await d.run.process.stdout.write(proxyText(d)))
        await applyKubeProxy(d, await d.client())
      },
    },
  ],
}

const certsSecret = 'kubeadm-certs'

/** The shared certificates in a Secret that ends after two hours. SIMPLIFICATION: sealed by a digest of the key rather than encrypted. */
async function uploadCerts(d: InitData): Promise<void> {
  const { run } = d
  if (!d.uploadCerts) return run.out('[upload-certs] Skipping phase. Please see --upload-certs')
  const client = await d.client()
  if (d.certificateKey === '') d.certificateKey = run.random.letters(64, '0123456789abcdef')
  await run.out(`[upload-certs] Storing the certificates in Secret ${JSON.stringify(certsSecret)} in the "kube-system" Namespace`)
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  const token: BootstrapToken = { token: `${run.random.letters(6, letters)}.${run.random.letters(16, letters)}`, description: 'Proxy for managing TTL for the kubeadm-certs secret', ttl: '2h0m0s' }
  const secret = secretOf(run, token)
  await client.call('POST', pathOf('v1', 'Secret', 'kube-system'), { body: secret })
  const made = await client.json<KubeObject>('GET', pathOf('v1', 'Secret', 'kube-system', secret.metadata.name))
  const data = Object.fromEntries(certificatesToCopy(d.cluster).map(({ file, key }) => [key, toBase64(seal(run.fs.readFile(`${d.cluster.certificatesDir}/${file}`), d.certificateKey))]))
  await createOrUpdate(client, { apiVersion: 'v1', kind: 'Secret', metadata: { name: certsSecret, namespace: 'kube-system', ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: made.metadata.name, uid: made.metadata.uid!, blockOwnerDeletion: true, controller: true }] }, data } as unknown as KubeObject)
  const rule = { apiGroup: 'rbac.authorization.k8s.io' }
  await createOrUpdate(client, { apiVersion: `${rule.apiGroup}/v1`, kind: 'Role', metadata: { name: 'kubeadm:kubeadm-certs', namespace: 'kube-system' }, rules: [{ apiGroups: [''], resourceNames: [certsSecret], resources: ['secrets'], verbs: ['get'] }] } as unknown as KubeObject)
  await createOrUpdate(client, { apiVersion: `${rule.apiGroup}/v1`, kind: 'RoleBinding', metadata: { name: 'kubeadm:kubeadm-certs', namespace: 'kube-system' }, roleRef: { ...rule, kind: 'Role', name: 'kubeadm:kubeadm-certs' }, subjects: [{ ...rule, kind: 'Group', name: 'system:bootstrappers:kubeadm:default-node-token' }] } as unknown as KubeObject)
  if (!run.flags.bool('skip-certificate-key-print')) await run.out(`[upload-certs] Using certificate key:\n${d.certificateKey}`)
}

const seal = (text: string, key: string) => `sealed:${key.slice(0, 16)}:${toBase64(text)}`

/** The text that was sealed with this key; undefined with another. */
export function unseal(text: string, key: string): string | undefined {
  const [mark, digest, body = ''] = text.split(':')
  return mark === 'sealed' && digest === key.slice(0, 16) ? fromBase64(body) : undefined
}

export const uploadCertsPhase: Phase<InitData> = { name: 'upload-certs', run: uploadCerts }

