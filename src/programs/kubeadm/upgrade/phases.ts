/** The phases of `kubeadm upgrade apply` and `kubeadm upgrade node` (cmd/phases/upgrade). */
import { parseYaml } from '#base/go-yaml/parse.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { bootstrapRules, clusterInfoObjects, configObjects, kubeletObjects } from '#engine/kubeadm/cluster-objects.ts'
import { controlPlaneHost, formatSorted } from '#engine/kubeadm/configuration.ts'
import { kubeletFolder } from '#engine/kubeadm/kubelet.ts'
import { createOrUpdate, pathOf } from '../api.ts'
import { confirm } from '../confirm.ts'
import { readFile, writeFile } from '../files.ts'
import { applyCoreDns, applyKubeProxy } from '../phases/cluster.ts'
import { clusterKubeletText, writeKubeletConfig } from '../phases/kubelet.ts'
import { pullImages, rootCheck, runChecks, upgradeChecks } from '../preflight.ts'
import { clientConfig, Failure } from '../run.ts'
import { tryStartKubelet } from '../services.ts'
import { checkMinimumVersion, resolveVersion, versionParts, compareVersions } from '../version.ts'
import type { Phase } from '../workflow.ts'
import { temporaryFolder, type UpgradeData } from './data.ts'
import { checkClusterHealth } from './health.ts'
import { kubeletVersions } from './plan.ts'
import { showStaticPods, upgradeStaticPods } from './static-pods.ts'

type P = Phase<UpgradeData>

interface Skew {
  readonly mandatory: readonly string[]
  readonly skippable: readonly string[]
}

async function skewOf(d: UpgradeData, version: string): Promise<Skew> {
  const { run } = d
  const mandatory: string[] = []
  const skippable: string[] = []
  const { gitVersion: cluster } = await d.client.json<{ gitVersion: string }>('GET', '/version')
  await run.out(`[upgrade/versions] Cluster version: ${cluster}`)
  await run.out(`[upgrade/versions] kubeadm version: ${run.version}`)
  const quoted = JSON.stringify(version)
  const [next, now, tool] = [versionParts(version), versionParts(cluster), versionParts(run.version)]
  if (compareVersions(version, `v1.${tool[1] - 1}.0`) < 0) mandatory.push(`Specified version to upgrade to ${quoted} is equal to or lower than the minimum supported version ${JSON.stringify(cluster)}. Please specify a higher version to upgrade to`)
  if (next[1] > now[1] + 1) mandatory.push(`Specified version to upgrade to ${quoted} is too high; kubeadm can upgrade only 1 minor version at a time`)
  if (next[1] < now[1] - 1) mandatory.push(`Specified version to downgrade to ${quoted} is too low; kubeadm can downgrade only 1 minor version at a time`)
  if (compareVersions(run.version, version) < 0) {
    if (next[1] > tool[1]) mandatory.push(`Specified version to upgrade to ${quoted} is at least one minor release higher than the kubeadm minor release (${next[1]} > ${tool[1]}). Such an upgrade is not supported`)
    else skippable.push(`Specified version to upgrade to ${quoted} is higher than the kubeadm version ${JSON.stringify(run.version)}. Upgrade kubeadm first using the tool you used to install kubeadm`)
  }
  if (tool[1] > next[1]) skippable.push(`Kubeadm version ${run.version} can only be used to upgrade to Kubernetes version ${tool[0]}.${tool[1]}`)
  if (version.includes('-') && !d.unstable.experimental && !(version.includes('-rc') && d.unstable.candidates)) skippable.push(`Specified version to upgrade to ${quoted} is an unstable version and such upgrades weren't allowed via setting the --allow-*-upgrades flags`)
  const old = [...(await kubeletVersions(d.client)).keys()].filter((v) => next[1] > versionParts(v)[1] + 3)
  if (old.length > 0) skippable.push(`There are kubelets in this cluster that are too old that have these versions [${old.join(' ')}]`)
  return { mandatory, skippable }
}

