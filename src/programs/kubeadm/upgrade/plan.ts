/** `kubeadm upgrade plan`: which versions a cluster can go to (cmd/upgrade/plan.go, phases/upgrade/compute.go). */
import { emitYaml } from '#base/go-yaml/emit.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { formatConfiguration, type ClusterConfiguration } from '#engine/kubeadm/configuration.ts'
import { releaseOf } from '#engine/kubeadm/images.ts'
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import { pathOf } from '../api.ts'
import { fetchConfiguration, isControlPlaneNode } from '../cluster-config.ts'
import { checkMixedArguments } from '../config/validate.ts'
import { rootCheck, runChecks } from '../preflight.ts'
import { Failure, isExpected, kubeconfigPath, type Run } from '../run.ts'
import { alignTabs } from '../tabs.ts'
import { compareVersions, resolveVersion, versionParts } from '../version.ts'
import { chosen, givenSection, ignoredOf, upgradeClient } from './data.ts'
import { checkClusterHealth } from './health.ts'

type Versions = ReadonlyMap<string, readonly string[]>

interface Component {
  readonly name: string
  readonly currentVersion: string
  readonly newVersion: string
  readonly nodeName?: string
}

interface Upgrade {
  readonly description: string
  readonly components: readonly Component[]
}

function gather(pairs: readonly (readonly [string, string])[]): Versions {
  const out = new Map<string, string[]>()
  for (const [version, node] of pairs) out.set(version, [...(out.get(version) ?? []), node])
  return new Map([...out].sort(([a], [b]) => (a < b ? -1 : 1)))
}

type Pod = KubeObject & { readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly name: string; readonly image: string }[] } }

const tagOf = (image: string) => image.slice(image.lastIndexOf(':') + 1).replaceAll('_', '+')

export async function componentVersions(client: RestClient, name: string): Promise<Versions> {
  const pods = await client.json<{ items: Pod[] }>('GET', pathOf('v1', 'Pod', 'kube-system'), { query: { labelSelector: `component=${name},tier=control-plane` } })
  return gather(pods.items.map((p) => [tagOf(p.spec.containers[0]!.image), p.spec.nodeName ?? '']))
}

export async function kubeletVersions(client: RestClient): Promise<Versions> {
  type Node = KubeObject & { status: { nodeInfo: { kubeletVersion: string } } }
  const nodes = await client.json<{ items: Node[] }>('GET', pathOf('v1', 'Node'))
  return gather(nodes.items.map((n) => [n.status.nodeInfo.kubeletVersion, n.metadata.name]))
}

async function dnsVersion(client: RestClient): Promise<string> {
  type Deployment = KubeObject & { spec: { template: { spec: { containers: { image: string }[] } } } }
  const found = await client.json<{ items: Deployment[] }>('GET', pathOf('apps/v1', 'Deployment', 'kube-system'), { query: { labelSelector: 'k8s-app=kube-dns' } })
  if (found.items.length > 1) throw new Failure(`multiple DNS addon deployments found: [${found.items.map((i) => i.metadata.name).join(' ')}]`)
  return found.items.length === 0 ? '' : tagOf(found.items[0]!.spec.template.spec.containers[0]!.image)
}

interface State {
  readonly version: string
  readonly dns: string
  readonly kubelets: Versions
  readonly parts: readonly (readonly [string, Versions])[]
  readonly etcd: Versions
}

function upgradeTo(run: Run, before: State, description: string, version: string, kubeadm: string, etcdUpgrade: boolean): Upgrade {
  const release = releaseOf(version, run.version)
  const rows = (name: string, versions: Versions, next: string): Component[] => [...versions].flatMap(([v, nodes]) => nodes.map((nodeName) => ({ name, currentVersion: v, newVersion: next, nodeName })))
  const manual = before.kubelets.size > 1 || !before.kubelets.has(version)
  return {
    description,
    components: [
      ...(manual ? rows('kubelet', before.kubelets, version) : []), ...before.parts.flatMap(([name, versions]) => rows(name, versions, version)), { name: 'kube-proxy', currentVersion: before.version, newVersion: version },
      { name: 'CoreDNS', currentVersion: before.dns, newVersion: releaseOf(run.version).coredns }, { name: 'kubeadm', currentVersion: run.version, newVersion: kubeadm }, ...(etcdUpgrade ? rows('etcd', before.etcd, release.etcd) : []),
    ],
  }
}

