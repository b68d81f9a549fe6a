/**
 * New manifests in the place of the old, one component after the other, each of which must come back (phases/upgrade/staticpods.go). What can not come back is rolled
 * back. SIMPLIFICATION: etcd counts as healthy when its port answers.
 */
import { parseYaml } from '#base/go-yaml/parse.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { certificateSpec } from '#engine/kubeadm/certificates.ts'
import { etcdImage } from '#engine/kubeadm/images.ts'
import { componentNames, manifestFolder, type ComponentName } from '#engine/kubeadm/static-pods.ts'
import { FsError } from '#engine/machine/files.ts'
import { pathOf } from '../api.ts'
import { renewable, renewOne } from '../certs-commands.ts'
import { readFile } from '../files.ts'
import { podOptions, writeManifest } from '../phases/control-plane.ts'
import { Failure, isExpected } from '../run.ts'
import { capture } from '../services.ts'
import { temporaryFolder, type UpgradeData } from './data.ts'

const timeout = 300_000
const timeoutText = '5m0s'
const retry = 500

interface Paths {
  readonly fresh: string
  readonly backup: string
}

const manifest = (folder: string, name: string) => `${folder}/${name}.yaml`

/** Which certificates a component uses: they are renewed with it. */
const certificatesOf: Readonly<Record<ComponentName, readonly string[]>> = {
  etcd: ['etcd-server', 'etcd-peer', 'etcd-healthcheck-client'],
  'kube-apiserver': ['apiserver', 'apiserver-kubelet-client', 'front-proxy-client', 'apiserver-etcd-client'],
  'kube-controller-manager': ['controller-manager.conf'],
  'kube-scheduler': ['scheduler.conf'],
}

async function podHash(d: UpgradeData, name: string): Promise<string> {
  const node = d.init.nodeRegistration.name
  try {
    const pod = await d.client.json<KubeObject & { metadata: { annotations?: Record<string, string> } }>('GET', pathOf('v1', 'Pod', 'kube-system', `${name}-${node}`))
    return pod.metadata.annotations?.['kubernetes.io/config.hash'] ?? ''
  } catch (error) {
    if (!isExpected(error)) throw error
    throw new Failure(`failed to obtain static Pod hash for component ${name} on Node ${node}: ${error.message}`)
  }
}

/** Twice a second until it is so; false when time is up. */
async function until(d: UpgradeData, attempt: () => Promise<boolean>): Promise<string | boolean> {
  const end = d.run.process.now() + timeout
  let problem: string | undefined
  for (;;) {
    try {
      problem = undefined
      if (await attempt()) return true
    } catch (error) {
      if (!isExpected(error)) throw error
      problem = error.message
    }
    if (d.run.process.now() >= end) return problem ?? false
    await d.run.process.sleep(retry)
  }
}

async function hashBefore(d: UpgradeData, name: string): Promise<string> {
  let hash = ''
  const found = await until(d, async () => {
    hash = await podHash(d, name)
    return true
  })
  if (found !== true) throw new Failure(String(found))
  return hash
}

async function waitForChange(d: UpgradeData, name: string, before: string): Promise<void> {
  const changed = await until(d, async () => (await podHash(d, name)) !== before)
  if (changed === true) return
  throw new Failure(typeof changed === 'string' ? changed : `static Pod hash for component ${name} on Node ${d.init.nodeRegistration.name} did not change after ${timeoutText}: context deadline exceeded`)
}

async function waitForPods(d: UpgradeData, name: string): Promise<void> {
  let known = -1
  const up = await until(d, async () => {
    const selector = `component=${name}`
    let pods
    try {
      pods = await d.client.json<{ items: { status?: { phase?: string } }[] }>('GET', pathOf('v1', 'Pod', 'kube-system'), { query: { labelSelector: selector } })
    } catch (error) {
      if (!isExpected(error)) throw error
      await d.run.out(`[apiclient] Error getting Pods with label selector ${JSON.stringify(selector)} [${error.message}]`)
      return false
    }
    if (pods.items.length !== known) await d.run.out(`[apiclient] Found ${pods.items.length} Pods for label selector ${selector}`)
    known = pods.items.length
    return known > 0 && pods.items.every((p) => p.status?.phase === 'Running')
  })
  if (up !== true) throw new Failure('context deadline exceeded')
}

