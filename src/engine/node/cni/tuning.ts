/** The tuning plugin (sysctls, MAC, MTU of the container's interface) and bandwidth, which is passed through: rates are not modelled. */
import { errorText, openNamespace } from './link.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost, CniResult, NetConf } from './types.ts'

interface TuningConf extends NetConf {
  readonly sysctl?: Readonly<Record<string, string>>
  readonly mac?: string
  readonly mtu?: number
}

export function tuningPlugin(call: CniCall, host: CniHost): CniResult | undefined {
  const conf = call.conf as TuningConf
  if (call.command !== 'ADD') return undefined
  if (!conf.prevResult) throw new CniError('Required prevResult missing')
  const ns = openNamespace(call, host)
  for (const [key, value] of Object.entries(conf.sysctl ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = key.replaceAll('/', '.').replace('IFNAME', call.ifname)
    if (!name.startsWith('net.')) throw new CniError(`invalid net sysctl key: "${name}"`)
    try {
      ns.setSysctl(name, value)
    } catch (error) {
      throw new CniError(`open /proc/sys/${name.replaceAll('.', '/')}: ${errorText(error)}`)
    }
  }
  const mac = (conf.runtimeConfig?.['mac'] as string | undefined) ?? (conf.args?.cni?.['mac'] as string | undefined) ?? conf.mac
  if (mac !== undefined || conf.mtu) ns.setLink(call.ifname, { ...(mac !== undefined && { mac }), ...(conf.mtu && { mtu: conf.mtu }) })
  if (mac === undefined) return conf.prevResult
  const interfaces = (conf.prevResult.interfaces ?? []).map((i) => (i.name === call.ifname && i.sandbox === call.netns ? { ...i, mac } : i))
  return { ...conf.prevResult, interfaces }
}

export function bandwidthPlugin(call: CniCall): CniResult | undefined {
  if (call.command !== 'ADD') return undefined
  const limits = (call.conf.runtimeConfig?.['bandwidth'] ?? call.conf) as Readonly<Record<string, number | undefined>>
  for (const side of ['ingress', 'egress']) {
    const [rate, burst] = [limits[`${side}Rate`] ?? 0, limits[`${side}Burst`] ?? 0]
    if (rate > 0 && burst === 0) throw new CniError('if rate is set, burst must also be set')
    if (rate === 0 && burst > 0) throw new CniError('if burst is set, rate must also be set')
  }
  if (!call.conf.prevResult) throw new CniError('must be called as chained plugin')
  return call.conf.prevResult
}