async function available(run: Run, client: RestClient, wanted: string, etcdUpgrade: boolean, say: (line: string) => Promise<void>): Promise<Upgrade[]> {
  await say('[upgrade] Fetching available versions to upgrade to')
  const label = async (name: string): Promise<string> => (wanted === '' ? resolveVersion(run, name) : wanted)
  const servers = await componentVersions(client, 'kube-apiserver')
  if (servers.size > 1) {
    const found = [...servers].map(([v, nodes]) => `${v} on nodes [${nodes.join(' ')}]`).join(', ')
    await run.warn('compute.go:93', `Different API server versions in the cluster were discovered: ${found}. Please upgrade your control plane nodes to the same version of Kubernetes`)
  }
  const current = [...servers.keys()].sort(compareVersions).at(-1)
  if (current === undefined) throw new Failure("couldn't parse kube-apiserver version")
  const plain = current.replace(/^v/, '')
  await say(`[upgrade/versions] Cluster version: ${plain}`)
  await say(`[upgrade/versions] kubeadm version: ${run.version}`)
  if (wanted !== '' && !/^v?\d+\.\d+\.\d+/.test(wanted)) {
    const why = `Couldn't parse version stable version: could not parse ${JSON.stringify(wanted)} as version`
    await run.warn('compute.go:118', `[upgrade/versions] WARNING: ${why}`)
    await run.warn('compute.go:119', '[upgrade/versions] WARNING: Falling back to current kubeadm version as latest stable version')
    wanted = ''
  }
  const stable = await label('stable')
  await say(`[upgrade/versions] Target version: ${stable}`)
  const before: State = {
    version: plain, dns: await dnsVersion(client), kubelets: await kubeletVersions(client), etcd: await componentVersions(client, 'etcd'),
    parts: [['kube-apiserver', servers], ['kube-controller-manager', await componentVersions(client, 'kube-controller-manager')], ['kube-scheduler', await componentVersions(client, 'kube-scheduler')]],
  }
  const out: Upgrade[] = []
  let minor = compareVersions(plain, stable) < 0
  if (compareVersions(stable, plain) >= 0) {
    const [major, branch] = versionParts(plain)
    const description = `version in the v${major}.${branch} series`
    const patch = await label(`stable-${major}.${branch}`)
    await say(`[upgrade/versions] Latest ${description}: ${patch}`)
    minor = compareVersions(patch, stable) < 0
    if (compareVersions(plain, patch) < 0) out.push(upgradeTo(run, before, description, patch, compareVersions(run.version, patch) >= 0 ? run.version : patch, etcdUpgrade))
  }
  if (minor) out.push(upgradeTo(run, before, 'stable version', stable, stable, etcdUpgrade))
  await say('')
  return out
}

const separator = `${'_'.repeat(69)}\n`
const header = 'COMPONENT\tNODE\tCURRENT\tTARGET'
const row = (c: Component) => `${c.name}\t${c.nodeName ?? ''}\t${c.currentVersion}\t${c.newVersion}`

function upgradeText(u: Upgrade): string[] {
  const version = u.components.find((c) => c.name === 'kube-apiserver')!.newVersion
  const tool = u.components.find((c) => c.name === 'kubeadm')
  const unstable = !version.includes('-') ? '' : version.includes('-rc') ? ' --allow-release-candidate-upgrades' : ' --allow-experimental-upgrades'
  return [
    "Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':",
    ...alignTabs([header, ...u.components.filter((c) => c.name === 'kubelet').map(row)]),
    '', `Upgrade to the latest ${u.description}:`, '',
    ...alignTabs([header, ...u.components.filter((c) => c.name !== 'kubelet' && c.name !== 'kubeadm').map(row)]),
    '', 'You can now apply the upgrade by executing the following command:', '', `\tkubeadm upgrade apply ${version}${unstable}`, '',
    ...(tool && tool.currentVersion !== tool.newVersion ? [`Note: Before you can perform this upgrade, you have to update kubeadm to ${tool.newVersion}.`, ''] : []),
    separator,
  ]
}

