/** `kubeadm join` and its phases: trust by a token or file, files for the kubelet, its first certificate; for a control plane also certificates, manifests and the node's marks (cmd/join.go, cmd/phases/join). */
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseGoDuration } from '#base/duration.ts'
import { fromBase64, toBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { ApiEndpoint, JoinConfiguration } from '#engine/kubeadm/configuration.ts'
import { kubeletConfigText, kubeletConfiguration, kubeletFlagsFile, kubeletFolder, instanceConfig, nodeKubeletConfig } from '#engine/kubeadm/kubelet.ts'
import { kubeconfigSpecs } from '#engine/kubeadm/certificates.ts'
import { componentNames, manifestFolder } from '#engine/kubeadm/static-pods.ts'
import { parseYaml } from '#base/go-yaml/parse.ts'
import { formatSorted } from '#engine/kubeadm/configuration.ts'
import { pathOf } from './api.ts'
import { fetchConfiguration } from './cluster-config.ts'
import { loadJoin, type Loaded } from './config/load.ts'
import { checkMixedArguments, ignoredErrors } from './config/validate.ts'
import { certificatesToCopy } from './copy-certs.ts'
import { bootstrapClient, discover, type Bootstrap } from './discovery.ts'
import { readFile, writeFile } from './files.ts'
import type { InitData } from './init-data.ts'
import { certsPhase } from './phases/certs.ts'
import { markControlPlane, unseal } from './phases/cluster.ts'
import { patchesOf, podOptions, writeManifest } from './phases/control-plane.ts'
import { ensureKubeconfig } from './phases/kubeconfig.ts'
import { kubeletFailure, waitForComponents, waitForKubelet } from './phases/wait.ts'
import { initChecks, joinChecks, pullImages, rootCheck, runChecks } from './preflight.ts'
import { adminClient, adminConf, ApiError, clientConfig, clientOf, Failure, isExpected, type Run } from './run.ts'
import { tryStartKubelet, tryStopKubelet } from './services.ts'
import { runPhases, type Phase } from './workflow.ts'

interface JoinData {
  readonly run: Run
  readonly join: JoinConfiguration
  readonly ignore: readonly string[]
  readonly patches: string
  readonly dryRun: boolean
  bootstrap?: Bootstrap
  loaded?: Loaded
}

const bootstrapFile = '/etc/kubernetes/bootstrap-kubelet.conf'
const kubeletConf = '/etc/kubernetes/kubelet.conf'

async function joinData(run: Run): Promise<JoinData> {
  const { flags, args } = run
  checkMixedArguments(flags.changedNames)
  const token = flags.string('token')
  const controlPlane = flags.bool('control-plane')
  const file = flags.string('discovery-file')
  const endpoint: Record<string, unknown> = {}
  if (flags.changed('apiserver-advertise-address')) endpoint['advertiseAddress'] = flags.string('apiserver-advertise-address')
  if (flags.changed('apiserver-bind-port')) endpoint['bindPort'] = Number(flags.string('apiserver-bind-port'))
  if (!controlPlane && flags.string('config') === '' && (Object.keys(endpoint).length > 0 || flags.changed('certificate-key'))) await run.warn('join.go:438', '[preflight] WARNING: --control-plane is also required when passing control-plane related flags such as [certificate-key, apiserver-advertise-address, apiserver-bind-port]')
  const tls = flags.string('tls-bootstrap-token') || token
  const noDiscovery = !flags.has('discovery-file')
  if (noDiscovery && flags.string('config') === '' && !run.fs.exists(adminConf)) throw new Failure(`File ${adminConf} does not exists. Please use 'kubeadm join phase control-plane-prepare' subcommands to generate it.`)
  const given: Record<string, unknown> = {
    discovery: {
      ...(args.length > 0 && !noDiscovery ? { bootstrapToken: { apiServerEndpoint: args[0], token: flags.string('discovery-token') || token, ...(flags.changed('discovery-token-ca-cert-hash') ? { caCertHashes: flags.strings('discovery-token-ca-cert-hash') } : {}), ...(flags.bool('discovery-token-unsafe-skip-ca-verification') ? { unsafeSkipCAVerification: true } : {}) } } : {}),
      ...(file !== '' ? { file: { kubeConfigPath: file } } : noDiscovery ? { file: { kubeConfigPath: adminConf } } : {}),
      ...(tls !== '' ? { tlsBootstrapToken: tls } : {}),
    },
    nodeRegistration: { ...(flags.changed('node-name') ? { name: flags.string('node-name') } : {}), ...(flags.changed('cri-socket') ? { criSocket: flags.string('cri-socket') } : {}) },
    ...(controlPlane ? { controlPlane: { localAPIEndpoint: endpoint, ...(flags.changed('certificate-key') ? { certificateKey: flags.string('certificate-key') } : {}) } } : {}),
  }
  const join = await loadJoin(run, flags.string('config'), given)
  if (flags.changed('node-name')) join.nodeRegistration.name = flags.string('node-name').trim().toLowerCase()
  return {
    run, join, ignore: ignoredErrors(flags.strings('ignore-preflight-errors'), join.nodeRegistration.ignorePreflightErrors),
    patches: flags.changed('patches') ? flags.string('patches') : (join.patches?.directory ?? ''), dryRun: flags.changed('dry-run') ? flags.bool('dry-run') : (join.dryRun ?? false),
  }
}

async function trust(d: JoinData): Promise<Bootstrap> {
  return (d.bootstrap ??= await discover(d.run, d.join))
}

/** The cluster's configuration, read with the bootstrap credentials, for this node. */
async function configuration(d: JoinData): Promise<Loaded> {
  if (d.loaded) return d.loaded
  const client = bootstrapClient(d.run, await trust(d))
  let loaded: Loaded
  try {
    loaded = await fetchConfiguration(d.run, client, 'preflight', { node: false, endpoint: false, components: true })
  } catch (error) {
    if (!isExpected(error)) throw error
    throw new Failure(`unable to fetch the kubeadm-config ConfigMap: ${error.message}`)
  }
  Object.assign(loaded.init.nodeRegistration, d.join.nodeRegistration)
  const endpoint: ApiEndpoint | undefined = d.join.controlPlane?.localAPIEndpoint
  if (endpoint) Object.assign(loaded.init.localAPIEndpoint, endpoint)
  return (d.loaded = loaded)
}

const notReady = (why: string) => `
One or more conditions for hosting a new control plane instance is not satisfied.

${why}

Please ensure that:
* The cluster has a stable controlPlaneEndpoint address.
* The certificates that must be shared among control plane instances are provided.

`

async function preflight(d: JoinData): Promise<void> {
  const { run, join } = d
  await run.out('[preflight] Running pre-flight checks')
  await runChecks(run, [rootCheck], d.ignore)
  await runChecks(run, joinChecks(join), d.ignore)
  const { init, cluster } = await configuration(d)
  if (!join.controlPlane) return
  if (!cluster.controlPlaneEndpoint) throw new Failure(notReady("unable to add a new control plane instance to a cluster that doesn't have a stable controlPlaneEndpoint address"))
  if (!join.controlPlane.certificateKey) {
    const missing = certificatesToCopy(cluster).filter(({ file }) => readFile(run, `${cluster.certificatesDir}/${file}`) === undefined)
    if (missing.length > 0) throw new Failure(notReady(`[${missing.map(({ file }) => `failure loading ${file.includes('sa.') ? 'key for service account' : `certificate for ${file.startsWith('etcd') ? 'etcd CA' : file.startsWith('front') ? 'front-proxy CA' : 'CA'}`}: couldn't load the ${file.endsWith('.crt') ? 'certificate' : 'private key'} file ${cluster.certificatesDir}/${file}: open ${cluster.certificatesDir}/${file}: no such file or directory`).join(', ')}]`))
  }
  await run.out('[preflight] Running pre-flight checks before initializing the new control plane instance')
  await runChecks(run, initChecks(init, cluster, true), d.ignore)
  await pullImages(run, cluster, init.nodeRegistration, d.ignore, d.dryRun)
}

/** The data of `init`'s phases for a control plane that joins. */
async function initLike(d: JoinData): Promise<InitData> {
  const loaded = await configuration(d)
  return { ...loaded, run: d.run, dryRun: d.dryRun, dryRunFolder: '', kubeconfigFolder: '/etc/kubernetes', patches: d.patches, ignore: d.ignore, externalCa: false, uploadCerts: false, certificateKey: '', client: () => Promise.resolve(adminClient(d.run, adminConf)) }
}

async function downloadCerts(d: JoinData): Promise<void> {
  const key = d.join.controlPlane?.certificateKey
  if (!d.join.controlPlane || !key) return
  const { run } = d
  const { cluster } = await configuration(d)
  await run.out('[download-certs] Downloading the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace')
  let secret: KubeObject & { data?: Record<string, string> }
  try {
    secret = await bootstrapClient(run, await trust(d)).json('GET', pathOf('v1', 'Secret', 'kube-system', 'kubeadm-certs'))
  } catch (error) {
    if (!isExpected(error)) throw error
    const gone = error instanceof ApiError && (error.reason === 'NotFound' || error.reason === 'Forbidden')
    throw new Failure(`error downloading certs: error downloading the secret: ${gone ? `Secret "kubeadm-certs" was not found in the "kube-system" Namespace. This Secret might have expired. Please, run \`kubeadm init phase upload-certs --upload-certs\` on a control plane to generate a new one` : error.message}`)
  }
  await run.out(`[download-certs] Saving the certificates to the folder: ${JSON.stringify(cluster.certificatesDir)}`)
  for (const { file, key: name } of certificatesToCopy(cluster)) {
    const sealed = fromBase64(secret.data?.[name] ?? '')
    if (sealed === undefined || sealed === '') throw new Failure(`error downloading certs: the Secret does not include the required certificate or key - name: ${name}, path: ${cluster.certificatesDir}/${file}`)
    const text = unseal(sealed, key)
    if (text === undefined) throw new Failure('error downloading certs: error decoding secret data with provided key: cipher: message authentication failed')
    writeFile(run, `${cluster.certificatesDir}/${file}`, text, file.endsWith('.key') ? 0o600 : 0o644)
  }
}

async function prepareCerts(d: JoinData): Promise<void> {
  if (!d.join.controlPlane) return
  const data = await initLike(d)
  await d.run.out(`[certs] Using certificateDir folder ${JSON.stringify(data.cluster.certificatesDir)}`)
  const { out } = d.run
  // Those that are there need no word.
  const quiet: Run = { ...d.run, out: (line) => (line.includes('existing') ? Promise.resolve() : out(line)) }
  for (const phase of certsPhase.phases!) await phase.run!({ ...data, run: quiet })
  await d.run.out(`[certs] Valid certificates and keys now exist in ${JSON.stringify(data.cluster.certificatesDir)}`)
  await d.run.out('[certs] Using the existing "sa" key')
}

async function prepareKubeconfigs(d: JoinData): Promise<void> {
  if (!d.join.controlPlane) return
  const { init, cluster } = await configuration(d)
  await d.run.out('[kubeconfig] Generating kubeconfig files')
  await d.run.out('[kubeconfig] Using kubeconfig folder "/etc/kubernetes"')
  for (const spec of kubeconfigSpecs.filter((s) => ['admin', 'controller-manager', 'scheduler'].includes(s.name))) {
    await ensureKubeconfig({ run: d.run, cluster, endpoint: init.localAPIEndpoint, node: init.nodeRegistration.name, pki: cluster.certificatesDir }, spec, '/etc/kubernetes')
  }
}

async function prepareManifests(d: JoinData): Promise<void> {
  if (!d.join.controlPlane) return
  const data = await initLike(d)
  await d.run.out(`[control-plane] Using manifest folder ${JSON.stringify(manifestFolder)}`)
  for (const name of componentNames) {
    await d.run.out(`[control-plane] Creating static Pod manifest for ${JSON.stringify(name)}`)
    await writeManifest(data, name, podOptions(data), manifestFolder)
  }
}

/** bootstrap-kubelet.conf: with it the kubelet asks for its certificate. */
function bootstrapKubeconfig(b: Bootstrap, server: string, clusterName: string): string {
  const user = 'tls-bootstrap-token-user'
  return emitYaml({
    apiVersion: 'v1', clusters: [{ cluster: { 'certificate-authority-data': toBase64(b.caPem), server }, name: clusterName }], contexts: [{ context: { cluster: clusterName, user }, name: `${user}@${clusterName}` }],
    'current-context': `${user}@${clusterName}`, kind: 'Config',
    users: [{ name: user, user: b.token !== undefined ? { token: b.token } : { 'client-certificate-data': toBase64(b.certificate ?? ''), 'client-key-data': toBase64(b.key ?? '') } }],
  })
}

async function kubeletStart(d: JoinData): Promise<void> {
  const { run, join } = d
  const { cluster, kubelet, init } = await configuration(d)
  const b = await trust(d)
  const own = join.controlPlane?.localAPIEndpoint
  if (d.dryRun) {
    await run.out('[kubelet-start] Would stop the kubelet')
    return run.out('[kubelet-start] Would start the kubelet')
  }
  writeFile(run, bootstrapFile, bootstrapKubeconfig(b, own ? `https://${own.advertiseAddress}:${own.bindPort}` : b.server, cluster.clusterName), 0o600)
  if (!run.fs.exists(join.caCertPath)) writeFile(run, join.caCertPath, b.caPem, 0o644)
  const name = init.nodeRegistration.name
  let node: (KubeObject & { status?: { conditions?: { type: string; status: string }[] } }) | undefined
  try {
    node = await bootstrapClient(run, b).json('GET', pathOf('v1', 'Node', undefined, name))
  } catch (error) {
    if (!isExpected(error)) throw error
    if (!(error instanceof ApiError) || error.reason !== 'NotFound') throw new Failure(`cannot get Node ${JSON.stringify(name)}: ${error.message}`)
  }
  if (node?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) {
    throw new Failure(`a Node with name ${JSON.stringify(name)} and status "Ready" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node`)
  }
  await tryStopKubelet(run)
  await run.out(`[kubelet-start] Writing kubelet configuration to file ${JSON.stringify(`${kubeletFolder}/instance-config.yaml`)}`)
  writeFile(run, `${kubeletFolder}/instance-config.yaml`, instanceConfig(join.nodeRegistration.criSocket), 0o644)
  const text = Object.keys(kubelet).length > 0 ? kubeletConfigText(kubelet) : kubeletConfigText(kubeletConfiguration(cluster))
  const patched = await patchesOf(d).apply('kubeletconfiguration', parseYaml(text) as object)
  await run.out('[patches] Applied patch of type "application/strategic-merge-patch+json" to target "kubeletconfiguration"')
  await run.out(`[kubelet-start] Writing kubelet configuration to file ${JSON.stringify(`${kubeletFolder}/config.yaml`)}`)
  writeFile(run, `${kubeletFolder}/config.yaml`, nodeKubeletConfig(formatSorted(patched), join.nodeRegistration.criSocket), 0o644)
  await run.out(`[kubelet-start] Writing kubelet environment file with flags to file ${JSON.stringify(`${kubeletFolder}/kubeadm-flags.env`)}`)
  const { kubeletExtraArgs, taints } = join.nodeRegistration
  writeFile(run, `${kubeletFolder}/kubeadm-flags.env`, kubeletFlagsFile({ node: name, hostname: run.process.machine.hostname.toLowerCase(), ...(kubeletExtraArgs ? { extra: kubeletExtraArgs } : {}), taints: join.controlPlane ? null : taints }), 0o644)
  await run.out('[kubelet-start] Starting the kubelet')
  await tryStartKubelet(run)
}

async function etcdJoin(d: JoinData): Promise<void> {
  if (!d.join.controlPlane) return
  const data = await initLike(d)
  const { run } = d
  if (data.cluster.etcd.external) return run.out('[control-plane-join] Using external etcd - no local stacked instance added')
  const dataDir = data.cluster.etcd.local!.dataDir
  // The members' data is one store here: a new member finds it.
  run.fs.mkdir(`${dataDir}/member/snap`, { parents: true, mode: 0o700 })
  const client = adminClient(run, adminConf)
  const pods = await client.json<{ items: (KubeObject & { spec: { nodeName?: string }; metadata: { annotations?: Record<string, string> } })[] }>('GET', pathOf('v1', 'Pod', 'kube-system'), { query: { labelSelector: 'component=etcd,tier=control-plane' } })
  const members = pods.items.map((p) => ({ name: p.spec.nodeName ?? '', peerUrl: (p.metadata.annotations?.['kubeadm.kubernetes.io/etcd.advertise-client-urls'] ?? '').replace(':2379', ':2380') }))
  const self = { name: data.init.nodeRegistration.name, peerUrl: `https://${data.init.localAPIEndpoint.advertiseAddress}:2380` }
  await run.out('[etcd] Announced new etcd member joining to the existing etcd cluster')
  await run.out('[etcd] Creating static Pod manifest for "etcd"')
  await writeManifest(data, 'etcd', { ...podOptions(data), members: [...members, self] }, manifestFolder)
  await run.out('[etcd] Waiting for the new etcd member to join the cluster. This can take up to 40s')
}

async function kubeletWait(d: JoinData): Promise<void> {
  const { run, join } = d
  if (d.dryRun) return run.out('[kubelet-wait] Would wait for the kubelet to be bootstrapped')
  try {
    try {
      await waitForKubelet(run, join.timeouts['kubeletHealthCheck'] ?? '4m0s')
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      await run.out(kubeletFailure)
      throw new Failure(`failed while waiting for the kubelet to start: ${error.message}`)
    }
    await run.out('[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap')
    const end = run.process.now() + (parseGoDuration(join.timeouts['tlsBootstrap'] ?? '5m0s') ?? 300_000)
    while (!run.fs.exists(kubeletConf)) {
      if (run.process.now() > end) {
        await run.out(kubeletFailure)
        throw new Failure('failed while waiting for TLS bootstrap: context deadline exceeded')
      }
      await run.process.sleep(1000)
    }
  } finally {
    if (run.process.alive && run.fs.exists(bootstrapFile)) run.fs.unlink(bootstrapFile)
  }
}

async function mark(d: JoinData): Promise<void> {
  if (!d.join.controlPlane) return
  const { init } = await configuration(d)
  await markControlPlane(d.run, adminClient(d.run, adminConf), init.nodeRegistration.name, init.nodeRegistration.taints ?? [])
}

async function waitControlPlane(d: JoinData): Promise<void> {
  if (!d.join.controlPlane || d.dryRun) return
  const { advertiseAddress, bindPort } = d.join.controlPlane.localAPIEndpoint
  await waitForComponents(d.run, clientOf(d.run, { ...clientConfig(d.run, adminConf), server: `https://${advertiseAddress}:${bindPort}` }), d.join.timeouts['controlPlaneComponentHealthCheck'] ?? '4m0s', advertiseAddress)
}

const phases: readonly Phase<JoinData>[] = [
  { name: 'preflight', run: preflight },
  { name: 'control-plane-prepare', phases: [{ name: 'download-certs', run: downloadCerts }, { name: 'certs', run: prepareCerts }, { name: 'kubeconfig', run: prepareKubeconfigs }, { name: 'control-plane', run: prepareManifests }] },
  { name: 'kubelet-start', run: kubeletStart },
  { name: 'etcd-join', run: etcdJoin },
  { name: 'kubelet-wait-bootstrap', run: kubeletWait },
  { name: 'control-plane-join', phases: [{ name: 'mark-control-plane', run: mark }] },
  { name: 'wait-control-plane', run: waitControlPlane },
]

const workerDone = `
This node has joined the cluster:
* Certificate signing request was sent to apiserver and a response was received.
* The Kubelet was informed of the new secure connection details.

Run 'kubectl get nodes' on the control-plane to see this node join the cluster.

`

const controlPlaneDone = (etcd: string) => `
This node has joined the cluster and a new control plane instance was created:

* Certificate signing request was sent to apiserver and approval was received.
* The Kubelet was informed of the new secure connection details.
* Control plane label and taint were applied to the new node.
* The Kubernetes control plane instances scaled up.
${etcd}

To start administering your cluster from this node, you need to run the following as a regular user:

	mkdir -p $HOME/.kube
	sudo cp -i ${adminConf} $HOME/.kube/config
	sudo chown $(id -u):$(id -g) $HOME/.kube/config

Run 'kubectl get nodes' to see this node join the cluster.

`

export async function runJoin(run: Run): Promise<void> {
  const words = run.path.split(' ').slice(2)
  if (words[0] === 'phase') return void (await runPhases(phases, words.slice(1), [], () => joinData(run)))
  const data = await joinData(run)
  const skip = run.flags.changed('skip-phases') ? run.flags.strings('skip-phases') : (data.join.skipPhases ?? [])
  await runPhases(phases, [], skip, () => Promise.resolve(data))
  await run.process.stdout.write(data.join.controlPlane ? controlPlaneDone(data.loaded?.cluster.etcd.external ? '' : '* A new etcd member was added to the local/stacked etcd cluster.') : workerDone)
}
