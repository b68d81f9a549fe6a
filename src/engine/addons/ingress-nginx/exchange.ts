/** One request of a client's connection. */
import type { HttpRequestHead } from '#base/http.ts'
import type { Certificate } from '#engine/machine/certificates.ts'

export interface Exchange {
  readonly head: HttpRequestHead
  readonly body: string
  readonly secure: boolean
  readonly client: string
  /** What the client showed in the handshake. */
  readonly chain: readonly Certificate[]
  readonly keepAlive: boolean
}
