/**
 * etcd as a process: it listens where its flags say, needs its files and answers clients; the data lives in the cluster's store, and the data directory's
 * `member/snap/db` names which of its states. Leaves out raft: members that run share one store.
 */
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import { loadIdentity } from '#engine/machine/tls.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import type { ContainerContext, ImageBehaviour } from '#engine/node/runtime/image.ts'
import { goFlags } from '../flags.ts'
import { serveHealth } from '../health.ts'
import type { EtcdData } from './face.ts'
import { memberId, serveClient } from './serve.ts'

export function etcdImage(tags: readonly string[], data: EtcdData): ImageBehaviour {
  return {
    repository: 'registry.k8s.io/etcd',
    tags,
    size: 22_871_747,
    programs: { '/usr/local/bin/etcd': (process, context) => run(process, data, imageVersion(context) ?? tags[0]!.replace(/-.*/, '')) },
    tools: { '/usr/local/bin/etcdctl': 'etcdctl', '/usr/local/bin/etcdutl': 'etcdutl' },
    entrypoint: ['etcd'],
    files: { '/var/etcd/': '', '/var/lib/etcd/': '' },
  }
}

const known = new Set(
  ('advertise-client-urls cert-file client-cert-auth data-dir feature-gates experimental-initial-corrupt-check experimental-watch-progress-notify-interval initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token key-file ' +
    'listen-client-urls listen-client-http-urls listen-metrics-urls listen-peer-urls name peer-cert-file peer-client-cert-auth peer-key-file peer-trusted-ca-file snapshot-count trusted-ca-file watch-progress-notify-interval quota-backend-bytes auto-compaction-retention auto-compaction-mode log-level logger heartbeat-interval election-timeout').split(' '),
)

/** The version in the tag of the container's image. */
function imageVersion(context: ContainerContext | undefined): string | undefined {
  const spec = (context?.pod() as { spec?: { containers?: { name: string; image?: string }[] } } | undefined)?.spec
  return /:v?(\d+\.\d+\.\d+)[^:/]*$/.exec(spec?.containers?.find((c) => c.name === context!.container)?.image ?? '')?.[1]
}

async function run(process: Process, store: EtcdData, version: string): Promise<number> {
  const flags = goFlags(process.argv)
  const line = (level: string, message: string, more: Record<string, unknown> = {}) =>
    process.stderr.write(JSON.stringify({ level, ts: new Date(Math.floor(process.now())).toISOString().replace('Z', '000Z'), caller: 'embed/etcd.go:1', msg: message, ...more }) + '\n')
  const unknown = flags.unknown(known)
  if (unknown !== undefined) {
    await process.stderr.write(`error verifying flags, flag provided but not defined: -${unknown}. See 'etcd --help'.\n`)
    return 1
  }
  for (const name of ['cert-file', 'key-file', 'trusted-ca-file', 'peer-cert-file', 'peer-key-file', 'peer-trusted-ca-file']) {
    const path = flags.get(name)
    if (path === undefined) continue
    try {
      process.fs.readFile(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await line('fatal', 'discovery failed', { error: `open ${path}: ${error.message.toLowerCase()}` })
      return 1
    }
  }
  const read = (name: string) => (flags.get(name) === undefined ? '' : process.fs.readFile(flags.get(name)!))
  const identity = loadIdentity(read('cert-file'), read('key-file'))
  const urls = (name: string) => (flags.get(name) ?? '').split(',').filter((u) => u !== '')
  const peerUrls = urls('initial-advertise-peer-urls')
  const member = { id: memberId(peerUrls, flags.get('initial-cluster-token') ?? 'etcd-cluster'), name: flags.get('name') ?? 'default', peerUrls, clientUrls: urls('advertise-client-urls') }
  const server = (scheme: string) => ({ data: store, member, version, identity: scheme === 'https' && identity.ok ? identity.identity : undefined, clientAuth: flags.get('client-cert-auth') === 'true', clientRoots: decodeCertificates(read('trusted-ca-file')) })
  for (const name of ['listen-client-urls', 'listen-peer-urls']) {
    for (const url of (flags.get(name) ?? '').split(',')) {
      const at = /^(https?):\/\/([^:/]+):(\d+)$/.exec(url)
      if (!at) {
        await process.stderr.write(`error verifying flags, invalid value ${JSON.stringify(url)} for flag -${name}: URL scheme must be http, https, unix, or unixs: ${url}. See 'etcd --help'.\n`)
        return 1
      }
      try {
        const listener = process.sockets.listen(at[2]!, Number(at[3]))
        const own = server(at[1]!)
        void accept(listener, name === 'listen-peer-urls' ? () => {} : (connection) => void serveClient(process, connection, own))
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await line('fatal', 'discovery failed', { error: `listen tcp ${at[2]}:${at[3]}: bind: ${error.message.toLowerCase()}` })
        return 1
      }
    }
  }
  const data = flags.get('data-dir') ?? `${flags.get('name') ?? 'default'}.etcd`
  const db = `${data}/member/snap/db`
  const old = process.fs.exists(db) ? process.fs.readFile(db) : undefined
  // A server that joins others gets what they have.
  const now = store.open(old, flags.get('initial-cluster-state') === 'existing' && store.members.length > 0)
  if (!process.fs.exists(`${data}/member`) || old === undefined) {
    for (const part of ['snap', 'wal']) process.fs.mkdir(`${data}/member/${part}`, { parents: true, mode: 0o700 })
    process.fs.writeFile(`${data}/member/wal/0000000000000000-0000000000000000.wal`, '', { mode: 0o600 })
  }
  if (now !== old) process.fs.writeFile(db, now, { mode: 0o600 })
  store.members.push(member)
  process.onEnd(() => store.members.splice(store.members.indexOf(member), 1))
  await line('info', 'ready to serve client requests')
  const metrics = /^http:\/\/([^:/]+):(\d+)$/.exec(flags.get('listen-metrics-urls') ?? '')
  if (metrics) await serveHealth(process, metrics[1]!, Number(metrics[2]))
  return await process.forever()
}

async function accept(listener: { accept(): Promise<Connection> }, take: (connection: Connection) => void): Promise<void> {
  for (;;) take(await listener.accept())
}
