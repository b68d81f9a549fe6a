/** DEFLATE and the gzip envelope (RFC 1951, 1952). Reads all block kinds; writes one block with the fixed codes, so sizes are not those of zlib. */

const lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const distanceBase = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]
const distanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]
const codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

export class GzipError extends Error {}

/** Canonical codes: symbol by length and code. */
function decoder(lengths: readonly number[]): Map<number, number> {
  const count: number[] = Array<number>(16).fill(0)
  for (const l of lengths) if (l > 0) count[l]!++
  const next: number[] = [0, 0]
  for (let l = 1; l < 15; l++) next[l + 1] = (next[l]! + count[l]!) << 1
  const map = new Map<number, number>()
  lengths.forEach((l, symbol) => {
    if (l > 0) map.set((l << 16) | next[l]!++, symbol)
  })
  return map
}

const fixedLengths = Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))

/** Unpacks from byte `at`; gives the bytes and where the packed ones end. */
function inflate(data: Uint8Array, at: number): { readonly bytes: number[]; readonly end: number } {
  let bit = at * 8
  const bits = (n: number): number => {
    let v = 0
    for (let i = 0; i < n; i++, bit++) {
      const byte = data[bit >> 3]
      if (byte === undefined) throw new GzipError('unexpected end of file')
      v |= ((byte >> (bit & 7)) & 1) << i
    }
    return v
  }
  const symbol = (codes: ReadonlyMap<number, number>): number => {
    let code = 0
    for (let l = 1; l < 16; l++) {
      code = (code << 1) | bits(1)
      const found = codes.get((l << 16) | code)
      if (found !== undefined) return found
    }
    throw new GzipError('invalid compressed data--format violated')
  }
  const out: number[] = []
  for (let last = 0; last === 0; ) {
    last = bits(1)
    const kind = bits(2)
    if (kind === 0) {
      bit = (bit + 7) & ~7
      const size = bits(16)
      bits(16)
      for (let i = 0; i < size; i++) out.push(bits(8))
      continue
    }
    if (kind === 3) throw new GzipError('invalid compressed data--format violated')
    let literals = decoder(fixedLengths)
    let distances = decoder(Array<number>(30).fill(5))
    if (kind === 2) {
      const nl = bits(5) + 257
      const nd = bits(5) + 1
      const nc = bits(4) + 4
      const order: number[] = Array<number>(19).fill(0)
      for (let i = 0; i < nc; i++) order[codeOrder[i]!] = bits(3)
      const codes = decoder(order)
      const lengths: number[] = []
      while (lengths.length < nl + nd) {
        const s = symbol(codes)
        if (s < 16) lengths.push(s)
        else {
          const repeat = s === 16 ? bits(2) + 3 : s === 17 ? bits(3) + 3 : bits(7) + 11
          const value = s === 16 ? lengths.at(-1)! : 0
          for (let i = 0; i < repeat; i++) lengths.push(value)
        }
      }
      literals = decoder(lengths.slice(0, nl))
      distances = decoder(lengths.slice(nl))
    }
    for (let s = symbol(literals); s !== 256; s = symbol(literals)) {
      if (s < 256) {
        out.push(s)
        continue
      }
      const length = lengthBase[s - 257]! + bits(lengthExtra[s - 257]!)
      const d = symbol(distances)
      const distance = distanceBase[d]! + bits(distanceExtra[d]!)
      for (let i = 0; i < length; i++) out.push(out[out.length - distance]!)
    }
  }
  return { bytes: out, end: (bit + 7) >> 3 }
}

export function deflate(data: Uint8Array): number[] {
  const out: number[] = []
  let hold = 0
  let held = 0
  const put = (value: number, n: number) => {
    hold |= value << held
    held += n
    while (held >= 8) {
      out.push(hold & 255)
      hold >>>= 8
      held -= 8
    }
  }
  /** Huffman codes go in with their first bit first. */
  const code = (value: number, n: number) => {
    for (let i = n - 1; i >= 0; i--) put((value >> i) & 1, 1)
  }
  const literal = (s: number) => (s < 144 ? code(48 + s, 8) : s < 256 ? code(400 + s - 144, 9) : s < 280 ? code(s - 256, 7) : code(192 + s - 280, 8))
  put(1, 1)
  put(1, 2)
  const seen = new Map<number, number>()
  for (let i = 0; i < data.length; ) {
    const key = i + 2 < data.length ? (data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]! : -1
    const from = key < 0 ? undefined : seen.get(key)
    if (key >= 0) seen.set(key, i)
    let length = 0
    if (from !== undefined && i - from <= 32768) while (length < 258 && i + length < data.length && data[from + length] === data[i + length]) length++
    if (length < 3) {
      literal(data[i++]!)
      continue
    }
    const l = lengthBase.findLastIndex((b) => b <= length)
    literal(257 + l)
    put(length - lengthBase[l]!, lengthExtra[l]!)
    const d = distanceBase.findLastIndex((b) => b <= i - from!)
    code(d, 5)
    put(i - from! - distanceBase[d]!, distanceExtra[d]!)
    i += length
  }
  literal(256)
  if (held > 0) put(0, 8 - held)
  return out
}

function crc32(bytes: ArrayLike<number>): number {
  let c = 0xffffffff
  for (let i = 0; i < bytes.length; i++) {
    c ^= bytes[i]!
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  }
  return ~c >>> 0
}

const four = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, (n >>> 24) & 255]

export function gzip(data: Uint8Array, name: string, seconds: number): number[] {
  return [0x1f, 0x8b, 8, name === '' ? 0 : 8, ...four(seconds), 0, 3, ...(name === '' ? [] : [...new Uint8Array([...name].map((c) => c.charCodeAt(0) & 255)), 0]), ...deflate(data), ...four(crc32(data)), ...four(data.length)]
}

export function isGzip(data: Uint8Array): boolean {
  return data[0] === 0x1f && data[1] === 0x8b
}

/** All members. Throws GzipError. */
export function gunzip(data: Uint8Array): { readonly bytes: number[]; readonly seconds: number } {
  if (!isGzip(data)) throw new GzipError('not in gzip format')
  const all: number[] = []
  let at = 0
  let seconds = 0
  while (at < data.length && data[at] === 0x1f) {
    const flags = data[at + 3]!
    if (at === 0) seconds = (data[4]! | (data[5]! << 8) | (data[6]! << 16) | (data[7]! << 24)) >>> 0
    at += 10
    if (flags & 4) at += 2 + data[at]! + (data[at + 1]! << 8)
    for (const flag of [8, 16]) if (flags & flag) while (data[at++] !== 0 && at < data.length);
    if (flags & 2) at += 2
    const part = inflate(data, at)
    const check = [...data.slice(part.end, part.end + 4)]
    if (check.length < 4) throw new GzipError('unexpected end of file')
    if (four(crc32(part.bytes)).some((b, i) => b !== check[i])) throw new GzipError('invalid compressed data--crc error')
    for (const b of part.bytes) all.push(b)
    at = part.end + 8
  }
  return { bytes: all, seconds }
}
