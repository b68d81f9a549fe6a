/** What the phases of `kubeadm init` work with: the configuration from flags or a file, where files go, and the clients (cmd/init.go, newInitData). */
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import { decodeCertificates } from '#engine/machine/certificates.ts'
import type { ClusterConfiguration, InitConfiguration } from '#engine/kubeadm/configuration.ts'
import { clusterAdmins } from '#engine/kubeadm/cluster-objects.ts'
import { loadInit, type Loaded } from './config/load.ts'
import { checkMixedArguments, featureGates, ignoredErrors } from './config/validate.ts'
import { adminClient, ApiError, ConnectError, Failure, type Run } from './run.ts'

export interface InitData extends Loaded {
  readonly run: Run
  readonly init: InitConfiguration
  readonly cluster: ClusterConfiguration
  readonly dryRun: boolean
  readonly dryRunFolder: string
  readonly kubeconfigFolder: string
  readonly patches: string
  readonly ignore: readonly string[]
  readonly externalCa: boolean
  readonly uploadCerts: boolean
  certificateKey: string
  /** The administrator's client; makes the administrator one first. */
  client(): Promise<RestClient>
}

const set = (target: Record<string, unknown>, path: readonly string[], value: unknown) => {
  let at = target
  for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>
  at[path.at(-1)!] = value
}

/** Flag → where it stands in the documents. */
const initFlags: Readonly<Record<string, readonly string[]>> = {
  'apiserver-advertise-address': ['localAPIEndpoint', 'advertiseAddress'], 'apiserver-bind-port': ['localAPIEndpoint', 'bindPort'], 'node-name': ['nodeRegistration', 'name'], 'cri-socket': ['nodeRegistration', 'criSocket'],
  'certificate-key': ['certificateKey'], 'image-pull-policy': ['nodeRegistration', 'imagePullPolicy'],
}
const clusterFlags: Readonly<Record<string, readonly string[]>> = {
  'apiserver-cert-extra-sans': ['apiServer', 'certSANs'], 'cert-dir': ['certificatesDir'], 'control-plane-endpoint': ['controlPlaneEndpoint'], 'image-repository': ['imageRepository'], 'kubernetes-version': ['kubernetesVersion'],
  'pod-network-cidr': ['networking', 'podSubnet'], 'service-cidr': ['networking', 'serviceSubnet'], 'service-dns-domain': ['networking', 'dnsDomain'],
}
/** Flags of the control-plane phases: `name=value` pairs. */
const argumentFlags: Readonly<Record<string, string>> = { 'apiserver-extra-args': 'apiServer', 'controller-manager-extra-args': 'controllerManager', 'scheduler-extra-args': 'scheduler' }
const lists = new Set(['apiserver-cert-extra-sans'])

function featureGatesOf(text: string): Record<string, boolean> {
  const out: Record<string, boolean> = {}
  for (const item of text.split(',').filter((t) => t.trim() !== '')) {
    const [name = '', value] = item.split('=')
    if (value === undefined) throw new Failure(`missing bool value for feature-gate key:${name}`)
    if (featureGates[name.trim()] === undefined) throw new Failure(`unrecognized feature-gate key: ${name.trim()}`)
    if (!/^(true|false|1|0|t|f|T|F|TRUE|FALSE|True|False)$/.test(value.trim())) throw new Failure(`invalid value ${value.trim()} for feature-gate key: ${name.trim()}, use true|false instead`)
    out[name.trim()] = /^[1tT]/.test(value.trim())
  }
  return out
}

/** The documents that the flags of `kubeadm init` and its phases stand for. */
export function flagDocuments(run: Run): { readonly init: Record<string, unknown>; readonly cluster: Record<string, unknown> } {
  const { flags } = run
  const init: Record<string, unknown> = {}
  const cluster: Record<string, unknown> = {}
  const apply = (table: Readonly<Record<string, readonly string[]>>, target: Record<string, unknown>) => {
    for (const [flag, path] of Object.entries(table)) {
      if (!flags.changed(flag)) continue
      const text = flags.string(flag)
      set(target, path, lists.has(flag) ? flags.strings(flag) : flag === 'apiserver-bind-port' ? Number(text) : text)
    }
  }
  apply(initFlags, init)
  apply(clusterFlags, cluster)
  for (const [flag, component] of Object.entries(argumentFlags)) {
    if (!flags.changed(flag)) continue
    set(cluster, [component, 'extraArgs'], flags.string(flag).split(',').map((pair) => ({ name: pair.split('=')[0]!.replace(/^--/, ''), value: pair.slice(pair.indexOf('=') + 1) })))
  }
  if (flags.changed('feature-gates')) cluster['featureGates'] = featureGatesOf(flags.string('feature-gates'))
  if (flags.changed('token') || flags.changed('token-ttl')) init['bootstrapTokens'] = [{ ...(flags.changed('token') ? { token: flags.string('token') } : {}), ...(flags.changed('token-ttl') ? { ttl: flags.string('token-ttl') } : {}) }]
  return { init, cluster }
}

