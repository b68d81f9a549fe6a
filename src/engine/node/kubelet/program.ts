/** /usr/bin/kubelet and /usr/bin/containerd: the daemons' processes. Their work is event-driven; the process is what starts, signals and ends it. */
import type { ApiClient } from '#engine/api/types.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import type { Reach } from '../reflectors.ts'
import type { Containerd } from '../runtime/containerd.ts'
import { KubeletFailure, parseFlags, readConfig, type KubeletConfig } from './config.ts'
import { readKubeconfig, type Credentials } from './kubeconfig.ts'
import { Kubelet } from './kubelet.ts'
import { serveKubelet } from './server.ts'
import { servingFiles, servingIdentity } from './serving-certificate.ts'
import { keepCertificate, requestCertificate } from './bootstrap.ts'
import type { NodeFactsInput } from './node-status.ts'

export interface NodeTies {
  readonly runtime: Containerd
  /** A client that the kubelet's kubeconfig gives right to; unreachable while it does not. */
  client(credentials: Credentials, machine: Machine): { readonly client: ApiClient; readonly reach?: Reach; close(): void }
  /** Of the installed kubelet: `v1.35.4`. */
  version(): string
  facts(config: KubeletConfig, labels: Readonly<Record<string, string>>): NodeFactsInput
  /** The kubelet that lives now, for logs and exec. */
  kubelet: Kubelet | undefined
}

/** `I0302 09:00:00.123456    1234 kubelet.go:1] message` */
export function klog(level: 'I' | 'W' | 'E', now: number, pid: number, where: string, message: string): string {
  const d = new Date(now).toISOString()
  const micros = String(Math.floor((now - Math.floor(now)) * 1000)).padStart(3, '0')
  return `${level}${d.slice(5, 7)}${d.slice(8, 10)} ${d.slice(11, 23)}${micros} ${String(pid).padStart(7)} ${where}] ${message}\n`
}

/** How klog prints a value: quoted, or as an indented block when it has more than one line. */
export function klogValue(text: string): string {
  return text.includes('\n') ? `<\n${text.split('\n').map((l) => `\t${l}\n`).join('')} >` : JSON.stringify(text)
}

const boots = new WeakMap<Machine, { readonly at: number; readonly facts: NodeFactsInput }>()

/** The machine's own number stays, that of its boot as long as it is up. */
function sameBoot(host: Machine, facts: NodeFactsInput): NodeFactsInput {
  const known = boots.get(host)
  const own = known ? { ...facts, systemUuid: known.facts.systemUuid, ...(known.at === host.bootTime ? { bootId: known.facts.bootId } : {}) } : facts
  boots.set(host, { at: host.bootTime, facts: own })
  return own
}

