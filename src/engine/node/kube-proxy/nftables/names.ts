/** Names of the nftables mode: eight letters of a hash, then the thing itself; cut where nftables would not take it. */
import { base32, sha256 } from '#base/sha.ts'
import type { ServicePort } from '../service-ports.ts'

/** knftables' longest name less the longest prefix. */
const longest = 256 - 16

const cache = new Map<string, string>()

function hashed(name: string): string {
  let found = cache.get(name)
  if (found === undefined) {
    found = `${base32(sha256(name)).slice(0, 8)}-${name}`
    if (found.length > longest) found = `${found.slice(0, longest - 3)}...`
    if (cache.size > 20_000) cache.clear()
    cache.set(name, found)
  }
  return found
}

const baseName = (p: ServicePort) => `${p.namespace}/${p.service}/${p.protocol}/${p.port}`

export interface ServiceNames {
  readonly cluster: string
  readonly local: string
  readonly external: string
  readonly firewall: string
}

export function serviceNames(p: ServicePort): ServiceNames {
  const name = hashed(baseName(p))
  return { cluster: `service-${name}`, local: `local-${name}`, external: `external-${name}`, firewall: `firewall-${name}` }
}

/** Chain and affinity set of an endpoint. */
export function endpointNames(p: ServicePort, endpoint: { readonly ip: string; readonly port: number }): { readonly chain: string; readonly affinity: string } {
  const name = hashed(`${baseName(p)}__${endpoint.ip}/${endpoint.port}`)
  return { chain: `endpoint-${name}`, affinity: `affinity-${name}` }
}

/** The stock chains have no slash in their names. */
export const isServiceChain = (name: string): boolean => name.includes('/')
export const isAffinitySet = (name: string): boolean => name.startsWith('affinity-')
