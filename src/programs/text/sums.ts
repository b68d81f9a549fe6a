/** The rarer checksums: SHA-2 with 64-bit words (sha384sum, sha512sum), sha224sum, BLAKE2b (b2sum), and the old cksum and sum. */
import { encodeBytes } from '#base/bytes.ts'
import type { Program } from '#engine/machine/process.ts'
import { openInput, parseOptions, tool } from './common.ts'
import { sums } from './digest.ts'

const mask = (1n << 64n) - 1n

function root(n: bigint, power: bigint): bigint {
  let low = 0n
  let high = 1n << 80n
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (middle ** power <= n) low = middle
    else high = middle - 1n
  }
  return low
}

function primes(n: number): bigint[] {
  const out: bigint[] = []
  for (let i = 2n; out.length < n; i++) if (out.every((p) => i % p !== 0n)) out.push(i)
  return out
}

/** The first 64 bits behind the point of the square and cube roots of the primes. */
const squareRoots = () => primes(16).map((p) => root(p << 128n, 2n) & mask)
const cubeRoots = () => primes(80).map((p) => root(p << 192n, 3n) & mask)

const rotr = (x: bigint, n: bigint) => ((x >> n) | (x << (64n - n))) & mask

function sha2(bytes: Uint8Array, start: readonly bigint[], words: number): string {
  const cubes = cubeRoots()
  const size = ((bytes.length + 16) >> 7 << 7) + 128
  const data = new Uint8Array(size)
  data.set(bytes)
  data[bytes.length] = 0x80
  const view = new DataView(data.buffer)
  view.setBigUint64(size - 8, BigInt(bytes.length) * 8n)
  const h = [...start]
  const w: bigint[] = []
  for (let o = 0; o < size; o += 128) {
    for (let i = 0; i < 16; i++) w[i] = view.getBigUint64(o + i * 8)
    for (let i = 16; i < 80; i++) {
      const x = w[i - 15]!
      const y = w[i - 2]!
      w[i] = (w[i - 16]! + (rotr(x, 1n) ^ rotr(x, 8n) ^ (x >> 7n)) + w[i - 7]! + (rotr(y, 19n) ^ rotr(y, 61n) ^ (y >> 6n))) & mask
    }
    let [a, b, c, d, e, f, g, k] = h as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint]
    for (let i = 0; i < 80; i++) {
      const t1 = k + (rotr(e, 14n) ^ rotr(e, 18n) ^ rotr(e, 41n)) + ((e & f) ^ (~e & mask & g)) + cubes[i]! + w[i]!
      const t2 = (rotr(a, 28n) ^ rotr(a, 34n) ^ rotr(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c))
      ;[k, g, f, e, d, c, b, a] = [g, f, e, (d + t1) & mask, c, b, a, (t1 + t2) & mask]
    }
    ;[a, b, c, d, e, f, g, k].forEach((x, i) => (h[i] = (h[i]! + x) & mask))
  }
  return h.slice(0, words).map((x) => x.toString(16).padStart(16, '0')).join('')
}

const sha512 = (bytes: Uint8Array) => sha2(bytes, squareRoots().slice(0, 8), 8)
const sha384 = (bytes: Uint8Array) => sha2(bytes, squareRoots().slice(8), 6)

const sigma = ['0123456789abcdef', 'ea489fd61c02b753', 'b8c052fdae367194', '7931dcbe265a40f8', '9057fe2b1dc6384a', '2c6a0b834d75fe19', 'c51fed4a0763928b', 'db7ec13950f4862a', '6fe9b308c2d714a5', 'a2847615fb9e3cd0']

