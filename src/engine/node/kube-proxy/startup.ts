/** What kube-proxy does before it proxies: reads its configuration, tries what the node offers, and says why it cannot go on (cmd/kube-proxy v1.35). */
import { parseIpv4 } from '#base/ip.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import type { Process } from '#engine/machine/process.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { readConfiguration } from './configuration.ts'
import type { KubeProxyConfiguration } from './configuration.ts'
import { decodeConfiguration, validateConfiguration } from './decode.ts'
import type { Log } from './proxiers.ts'

export function flagsOf(argv: readonly string[]): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  for (const arg of argv.slice(1)) {
    const m = /^--?([^=]+)(?:=(.*))?$/s.exec(arg)
    if (m) out.set(m[1]!, m[2] ?? 'true')
  }
  return out
}

/** The flags that set fields of the configuration, in its form; with --config they are not heard. */
function fromFlags(flags: ReadonlyMap<string, string>): Readonly<Record<string, unknown>> {
  const list = (name: string) => flags.get(name)?.split(',')
  const flag = (name: string) => (flags.has(name) ? flags.get(name) === 'true' : undefined)
  const bit = flags.get('iptables-masquerade-bit')
  const masqueradeAll = flag('masquerade-all')
  return {
    mode: flags.get('proxy-mode'), bindAddress: flags.get('bind-address'), clusterCIDR: flags.get('cluster-cidr'), hostnameOverride: flags.get('hostname-override'), nodePortAddresses: list('nodeport-addresses'),
    healthzBindAddress: flags.get('healthz-bind-address'), metricsBindAddress: flags.get('metrics-bind-address'), clientConnection: { kubeconfig: flags.get('kubeconfig') },
    detectLocalMode: flags.get('detect-local-mode'), detectLocal: { bridgeInterface: flags.get('pod-bridge-interface'), interfaceNamePrefix: flags.get('pod-interface-name-prefix') },
    iptables: { masqueradeAll, ...(bit !== undefined && { masqueradeBit: Number(bit) }), localhostNodePorts: flag('iptables-localhost-nodeports'), minSyncPeriod: flags.get('iptables-min-sync-period'), syncPeriod: flags.get('iptables-sync-period') },
    nftables: { masqueradeAll },
    conntrack: { tcpBeLiberal: flag('conntrack-tcp-be-liberal'), tcpEstablishedTimeout: flags.get('conntrack-tcp-timeout-established'), tcpCloseWaitTimeout: flags.get('conntrack-tcp-timeout-close-wait') },
  }
}

/** The configuration, logging what is odd about it, or what `command failed` says. */
export function loadConfiguration(process: Process, flags: ReadonlyMap<string, string>, log: Log): KubeProxyConfiguration | { readonly error: string } {
  const file = flags.get('config')
  let raw = fromFlags(flags)
  let config = readConfiguration(raw)
  if (file !== undefined) {
    if (!process.fs.exists(file)) return { error: `failed complete: open ${file}: no such file or directory` }
    const decoded = decodeConfiguration(process.fs.readFile(file))
    if ('error' in decoded) return decoded
    if (decoded.lenient !== undefined) log('I', 'options.go:360', 'Using lenient decoding as strict decoding failed', { err: decoded.lenient })
    ;({ config, raw } = decoded)
  }
  if ((raw['mode'] ?? '') === '') log('I', 'server_linux.go:53', 'Using iptables proxy')
  const error = validateConfiguration(config, raw)
  return error === undefined ? config : { error }
}

/** The last lines of a kube-proxy that cannot run; its exit code. */
export function giveUp(log: Log, err: string): number {
  log('E', 'server.go:140', 'Error running ProxyServer', { err })
  log('E', 'run.go:72', 'command failed', { err })
  return 1
}

/** Where the image keeps its programs. */
const programFolders: ReadonlySet<string> = new Set(['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'])

/** Why the mode's programs cannot be run. */
export function missingPrograms(process: Process, mode: string): string | undefined {
  const path = process.env.get('PATH')
  if (mode !== 'iptables' || path === undefined || path.split(':').some((dir) => programFolders.has(dir))) return undefined
  return 'iptables is not available on this host : error listing chain "POSTROUTING" in table "nat": executable file not found in $PATH: '
}

/** What a kernel without IPVS makes of the mode: the library's warnings, then the refusal. */
export function refuseIpvs(process: Process, log: Log, write: (line: string) => void): number {
  const time = new Date(Math.floor(process.machine.sim.now)).toISOString().replace(/\.\d+/, '')
  const kernel = process.machine.sysctl?.('kernel.osrelease') ?? '6.8.0'
  write(`time="${time}" level=warning msg="Running modprobe ip_vs failed with message: \`modprobe: WARNING: Module ip_vs not found in directory /lib/modules/${kernel}\`, error: exit status 1"`)
  write(`time="${time}" level=error msg="Could not get ipvs family information from the kernel. It is possible that ipvs is not enabled in your kernel. Native loadbalancing will not work until this is fixed."`)
  log('I', 'proxier.go:750', 'Dummy VS not created', { scheduler: 'rr' })
  return giveUp(log, "can't use the IPVS proxier: Ipvs not supported")
}

/** The node's own address; the loopback one where it has none. */
export function nodeIpOf(node: Node | undefined, nodeName: string, log: Log): string {
  const ip = node?.status?.addresses?.find((a) => a.type === 'InternalIP' && parseIpv4(a.address) !== undefined)?.address ?? '127.0.0.1'
  if (node) log('I', 'server.go:218', 'Successfully retrieved NodeIPs', { NodeIPs: [ip] })
  else {
    log('E', 'node.go:63', 'Timed out waiting for node %q to exist', { [nodeName]: '(MISSING)' })
    log('I', 'server.go:230', "Can't determine this node's IP, assuming loopback; if this is incorrect, please set the --bind-address flag")
  }
  return ip
}

export function setConntrack(config: KubeProxyConfiguration, net: NetNamespace, log: Log): void {
  for (const [entry, value] of [['nf_conntrack_tcp_timeout_established', config.tcpEstablishedTimeout], ['nf_conntrack_tcp_timeout_close_wait', config.tcpCloseWaitTimeout], ['nf_conntrack_tcp_be_liberal', config.tcpBeLiberal ? 1 : 0]] as const) {
    if (value === 0) continue
    log('I', 'conntrack.go:119', 'Set sysctl', { entry: `net/netfilter/${entry}`, value })
    if (net.sysctl(`net.netfilter.${entry}`) !== undefined) net.setSysctl(`net.netfilter.${entry}`, String(value))
  }
}
