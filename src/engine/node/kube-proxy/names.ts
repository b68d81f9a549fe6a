/** Names that kube-proxy gives to service ports and to their chains: 16 letters of base32 of SHA-256 after a prefix. */
import { base32, sha256 } from '#base/sha.ts'

/** `ns/name:port`, or `ns/name` for an unnamed port. */
export function portNameString(namespace: string, name: string, port: string | undefined): string {
  return port ? `${namespace}/${name}:${port}` : `${namespace}/${name}`
}

const cache = new Map<string, string>()

function hash(text: string): string {
  let found = cache.get(text)
  if (found === undefined) {
    found = base32(sha256(text)).slice(0, 16)
    if (cache.size > 20_000) cache.clear()
    cache.set(text, found)
  }
  return found
}

export interface ChainNames {
  readonly cluster: string
  readonly local: string
  readonly external: string
  readonly firewall: string
}

/** `protocol` in lower case. */
export function serviceChains(portName: string, protocol: string): ChainNames {
  const h = hash(portName + protocol)
  return { cluster: `KUBE-SVC-${h}`, local: `KUBE-SVL-${h}`, external: `KUBE-EXT-${h}`, firewall: `KUBE-FW-${h}` }
}

/** `endpoint` is `ip:port`. */
export function endpointChain(portName: string, protocol: string, endpoint: string): string {
  return `KUBE-SEP-${hash(portName + protocol + endpoint)}`
}

const prefixes = ['KUBE-SVC-', 'KUBE-SVL-', 'KUBE-SEP-', 'KUBE-FW-', 'KUBE-EXT-', 'KUBE-XLB-']

/** Whether kube-proxy owns the chain as that of a service or endpoint. */
export function isServiceChain(name: string): boolean {
  return prefixes.some((p) => name.startsWith(p))
}
