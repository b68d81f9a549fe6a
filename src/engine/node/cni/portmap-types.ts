/** What the portmap plugin is told, and what each of its backends does with it. */
import type { CniCall, CniHost, NetConf } from './types.ts'

export interface PortMapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
  readonly hostIP?: string
}

export interface PortmapConf extends NetConf {
  readonly snat?: boolean
  readonly masqAll?: boolean
  readonly markMasqBit?: number
  readonly externalSetMarkChain?: string
  readonly conditionsV4?: readonly string[]
  readonly conditionsV6?: readonly string[]
  readonly backend?: string
}

/** `address`: the container's, with prefix length. */
export interface PortmapBackend {
  forward(call: CniCall, host: CniHost, mappings: readonly PortMapping[], address: string): void
  /** Throws CniError where rules are missing. */
  check(call: CniCall, host: CniHost, mappings: readonly PortMapping[], address: string): void
  unforward(call: CniCall, host: CniHost): void
}
