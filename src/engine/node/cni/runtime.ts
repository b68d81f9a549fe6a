/**
 * The container runtime's side of CNI: which network there is (go-cni over libcni, as containerd 2 uses them) and adding and removing
 * a sandbox. Plugins are found as files in /opt/cni/bin; known binaries run in place, scripts as processes of the node.
 */
import { toBase64 } from '#base/bytes.ts'
import type { Machine } from '#engine/machine/machine.ts'
import { loadNetwork } from './conf.ts'
import type { ConfList } from './conf.ts'
import { runScript } from './exec.ts'
import { goJsonError } from './go-json.ts'
import { cniPlugins } from './plugins.ts'
import type { PortMapping } from './portmap-types.ts'
import { resultFrom, resultIn, runPlugin } from './skel.ts'
import type { PluginExit } from './skel.ts'
import { CniError } from './types.ts'
import type { CniCommand, CniHost, CniResult, NetConf } from './types.ts'

export const cniBinFolder = '/opt/cni/bin'
export const cniConfFolder = '/etc/cni/net.d'
const cacheFolder = '/var/lib/cni/results'

/** What plugins that ask the API get to know through the kubelet's node. */
export interface NodeFacts {
  podCidr?(): string | undefined
  apiError?(): string | undefined
  annotatePod?(namespace: string, name: string, annotations: Readonly<Record<string, string>>): void
}

export interface SandboxRequest extends NodeFacts {
  readonly machine: Machine
  /** Its name in `machine.namedNamespaces`: `cni-` and a UUID. */
  readonly netns: string
  readonly containerId: string
  readonly podNamespace: string
  readonly podName: string
  readonly podUid: string
  /** Host ports of the pod's containers. */
  readonly portMappings?: readonly PortMapping[]
}

export type CniOutcome =
  | { readonly ok: true; readonly result: CniResult; /** The pod's address without prefix. */ readonly ip: string | undefined }
  /** As libcni words it; containerd puts `failed to setup network for sandbox "ID": ` before it. */
  | { readonly ok: false; readonly error: string }

/** Why the runtime has no network, or undefined when it has one: the end of containerd's NetworkReady message. */
export function networkProblem(machine: Machine): string | undefined {
  const loaded = loadNetwork(machine.fs, cniConfFolder)
  return 'error' in loaded ? 'cni plugin not initialized' : undefined
}

