/**
 * The CNI protocol as data: what a runtime hands to a plugin and what comes back (specification 0.1.0 to 1.1.0). A plugin is a
 * function behind the name of its binary; `CniError` is the error object that a real one prints before it exits with 1.
 */
import type { Random } from '#base/random.ts'
import type { FileSystem } from '#engine/machine/files.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'

export interface CniInterface {
  readonly name: string
  readonly mac?: string
  readonly mtu?: number
  readonly sandbox?: string
}

export interface CniAddress {
  /** With prefix length. */
  readonly address: string
  readonly gateway?: string
  /** Index into `interfaces`. */
  readonly interface?: number
}

export interface CniRoute {
  readonly dst: string
  readonly gw?: string
  readonly mtu?: number
  readonly advmss?: number
}

export interface CniDns {
  readonly nameservers?: readonly string[]
  readonly domain?: string
  readonly search?: readonly string[]
  readonly options?: readonly string[]
}

export interface CniResult {
  readonly cniVersion: string
  readonly interfaces?: readonly CniInterface[]
  readonly ips?: readonly CniAddress[]
  readonly routes?: readonly CniRoute[]
  readonly dns?: CniDns
}

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION'

/** The network configuration that a plugin reads from its standard input. */
export interface NetConf {
  readonly cniVersion?: string
  readonly name?: string
  readonly type?: string
  readonly ipam?: { readonly type?: string; readonly [field: string]: unknown }
  readonly prevResult?: CniResult
  readonly runtimeConfig?: Readonly<Record<string, unknown>>
  readonly args?: { readonly cni?: Readonly<Record<string, unknown>> }
  readonly [field: string]: unknown
}

export interface CniCall {
  readonly command: CniCommand
  readonly containerId: string
  /** Path of the namespace, `/var/run/netns/cni-…`. */
  readonly netns: string
  readonly ifname: string
  /** `CNI_ARGS`: `K8S_POD_NAME=…;…`. */
  readonly args: string
  /** Where binaries are looked up. */
  readonly path: readonly string[]
  readonly conf: NetConf
}

/** What a plugin may touch of its node. */
export interface CniHost {
  readonly fs: FileSystem
  readonly network: Network
  /** The host's own namespace. */
  readonly net: NetNamespace
  readonly random: Random
  /** The namespace behind a path, if it is there. */
  namespace(path: string): NetNamespace | undefined
  /** Runs another plugin by its binary's name (IPAM, delegates); throws CniError. */
  delegate(type: string, call: CniCall): CniResult | undefined
  /** The node's podCIDR as the Node object has it, for plugins that ask the API. */
  podCidr?(): string | undefined
  /** Why the API server cannot be asked just now, in the words of a Go client. */
  apiError?(): string | undefined
  /** Notes on the Pod object what plugins of Calico's kind write there at once: its address. */
  annotatePod?(namespace: string, name: string, annotations: Readonly<Record<string, string>>): void
}

export type CniPlugin = (call: CniCall, host: CniHost) => CniResult | undefined

/** Codes of the specification; 999 is any plugin's own. */
export class CniError extends Error {
  readonly code: number
  readonly details: string | undefined

  constructor(message: string, code = 999, details?: string) {
    super(message)
    this.code = code
    this.details = details
  }
}
