/** etcdctl 3.6: version, endpoint, member list, get, put, del, snapshot save, alarm list, compaction, defrag. Leaves out watch, lease, txn, lock, users and roles, moves of members. */
import { byteLength, decodeBytes, encodeBytes, fromBase64, toBase64 } from '#base/bytes.ts'
import { sha256 } from '#base/sha.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { complain, say } from '../net/support.ts'
import { EtcdClient, goDuration, version } from './client.ts'
import { readLine, withEnvironment, type FlagTable, type Line } from './flags.ts'
import { rootHelp, snapshotHelp } from './help.ts'
import { boxTable, exitCodes, Failure, humanBytes, zapJson } from './log.ts'

const globals: FlagTable = {
  endpoints: '127.0.0.1:2379', debug: false, 'write-out': 'simple', hex: false, 'dial-timeout': '2s', 'command-timeout': '5s', 'keepalive-time': '2s', 'keepalive-timeout': '6s', 'max-request-bytes': '0', 'max-recv-bytes': '0', 'insecure-transport': true,
  'insecure-skip-tls-verify': false, cert: '', key: '', cacert: '', user: '', password: '', 'discovery-srv': '', 'discovery-srv-name': '', 'insecure-discovery': true, 'auth-jwt-token': '',
}
const own: FlagTable = {
  help: false, cluster: false, prefix: false, 'from-key': false, 'keys-only': false, 'count-only': false, 'print-value-only': false, limit: '0', order: '', 'sort-by': '', rev: '0', consistency: 'l', 'prev-kv': false, lease: '0', 'ignore-value': false, 'ignore-lease': false, physical: false, range: false,
}

interface Kv {
  readonly key: string
  readonly value?: string
}

interface Context {
  readonly p: Process
  readonly line: Line
  readonly args: readonly string[]
  readonly client: EtcdClient
  readonly endpoints: readonly string[]
}

type Command = (c: Context) => Promise<number>

const numbers = /"(cluster_id|member_id|revision|raft_term|create_revision|mod_revision|version|count|deleted|ID|dbSize|dbSizeInUse|leader|raftIndex|raftTerm|raftAppliedIndex|dbSizeQuota)":"(\d+)"/g
/** What Go's encoding/json makes of the messages: 64-bit numbers are numbers. */
const goJson = (value: unknown) => `${JSON.stringify(value).replace(numbers, '"$1":$2')}\n`

const hexId = (decimal: string) => BigInt(decimal).toString(16)
const headerOf = (answer: Readonly<Record<string, unknown>>) => answer.header as { readonly member_id: string; readonly revision: string; readonly raft_term: string }

function format(line: Line, ...allowed: readonly string[]): string {
  const how = line.text('write-out')
  if (!['simple', 'json', 'table', 'fields', 'protobuf'].includes(how)) throw new Failure('unsupported output format', exitCodes.badFeature)
  if (!allowed.includes(how)) throw new Failure(`${how} not supported as output format`, exitCodes.badFeature)
  return how
}

/** The key and where its range ends. */
function rangeOf(line: Line, args: readonly string[], name: string): { readonly key: string; readonly range_end: string } {
  if (args.length === 0 || args.length > 2) throw new Failure(`${name} command needs one argument as key and an optional argument as range_end`, exitCodes.badArgs)
  if (line.on('prefix') && line.on('from-key')) throw new Failure('`--prefix` and `--from-key` cannot be set at the same time, choose one', exitCodes.badArgs)
  const [key = '', end = ''] = args
  if (args.length === 2 && (line.on('prefix') || line.on('from-key'))) throw new Failure('too many arguments, only accept one argument when `--prefix` or `--from-key` is set', exitCodes.badArgs)
  if (line.on('from-key') || (line.on('prefix') && key === '')) return { key: toBase64(key === '' ? '\0' : key), range_end: toBase64('\0') }
  if (line.on('prefix')) return { key: toBase64(key), range_end: toBase64(key.slice(0, -1) + String.fromCharCode(key.charCodeAt(key.length - 1) + 1)) }
  return { key: toBase64(key), range_end: toBase64(end) }
}

const escaped = (text: string) => [...encodeBytes(text)].map((b) => `\\x${b.toString(16).padStart(2, '0')}`).join('')

