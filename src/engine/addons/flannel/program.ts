/** The flanneld binary with the Kubernetes subnet manager: its start and log lines, the node's annotations, the watch on other nodes. */
import { cidr4, cidrContains, formatCidr4, formatIpv4 } from '#base/ip.ts'
import { nodes } from '#engine/kinds/node/types.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { goJsonError } from '#engine/node/cni/go-json.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { klogLine } from '#engine/node/klog.ts'
import type { Severity } from '#engine/node/klog.ts'
import { watchRules } from '#engine/node/rule-watch.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { readFlags } from './flags.ts'
import { ensureRules, FlannelNetwork, findUplink } from './network.ts'
import type { FlannelConf, Lease } from './network.ts'

const prefix = 'flannel.alpha.coreos.com'

function readConf(text: string): FlannelConf | { readonly error: string } {
  const parsed = goJsonError(text)
  if (parsed.error !== undefined) return { error: parsed.error }
  const raw = parsed.value as { Network?: string; Backend?: unknown }
  if (typeof raw.Backend === 'string') return { error: `error decoding Backend property of config: json: cannot unmarshal string into Go value of type struct { Type string }` }
  const backend = (raw.Backend ?? {}) as { Type?: string; VNI?: number; Port?: number; MTU?: number; DirectRouting?: boolean }
  return { network: raw.Network ?? '0.0.0.0/0', backend: backend.Type ?? 'udp', vni: backend.VNI ?? 1, port: backend.Port ?? 0, mtu: backend.MTU, directRouting: backend.DirectRouting ?? false }
}

/** Key and values of an object of Go strings as %#v prints a map. */
const goMap = (map: Readonly<Record<string, string>>) => `map[string]string{${Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(', ')}}`

function leaseOf(node: Node): Lease | undefined {
  const a = node.metadata.annotations ?? {}
  const subnet = node.spec.podCIDR
  const publicIp = a[`${prefix}/public-ip`]
  if (subnet === undefined || publicIp === undefined || a[`${prefix}/kube-subnet-manager`] !== 'true') return undefined
  const data = goJsonError(a[`${prefix}/backend-data`] ?? 'null')
  const vtepMac = data.error === undefined ? (data.value as { VtepMAC?: string } | null)?.VtepMAC : undefined
  return { node: node.metadata.name, subnet, publicIp, vtepMac, backend: a[`${prefix}/backend-type`] ?? '' }
}

