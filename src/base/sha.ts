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
  words.forEach((w, i) => {
    out[i * 4] = w >>> 24
    out[i * 4 + 1] = w >>> 16
    out[i * 4 + 2] = w >>> 8
    out[i * 4 + 3] = w
  })
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
    let [a, b, c, d, e, f, g, z] = h as [number, number, number, number, number, number, number, number]
    for (let i = 0; i < 64; i++) {
      const t1 = (z + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) + k256[i]! + w[i]!) | 0
      const t2 = ((ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
      z = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    ;[a, b, c, d, e, f, g, z].forEach((v, i) => (h[i] = (h[i]! + v) | 0))
  }
  return bytesOf(h)
}

/** The high (odd: low) halves of 64-bit constants, one after the other. */
const halves = (words: readonly bigint[]): Int32Array => Int32Array.from(words.flatMap((x) => [Number(x >> 32n) | 0, Number(x & 0xffffffffn) | 0]))
const k512Halves = halves(k512)
const h512Halves = halves(h512)
/** Sums of low halves are carried as doubles: they stay far below 2^53. */
const carry = (low: number) => Math.floor(low / 0x100000000)

export function sha512(text: string): Uint8Array {
  const message = pad(encodeBytes(text), 128, 16)
  const h = h512Halves.slice()
  const w = new Int32Array(160)
  const s = new Int32Array(16)
  for (let at = 0; at < message.length; at += 128) {
    for (let i = 0; i < 32; i++) w[i] = word(message, at + i * 4)
    for (let i = 32; i < 160; i += 2) {
      const xh = w[i - 30]!
      const xl = w[i - 29]!
      const yh = w[i - 4]!
      const yl = w[i - 3]!
      const s0h = ((xh >>> 1) | (xl << 31)) ^ ((xh >>> 8) | (xl << 24)) ^ (xh >>> 7)
      const s0l = ((xl >>> 1) | (xh << 31)) ^ ((xl >>> 8) | (xh << 24)) ^ ((xl >>> 7) | (xh << 25))
      const s1h = ((yh >>> 19) | (yl << 13)) ^ ((yl >>> 29) | (yh << 3)) ^ (yh >>> 6)
      const s1l = ((yl >>> 19) | (yh << 13)) ^ ((yh >>> 29) | (yl << 3)) ^ ((yl >>> 6) | (yh << 26))
      const low = (w[i - 31]! >>> 0) + (s0l >>> 0) + (w[i - 13]! >>> 0) + (s1l >>> 0)
      w[i] = w[i - 32]! + s0h + w[i - 14]! + s1h + carry(low)
      w[i + 1] = low
    }
    s.set(h)
    for (let i = 0; i < 160; i += 2) {
      const ah = s[0]!
      const al = s[1]!
      const bh = s[2]!
      const bl = s[3]!
      const ch = s[4]!
      const cl = s[5]!
      const dh = s[6]!
      const dl = s[7]!
      const eh = s[8]!
      const el = s[9]!
      const fh = s[10]!
      const fl = s[11]!
      const gh = s[12]!
      const gl = s[13]!
      const zh = s[14]!
      const zl = s[15]!
      const e1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23))
      const e1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23))
      const low1 = (zl >>> 0) + (e1l >>> 0) + (((el & fl) ^ (~el & gl)) >>> 0) + (k512Halves[i + 1]! >>> 0) + (w[i + 1]! >>> 0)
      const high1 = (zh + e1h + ((eh & fh) ^ (~eh & gh)) + k512Halves[i]! + w[i]! + carry(low1)) | 0
      const a0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25))
      const a0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25))
      const low2 = (a0l >>> 0) + (((al & bl) ^ (al & cl) ^ (bl & cl)) >>> 0)
      const high2 = (a0h + ((ah & bh) ^ (ah & ch) ^ (bh & ch)) + carry(low2)) | 0
      const t1 = low1 >>> 0
      s.copyWithin(2, 0, 14)
      const e = (dl >>> 0) + t1
      s[8] = dh + high1 + carry(e)
      s[9] = e
      const a = t1 + (low2 >>> 0)
      s[0] = high1 + high2 + carry(a)
      s[1] = a
    }
    for (let i = 0; i < 16; i += 2) {
      const low = (h[i + 1]! >>> 0) + (s[i + 1]! >>> 0)
      h[i] = h[i]! + s[i]! + carry(low)
      h[i + 1] = low
    }
  }
  return bytesOf([...h])
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
