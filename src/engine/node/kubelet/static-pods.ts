/**
 * Pods from manifest files (kubelet/config/file.go): every file of the folder that does not start with a dot is a pod; changes are noticed at once,
 * a file that cannot be read is logged and leaves the pod that was there before as it is gone.
 */
import { parseYaml } from '#base/yaml.ts'
import { hex, sha256 } from '#base/sha.ts'
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'

export interface StaticSource {
  readonly pods: ReadonlyMap<string, Pod>
  readonly errors: readonly string[]
}

const systemTolerations = [{ effect: 'NoExecute', operator: 'Exists' }]

/** Defaults that the API server would set and that matter to the kubelet. */
function withDefaults(pod: Pod): Pod {
  const containers = pod.spec.containers.map((c) => ({ terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', ...c, resources: c.resources ?? {} }))
  return {
    ...pod,
    spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', terminationGracePeriodSeconds: 30, schedulerName: 'default-scheduler', enableServiceLinks: true, ...pod.spec, containers } as Pod['spec'],
  }
}

export function readStaticPods(fs: FileSystem, folder: string, nodeName: string): StaticSource {
  const pods = new Map<string, Pod>()
  const errors: string[] = []
  if (folder === '') return { pods, errors }
  if (!fs.exists(folder)) {
    errors.push(`"Unable to read config path" err="path does not exist, ignoring" path="${folder}"`)
    return { pods, errors }
  }
  const read = (path: string): void => {
    let text: string
    try {
      if (fs.stat(path).type === 'directory') return
      text = fs.readFile(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      errors.push(`"Can't get metadata for path" path="${path}" err="${error.message.toLowerCase()}"`)
      return
    }
    let value: unknown
    try {
      value = parseYaml(text)
    } catch (error) {
      errors.push(`"Could not process manifest file" err="${path}: couldn't parse as pod(${error instanceof Error ? error.message.split('\n')[0] : String(error)}), please check config file" path="${path}"`)
      return
    }
    const pod = value as Pod | null
    if (typeof pod !== 'object' || pod === null || pod.kind !== 'Pod' || !Array.isArray(pod.spec?.containers) || typeof pod.metadata?.name !== 'string') {
      const kind = (pod as { kind?: string } | null)?.kind
      errors.push(`"Could not process manifest file" err="${path}: couldn't parse as pod(${kind === undefined ? "Object 'Kind' is missing in '" + text.slice(0, 40).replace(/\n/g, '\\n') + "'" : 'invalid pod'}), please check config file" path="${path}"`)
      return
    }
    const hash = hex(sha256(`${path}\n${text}`)).slice(0, 32)
    const uid = pod.metadata.uid ?? hash
    const name = `${pod.metadata.name}-${nodeName}`
    pods.set(
      path,
      withDefaults({
        ...pod,
        metadata: {
          ...pod.metadata,
          name,
          namespace: pod.metadata.namespace ?? 'default',
          uid,
          annotations: { ...pod.metadata.annotations, 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.source': 'file' },
        },
        spec: { ...pod.spec, nodeName, tolerations: [...(pod.spec.tolerations ?? []), ...systemTolerations] },
      }),
    )
  }
  if (fs.stat(folder).type === 'directory') for (const name of fs.readDir(folder)) if (!name.startsWith('.')) read(`${folder}/${name}`)
  return { pods, errors }
}

/** The mirror of a static pod in the API; its owner is the node. */
export function mirrorOf(pod: Pod, nodeUid: string, now: string): Pod {
  const { uid, ...metadata } = pod.metadata
  void uid
  return {
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...pod.metadata.annotations, 'kubernetes.io/config.mirror': pod.metadata.annotations!['kubernetes.io/config.hash']!, 'kubernetes.io/config.seen': now },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: pod.spec.nodeName!, uid: nodeUid, controller: true }],
    },
    spec: pod.spec,
  }
}