async function checkVersions(d: UpgradeData): Promise<void> {
  const { run } = d
  const version = d.cluster.kubernetesVersion
  await run.out(`[upgrade/preflight] You have chosen to upgrade the cluster version to ${JSON.stringify(version)}`)
  const { mandatory, skippable } = await skewOf(d, version)
  const lines = (list: readonly string[]) => list.map((e) => `\t- ${e}\n`).join('')
  if (mandatory.length > 0) throw new Failure(`the version argument is invalid due to these fatal errors:\n\n${lines(mandatory)}\nPlease fix the misalignments highlighted above and try upgrading again`)
  if (skippable.length === 0) return
  if (!d.force) throw new Failure(`the version argument is invalid due to these errors:\n\n${lines(skippable)}\nCan be bypassed if you pass the --force flag`)
  await run.process.stdout.write(`[upgrade/preflight] Found ${skippable.length} potential version compatibility errors but skipping since the --force flag is set: \n\n${lines(skippable)}`)
}

async function applyPreflight(d: UpgradeData): Promise<void> {
  const { run, cluster } = d
  await run.out('[upgrade/preflight] Running preflight checks')
  await runChecks(run, [rootCheck], d.ignore)
  await runChecks(run, upgradeChecks(d.init.nodeRegistration.criSocket), d.ignore)
  await checkClusterHealth(run, d.client, cluster, d.ignore, { dryRun: d.dryRun })
  cluster.kubernetesVersion = await resolveVersion(run, cluster.kubernetesVersion)
  checkMinimumVersion(run, cluster.kubernetesVersion)
  await checkVersions(d)
  if (d.interactive) await confirm(run, 'upgrade', 'Are you sure you want to proceed?')
  await pullImages(run, cluster, d.init.nodeRegistration, d.ignore, d.dryRun, 'upgrade/preflight')
}

async function nodePreflight(d: UpgradeData): Promise<void> {
  const { run } = d
  await run.out('[upgrade/preflight] Running pre-flight checks')
  await runChecks(run, [rootCheck], d.ignore)
  await runChecks(run, upgradeChecks(d.init.nodeRegistration.criSocket), d.ignore)
  if (!d.controlPlane) return run.out('[upgrade/preflight] Skipping prepull. Not a control plane node.')
  if (d.dryRun) return run.out("[upgrade/preflight] Would pull the required images (like 'kubeadm config images pull')")
  await pullImages(run, d.cluster, d.init.nodeRegistration, d.ignore, false, 'upgrade/preflight')
}

async function controlPlane(d: UpgradeData): Promise<void> {
  const { run } = d
  if (!d.controlPlane) return run.out('[upgrade/control-plane] Skipping phase. Not a control plane node.')
  const version = JSON.stringify(d.cluster.kubernetesVersion)
  if (!d.apply) await run.out(`[upgrade/control-plane] Upgrading your Static Pod-hosted control plane instance to version ${version}...`)
  if (d.dryRun) return showStaticPods(d)
  if (d.apply) await run.out(`[upgrade/control-plane] Upgrading your static Pod-hosted control plane to version ${version} (timeout: 5m0s)...`)
  try {
    await upgradeStaticPods(d)
  } catch (error) {
    if (error instanceof Failure) throw new Failure(`couldn't complete the static pod upgrade: ${error.message}`)
    throw error
  }
  await run.out('[upgrade/control-plane] The control plane instance for this node was successfully upgraded!')
}

