/** The static IPAM plugin: addresses, routes and DNS as written in the configuration or asked for by the runtime. */
import { parseArgs } from '../cni/args.ts'
import { CniError } from '../cni/types.ts'
import type { CniAddress, CniCall, CniDns, CniHost, CniResult, CniRoute } from '../cni/types.ts'
import { parseIpNet } from './address.ts'

interface StaticConf {
  readonly addresses?: readonly CniAddress[]
  readonly routes?: readonly CniRoute[]
  readonly dns?: CniDns
}

export function staticIpam(call: CniCall, _host: CniHost): CniResult | undefined {
  if (!call.conf.ipam) throw new CniError("IPAM config missing 'ipam' key")
  const conf = call.conf.ipam as StaticConf
  const args = parseArgs(call.args, ['IP', 'GATEWAY'])
  const asked = [
    ...((call.conf.runtimeConfig?.['ips'] as string[] | undefined) ?? []),
    ...((call.conf.args?.cni?.['ips'] as string[] | undefined) ?? []),
    ...(args.get('IP')?.split(',') ?? []),
  ]
  const gateways = args.get('GATEWAY')?.split(',') ?? []
  const ips = asked.length > 0 ? asked.map((address, i) => ({ address, ...(gateways[i] !== undefined && { gateway: gateways[i] }) })) : (conf.addresses ?? [])
  for (const ip of ips) {
    if (!parseIpNet(ip.address)) throw new CniError(`the 'ip' field is expected to be in CIDR notation, got: '${ip.address}'`)
  }
  if (call.command !== 'ADD') return undefined
  const given = call.conf.args?.cni as { readonly routes?: readonly CniRoute[]; readonly dns?: CniDns } | undefined
  const routes = given?.routes ?? conf.routes
  const dns = given?.dns ?? conf.dns
  return { cniVersion: call.conf.cniVersion ?? '0.1.0', ips, ...(routes && { routes }), ...(dns && { dns }) }
}