/** A folder of its own for what a dry run writes. */
export async function makeDryRunFolder(run: Run, name: string, variable: string): Promise<string> {
  const given = run.process.env.get(variable)
  const folder = given ?? `/etc/kubernetes/tmp/${name}${run.random.letters(9, '123456789')}`
  if (given === undefined) await run.warn('constants.go:647', `Using dry-run directory ${folder}. To override it, set the environment variable ${variable}`)
  run.fs.mkdir(folder, { parents: true, mode: 0o700 })
  return folder
}

export async function initData(run: Run): Promise<InitData> {
  const { flags } = run
  const given = flagDocuments(run)
  checkMixedArguments(flags.changedNames)
  const token = flags.changed('token') ? flags.string('token') : ''
  if (token !== '' && !/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(token)) throw new Failure(`the bootstrap token ${JSON.stringify(token)} was not of the form "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z"`)
  const loaded = await loadInit(run, flags.string('config'), given)
  const { init, cluster } = loaded
  const ignore = ignoredErrors(flags.strings('ignore-preflight-errors'), init.nodeRegistration.ignorePreflightErrors)
  if (flags.changed('node-name')) init.nodeRegistration.name = flags.string('node-name').trim().toLowerCase()
  if (init.localAPIEndpoint.advertiseAddress === '0.0.0.0') throw new Failure('cannot use "0.0.0.0" as the bind address for the API Server')
  const dryRun = flags.changed('dry-run') ? flags.bool('dry-run') : (init.dryRun ?? false)
  const dryRunFolder = dryRun ? await makeDryRunFolder(run, 'kubeadm-init-dryrun', 'KUBEADM_INIT_DRYRUN_DIR') : ''
  const pki = cluster.certificatesDir
  const externalCa = run.fs.exists(`${pki}/ca.crt`) && !run.fs.exists(`${pki}/ca.key`) && decodeCertificates(run.fs.readFile(`${pki}/ca.crt`)).length > 0
  let made: RestClient | undefined
  return {
    ...loaded, run, dryRun, dryRunFolder,
    kubeconfigFolder: flags.has('kubeconfig-dir') && flags.changed('kubeconfig-dir') ? flags.string('kubeconfig-dir') : '/etc/kubernetes',
    patches: flags.changed('patches') ? flags.string('patches') : (init.patches?.directory ?? ''),
    ignore, externalCa,
    uploadCerts: flags.bool('upload-certs'),
    certificateKey: init.certificateKey ?? '',
    client: async () => {
      if (made) return made
      const path = flags.changed('kubeconfig') ? flags.string('kubeconfig') : '/etc/kubernetes/admin.conf'
      made = path === '/etc/kubernetes/admin.conf' ? await ensureAdministrator(run) : adminClient(run, path)
      return made
    },
  }
}

/** The group of admin.conf gets its rights by a binding that super-admin.conf makes. */
async function ensureAdministrator(run: Run): Promise<RestClient> {
  const admin = adminClient(run, '/etc/kubernetes/admin.conf')
  const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings'
  try {
    await admin.call('POST', bindings, { body: clusterAdmins })
    return admin
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'AlreadyExists') return admin
    if (error instanceof ConnectError) throw new Failure(`could not bootstrap the admin user in file admin.conf: unable to create ClusterRoleBinding: ${error.message}`)
    if (!(error instanceof ApiError) || error.reason !== 'Forbidden') throw error
  }
  const path = '/etc/kubernetes/super-admin.conf'
  if (!run.fs.exists(path)) throw new Failure(`could not bootstrap the admin user in file admin.conf: failed to load super-admin kubeconfig: open ${path}: no such file or directory`)
  try {
    await adminClient(run, path).call('POST', bindings, { body: clusterAdmins })
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'AlreadyExists') throw error
  }
  return admin
}
