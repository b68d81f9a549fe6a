/**
 * Pre-flight checks: what a machine must be like before kubeadm touches it (cmd/kubeadm/app/preflight). Every check reads the machine's own files, ports and services.
 * Left out: versions of an external etcd, the validation of kernel options.
 */
import { parseIpv4 } from '#base/ip.ts'
import { defaultBindPort, type ClusterConfiguration, type InitConfiguration, type JoinConfiguration, type NodeRegistration } from '#engine/kubeadm/configuration.ts'
import { controlPlaneImages } from '#engine/kubeadm/images.ts'
import { manifestFolder } from '#engine/kubeadm/static-pods.ts'
import { FsError } from '#engine/machine/files.ts'
import { readFile } from './files.ts'
import { packageVersion } from './packages.ts'
import { Failure, type Run } from './run.ts'
import { hasInit, inPath, serviceActive, serviceEnabled, serviceExists } from './services.ts'
import { compareVersions, lookupProblem, versionParts } from './version.ts'

interface Findings {
  readonly warnings?: readonly string[]
  readonly errors?: readonly string[]
}

export interface Check {
  readonly name: string
  check(run: Run): Findings | Promise<Findings>
}

const errors = (...list: (string | undefined)[]): Findings => ({ errors: list.filter((e) => e !== undefined) })
const nothing: Findings = {}
const dashed = (path: string) => path.replaceAll('/', '-')

/** Runs them all; throws when one of them fails that is not to be ignored. */
export async function runChecks(run: Run, checks: readonly Check[], ignore: readonly string[]): Promise<void> {
  const fatal: string[] = []
  for (const c of checks) {
    const found = await c.check(run)
    const ignored = ignore.includes('all') || ignore.includes(c.name.toLowerCase())
    for (const w of [...(found.warnings ?? []), ...(ignored ? (found.errors ?? []) : [])]) await run.err(`\t[WARNING ${c.name}]: ${w}`)
    if (!ignored) fatal.push(...(found.errors ?? []).map((e) => `\t[ERROR ${c.name}]: ${e}\n`))
  }
  if (fatal.length === 0) return
  await run.process.stderr.write(`[preflight] Some fatal errors occurred:\n${fatal.join('')}[preflight] If you know what you are doing, you can make a check non-fatal with \`--ignore-preflight-errors=...\`\n`)
  throw new Failure('preflight checks failed')
}

export const rootCheck: Check = { name: 'IsPrivilegedUser', check: (run) => (run.process.user.uid === 0 ? nothing : errors('user is not running as root')) }

const portCheck = (port: number): Check => ({
  name: `Port-${port}`,
  check: (run) => {
    try {
      run.process.sockets.listen('0.0.0.0', port).close()
      return nothing
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      return errors(`Port ${port} is in use`)
    }
  },
})

const fileAvailable = (path: string): Check => ({ name: `FileAvailable-${dashed(path)}`, check: (run) => (run.fs.exists(path) ? errors(`${path} already exists`) : nothing) })
const fileExisting = (path: string, name: string): Check => ({ name, check: (run) => (run.fs.exists(path) ? nothing : errors(`${path} doesn't exist`)) })
const folderAvailable = (path: string): Check => ({ name: `DirAvailable-${dashed(path)}`, check: (run) => (run.fs.exists(path) && run.fs.readDir(path).length > 0 ? errors(`${path} is not empty`) : nothing) })
const programCheck = (name: string): Check => ({ name: `FileExisting-${name}`, check: (run) => (inPath(run, name) ? nothing : errors(`${name} not found in system path`)) })

const contentCheck = (path: string, content: string): Check => ({
  name: `FileContent-${dashed(path)}`,
  check: (run) => {
    const text = readFile(run, path)
    return text === undefined ? errors(`${path} does not exist`) : text.startsWith(content) ? nothing : errors(`${path} contents are not set to ${content}`)
  },
})

