/** What the etcd process sees of what it serves: the cluster's database behind keys, and the data directories that hold its states. */
export interface EtcdKey {
  readonly key: string
  readonly revision: number
  readonly version: number
  /** The stored bytes; made when asked for. */
  value(): string
}

export interface EtcdMember {
  /** Hexadecimal, as etcdctl shows it. */
  readonly id: string
  readonly name: string
  readonly peerUrls: readonly string[]
  readonly clientUrls: readonly string[]
}

export interface EtcdData {
  /** A server begins on a data directory: `db` is what its `member/snap/db` holds, undefined for a new one; `joining`: one that takes over what the running members have. Returns what the file holds from now on. */
  open(db: string | undefined, joining: boolean): string
  readonly revision: number
  /** In key order, those that `wanted` takes. */
  keys(wanted: (key: string) => boolean): readonly EtcdKey[]
  /** A problem where the key is not for clients. */
  put(key: string, value: string): string | undefined
  remove(key: string): void
  /** The state as a snapshot file without its checksum. */
  snapshot(): string
  /** Those that run, in the order of their start. */
  readonly members: EtcdMember[]
}