const states = [
  { group: 'kubeproxy.config.k8s.io', currentVersion: 'v1alpha1', preferredVersion: 'v1alpha1', manualUpgradeRequired: false },
  { group: 'kubelet.config.k8s.io', currentVersion: 'v1beta1', preferredVersion: 'v1beta1', manualUpgradeRequired: false },
]

const statesText = `
The table below shows the current state of component configs as understood by this version of kubeadm.
Configs that have a "yes" mark in the "MANUAL UPGRADE REQUIRED" column require manual config upgrade or
resetting to kubeadm defaults before a successful upgrade can be performed. The version to manually
upgrade to is denoted in the "PREFERRED VERSION" column.
`

/** `--print-config` */
export async function printConfiguration(run: Run, cluster: ClusterConfiguration): Promise<void> {
  await run.out('[upgrade/config] Configuration used:')
  for (const line of formatConfiguration('ClusterConfiguration', cluster).trimEnd().split('\n')) await run.out(`\t${line}`)
}

export async function plan(run: Run): Promise<void> {
  const { flags } = run
  checkMixedArguments(flags.changedNames)
  const format = flags.string('output') || 'text'
  if (!['text', 'json', 'yaml'].includes(format)) throw new Failure(`could not construct output printer: unable to match a printer suitable for the output format ${JSON.stringify(format)}, allowed formats are: text,json,yaml`)
  const text = format === 'text'
  const say = async (line: string) => (text ? run.out(line) : undefined)
  const given = givenSection(run, 'plan')
  const client = upgradeClient(run, kubeconfigPath(run))
  const ignore = ignoredOf(run, given)
  await say('[preflight] Running pre-flight checks.')
  await runChecks(run, [rootCheck], ignore)
  let loaded
  try {
    loaded = await fetchConfiguration(run, client, 'upgrade/config', { node: true, endpoint: isControlPlaneNode(run), components: true }, !text)
  } catch (error) {
    if (isExpected(error)) throw new Failure(`[upgrade/init config] FATAL: ${error.message}`)
    throw error
  }
  try {
    await checkClusterHealth(run, client, loaded.cluster, ignore, { quiet: !text })
  } catch (error) {
    if (isExpected(error)) throw new Failure(`[upgrade/health] FATAL: ${error.message}`)
    throw error
  }
  if (chosen(run, 'print-config', given['printConfig'], false)) await printConfiguration(run, loaded.cluster)
  const upgrades = await available(run, client, run.args.length === 1 ? run.args[0]! : String(given['kubernetesVersion'] ?? ''), chosen(run, 'etcd-upgrade', given['etcdUpgrade'], true), say)
  if (upgrades.length === 0) return
  if (!text) {
    const object = { kind: 'UpgradePlan', apiVersion: 'output.kubeadm.k8s.io/v1alpha3', availableUpgrades: upgrades, configVersions: states }
    return void (await run.process.stdout.write(format === 'json' ? `${JSON.stringify(object, null, 4)}\n` : emitYaml(object)))
  }
  for (const u of upgrades) await run.out(upgradeText(u).join('\n'))
  const table = alignTabs(['API GROUP\tCURRENT VERSION\tPREFERRED VERSION\tMANUAL UPGRADE REQUIRED', ...states.map((s) => [s.group, s.currentVersion, s.preferredVersion, s.manualUpgradeRequired ? 'yes' : 'no'].join('\t'))])
  await run.out([statesText, ...table, separator].join('\n'))
}
