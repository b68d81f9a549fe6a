/**
 * SHA-1, SHA-256 and SHA-512 of a string's bytes (FIPS 180-4), and RFC 4648 base32: chain, device and checksum names are made
 * from them. Plain loops; meant for names and small files, not for bulk data.
 */
import { encodeBytes } from './bytes.ts'

function pad(bytes: Uint8Array, block: number, lengthBytes: number): Uint8Array {
  const total = Math.ceil((bytes.length + 1 + lengthBytes) / block) * block
  const out = new Uint8Array(total)
  out.set(bytes)
  out[bytes.length] = 0x80
  let bits = bytes.length * 8
  for (let i = total - 1; bits > 0; i--) {
    out[i] = bits & 255
    bits = Math.floor(bits / 256)
  }
  return out
}

const word = (b: Uint8Array, i: number) => ((b[i]! << 24) | (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!) | 0
const rol = (x: number, n: number) => (x << n) | (x >>> (32 - n))
const ror = (x: number, n: number) => (x >>> n) | (x << (32 - n))

function bytesOf(words: readonly number[]): Uint8Array {
  const out = new Uint8Array(words.length * 4)
  words.forEach((w, i) => out.set([w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255], i * 4))
  return out
}

export function sha1(text: string): Uint8Array {
  const message = pad(encodeBytes(text), 64, 8)
  const h = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476, 0xc3d2e1f0 | 0]
  const w = new Int32Array(80)
  for (let at = 0; at < message.length; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = word(message, at + i * 4)
    for (let i = 16; i < 80; i++) w[i] = rol(w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!, 1)
    let [a, b, c, d, e] = h as [number, number, number, number, number]
    for (let i = 0; i < 80; i++) {
      const [f, k] = i < 20 ? [(b & c) | (~b & d), 0x5a827999] : i < 40 ? [b ^ c ^ d, 0x6ed9eba1] : i < 60 ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc] : [b ^ c ^ d, 0xca62c1d6]
      const t = (rol(a, 5) + f + e + k + w[i]!) | 0
      e = d
      d = c
      c = rol(b, 30)
      b = a
      a = t
    }
    ;[a, b, c, d, e].forEach((v, i) => (h[i] = (h[i]! + v) | 0))
  }
  return bytesOf(h)
}

function primes(count: number): number[] {
  const out: number[] = []
  for (let n = 2; out.length < count; n++) if (out.every((p) => n % p !== 0)) out.push(n)
  return out
}

/** floor(n^(1/root) · 2^64) mod 2^64: the constants of the SHA-2 family. */
function rootBits(n: number, root: 2 | 3): bigint {
  const target = BigInt(n) << BigInt(64 * root)
  let low = 0n
  let high = 1n << 72n
  while (high - low > 1n) {
    const middle = (low + high) >> 1n
    if (middle ** BigInt(root) <= target) low = middle
    else high = middle
  }
  return low & ((1n << 64n) - 1n)
}

const k512 = primes(80).map((p) => rootBits(p, 3))
const h512 = primes(8).map((p) => rootBits(p, 2))
const k256 = k512.slice(0, 64).map((k) => Number(k >> 32n) | 0)

export function sha256(text: string): Uint8Array {
  const message = pad(encodeBytes(text), 64, 8)
  const h = h512.map((x) => Number(x >> 32n) | 0)
  const w = new Int32Array(64)
  for (let at = 0; at < message.length; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = word(message, at + i * 4)
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!
      const y = w[i - 2]!
      w[i] = (w[i - 16]! + w[i - 7]! + (ror(x, 7) ^ ror(x, 18) ^ (x >>> 3)) + (ror(y, 17) ^ ror(y, 19) ^ (y >>> 10))) | 0
    }
    const s = h.slice()
    for (let i = 0; i < 64; i++) {
      const [a, b, c, , e, f, g] = s as [number, number, number, number, number, number, number]
      const t1 = (s[7]! + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) + k256[i]! + w[i]!) | 0
      const t2 = ((ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
      s.pop()
      s.unshift((t1 + t2) | 0)
      s[4] = (s[4]! + t1) | 0
    }
    s.forEach((v, i) => (h[i] = (h[i]! + v) | 0))
  }
  return bytesOf(h)
}

const mask64 = (1n << 64n) - 1n
const ror64 = (x: bigint, n: bigint) => ((x >> n) | (x << (64n - n))) & mask64

export function sha512(text: string): Uint8Array {
  const message = pad(encodeBytes(text), 128, 16)
  const h = h512.slice()
  const w = new Array<bigint>(80)
  for (let at = 0; at < message.length; at += 128) {
    for (let i = 0; i < 16; i++) w[i] = (BigInt(word(message, at + i * 8) >>> 0) << 32n) | BigInt(word(message, at + i * 8 + 4) >>> 0)
    for (let i = 16; i < 80; i++) {
      const x = w[i - 15]!
      const y = w[i - 2]!
      w[i] = (w[i - 16]! + w[i - 7]! + (ror64(x, 1n) ^ ror64(x, 8n) ^ (x >> 7n)) + (ror64(y, 19n) ^ ror64(y, 61n) ^ (y >> 6n))) & mask64
    }
    let [a, b, c, d, e, f, g, z] = h as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint]
    for (let i = 0; i < 80; i++) {
      const t1 = (z + (ror64(e, 14n) ^ ror64(e, 18n) ^ ror64(e, 41n)) + ((e & f) ^ (~e & mask64 & g)) + k512[i]! + w[i]!) & mask64
      const t2 = ((ror64(a, 28n) ^ ror64(a, 34n) ^ ror64(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c))) & mask64
      z = g
      g = f
      f = e
      e = (d + t1) & mask64
      d = c
      c = b
      b = a
      a = (t1 + t2) & mask64
    }
    ;[a, b, c, d, e, f, g, z].forEach((v, i) => (h[i] = (h[i]! + v) & mask64))
  }
  return bytesOf(h.flatMap((x) => [Number(x >> 32n) | 0, Number(x & 0xffffffffn) | 0]))
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')
}

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Standard base32 without padding. */
export function base32(bytes: Uint8Array): string {
  let out = ''
  let buffer = 0
  let bits = 0
  for (const b of bytes) {
    buffer = ((buffer << 8) | b) & 0xfff
    bits += 8
    while (bits >= 5) {
      out += base32Alphabet[(buffer >> (bits - 5)) & 31]
      bits -= 5
    }
  }
  if (bits > 0) out += base32Alphabet[(buffer << (5 - bits)) & 31]
  return out
}
