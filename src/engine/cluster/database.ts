/**
 * What the cluster's etcd holds: emptied when an etcd begins with a new data directory, and filled with what an API server makes of an empty one when the next one serves.
 * SIMPLIFICATION: there is one store for all etcd members and API servers of a cluster.
 */
import type { ApiServer } from '#engine/api/server.ts'
import { formatIpv4, cidr4 } from '#base/ip.ts'
import { goFlags } from '#engine/images/flags.ts'
import { bootstrapObjects } from '#engine/kinds/all.ts'
import type { Process } from '#engine/machine/process.ts'

type Settings = { -readonly [K in 'version' | 'serviceCidr' | 'advertiseAddress']?: string }

export class Database {
  readonly #api: ApiServer
  #empty = false

  constructor(api: ApiServer) {
    this.#api = api
  }

  clear(): void {
    const { store } = this.#api
    for (const resource of store.resources) for (const object of store.list(resource)) store.remove(resource, object)
    this.#empty = true
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
