/**
 * Bytes as strings. Files, pipes and TCP data are JavaScript strings; a byte that is not valid UTF-8 is kept as the
 * lone surrogate U+DC00 + byte (0x80–0xff), as Python's surrogateescape does, so every byte sequence survives a round trip.
 */

/** The number of bytes that `text` is when written to a file or a socket. */
export function byteLength(text: string): number {
  let n = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x80) n += 1
    else if (c < 0x800) n += 2
    else if (c >= 0xd800 && c < 0xdc00 && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      n += 4
      i++
    } else if (c >= 0xdc80 && c <= 0xdcff) n += 1
    else n += 3
  }
  return n
}

/** The bytes of `text`. */
export function encodeBytes(text: string): Uint8Array {
  const out = new Uint8Array(byteLength(text))
  let n = 0
  for (let i = 0; i < text.length; i++) {
    let c = text.charCodeAt(i)
    if (c < 0x80) out[n++] = c
    else if (c < 0x800) {
      out[n++] = 0xc0 | (c >> 6)
      out[n++] = 0x80 | (c & 0x3f)
    } else if (c >= 0xd800 && c < 0xdc00 && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      c = 0x10000 + ((c & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff)
      out[n++] = 0xf0 | (c >> 18)
      out[n++] = 0x80 | ((c >> 12) & 0x3f)
      out[n++] = 0x80 | ((c >> 6) & 0x3f)
      out[n++] = 0x80 | (c & 0x3f)
    } else if (c >= 0xdc80 && c <= 0xdcff) out[n++] = c & 0xff
    else {
      out[n++] = 0xe0 | (c >> 12)
      out[n++] = 0x80 | ((c >> 6) & 0x3f)
      out[n++] = 0x80 | (c & 0x3f)
    }
  }
  return out
}

/** A text from code units, in pieces that an argument list can hold. */
function fromUnits(units: ArrayLike<number>): string {
  let out = ''
  for (let i = 0; i < units.length; i += 4096) {
    const piece = units instanceof Uint8Array ? units.subarray(i, i + 4096) : Array.prototype.slice.call(units, i, i + 4096)
    out += String.fromCharCode.apply(null, piece as unknown as number[])
  }
  return out
}

/** The text that these bytes are; what is not UTF-8 becomes lone surrogates, see the top of this file. */
export function decodeBytes(bytes: ArrayLike<number>): string {
  let plain = 0
  while (plain < bytes.length && bytes[plain]! < 0x80) plain++
  if (plain === bytes.length) return fromUnits(bytes)
  const parts: string[] = []
  let chunk: number[] = []
  const put = (unit: number) => {
    chunk.push(unit)
    if (chunk.length >= 4096) {
      parts.push(String.fromCharCode(...chunk))
      chunk = []
    }
  }
  for (let i = 0; i < bytes.length; ) {
    const b = bytes[i]!
    const need = b < 0x80 ? 0 : b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xf0 && b < 0xf5 ? 3 : -1
    let code = need === 0 ? b : need === 1 ? b & 0x1f : need === 2 ? b & 0x0f : b & 0x07
    let ok = need >= 0
    for (let k = 1; ok && k <= need; k++) {
      const c = bytes[i + k]
      if (c === undefined || (c & 0xc0) !== 0x80) ok = false
      else code = (code << 6) | (c & 0x3f)
    }
    if (ok && ((need === 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) || (need === 3 && (code < 0x10000 || code > 0x10ffff)))) ok = false
    if (!ok) {
      put(0xdc00 + b)
      i++
    } else {
      if (code >= 0x10000) {
        put(0xd800 + ((code - 0x10000) >> 10))
        put(0xdc00 + ((code - 0x10000) & 0x3ff))
      } else put(code)
      i += need + 1
    }
  }
  parts.push(String.fromCharCode(...chunk))
  return parts.join('')
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** What a letter of the alphabet stands for; 0 for the padding. */
const sextets = new Uint8Array(128)
for (let i = 0; i < alphabet.length; i++) sextets[alphabet.charCodeAt(i)] = i

/** Standard base64 of the bytes of `text`, with padding, without line breaks. */
export function toBase64(text: string): string {
  const b = encodeBytes(text)
  let out = ''
  for (let i = 0; i < b.length; i += 3) {
    const n = (b[i]! << 16) | ((b[i + 1] ?? 0) << 8) | (b[i + 2] ?? 0)
    out += alphabet[n >> 18]! + alphabet[(n >> 12) & 63]!
    out += (i + 1 < b.length ? alphabet[(n >> 6) & 63]! : '=') + (i + 2 < b.length ? alphabet[n & 63]! : '=')
  }
  return out
}

/** The text whose bytes this base64 says, or undefined where it is not base64. Line breaks are passed over. */
export function fromBase64(text: string): string | undefined {
  const clean = text.replace(/[\r\n]/g, '')
  if (clean.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(clean)) return undefined
  const padding = clean.endsWith('==') ? 2 : clean.endsWith('=') ? 1 : 0
  const out = new Uint8Array((clean.length / 4) * 3)
  for (let i = 0, at = 0; i < clean.length; i += 4) {
    const n = (sextets[clean.charCodeAt(i)]! << 18) | (sextets[clean.charCodeAt(i + 1)]! << 12) | (sextets[clean.charCodeAt(i + 2)]! << 6) | sextets[clean.charCodeAt(i + 3)]!
    out[at++] = n >> 16
    out[at++] = n >> 8
    out[at++] = n
  }
  return decodeBytes(out.subarray(0, out.length - padding))
}