async function renewFor(d: UpgradeData, name: ComponentName): Promise<void> {
  const handlers = new Map(renewable(d.cluster).map((h) => [h.name, h]))
  const isEtcd = (c: string) => c !== 'front-proxy-client' && !c.endsWith('.conf') && certificateSpec(c).ca === 'etcd-ca'
  for (const c of certificatesOf[name].filter((x) => d.cluster.etcd.local || !isEtcd(x))) {
    await d.run.out(`[upgrade/staticpods] Renewing ${c} certificate`)
    if (!renewOne(d.run, d.cluster, handlers.get(c)!)) await d.run.out(`[upgrade/staticpods] External CA detected, ${c} certificate can't be renewed`)
  }
}

/** Puts back what was moved away and throws. */
function rollBack(d: UpgradeData, paths: Paths, moved: readonly string[], why: string): never {
  const problems = [why]
  for (const name of moved) {
    try {
      d.run.fs.rename(manifest(paths.backup, name), manifest(manifestFolder, name))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      problems.push(`couldn't move file: rename ${manifest(paths.backup, name)} ${manifest(manifestFolder, name)}: ${error.message.toLowerCase()}`)
    }
  }
  throw new Failure(`couldn't upgrade control plane. kubeadm has tried to recover everything into the earlier state. Errors faced: ${problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`}`)
}

const same = (d: UpgradeData, a: string, b: string) => readFile(d.run, a) === readFile(d.run, b)

async function upgradeComponent(d: UpgradeData, name: ComponentName, paths: Paths, before: string, moved: string[]): Promise<void> {
  const { run } = d
  const [real, fresh, backup] = [manifest(manifestFolder, name), manifest(paths.fresh, name), manifest(paths.backup, name)]
  const serverChanges = name === 'etcd' && !same(d, manifest(manifestFolder, 'kube-apiserver'), manifest(paths.fresh, 'kube-apiserver'))
  await run.out(`[upgrade/staticpods] Preparing for ${JSON.stringify(name)} upgrade`)
  const equal = same(d, real, fresh)
  if (equal && !serverChanges) return run.out(`[upgrade/staticpods] Current and new manifests of ${name} are equal, skipping upgrade`)
  if (d.renewCerts) await renewFor(d, name)
  if (equal && d.renewCerts) await run.out(`[upgrade/staticpods] Restarting the ${name} static pod and backing up its manifest to ${JSON.stringify(backup)}`)
  else await run.out(`[upgrade/staticpods] Moving new manifest to ${JSON.stringify(real)} and backing up old manifest to ${JSON.stringify(backup)}`)
  run.fs.rename(real, backup)
  moved.push(name)
  run.fs.rename(fresh, real)
  await run.out('[upgrade/staticpods] Waiting for the kubelet to restart the component')
  await run.out(`[upgrade/staticpods] This can take up to ${timeoutText}`)
  try {
    if (!equal) await waitForChange(d, name, before)
    await waitForPods(d, name)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    rollBack(d, paths, moved.filter((m) => m !== 'etcd' || name === 'etcd'), error.message)
  }
  await run.out(`[upgrade/staticpods] Component ${JSON.stringify(name)} upgraded successfully!`)
}

const tagOf = (image: string) => image.slice(image.lastIndexOf(':') + 1)
const numbers = (tag: string) => tag.split(/[.-]/).map((n) => Number.parseInt(n, 10) || 0)

function older(a: string, b: string): boolean {
  const [x, y] = [numbers(a), numbers(b)]
  const at = x.findIndex((n, i) => n !== (y[i] ?? 0))
  return at >= 0 && x[at]! < (y[at] ?? 0)
}

async function etcdAnswers(d: UpgradeData): Promise<boolean> {
  for (let i = 0; i < 10; i++) {
    try {
      const connection = await d.run.process.sockets.connect(d.init.localAPIEndpoint.advertiseAddress, 2379, { timeout: 2000 })
      connection.close()
      return true
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await d.run.process.sleep(15_000)
    }
  }
  return false
}

async function upgradeEtcd(d: UpgradeData, paths: Paths, moved: string[]): Promise<void> {
  const { run, cluster } = d
  const local = cluster.etcd.local!
  const backup = temporaryFolder(run, '/etc/kubernetes', 'kubeadm-backup-etcd', true)
  await capture(run, ['cp', '-r', local.dataDir, `${backup}/etcd`])
  const pod = parseYaml(readFile(run, manifest(manifestFolder, 'etcd')) ?? '') as { spec?: { containers?: { image?: string }[] } } | null
  const currentTag = tagOf(pod?.spec?.containers?.[0]?.image ?? '')
  const wanted = tagOf(etcdImage(cluster, run.version))
  if (older(wanted, currentTag)) return run.out(`[upgrade/etcd] Non fatal issue encountered during upgrade: the desired etcd version ${JSON.stringify(wanted)} is older than the currently installed ${JSON.stringify(currentTag)}. Skipping etcd upgrade`)
  const before = await hashBefore(d, 'etcd')
  await writeManifest(d, 'etcd', podOptions(d), paths.fresh)
  try {
    await upgradeComponent(d, 'etcd', paths, before, moved)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    await run.out(`[upgrade/etcd] Failed to upgrade etcd: ${error.message}`)
    await run.out('[upgrade/etcd] Waiting for previous etcd to become available')
    await etcdAnswers(d)
    await run.out('[upgrade/etcd] Etcd was rolled back and is now available')
    throw new Failure(`fatal error when trying to upgrade the etcd cluster, rolled the state back to pre-upgrade state: ${error.message}`)
  }
  await run.out('[upgrade/etcd] Waiting for etcd to become available')
  if (await etcdAnswers(d)) return
  throw new Failure('fatal error upgrading local etcd cluster, rolled the state back to pre-upgrade state: timeout waiting for etcd cluster to be available')
}

export async function upgradeStaticPods(d: UpgradeData): Promise<void> {
  const { run } = d
  const paths: Paths = { fresh: temporaryFolder(run, '/etc/kubernetes', 'kubeadm-upgraded-manifests', false), backup: temporaryFolder(run, '/etc/kubernetes', 'kubeadm-backup-manifests', true) }
  const before = new Map<ComponentName, string>()
  for (const name of componentNames) before.set(name, await hashBefore(d, name))
  await run.out(`[upgrade/staticpods] Writing new Static Pod manifests to ${JSON.stringify(paths.fresh)}`)
  for (const name of componentNames) await writeManifest(d, name, podOptions(d), paths.fresh)
  const moved: string[] = []
  if (d.cluster.etcd.local && d.etcdUpgrade) await upgradeEtcd(d, paths, moved)
  for (const name of componentNames) await upgradeComponent(d, name, paths, before.get(name)!, moved)
  if (d.renewCerts) {
    for (const h of renewable(d.cluster).filter((x) => x.name === 'admin.conf' || (x.name === 'super-admin.conf' && run.fs.exists('/etc/kubernetes/super-admin.conf')))) {
      if (!renewOne(run, d.cluster, h)) await run.out(`[upgrade/staticpods] External CA detected, ${h.name} certificate can't be renewed`)
    }
  }
  await capture(run, ['rm', '-rf', paths.fresh])
}

/** What a dry run shows in their place. */
export async function showStaticPods(d: UpgradeData): Promise<void> {
  const { run } = d
  await run.process.stdout.write(`[dryrun] Would upgrade your static Pod-hosted control plane to version ${JSON.stringify(d.cluster.kubernetesVersion)}`)
  for (const name of componentNames) {
    await writeManifest(d, name, podOptions(d), d.dryRunFolder)
    await run.out(`[dryrun] Would write file ${JSON.stringify(manifest(manifestFolder, name))} with content:\n${run.fs.readFile(manifest(d.dryRunFolder, name)).trimEnd().replace(/^(?=.)/gm, '\t')}`)
  }
}
