/**
 * What a process does with the network: an async face over the namespace's sockets (engine/net) plus the C library's name
 * lookup (/etc/hosts, /etc/resolv.conf, nsswitch). Failures are FsError with the errno a real call would give.
 */
export interface Sockets {
  /** TCP. `host` must be an address; resolve names first. Options: source address/port, timeout in ms (then ETIMEDOUT). */
  connect(host: string, port: number, options?: ConnectOptions): Promise<Connection>
  /** TCP. Throws EADDRINUSE, EADDRNOTAVAIL, EACCES. */
  listen(host: string, port: number, options?: { readonly backlog?: number }): Listener
  udp(options?: { readonly host?: string; readonly port?: number }): Datagrams
  /** ICMP echo socket and raw sending for ping, traceroute, arping and tcpdump live on the namespace: machine.net. */

  /** Takes over a connection that the parent accepted (a server that forks for each connection): it lives as long as this process. */
  adopt(connection: Connection): Connection

  /** getaddrinfo for IPv4: addresses in order, or the resolver's failure. */
  lookup(name: string): Promise<LookupResult>
}

export interface ConnectOptions {
  readonly source?: string
  readonly sourcePort?: number
  readonly timeout?: number
}

export type LookupResult =
  | { readonly ok: true; readonly addresses: readonly string[]; readonly canonical: string }
  /** EAI_NONAME "Name or service not known", EAI_AGAIN "Temporary failure in name resolution", EAI_NODATA "No address associated with hostname". */
  | { readonly ok: false; readonly error: 'EAI_NONAME' | 'EAI_AGAIN' | 'EAI_NODATA' | 'EAI_FAIL' }

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Connection {
  readonly local: Address
  readonly remote: Address
  /** Next chunk; undefined when the peer has closed its side. Rejects with ECONNRESET, ETIMEDOUT. */
  read(): Promise<string | undefined>
  /** Rejects with EPIPE, ECONNRESET. */
  write(text: string): Promise<void>
  /** Closes our side; what was written still arrives. */
  end(): void
  /** Closes both sides; `reset` sends RST. */
  close(reset?: boolean): void
  readonly closed: boolean
}

export interface Listener {
  readonly local: Address
  accept(): Promise<Connection>
  close(): void
}

export interface Datagrams {
  readonly local: Address
  connect(host: string, port: number): void
  /** Rejects with what the kernel tells at once (ENETUNREACH, EPERM …) or earlier ICMP errors on a connected socket. */
  send(data: string, to?: Address): Promise<void>
  /** Undefined after `timeout` ms. Rejects with ECONNREFUSED … on a connected socket. */
  receive(timeout?: number): Promise<{ readonly data: string; readonly from: Address } | undefined>
  close(): void
}
