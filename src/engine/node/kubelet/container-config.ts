/** From a container of a pod to what the runtime is asked to create (kuberuntime_container.go generateContainerConfig). */
import type { MountSpec } from '#engine/machine/machine.ts'
import type { User } from '#engine/machine/process.ts'
import type { Container, Pod } from '#engine/kinds/pod/types.ts'
import type { ContainerConfig, Sandbox } from '../runtime/containerd.ts'
import type { ImageBehaviour } from '../runtime/image.ts'
import { podText } from './actions.ts'
import { ConfigError, expand, makeEnvironment } from './environment.ts'
import { hostsText, podDns, podHostname, resolvConfText } from './sandbox-files.ts'
import { podFolder, type MountedVolume } from './volumes.ts'
import type { WorkerHost } from './worker-host.ts'

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export function logFolder(pod: Pod): string {
  return `/var/log/pods/${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`
}

export function terminationPath(pod: Pod, container: string, attempt: number): string {
  return `${podFolder(pod.metadata.uid ?? '')}/containers/${container}/${attempt.toString(16).padStart(8, '0')}`
}

/** Throws ConfigError: CreateContainerConfigError with its message. */
export function containerConfig(host: WorkerHost, pod: Pod, container: Container, sandbox: Sandbox, image: ImageBehaviour, volumes: ReadonlyMap<string, MountedVolume>, attempt: number, current: () => Pod): ContainerConfig {
  const fs = host.node.fs
  const podIP = sandbox.hostNetwork ? host.nodeIp : (sandbox.ip ?? '')
  const facts = { podIP, hostIP: host.nodeIp, allocatable: host.allocatable }
  const env = makeEnvironment(pod, container, host.volumes, facts)
  const user = containerUser(pod, container, image)
  checkNonRoot(pod, container, image, user)
  const [hostname, domain] = podHostname(pod, host.dns.clusterDomain)
  const hostName = sandbox.hostNetwork ? host.node.hostname : hostname
  const argv = [...(container.command ?? image.entrypoint ?? []), ...(container.args ?? (container.command ? [] : (image.command ?? [])))].map((a) => expand(a, (name) => env.get(name)))
  if (argv.length === 0) throw new ConfigError('no command specified')
  const all: Record<string, string> = { PATH: defaultPath, HOSTNAME: hostName, ...image.env }
  for (const [name, value] of env) all[name] = value
  if (all['HOME'] === undefined) all['HOME'] = user.home
  if (container.tty) all['TERM'] = 'xterm'

  const own = `${podFolder(pod.metadata.uid ?? '')}/etc-hosts`
  fs.mkdir(podFolder(pod.metadata.uid ?? ''), { parents: true })
  const mounts: MountSpec[] = []
  const sandboxFolder = `/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${sandbox.id}`
  fs.mkdir(sandboxFolder, { parents: true })
  fs.writeFile(`${sandboxFolder}/resolv.conf`, resolvConfText(podDns(fs, pod, host.dns)))
  fs.writeFile(`${sandboxFolder}/hostname`, hostName + '\n')
  mounts.push({ path: '/etc/resolv.conf', source: `${sandboxFolder}/resolv.conf` }, { path: '/etc/hostname', source: `${sandboxFolder}/hostname` })
  if (!(container.volumeMounts ?? []).some((m) => m.mountPath === '/etc/hosts')) {
    fs.writeFile(own, hostsText(fs, pod, podIP, hostname, domain))
    mounts.push({ path: '/etc/hosts', source: own })
  }
  const termination = terminationPath(pod, container.name, attempt)
  fs.mkdir(termination.slice(0, termination.lastIndexOf('/')), { parents: true })
  fs.writeFile(termination, '')
  fs.chmod(termination, 0o666)
  mounts.push({ path: container.terminationMessagePath || '/dev/termination-log', source: termination })
  for (const mount of container.volumeMounts ?? []) {
    const volume = volumes.get(mount.name)
    if (!volume) continue
    const sub = mount.subPathExpr ? expand(mount.subPathExpr, (name) => env.get(name)) : mount.subPath
    const source = sub ? `${volume.path}/${sub}` : volume.path
    if (sub && !fs.exists(source)) fs.mkdir(source, { parents: true })
    mounts.push({ path: mount.mountPath, source, readOnly: (mount.readOnly ?? false) || volume.readOnly, ...(volume.memory ? { type: 'tmpfs', options: volume.memory } : {}) })
  }
  const security = container.securityContext ?? {}
  return {
    name: container.name,
    attempt,
    image: container.image ?? '',
    argv,
    env: all,
    cwd: container.workingDir || image.workdir || '/',
    user,
    mounts,
    hostname: hostName,
    tty: container.tty ?? false,
    stdin: container.stdin ?? false,
    readOnlyRoot: security.readOnlyRootFilesystem ?? false,
    privileged: security.privileged ?? false,
    ...(security.capabilities && { capabilities: security.capabilities }),
    noNewPrivileges: security.allowPrivilegeEscalation === false,
    seccomp: !security.privileged && ['RuntimeDefault', 'Localhost'].includes((security.seccompProfile ?? pod.spec.securityContext?.seccompProfile)?.type ?? ''),
    hostPid: pod.spec.hostPID ?? false,
    sharePids: pod.spec.shareProcessNamespace ?? false,
    logPath: `${logFolder(pod)}/${container.name}/${attempt}.log`,
    stopSignal: (container.lifecycle?.stopSignal as 'SIGTERM' | undefined) ?? image.stopSignal ?? 'SIGTERM',
    labels: { 'io.kubernetes.container.name': container.name, 'io.kubernetes.pod.name': pod.metadata.name, 'io.kubernetes.pod.namespace': pod.metadata.namespace ?? 'default', 'io.kubernetes.pod.uid': pod.metadata.uid ?? '' },
    pod: current,
  }
}

