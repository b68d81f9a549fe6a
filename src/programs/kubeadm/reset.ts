/** `kubeadm reset`: a node goes back to a machine with packages (cmd/reset.go, cmd/phases/reset). */
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseYaml } from '#base/go-yaml/parse.ts'
import { defaultCriSocket, type ClusterConfiguration } from '#engine/kubeadm/configuration.ts'
import { kubeletFolder } from '#engine/kubeadm/kubelet.ts'
import { manifestFolder } from '#engine/kubeadm/static-pods.ts'
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { pathOf } from './api.ts'
import { fetchConfiguration, isControlPlaneNode, nodeName } from './cluster-config.ts'
import { checkMixedArguments, ignoredErrors } from './config/validate.ts'
import { confirm } from './confirm.ts'
import { readFile } from './files.ts'
import { rootCheck, runChecks, runtimeProblem } from './preflight.ts'
import { adminClient, isExpected, kubeconfigPath, type Run } from './run.ts'
import { hasInit, stopService } from './services.ts'
import { runPhases, type Phase } from './workflow.ts'

interface ResetData {
  readonly run: Run
  readonly dryRun: boolean
  readonly force: boolean
  readonly cleanTmp: boolean
  readonly certificates: string
  readonly criSocket: string
  readonly ignore: readonly string[]
  readonly cluster: ClusterConfiguration | undefined
}

/** A dry run shows what it reads. */
async function showReads(run: Run, client: RestClient): Promise<void> {
  const show = async (resource: string, kind: string, namespace: string, name: string) => {
    const object = await client.json<KubeObject>('GET', pathOf('v1', kind, namespace || undefined, name))
    await run.out(`[dryrun] Would perform action GET on resource ${JSON.stringify(resource)} in API group "core/v1"\n[dryrun] Resource name ${JSON.stringify(name)}, namespace ${JSON.stringify(namespace)}\n[dryrun] Attached object:\n${emitYaml(object)}`)
  }
  for (const name of ['kubeadm-config', 'kube-proxy', 'kubelet-config']) await show('configmaps', 'ConfigMap', 'kube-system', name)
  const node = nodeName(run)
  await show('nodes', 'Node', '', node)
  if (!isControlPlaneNode(run)) return
  const list = await client.json<{ items: object[] }>('GET', pathOf('v1', 'Pod', 'kube-system'), { query: { fieldSelector: `spec.nodeName=${node}`, labelSelector: 'component=kube-apiserver,tier=control-plane' } })
  await run.out(`[dryrun] Would perform action LIST on resource "pods" in API group "core/v1"\n[dryrun] Attached object:\n${emitYaml({ ...list, items: list.items.map((i) => ({ apiVersion: 'v1', kind: 'Pod', ...i })) })}`)
}

async function resetData(run: Run): Promise<ResetData> {
  const { flags } = run
  checkMixedArguments(flags.changedNames)
  const path = flags.string('config')
  const given = path === '' ? {} : ((parseYaml(readFile(run, path) ?? '') ?? {}) as Record<string, unknown>)
  const dryRun = flags.changed('dry-run') ? flags.bool('dry-run') : given['dryRun'] === true
  let cluster: ClusterConfiguration | undefined
  let criSocket = flags.string('cri-socket') || String(given['criSocket'] ?? '')
  const kubeconfig = kubeconfigPath(run)
  if (run.fs.exists(kubeconfig)) {
    const client = adminClient(run, kubeconfig)
    try {
      if (dryRun) {
        await run.out('[reset] Reading configuration from the "kubeadm-config" ConfigMap in namespace "kube-system"...')
        await run.out("[reset] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.")
        await showReads(run, client)
      }
      const loaded = await fetchConfiguration(run, client, 'reset', { node: true, endpoint: isControlPlaneNode(run), components: true }, dryRun)
      cluster = loaded.cluster
      criSocket ||= loaded.init.nodeRegistration.criSocket
    } catch (error) {
      if (!isExpected(error)) throw error
      await run.warn('reset.go:142', `[reset] Unable to fetch the kubeadm-config ConfigMap from cluster: ${error.message}`)
    }
  }
  return {
    run, dryRun, cluster, criSocket: criSocket || defaultCriSocket, ignore: ignoredErrors(flags.strings('ignore-preflight-errors'), given['ignorePreflightErrors'] as string[] | undefined),
    force: flags.changed('force') ? flags.bool('force') : given['force'] === true, cleanTmp: flags.bool('cleanup-tmp-dir') || given['cleanupTmpDir'] === true,
    certificates: flags.changed('cert-dir') ? flags.string('cert-dir') : String(given['certificatesDir'] ?? '/etc/kubernetes/pki'),
  }
}

async function preflight(d: ResetData): Promise<void> {
  if (!d.force && !d.dryRun) {
    await d.run.warn('preflight.go:55', "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.")
    await confirm(d.run, 'reset', 'Are you sure you want to proceed?')
  }
  await d.run.out('[preflight] Running pre-flight checks')
  await runChecks(d.run, [rootCheck], d.ignore)
}

function removeAll(run: Run, path: string): void {
  const stat = run.fs.lstat(path)
  if (stat.type !== 'directory') return run.fs.unlink(path)
  for (const name of run.fs.readDir(path)) removeAll(run, `${path}/${name}`)
  run.fs.rmdir(path)
}

/** Removes what is in a folder; the folder stays. */
function clean(run: Run, folder: string): void {
  if (run.fs.exists(folder)) for (const name of run.fs.readDir(folder)) removeAll(run, `${folder}/${name}`)
}

