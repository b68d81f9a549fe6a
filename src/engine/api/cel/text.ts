/** UTF-8 without the platform's encoder. */
export function toUtf8(text: string): Uint8Array {
  const out: number[] = []
  for (const ch of text) {
    const c = ch.codePointAt(0)!
    if (c < 0x80) out.push(c)
    else if (c < 0x800) out.push(0xc0 | (c >> 6), 0x80 | (c & 63))
    else if (c < 0x10000) out.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63))
    else out.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63))
  }
  return Uint8Array.from(out)
}

/** undefined: not UTF-8. */
export function fromUtf8(data: Uint8Array): string | undefined {
  let out = ''
  for (let i = 0; i < data.length; ) {
    const first = data[i]!
    const length = first < 0x80 ? 1 : first >> 5 === 6 ? 2 : first >> 4 === 14 ? 3 : first >> 3 === 30 ? 4 : 0
    if (length === 0 || i + length > data.length) return undefined
    let code = length === 1 ? first : first & (0x7f >> length)
    for (let k = 1; k < length; k++) {
      if (data[i + k]! >> 6 !== 2) return undefined
      code = (code << 6) | (data[i + k]! & 63)
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined
    out += String.fromCodePoint(code)
    i += length
  }
  return out
}
