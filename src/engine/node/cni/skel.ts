/**
 * A plugin call as a process sees it: environment and standard input in, exit code and JSON out (the `skel` and `types` packages of
 * libcni's plugin side). The order of the checks and their codes are those of libcni v1.3.
 */
import { FsError } from '#engine/machine/files.ts'
import { IptablesError, NetError } from '#engine/net/error.ts'
import { goJsonError } from './go-json.ts'
import { CniError } from './types.ts'
import type { CniCall, CniCommand, CniHost, CniPlugin, CniResult, NetConf } from './types.ts'

export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']

const identifier = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** Which variables a command needs, in the order in which they are read. */
const required: Record<string, readonly CniCommand[]> = {
  CNI_COMMAND: ['ADD', 'CHECK', 'DEL', 'GC', 'STATUS', 'VERSION'],
  CNI_CONTAINERID: ['ADD', 'CHECK', 'DEL'],
  CNI_NETNS: ['ADD', 'CHECK'],
  CNI_IFNAME: ['ADD', 'CHECK', 'DEL'],
  CNI_PATH: ['ADD', 'CHECK', 'DEL', 'GC', 'STATUS'],
}

function versionAtLeast(version: string, least: string): boolean {
  const parts = (v: string) => v.split('.').map(Number)
  const [a, b] = [parts(version), parts(least)]
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0)
  return true
}

/** The result in the layout of the version that the configuration asked for. */
export function resultIn(version: string, result: CniResult): Record<string, unknown> {
  if (versionAtLeast(version, '1.0.0')) {
    const { interfaces, ips, routes, dns } = result
    return { cniVersion: version, ...(interfaces?.length && { interfaces }), ...(ips?.length && { ips }), ...(routes?.length && { routes }), ...(dns && Object.keys(dns).length > 0 && { dns }) }
  }
  if (versionAtLeast(version, '0.3.0')) {
    const ips = result.ips?.map((ip) => ({ version: ip.address.includes(':') ? '6' : '4', ...(ip.interface !== undefined && { interface: ip.interface }), address: ip.address, ...(ip.gateway !== undefined && { gateway: ip.gateway }) }))
    return { cniVersion: version, ...(result.interfaces?.length && { interfaces: result.interfaces }), ...(ips?.length && { ips }), ...(result.routes?.length && { routes: result.routes }), dns: result.dns ?? {} }
  }
  const old = (six: boolean) => {
    const ip = result.ips?.find((i) => i.address.includes(':') === six)
    const routes = result.routes?.filter((r) => r.dst.includes(':') === six)
    return ip && { ip: ip.address, ...(ip.gateway !== undefined && { gateway: ip.gateway }), ...(routes?.length && { routes }) }
  }
  const [ip4, ip6] = [old(false), old(true)]
  if (!ip4 && !ip6) throw new CniError('cannot convert: no valid IP addresses')
  return { cniVersion: version, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns: result.dns ?? {} }
}

/** A result of any version in today's layout. */
export function resultFrom(raw: Record<string, unknown>): CniResult {
  const old = [raw['ip4'], raw['ip6']].filter((x) => x !== undefined) as { ip: string; gateway?: string; routes?: CniResult['routes'] }[]
  if (old.length > 0) {
    const { dns } = raw as { dns?: CniResult['dns'] }
    return {
      cniVersion: (raw['cniVersion'] as string | undefined) ?? '0.1.0',
      ips: old.map((o) => ({ address: o.ip, ...(o.gateway !== undefined && { gateway: o.gateway }) })),
      routes: old.flatMap((o) => o.routes ?? []),
      ...(dns && { dns }),
    }
  }
  const result = raw as unknown as CniResult
  return { ...result, ...(result.ips && { ips: result.ips.map(({ address, gateway, interface: index }) => ({ address, ...(gateway !== undefined && { gateway }), ...(index !== undefined && { interface: index }) })) }) }
}

