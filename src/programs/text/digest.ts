/** MD5, SHA-1 and SHA-256 over bytes, and the tools that print and check them; the rarer sums are in sums.ts. */
import { encodeBytes } from '#base/bytes.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { complain, Fatal, nameOf, openInput, parseOptions, quoteOdd, tool } from './common.ts'

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

/** How a digest is called in BSD's form of a line: `SHA256 (file) = …`. */
const tagOf = (command: string) => (command === 'b2sum' ? 'BLAKE2b' : command.replace('sum', '').toUpperCase())

interface Verification {
  readonly status: boolean
  readonly quiet: boolean
  readonly warn: boolean
  readonly strict: boolean
  readonly ignoreMissing: boolean
}

const counted = (n: number, one: string, many: string) => `WARNING: ${n} ${n === 1 ? one : many}`

/** `-c` for one list; true where all that it names is right. */
async function verify(process: Process, list: string, digest: (bytes: Uint8Array) => string, v: Verification): Promise<boolean> {
  const file = await openInput(process, list)
  if (!file) return false
  const called = list === '-' ? "'standard input'" : quoteOdd(list)
  const tag = tagOf(nameOf(process))
  const width = digest(new Uint8Array()).length
  let [right, wrong, unreadable, improper] = [0, 0, 0, 0]
  for (const [i, line] of (await file.readAll()).split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    const plain = /^\\?([0-9a-fA-F]+) [ *](.+)$/.exec(line)
    const tagged = /^(\S+) \((.+)\) = ([0-9a-fA-F]+)$/.exec(line)
    const [sum, name] = plain ? [plain[1]!, plain[2]!] : tagged?.[1] === tag ? [tagged[3]!, tagged[2]!] : ['', '']
    if (sum.length !== width) {
      improper++
      if (v.warn) await complain(process, `${called}: ${i + 1}: improperly formatted ${tag} checksum line`)
      continue
    }
    let text: string | undefined
    try {
      text = process.fs.readFile(name)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (v.ignoreMissing && error.code === 'ENOENT') continue
      await complain(process, `${quoteOdd(name)}: ${strerror(error.code)}`)
    }
    const ok = text !== undefined && digest(encodeBytes(text)) === sum.toLowerCase()
    if (ok) right++
    else if (text === undefined) unreadable++
    else wrong++
    if (!v.status && !(ok && v.quiet)) await process.stdout.write(`${name}: ${ok ? 'OK' : text === undefined ? 'FAILED open or read' : 'FAILED'}\n`)
  }
  const read = right + wrong + unreadable
  if (read === 0 && !v.ignoreMissing) {
    await complain(process, `${called}: no properly formatted checksum lines found`)
    return false
  }
  if (!v.status) {
    if (improper > 0) await complain(process, counted(improper, 'line is improperly formatted', 'lines are improperly formatted'))
    if (unreadable > 0) await complain(process, counted(unreadable, 'listed file could not be read', 'listed files could not be read'))
    if (wrong > 0) await complain(process, counted(wrong, 'computed checksum did NOT match', 'computed checksums did NOT match'))
    if (v.ignoreMissing && right + wrong === 0) await complain(process, `${called}: no file was verified`)
  }
  return wrong === 0 && unreadable === 0 && right > 0 && !(v.strict && improper > 0)
}

export function sums(digest: (bytes: Uint8Array) => string): Program {
  return tool(async (process) => {
    const command = nameOf(process)
    const o = parseOptions(process, { short: 'bctwz', long: { binary: 'b', check: 'c', text: 't', quiet: 'quiet', status: 'status', tag: 'tag', warn: 'w', strict: 'strict', 'ignore-missing': 'missing', zero: 'z' } })
    const paths = o.rest.length > 0 ? o.rest : ['-']
    let failed = false
    if (o.has('c')) {
      const verification = { status: o.has('status'), quiet: o.has('quiet'), warn: o.has('w'), strict: o.has('strict'), ignoreMissing: o.has('missing') }
      for (const list of paths) if (!(await verify(process, list, digest, verification))) failed = true
      return failed ? 1 : 0
    }
    for (const [key, name] of [['missing', 'ignore-missing'], ['status', 'status'], ['w', 'warn'], ['quiet', 'quiet'], ['strict', 'strict']] as const) {
      if (o.has(key)) throw new Fatal(`${command}: the --${name} option is meaningful only when verifying checksums\nTry '${command} --help' for more information.`)
    }
    const end = o.has('z') ? '\0' : '\n'
    for (const path of paths) {
      const file = await openInput(process, path)
      if (!file) {
        failed = true
        continue
      }
      const sum = digest(encodeBytes(await file.readAll()))
      await process.stdout.write((o.has('tag') ? `${tagOf(command)} (${path}) = ${sum}` : `${sum} ${o.has('b') ? '*' : ' '}${path}`) + end)
    }
    return failed ? 1 : 0
  })
}

export const digestPrograms: readonly (readonly [string, Program])[] = [['md5sum', sums(md5)], ['sha1sum', sums(sha1)], ['sha256sum', sums(sha256)]]