function blake2b(bytes: Uint8Array): string {
  const iv = squareRoots().slice(0, 8)
  const h = [...iv]
  h[0] = h[0]! ^ 0x01010040n
  const blocks = Math.max(1, Math.ceil(bytes.length / 128))
  for (let block = 0; block < blocks; block++) {
    const data = new Uint8Array(128)
    data.set(bytes.slice(block * 128, block * 128 + 128))
    const view = new DataView(data.buffer)
    const m = Array.from({ length: 16 }, (_, i) => view.getBigUint64(i * 8, true))
    const v = [...h, ...iv]
    v[12] = v[12]! ^ BigInt(Math.min(bytes.length, block * 128 + 128))
    if (block === blocks - 1) v[14] = v[14]! ^ mask
    const mix = (a: number, b: number, c: number, d: number, x: bigint, y: bigint) => {
      v[a] = (v[a]! + v[b]! + x) & mask
      v[d] = rotr(v[d]! ^ v[a]!, 32n)
      v[c] = (v[c]! + v[d]!) & mask
      v[b] = rotr(v[b]! ^ v[c]!, 24n)
      v[a] = (v[a]! + v[b]! + y) & mask
      v[d] = rotr(v[d]! ^ v[a]!, 16n)
      v[c] = (v[c]! + v[d]!) & mask
      v[b] = rotr(v[b]! ^ v[c]!, 63n)
    }
    for (let round = 0; round < 12; round++) {
      const s = [...sigma[round % 10]!].map((c) => m[parseInt(c, 16)]!)
      for (let i = 0; i < 4; i++) mix(i, i + 4, i + 8, i + 12, s[2 * i]!, s[2 * i + 1]!)
      for (let i = 0; i < 4; i++) mix(i, ((i + 1) & 3) + 4, ((i + 2) & 3) + 8, ((i + 3) & 3) + 12, s[8 + 2 * i]!, s[9 + 2 * i]!)
    }
    for (let i = 0; i < 8; i++) h[i] = h[i]! ^ v[i]! ^ v[i + 8]!
  }
  return h.map((x) => [...x.toString(16).padStart(16, '0').matchAll(/../g)].map((p) => p[0]).reverse().join('')).join('')
}

function crc(bytes: Uint8Array): number {
  let c = 0
  const add = (byte: number) => {
    c ^= byte << 24
    for (let i = 0; i < 8; i++) c = c & 0x80000000 ? (c << 1) ^ 0x04c11db7 : c << 1
  }
  bytes.forEach(add)
  for (let n = bytes.length; n > 0; n >>>= 8) add(n & 255)
  return ~c >>> 0
}

function bsd(bytes: Uint8Array): number {
  let c = 0
  for (const b of bytes) c = (((c >> 1) | ((c & 1) << 15)) + b) & 0xffff
  return c
}

function systemV(bytes: Uint8Array): number {
  let s = 0
  for (const b of bytes) s += b
  const r = (s & 0xffff) + (Math.floor(s / 65536) & 0xffff)
  return (r & 0xffff) + (r >> 16)
}

function old(line: (bytes: Uint8Array, name: string, many: boolean, sysv: boolean) => string, short: string): Program {
  return tool(async (process) => {
    const o = parseOptions(process, { short, long: short === '' ? {} : { sysv: 's' } })
    let failed = false
    for (const path of o.rest.length > 0 ? o.rest : ['-']) {
      const file = await openInput(process, path)
      if (!file) {
        failed = true
        continue
      }
      await process.stdout.write(`${line(encodeBytes(await file.readAll()), o.rest.length > 0 ? path : '', o.rest.length > 1, o.has('s'))}\n`)
    }
    return failed ? 1 : 0
  })
}

const named = (text: string, name: string) => (name === '' ? text : `${text} ${name}`)
const cksum = old((bytes, name) => named(`${crc(bytes)} ${bytes.length}`, name), '')
const sum = old((bytes, name, _many, sysv) => (sysv ? named(`${systemV(bytes)} ${Math.ceil(bytes.length / 512)}`, name) : named(`${String(bsd(bytes)).padStart(5, '0')} ${String(Math.ceil(bytes.length / 1024)).padStart(5)}`, name)), 'rs')

export const sumPrograms: readonly (readonly [string, Program])[] = [['sha512sum', sums(sha512)], ['sha384sum', sums(sha384)], ['b2sum', sums(blake2b)], ['cksum', cksum], ['sum', sum]]
