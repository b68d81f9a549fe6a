/**
 * kube-apiserver as a process: reads its certificate files, waits for etcd, listens, and while it lives the cluster's ApiServer can be reached. A wrong flag,
 * a missing file or an unreachable etcd ends it with upstream's words, so that a broken manifest has its true consequences.
 */
import type { ApiServer } from '#engine/api/server.ts'
import { decodeCertificates, type Certificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { loadIdentity, type TlsIdentity } from '#engine/machine/tls.ts'
import { klogLine } from '../klog.ts'
import { goFlags } from '../flags.ts'
import type { ContainerContext, ImageBehaviour } from '#engine/node/runtime/image.ts'
import { serveConnection } from './serve.ts'

export interface ApiServerTies {
  readonly api: ApiServer
  readonly version: string
  /** Told when it serves: its certificate, whose client certificates it takes, and its version, which is its image's tag. */
  onServe?(process: Process, port: number, how: { readonly identity: TlsIdentity; readonly clientRoots: readonly Certificate[]; readonly version: string }): void
}

const known = new Set(
  ('advertise-address allow-privileged anonymous-auth audit-log-path audit-log-maxage audit-log-maxbackup audit-log-maxsize audit-policy-file authorization-mode authorization-config authentication-config bind-address client-ca-file ' +
    'disable-admission-plugins enable-admission-plugins enable-aggregator-routing enable-bootstrap-token-auth encryption-provider-config etcd-cafile etcd-certfile etcd-keyfile etcd-prefix etcd-servers event-ttl feature-gates ' +
    'kubelet-certificate-authority kubelet-client-certificate kubelet-client-key kubelet-preferred-address-types max-requests-inflight max-mutating-requests-inflight min-request-timeout profiling proxy-client-cert-file proxy-client-key-file ' +
    'request-timeout requestheader-allowed-names requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers requestheader-username-headers runtime-config secure-port service-account-issuer ' +
    'service-account-key-file service-account-lookup service-account-signing-key-file service-cluster-ip-range service-node-port-range tls-cert-file tls-cipher-suites tls-min-version tls-private-key-file token-auth-file v vmodule ' +
    'admission-control-config-file audit-webhook-config-file default-not-ready-toleration-seconds default-unreachable-toleration-seconds storage-backend logging-format shutdown-delay-duration').split(' '),
)

const fileFlags = ['etcd-cafile', 'etcd-certfile', 'etcd-keyfile', 'service-account-key-file', 'service-account-signing-key-file', 'client-ca-file', 'requestheader-client-ca-file', 'kubelet-client-certificate', 'kubelet-client-key', 'proxy-client-cert-file', 'proxy-client-key-file', 'tls-cert-file', 'tls-private-key-file']

export function kubeApiserverImage(ties: ApiServerTies, tags: readonly string[]): ImageBehaviour {
  return {
    repository: 'registry.k8s.io/kube-apiserver',
    tags,
    size: 27_671_920,
    files: { '/etc/passwd': 'root:x:0:0:root:/root:/sbin/nologin\n' },
    programs: { '/usr/local/bin/kube-apiserver': (process, context) => run(process, ties, imageTag(context) ?? ties.version) },
    entrypoint: ['kube-apiserver'],
  }
}

/** The tag of the image that the container was made from; undefined where it runs without a container. */
function imageTag(context: ContainerContext | undefined): string | undefined {
  const spec = (context?.pod() as { spec?: { containers?: { name: string; image?: string }[] } } | undefined)?.spec
  return /:(v[^:@/]+)/.exec(spec?.containers?.find((c) => c.name === context!.container)?.image ?? '')?.[1]
}

async function run(process: Process, ties: ApiServerTies, version: string): Promise<number> {
  const flags = goFlags(process.argv)
  const log = (level: 'I' | 'W' | 'E' | 'F', where: string, message: string) => process.stderr.write(klogLine(level, process.now(), process.pid, where, message))
  const fail = async (message: string) => {
    await process.stderr.write(`Error: ${message}\n`)
    return 1
  }
  const unknown = flags.unknown(known)
  if (unknown !== undefined) return fail(`unknown flag: --${unknown}`)
  for (const name of fileFlags) {
    const path = flags.get(name)
    if (path === undefined) continue
    try {
      process.fs.readFile(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      return fail(`${name.startsWith('tls') ? `failed to load SecureServing TLS certificate: ` : name === 'service-account-key-file' ? 'failed to build authentication config: ' : ''}open ${path}: ${error.message.toLowerCase()}`)
    }
  }
  const read = (name: string) => (flags.get(name) === undefined ? '' : process.fs.readFile(flags.get(name)!))
  const loaded = loadIdentity(read('tls-cert-file'), read('tls-private-key-file'))
  if (!loaded.ok) return fail(`failed to load SecureServing TLS certificate: ${loaded.error}`)
  const port = Number(flags.get('secure-port') ?? 6443)
  if (!Number.isInteger(port) || port < 1 || port > 65535) return fail(`invalid argument ${JSON.stringify(flags.get('secure-port') ?? '')} for "--secure-port" flag: strconv.ParseInt: parsing ${JSON.stringify(flags.get('secure-port') ?? '')}: invalid syntax`)
  await log('I', 'options.go:263', `external host was not specified, using ${flags.get('advertise-address') ?? ''}`)
  await log('I', 'server.go:150', `Version: ${version}`)
  const etcd = flags.get('etcd-servers') ?? ''
  const database = await reachEtcd(process, etcd, log, process.now() + 20_000)
  if (!database) {
    await log('F', 'instance.go:226', 'Error creating leases: error creating storage factory: context deadline exceeded')
    return 1
  }
  let listener
  try {
    listener = process.sockets.listen('0.0.0.0', port)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return fail(`failed to create listener: failed to listen on 0.0.0.0:${port}: listen tcp 0.0.0.0:${port}: bind: ${error.message.toLowerCase()}`)
  }
  const clientCa = flags.get('client-ca-file')
  const backend = { up: true }
  const options = { api: ties.api, backend, identity: loaded.identity, clientRoots: clientCa === undefined ? [] : decodeCertificates(process.fs.readFile(clientCa)), anonymous: flags.get('anonymous-auth') !== 'false' }
  await log('I', 'secure_serving.go:211', `Serving securely on [::]:${port}`)
  ties.onServe?.(process, port, { ...options, version })
  ties.api.gate.set(true)
  void minding(process, database, etcd, log, (up) => {
    backend.up = up
    ties.api.gate.set(up, up ? 'connection refused' : 'context deadline exceeded')
  })
  process.onEnd(() => {
    ties.api.gate.set(false)
    ties.api.closeWatches()
  })
  for (;;) {
    const connection = await listener.accept()
    // Each connection on its own; what a client does to it must not end the server.
    void serveConnection(process, connection, options)
  }
}

type Log = (level: 'W', where: string, message: string) => Promise<void>

/** A connection to the first etcd server; undefined where none came until `end`. */
async function reachEtcd(process: Process, servers: string, log: Log, end: number): Promise<Connection | undefined> {
  const address = /^https?:\/\/([^:/]+):(\d+)/.exec(servers.split(',')[0] ?? '')
  if (!address) return undefined
  const [, host = '', port = ''] = address
  for (let wait = 1000; process.now() < end; wait = Math.min(wait * 1.6, 5000)) {
    try {
      return await process.sockets.connect(host, Number(port), { timeout: 5000 })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await log('W', 'logging.go:55', `[core] [Channel #1 SubChannel #2]grpc: addrConn.createTransport failed to connect to {Addr: "${host}:${port}", ServerName: "${host}:${port}", }. Err: connection error: desc = "transport: Error while dialing: dial tcp ${host}:${port}: connect: ${error.message.toLowerCase()}"`)
      await process.sleep(wait)
    }
  }
  return undefined
}

/** Holds the connection to etcd and says when it is lost and when there is one again. */
async function minding(process: Process, first: Connection, servers: string, log: Log, tell: (up: boolean) => void): Promise<never> {
  for (let connection = first; ; ) {
    try {
      while ((await connection.read()) !== undefined);
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    connection.close()
    tell(false)
    connection = (await reachEtcd(process, servers, log, Infinity))!
    tell(true)
  }
}