const cpuCheck: Check = {
  name: 'NumCPU',
  check: (run) => {
    const count = (readFile(run, '/proc/cpuinfo') ?? '').match(/^processor\s*:/gm)?.length ?? 0
    return count < 2 ? errors(`the number of available CPUs ${count} is less than the required 2`) : nothing
  },
}

const memoryCheck: Check = {
  name: 'Mem',
  check: (run) => {
    const total = Math.floor(Number(/^MemTotal:\s+(\d+) kB/m.exec(readFile(run, '/proc/meminfo') ?? '')?.[1] ?? 0) / 1024)
    return total < 1700 ? errors(`the system RAM (${total} MB) is less than the minimum 1700 MB`) : nothing
  },
}

const versionCheck = (version: string): Check => ({
  name: 'KubernetesVersion',
  check: (run) => {
    const [major, minor] = versionParts(run.version)
    if (compareVersions(version, `v${major}.${minor + 1}.0`) < 0) return nothing
    return { warnings: [`Kubernetes version is greater than kubeadm version. Please consider to upgrade kubeadm. Kubernetes version: ${version.replace(/^v/, '')}. Kubeadm version: ${major}.${minor}.x`] }
  },
})

const noInitSystem = 'no supported init system detected, skipping checking for services'

const firewallCheck = (ports: readonly number[]): Check => ({
  name: 'Firewalld',
  check: async (run) => {
    if (!hasInit(run)) return { warnings: [noInitSystem] }
    if (!(await serviceExists(run, 'firewalld')) || !(await serviceActive(run, 'firewalld'))) return nothing
    return { warnings: [`firewalld is active, please ensure ports [${ports.join(' ')}] are open or your cluster may not function correctly`] }
  },
})

const kubeletServiceCheck: Check = {
  name: 'Service-kubelet',
  check: async (run) => {
    if (!hasInit(run)) return { warnings: [noInitSystem] }
    if (!(await serviceExists(run, 'kubelet'))) return { warnings: ['kubelet service does not exist'] }
    return (await serviceEnabled(run, 'kubelet')) ? nothing : { warnings: ["kubelet service is not enabled, please run 'systemctl enable kubelet.service'"] }
  },
}

