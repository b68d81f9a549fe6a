/** Names of chains and sets as Calico's felix makes them: a prefix and the name, or a hash of it where it is too long. */
import { encodeBytes, toBase64, decodeBytes } from '#base/bytes.ts'
import { sha256 } from '#base/sha.ts'
import type { Direction } from './types.ts'

/** URL-safe base64 without padding of a digest. */
function base64Url(bytes: Uint8Array): string {
  return toBase64(decodeBytes(bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

function limited(prefix: string, name: string, length: number): string {
  if (prefix.length + name.length < length || (prefix.length + name.length === length && !name.startsWith('_'))) return prefix + name
  return `${prefix}_${base64Url(sha256(name)).slice(0, length - 1 - prefix.length)}`
}

/** Chains are limited to 28 letters. */
export function policyChain(namespace: string, policy: string, direction: Direction): string {
  return limited(direction === 'ingress' ? 'cali-pi-' : 'cali-po-', `${namespace}/knp.default.${policy}`, 28)
}

export function profileChain(profile: string, direction: Direction): string {
  return limited(direction === 'ingress' ? 'cali-pri-' : 'cali-pro-', profile, 28)
}

export function workloadChain(iface: string, direction: Direction): string {
  return `${direction === 'ingress' ? 'cali-tw-' : 'cali-fw-'}${iface}`
}

/** Sets are limited to 31 letters; `s` for selectors, `n` for named ports. */
export function setName(kind: 's' | 'n', id: string): string {
  return `cali40${kind}:${base64Url(sha256(id)).slice(0, 22)}`
}

/** The comment by which felix knows its rules again: a hash of the chain, the rules before it and the rule. */
export function ruleHashes(chain: string, rules: readonly string[]): string[] {
  let previous = encodeBytes(chain).length.toString()
  return rules.map((rule) => {
    previous = base64Url(sha256(`${chain}${previous}${rule}`)).slice(0, 16)
    return previous
  })
}