function readCall(env: ReadonlyMap<string, string>, stdin: string): CniCall | undefined {
  const command = (env.get('CNI_COMMAND') ?? '') as CniCommand
  const missing = Object.entries(required).filter(([key, commands]) => (env.get(key) ?? '') === '' && (key === 'CNI_COMMAND' ? command === ('' as CniCommand) : commands.includes(command))).map(([key]) => key)
  if (missing.length > 0) throw new CniError(`required env variables [${missing.join(',')}] missing`, 4)
  if (!['ADD', 'CHECK', 'DEL', 'GC', 'STATUS', 'VERSION'].includes(command)) throw new CniError(`unknown CNI_COMMAND: ${command}`, 4)
  const parsed = goJsonError(stdin)
  if (parsed.error !== undefined) throw new CniError(`error unmarshall network config: ${parsed.error}`, 6)
  const conf = (parsed.value ?? {}) as NetConf
  const call: CniCall = { command, containerId: env.get('CNI_CONTAINERID') ?? '', netns: env.get('CNI_NETNS') ?? '', ifname: env.get('CNI_IFNAME') ?? '', args: env.get('CNI_ARGS') ?? '', path: (env.get('CNI_PATH') ?? '').split(':'), conf }
  if (command === 'VERSION') return call
  if (command === 'ADD' || command === 'CHECK' || command === 'DEL') {
    if (!identifier.test(call.containerId)) throw new CniError('invalid characters in containerID', 4, call.containerId)
    if (call.ifname.length > 15) throw new CniError('interface name is too long', 4, 'interface name should be less than 16 characters')
    if (call.ifname === '.' || call.ifname === '..') throw new CniError('interface name is . or ..', 4)
    if (/[/:\s]/.test(call.ifname)) throw new CniError('interface name contains / or : or whitespace characters', 4)
  }
  if (!conf.name) throw new CniError('missing network name', 7)
  if (!identifier.test(conf.name)) throw new CniError('invalid characters found in network name', 7, conf.name)
  return call
}

/** What the kernel or iptables refused: a plugin hands the words on. */
function kernelError(error: unknown): CniError | undefined {
  if (error instanceof IptablesError) return new CniError(error.message)
  if (error instanceof NetError || error instanceof FsError) return new CniError(error.message.toLowerCase())
  return undefined
}

const since: Partial<Record<CniCommand, string>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' }

export interface PluginExit {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Why the binary could not be started at all. */
  readonly exec?: string
}

/** Runs a plugin as its binary would. */
export function runPlugin(plugin: CniPlugin, name: string, env: ReadonlyMap<string, string>, stdin: string, host: CniHost): PluginExit {
  if ((env.get('CNI_COMMAND') ?? '') === '') {
    return { code: 0, stdout: '', stderr: `CNI ${name} plugin v1.9.1\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n` }
  }
  try {
    const call = readCall(env, stdin)!
    const version = call.conf.cniVersion ?? '0.1.0'
    if (call.command === 'VERSION') {
      return { code: 0, stdout: JSON.stringify({ cniVersion: '1.1.0', supportedVersions }) + '\n', stderr: '' }
    }
    if (!supportedVersions.includes(version)) throw new CniError('incompatible CNI versions', 1, `config is "${version}", plugin supports ${JSON.stringify(supportedVersions).replaceAll(',', ' ')}`)
    const least = since[call.command]
    if (least !== undefined && !versionAtLeast(version, least)) throw new CniError(`config version does not allow ${call.command}`, 1)
    const conf = call.conf.prevResult ? { ...call.conf, prevResult: resultFrom(call.conf.prevResult as unknown as Record<string, unknown>) } : call.conf
    const result = plugin({ ...call, conf }, host)
    return { code: 0, stdout: result ? JSON.stringify(resultIn(version, result), null, 4) : '', stderr: '' }
  } catch (error) {
    const known = error instanceof CniError ? error : kernelError(error)
    if (!known) throw error
    return { code: 1, stdout: JSON.stringify({ code: known.code, msg: known.message, ...(known.details !== undefined && { details: known.details }) }, null, 4), stderr: '' }
  }
}
