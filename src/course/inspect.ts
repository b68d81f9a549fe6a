/**
 * The Inspect port: all that checks may ask of a cluster. Small on purpose, so that it can be implemented over the simulated
 * cluster (src/session/inspect.ts) and one day over a real one.
 */

/** An API object as JSON. */
export type Resource = { readonly [field: string]: unknown }

/** Where something happens: `shop/client` (a pod), `shop/app=web` (the first ready pod with that label), `node:node01`, `host:base`. */
export type Place = string

export interface ProbeRequest {
  readonly from: Place
  /** A DNS name (looked up from that place), a place with a pod, or an address. */
  readonly to: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** Virtual seconds to wait for the connection. */
  readonly timeout: number
}

/** `dropped` and `rejected` tell who decided; `errno` is what the client's socket saw. */
export interface ProbeResult {
  readonly outcome: 'connected' | 'name-not-found' | 'refused' | 'timeout' | 'unreachable' | 'no-such-place'
  /** The address that was tried, after name lookup. */
  readonly address?: string
  readonly errno?: string
  /** Set when a rule or route ended the packet: the sentence of the trace and its cause. */
  readonly cause?: { readonly kind: 'policy' | 'no-endpoints' | 'firewall' | 'route' | 'nobody-listens' | 'lost'; readonly text: string; readonly rule?: string }
  /** True when at least one backend behind `to` listens on the port, asked from its own namespace. */
  readonly backendListens: boolean
}

export interface HttpRequest {
  readonly from: Place
  readonly url: string
  readonly method: string
  readonly host?: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: number
  /** https: PEM of the authorities that the certificate must verify against; without it the certificate is not judged. */
  readonly ca?: string
}

/** `tls`: the connection stood, but not its handshake, in the client's words. */
export type HttpResult =
  | { readonly ok: true; readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly ok: false; readonly probe: ProbeResult; readonly tls?: string }

export interface TlsRequest {
  readonly from: Place
  readonly to: string
  readonly port: number
  /** The server name that the client asks for and verifies. */
  readonly name: string
  /** PEM of the authorities. */
  readonly ca: string
  readonly timeout: number
}

export type TlsResult =
  /** The certificate that was shown; `problem`: why a client would refuse it. */
  | { readonly ok: true; readonly subject: string; readonly issuer: string; readonly names: readonly string[]; readonly problem?: string }
  | { readonly ok: false; readonly probe: ProbeResult; readonly tls?: string }

export interface DnsResult {
  /** `refused`: nothing listens; `timeout`: no answer came. */
  readonly code: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'timeout' | 'refused' | 'no-such-place'
  /** Addresses or names, sorted. */
  readonly answers: readonly string[]
}

export interface CommandResult {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

export interface Inspect {
  get(kind: string, namespace: string | undefined, name: string): Promise<Resource | undefined>
  list(kind: string, namespace: string | undefined, labelSelector?: string): Promise<readonly Resource[]>
  /** The object as it was when the lab began. */
  atStart(kind: string, namespace: string | undefined, name: string): Promise<Resource | undefined>
  probe(request: ProbeRequest): Promise<ProbeResult>
  http(request: HttpRequest): Promise<HttpResult>
  tls(request: TlsRequest): Promise<TlsResult>
  dns(from: Place, name: string, type: string): Promise<DnsResult>
  /** Runs a bash command line on a host or in a pod. */
  exec(place: Place, command: string): Promise<CommandResult>
  /** Undefined where the file or the host does not exist. */
  readFile(host: string, path: string): Promise<string | undefined>
  can(subject: { readonly user: string; readonly groups: readonly string[] }, verb: string, resource: string, namespace: string | undefined, name?: string): Promise<boolean>
  /** Lets the cluster come to rest, at most `seconds` of virtual time. */
  settle(seconds: number): Promise<void>
  /** Lets `seconds` of virtual time pass, and then the cluster come to rest. */
  pass(seconds: number): Promise<void>
  /** A second cluster in the same state that may be changed freely. */
  branch(): Promise<Inspect>
}
