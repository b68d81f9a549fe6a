/**
 * The hashes of hash/fnv: 32 bits name generations of pods; 128 bits give the order in which ports and subsets of Endpoints and ports of slices stand,
 * over what Go would print of them.
 */
import { encodeBytes } from '#base/bytes.ts'
import { dumpObject } from './go-dump.ts'

const offset32 = 0x811c9dc5
const prime32 = 0x01000193

/** FNV-1a; `start` carries on from a hash of what came before. */
export function fnv32a(bytes: ArrayLike<number>, start = offset32): number {
  let hash = start
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, prime32)
  return hash >>> 0
}

/** FNV-1: multiplies first. */
export function fnv32(bytes: ArrayLike<number>): number {
  let hash = offset32
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash, prime32) ^ bytes[i]!
  return hash >>> 0
}

const prime = (1n << 88n) + 0x13bn
const offset = 0x6c62272e07bb014262b821756295c58dn

/** In hexadecimal. */
export function fnv128a(bytes: Uint8Array): string {
  let hash = offset
  for (const byte of bytes) hash = BigInt.asUintN(128, (hash ^ BigInt(byte)) * prime)
  return hash.toString(16).padStart(32, '0')
}

/** `type` is one of go-dump's. */
export function sortByHash<T>(type: string, items: T[]): T[] {
  if (items.length < 2) return items
  return items.map((item) => ({ item, sum: fnv128a(encodeBytes(dumpObject(type, item))) })).sort((a, b) => (a.sum < b.sum ? -1 : 1)).map(({ item }) => item)
}
