/** Admission plugins: code between decoding and storing that changes (admit) or refuses (validate) requests. The plugins themselves live in src/engine/kinds/admission. */
import type { KindDefinition, RequestContext } from './kind.ts'
import type { Loose } from './loose.ts'

export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly kind: KindDefinition
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** The new object, free to change in `admit`; undefined for DELETE. */
  readonly object: Loose
  readonly old: Loose
  readonly context: RequestContext
}

export interface AdmissionPlugin {
  readonly name: string
  /** Throws StatusError to refuse. */
  admit?(attributes: AdmissionAttributes): void
  /** After admit and before the strategy: gives addresses and ports. Must change nothing but the object; keeping what was given is for `committed`. */
  allocate?(attributes: AdmissionAttributes): void
  validate?(attributes: AdmissionAttributes): void
  /** After a successful write that was not a dry run. */
  committed?(attributes: AdmissionAttributes): void
}
