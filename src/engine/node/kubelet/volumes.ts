/**
 * Volumes of a pod on its node: directories under /var/lib/kubelet/pods/UID/volumes with the files of ConfigMaps, Secrets, projected sources and the
 * downward API (written by an atomic swap of `..data`), emptyDir, hostPath, local and hostPath-backed claims. Attachable disks are left out.
 */
import { fromBase64 } from '#base/bytes.ts'
import { ApiUnreachable, StatusError } from '#engine/api/types.ts'
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import type { PersistentVolume } from '#engine/kinds/persistentvolume/types.ts'
import type { PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import type { DownwardItem, KeyToPath, Pod, Volume } from '#engine/kinds/pod/types.ts'
import { FileTree } from '#engine/machine/tree.ts'
import type { View } from '#engine/machine/vfs.ts'
import { parseQuantity, quantityValue } from '#base/quantity.ts'
import { fieldValue, resourceValue, type ObjectSource, type PodFacts } from './environment.ts'

export interface VolumeSource extends ObjectSource {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): string
}

export interface MountedVolume {
  /** On the node. */
  readonly path: string
  readonly readOnly: boolean
  /** A file system in memory, with its options. */
  readonly memory?: string
}

export type VolumeOutcome = { readonly ok: true; readonly volume: MountedVolume } | { readonly ok: false; readonly event: string }

const podsFolder = '/var/lib/kubelet/pods'

export function podFolder(uid: string): string {
  return `${podsFolder}/${uid}`
}

interface Projected {
  readonly path: string
  readonly text: string
  readonly mode: number
}

class MountFailure extends Error {}

/** Makes one volume ready; running it again refreshes what has changed. */
export function setUpVolume(fs: FileSystem, pod: Pod, volume: Volume, source: VolumeSource, facts: PodFacts, now: number, fsGroup: number | undefined): VolumeOutcome {
  try {
    return { ok: true, volume: mountVolume(fs, pod, volume, source, facts, now, fsGroup) }
  } catch (error) {
    if (error instanceof MountFailure) return { ok: false, event: error.message }
    if (error instanceof FsError || error instanceof StatusError || error instanceof ApiUnreachable) return { ok: false, event: `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}` }
    throw error
  }
}

function mountVolume(fs: FileSystem, pod: Pod, volume: Volume, source: VolumeSource, facts: PodFacts, now: number, fsGroup: number | undefined): MountedVolume {
  const folder = (kind: string) => `${podFolder(pod.metadata.uid ?? '')}/volumes/kubernetes.io~${kind}/${volume.name}`
  const failed = (why: string) => new MountFailure(`MountVolume.SetUp failed for volume "${volume.name}" : ${why}`)
  if (volume.emptyDir) {
    const path = folder('empty-dir')
    if (!fs.exists(path)) {
      fs.mkdir(path, { parents: true })
      if (volume.emptyDir.medium === 'Memory') mountInMemory(fs, path, memoryOptions(volume.emptyDir.sizeLimit ?? facts.allocatable['memory']), now)
      fs.chmod(path, 0o777)
      if (fsGroup !== undefined) {
        fs.chown(path, 0, fsGroup)
        fs.chmod(path, 0o2777)
      }
    }
    return { path, readOnly: false, ...(volume.emptyDir.medium === 'Memory' ? { memory: memoryOptions(volume.emptyDir.sizeLimit ?? facts.allocatable['memory']) } : {}) }
  }
  if (volume.hostPath) return { path: hostPath(fs, volume.hostPath.path, volume.hostPath.type ?? '', failed), readOnly: false }
  if (volume.persistentVolumeClaim || volume.ephemeral) return claimed(fs, pod, volume, source)
  const kind = volume.configMap ? 'configmap' : volume.secret ? 'secret' : volume.downwardAPI ? 'downward-api' : volume.projected ? 'projected' : undefined
  if (!kind) {
    const path = folder('other')
    const remote = remoteProblem(volume, folder('nfs'))
    if (remote !== undefined) throw failed(remote)
    fs.mkdir(path, { parents: true })
    return { path, readOnly: false }
  }
  const path = folder(kind)
  const memory = kind === 'configmap' ? undefined : memoryOptions(facts.allocatable['memory'])
  if (memory !== undefined) mountInMemory(fs, path, memory, now)
  writeAtomically(fs, path, project(pod, volume, source, facts, failed), now, kind === 'configmap' ? 0o777 : 0o1777, fsGroup)
  return { path, readOnly: true, ...(memory === undefined ? {} : { memory }) }
}

function memoryOptions(size: string | undefined): string {
  const quantity = parseQuantity(size ?? '')
  return `relatime${quantity ? `,size=${Math.ceil(Number(quantityValue(quantity)) / 4096) * 4}k` : ''},noswap`
}

/** Secrets, tokens and what else must not touch a disk. */
function mountInMemory(fs: FileSystem, path: string, options: string, now: number): void {
  const view = fs as View
  fs.mkdir(path, { parents: true })
  if (view.find(path).mount.path === path) return
  const tree = new FileTree({ mtime: now, mode: 0o1777 })
  tree.root.nlink = 2
  view.mount(path, tree.root, { source: 'tmpfs', type: 'tmpfs', options })
}

