/** What a CoreDNS plugin is here: a setup that reads its directive and gives a handler which answers or asks the next. */
import type { DnsMessage, DnsQuestion } from '#base/dns.ts'
import type { ApiClient } from '#engine/api/types.ts'
import type { FileSystem } from '#engine/machine/files.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import type { Line } from './corefile.ts'

export interface DnsRequest {
  readonly message: DnsMessage
  readonly question: DnsQuestion
  /** Normal form of the question's name. */
  readonly name: string
  readonly protocol: 'udp' | 'tcp'
  readonly client: { readonly address: string; readonly port: number }
  /** Bytes of the query. */
  readonly size: number
}

/** What a handler gives back: a message to send, or a code for which the server writes an empty one, or silence. */
export interface Served {
  readonly message?: DnsMessage
  readonly rcode: number
  readonly error?: string
  readonly silent?: boolean
}

export type Handler = (request: DnsRequest, done: (served: Served) => void) => void

/** Makes the handler in front of `next`. */
export type Plugin = (next: Handler) => Handler

export interface SetupContext {
  readonly sim: Sim
  readonly net: NetNamespace
  readonly fs: FileSystem
  readonly api: ApiClient
  readonly zones: readonly string[]
  readonly port: number
  log(level: 'INFO' | 'WARNING' | 'ERROR' | 'FATAL' | '', text: string): void
  /** Runs when the server (or this configuration of it) stops. */
  onStop(stop: () => void): void
  /** Runs when all blocks have been set up; throws to make the start fail. */
  onStart(start: () => void): void
  /** Values that plugins of one server share: `kubernetes`, readiness … */
  readonly shared: Map<string, unknown>
  /** Answers a question through the whole server, as `upstream` does; `asker` is the request on whose behalf that is. */
  ask(asker: DnsRequest, name: string, type: string, done: (message: DnsMessage | undefined) => void): void
  /** Restricts the ports of this block to these addresses. */
  bind(addresses: readonly string[]): void
  readonly localAddresses: () => readonly string[]
  readonly exit: (code: number) => void
}

/** Throws an Error whose message is what stands after `plugin/NAME: `. */
export type Setup = (lines: readonly Line[], context: SetupContext) => Plugin | undefined

/** A plugin that may be ready later than the server (`/ready` names it until then). */
export interface Readiness {
  readonly name: string
  ready(): boolean
}
