/** MD5, SHA-1 and SHA-256 over bytes, and the tools that print and check them; cksum is left out. */
import { encodeBytes } from '#base/bytes.ts'
import type { Program } from '#engine/machine/process.ts'
import { complain, nameOf, openInput, parseOptions, tool } from './common.ts'

const rotl = (x: number, n: number) => (x << n) | (x >>> (32 - n))

function padded(bytes: Uint8Array, littleEndian: boolean): DataView {
  const size = ((bytes.length + 8) >> 6 << 6) + 64
  const data = new Uint8Array(size)
  data.set(bytes)
  data[bytes.length] = 0x80
  const view = new DataView(data.buffer)
  const bits = bytes.length * 8
  view.setUint32(size - (littleEndian ? 8 : 4), bits >>> 0, littleEndian)
  view.setUint32(size - (littleEndian ? 4 : 8), Math.floor(bits / 2 ** 32), littleEndian)
  return view
}

const hex = (words: readonly number[], swap: boolean) =>
  words.map((w) => {
    const v = w >>> 0
    const x = swap ? ((v & 255) << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24) : v
    return (x >>> 0).toString(16).padStart(8, '0')
  }).join('')

export function md5(bytes: Uint8Array): string {
  const view = padded(bytes, true)
  const k = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) >>> 0)
  const s = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
  let [a0, b0, c0, d0] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  for (let o = 0; o < view.byteLength; o += 64) {
    let [a, b, c, d] = [a0, b0, c0, d0]
    for (let i = 0; i < 64; i++) {
      const round = i >> 4
      const f = round === 0 ? (b & c) | (~b & d) : round === 1 ? (d & b) | (~d & c) : round === 2 ? b ^ c ^ d : c ^ (b | ~d)
      const g = round === 0 ? i : round === 1 ? (5 * i + 1) % 16 : round === 2 ? (3 * i + 5) % 16 : (7 * i) % 16
      const next = (a + f + k[i]! + view.getUint32(o + g * 4, true)) | 0
      a = d
      d = c
      c = b
      b = (b + rotl(next, s[round * 4 + (i % 4)]!)) | 0
    }
    a0 = (a0 + a) | 0
    b0 = (b0 + b) | 0
    c0 = (c0 + c) | 0
    d0 = (d0 + d) | 0
  }
  return hex([a0, b0, c0, d0], true)
}

export function sha1(bytes: Uint8Array): string {
  const view = padded(bytes, false)
  const h = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]
  const w = new Int32Array(80)
  for (let o = 0; o < view.byteLength; o += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(o + i * 4)
    for (let i = 16; i < 80; i++) w[i] = rotl(w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!, 1)
    let [a, b, c, d, e] = h as [number, number, number, number, number]
    for (let i = 0; i < 80; i++) {
      const r = Math.floor(i / 20)
      const f = r === 0 ? (b & c) | (~b & d) : r === 2 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d
      const t = (rotl(a, 5) + f + e + [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][r]! + w[i]!) | 0
      e = d
      d = c
      c = rotl(b, 30)
      b = a
      a = t
    }
    ;[a, b, c, d, e].forEach((x, i) => (h[i] = (h[i]! + x) | 0))
  }
  return hex(h, false)
}

function primes(n: number): number[] {
  const out: number[] = []
  for (let i = 2; out.length < n; i++) if (out.every((p) => i % p !== 0)) out.push(i)
  return out
}
const fraction = (x: number) => Math.floor((x - Math.floor(x)) * 2 ** 32) >>> 0
const sha256k = primes(64).map((p) => fraction(Math.cbrt(p)))
const sha256h = primes(8).map((p) => fraction(Math.sqrt(p)))

export function sha256(bytes: Uint8Array): string {
  const view = padded(bytes, false)
  const h = [...sha256h]
  const w = new Int32Array(64)
  const rotr = (x: number, n: number) => (x >>> n) | (x << (32 - n))
  for (let o = 0; o < view.byteLength; o += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(o + i * 4)
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!
      const y = w[i - 2]!
      w[i] = (w[i - 16]! + (rotr(x, 7) ^ rotr(x, 18) ^ (x >>> 3)) + w[i - 7]! + (rotr(y, 17) ^ rotr(y, 19) ^ (y >>> 10))) | 0
    }
    let [a, b, c, d, e, f, g, hh] = h as [number, number, number, number, number, number, number, number]
    for (let i = 0; i < 64; i++) {
      const t1 = (hh + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + sha256k[i]! + w[i]!) | 0
      const t2 = ((rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
      hh = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    ;[a, b, c, d, e, f, g, hh].forEach((x, i) => (h[i] = (h[i]! + x) | 0))
  }
  return hex(h, false)
}

export function sums(digest: (bytes: Uint8Array) => string): Program {
  return tool(async (process) => {
    const o = parseOptions(process, { short: 'bctwz', long: { binary: 'b', check: 'c', text: 't', quiet: 'quiet', status: 'status', tag: 'tag', warn: 'w' } })
    let failed = false
    if (o.has('c')) {
      let bad = 0
      let unreadable = 0
      for (const list of o.rest.length > 0 ? o.rest : ['-']) {
        const file = await openInput(process, list)
        if (!file) return 1
        for (const line of (await file.readAll()).split('\n')) {
          const m = /^([0-9a-f]+) [ *](.+)$/.exec(line)
          if (!m) continue
          let text: string | undefined
          try {
            text = process.fs.readFile(m[2]!)
          } catch {
            await complain(process, `${m[2]}: No such file or directory`)
            unreadable++
          }
          const ok = text !== undefined && digest(encodeBytes(text)) === m[1]
          if (!ok && text !== undefined) bad++
          if (!o.has('status') && !(ok && o.has('quiet'))) await process.stdout.write(`${m[2]}: ${ok ? 'OK' : text === undefined ? 'FAILED open or read' : 'FAILED'}\n`)
        }
      }
      if (unreadable > 0 && !o.has('status')) await complain(process, `WARNING: ${unreadable} listed file${unreadable > 1 ? 's' : ''} could not be read`)
      if (bad > 0 && !o.has('status')) await complain(process, `WARNING: ${bad} computed checksum${bad > 1 ? 's' : ''} did NOT match`)
      return bad + unreadable > 0 ? 1 : 0
    }
    for (const path of o.rest.length > 0 ? o.rest : ['-']) {
      const file = await openInput(process, path)
      if (!file) {
        failed = true
        continue
      }
      const sum = digest(encodeBytes(await file.readAll()))
      await process.stdout.write(o.has('tag') ? `${nameOf(process).replace('sum', '').toUpperCase()} (${path}) = ${sum}\n` : `${sum} ${o.has('b') ? '*' : ' '}${path}\n`)
    }
    return failed ? 1 : 0
  })
}

export const digestPrograms: readonly (readonly [string, Program])[] = [['md5sum', sums(md5)], ['sha1sum', sums(sha1)], ['sha256sum', sums(sha256)]]
