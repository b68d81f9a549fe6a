/**
 * The packages of a node: versions that the project's repositories offer, which are installed, and dpkg's files that say so. The versions are data; a small and honest
 * model of the package manager (programs/apt) works on these files.
 */
import { minorOf } from './images.ts'

export interface PackageRelease {
  /** Name without the repository's revision: `1.35.4`. */
  readonly version: string
  readonly revision: string
}

/** Newest first, as `apt-cache madison` lists them. */
export const kubernetesReleases: Readonly<Record<string, readonly string[]>> = {
  '1.34': ['1.34.7', '1.34.6', '1.34.5', '1.34.4', '1.34.3', '1.34.2', '1.34.1', '1.34.0'],
  '1.35': ['1.35.4', '1.35.3', '1.35.2', '1.35.1', '1.35.0'],
}

export const revision = '-1.1'
export const kubernetesPackages = ['kubeadm', 'kubectl', 'kubelet'] as const
export const repositoryUrl = (minor: string): string => `https://pkgs.k8s.io/core:/stable:/v${minor}/deb`

export interface PackageInfo {
  readonly summary: string
  readonly depends?: string
  /** Installed. */
  readonly kilobytes: number
  /** Of the archive. */
  readonly size?: number
}

export const packageInfos: Readonly<Record<string, PackageInfo>> = {
  kubeadm: { summary: 'Command-line utility for administering a Kubernetes cluster', depends: 'cri-tools (>= 1.30.0)', kilobytes: 73_000, size: 12_500_000 },
  kubectl: { summary: 'Command-line utility for interacting with a Kubernetes cluster', kilobytes: 60_400, size: 11_500_000 },
  kubelet: { summary: 'Node agent for Kubernetes clusters', depends: 'kubernetes-cni (>= 1.2.0)', kilobytes: 59_500, size: 13_200_000 },
  'cri-tools': { summary: 'Command-line utility for interacting with a container runtime', kilobytes: 42_000, size: 16_200_000 },
  'kubernetes-cni': { summary: 'Binaries required to provision Kubernetes container networking', kilobytes: 95_000, size: 39_900_000 },
  'containerd.io': { summary: 'An open and reliable container runtime', kilobytes: 126_000 },
}

/** What a node's system has besides: names and versions for dpkg's list. */
const systemPackages: readonly (readonly [string, string, string])[] = [
  ['apt', '2.6.1', 'commandline package manager'], ['apt-transport-https', '2.6.1', 'transitional package for https support'], ['bash', '5.2.15-2+b7', 'GNU Bourne Again SHell'], ['ca-certificates', '20230311+deb12u1', 'Common CA certificates'],
  ['conntrack', '1:1.4.7-1+b2', 'Program to modify the conntrack tables'], ['curl', '7.88.1-10+deb12u8', 'command line tool for transferring data with URL syntax'], ['gpg', '2.2.40-1.1', 'GNU Privacy Guard -- minimalist public key operations'],
  ['iproute2', '6.1.0-3', 'networking and traffic control tools'], ['iptables', '1.8.9-2', 'administration tools for packet filtering and NAT'], ['openssh-server', '1:9.2p1-2+deb12u4', 'secure shell (SSH) server, for secure access from remote machines'],
  ['openssl', '3.0.15-1~deb12u1', 'Secure Sockets Layer toolkit - cryptographic utility'], ['sudo', '1.9.13p3-1+deb12u1', 'Provide limited super user privileges to specific users'], ['systemd', '252.33-1~deb12u1', 'system and service manager'],
]

export const statusFile = '/var/lib/dpkg/status'

export interface Installed {
  readonly name: string
  /** With its revision: `1.35.4-1.1`. */
  readonly version: string
  /** `hold`: apt leaves it as it is. */
  readonly want: 'install' | 'hold' | 'deinstall'
  readonly state: 'installed' | 'config-files'
}

const systemSummaries = new Map(systemPackages.map(([name, , summary]) => [name, summary]))
export const summaryOf = (name: string): string => packageInfos[name]?.summary ?? systemSummaries.get(name) ?? name
const maintainer = (name: string) => (kubernetesNames.has(name) ? 'Kubernetes Authors <dev@kubernetes.io>' : 'Debian')
const kubernetesNames: ReadonlySet<string> = new Set([...kubernetesPackages, 'cri-tools', 'kubernetes-cni'])
const depends = (name: string) => (packageInfos[name]?.depends ? `Depends: ${packageInfos[name].depends}\n` : '')

