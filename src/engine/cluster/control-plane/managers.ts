/**
 * kube-controller-manager and kube-scheduler as processes: their controllers work exactly while the process lives and its kubeconfig reaches
 * the API server. Wrong flags and files end them with upstream's words; an API server out of reach for longer than the renew deadline costs them the lease,
 * and they end to be started afresh. Out of reach at their start they ask for the lease again and again.
 */
import { parseGoDuration } from '#base/duration.ts'
import type { ApiClient, UserInfo } from '#engine/api/types.ts'
import { chosenControllers, startControllers } from '#engine/control/all.ts'
import { ControllerContext, type CertificateSigner, type DiscoveredResource } from '#engine/control/controller.ts'
import { Scheduler } from '#engine/control/scheduler/scheduler.ts'
import { decodeCertificates, decodeKey, issueCertificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import { goFlags, type Flags } from '#engine/images/flags.ts'
import { serveHealth } from '#engine/images/health.ts'
import { klogLine } from '#engine/images/klog.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { failedToWatch, failedToWatchAt, fromFactory, tellOfLostWatches, type Reach, type Reflector } from '#engine/node/reflectors.ts'
import { readKubeconfig } from '#engine/node/kubelet/kubeconfig.ts'
import { signerOf } from '../signer.ts'

/** A client of a kubeconfig, and others that reach the server exactly as long. */
export interface Connected {
  readonly client: ApiClient
  as(user: UserInfo): ApiClient
  readonly reach: Reach
  close(): void
}

export interface ManagerTies {
  /** A client for what a kubeconfig says; undefined reasons are Go's. */
  client(process: Process, kubeconfig: { readonly server: string; readonly caPem: string; readonly certificatePem: string }): Connected
  readonly version: string
  resources(): readonly DiscoveredResource[]
  /** With the key of the cluster's service accounts. */
  issueToken(namespace: string, account: string, uid: string, secret: string): string
}

const shared = 'authentication-kubeconfig authorization-kubeconfig bind-address client-ca-file kubeconfig leader-elect leader-elect-lease-duration leader-elect-renew-deadline leader-elect-retry-period requestheader-client-ca-file profiling secure-port v feature-gates tls-cert-file tls-private-key-file config logging-format authorization-always-allow-paths tls-cipher-suites tls-min-version'
const controllerFlags = new Set(
  `${shared} allocate-node-cidrs cluster-cidr cluster-name cluster-signing-cert-file cluster-signing-key-file controllers root-ca-file service-account-private-key-file service-cluster-ip-range use-service-account-credentials node-cidr-mask-size node-monitor-grace-period node-monitor-period pod-eviction-timeout terminated-pod-gc-threshold concurrent-deployment-syncs horizontal-pod-autoscaler-sync-period configure-cloud-routes cloud-provider node-startup-grace-period cluster-signing-duration`.split(' '),
)
const schedulerFlags = new Set(`${shared} master write-config-to`.split(' '))

/** --leader-elect-renew-deadline */
const renewDeadline = 10_000
/** --leader-elect-retry-period */
const retryPeriod = 2000
/** The same with its jitter, on average. */
const acquirePeriod = 3200

const schedulerReflectors: readonly Reflector[] = [
  ...[['Node', 'nodes'], ['Namespace', 'namespaces'], ['Service', 'services'], ['PersistentVolume', 'persistentvolumes'], ['PersistentVolumeClaim', 'persistentvolumeclaims'], ['ReplicationController', 'replicationcontrollers']].map(([kind, plural]) => fromFactory(`*v1.${kind}`, `/api/v1/${plural}?`)),
  ...[['StorageClass', 'storageclasses'], ['CSINode', 'csinodes'], ['CSIDriver', 'csidrivers'], ['CSIStorageCapacity', 'csistoragecapacities'], ['VolumeAttachment', 'volumeattachments']].map(([kind, plural]) => fromFactory(`*v1.${kind}`, `/apis/storage.k8s.io/v1/${plural}?`)),
  ...[['ReplicaSet', 'replicasets'], ['StatefulSet', 'statefulsets']].map(([kind, plural]) => fromFactory(`*v1.${kind}`, `/apis/apps/v1/${plural}?`)),
  fromFactory('*v1.PodDisruptionBudget', '/apis/policy/v1/poddisruptionbudgets?'),
  fromFactory('*v1.Pod', '/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&'),
]

interface Component {
  readonly name: string
  readonly flags: ReadonlySet<string>
  readonly port: number
  /** What it watches before it is elected. */
  readonly reflectors: readonly Reflector[]
  start(process: Process, flags: Flags, connected: Connected, ties: ManagerTies): () => void
}

async function run(component: Component, process: Process, ties: ManagerTies): Promise<number> {
  const flags = goFlags(process.argv)
  const fail = async (message: string) => {
    await process.stderr.write(`${message}\n`)
    return 1
  }
  const unknown = flags.unknown(component.flags)
  if (unknown !== undefined) return fail(`Error: unknown flag: --${unknown}`)
  const path = flags.get('kubeconfig') ?? ''
  let credentials
  try {
    for (const name of ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig', 'client-ca-file', 'root-ca-file', 'service-account-private-key-file', 'cluster-signing-cert-file', 'cluster-signing-key-file', 'requestheader-client-ca-file']) {
      const file = flags.get(name)
      if (file !== undefined) process.fs.readFile(file)
    }
    credentials = readKubeconfig(process, path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return fail(klogLine('E', process.now(), process.pid, 'run.go:72', `"command failed" err="stat ${error.path ?? path}: ${error.message.toLowerCase()}"`).trimEnd())
  }
  await process.stderr.write(klogLine('I', process.now(), process.pid, 'serving.go:386', 'Generated self-signed cert in-memory'))
  const pair = issueCertificate(process.machine.sim.random.fork(component.name), { commonName: `localhost@${Math.floor(process.now() / 1000)}`, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }, { now: process.now(), days: 365 })
  try {
    await serveHealth(process, flags.get('bind-address') ?? '0.0.0.0', Number(flags.get('secure-port') ?? component.port), { chain: [pair.certificate], keyId: pair.keyId })
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return fail(klogLine('E', process.now(), process.pid, 'run.go:72', `"command failed" err="failed to create listener: failed to listen on ${flags.get('bind-address') ?? '0.0.0.0'}:${component.port}: listen tcp ${flags.get('bind-address') ?? '0.0.0.0'}:${component.port}: bind: ${error.message.toLowerCase()}"`).trimEnd())
  }
  const connected = ties.client(process, credentials)
  const stop = component.start(process, flags, connected, ties)
  let ended = false
  process.onEnd(() => {
    ended = true
    stop()
    connected.close()
  })
  if (flags.get('leader-elect') === 'false') return await process.forever()
  const { sim } = process.machine
  const lock = `kube-system/${component.name}`
  const tell = (level: 'I' | 'E', where: string, text: string) => void process.stderr.write(klogLine(level, process.now(), process.pid, where, text))
  const lockError = (why: string) => {
    const error = why === 'Unauthorized' ? why : `Get "${credentials.server}/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${component.name}?timeout=5s": ${why}`
    tell('E', 'leaderelection.go:441', `"Error retrieving lease lock" err=${JSON.stringify(error)} lock="${lock}"`)
  }
  const stopTelling = tellOfLostWatches(sim, connected.reach, (why, fresh) => {
    for (const r of component.reflectors) tell('E', failedToWatchAt, failedToWatch(credentials.server, r, why, fresh))
  })
  process.onEnd(stopTelling)
  // Never elected yet: asks for the lease until it can be had.
  const ask = (): void => {
    const why = connected.reach.unreachable()
    if (ended || why === undefined) return
    lockError(why)
    sim.after(/timeout/.test(why) ? 5000 + retryPeriod : acquirePeriod, ask, { quiet: true })
  }
  if (connected.reach.unreachable() !== undefined) sim.after(600, ask, { quiet: true })
  const lost = new Promise<number>((resolve) => {
    let cut = 0
    connected.reach.onReach((reached) => {
      cut++
      const mine = cut
      if (reached || ended) return
      const retry = (left: number): void => {
        if (ended || cut !== mine || left <= 0) return
        const why = connected.reach.unreachable()
        if (why !== undefined) lockError(why)
        sim.after(retryPeriod, () => retry(left - 1), { quiet: true })
      }
      sim.after(retryPeriod / 2, () => retry(renewDeadline / retryPeriod - 1), { quiet: true })
      sim.after(renewDeadline, () => {
        if (ended || cut !== mine) return
        tell('I', 'leaderelection.go:297', `"Failed to renew lease" lease="${lock}" err="context deadline exceeded"`)
        tell('E', component === scheduler ? 'server.go:310' : 'controllermanager.go:340', '"Leaderelection lost"')
        resolve(1)
        sim.woke()
      }, { quiet: true })
    })
  })
  return await Promise.race([process.forever(), lost])
}

/** The signer of the two files, if they are a certificate and its key. */
function signing(process: Process, certFile: string | undefined, keyFile: string | undefined): { signer?: CertificateSigner } {
  if (certFile === undefined || keyFile === undefined) return {}
  const certificate = decodeCertificates(process.fs.readFile(certFile))[0]
  const keyId = decodeKey(process.fs.readFile(keyFile))
  return certificate && keyId === certificate.keyId ? { signer: signerOf(process.machine.sim.random.fork('signer'), { certificate, keyId }) } : {}
}

const controllerManager: Component = {
  name: 'kube-controller-manager',
  flags: controllerFlags,
  port: 10257,
  reflectors: [],
  start: (process, flags, { client, as }, ties) => {
    const rootCa = flags.get('root-ca-file')
    const cidr = flags.get('allocate-node-cidrs') === 'true' ? flags.get('cluster-cidr') : undefined
    const context = new ControllerContext(process.machine.sim, client, {
      ...(cidr !== undefined ? { clusterCidr: cidr } : {}),
      resources: ties.resources(),
      ...(flags.get('service-account-private-key-file') !== undefined ? { issueToken: (...facts: [string, string, string, string]) => ties.issueToken(...facts) } : {}),
      autoscalerSyncPeriod: parseGoDuration(flags.get('horizontal-pod-autoscaler-sync-period') ?? '15s') ?? 15_000,
      nodeCidrMaskSize: Number(flags.get('node-cidr-mask-size') ?? 24),
      ...(rootCa !== undefined ? { rootCa: process.fs.readFile(rootCa) } : {}),
      ...signing(process, flags.get('cluster-signing-cert-file'), flags.get('cluster-signing-key-file')),
    })
    const own = flags.get('use-service-account-credentials') === 'true'
    startControllers(context, own ? (account) => as({ name: `system:serviceaccount:kube-system:${account}`, groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'] }) : undefined, chosenControllers(flags.get('controllers')))
    return () => context.stop()
  },
}

const scheduler: Component = {
  name: 'kube-scheduler',
  flags: schedulerFlags,
  port: 10259,
  reflectors: schedulerReflectors,
  start: (process, _flags, { client }) => {
    const instance = new Scheduler({ sim: process.machine.sim, api: client })
    instance.start()
    return () => instance.stop()
  },
}

export function managerImages(ties: ManagerTies, tags: readonly string[]): ImageBehaviour[] {
  return [controllerManager, scheduler].map((component) => ({
    repository: `registry.k8s.io/${component.name}`,
    tags,
    size: component === scheduler ? 17_382_979 : 23_106_128,
    files: { '/etc/passwd': 'root:x:0:0:root:/root:/sbin/nologin\n' },
    programs: { [`/usr/local/bin/${component.name}`]: (process: Process) => run(component, process, ties) },
    entrypoint: [component.name],
  }))
}

/** Whom a kubeconfig's certificate speaks for. */
export function certificateUser(pem: string): UserInfo | undefined {
  const leaf = decodeCertificates(pem)[0]
  return leaf && { name: leaf.subject.commonName, groups: [...leaf.subject.organizations, 'system:authenticated'] }
}