const uploadConfig: P = {
  name: 'upload-config',
  phases: [
    {
      name: 'kubeadm',
      run: async (d) => {
        if (d.dryRun) return d.run.out('[dryrun] Would upload the kubeadm ClusterConfiguration to a ConfigMap')
        await d.run.out('[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace')
        for (const o of configObjects(d.cluster)) await createOrUpdate(d.client, o)
      },
    },
    {
      name: 'kubelet',
      run: async (d) => {
        if (d.dryRun) {
          await d.run.out('[dryrun] Would upload the kubelet configuration to a ConfigMap')
          return d.run.out('[dryrun] Would write the CRISocket annotation for the control-plane node')
        }
        await d.run.out('[kubelet] Creating a ConfigMap "kubelet-config" in namespace kube-system with the configuration for the kubelets in the cluster')
        for (const o of kubeletObjects(clusterKubeletText(d), Object.keys(d.kubelet).length > 0)) await createOrUpdate(d.client, o)
      },
    },
  ],
}

/** The kubelet of a control plane talks to its own API server. */
async function kubeconfig(d: UpgradeData): Promise<void> {
  const { run } = d
  if (!d.controlPlane) return run.out('[upgrade/kubeconfig] Skipping phase. Not a control plane node.')
  const path = '/etc/kubernetes/kubelet.conf'
  const text = readFile(run, path)
  if (text !== undefined) {
    const own = `https://${d.init.localAPIEndpoint.advertiseAddress}:${d.init.localAPIEndpoint.bindPort}`
    const shared = `https://${controlPlaneHost(d.cluster, d.init.localAPIEndpoint)}`
    const config = parseYaml(text) as { clusters?: { cluster?: Record<string, unknown> }[] }
    const cluster = config.clusters?.[0]?.cluster
    if (cluster?.['server'] === shared && own !== shared) {
      if (d.dryRun) await run.out(`[dryrun] Would change the Server URL from ${JSON.stringify(shared)} to ${JSON.stringify(own)} in ${path} and try to restart kubelet`)
      else {
        cluster['server'] = own
        writeFile(run, path, formatSorted(config), 0o600)
        await tryStartKubelet(run)
      }
    }
  }
  await run.out('[upgrade/kubeconfig] The kubeconfig files for this node were successfully upgraded!')
}

async function kubeletConfig(d: UpgradeData): Promise<void> {
  const { run } = d
  const backup = temporaryFolder(run, d.dryRun ? d.dryRunFolder : '/etc/kubernetes', 'kubeadm-kubelet-config', true)
  await run.warn('postupgrade.go:119', `Using temporary directory ${backup} for kubelet config. To override it set the environment variable KUBEADM_UPGRADE_DRYRUN_DIR`)
  const from = `${kubeletFolder}/config.yaml`
  if (d.dryRun) await run.out(`[dryrun] Would back up kubelet config file to ${backup}/config.yaml`)
  else {
    await run.out(`[upgrade] Backing up kubelet config file to ${backup}/config.yaml`)
    const text = readFile(run, from)
    if (text === undefined) throw new Failure(`error backing up the kubelet config file: open ${from}: no such file or directory`)
    writeFile(run, `${backup}/config.yaml`, text, 0o644)
  }
  const folder = d.dryRun ? d.dryRunFolder : kubeletFolder
  await writeKubeletConfig(d, d.init.nodeRegistration.criSocket, clusterKubeletText(d), folder)
  if (d.dryRun) await run.out(`[dryrun] Would write file ${JSON.stringify(from)} with content:\n${run.fs.readFile(`${folder}/config.yaml`).trimEnd().replace(/^(?=.)/gm, '\t')}`)
  await run.out('[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!')
}

async function bootstrapToken(d: UpgradeData): Promise<void> {
  if (d.dryRun) return d.run.out('[dryrun] Would configure bootstrap token and cluster-info RBAC rules')
  await d.run.out('[upgrade/bootstrap-token] Configuring bootstrap token and cluster-info RBAC rules')
  for (const { line, objects } of bootstrapRules) {
    await d.run.out(`[bootstrap-token] ${line}`)
    for (const o of objects) await createOrUpdate(d.client, o)
  }
  const config = clientConfig(d.run, '/etc/kubernetes/admin.conf')
  for (const o of clusterInfoObjects(config.server, config.caData ?? '').filter((x) => x.kind !== 'ConfigMap')) await createOrUpdate(d.client, o)
}