const stanza = (p: Installed): string =>
  `Package: ${p.name}\nStatus: ${p.want} ok ${p.state}\nPriority: optional\nSection: admin\nInstalled-Size: ${packageInfos[p.name]?.kilobytes ?? 1000}\nMaintainer: ${maintainer(p.name)}\nArchitecture: amd64\nVersion: ${p.version}\n${depends(p.name)}Description: ${summaryOf(p.name)}\n${kubernetesNames.has(p.name) ? 'Homepage: https://kubernetes.io\n' : ''}`

export const formatStatus = (list: readonly Installed[]): string => [...list].sort((a, b) => (a.name < b.name ? -1 : 1)).map(stanza).join('\n')

export function parseStatus(text: string): Installed[] {
  return text.split(/\n\n+/).flatMap((block) => {
    const get = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(block)?.[1]
    const [name, status, version] = [get('Package'), get('Status'), get('Version')]
    if (name === undefined || status === undefined || version === undefined) return []
    const [want, , state] = status.split(' ')
    return [{ name, version, want: want as Installed['want'], state: state as Installed['state'] }]
  })
}

const toolVersions: Readonly<Record<number, { readonly cri: string; readonly cni: string }>> = { 34: { cri: '1.34.0-1.1', cni: '1.7.1-1.1' }, 35: { cri: '1.35.0-1.1', cni: '1.8.0-1.1' } }

export const companions = (version: string): readonly Installed[] => {
  const own = toolVersions[minorOf(version)] ?? toolVersions[35]!
  return [{ name: 'cri-tools', version: own.cri, want: 'install', state: 'installed' }, { name: 'kubernetes-cni', version: own.cni, want: 'install', state: 'installed' }]
}

/** The index of a minor version's repository, newest first; undefined where there is no such repository. */
export function repositoryIndex(minor: string): string | undefined {
  const releases = kubernetesReleases[minor]
  if (!releases) return undefined
  const entry = (name: string, version: string) =>
    `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: ${maintainer(name)}\nInstalled-Size: ${packageInfos[name]!.kilobytes}\n${depends(name)}Section: admin\nPriority: optional\nHomepage: https://kubernetes.io\nDescription: ${summaryOf(name)}\nFilename: amd64/${name}_${version}_amd64.deb\nSize: ${packageInfos[name]!.size}\n`
  return [...companions(`v${releases[0]!}`).map((p) => entry(p.name, p.version)), ...kubernetesPackages.flatMap((name) => releases.map((v) => entry(name, `${v}${revision}`)))].join('\n')
}

/** Where apt keeps the index of a source. */
export const indexFile = (url: string): string => `/var/lib/apt/lists/${url.replace(/^\w+:\/\//, '').replace(/\/+$/, '').replaceAll('_', '%5f').replaceAll('/', '_')}_Packages`
export const sourceFile = '/etc/apt/sources.list.d/kubernetes.list'

const known = new Map<string, ReadonlyMap<string, string>>()

/** dpkg's list and apt's source of a node whose tools have this version (`v1.35.4`); the tools are held back, as kubeadm's guide says. */
export function packageFiles(version: string): ReadonlyMap<string, string> {
  const had = known.get(version)
  if (had) return had
  const plain = version.replace(/^v/, '')
  const minor = plain.split('.').slice(0, 2).join('.')
  const own = kubernetesPackages.map((name): Installed => ({ name, version: `${plain}${revision}`, want: 'hold', state: 'installed' }))
  const others = [['containerd.io', '2.1.4-1~debian.12~bookworm'], ...systemPackages].map(([name, v]): Installed => ({ name: name!, version: v!, want: 'install', state: 'installed' }))
  const index = repositoryIndex(minor)
  const files = new Map([
    [statusFile, formatStatus([...own, ...companions(version), ...others])],
    [sourceFile, `deb [signed-by=/etc/apt/keyrings/kubernetes-apt-keyring.gpg] ${repositoryUrl(minor)}/ /\n`],
    ['/etc/apt/keyrings/kubernetes-apt-keyring.gpg', ''],
    ...(index === undefined ? [] : [[indexFile(repositoryUrl(minor)), index] as const]),
  ])
  known.set(version, files)
  return files
}

/** `v1.35.4` of an installed package; undefined where it is not installed. */
export function installedVersion(status: string, name: string): string | undefined {
  const found = parseStatus(status).find((p) => p.name === name && p.state === 'installed')
  return found && `v${found.version.replace(/-.*$/, '')}`
}
