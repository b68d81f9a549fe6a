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

interface PackageInfo {
  readonly summary: string
  readonly depends?: string
  readonly kilobytes: number
}

export const packageInfos: Readonly<Record<string, PackageInfo>> = {
  kubeadm: { summary: 'Command-line utility for administering a Kubernetes cluster', depends: 'cri-tools (>= 1.30.0)', kilobytes: 73_000 },
  kubectl: { summary: 'Command-line utility for interacting with a Kubernetes cluster', kilobytes: 60_400 },
  kubelet: { summary: 'Node agent for Kubernetes clusters', depends: 'iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), iproute2, mount, util-linux', kilobytes: 59_500 },
  'cri-tools': { summary: 'Command-line utility for interacting with a container runtime', kilobytes: 42_000 },
  'kubernetes-cni': { summary: 'Binaries required to provision Kubernetes container networking', kilobytes: 95_000 },
  containerd: { summary: 'daemon to control runC', kilobytes: 96_000 },
}

export const statusFile = '/var/lib/dpkg/status'

export interface Installed {
  readonly name: string
  /** With its revision: `1.35.4-1.1`. */
  readonly version: string
  /** `hold`: apt leaves it as it is. */
  readonly want: 'install' | 'hold' | 'deinstall'
  readonly state: 'installed' | 'config-files'
}

const stanza = (p: Installed): string => {
  const info = packageInfos[p.name]
  return `Package: ${p.name}\nStatus: ${p.want} ok ${p.state}\nPriority: optional\nSection: admin\nInstalled-Size: ${info?.kilobytes ?? 1000}\nMaintainer: Kubernetes Authors <dev@kubernetes.io>\nArchitecture: amd64\nVersion: ${p.version}\n${info?.depends ? `Depends: ${info.depends}\n` : ''}Description: ${info?.summary ?? p.name}\nHomepage: https://kubernetes.io\n`
}

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

/** dpkg's list and apt's source of a node whose tools have this version (`v1.35.4`); the tools are held back, as kubeadm's guide says. */
export function packageFiles(version: string): ReadonlyMap<string, string> {
  const plain = version.replace(/^v/, '')
  const minor = plain.split('.').slice(0, 2).join('.')
  const own = kubernetesPackages.map((name): Installed => ({ name, version: `${plain}${revision}`, want: 'hold', state: 'installed' }))
  return new Map([
    [statusFile, formatStatus([...own, ...companions(version), { name: 'containerd', version: '2.1.4-0ubuntu1', want: 'install', state: 'installed' }])],
    ['/etc/apt/sources.list.d/kubernetes.list', `deb [signed-by=/etc/apt/keyrings/kubernetes-apt-keyring.gpg] ${repositoryUrl(minor)}/ /\n`],
    ['/etc/apt/keyrings/kubernetes-apt-keyring.gpg', ''],
  ])
}

/** `v1.35.4` of an installed package; undefined where it is not installed. */
export function installedVersion(status: string, name: string): string | undefined {
  const found = parseStatus(status).find((p) => p.name === name && p.state === 'installed')
  return found && `v${found.version.replace(/-.*$/, '')}`
}