type Pod = KubeObject & { spec: { nodeName?: string; containers: { name: string; image: string }[] } }

/** Add-ons follow when every control plane has gone before. */
async function othersBehind(d: UpgradeData): Promise<boolean> {
  const pods = await d.client.json<{ items: Pod[] }>('GET', pathOf('v1', 'Pod', 'kube-system'), { query: { labelSelector: 'component=kube-apiserver,tier=control-plane' } })
  const images = new Map(pods.items.map((p) => [p.spec.nodeName ?? '', p.spec.containers.find((c) => c.name === 'kube-apiserver')?.image]))
  const own = images.get(d.init.nodeRegistration.name)
  if (own === undefined) throw new Failure(`failed to determine whether all the control plane instances have been upgraded: cannot find kube-apiserver image for current control plane instance ${d.init.nodeRegistration.name}`)
  const behind = [...images].filter(([, image]) => image !== own).map(([node]) => node).sort()
  if (behind.length > 0) await d.run.out(`[upgrade/addon] Skipping upgrade of addons because control plane instances [${behind.join(' ')}] have not been upgraded`)
  return behind.length > 0
}

const addon = (name: string, disabled: (d: UpgradeData) => boolean | undefined, apply: (d: UpgradeData) => Promise<void>): P => ({
  name,
  run: async (d) => {
    const skipped = `[upgrade/addon] Skipping the addon/${name} phase.`
    if (!d.controlPlane) return d.run.out(`${skipped} Not a control plane node.`)
    if (disabled(d)) return d.run.out(`${skipped} The addon is disabled.`)
    if (await othersBehind(d)) return
    if (!d.dryRun) await apply(d)
  },
})

const addons: P = {
  name: 'addon',
  phases: [addon('coredns', (d) => d.cluster.dns.disabled, (d) => applyCoreDns(d, d.client)), addon('kube-proxy', (d) => d.cluster.proxy.disabled, (d) => applyKubeProxy(d, d.client))],
}

const unwanted = 'pod-infra-container-image'

async function postUpgrade(d: UpgradeData): Promise<void> {
  const { run } = d
  const path = `${kubeletFolder}/kubeadm-flags.env`
  if (d.dryRun) return run.out(`[dryrun] Would remove unwanted kubelet flags [${unwanted}] from kubeadm-flags.env`)
  const backup = temporaryFolder(run, '/etc/kubernetes', 'kubeadm-kubelet-env', false)
  await run.warn('postupgrade.go:213', `Using temporary directory ${backup} for kubelet env file. To override it set the environment variable KUBEADM_UPGRADE_DRYRUN_DIR`)
  await run.out(`[upgrade] Backing up kubelet env file to ${backup}/kubeadm-flags.env`)
  const text = readFile(run, path)
  if (text === undefined) throw new Failure(`error backing up the kubelet env file: open ${path}: no such file or directory`)
  writeFile(run, `${backup}/kubeadm-flags.env`, text, 0o644)
  const without = text.replace(new RegExp(`--${unwanted}=\\S*?(?= |"|$)`), '').replace(/=" +/, '="').replace(/ +"/, '"')
  if (without !== text) writeFile(run, path, without, 0o644)
}

export const applyPhases: readonly P[] = [
  { name: 'preflight', run: applyPreflight }, { name: 'control-plane', run: controlPlane }, uploadConfig, { name: 'kubeconfig', run: kubeconfig }, { name: 'kubelet-config', run: kubeletConfig },
  { name: 'bootstrap-token', run: bootstrapToken }, addons, { name: 'post-upgrade', run: postUpgrade },
]

export const nodePhases: readonly P[] = [
  { name: 'preflight', run: nodePreflight }, { name: 'control-plane', run: controlPlane }, { name: 'kubeconfig', run: kubeconfig }, { name: 'kubelet-config', run: kubeletConfig }, addons, { name: 'post-upgrade', run: postUpgrade },
]
