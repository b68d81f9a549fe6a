/** FNV-1a with 128 bits: ports and subsets of Endpoints and ports of slices stand in the order of such a hash over what Go would print of them. */
import { encodeBytes } from '#base/bytes.ts'
import { dumpObject } from './go-dump.ts'

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