async function printKvs(c: Context, kvs: readonly Kv[]): Promise<void> {
  const shape = (text: string) => (c.line.on('hex') ? escaped(text) : text)
  let framed = false
  for (const kv of kvs) {
    const value = fromBase64(kv.value ?? '') ?? ''
    framed ||= value.startsWith('k8s\0')
    await say(c.p, `${c.line.on('print-value-only') ? '' : `${shape(fromBase64(kv.key) ?? '')}\n`}${shape(value)}\n`)
  }
  // What differs from a real cluster is said, apart from the output.
  if (framed) await complain(c.p, 'kubedrill: a real etcd holds such values as protobuf; here the object stands in its frame as JSON\n')
}

const fields = (answer: Readonly<Record<string, unknown>>) => {
  const h = answer.header as Readonly<Record<string, string>>
  return `"ClusterID" : ${h.cluster_id}\n"MemberID" : ${h.member_id}\n"Revision" : ${h.revision}\n"RaftTerm" : ${h.raft_term}\n`
}

async function clusterEndpoints(c: Context): Promise<readonly string[]> {
  if (!c.line.on('cluster')) return c.endpoints
  try {
    const answer = await c.client.call(c.endpoints, '/etcdserverpb.Cluster/MemberList', '/v3/cluster/member/list', {})
    return (answer.members as readonly { readonly clientURLs: readonly string[] }[]).flatMap((m) => m.clientURLs)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw new Failure(`failed to fetch endpoints from etcd cluster member list: ${error.message}`)
  }
}

/** time.Duration's text of a call that took this long; virtual time knows no less than what the packets take. */
const took = (ms: number) => `${(ms + 1.357).toFixed(6).replace(/0+$/, '')}ms`

