/** How kube-proxy tells traffic of this node's pods from other traffic: a match for "local" and one for "not local", or none at all. */
import { parseCidr4 } from '#base/ip.ts'

export interface LocalDetector {
  readonly ifLocal: string
  readonly ifNotLocal: string
}

export function cidrDetector(cidr: string): LocalDetector | undefined {
  return parseCidr4(cidr) ? { ifLocal: `-s ${cidr}`, ifNotLocal: `! -s ${cidr}` } : undefined
}

export function bridgeDetector(name: string): LocalDetector {
  return { ifLocal: `-i ${name}`, ifNotLocal: `! -i ${name}` }
}

export function prefixDetector(prefix: string): LocalDetector {
  return { ifLocal: `-i ${prefix}+`, ifNotLocal: `! -i ${prefix}+` }
}