export function hostOf(machine: Machine, facts: NodeFacts = {}): CniHost {
  const host: CniHost = {
    fs: machine.fs,
    network: machine.network,
    net: machine.net,
    random: machine.sim.random,
    namespace: (path) => machine.namedNamespaces.get(path.replace(/^\/(var\/)?run\/netns\//, '')),
    delegate: (type, call) => {
      const plugin = cniPlugins.get(type)
      if (!findPlugin(machine, type) || !plugin) throw new CniError(`failed to find plugin "${type}" in path [${cniBinFolder}]`)
      return plugin(call, host)
    },
    ...(facts.podCidr && { podCidr: facts.podCidr }),
    ...(facts.apiError && { apiError: facts.apiError }),
    ...(facts.annotatePod && { annotatePod: facts.annotatePod }),
  }
  return host
}

function findPlugin(machine: Machine, type: string): string | undefined {
  const path = `${cniBinFolder}/${type}`
  if (type === '' || type.includes('/') || !machine.fs.exists(path)) return undefined
  return machine.fs.stat(path).type === 'file' ? path : undefined
}

interface Invocation {
  readonly machine: Machine
  readonly host: CniHost
  readonly command: CniCommand
  readonly containerId: string
  readonly netns: string
  readonly ifname: string
  readonly args: string
}

/** Calls one plugin; `done` gets its result (undefined: it printed nothing) or the error in libcni's words. */
function invoke(call: Invocation, conf: NetConf, done: (outcome: { readonly result: CniResult | undefined } | { readonly error: string }) => void): void {
  const { machine } = call
  const type = conf.type ?? ''
  const path = findPlugin(machine, type)
  if (path === undefined) return done({ error: `failed to find plugin "${type}" in path [${cniBinFolder}]` })
  if ((machine.fs.stat(path).mode & 0o111) === 0) return done({ error: `netplugin failed with no error message: fork/exec ${path}: permission denied` })
  const env = new Map([
    ['CNI_COMMAND', call.command], ['CNI_CONTAINERID', call.containerId], ['CNI_NETNS', call.netns],
    ['CNI_ARGS', call.args], ['CNI_IFNAME', call.ifname], ['CNI_PATH', cniBinFolder],
  ])
  const { prevResult, ...rest } = conf
  const version = conf.cniVersion ?? '0.1.0'
  const stdin = JSON.stringify({ ...rest, ...(prevResult && { prevResult: resultIn(version, prevResult) }) })
  const finish = (exit: PluginExit) => {
    if (exit.code !== 0) return done({ error: failureText(exit) })
    if (exit.stdout.trim() === '' || call.command !== 'ADD') return done({ result: undefined })
    const parsed = goJsonError(exit.stdout)
    if (parsed.error !== undefined) return done({ error: `failed to unmarshal raw result: ${parsed.error}` })
    done({ result: resultFrom({ cniVersion: version, ...(parsed.value as Record<string, unknown>) }) })
  }
  const plugin = cniPlugins.get(type)
  if (machine.fs.readFile(path).startsWith('#!') || !plugin) return runScript(machine, path, env, stdin, finish)
  finish(runPlugin(plugin, type, env, stdin, call.host))
}

/** What libcni says of a plugin that failed: its error object, or that there was none. */
function failureText(exit: PluginExit): string {
  const status = `exit status ${exit.code}`
  if (exit.stdout === '') return exit.stderr === '' ? `netplugin failed with no error message: ${exit.exec ?? status}` : `netplugin failed: ${JSON.stringify(exit.stderr)}: ${status}`
  const parsed = goJsonError(exit.stdout)
  if (parsed.error !== undefined) return `netplugin failed but error parsing its diagnostic message ${JSON.stringify(exit.stdout)}: ${parsed.error}`
  const error = parsed.value as { msg?: string; details?: string; code?: number }
  return error.details ? `${error.msg ?? ''}; ${error.details}` : (error.msg ?? '')
}

function cachePath(list: ConfList, call: Invocation): string {
  return `${cacheFolder}/${list.name}-${call.containerId}-${call.ifname}`
}

function withRuntime(list: ConfList, conf: NetConf, capabilities: Readonly<Record<string, unknown>>, prevResult: CniResult | undefined): NetConf {
  const wanted = (conf['capabilities'] ?? {}) as Readonly<Record<string, boolean>>
  const runtimeConfig = Object.fromEntries(Object.entries(capabilities).filter(([key]) => wanted[key]))
  const { capabilities: _, ...rest } = conf
  return { ...rest, name: list.name, cniVersion: list.cniVersion, ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }), ...(prevResult && { prevResult }) }
}

/** libcni's AddNetworkList. */
function addList(list: ConfList, call: Invocation, capabilities: Readonly<Record<string, unknown>>, done: (outcome: CniOutcome) => void): void {
  const step = (index: number, previous: CniResult | undefined): void => {
    const plugin = list.plugins[index]
    if (!plugin) {
      const result = previous ?? { cniVersion: list.cniVersion }
      writeCache(list, call, capabilities, result)
      const address = result.ips?.find((ip) => !ip.address.includes(':'))?.address
      return done({ ok: true, result, ip: address?.split('/')[0] })
    }
    invoke(call, withRuntime(list, plugin, capabilities, previous), (outcome) => {
      if ('error' in outcome) done({ ok: false, error: `plugin type="${plugin.type}" failed (add): ${outcome.error}` })
      else step(index + 1, outcome.result)
    })
  }
  step(0, undefined)
}