export async function flanneld(process: Process, context: ContainerContext): Promise<number> {
  const { sim } = process.machine
  const net = process.machine.net
  const write = lineWriter(process.stderr)
  const log = (severity: Severity, at: string, text: string) => write(klogLine(sim.now, severity, text, { at, pid: process.pid }))
  const read = readFlags(process.argv.slice(1))
  if ('usage' in read) {
    write(read.usage)
    return 0
  }
  const flags = read.given
  const flag = (name: string, or: string) => flags.get(name) ?? process.env.get(`FLANNELD_${name.toUpperCase().replaceAll('-', '_')}`) ?? or
  const on = (name: string, or: boolean) => flag(name, String(or)) === 'true'
  const ipMasq = on('ip-masq', false)
  const forwardRules = on('iptables-forward-rules', true)
  const randomFully = !on('ip-masq-fully-random-disable', false)
  const subnetFile = flag('subnet-file', '/run/flannel/subnet.env')
  const confPath = flag('net-config-path', '/etc/kube-flannel/net-conf.json')
  const iface = flag('iface', '')
  const nodeName = process.env.get('NODE_NAME') ?? context.nodeName
  log('I', 'main.go:225', `CLI flags config: {etcdEndpoints:http://127.0.0.1:4001,http://127.0.0.1:2379 etcdPrefix:/coreos.com/network etcdKeyfile: etcdCertfile: etcdCAFile: etcdUsername: etcdPassword: version:false kubeSubnetMgr:${on('kube-subnet-mgr', false)} kubeApiUrl: kubeAnnotationPrefix:${prefix} kubeConfigFile: iface:[${iface}] ifaceRegex:[] ipMasq:${ipMasq} ipMasqRandomFullyDisable:${!randomFully} ifaceCanReach: subnetFile:${subnetFile} publicIP:${flag('public-ip', '')} publicIPv6: subnetLeaseRenewMargin:60 healthzIP:0.0.0.0 healthzPort:0 iptablesResyncSeconds:5 iptablesForwardRules:${forwardRules} blackholeRoute:false netConfPath:${confPath} setNodeNetworkUnavailable:true}`)
  log('W', 'client_config.go:667', 'Neither --kubeconfig nor --master was specified.  Using the inClusterConfig.  This might not work.')
  if (!process.fs.exists(confPath)) {
    log('E', 'main.go:247', `Failed to create SubnetManager: failed to read net conf: open ${confPath}: no such file or directory`)
    return 1
  }
  const conf = readConf(process.fs.readFile(confPath))
  if ('error' in conf) {
    log('E', 'main.go:247', `Failed to create SubnetManager: error parsing subnet config: ${conf.error}`)
    return 1
  }
  const informer = context.api.informer<Node>(nodes)
  context.lostWatches?.((server, why, fresh) => {
    const from = 'pkg/mod/k8s.io/client-go@v0.32.10/tools/cache/reflector.go:251'
    const failed = `failed to list *v1.Node: Get "${server}/api/v1/nodes?${fresh ? 'limit=500&resourceVersion=0' : 'resourceVersion=0'}": ${why}`
    log('W', 'reflector.go:569', `${from}: ${failed}`)
    log('E', 'reflector.go:166', `"Unhandled Error" err=${JSON.stringify(`${from}: Failed to watch *v1.Node: ${failed}`)} logger="UnhandledError"`)
  })
  log('I', 'kube.go:139', 'Waiting 10m0s for node controller to sync')
  log('I', 'kube.go:537', 'Starting kube subnet manager')
  while (!informer.synced) await process.sleep(1000)
  const own = () => informer.get(undefined, nodeName)
  log('I', 'kube.go:163', 'Node controller sync successful')
  log('I', 'main.go:251', `Created subnet manager: Kubernetes Subnet Manager - ${nodeName}`)
  log('I', 'main.go:254', 'Installing signal handlers')
  log('I', 'main.go:533', `Found network config - Backend type: ${conf.backend}`)
  if (!own()) log('E', 'kube.go:732', `Failed to get node for backend data: nodes ${JSON.stringify(nodeName)} not found`)
  else log('I', 'kube.go:737', `List of node(${nodeName}) annotations: ${goMap(own()!.metadata.annotations ?? {})}`)
  if (iface === '') log('I', 'match.go:211', 'Determining IP address of default interface')
  const uplink = findUplink(net, iface === '' ? undefined : iface)
  if (!uplink) {
    if (iface === '') log('E', 'main.go:343', 'Failed to find any valid interface to use: failed to get default interface: unable to find default route')
    else {
      log('I', 'main.go:332', `Could not find valid interface matching ${iface}: error looking up interface ${iface}: route ip+net: no such network interface`)
      log('E', 'main.go:363', 'Failed to find interface to use that matches the interfaces and/or regexes provided')
    }
    return 1
  }
  log('I', 'match.go:269', `Using interface with name ${uplink.device} and address ${uplink.address}`)
  const publicIp = flag('public-ip', uplink.address) || uplink.address
  log('I', 'match.go:291', publicIp === uplink.address ? `Defaulting external address to interface address (${uplink.address})` : `Using ${publicIp} as external address`)
  const giveUp = (at: string, text: string): number => {
    log('E', at, text)
    log('I', 'main.go:513', 'Stopping shutdownHandler...')
    return 1
  }
  if (conf.backend === 'wireguard') return giveUp('main.go:380', 'Error registering network: could not create wireguard interface: operation not supported')
  if (!['vxlan', 'host-gw', 'alloc'].includes(conf.backend)) return giveUp('main.go:372', `Error fetching backend: unknown backend type: ${conf.backend}`)
  if (conf.backend === 'vxlan') log('I', 'vxlan.go:128', `VXLAN config: VNI=${conf.vni} Port=${conf.port} GBP=false Learning=false DirectRouting=${conf.directRouting}`)
  if (own()) log('I', 'kube.go:704', `List of node(${nodeName}) annotations: ${goMap(own()!.metadata.annotations ?? {})}`)
  else log('E', 'kube.go:697', `Failed to get node for backend data: nodes ${JSON.stringify(nodeName)} not found`)
  while (!own()) await process.sleep(1000)
  const subnet = own()!.spec.podCIDR
  if (subnet === undefined) return giveUp('main.go:380', `Error registering network: failed to acquire lease: node ${JSON.stringify(nodeName)} pod cidr not assigned`)
  if (!cidrContains(cidr4(conf.network), cidr4(subnet).network) || cidr4(conf.network).length > cidr4(subnet).length || conf.network === '0.0.0.0/0') {
    return giveUp('main.go:380', `Error registering network: failed to acquire lease: subnet ${JSON.stringify(conf.network)} specified in the flannel net config doesn't contain ${JSON.stringify(subnet)} PodCIDR of the ${JSON.stringify(nodeName)} node`)
  }
  const network = new FlannelNetwork(net, conf, uplink)
  let mac: string | undefined
  try {
    mac = network.ensureDevice(subnet, (why) => log('W', 'device.go:102', `${JSON.stringify(network.device)} already exists with incompatible configuration: ${why}; recreating device`))
  } catch (error) {
    return giveUp('main.go:380', `Error registering network: failed to create VXLAN interface: ${(error as Error).message.toLowerCase()}`)
  }
  const backendData = conf.backend === 'vxlan' ? JSON.stringify({ VNI: conf.vni, VtepMAC: mac }) : 'null'
  const annotations = { [`${prefix}/backend-data`]: backendData, [`${prefix}/backend-type`]: conf.backend, [`${prefix}/kube-subnet-manager`]: 'true', [`${prefix}/public-ip`]: publicIp }
  const register = (): string | undefined => {
    try {
      const now = new Date(Math.floor(sim.now / 1000) * 1000).toISOString().replace('.000', '')
      context.api.patch(nodes, undefined, nodeName, { metadata: { annotations } }, 'strategic', 'status')
      context.api.patch(nodes, undefined, nodeName, { status: { conditions: [{ type: 'NetworkUnavailable', status: 'False', reason: 'FlannelIsUp', message: 'Flannel is running on this node', lastTransitionTime: now, lastHeartbeatTime: now }] } }, 'strategic', 'status')
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }
  for (;;) {
    const problem = register()
    if (problem === undefined) break
    log('E', 'main.go:380', `Error registering network: failed to acquire lease: ${problem}`)
    await process.sleep(1000)
  }
  log('I', 'kube.go:558', `Creating the node lease for IPv4. This is the n.Spec.PodCIDRs: [${subnet}]`)
  log('I', 'main.go:388', 'Cleaning-up unused traffic manager rules')
  log('I', 'nftables.go:280', 'Cleaning-up nftables rules...')
  log('I', 'iptables.go:50', 'Starting flannel in iptables mode...')
  const rules = { network: formatCidr4(cidr4(conf.network)), subnet: formatCidr4(cidr4(subnet)), ipMasq, randomFully, forward: forwardRules }
  if (ipMasq) log('I', 'iptables.go:111', 'Setting up masking rules')
  if (forwardRules) {
    log('I', 'iptables.go:212', 'Changing default FORWARD chain policy to ACCEPT')
    net.netfilter.restore('*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n', { noflush: true })
  }
  ensureRules(net, rules)
  const first = cidr4(subnet)
  const env = `FLANNEL_NETWORK=${conf.network}\nFLANNEL_SUBNET=${formatIpv4(first.network + 1)}/${first.length}\nFLANNEL_MTU=${network.mtu}\nFLANNEL_IPMASQ=${ipMasq}\n`
  // The file lies on the node: /run/flannel is mounted from there, or is not mounted at all (canal).
  const files = process.fs.exists('/run/flannel') ? process.fs : context.node.fs
  files.mkdir(subnetFile.slice(0, subnetFile.lastIndexOf('/')), { parents: true })
  files.writeFile(subnetFile, env)
  log('I', 'main.go:477', `Wrote subnet file to ${subnetFile}`)
  log('I', 'main.go:481', 'Running backend.')
  if (conf.backend === 'vxlan') {
    log('I', 'vxlan_network.go:68', 'watching for new subnet leases')
    log('I', 'vxlan_network.go:115', 'starting vxlan device watcher')
  }
  const learn = (node: Node) => {
    if (node.metadata.name === nodeName) return
    const lease = leaseOf(node)
    if (!lease) return
    if (lease.backend !== conf.backend) {
      if (conf.backend === 'vxlan') log('W', 'vxlan_network.go:152', `ignoring non-vxlan v4Subnet(${lease.subnet}): type=${lease.backend}`)
      else if (conf.backend === 'host-gw') log('W', 'route_network.go:112', `Ignoring non-host-gw subnet: type=${lease.backend}`)
      return
    }
    if (conf.backend === 'vxlan') log('I', 'vxlan_network.go:265', `Received Subnet Event with VxLan: BackendType: vxlan, PublicIP: ${lease.publicIp}, PublicIPv6: (nil), BackendData: ${node.metadata.annotations![`${prefix}/backend-data`]}, BackendV6Data: (nil)`)
    try {
      network.add(lease)
    } catch (error) {
      log('E', 'vxlan_network.go:190', `failed to add vxlanRoute (${lease.subnet} -> ${lease.subnet.split('/')[0]}): ${(error as Error).message.toLowerCase()}`)
    }
  }
  informer.onAdd(learn)
  informer.onUpdate((node, old) => {
    if (JSON.stringify(leaseOf(node)) !== JSON.stringify(leaseOf(old))) learn(node)
  })
  informer.onDelete((node) => network.remove(node.metadata.name))
  // Rules that somebody removed come back within five seconds.
  context.onExit(watchRules({ sim, netfilter: net.netfilter, period: 5000, look: () => ensureRules(net, rules) }))
  log('I', 'main.go:502', 'Waiting for all goroutines to exit')
  if (ipMasq) log('I', 'iptables.go:358', 'bootstrap done')
  if (forwardRules) log('I', 'iptables.go:358', 'bootstrap done')
  await context.terminated()
  log('I', 'main.go:520', 'shutdownHandler sent cancel signal...')
  return 0
}
