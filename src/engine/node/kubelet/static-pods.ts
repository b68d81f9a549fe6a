/**
 * Pods from manifest files (kubelet/config/file.go): every file of the folder that does not start with a dot is a pod; changes are noticed at once,
 * a file that cannot be read is logged and leaves the pod that was there before as it is gone.
 */
import { parseYaml } from '#base/go-yaml/parse.ts'
import { hex, sha256 } from '#base/sha.ts'
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'

export interface StaticSource {
  readonly pods: ReadonlyMap<string, Pod>
  readonly errors: readonly StaticError[]
}

export interface StaticError {
  readonly path: string
  /** Where and what the kubelet logs. */
  readonly where: string
  readonly message: string
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
  const errors: StaticError[] = []
  const refuse = (path: string, why: string) => errors.push({ path, where: 'file.go:108', message: `"Unable to process watch event" err=${JSON.stringify(`can't process config file ${JSON.stringify(path)}: ${why}`)}` })
  const unparsable = (path: string, why: string) => refuse(path, `${path}: couldn't parse as pod(${why}), please check config file`)
  if (folder === '') return { pods, errors }
  if (!fs.exists(folder)) {
    errors.push({ path: folder, where: 'file.go:104', message: `"Unable to read config path" err="path does not exist, ignoring" path="${folder}"` })
    return { pods, errors }
  }
  const read = (path: string): void => {
    let text: string
    try {
      if (fs.stat(path).type === 'directory') return
      text = fs.readFile(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      errors.push({ path, where: 'file.go:157', message: `"Can't get metadata for path" path="${path}" err="${error.message.toLowerCase()}"` })
      return
    }
    let value: unknown
    try {
      value = parseYaml(text)
    } catch (error) {
      unparsable(path, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
      return
    }
    const object = value as { kind?: unknown; apiVersion?: unknown } | null
    if (typeof object !== 'object' || object === null || typeof object.kind !== 'string') {
      unparsable(path, `Object 'Kind' is missing in '${value === null || value === undefined ? 'null' : JSON.stringify(value)}'`)
      return
    }
    if (object.kind !== 'Pod' || object.apiVersion !== 'v1') {
      unparsable(path, `no kind ${JSON.stringify(object.kind)} is registered for version ${JSON.stringify(String(object.apiVersion ?? ''))} in scheme "pkg/runtime/scheme.go:111"`)
      return
    }
    const pod = value as Pod
    if (typeof pod.metadata?.name !== 'string' || pod.metadata.name === '') {
      refuse(path, 'invalid pod: name is needed for the pod')
      return
    }
    const missing = !Array.isArray(pod.spec?.containers) || pod.spec.containers.length === 0 ? ['spec.containers: Required value'] : pod.spec.containers.flatMap((c, i) => [...(c.name ? [] : [`spec.containers[${i}].name: Required value`]), ...(c.image ? [] : [`spec.containers[${i}].image: Required value`])])
    if (missing.length > 0) {
      refuse(path, `invalid pod: [${missing.join(', ')}]`)
      return
    }
    const references = JSON.stringify(pod.spec)
    const forbidden = /"secretKeyRef"|"secretRef"|"secret":\{/.test(references) ? 'secrets' : /"configMapKeyRef"|"configMapRef"|"configMap":\{/.test(references) ? 'configmaps' : undefined
    if (forbidden) {
      errors.push({ path, where: 'file.go:187', message: `"Could not process manifest file" err="static pods may not reference ${forbidden}" path="${path}"` })
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
