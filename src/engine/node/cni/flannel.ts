/**
 * The flannel plugin: no interfaces of its own; it reads what flanneld wrote to /run/flannel/subnet.env and delegates to another
 * plugin (bridge unless said otherwise), remembering the delegate's configuration for DEL under /var/lib/cni/flannel.
 */
import { CniError } from './types.ts'
import type { CniCall, CniHost, CniResult, NetConf } from './types.ts'

interface FlannelConf extends NetConf {
  readonly subnetFile?: string
  readonly dataDir?: string
  readonly delegate?: Record<string, unknown>
}

interface SubnetEnv {
  readonly network: string
  readonly subnet: string
  readonly mtu: number
  readonly ipMasq: boolean
}

/** The facts of a subnet.env; throws with the plugin's words where they are missing or no facts. */
export function readSubnetEnv(text: string, path: string): SubnetEnv {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1))
  }
  for (const key of ['FLANNEL_NETWORK', 'FLANNEL_SUBNET']) {
    const value = values.get(key)
    if (value !== undefined && !/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(value.split(',')[0]!)) throw new CniError(`invalid CIDR address: ${value}`)
  }
  const mtu = values.get('FLANNEL_MTU')
  if (mtu !== undefined && !/^\d+$/.test(mtu)) throw new CniError(`strconv.ParseUint: parsing ${JSON.stringify(mtu)}: invalid syntax`)
  const masq = values.get('FLANNEL_IPMASQ')
  const missing = [
    ['FLANNEL_NETWORK', values.has('FLANNEL_NETWORK')], ['FLANNEL_SUBNET', values.has('FLANNEL_SUBNET')],
    ['FLANNEL_MTU', mtu !== undefined], ['FLANNEL_IPMASQ', masq !== undefined],
  ].flatMap(([key, there]) => (there ? [] : [key as string]))
  if (missing.length > 0) throw new CniError(`${path} is missing ${missing.join(', ')}`)
  return { network: values.get('FLANNEL_NETWORK')!, subnet: values.get('FLANNEL_SUBNET')!, mtu: Number(mtu), ipMasq: masq === 'true' }
}

/** Keys sorted, as Go marshals maps. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v,
  )
}

/** The delegate's configuration out of flannel's and the daemon's facts. */
function delegateConf(conf: FlannelConf, env: SubnetEnv): NetConf {
  const delegate: Record<string, unknown> = { ...conf.delegate }
  if ('type' in delegate && typeof delegate['type'] !== 'string') throw new CniError("'delegate' dictionary, if present, must have (string) 'type' field")
  if ('name' in delegate) throw new CniError("'delegate' dictionary must not have 'name' field, it'll be set by flannel")
  if ('ipam' in delegate) throw new CniError("'delegate' dictionary must not have 'ipam' field, it'll be set by flannel")
  if (conf.runtimeConfig) delegate['runtimeConfig'] = conf.runtimeConfig
  delegate['name'] = conf.name
  delegate['type'] ??= 'bridge'
  delegate['ipMasq'] ??= !env.ipMasq
  delegate['mtu'] ??= env.mtu
  if (delegate['type'] === 'bridge') delegate['isGateway'] ??= true
  if (conf.cniVersion) delegate['cniVersion'] = conf.cniVersion
  const [a, b, c, d, length] = env.subnet.split(/[./]/).map(Number) as [number, number, number, number, number]
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0
  const network = (((a << 24) | (b << 16) | (c << 8) | d) & mask) >>> 0
  const subnet = `${network >>> 24}.${(network >>> 16) & 255}.${(network >>> 8) & 255}.${network & 255}/${length}`
  const given = (conf['ipam'] ?? {}) as { readonly type?: string; readonly routes?: readonly unknown[] }
  delegate['ipam'] = { type: 'host-local', ...given, ranges: [[{ subnet }]], routes: [...(given.routes ?? []), { dst: env.network }] }
  return delegate as NetConf
}

export function flannelPlugin(call: CniCall, host: CniHost): CniResult | undefined {
  const conf = call.conf as FlannelConf
  const folder = conf.dataDir ?? '/var/lib/cni/flannel'
  const saved = `${folder}/${call.containerId}`
  if (call.command === 'ADD') {
    const path = conf.subnetFile ?? '/run/flannel/subnet.env'
    if (!host.fs.exists(path)) throw new CniError(`open ${path}: no such file or directory`)
    const delegate = delegateConf(conf, readSubnetEnv(host.fs.readFile(path), path))
    host.fs.mkdir(folder, { parents: true, mode: 0o700 })
    host.fs.writeFile(saved, sortedJson(delegate), { mode: 0o600 })
    return host.delegate(delegate.type!, { ...call, conf: delegate })
  }
  if (call.command === 'DEL') {
    if (!host.fs.exists(saved)) return undefined
    const delegate = JSON.parse(host.fs.readFile(saved)) as NetConf
    host.delegate(delegate.type ?? '', { ...call, conf: delegate })
    host.fs.unlink(saved)
  }
  return undefined
}
