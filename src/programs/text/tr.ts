/** tr: sets of bytes with classes, ranges and repeats; translating, deleting, squeezing. Bytes, not characters, as GNU's. */
import { decodeBytes, encodeBytes } from '#base/bytes.ts'
import type { Program } from '#engine/machine/process.ts'
import { complain, Fatal, parseOptions, tool } from './common.ts'

const trClasses: Record<string, (c: number) => boolean> = {
  alpha: (c) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122),
  digit: (c) => c >= 48 && c <= 57,
  alnum: (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122),
  upper: (c) => c >= 65 && c <= 90,
  lower: (c) => c >= 97 && c <= 122,
  space: (c) => (c >= 9 && c <= 13) || c === 32,
  blank: (c) => c === 9 || c === 32,
  punct: (c) => (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126),
  cntrl: (c) => c < 32 || c === 127,
  print: (c) => c >= 32 && c < 127,
  graph: (c) => c > 32 && c < 127,
  xdigit: (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102),
}

/** The bytes of a tr set; `fill` is where `[c*]` stretches to. */
function trSet(text: string, fill: number): { bytes: number[]; classes: { readonly name: string; readonly at: number }[] } {
  const out: number[] = []
  const classes: { name: string; at: number }[] = []
  const bytes = encodeBytes(text)
  const s = [...bytes].map((b) => String.fromCharCode(b)).join('')
  const one = (i: number): [number, number] => {
    if (s[i] === '\\' && i + 1 < s.length) {
      const m = /^\\([0-7]{1,3})/.exec(s.slice(i))
      if (m) return [parseInt(m[1]!, 8) & 255, i + m[0].length]
      const e = ({ n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, '\\': 92 } as Record<string, number>)[s[i + 1]!]
      return [e ?? s.charCodeAt(i + 1), i + 2]
    }
    return [s.charCodeAt(i), i + 1]
  }
  for (let i = 0; i < s.length; ) {
    const cls = /^\[:(\w+):\]/.exec(s.slice(i))
    if (cls) {
      const test = trClasses[cls[1]!]
      if (!test) throw new Fatal(`tr: invalid character class ‘${cls[1]}’`)
      classes.push({ name: cls[1]!, at: out.length })
      for (let c = 0; c < 256; c++) if (test(c)) out.push(c)
      i += cls[0].length
      continue
    }
    const repeat = /^\[(\\.|[\s\S])\*(\d*)\]/.exec(s.slice(i))
    if (repeat) {
      const [c] = one(i + 1)
      const n = repeat[2] === '' || Number(repeat[2]) === 0 ? Math.max(0, fill - out.length) : repeat[2]!.startsWith('0') ? parseInt(repeat[2]!, 8) : Number(repeat[2])
      for (let k = 0; k < n; k++) out.push(c)
      i += repeat[0].length
      continue
    }
    const [from, next] = one(i)
    if (s[next] === '-' && next + 1 < s.length) {
      const [to, end] = one(next + 1)
      if (to < from) throw new Fatal(`tr: range-endpoints of '${s.slice(i, end)}' are in reverse collating sequence order`)
      for (let c = from; c <= to; c++) out.push(c)
      i = end
    } else {
      out.push(from)
      i = next
    }
  }
  return { bytes: out, classes }
}

export const tr: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+cCdst', long: { complement: 'c', delete: 'd', 'squeeze-repeats': 's', 'truncate-set1': 't' } })
  const [first, second] = o.rest
  const remove = o.has('d')
  const squeeze = o.has('s')
  const complement = o.has('c') || o.has('C')
  const more = "\nTry 'tr --help' for more information."
  if (first === undefined) throw new Fatal(`tr: missing operand${more}`)
  if (second === undefined && !remove && !squeeze) throw new Fatal(`tr: missing operand after ‘${first}’\nTwo strings must be given when translating.${more}`)
  if (second === undefined && remove && squeeze) throw new Fatal(`tr: missing operand after ‘${first}’\nTwo strings must be given when both deleting and squeezing repeats.${more}`)
  if (second !== undefined && remove && !squeeze) throw new Fatal(`tr: extra operand ‘${second}’\nOnly one string may be given when deleting without squeezing repeats.${more}`)
  if (o.rest.length > 2) throw new Fatal(`tr: extra operand ‘${o.rest[2]}’${more}`)
  for (const text of o.rest) if (/(^|[^\\])(\\\\)*\\$/.test(text)) await complain(process, 'warning: an unescaped backslash at end of string is not portable')
  const a = trSet(first, 0)
  let set1 = a.bytes
  if (complement) {
    const have = new Set(set1)
    set1 = Array.from({ length: 256 }, (_, i) => i).filter((c) => !have.has(c))
  }
  const map = Array.from({ length: 256 }, (_, i) => i)
  let squeezeSet = new Set<number>()
  const deleteSet = new Set(remove ? set1 : [])
  if (second !== undefined && !remove) {
    const b = trSet(second, set1.length)
    let set2 = b.bytes
    if (b.classes.some((c) => c.name !== 'upper' && c.name !== 'lower')) throw new Fatal("tr: when translating, the only character classes that may appear in\nstring2 are 'upper' and 'lower'")
    const cased = complement ? [] : a.classes.filter((c) => c.name === 'upper' || c.name === 'lower')
    for (const c of b.classes) if (!cased.some((x) => x.at === c.at)) throw new Fatal('tr: misaligned [:upper:] and/or [:lower:] construct')
    if (b.classes.length > 0) {
      // [:lower:] to [:upper:] pairs letters.
      const s1 = cased[0]!.name
      const s2 = b.classes[0]!.name
      if (s1 !== s2) set2 = set1.map((c, i) => (i >= cased[0]!.at && i < cased[0]!.at + 26 ? (s2 === 'upper' ? c - 32 : c + 32) : (b.bytes[i] ?? b.bytes.at(-1)!)))
    }
    if (set2.length === 0) throw new Fatal('tr: when not truncating set1, string2 must be non-empty')
    set1.forEach((c, i) => {
      if (i < set2.length) map[c] = set2[i]!
      else if (!o.has('t')) map[c] = set2.at(-1)!
    })
    if (squeeze) squeezeSet = new Set(set2)
  } else if (squeeze) squeezeSet = new Set(second !== undefined ? trSet(second, 0).bytes : set1)
  let last = -1
  for (let chunk = await process.stdin.read(); chunk !== undefined; chunk = await process.stdin.read()) {
    const out: number[] = []
    for (const byte of encodeBytes(chunk)) {
      if (deleteSet.has(byte)) continue
      const c = map[byte]!
      if (c === last && squeezeSet.has(c)) continue
      last = c
      out.push(c)
    }
    await process.stdout.write(decodeBytes(out))
  }
  return 0
})