function imageUser(image: ImageBehaviour): { readonly name: string; readonly uid: number | undefined; readonly gid: number | undefined } {
  const [name = '', group] = (image.user ?? '').split(':')
  if (name === '') return { name: 'root', uid: 0, gid: 0 }
  if (/^\d+$/.test(name)) return { name, uid: Number(name), gid: group !== undefined && /^\d+$/.test(group) ? Number(group) : undefined }
  const known = image.users?.find((u) => u.name === name)
  return { name, uid: name === 'root' ? 0 : known?.uid, gid: known?.gid }
}

export function containerUser(pod: Pod, container: Container, image: ImageBehaviour): User {
  const fromImage = imageUser(image)
  const uid = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? fromImage.uid ?? 0
  const known = image.users?.find((u) => u.uid === uid)
  const asked = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser
  const gid = container.securityContext?.runAsGroup ?? pod.spec.securityContext?.runAsGroup ?? (asked === undefined ? (fromImage.gid ?? known?.gid) : known?.gid) ?? 0
  const extra = [...(pod.spec.securityContext?.supplementalGroups ?? []), ...(pod.spec.securityContext?.fsGroup !== undefined ? [pod.spec.securityContext.fsGroup] : [])]
  return { name: uid === 0 ? 'root' : (known?.name ?? String(uid)), uid, gid, groups: [...new Set([gid, ...extra])], home: uid === 0 ? '/root' : (known?.home ?? '/'), shell: known?.shell ?? '/bin/sh' }
}

function checkNonRoot(pod: Pod, container: Container, image: ImageBehaviour, user: User): void {
  const wanted = container.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot
  if (!wanted) return
  const asked = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser
  const where = `(pod: "${podText(pod)}", container: ${container.name})`
  if (asked !== undefined) {
    if (asked === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`)
    return
  }
  const [name = ''] = (image.user ?? '').split(':')
  if (name !== '' && !/^\d+$/.test(name) && name !== 'root') throw new ConfigError(`container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${where}`)
  if (user.uid === 0) throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`)
}