/** What a call to the runtime's socket says; undefined when it answers. */
export function runtimeProblem(run: Run, socket: string): string | undefined {
  const path = socket.replace(/^unix:\/\//, '')
  const runtime = run.process.machine.host.containers
  const usual = /^\/(var\/)?run\/containerd\/containerd\.sock$/.test(path)
  if (usual && runtime) return undefined
  const prefix = `could not connect to the container runtime: failed to create new CRI runtime service: validate service connection: validate CRI v1 runtime API for endpoint ${JSON.stringify(socket)}: rpc error: code = `
  const exists = run.fs.exists(path) || (path.startsWith('/var/run/') && run.fs.exists(path.slice(4)))
  if (usual && exists && criDisabled(run)) return `${prefix}Unimplemented desc = unknown service runtime.v1.RuntimeService`
  return `${prefix}Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: ${exists ? 'connection refused' : 'no such file or directory'}"`
}

/** The packages of the runtime's vendor leave its CRI plugin switched off: the daemon answers, but not to this. */
const criDisabled = (run: Run): boolean => /^\s*disabled_plugins\s*=\s*\[[^\]]*["'](?:io\.containerd\.grpc\.v1\.)?cri["']/m.test(readFile(run, '/etc/containerd/config.toml') ?? '')

const runtimeCheck = (socket: string, name: string): Check => ({ name, check: (run) => errors(runtimeProblem(run, socket)) })

const swapCheck: Check = {
  name: 'Swap',
  check: (run) => {
    const lines = (readFile(run, '/proc/swaps') ?? '').trim().split('\n')
    return lines.length > 1 ? { warnings: ['swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap. Please refer to https://kubernetes.io/docs/concepts/architecture/nodes/#swap-memory, or disable swap on the node'] } : nothing
  },
}

export const systemCheck: Check = {
  name: 'SystemVerification',
  check: async (run) => {
    if (kubeletVersion(run) === undefined) return errors(`couldn't get kubelet version: ${noKubelet}`)
    const mounts = readFile(run, '/proc/mounts') ?? ''
    if (/^\S+ \S+ cgroup2? /m.test(mounts)) return nothing
    await run.out('[preflight] The system verification failed. Printing the output from the verification:')
    const why = 'cannot get a cgroupfs mount point from "/proc/mounts"'
    return errors(`failed to get unified mountpoint: ${why}`, `cannot get a cgroup mount point: ${why}`)
  },
}

const noKubelet = `cannot execute 'kubelet --version': exec: "kubelet": executable file not found in $PATH`
export const kubeletVersion = (run: Run): string | undefined => (inPath(run, 'kubelet') ? (packageVersion(run.fs, 'kubelet') ?? run.version) : undefined)

const kubeletVersionCheck = (version: string): Check => ({
  name: 'KubeletVersion',
  check: (run) => {
    const kubelet = kubeletVersion(run)
    if (kubelet === undefined) return errors(`couldn't get kubelet version: ${noKubelet}`)
    const [major, minor] = versionParts(run.version)
    if (compareVersions(kubelet, `v${major}.${minor - 3}.0`) < 0) return errors(`Kubelet version ${JSON.stringify(kubelet.replace(/^v/, ''))} is lower than kubeadm can support. Please upgrade kubelet`)
    if (version !== '' && versionParts(kubelet)[1] > versionParts(version)[1]) {
      return errors(`the kubelet version is higher than the control plane version. This is not a supported version skew and may lead to a malfunctional cluster. Kubelet version: ${JSON.stringify(kubelet.replace(/^v/, ''))} Control plane version: ${JSON.stringify(version.replace(/^v/, ''))}`)
    }
    return nothing
  },
})

const hostnameCheck = (name: string): Check => ({
  name: 'Hostname',
  check: async (run) => {
    const found = await run.process.sockets.lookup(name)
    return found.ok ? nothing : { warnings: [`hostname ${JSON.stringify(name)} could not be reached`, `hostname ${JSON.stringify(name)}: ${await lookupProblem(run, name)}`] }
  },
})

const proxyOf = (run: Run): string | undefined => run.process.env.get('HTTPS_PROXY') ?? run.process.env.get('https_proxy')

function bypassed(run: Run, host: string): boolean {
  const list = (run.process.env.get('NO_PROXY') ?? run.process.env.get('no_proxy') ?? '').split(',').map((t) => t.trim())
  return list.some((item) => item === '*' || item === host || (item.startsWith('.') && host.endsWith(item)) || (item.includes('/') && inside(host, item)))
}

function inside(host: string, cidr: string): boolean {
  const [base = '', length = ''] = cidr.split('/')
  const [a, b] = [parseIpv4(host), parseIpv4(base)]
  return a !== undefined && b !== undefined && Math.floor(a / 2 ** (32 - Number(length))) === Math.floor(b / 2 ** (32 - Number(length)))
}

const proxyCheck = (host: string): Check => ({
  name: 'HTTPProxy',
  check: (run) => (proxyOf(run) && !bypassed(run, host) ? { warnings: [`Connection to "https://${host}" uses proxy ${JSON.stringify(proxyOf(run))}. If that is not intended, adjust your proxy settings`] } : nothing),
})

const proxyRangeCheck = (cidr: string): Check => ({
  name: 'HTTPProxyCIDR',
  check: (run) => (cidr !== '' && proxyOf(run) && !bypassed(run, cidr.split('/')[0]!) ? { warnings: [`connection to ${JSON.stringify(cidr)} uses proxy ${JSON.stringify(proxyOf(run))}. This may lead to malfunctional cluster setup. Make sure that Pod and Services IP ranges specified correctly as exceptions in proxy configuration`] } : nothing),
})

const commonChecks = (version: string, node: NodeRegistration): Check[] => [
  runtimeCheck(node.criSocket, 'CRI'), runtimeCheck(node.criSocket, 'ContainerRuntimeVersion'), swapCheck, ...['losetup', 'mount', 'cp'].map(programCheck), systemCheck, hostnameCheck(node.name), kubeletVersionCheck(version), kubeletServiceCheck, portCheck(10250),
]

const forwardCheck = contentCheck('/proc/sys/net/ipv4/ip_forward', '1')

/** `secondary`: a control plane that joins has been through the common checks. */
export function initChecks(init: InitConfiguration, cluster: ClusterConfiguration, secondary = false): Check[] {
  const { advertiseAddress, bindPort } = init.localAPIEndpoint
  const external = cluster.etcd.external
  return [
    cpuCheck, memoryCheck, versionCheck(cluster.kubernetesVersion), firewallCheck([bindPort || defaultBindPort, 10250]), portCheck(bindPort), portCheck(10259), portCheck(10257),
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'].map((n) => fileAvailable(`${manifestFolder}/${n}.yaml`)),
    proxyCheck(advertiseAddress), proxyRangeCheck(cluster.networking.serviceSubnet), proxyRangeCheck(cluster.networking.podSubnet ?? ''),
    ...(secondary ? [] : [...commonChecks(cluster.kubernetesVersion, init.nodeRegistration), forwardCheck]),
    ...(cluster.etcd.local ? [portCheck(2379), portCheck(2380), folderAvailable(cluster.etcd.local.dataDir)] : []),
    ...(external && !secondary ? [external.caFile, external.certFile, external.keyFile].filter((f) => f).map((f) => fileExisting(f, 'ExternalEtcdClientCertificates')) : []),
  ]
}

export function joinChecks(join: JoinConfiguration): Check[] {
  const host = join.discovery.bootstrapToken?.apiServerEndpoint.replace(/:\d+$/, '')
  return [
    fileAvailable('/etc/kubernetes/kubelet.conf'), fileAvailable('/etc/kubernetes/bootstrap-kubelet.conf'), ...commonChecks('', join.nodeRegistration),
    ...(join.controlPlane ? [] : [fileAvailable(join.caCertPath)]), ...(host === undefined ? [] : [proxyCheck(host), ...(parseIpv4(host) === undefined ? [] : [forwardCheck])]),
  ]
}

export const upgradeChecks = (criSocket: string): Check[] => [systemCheck, runtimeCheck(criSocket, 'ContainerRuntimeVersion')]

const pullCheck = (images: readonly string[], node: NodeRegistration): Check => ({
  name: 'ImagePull',
  check: (run) => {
    const problem = runtimeProblem(run, node.criSocket)
    if (problem !== undefined) return errors(problem)
    if (node.imagePullPolicy === 'Never') return nothing
    const runtime = run.process.machine.host.containers!
    const have = new Set(runtime.images().flatMap((i) => [...i.tags]))
    return errors(...images.filter((i) => node.imagePullPolicy === 'Always' || !have.has(i)).map((i) => {
      const why = runtime.pull(i).error
      return why === undefined ? undefined : `failed to pull image ${i}: failed to pull image ${i}: ${why}`
    }))
  },
})

/** Says that images are pulled, and pulls them. */
export async function pullImages(run: Run, cluster: ClusterConfiguration, node: NodeRegistration, ignore: readonly string[], dryRun: boolean, prefix = 'preflight'): Promise<void> {
  if (dryRun) return run.out(`[${prefix === 'upgrade/preflight' ? 'dryrun' : prefix}] Would pull the required images (like 'kubeadm config images pull')`)
  await run.out(`[${prefix}] Pulling images required for setting up a Kubernetes cluster`)
  await run.out(`[${prefix}] This might take a minute or two, depending on the speed of your internet connection`)
  await run.out(`[${prefix}] You can also perform this action beforehand using 'kubeadm config images pull'`)
  await runChecks(run, [pullCheck(controlPlaneImages(cluster, run.version), node)], ignore)
}