/** libcni's DelNetworkList: backwards, to the first error. */
function deleteList(list: ConfList, call: Invocation, capabilities: Readonly<Record<string, unknown>>, done: (error: string | undefined) => void): void {
  const cached = readCache(list, call)
  const step = (index: number): void => {
    const plugin = list.plugins[index]
    if (!plugin) {
      const path = cachePath(list, call)
      if (call.machine.fs.exists(path)) call.machine.fs.unlink(path)
      return done(undefined)
    }
    invoke(call, withRuntime(list, plugin, capabilities, cached), (outcome) => {
      if ('error' in outcome) done(`plugin type="${plugin.type}" failed (delete): ${outcome.error}`)
      else step(index - 1)
    })
  }
  step(list.plugins.length - 1)
}

function writeCache(list: ConfList, call: Invocation, capabilities: Readonly<Record<string, unknown>>, result: CniResult): void {
  const { fs } = call.machine
  fs.mkdir(cacheFolder, { parents: true, mode: 0o700 })
  const config = JSON.stringify({ cniVersion: list.cniVersion, name: list.name, plugins: list.plugins })
  const text = JSON.stringify({
    kind: 'cniCacheV1', containerId: call.containerId, config: toBase64(config), ifName: call.ifname, networkName: list.name, netns: call.netns,
    cniArgs: call.args.split(';').map((pair) => pair.split('=')), ...(Object.keys(capabilities).length > 0 && { capabilityArgs: capabilities }), result: resultIn(list.cniVersion || '0.1.0', result),
  })
  fs.writeFile(cachePath(list, call), text, { mode: 0o600 })
}

function readCache(list: ConfList, call: Invocation): CniResult | undefined {
  const path = cachePath(list, call)
  if (!call.machine.fs.exists(path)) return undefined
  const parsed = goJsonError(call.machine.fs.readFile(path))
  return parsed.error === undefined ? resultFrom((parsed.value as { result: Record<string, unknown> }).result) : undefined
}

function invocation(request: SandboxRequest, command: CniCommand): Invocation {
  const args = `IgnoreUnknown=1;K8S_POD_NAMESPACE=${request.podNamespace};K8S_POD_NAME=${request.podName};K8S_POD_INFRA_CONTAINER_ID=${request.containerId};K8S_POD_UID=${request.podUid}`
  return { machine: request.machine, host: hostOf(request.machine, request), command, containerId: request.containerId, netns: `/var/run/netns/${request.netns}`, ifname: 'eth0', args }
}

function capabilitiesOf(request: SandboxRequest): Readonly<Record<string, unknown>> {
  return request.portMappings && request.portMappings.length > 0 ? { portMappings: request.portMappings } : {}
}

const loopback: ConfList = { name: 'cni-loopback', cniVersion: '0.3.1', plugins: [{ type: 'loopback' }], file: '', disableCheck: false }

/** Connects a sandbox: loopback first, then the node's network. What a failed attempt left is removed again, as containerd does. */
export function cniAdd(request: SandboxRequest, done: (outcome: CniOutcome) => void): void {
  const loaded = loadNetwork(request.machine.fs, cniConfFolder)
  if ('error' in loaded) return done({ ok: false, error: 'cni plugin not initialized' })
  const call = invocation(request, 'ADD')
  addList(loopback, { ...call, ifname: 'lo' }, {}, (first) => {
    if (!first.ok) return done(first)
    addList(loaded.list, call, capabilitiesOf(request), (outcome) => {
      if (outcome.ok) return done(outcome)
      deleteList(loaded.list, { ...call, command: 'DEL' }, capabilitiesOf(request), () => done(outcome))
    })
  })
}

/** Disconnects a sandbox; `done` gets the error, if any. A sandbox that is not there is no error. */
export function cniDel(request: SandboxRequest, done: (error: string | undefined) => void): void {
  const loaded = loadNetwork(request.machine.fs, cniConfFolder)
  if ('error' in loaded) return done('cni plugin not initialized')
  const call = invocation(request, 'DEL')
  deleteList(loaded.list, call, capabilitiesOf(request), (error) => {
    if (error !== undefined) return done(error)
    deleteList(loopback, { ...call, ifname: 'lo' }, {}, done)
  })
}