const commands: Readonly<Record<string, Command>> = {
  version: async ({ p }) => {
    await say(p, `etcdctl version: ${version}\nAPI version: 3.6\n`)
    return 0
  },
  'endpoint health': async (c) => {
    const how = format(c.line, 'simple', 'json', 'table', 'fields')
    const list: { endpoint: string; health: boolean; took: string; error?: string }[] = []
    for (const endpoint of await clusterEndpoints(c)) {
      const start = c.p.now()
      try {
        await c.client.call([endpoint], '/etcdserverpb.KV/Range', '/v3/kv/range', { key: toBase64('health') })
        list.push({ endpoint, health: true, took: took(c.p.now() - start) })
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        list.push({ endpoint, health: false, took: `${((c.p.now() - start) / 1000 + 0.000_912_345).toFixed(9)}s`, error: error.message })
      }
    }
    if (how === 'json') await say(c.p, goJson(list))
    else if (how === 'table') await say(c.p, boxTable(['endpoint', 'health', 'took', 'error'], list.map((h) => [h.endpoint, String(h.health), h.took, h.error ?? ''])))
    else for (const h of list) await (h.health ? say : complain)(c.p, h.health ? `${h.endpoint} is healthy: successfully committed proposal: took = ${h.took}\n` : `${h.endpoint} is unhealthy: failed to commit proposal: ${h.error}\n`)
    if (list.some((h) => !h.health)) throw new Failure('unhealthy cluster')
    return 0
  },
  'endpoint status': async (c) => {
    const how = format(c.line, 'simple', 'json', 'table', 'fields')
    const list: { readonly endpoint: string; readonly answer: Readonly<Record<string, unknown>> }[] = []
    let failed = false
    for (const endpoint of await clusterEndpoints(c)) {
      try {
        list.push({ endpoint, answer: await c.client.call([endpoint], '/etcdserverpb.Maintenance/Status', '/v3/maintenance/status', {}) })
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        failed = true
        await complain(c.p, `Failed to get the status of endpoint ${endpoint} (${error.message})\n`)
      }
    }
    if (how === 'json') await say(c.p, goJson(list.map(({ endpoint, answer }) => ({ Endpoint: endpoint, Status: { ...answer, storageVersion: answer.storageVersion } }))))
    else {
      const rows = list.map(({ endpoint, answer: a }) => {
        const id = hexId(headerOf(a).member_id)
        const [size, used] = [Number(a.dbSize), Number(a.dbSizeInUse)]
        return [endpoint, id, String(a.version), String(a.storageVersion), humanBytes(size), humanBytes(used), `${Math.floor((1 - used / size) * 100)}%`, humanBytes(Number(a.dbSizeQuota)), String(hexId(String(a.leader)) === id), 'false', String(a.raftTerm), String(a.raftIndex), String(a.raftAppliedIndex), '', '', 'false']
      })
      const titles = ['endpoint', 'ID', 'version', 'storage version', 'db size', 'in use', 'percentage not in use', 'quota', 'is leader', 'is learner', 'raft term', 'raft index', 'raft applied index', 'errors', 'downgrade target version', 'downgrade enabled']
      await say(c.p, how === 'table' ? boxTable(titles, rows) : rows.map((r) => `${r.join(', ')}\n`).join(''))
    }
    return failed ? exitCodes.error : 0
  },
  'member list': async (c) => {
    const how = format(c.line, 'simple', 'json', 'table', 'fields')
    const answer = await c.client.call(c.endpoints, '/etcdserverpb.Cluster/MemberList', '/v3/cluster/member/list', {})
    const members = answer.members as readonly { readonly ID: string; readonly name: string; readonly peerURLs: readonly string[]; readonly clientURLs: readonly string[] }[]
    const rows = members.map((m) => [hexId(m.ID), m.name === '' ? 'unstarted' : 'started', m.name, m.peerURLs.join(','), m.clientURLs.join(','), 'false'])
    if (how === 'json') await say(c.p, goJson(answer))
    else await say(c.p, how === 'table' ? boxTable(['ID', 'Status', 'Name', 'Peer Addrs', 'Client Addrs', 'Is Learner'], rows) : rows.map((r) => `${r.join(', ')}\n`).join(''))
    return 0
  },
  get: async (c) => {
    const range = rangeOf(c.line, c.args, 'get')
    if (c.line.on('keys-only') && c.line.on('count-only')) throw new Failure('`--keys-only` and `--count-only` cannot be set at the same time, choose one', exitCodes.badArgs)
    const how = format(c.line, 'simple', 'json', 'fields')
    if (c.line.on('print-value-only') && how !== 'simple') throw new Failure('print-value-only is only for `--write-out=simple`', exitCodes.badArgs)
    if (c.line.on('count-only') && how !== 'fields' && how !== 'json') throw new Failure('--count-only is only for `--write-out=fields`', exitCodes.badArgs)
    const answer = await c.client.call(c.endpoints, '/etcdserverpb.KV/Range', '/v3/kv/range', {
      ...range, limit: c.line.text('limit'), keys_only: c.line.on('keys-only'), count_only: c.line.on('count-only'), sort_order: c.line.text('order').toUpperCase(), sort_target: c.line.text('sort-by').toUpperCase(),
    })
    const kvs = (answer.kvs ?? []) as readonly (Kv & Readonly<Record<string, string>>)[]
    if (how === 'json') await say(c.p, goJson(answer))
    else if (how === 'fields') await say(c.p, fields(answer) + kvs.map((kv) => `"Key" : ${JSON.stringify(fromBase64(kv.key))}\n"CreateRevision" : ${kv.create_revision}\n"ModRevision" : ${kv.mod_revision}\n"Version" : ${kv.version}\n"Value" : ${JSON.stringify(fromBase64(kv.value ?? ''))}\n"Lease" : 0\n`).join('') + `"More" : ${answer.more === true}\n"Count" : ${Number(answer.count ?? 0)}\n`)
    else await printKvs(c, kvs)
    return 0
  },
  put: async (c) => {
    const [key = '', given] = c.args
    if (c.args.length === 0 || c.args.length > 2) throw new Failure('put command needs 1 argument and input from stdin or 2 arguments', exitCodes.badArgs)
    const value = given ?? (await c.p.stdin.readAll())
    const answer = await c.client.call(c.endpoints, '/etcdserverpb.KV/Put', '/v3/kv/put', { key: toBase64(key), value: toBase64(value), prev_kv: c.line.on('prev-kv') })
    if (format(c.line, 'simple', 'json', 'fields') === 'json') await say(c.p, goJson(answer))
    else {
      await say(c.p, 'OK\n')
      if (answer.prev_kv) await printKvs(c, [answer.prev_kv as Kv])
    }
    return 0
  },
  del: async (c) => {
    const answer = await c.client.call(c.endpoints, '/etcdserverpb.KV/DeleteRange', '/v3/kv/deleterange', { ...rangeOf(c.line, c.args, 'del'), prev_kv: c.line.on('prev-kv') })
    if (format(c.line, 'simple', 'json', 'fields') === 'json') await say(c.p, goJson(answer))
    else {
      await say(c.p, `${Number(answer.deleted ?? 0)}\n`)
      await printKvs(c, (answer.prev_kvs ?? []) as readonly Kv[])
    }
    return 0
  },
  'alarm list': async (c) => {
    await c.client.call(c.endpoints, '/etcdserverpb.Maintenance/Alarm', '/v3/maintenance/alarm', {})
    return 0
  },
  compaction: async (c) => {
    if (c.args.length !== 1) throw new Failure('compaction command needs 1 argument', exitCodes.badArgs)
    await c.client.call(c.endpoints, '/etcdserverpb.KV/Compact', '/v3/kv/compaction', { revision: c.args[0] })
    await say(c.p, `compacted revision ${c.args[0]}\n`)
    return 0
  },
  defrag: async (c) => {
    for (const endpoint of await clusterEndpoints(c)) {
      await c.client.call([endpoint], '/etcdserverpb.Maintenance/Defragment', '/v3/maintenance/defragment', {})
      await say(c.p, `Finished defragmenting etcd member[${endpoint}]. took ${took(20)}\n`)
    }
    return 0
  },
  'snapshot save': async (c) => {
    const { p } = c
    if (c.args.length !== 1) throw new Failure('snapshot save expects one argument', exitCodes.badArgs)
    if (c.endpoints.length !== 1) throw new Failure(`snapshot must be requested to one selected node, not multiple [${c.endpoints.join(' ')}]`, exitCodes.error)
    const path = c.args[0]!
    const part = `${path}.part`
    const absolute = path.startsWith('/') ? path : `${p.cwd}/${path}`
    try {
      p.fs.writeFile(`${absolute}.part`, '', { mode: 0o600 })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Failure(`could not open ${part} (open ${part}: ${error.message.toLowerCase()})`)
    }
    const start = p.now()
    const [endpoint = ''] = c.endpoints
    await zapJson(p, 'info', { caller: 'snapshot/v3_snapshot.go:83', msg: 'created temporary db file', path: part })
    let answer: Readonly<Record<string, unknown>>
    try {
      answer = await c.client.call(c.endpoints, '/etcdserverpb.Maintenance/Snapshot', '/v3/maintenance/snapshot', {})
    } catch (error) {
      p.fs.unlink(`${absolute}.part`)
      throw error
    }
    const { blob, version: server } = answer.result as { readonly blob: string; readonly version: string }
    await zapJson(p, 'info', { logger: 'client', caller: `v3@v${version}/maintenance.go:236`, msg: 'opened snapshot stream; downloading' })
    await zapJson(p, 'info', { caller: 'snapshot/v3_snapshot.go:96', msg: 'fetching snapshot', endpoint })
    const text = fromBase64(blob) ?? ''
    await zapJson(p, 'info', { logger: 'client', caller: `v3@v${version}/maintenance.go:302`, msg: 'completed snapshot read; closing' })
    p.fs.writeFile(`${absolute}.part`, text + decodeBytes(sha256(text)), { mode: 0o600 })
    p.fs.rename(`${absolute}.part`, absolute)
    await zapJson(p, 'info', { caller: 'snapshot/v3_snapshot.go:111', msg: 'fetched snapshot', endpoint, size: humanBytes(byteLength(text)), took: took(p.now() - start), 'etcd-version': `${server.split('.').slice(0, 2).join('.')}.0` })
    await zapJson(p, 'info', { caller: 'snapshot/v3_snapshot.go:121', msg: 'saved', path })
    await say(p, `Snapshot saved at ${path}\nServer version ${server.split('.').slice(0, 2).join('.')}.0\n`)
    return 0
  },
}