/** Takes the file systems of a pod's volumes away. */
export function unmountVolumes(fs: FileSystem, folder: string): void {
  const { namespace } = fs as View
  for (const mount of [...namespace.mounts]) if (mount.path.startsWith(`${folder}/`)) namespace.detach(mount.path)
}

/** Why a disk elsewhere cannot be mounted: the nodes have neither NFS's mount program nor CSI drivers. */
function remoteProblem(source: { readonly nfs?: { readonly server: string; readonly path: string }; readonly csi?: { readonly driver: string } }, path: string): string | undefined {
  if (source.csi) return `kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name ${source.csi.driver} not found in the list of registered CSI drivers`
  if (!source.nfs) return undefined
  return `mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs ${source.nfs.server}:${source.nfs.path} ${path}\nOutput: mount: ${path}: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.\n       dmesg(1) may have more information after failed mount system call.\n`
}

function project(pod: Pod, volume: Volume, source: VolumeSource, facts: PodFacts, failed: (why: string) => Error): Projected[] {
  const namespace = pod.metadata.namespace ?? 'default'
  const mode = volume.configMap?.defaultMode ?? volume.secret?.defaultMode ?? volume.downwardAPI?.defaultMode ?? volume.projected?.defaultMode ?? 0o644
  const fromMap = (kind: 'configmap' | 'secret', name: string, items: readonly KeyToPath[] | undefined, optional: boolean | undefined): Projected[] => {
    const object = kind === 'configmap' ? source.configMap(namespace, name) : source.secret(namespace, name)
    if (!object) {
      if (optional) return []
      throw failed(`${kind} "${name}" not found`)
    }
    const data: Record<string, string> =
      kind === 'configmap'
        ? { ...(object as { data?: Record<string, string> }).data, ...decode((object as { binaryData?: Record<string, string> }).binaryData) }
        : decode((object as { data?: Record<string, string> }).data)
    if (!items || items.length === 0) return Object.entries(data).map(([path, text]) => ({ path, text, mode }))
    return items.flatMap((item) => {
      const text = data[item.key]
      if (text === undefined) {
        if (optional) return []
        throw failed(kind === 'configmap' ? `configmap references non-existent config key: ${item.key}` : `references non-existent secret key: ${item.key}`)
      }
      return [{ path: item.path, text, mode: item.mode ?? mode }]
    })
  }
  const downward = (items: readonly DownwardItem[] | undefined): Projected[] =>
    (items ?? []).map((item) => ({
      path: item.path,
      text: item.fieldRef ? fieldValue(pod, item.fieldRef.fieldPath, facts) : item.resourceFieldRef ? resourceValue(pod, pod.spec.containers[0]!, item.resourceFieldRef, facts) : '',
      mode: item.mode ?? mode,
    }))
  if (volume.configMap) return fromMap('configmap', volume.configMap.name ?? '', volume.configMap.items, volume.configMap.optional)
  if (volume.secret) return fromMap('secret', volume.secret.secretName ?? '', volume.secret.items, volume.secret.optional)
  if (volume.downwardAPI) return downward(volume.downwardAPI.items)
  return (volume.projected?.sources ?? []).flatMap((s) => {
    if (s.configMap) return fromMap('configmap', s.configMap.name ?? '', s.configMap.items, s.configMap.optional)
    if (s.secret) return fromMap('secret', s.secret.name ?? '', s.secret.items, s.secret.optional)
    if (s.downwardAPI) return downward(s.downwardAPI.items)
    if (s.serviceAccountToken) return [{ path: s.serviceAccountToken.path, text: source.token(pod, s.serviceAccountToken.audience, s.serviceAccountToken.expirationSeconds ?? 3600), mode }]
    return []
  })
}

function decode(data: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(data ?? {}).map(([k, v]) => [k, fromBase64(v) ?? '']))
}

/** `..2026_03_02_09_00_00.123456789`, linked as `..data`, and a link per top-level name. Nothing is touched when nothing changed. */
function writeAtomically(fs: FileSystem, folder: string, files: readonly Projected[], now: number, mode: number, fsGroup: number | undefined): void {
  fs.mkdir(folder, { parents: true })
  fs.chmod(folder, fsGroup === undefined ? mode : mode | 0o2000)
  if (fsGroup !== undefined) fs.chown(folder, 0, fsGroup)
  const current = fs.exists(`${folder}/..data`) ? fs.readlink(`${folder}/..data`) : undefined
  if (current !== undefined && same(fs, `${folder}/${current}`, files)) return
  const stamp = new Date(Math.floor(now)).toISOString().replace(/[-:T]/g, '_').slice(0, 19)
  const data = `..${stamp}.${String(Math.floor(now * 1000) % 1_000_000_000).padStart(9, '0')}`
  for (const file of files) {
    const path = `${folder}/${data}/${file.path}`
    fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
    fs.writeFile(path, file.text)
    // A pod's fsGroup owns the files and may read them.
    fs.chmod(path, fsGroup === undefined ? file.mode : file.mode | 0o440)
    if (fsGroup !== undefined) fs.chown(path, 0, fsGroup)
  }
  if (files.length === 0) fs.mkdir(`${folder}/${data}`, { parents: true })
  fs.symlink(data, `${folder}/..data_tmp`)
  fs.rename(`${folder}/..data_tmp`, `${folder}/..data`)
  const top = new Set(files.map((f) => f.path.split('/')[0]!))
  for (const name of top) if (!linkExists(fs, `${folder}/${name}`)) fs.symlink(`..data/${name}`, `${folder}/${name}`)
  for (const name of fs.readDir(folder)) if (!name.startsWith('..') && !top.has(name)) fs.unlink(`${folder}/${name}`)
  if (current !== undefined) removeAll(fs, `${folder}/${current}`)
}

