/**
 * The API server as other rooms see it. Requests and answers have the shape of HTTP so that kubectl over the simulated network, `curl`,
 * `kubectl get --raw`, controllers in process and the golden recordings all take the same road through one `handle`.
 */
export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface ObjectMeta {
  name: string
  namespace?: string
  generateName?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
  managedFields?: unknown[]
}

/** Any API object. Objects in the store and in caches are shared and never changed in place. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Record<string, never>
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: {
    readonly name?: string
    readonly group?: string
    readonly kind?: string
    readonly uid?: string
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[]
    readonly retryAfterSeconds?: number
  }
  readonly code?: number
}

/** Thrown by ApiClient; `status` is the body the server answered with. */
export class StatusError extends Error {
  readonly status: Status

  constructor(status: Status) {
    super(status.message ?? status.reason ?? 'unknown')
    this.status = status
  }
}

/** Thrown by ApiClient when the server cannot be reached at all (its process is not there, the packet never came back). */
export class ApiUnreachable extends Error {}

export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  /** What the authenticator adds, such as the id of the credential. */
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS'
  /** Without query, e.g. `/api/v1/namespaces/default/pods`. */
  readonly path: string
  readonly query: ReadonlyMap<string, readonly string[]>
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** Set by the authenticator from certificate, token or impersonation headers. */
  readonly user: UserInfo
}

export type ApiResponse =
  | { readonly kind: 'complete'; readonly code: number; readonly headers: ReadonlyMap<string, string>; readonly body: string }
  /** A watch or followed log: lines pushed until either side closes. */
  | { readonly kind: 'stream'; readonly code: number; readonly headers: ReadonlyMap<string, string>; start(sink: { push(text: string): void; end(): void }): () => void }
  /** exec, attach, port-forward: the connection becomes a duplex of framed channels (0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize). */
  | { readonly kind: 'upgrade'; readonly code: 101; readonly headers: ReadonlyMap<string, string>; start(channel: DuplexChannel): void }

export interface DuplexChannel {
  send(channel: number, data: string): void
  onMessage(listener: (channel: number, data: string) => void): void
  onClose(listener: () => void): void
  close(): void
}

/** group '' is the core group. */
export interface GroupVersionResource {
  readonly group: string
  readonly version: string
  readonly resource: string
}

export interface ListOptions {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

/** In-process client of controllers, kubelets and add-ons. Same semantics as REST; throws StatusError or ApiUnreachable. Objects given out are frozen copies shared with the store. */
export interface ApiClient {
  get<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, namespace: string | undefined, name: string): T
  list<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, options?: ListOptions): readonly T[]
  create<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, object: T): T
  update<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, object: T, subresource?: string): T
  patch<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, namespace: string | undefined, name: string, patch: unknown, type: 'merge' | 'strategic' | 'json' | 'apply', subresource?: string): T
  delete(gvr: GroupVersionResource, namespace: string | undefined, name: string, options?: { readonly gracePeriodSeconds?: number; readonly propagationPolicy?: string; readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } }): void
  /** Shared by all users of this client; lists and watches, reconnects by itself while the server is away. */
  informer<T extends KubeObject = KubeObject>(gvr: GroupVersionResource): Informer<T>
  /** Records an Event, counted and aggregated as client-go's recorder does. */
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, component: string, host?: string): void
}

/** An indexed read-only cache kept in step by a watch. */
export interface Informer<T extends KubeObject> {
  readonly synced: boolean
  get(namespace: string | undefined, name: string): T | undefined
  /** All, or of one namespace. */
  list(namespace?: string): readonly T[]
  /** Keys given by `addIndex` under that name. */
  byIndex(index: string, key: string): readonly T[]
  addIndex(name: string, keys: (object: T) => readonly string[]): void
  onAdd(listener: (object: T) => void): void
  onUpdate(listener: (object: T, old: T) => void): void
  onDelete(listener: (object: T) => void): void
}
