/** One run of kubeadm: its process, flags, clock and output, the client, and the ways in which it fails. */
import { readConfigFile, type ClientConfig } from '#programs/kubectl/client/kubeconfig.ts'
import { dialNetwork } from '#programs/kubectl/client/network.ts'
import type { Transport } from '#programs/kubectl/client/transport.ts'
import { RestClient } from '#programs/kubectl/client/rest.ts'
import { ApiError, ConnectError, Failure as KubectlFailure } from '#programs/kubectl/cli/errors.ts'
import { fromBase64 } from '#base/bytes.ts'
import type { Random } from '#base/random.ts'
import type { FileSystem } from '#engine/machine/files.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ParsedFlags } from './flags.ts'

/** Ends the program with upstream's words. */
export class Failure extends Error {
  readonly code: number

  constructor(message: string, code = 1) {
    super(message)
    this.code = code
  }
}

export { ApiError, ConnectError }

/** Is it an answer of the world rather than a bug? */
export const isExpected = (error: unknown): error is Error => error instanceof Failure || error instanceof ApiError || error instanceof ConnectError || error instanceof KubectlFailure || error instanceof FsError

/** Go's words for a failed call on a file. */
export const fileProblem = (call: string, path: string, error: FsError): string => `${call} ${path}: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`

export interface Run {
  readonly process: Process
  readonly fs: FileSystem
  /** `kubeadm init phase certs all` */
  readonly path: string
  readonly flags: ParsedFlags
  readonly args: readonly string[]
  /** `v1.35.4`: of this kubeadm. */
  readonly version: string
  readonly random: Random
  /** A line to standard output. */
  out(line: string): Promise<void>
  err(line: string): Promise<void>
  /** A line of klog to standard error; `where` is `file.go:line`. */
  warn(where: string, message: string): Promise<void>
}

export const adminConf = '/etc/kubernetes/admin.conf'

/** The kubeconfig that kubeadm takes: its flag's, which is admin.conf unless said otherwise. */
export const kubeconfigPath = (run: Run): string => (run.flags.has('kubeconfig') ? run.flags.string('kubeconfig') : '') || adminConf

const text = (entry: Record<string, unknown> | undefined, key: string): string | undefined => {
  const value = entry?.[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** What a kubeconfig file says, for a client. */
export function clientConfig(run: Run, path: string): ClientConfig {
  const file = readConfigFile(run.process, path)
  if (!file) throw new Failure(`failed to load admin kubeconfig: open ${path}: no such file or directory`)
  const context = file.contexts.get(file.currentContext)
  const cluster = file.clusters.get(text(context, 'cluster') ?? '')
  const user = file.users.get(text(context, 'user') ?? '')
  const pem = (entry: Record<string, unknown> | undefined, inline: string, named: string) => {
    const data = text(entry, inline)
    const from = text(entry, named)
    return data !== undefined ? fromBase64(data) : from !== undefined && run.fs.exists(from) ? run.fs.readFile(from) : undefined
  }
  return {
    server: (text(cluster, 'server') ?? 'http://localhost:8080').replace(/\/$/, ''), caData: pem(cluster, 'certificate-authority-data', 'certificate-authority'), insecure: cluster?.['insecure-skip-tls-verify'] === true, tlsServerName: text(cluster, 'tls-server-name'),
    clientCertificate: pem(user, 'client-certificate-data', 'client-certificate'), clientKey: pem(user, 'client-key-data', 'client-key'), token: text(user, 'token'), username: undefined, password: undefined, namespace: 'default', impersonate: undefined, timeout: 0,
  }
}

/** Every request says how long it waits, as client-go does with a timeout. */
function saying(transport: Transport, timeout: number): Transport {
  return { ...transport, server: transport.server, send: (request) => transport.send({ ...request, path: `${request.path}${request.path.includes('?') ? '&' : '?'}timeout=${timeout / 1000}s` }) }
}

export function clientOf(run: Run, config: ClientConfig, timeout = 10_000): RestClient {
  return new RestClient(saying(dialNetwork(run.process, config), timeout), {
    headers: { 'user-agent': `kubeadm/${run.version} (linux/amd64) kubernetes/3b2b2ae`, ...(config.token !== undefined ? { authorization: `Bearer ${config.token}` } : {}) },
    timeout,
    warn: (text) => run.warn('warnings.go:110', text),
    trace: () => Promise.resolve(),
  })
}

/** The administrator's client. */
export const adminClient = (run: Run, path = kubeconfigPath(run)): RestClient => clientOf(run, clientConfig(run, path))
