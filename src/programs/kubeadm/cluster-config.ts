/** The configuration that a running cluster holds: ConfigMaps kubeadm-config, kubelet-config and kube-proxy, the node's own facts, the address of its API server (util/config/cluster.go). */
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { parseYaml } from '#base/go-yaml/parse.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { defaultCriSocket, type Taint } from '#engine/kubeadm/configuration.ts'
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import { pathOf } from './api.ts'
import { initFromDocuments, splitDocuments, type Loaded } from './config/load.ts'
import { readFile } from './files.ts'
import { ApiError, clientConfig, Failure, isExpected, type Run } from './run.ts'

export interface FetchOptions {
  readonly node: boolean
  readonly endpoint: boolean
  readonly components: boolean
}

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>>; readonly metadata: KubeObject['metadata'] & { readonly annotations?: Readonly<Record<string, string>> } }

async function configMap(client: RestClient, name: string): Promise<ConfigMap> {
  return client.json<ConfigMap>('GET', pathOf('v1', 'ConfigMap', 'kube-system', name))
}

/** Whom kubelet.conf speaks for, else the host's name. */
export function nodeName(run: Run): string {
  const path = '/etc/kubernetes/kubelet.conf'
  if (run.fs.exists(path)) {
    try {
      const config = clientConfig(run, path)
      const leaf = decodeCertificates(config.clientCertificate ?? '')[0]
      if (leaf?.subject.commonName.startsWith('system:node:')) return leaf.subject.commonName.slice('system:node:'.length)
    } catch (error) {
      if (!isExpected(error)) throw error
    }
  }
  return run.process.machine.hostname.trim().toLowerCase()
}

/** Is a control plane run from this machine? */
export const isControlPlaneNode = (run: Run): boolean => run.fs.exists('/etc/kubernetes/manifests/kube-apiserver.yaml')

/** A component's configuration that its maker changed by hand counts as given. */
function given(map: ConfigMap | undefined, key: string): Record<string, unknown> {
  const text = map?.data?.[key]
  if (text === undefined) return {}
  return parseYaml(text) as Record<string, unknown>
}

async function optional(client: RestClient, name: string): Promise<ConfigMap | undefined> {
  try {
    return await configMap(client, name)
  } catch (error) {
    if (error instanceof ApiError && (error.reason === 'NotFound' || error.reason === 'Forbidden')) return undefined
    throw error
  }
}

/** Says that it reads, and reads. */
export async function fetchConfiguration(run: Run, client: RestClient, prefix: string, options: FetchOptions, quiet = false): Promise<Loaded> {
  if (!quiet) {
    await run.out(`[${prefix}] Reading configuration from the "kubeadm-config" ConfigMap in namespace "kube-system"...`)
    await run.out(`[${prefix}] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.`)
  }
  let map: ConfigMap
  try {
    map = await configMap(client, 'kubeadm-config')
  } catch (error) {
    if (isExpected(error)) throw new Failure(`failed to get config map: ${error.message}`)
    throw error
  }
  const text = map.data?.['ClusterConfiguration']
  if (text === undefined) throw new Failure('unexpected error when reading kubeadm-config ConfigMap: ClusterConfiguration key value pair missing')
  const loaded = await initFromDocuments(run, splitDocuments(text))
  const kubelet = options.components ? given(await optional(client, 'kubelet-config'), 'kubelet') : {}
  const kubeProxy = options.components ? given(await optional(client, 'kube-proxy'), 'config.conf') : {}
  if (options.node) {
    const name = nodeName(run)
    let node: KubeObject & { readonly spec?: { readonly taints?: readonly Taint[] }; readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }
    try {
      node = await client.json('GET', pathOf('v1', 'Node', undefined, name))
    } catch (error) {
      if (isExpected(error)) throw new Failure(`failed to get node registration: failed to get corresponding node: ${error.message}`)
      throw error
    }
    const instance = readFile(run, '/var/lib/kubelet/instance-config.yaml')
    Object.assign(loaded.init.nodeRegistration, {
      name,
      criSocket: node.metadata.annotations?.['kubeadm.alpha.kubernetes.io/cri-socket'] ?? (instance === undefined ? defaultCriSocket : String((parseYaml(instance) as { containerRuntimeEndpoint?: string }).containerRuntimeEndpoint ?? defaultCriSocket)),
      taints: node.spec?.taints ?? [],
    })
  }
  if (options.endpoint) {
    const name = loaded.init.nodeRegistration.name
    const pods = await client.json<{ items: KubeObject[] }>('GET', pathOf('v1', 'Pod', 'kube-system'), { query: { fieldSelector: `spec.nodeName=${name}`, labelSelector: 'component=kube-apiserver,tier=control-plane' } })
    const text = (pods.items[0]?.metadata as { annotations?: Record<string, string> } | undefined)?.annotations?.['kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint']
    const at = /^(.*):(\d+)$/.exec(text ?? '')
    if (!at) throw new Failure(`failed to getAPIEndpoint: could not retrieve API endpoints for node ${JSON.stringify(name)} using pod annotations: context deadline exceeded`)
    Object.assign(loaded.init.localAPIEndpoint, { advertiseAddress: at[1], bindPort: Number(at[2]) })
  }
  return { ...loaded, kubelet, kubeProxy }
}