/** `find` gives the ties of the host that the process runs on. */
export function kubeletProgram(find: (machine: Machine) => NodeTies | undefined): Program {
  return async (process) => {
    const ties = find(process.machine.host)
    if (!ties) return 1
    let pending: Promise<void> = Promise.resolve()
    const write = (text: string) => {
      if (process.alive) pending = process.stderr.write(text).catch(() => undefined)
    }
    if (process.argv.includes('--version')) {
      await process.stdout.write(`Kubernetes ${ties.version()}\n`)
      return 0
    }
    const log = (level: 'I' | 'W' | 'E', message: string, where = 'kubelet.go:2451') => write(klog(level, process.now(), process.pid, where, message))
    try {
      const flags = parseFlags(process.argv)
      const config = readConfig(process.fs, flags.config, (why) => log('I', `"Using lenient decoding as strict decoding failed" err=${klogValue(why)}`, 'codec.go:102'))
      const name = flags.hostnameOverride ?? process.machine.hostname.toLowerCase()
      const files = servingFiles(process, { certificate: flags.tlsCertFile ?? config.tlsCertFile, key: flags.tlsPrivateKeyFile ?? config.tlsPrivateKeyFile }, name)
      if (config.clientCaFile !== '') {
        try {
          process.fs.readFile(config.clientCaFile)
        } catch (error) {
          if (!(error instanceof FsError)) throw error
          throw new KubeletFailure(`failed to construct kubelet dependencies: unable to load client CA file ${config.clientCaFile}: open ${config.clientCaFile}: ${error.message.toLowerCase()}`)
        }
      }
      const path = flags.kubeconfig
      if (path !== '' && !process.fs.exists(path)) {
        const bootstrap = flags.bootstrapKubeconfig
        if (bootstrap !== '' && process.fs.exists(bootstrap)) await requestCertificate(process, { path, bootstrap, client: (credentials) => ties.client(credentials, process.machine), name, log })
        else throw new KubeletFailure(bootstrap !== '' && !process.fs.exists(bootstrap) ? `failed to run Kubelet: unable to load bootstrap kubeconfig: stat ${bootstrap}: no such file or directory` : `failed to run Kubelet: invalid kubeconfig: stat ${path}: no such file or directory`)
      }
      const credentials = readKubeconfig(process, path)
      keepCertificate(process, credentials)
      const endpoint = (flags.containerRuntimeEndpoint ?? config.containerRuntimeEndpoint).replace(/^unix:\/\//, '')
      const usual = /^\/(var\/)?run\/containerd\/containerd\.sock$/.test(endpoint)
      if (!ties.runtime.running || !usual) {
        const refused = () => `Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${endpoint}: connect: ${/containerd\.sock$/.test(endpoint) && process.fs.exists(endpoint) ? 'connection refused' : 'no such file or directory'}"`
        const why = usual && ties.runtime.daemon ? 'Unimplemented desc = unknown service runtime.v1.RuntimeService' : refused()
        throw new KubeletFailure(`failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint "unix://${endpoint}": rpc error: code = ${why}`)
      }
      if (process.machine.host.swaps?.areas.length) {
        log('I', `"Swap is on" /proc/swaps contents=${klogValue(process.machine.host.swaps.text)}`, 'swap_util.go:119')
        if (flags.failSwapOn === undefined ? config.failSwapOn : flags.failSwapOn !== 'false') throw new KubeletFailure('failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false')
      }
      const serving = servingIdentity(process, files)
      if (!serving.ok) {
        log('E', `"Failed to listen and serve" err=${JSON.stringify(serving.error)}`, 'server.go:206')
        await pending
        return 1
      }
      const connected = ties.client(credentials, process.machine)
      const labels = Object.fromEntries(flags.nodeLabels.split(',').filter((l) => l.includes('=')).map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]))
      const kubelet = new Kubelet({ node: process.machine, sockets: process.sockets, runtime: ties.runtime, api: connected.client, server: credentials.server, ...(connected.reach ? { reach: connected.reach } : {}), config, facts: sameBoot(process.machine.host, ties.facts(config, labels)), log })
      ties.kubelet = kubelet
      const listener = process.sockets.listen('0.0.0.0', config.port)
      serveKubelet(process, listener, serving.identity)
      process.onEnd(() => {
        kubelet.stop()
        connected.close()
        listener.close()
        if (ties.kubelet === kubelet) ties.kubelet = undefined
      })
      log('I', `"Started kubelet"`, 'server.go:1274')
      kubelet.start()
      return await process.forever()
    } catch (error) {
      if (!(error instanceof KubeletFailure)) throw error
      log('E', `"command failed" err=${klogValue(error.message)}`, 'run.go:72')
      await pending
      return 1
    }
  }
}

const socket = '/run/containerd/containerd.sock'

/** The runtime's own packages leave its CRI plugin switched off; the file is read when the daemon starts. */
function criDisabled(process: Process): boolean {
  const path = '/etc/containerd/config.toml'
  return process.fs.exists(path) && /^\s*disabled_plugins\s*=\s*\[[^\]]*["'](?:io\.containerd\.(?:grpc\.v1\.)?)?cri["']/m.test(process.fs.readFile(path))
}

export function containerdProgram(find: (machine: Machine) => NodeTies | undefined): Program {
  return async (process) => {
    const ties = find(process.machine.host)
    if (!ties) return 1
    process.fs.mkdir('/run/containerd', { parents: true })
    process.fs.writeFile(socket, '')
    process.onEnd(() => {
      if (ties.runtime.daemon !== process) return
      ties.runtime.setRunning(false, undefined)
      if (process.machine.fs.exists(socket)) process.machine.fs.unlink(socket)
    })
    ties.runtime.setRunning(!criDisabled(process), process)
    await process.stderr.write(`time="${new Date(Math.floor(process.now())).toISOString()}" level=info msg="containerd successfully booted in 0.041237s"\n`)
    return await process.forever()
  }
}
