/** What an upgrade works with: the cluster's configuration, flags and the UpgradeConfiguration document, the client (cmd/upgrade/apply.go, node.go, common.go). */
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import { fetchConfiguration, isControlPlaneNode } from '../cluster-config.ts'
import { readConfigFile, splitDocuments, type Loaded } from '../config/load.ts'
import { checkMixedArguments, ignoredErrors } from '../config/validate.ts'
import { makeDryRunFolder } from '../init-data.ts'
import { adminClient, Failure, isExpected, type Run } from '../run.ts'

export type Given = Readonly<Record<string, unknown>>

export interface UpgradeData extends Loaded {
  readonly run: Run
  readonly client: RestClient
  /** `apply` chooses the version, `node` follows the cluster. */
  readonly apply: boolean
  readonly controlPlane: boolean
  readonly force: boolean
  readonly interactive: boolean
  readonly dryRun: boolean
  readonly dryRunFolder: string
  readonly etcdUpgrade: boolean
  readonly renewCerts: boolean
  readonly unstable: { readonly experimental: boolean; readonly candidates: boolean }
  readonly ignore: readonly string[]
  readonly patches: string
  readonly skipPhases: readonly string[]
  readonly externalCa: boolean
}

/** A section of the UpgradeConfiguration that --config names. */
export function givenSection(run: Run, section: 'apply' | 'node' | 'plan' | 'diff'): Given {
  const path = run.flags.has('config') ? run.flags.string('config') : ''
  if (path === '') return {}
  const found = splitDocuments(readConfigFile(run, path)).map.get('kubeadm.k8s.io/v1beta4 UpgradeConfiguration')
  return ((found as Record<string, Given> | undefined)?.[section] ?? {})
}

/** Flag before document; flags that a phase does not have keep their usual value. */
export function chosen(run: Run, flag: string, given: unknown, usual: boolean): boolean {
  if (run.flags.has(flag) && run.flags.changed(flag)) return run.flags.bool(flag)
  return typeof given === 'boolean' ? given : usual
}

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
const ignoreFlag = (run: Run) => (run.flags.has('ignore-preflight-errors') ? run.flags.strings('ignore-preflight-errors') : [])
export const ignoredOf = (run: Run, given: Given): string[] => ignoredErrors(ignoreFlag(run), list(given['ignorePreflightErrors']))

export function upgradeClient(run: Run, path: string): RestClient {
  try {
    return adminClient(run, path)
  } catch (error) {
    if (!isExpected(error)) throw error
    throw new Failure(`couldn't create a Kubernetes client from file ${JSON.stringify(path)}: ${error.message}`)
  }
}

async function fetch(run: Run, client: RestClient, apply: boolean, controlPlane: boolean): Promise<Loaded> {
  try {
    return await fetchConfiguration(run, client, 'upgrade', { node: true, endpoint: controlPlane, components: true })
  } catch (error) {
    if (!isExpected(error)) throw error
    if (!apply) throw new Failure(`unable to fetch the kubeadm-config ConfigMap: ${error.message}`)
    if (!/configmaps "kubeadm-config" not found$/.test(error.message)) throw new Failure(`[upgrade] FATAL: ${error.message}`)
    await run.out('[upgrade] In order to upgrade, a ConfigMap called "kubeadm-config" in the "kube-system" namespace must exist.')
    await run.out("[upgrade/config] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.")
    throw new Failure('[upgrade] FATAL: the ConfigMap "kubeadm-config" in the "kube-system" namespace was not found')
  }
}

/** The version that `apply` is told. */
function targetVersion(run: Run, given: Given): string {
  const version = run.args.length === 1 ? run.args[0]! : String(given['kubernetesVersion'] ?? '')
  if (version !== '') return version
  throw new Failure(run.args.length === 0 ? 'missing one or more required arguments. Required arguments: [version]' : 'too many arguments, only 1 argument(s) supported: [version]')
}

export async function upgradeData(run: Run, apply: boolean): Promise<UpgradeData> {
  const { flags } = run
  checkMixedArguments(flags.changedNames)
  const given = givenSection(run, apply ? 'apply' : 'node')
  const version = apply ? targetVersion(run, given) : ''
  const here = isControlPlaneNode(run)
  const dryRun = chosen(run, 'dry-run', given['dryRun'], false)
  const dryRunFolder = dryRun ? await makeDryRunFolder(run, `kubeadm-upgrade-${apply ? 'apply' : 'node'}-dryrun`, 'KUBEADM_UPGRADE_DRYRUN_DIR') : ''
  const path = (flags.has('kubeconfig') && flags.changed('kubeconfig') ? flags.string('kubeconfig') : '') || (apply || here ? '/etc/kubernetes/admin.conf' : '/etc/kubernetes/kubelet.conf')
  if (dryRun) await run.out(`[dryrun] Creating a real client from ${JSON.stringify(path)}`)
  const client = upgradeClient(run, path)
  const loaded = await fetch(run, client, apply, apply || here)
  if (apply) loaded.cluster.kubernetesVersion = version
  const policy = given['imagePullPolicy']
  if (policy !== undefined) Object.assign(loaded.init.nodeRegistration, { imagePullPolicy: policy })
  const force = chosen(run, 'force', given['forceUpgrade'], false)
  const pki = loaded.cluster.certificatesDir
  return {
    ...loaded, run, client, apply, controlPlane: apply || here, force, dryRun, dryRunFolder,
    interactive: apply && !force && !dryRun && !(flags.has('yes') && flags.bool('yes')),
    etcdUpgrade: chosen(run, 'etcd-upgrade', given['etcdUpgrade'], true), renewCerts: chosen(run, 'certificate-renewal', given['certificateRenewal'], true),
    unstable: { experimental: chosen(run, 'allow-experimental-upgrades', given['allowExperimentalUpgrades'], false), candidates: chosen(run, 'allow-release-candidate-upgrades', given['allowRCUpgrades'], false) },
    ignore: ignoredOf(run, given),
    patches: (flags.has('patches') && flags.changed('patches') ? flags.string('patches') : (given['patches'] as { directory?: string } | undefined)?.directory) ?? '',
    skipPhases: flags.has('skip-phases') && flags.strings('skip-phases').length > 0 ? flags.strings('skip-phases') : list(given['skipPhases']),
    externalCa: run.fs.exists(`${pki}/ca.crt`) && !run.fs.exists(`${pki}/ca.key`),
  }
}

/** A folder of its own below /etc/kubernetes/tmp, named by chance or by the clock. */
export function temporaryFolder(run: Run, parent: string, name: string, clock: boolean): string {
  const ending = clock ? `-${new Date(run.process.now()).toISOString().slice(0, 19).replace(/[T:]/g, '-')}` : run.random.letters(10, '123456789')
  const folder = `${parent}/tmp/${name}${ending}`
  run.fs.mkdir(folder, { parents: true, mode: 0o700 })
  return folder
}
