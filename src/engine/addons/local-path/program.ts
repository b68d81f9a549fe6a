/**
 * local-path-provisioner: a directory of the chosen node for each claim of its classes, and its end with the claim. SIMPLIFICATION: no helper pods
 * run; the kubelet makes the directory when it mounts it, and its contents stay on the node.
 */
import { ApiUnreachable, StatusError } from '#engine/api/types.ts'
import { persistentvolumes, storageclasses, type PersistentVolume, type StorageClass } from '#engine/kinds/persistentvolume/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { localPathProvisioner } from './manifests.ts'

/** What a helper pod takes, ms. */
const helperTime = 2500
const provisionedBy = 'pv.kubernetes.io/provisioned-by'

interface Config {
  readonly nodePathMap?: readonly { readonly node: string; readonly paths: readonly string[] }[]
}

export async function localPath(process: Process, context: ContainerContext): Promise<number> {
  const { api } = context
  const { sim } = process.machine
  const line = lineWriter(process.stderr)
  const log = (level: string, text: string) => line(`time="${new Date(Math.floor(sim.now)).toISOString().slice(0, 19)}Z" level=${level} msg=${JSON.stringify(text)}`)
  const at = process.argv.indexOf('--config')
  let config: Config
  try {
    config = JSON.parse(process.fs.readFile(process.argv[at + 1] ?? '/etc/config/config.json')) as Config
  } catch (error) {
    log('fatal', `Error starting daemon: invalid empty flag helper-pod-file and it also does not exist at ConfigMap ${process.env.get('POD_NAMESPACE')}/local-path-config with err: ${(error as Error).message}`)
    return 1
  }
  const component = `${localPathProvisioner}_${process.machine.hostname}_${sim.random.fork(process.machine.hostname).uuid()}`
  const claims = api.informer<PersistentVolumeClaim>(persistentvolumeclaims)
  const volumes = api.informer<PersistentVolume>(persistentvolumes)
  const classes = api.informer<StorageClass>(storageclasses)
  const busy = new Set<string>()
  const later = (key: string, run: () => void) => {
    if (busy.has(key) || !process.alive) return
    busy.add(key)
    sim.after(helperTime, () => {
      busy.delete(key)
      if (!process.alive) return
      try {
        run()
      } catch (error) {
        if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
        log('error', error.message)
      }
    })
  }
  const pathOf = (node: string): string | undefined => (config.nodePathMap?.find((n) => n.node === node) ?? config.nodePathMap?.find((n) => n.node === 'DEFAULT_PATH_FOR_NON_LISTED_NODES'))?.paths[0]

  const provision = (claim: PersistentVolumeClaim) => {
    const storageClass = classes.get(undefined, claim.spec.storageClassName ?? '')
    const annotations = claim.metadata.annotations ?? {}
    if (storageClass?.provisioner !== localPathProvisioner || claim.spec.volumeName || claim.metadata.deletionTimestamp !== undefined || annotations['volume.kubernetes.io/storage-provisioner'] !== localPathProvisioner) return
    const node = annotations['volume.kubernetes.io/selected-node']
    const name = `pvc-${claim.metadata.uid}`
    if (volumes.get(undefined, name) || busy.has(name)) return
    const full = `${claim.metadata.namespace}/${claim.metadata.name}`
    api.event(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim ${JSON.stringify(full)}`, component)
    const fail = (why: string) => api.event(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass ${JSON.stringify(storageClass.metadata.name)}: ${why}`, component)
    if (node === undefined) return fail('configuration error, no node was specified')
    if (!claim.spec.accessModes?.every((m) => m === 'ReadWriteOnce' || m === 'ReadWriteOncePod')) return fail('NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes')
    const root = pathOf(node)
    if (root === undefined) return fail(`no local path available on node ${node}`)
    const path = `${root}/${name}_${claim.metadata.namespace}_${claim.metadata.name}`
    log('info', `Creating volume ${name} at ${node}:${path}`)
    later(name, () => {
      api.create<PersistentVolume>(persistentvolumes, {
        apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name, annotations: { 'local.path.provisioner/selected-node': node, [provisionedBy]: localPathProvisioner } },
        spec: {
          capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' }, accessModes: claim.spec.accessModes ?? [], hostPath: { path, type: 'DirectoryOrCreate' }, persistentVolumeReclaimPolicy: storageClass['reclaimPolicy'] as string, storageClassName: storageClass.metadata.name,
          claimRef: { kind: 'PersistentVolumeClaim', namespace: claim.metadata.namespace ?? '', name: claim.metadata.name, uid: claim.metadata.uid ?? '', apiVersion: 'v1', resourceVersion: claim.metadata.resourceVersion ?? '' },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] } },
        },
      } as never)
      log('info', `Volume ${name} has been created on ${node}:${path}`)
      api.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`, component)
    })
  }
  const remove = (volume: PersistentVolume) => {
    const { name } = volume.metadata
    if (volume.metadata.annotations?.[provisionedBy] !== localPathProvisioner || volume.status?.phase !== 'Released' || volume.spec.persistentVolumeReclaimPolicy !== 'Delete' || volume.metadata.deletionTimestamp !== undefined) return
    log('info', `Deleting volume ${name}`)
    later(name, () => api.delete(persistentvolumes, undefined, name))
  }
  claims.onAdd(provision)
  claims.onUpdate(provision)
  volumes.onAdd(remove)
  volumes.onUpdate(remove)
  classes.onAdd(() => claims.list().forEach(provision))
  log('debug', 'Provisioner started')
  await context.terminated()
  return 0
}
