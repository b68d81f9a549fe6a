/** The files that kubelet and containerd write for a pod: /etc/hosts, /etc/hostname and /etc/resolv.conf by DNS policy (network/dns, kubelet_pods.go). */
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'

export interface DnsSettings {
  readonly clusterDns: readonly string[]
  readonly clusterDomain: string
  /** --resolv-conf, on the node. */
  readonly resolvConf: string
}

export interface DnsConfig {
  readonly nameservers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

export function readResolvConf(fs: FileSystem, path: string): DnsConfig {
  let text = ''
  try {
    text = path === '' ? '' : fs.readFile(path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  const nameservers: string[] = []
  let searches: string[] = []
  let options: string[] = []
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/)
    if (words[0] === 'nameserver' && words[1]) nameservers.push(words[1])
    else if (words[0] === 'search') searches = words.slice(1).filter((w) => w !== '.')
    else if (words[0] === 'options') options = words.slice(1)
  }
  return { nameservers, searches, options }
}

export function podDns(fs: FileSystem, pod: Pod, settings: DnsSettings): DnsConfig {
  const host = readResolvConf(fs, settings.resolvConf)
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst'
  let config: DnsConfig
  if (policy === 'None') config = { nameservers: [], searches: [], options: [] }
  else if (policy === 'Default' || (policy === 'ClusterFirst' && pod.spec.hostNetwork) || settings.clusterDns.length === 0) config = host
  else {
    const domain = settings.clusterDomain
    const searches = domain ? [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain] : []
    config = { nameservers: settings.clusterDns, searches: [...searches, ...host.searches.filter((s) => !searches.includes(s))], options: ['ndots:5'] }
  }
  const extra = pod.spec.dnsConfig
  if (!extra) return config
  const options = new Map(config.options.map((o) => [o.split(':')[0]!, o]))
  for (const o of extra.options ?? []) if (o.name) options.set(o.name, o.value === undefined || o.value === '' ? o.name : `${o.name}:${o.value}`)
  const unique = (list: readonly string[]) => [...new Set(list)]
  return { nameservers: unique([...config.nameservers, ...(extra.nameservers ?? [])]).slice(0, 3), searches: unique([...config.searches, ...(extra.searches ?? [])]), options: [...options.values()] }
}

export function resolvConfText(config: DnsConfig): string {
  const lines: string[] = []
  if (config.searches.length > 0) lines.push(`search ${config.searches.join(' ')}`)
  for (const server of config.nameservers) lines.push(`nameserver ${server}`)
  if (config.options.length > 0) lines.push(`options ${config.options.join(' ')}`)
  return lines.map((l) => l + '\n').join('')
}

export function hostsText(fs: FileSystem, pod: Pod, ip: string, hostname: string, domain: string): string {
  const aliases = (pod.spec.hostAliases ?? []).map((a) => `${a.ip}\t${(a.hostnames ?? []).join('\t')}\n`).join('')
  const tail = aliases === '' ? '' : `\n# Entries added by HostAliases.\n${aliases}`
  if (pod.spec.hostNetwork) {
    let host = ''
    try {
      host = fs.readFile('/etc/hosts')
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    return `# Kubernetes-managed hosts file (host network).\n${host}${tail}`
  }
  const own = domain === '' ? `${ip}\t${hostname}` : `${ip}\t${hostname}.${domain}\t${hostname}`
  return (
    '# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n' +
    `${own}\n${tail}`
  )
}

/** [hostname, domain] of a pod. */
export function podHostname(pod: Pod, clusterDomain: string): [string, string] {
  const hostname = pod.spec.hostname && pod.spec.hostname !== '' ? pod.spec.hostname : pod.metadata.name.slice(0, 63).replace(/[-.]+$/, '')
  const domain = pod.spec.subdomain ? `${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : ''
  return [pod.spec.setHostnameAsFQDN && domain !== '' ? `${hostname}.${domain}` : hostname, domain]
}