export const etcdctl: Program = async (p) => {
  try {
    let line = readLine(p.argv, { ...globals, ...own })
    const two = line.words.slice(0, 2).join(' ')
    const name = commands[two] ? two : (line.words[0] ?? '')
    const command = commands[name]
    if (!command || line.on('help')) {
      if (line.words.length === 0 || name === 'help' || (command && line.on('help'))) await say(p, rootHelp)
      else if (name === 'snapshot') await say(p, snapshotHelp)
      else if (Object.keys(commands).some((c) => c.startsWith(`${name} `))) await say(p, rootHelp)
      else throw new Failure(`unknown command ${JSON.stringify(name)} for "etcdctl"\nRun 'etcdctl --help' for usage.`)
      return 0
    }
    const args = line.words.slice(name.split(' ').length)
    if (name === 'version') return await command({ p, line, args } as unknown as Context)
    line = await withEnvironment(p, line, { ...globals, ...own }, Object.keys(globals))
    if (goDuration(line.text('command-timeout')) === 0) throw new Failure(`invalid argument ${JSON.stringify(line.text('command-timeout'))} for "--command-timeout" flag: time: invalid duration ${JSON.stringify(line.text('command-timeout'))}`)
    return await command({ p, line, args, client: new EtcdClient(p, line), endpoints: line.text('endpoints').split(',') })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error.message !== '') await complain(p, `Error: ${error.message}\n`)
    return error.code
  }
}