function linkExists(fs: FileSystem, path: string): boolean {
  try {
    fs.lstat(path)
    return true
  } catch {
    return false
  }
}

function same(fs: FileSystem, folder: string, files: readonly Projected[]): boolean {
  const names = listFiles(fs, folder)
  if (names.length !== files.length) return false
  return files.every((f) => fs.exists(`${folder}/${f.path}`) && fs.readFile(`${folder}/${f.path}`) === f.text)
}

function listFiles(fs: FileSystem, folder: string): string[] {
  if (!fs.exists(folder)) return []
  return fs.readDir(folder).flatMap((name) => (fs.lstat(`${folder}/${name}`).type === 'directory' ? listFiles(fs, `${folder}/${name}`) : [`${folder}/${name}`]))
}

export function removeAll(fs: FileSystem, path: string): void {
  let type: string
  try {
    type = fs.lstat(path).type
  } catch (error) {
    if (error instanceof FsError) return
    throw error
  }
  if (type === 'directory') {
    for (const name of fs.readDir(path)) removeAll(fs, `${path}/${name}`)
    fs.rmdir(path)
  } else fs.unlink(path)
}

const hostPathChecks: Readonly<Record<string, { readonly type: string; readonly create?: boolean; readonly text: string }>> = {
  Directory: { type: 'directory', text: 'is not a directory' },
  DirectoryOrCreate: { type: 'directory', create: true, text: 'is not a directory' },
  File: { type: 'file', text: 'is not a file' },
  FileOrCreate: { type: 'file', create: true, text: 'is not a file' },
  Socket: { type: 'socket', text: 'is not a socket file' },
  CharDevice: { type: 'device', text: 'is not a character device' },
  BlockDevice: { type: 'device', text: 'is not a block device' },
}

function hostPath(fs: FileSystem, path: string, type: string, failed: (why: string) => Error): string {
  const check = hostPathChecks[type]
  if (!check) {
    // Without a type the runtime makes a missing directory.
    if (!fs.exists(path)) fs.mkdir(path, { parents: true })
    return path
  }
  if (!fs.exists(path)) {
    if (!check.create) throw failed(`hostPath type check failed: ${path} ${check.text}`)
    if (check.type === 'directory') fs.mkdir(path, { parents: true })
    else fs.writeFile(path, '')
  } else if (fs.stat(path).type !== check.type) throw failed(`hostPath type check failed: ${path} ${check.text}`)
  return path
}

function claimed(fs: FileSystem, pod: Pod, volume: Volume, source: VolumeSource): MountedVolume {
  const name = volume.persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${volume.name}`
  const claim = source.claim(pod.metadata.namespace ?? 'default', name)
  const volumeName = claim?.spec.volumeName
  if (!claim || !volumeName) throw new MountFailure(`unbound persistentvolumeclaim "${name}"`)
  const persistent = source.volume(volumeName)
  if (!persistent) throw new MountFailure(`persistentvolume "${volumeName}" not found`)
  const readOnly = volume.persistentVolumeClaim?.readOnly ?? false
  if (persistent.spec.local) {
    if (!fs.exists(persistent.spec.local.path)) throw new MountFailure(`MountVolume.NewMounter initialization failed for volume "${volumeName}" : path "${persistent.spec.local.path}" does not exist`)
    return { path: persistent.spec.local.path, readOnly }
  }
  if (persistent.spec.hostPath) {
    return { path: hostPath(fs, persistent.spec.hostPath.path, persistent.spec.hostPath.type ?? '', (why) => new MountFailure(`MountVolume.SetUp failed for volume "${volumeName}" : ${why}`)), readOnly }
  }
  const remote = remoteProblem(persistent.spec as Parameters<typeof remoteProblem>[0], `${podFolder(pod.metadata.uid ?? '')}/volumes/kubernetes.io~nfs/${volumeName}`)
  if (remote !== undefined) throw new MountFailure(`MountVolume.SetUp failed for volume "${volumeName}" : ${remote}`)
  // Other disks: a directory of the node stands in for them.
  const path = `/var/lib/kubelet/plugins/kubernetes.io/${volumeName}`
  if (!fs.exists(path)) fs.mkdir(path, { parents: true })
  return { path, readOnly }
}
