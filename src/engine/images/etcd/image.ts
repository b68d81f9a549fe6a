/** etcd as a process: it listens where its flags say and needs its files; the data lives in the cluster's store. Snapshots and members are left out. */
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { goFlags } from '../flags.ts'
import { serveHealth } from '../health.ts'

/** `onNew` hears of a server that begins with an empty data directory. */
export function etcdImage(tags: readonly string[], onNew: () => void = () => {}): ImageBehaviour {
  return {
    repository: 'registry.k8s.io/etcd',
    tags,
    size: 22_871_747,
    programs: { '/usr/local/bin/etcd': (process) => run(process, onNew) },
    entrypoint: ['etcd'],
    files: { '/var/etcd/': '', '/var/lib/etcd/': '' },
  }
}

const known = new Set(
  ('advertise-client-urls cert-file client-cert-auth data-dir feature-gates experimental-initial-corrupt-check experimental-watch-progress-notify-interval initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token key-file ' +
    'listen-client-urls listen-client-http-urls listen-metrics-urls listen-peer-urls name peer-cert-file peer-client-cert-auth peer-key-file peer-trusted-ca-file snapshot-count trusted-ca-file watch-progress-notify-interval quota-backend-bytes auto-compaction-retention auto-compaction-mode log-level logger heartbeat-interval election-timeout').split(' '),
)

async function run(process: Process, onNew: () => void): Promise<number> {
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
  for (const name of ['listen-client-urls', 'listen-peer-urls']) {
    for (const url of (flags.get(name) ?? '').split(',')) {
      const at = /^https?:\/\/([^:/]+):(\d+)$/.exec(url)
      if (!at) {
        await process.stderr.write(`error verifying flags, invalid value ${JSON.stringify(url)} for flag -${name}: URL scheme must be http, https, unix, or unixs: ${url}. See 'etcd --help'.\n`)
        return 1
      }
      try {
        const listener = process.sockets.listen(at[1]!, Number(at[2]))
        void accept(listener)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await line('fatal', 'discovery failed', { error: `listen tcp ${at[1]}:${at[2]}: bind: ${error.message.toLowerCase()}` })
        return 1
      }
    }
  }
  const data = flags.get('data-dir') ?? `${flags.get('name') ?? 'default'}.etcd`
  if (!process.fs.exists(`${data}/member`)) {
    for (const part of ['snap', 'wal']) process.fs.mkdir(`${data}/member/${part}`, { parents: true, mode: 0o700 })
    process.fs.writeFile(`${data}/member/snap/db`, '', { mode: 0o600 })
    process.fs.writeFile(`${data}/member/wal/0000000000000000-0000000000000000.wal`, '', { mode: 0o600 })
    onNew()
  }
  await line('info', 'ready to serve client requests')
  const metrics = /^http:\/\/([^:/]+):(\d+)$/.exec(flags.get('listen-metrics-urls') ?? '')
  if (metrics) await serveHealth(process, metrics[1]!, Number(metrics[2]))
  return await process.forever()
}

async function accept(listener: { accept(): Promise<{ read(): Promise<string | undefined> }> }): Promise<void> {
  for (;;) await listener.accept()
}
