/** Password files of basic authentication: apr1 (htpasswd's default), MD5 crypt, {SHA} and {PLAIN}. Left out: bcrypt and other kinds of crypt. */
import { decodeBytes, encodeBytes, toBase64 } from '#base/bytes.ts'
import { sha1 } from '#base/sha.ts'

const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
const table = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) >>> 0)
/** Which word a step of each round takes. */
const word = [(i: number) => i, (i: number) => (5 * i + 1) % 16, (i: number) => (3 * i + 5) % 16, (i: number) => (7 * i) % 16]
const mix = [(b: number, c: number, d: number) => (b & c) | (~b & d), (b: number, c: number, d: number) => (d & b) | (~d & c), (b: number, c: number, d: number) => b ^ c ^ d, (b: number, c: number, d: number) => c ^ (b | ~d)]

/** Bytes as numbers, RFC 1321. */
export function md5(input: readonly number[]): number[] {
  const bytes = [...input, 0x80]
  while (bytes.length % 64 !== 56) bytes.push(0)
  const bits = input.length * 8
  for (let i = 0; i < 8; i++) bytes.push(Math.floor(bits / 2 ** (8 * i)) & 0xff)
  let [a0, b0, c0, d0] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  for (let at = 0; at < bytes.length; at += 64) {
    const m = Array.from({ length: 16 }, (_, i) => bytes[at + i * 4]! | (bytes[at + i * 4 + 1]! << 8) | (bytes[at + i * 4 + 2]! << 16) | (bytes[at + i * 4 + 3]! << 24))
    let [a, b, c, d] = [a0, b0, c0, d0]
    for (let i = 0; i < 64; i++) {
      const round = i >> 4
      const f = (mix[round]!(b, c, d) + a + table[i]! + m[word[round]!(i)]!) >>> 0
      const s = shifts[round * 4 + (i % 4)]!
      a = d
      d = c
      c = b
      b = (b + ((f << s) | (f >>> (32 - s)))) >>> 0
    }
    a0 = (a0 + a) >>> 0
    b0 = (b0 + b) >>> 0
    c0 = (c0 + c) >>> 0
    d0 = (d0 + d) >>> 0
  }
  return [a0, b0, c0, d0].flatMap((w) => [w & 0xff, (w >>> 8) & 0xff, (w >>> 16) & 0xff, (w >>> 24) & 0xff])
}

const letters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Iterated MD5: Apache's, or (with `1`) the system's. */
export function apr1(password: string, salt: string, magic: 'apr1' | '1' = 'apr1'): string {
  const [p, s] = [[...encodeBytes(password)], [...encodeBytes(salt)]]
  let inner = md5([...p, ...s, ...p])
  const first = [...p, ...encodeBytes(`$${magic}$`), ...s]
  for (let left = p.length; left > 0; left -= 16) first.push(...inner.slice(0, Math.min(16, left)))
  for (let i = p.length; i > 0; i >>= 1) first.push(i & 1 ? 0 : p[0]!)
  inner = md5(first)
  for (let i = 0; i < 1000; i++) inner = md5([...(i & 1 ? p : inner), ...(i % 3 ? s : []), ...(i % 7 ? p : []), ...(i & 1 ? inner : p)])
  const out: string[] = []
  const put = (value: number, n: number) => {
    for (let v = value, i = 0; i < n; i++, v >>>= 6) out.push(letters[v & 0x3f]!)
  }
  for (const [x, y, z] of [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] as const) put((inner[x]! << 16) | (inner[y]! << 8) | inner[z]!, 4)
  put(inner[11]!, 2)
  return `$${magic}$${salt}$${out.join('')}`
}

/** Does a line of a password file let the user in? */
export function matchesPassword(stored: string, password: string): boolean {
  const iterated = /^\$(apr1|1)\$([^$]{1,8})\$/.exec(stored)
  if (iterated) return apr1(password, iterated[2]!, iterated[1] as 'apr1' | '1') === stored
  if (stored.startsWith('{SHA}')) return stored === `{SHA}${toBase64(decodeBytes(sha1(password)))}`
  return stored.startsWith('{PLAIN}') && stored.slice(7) === password
}
