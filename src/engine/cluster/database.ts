/**
 * What the cluster's etcd holds. A data directory's db file names a state or, restored from a snapshot, holds one: an etcd that begins on another directory than
 * the last brings that one's state, and a new directory is empty until an API server makes of it what one makes of an empty etcd.
 * SIMPLIFICATION: there is one store for all etcd members and API servers of a cluster; its revision never goes back, and clients of the API hear of the
 * difference as changes, as informers make it of their next lists.
 */
import type { ApiServer } from '#engine/api/server.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { byteLength } from '#base/bytes.ts'
import { formatIpv4, cidr4 } from '#base/ip.ts'
import type { EtcdData, EtcdKey, EtcdMember } from '#engine/images/etcd/face.ts'
import { keyOf, valueOf } from './registry-keys.ts'
import { goFlags } from '#engine/images/flags.ts'
import { bootstrapObjects } from '#engine/kinds/all.ts'
import type { Process } from '#engine/machine/process.ts'

type Settings = { -readonly [K in 'version' | 'serviceCidr' | 'advertiseAddress']?: string }

interface State {
  readonly objects: readonly (readonly [resource: string, objects: readonly KubeObject[]])[]
  /** What clients of etcd put beside the API server. */
  readonly own: readonly (readonly [key: string, value: string, revision: number, version: number])[]
}

const live = 'kubedrill etcd state '
const snapshotMark = 'kubedrill etcd snapshot\n'

export class Database implements EtcdData {
  readonly #api: ApiServer
  #empty = false
  /** The state in the store, and those of other data directories by name. */
  #current = ''
  #made = 0
  readonly #aside = new Map<string, State>()
  #own = new Map<string, { readonly value: string; readonly revision: number; readonly version: number }>()
  readonly members: EtcdMember[] = []

  constructor(api: ApiServer) {
    this.#api = api
  }

  get revision(): number {
    return this.#api.store.revision
  }

  open(db: string | undefined, joining: boolean): string {
    if (joining && db === undefined) return this.#name(this.#current)
    if (db === '') db = this.#name('')
    if (db === this.#name(this.#current)) return db === live + '\n' ? '' : db
    this.#aside.set(this.#current, this.#state())
    if (db?.startsWith(live)) {
      const name = db.slice(live.length).trim()
      const state = this.#aside.get(name)
      this.#bring(state ?? { objects: [], own: [] })
      this.#empty = state === undefined || state.objects.every(([, all]) => all.length === 0)
      this.#current = name
      return name === '' ? '' : db
    }
    const state = db?.startsWith(snapshotMark) ? (JSON.parse(db.slice(db.indexOf('\n', snapshotMark.length))) as State) : undefined
    this.#bring(state ?? { objects: [], own: [] })
    this.#empty = state === undefined
    this.#current = String(++this.#made)
    return this.#name(this.#current)
  }

  #name(name: string): string {
    return `${live}${name}\n`
  }

  #state(): State {
    return { objects: this.#api.store.snapshot().objects, own: [...this.#own].map(([key, k]) => [key, k.value, k.revision, k.version]) }
  }

  /** Makes the store hold this and nothing else. */
  #bring(state: State): void {
    const { store } = this.#api
    const wanted = new Map(state.objects.map(([resource, objects]) => [resource, new Map(objects.map((o) => [keyOf(resource, o), o]))]))
    for (const resource of store.resources) for (const object of [...store.list(resource)]) if (!wanted.get(resource)?.has(keyOf(resource, object))) store.remove(resource, object)
    for (const [resource, objects] of wanted) {
      for (const object of objects.values()) {
        const there = store.get(resource, object.metadata.namespace, object.metadata.name)
        if (there?.metadata.resourceVersion !== object.metadata.resourceVersion) store.put(resource, { ...object, metadata: { ...object.metadata } })
      }
    }
    this.#own = new Map(state.own.map(([key, value, revision, version]) => [key, { value, revision, version }]))
  }

  keys(wanted: (key: string) => boolean): readonly EtcdKey[] {
    const { store } = this.#api
    const found: EtcdKey[] = []
    for (const resource of store.resources) {
      for (const object of store.list(resource)) {
        const key = keyOf(resource, object)
        if (wanted(key)) found.push({ key, revision: Number(object.metadata.resourceVersion), version: (object.metadata as { generation?: number }).generation ?? 1, value: () => valueOf(resource, object) })
      }
    }
    for (const [key, { value, revision, version }] of this.#own) if (wanted(key)) found.push({ key, revision, version, value: () => value })
    return found.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  }

  put(key: string, value: string): string | undefined {
    if (key.startsWith('/registry/')) return 'kubedrill: what the API server keeps below /registry/ cannot be written here; a real etcd would take it'
    this.#own.set(key, { value, revision: ++this.#api.store.revision, version: (this.#own.get(key)?.version ?? 0) + 1 })
    return undefined
  }

  remove(key: string): void {
    if (this.#own.delete(key)) this.#api.store.revision++
    const { store } = this.#api
    for (const resource of store.resources) for (const object of [...store.list(resource)]) if (keyOf(resource, object) === key) store.remove(resource, object)
  }

  snapshot(): string {
    const state = this.#state()
    const keys = state.own.length + state.objects.reduce((sum, [, all]) => sum + all.length, 0)
    const text = `${snapshotMark}${JSON.stringify({ revision: this.revision, keys })}\n${JSON.stringify(state)}`
    return text + ' '.repeat((512 - (byteLength(text) % 512)) % 512)
  }

  /** An API server begins to serve with these flags. */
  serve(process: Process, version: string): void {
    const flags = goFlags(process.argv)
    const range = (flags.get('service-cluster-ip-range') ?? '10.96.0.0/12').split(',')[0]!
    const address = `${flags.get('advertise-address') ?? '127.0.0.1'}:${flags.get('secure-port') ?? '6443'}`
    Object.assign(this.#api.options as Settings, { version, serviceCidr: range, advertiseAddress: address })
    if (!this.#empty) return
    this.#empty = false
    const ca = flags.get('client-ca-file')
    const first = formatIpv4(cidr4(range).network + 1)
    const objects = bootstrapObjects({ now: `${new Date(Math.floor(process.now())).toISOString().slice(0, 19)}Z`, advertiseAddress: address, ...(ca !== undefined && process.fs.exists(ca) ? { caCertificate: process.fs.readFile(ca) } : {}) })
    for (const object of objects) {
      // What kubeadm adds is not the server's.
      if (object.metadata.name.startsWith('kubeadm:')) continue
      this.#api.seed(JSON.parse(JSON.stringify(object).replaceAll('"10.96.0.1"', `"${first}"`).replaceAll('"10.96.0.0/12"', `"${range}"`)))
    }
  }
}
