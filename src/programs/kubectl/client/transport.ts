/**
 * The seam between kubectl and whatever carries its requests: the simulated network (network.ts) or, in tests, the API server's handle.
 * Paths carry their query. Failures to reach the server are ConnectError.
 */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds until the caller gives up; 0 never. */
  readonly timeout?: number
}

export interface WireAnswer {
  readonly code: number
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** An answer whose body comes in pieces: watches, followed logs. */
export interface WireStream {
  readonly code: number
  readonly headers: ReadonlyMap<string, string>
  /** The next piece; undefined at the end. */
  read(): Promise<string | undefined>
  close(): void
}

/** exec, attach, port-forward: numbered channels both ways (0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize). */
export interface WireChannels {
  send(channel: number, data: string): Promise<void>
  read(): Promise<{ readonly channel: number; readonly data: string } | undefined>
  close(): void
}

export interface Transport {
  /** `https://172.30.1.2:6443` */
  readonly server: string
  send(request: WireRequest): Promise<WireAnswer>
  stream(request: WireRequest): Promise<WireStream>
  /** Either the channels or the refusal. */
  upgrade(request: WireRequest): Promise<WireChannels | WireAnswer>
}