async function removeEtcdMember(d: ResetData): Promise<void> {
  const { run, cluster, dryRun } = d
  let dataDir = cluster?.etcd.local?.dataDir
  if (dataDir === undefined) {
    await run.warn('removeetcdmember.go:106', '[reset] No kubeadm config, using etcd pod spec to get data directory')
    const pod = parseYaml(readFile(run, `${manifestFolder}/etcd.yaml`) ?? '') as { spec?: { volumes?: { name: string; hostPath?: { path: string } }[] } } | null
    dataDir = pod ? pod.spec?.volumes?.find((v) => v.name === 'etcd-data')?.hostPath?.path : '/var/lib/etcd'
    if (dataDir === undefined) {
      await run.out('[reset] No etcd config found. Assuming external etcd')
      return run.out('[reset] Please, manually reset etcd to prevent further issues')
    }
  }
  if (dryRun) {
    if (!cluster) return
    await run.out('[dryrun] Would remove the etcd member on this node from the etcd cluster')
    return run.out(`[dryrun] Would delete contents of the etcd data directory: ${dataDir}`)
  }
  if (!cluster && (!run.fs.exists(dataDir) || run.fs.readDir(dataDir).length === 0)) return
  // A worker has no member whose data could be removed.
  clean(run, dataDir)
  await run.out(`[reset] Deleted contents of the etcd data directory: ${dataDir}`)
}

async function unmount(d: ResetData): Promise<void> {
  const { run } = d
  const mounts = (readFile(run, '/proc/mounts') ?? '').split('\n').map((l) => l.split(' ')[1] ?? '').filter((m) => m.startsWith(`${kubeletFolder}/`))
  for (const mount of mounts.sort().reverse()) await run.process.spawn({ argv: ['umount', mount] }).wait()
}

/** Stops and removes the containers of pods. */
function removeContainers(d: ResetData): string | undefined {
  const problem = runtimeProblem(d.run, d.criSocket)
  if (problem !== undefined) return problem.replace('could not connect to the container runtime: ', '')
  const runtime = d.run.process.machine.host.containers!
  for (const sandbox of runtime.sandboxes()) {
    runtime.stopSandbox(sandbox.id)
    runtime.removeSandbox(sandbox.id)
  }
  return undefined
}

const kubeconfigs = ['admin.conf', 'super-admin.conf', 'kubelet.conf', 'bootstrap-kubelet.conf', 'controller-manager.conf', 'scheduler.conf'].map((f) => `/etc/kubernetes/${f}`)

async function cleanupNode(d: ResetData): Promise<void> {
  const { run, dryRun } = d
  const folders = [manifestFolder]
  if (!hasInit(run)) {
    await run.warn('cleanupnode.go:67', '[reset] The kubelet service could not be stopped by kubeadm. Unable to detect a supported init system!')
    await run.warn('cleanupnode.go:68', '[reset] Please ensure kubelet is stopped manually')
  } else if (dryRun) await run.out('[dryrun] Would stop the kubelet service')
  else {
    await run.out('[reset] Stopping the kubelet service')
    const wrong = await stopService(run, 'kubelet')
    if (wrong !== undefined) {
      await run.warn('cleanupnode.go:73', `[reset] The kubelet service could not be stopped by kubeadm: [${wrong}]`)
      await run.warn('cleanupnode.go:74', '[reset] Please ensure kubelet is stopped manually')
    }
  }
  if (dryRun) {
    await run.out(`[dryrun] Would unmount mounted directories in ${JSON.stringify(kubeletFolder)}`)
    await run.out('[dryrun] Would remove Kubernetes-managed containers')
  } else {
    if (run.fs.exists(kubeletFolder)) {
      await run.out(`[reset] Unmounting mounted directories in ${JSON.stringify(kubeletFolder)}`)
      await unmount(d)
      folders.push(kubeletFolder)
    } else await run.warn('cleanupnode.go:86', `[reset] Skipping unmount of directories in ${JSON.stringify(kubeletFolder)}: lstat ${kubeletFolder}: no such file or directory`)
    const wrong = removeContainers(d)
    if (wrong !== undefined) await run.warn('cleanupnode.go:104', `[reset] Failed to remove containers: ${wrong}`)
  }
  if (d.certificates !== '/etc/kubernetes/pki') await run.warn('cleanupnode.go:112', `[reset] WARNING: Cleaning a non-default certificates directory: ${JSON.stringify(d.certificates)}`)
  folders.push(d.certificates, ...(d.cleanTmp ? ['/etc/kubernetes/tmp'] : []))
  if (dryRun) {
    await run.out(`[dryrun] Would delete contents of directories: [${folders.join(' ')}]`)
    return run.out(`[dryrun] Would delete files: [${kubeconfigs.join(' ')}]`)
  }
  await run.out(`[reset] Deleting contents of directories: [${folders.join(' ')}]`)
  for (const folder of folders) clean(run, folder)
  await run.out(`[reset] Deleting files: [${kubeconfigs.join(' ')}]`)
  for (const file of kubeconfigs) if (run.fs.exists(file)) run.fs.unlink(file)
}

const phases: readonly Phase<ResetData>[] = [{ name: 'preflight', run: preflight }, { name: 'remove-etcd-member', run: removeEtcdMember }, { name: 'cleanup-node', run: cleanupNode }]

const instructions = `
The reset process does not perform cleanup of CNI plugin configuration,
network filtering rules and kubeconfig files.

For information on how to perform this cleanup manually, please see:
    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/

`

export async function runReset(run: Run): Promise<void> {
  const words = run.path.split(' ').slice(2)
  if (words[0] === 'phase') return void (await runPhases(phases, words.slice(1), [], () => resetData(run)))
  await runPhases(phases, [], run.flags.strings('skip-phases'), () => resetData(run))
  await run.process.stdout.write(instructions)
}

