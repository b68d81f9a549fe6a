/**
 * The client port of etcd: `/version`, `/health` and the JSON gateway's calls (`/v3/kv/range` …), over TLS where its flags say. SIMPLIFICATION: etcdctl speaks
 * the gateway's JSON here instead of gRPC, with the same messages. Leaves out watches, leases, transactions, users, and moves of the leader.
 */
import { encodeResponse, HttpReader, type HttpRequestHead } from '#base/http.ts'
import { decodeBytes, fromBase64, toBase64 } from '#base/bytes.ts'
import { hex, sha1 } from '#base/sha.ts'
import type { Certificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { TlsError, tlsAccept, type TlsIdentity } from '#engine/machine/tls.ts'
import type { EtcdData, EtcdKey, EtcdMember } from './face.ts'

export interface EtcdServer {
  readonly data: EtcdData
  readonly member: EtcdMember
  readonly version: string
  readonly identity: TlsIdentity | undefined
  readonly clientAuth: boolean
  readonly clientRoots: readonly Certificate[]
}

const bytesOf = (ids: string) => decodeBytes((ids.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)))

/** As etcd computes it from the peer addresses and the token of the cluster. */
export const memberId = (peerUrls: readonly string[], token: string): string => hex(sha1([...peerUrls].sort().join('') + token)).slice(0, 16)
const clusterId = (members: readonly EtcdMember[]): string => hex(sha1(bytesOf(members.map((m) => m.id).sort().join('')))).slice(0, 16)
const decimal = (id: string) => BigInt(`0x${id}`).toString()

interface Failure {
  readonly code: number
  readonly message: string
}

type Call = (server: EtcdServer, body: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> | Failure

const header = ({ data, member }: EtcdServer) => ({ cluster_id: decimal(clusterId(data.members)), member_id: decimal(member.id), revision: String(data.revision), raft_term: '2' })

const text = (value: unknown) => (typeof value === 'string' ? (fromBase64(value) ?? '') : '')

/** The keys that `key` and `range_end` mean: one, from one to before another, or (end `\0`) all from one. */
function within(key: string, end: string): (other: string) => boolean {
  if (end === '') return (other) => other === key
  if (end === '\0') return (other) => other >= key
  return (other) => other >= key && other < end
}

const kvOf = (k: EtcdKey, bare: boolean) => ({ key: toBase64(k.key), create_revision: String(k.revision), mod_revision: String(k.revision), version: String(k.version), ...(!bare && { value: toBase64(k.value()) }) })

const orders: Readonly<Record<string, (k: EtcdKey) => string | number>> = { CREATE: (k) => k.revision, MOD: (k) => k.revision, VERSION: (k) => k.version, VALUE: (k) => k.value() }

const calls: Readonly<Record<string, Call>> = {
  '/v3/kv/range': (server, body) => {
    const all = [...server.data.keys(within(text(body.key), text(body.range_end)))]
    const by = orders[String(body.sort_target)]
    if (by) all.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0))
    if (body.sort_order === 'DESCEND') all.reverse()
    const limit = Number(body.limit ?? 0)
    const shown = body.count_only === true ? [] : limit > 0 ? all.slice(0, limit) : all
    return { header: header(server), ...(shown.length > 0 && { kvs: shown.map((k) => kvOf(k, body.keys_only === true)) }), ...(limit > 0 && shown.length < all.length && body.count_only !== true && { more: true }), ...(all.length > 0 && { count: String(all.length) }) }
  },
  '/v3/kv/put': (server, body) => {
    const key = text(body.key)
    if (key === '') return { code: 3, message: 'etcdserver: key is not provided' }
    const [old] = server.data.keys((k) => k === key)
    const prev = old && kvOf(old, false)
    const problem = server.data.put(key, text(body.value))
    return problem === undefined ? { header: header(server), ...(body.prev_kv === true && prev && { prev_kv: prev }) } : { code: 9, message: problem }
  },
  '/v3/kv/deleterange': (server, body) => {
    const found = server.data.keys(within(text(body.key), text(body.range_end)))
    const prev = body.prev_kv === true ? found.map((k) => kvOf(k, false)) : []
    for (const { key } of found) server.data.remove(key)
    return { header: header(server), ...(found.length > 0 && { deleted: String(found.length) }), ...(prev.length > 0 && { prev_kvs: prev }) }
  },
  '/v3/kv/compaction': (server) => ({ header: header(server) }),
  '/v3/cluster/member/list': (server) => ({ header: header(server), members: server.data.members.map((m) => ({ ID: decimal(m.id), name: m.name, peerURLs: m.peerUrls, clientURLs: m.clientUrls })) }),
  '/v3/maintenance/status': (server) => {
    const size = String(server.data.snapshot().length)
    const index = String(server.data.revision + 100)
    return { header: header(server), version: server.version, dbSize: size, dbSizeInUse: size, leader: decimal(server.data.members[0]?.id ?? server.member.id), raftIndex: index, raftTerm: '2', raftAppliedIndex: index, storageVersion: `${server.version.split('.').slice(0, 2).join('.')}.0`, dbSizeQuota: '2147483648' }
  },
  '/v3/maintenance/alarm': (server) => ({ header: header(server) }),
  '/v3/maintenance/defragment': (server) => ({ header: header(server) }),
  '/v3/maintenance/snapshot': (server) => ({ result: { blob: toBase64(server.data.snapshot()), version: server.version } }),
}

const plain: Readonly<Record<string, (server: EtcdServer) => string>> = {
  '/version': (server) => JSON.stringify({ etcdserver: server.version, etcdcluster: `${server.version.split('.').slice(0, 2).join('.')}.0`, storage: `${server.version.split('.').slice(0, 2).join('.')}.0` }),
  '/health': () => '{"health":"true","reason":""}',
}

function answer(server: EtcdServer, head: HttpRequestHead, body: string): { readonly status: number; readonly body: string; readonly type: string } {
  const path = head.target.split('?')[0]!
  const page = plain[path]
  if (page) return { status: 200, body: page(server), type: 'application/json' }
  const call = calls[path]
  if (!call) return { status: 404, body: '404 page not found\n', type: 'text/plain; charset=utf-8' }
  let request: Readonly<Record<string, unknown>>
  try {
    request = JSON.parse(body === '' ? '{}' : body) as Readonly<Record<string, unknown>>
  } catch (error) {
    return { status: 400, body: JSON.stringify({ error: String(error), code: 3, message: String(error) }), type: 'application/json' }
  }
  const result = call(server, request)
  if ('message' in result) return { status: 400, body: JSON.stringify({ error: result.message, ...result }), type: 'application/json' }
  return { status: 200, body: JSON.stringify(result), type: 'application/json' }
}

export async function serveClient(process: Process, connection: Connection, server: EtcdServer): Promise<void> {
  try {
    const { identity } = server
    const wire = identity ? await tlsAccept(connection, { identity: () => identity, clientAuth: server.clientAuth ? 'require' : 'none', clientRoots: server.clientRoots, now: () => process.now() }) : connection
    const reader = new HttpReader(() => wire.read(), 'request')
    for (;;) {
      const message = await reader.message()
      if (!message || 'error' in message) break
      const { status, body, type } = answer(server, message.head as HttpRequestHead, message.body)
      await wire.write(encodeResponse({ status, headers: { 'Access-Control-Allow-Headers': 'accept, content-type, authorization', 'Content-Type': type }, body }))
      if (!message.keepAlive) break
    }
    wire.end()
  } catch (error) {
    if (!(error instanceof FsError) && !(error instanceof TlsError)) throw error
    connection.close()
  }
}
