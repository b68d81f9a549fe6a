/** jq's arithmetic, comparisons and `@formats`, on values alone. */
import { decodeBytes, encodeBytes, fromBase64, toBase64 } from '#base/bytes.ts'
import { compare, JqError, keysOf, numberText, object, print, short, typeOf, type Json } from './values.ts'

type Obj = { [key: string]: Json }

/** A value in an error message, with its type. */
export const shown = (v: Json) => `${typeOf(v)} (${short(v)})`

export function invalid(v: Json, what: string): never {
  throw new JqError(`${shown(v)} ${what}`)
}

export function arithmetic(op: string, l: Json, r: Json): Json {
  const both = (t: string) => typeOf(l) === t && typeOf(r) === t
  switch (op) {
    case '+':
      if (l === null) return r
      if (r === null) return l
      if (both('number')) return (l as number) + (r as number)
      if (both('string')) return (l as string) + (r as string)
      if (both('array')) return [...(l as Json[]), ...(r as Json[])]
      if (both('object')) return merge(l as Obj, r as Obj)
      throw new JqError(`${shown(l)} and ${shown(r)} cannot be added`)
    case '-':
      if (both('number')) return (l as number) - (r as number)
      if (both('array')) return (l as Json[]).filter((x) => !(r as Json[]).some((y) => compare(x, y) === 0))
      throw new JqError(`${shown(l)} and ${shown(r)} cannot be subtracted`)
    case '*':
      if (both('number')) return (l as number) * (r as number)
      if (typeof l === 'string' && typeof r === 'number') return r <= 0 ? null : l.repeat(Math.max(1, Math.floor(r)))
      if (both('object')) return deepMerge(l as Obj, r as Obj)
      throw new JqError(`${shown(l)} and ${shown(r)} cannot be multiplied`)
    case '/':
      if (both('number')) {
        if (r === 0) throw new JqError(`${shown(l)} and ${shown(r)} cannot be divided because the divisor is zero`)
        return (l as number) / (r as number)
      }
      if (both('string')) return (l as string) === '' ? [] : (r as string) === '' ? [...(l as string)] : (l as string).split(r as string)
      throw new JqError(`${shown(l)} and ${shown(r)} cannot be divided`)
    default: {
      if (!both('number')) throw new JqError(`${shown(l)} and ${shown(r)} cannot be divided (remainder)`)
      const b = Math.trunc(r as number)
      if (b === 0) throw new JqError(`${shown(l)} and ${shown(r)} cannot be divided (remainder) because the divisor is zero`)
      const n = Math.trunc(l as number) % Math.abs(b)
      return n === 0 ? 0 : n
    }
  }
}

function merge(a: Obj, b: Obj): Obj {
  const o = object(keysOf(a).map((k) => [k, a[k]!]))
  for (const k of keysOf(b)) o[k] = b[k]!
  return o
}

function deepMerge(a: Obj, b: Obj): Obj {
  const o = object(keysOf(a).map((k) => [k, a[k]!]))
  for (const k of keysOf(b)) o[k] = typeOf(o[k] ?? null) === 'object' && typeOf(b[k]!) === 'object' ? deepMerge(o[k] as Obj, b[k] as Obj) : b[k]!
  return o
}

/** Strings as they are, others printed. */
export const text = (v: Json) => (typeof v === 'string' ? v : print(v))

export function formats(format: string, v: Json): string {
  const row = (what: string, cell: (x: Json) => string, separator: string) => {
    if (!Array.isArray(v)) throw new JqError(`${shown(v)} cannot be ${what}-formatted, only array`)
    return v.map(cell).join(separator)
  }
  switch (format) {
    case '@text': return text(v)
    case '@json': return print(v)
    case '@csv':
      return row('csv', (x) => {
        if (typeof x === 'string') return `"${x.replace(/"/g, '""')}"`
        if (typeof x === 'number') return numberText(x)
        if (x === null) return ''
        if (typeof x === 'boolean') return String(x)
        throw new JqError(`${shown(x)} is not valid in a csv row`)
      }, ',')
    case '@tsv':
      return row('tsv', (x) => {
        if (typeof x === 'string') return x.replace(/[\\\t\n\r]/g, (c) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[c]!)
        if (typeof x === 'number') return numberText(x)
        if (x === null) return ''
        if (typeof x === 'boolean') return String(x)
        throw new JqError(`${shown(x)} is not valid in a csv row`)
      }, '\t')
    case '@html': return text(v).replace(/[<>&'"]/g, (c) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', "'": '&apos;', '"': '&quot;' })[c]!)
    case '@uri': return [...encodeBytes(text(v))].map((b) => (/[A-Za-z0-9\-_.!~*'()]/.test(String.fromCharCode(b)) && b < 128 ? String.fromCharCode(b) : '%' + b.toString(16).toUpperCase().padStart(2, '0'))).join('')
    case '@sh':
      return (Array.isArray(v) ? v : [v]).map((x) => {
        if (typeof x === 'string') return `'${x.replace(/'/g, "'\\''")}'`
        if (x !== null && typeof x === 'object') throw new JqError(`${shown(x)} can not be escaped for shell`)
        return print(x)
      }).join(' ')
    case '@base64': return toBase64(text(v))
    case '@base64d': {
      const t = text(v)
      const clean = t.replace(/=.*$/s, '')
      const out = /^[A-Za-z0-9+/]*$/.test(clean) && clean.length % 4 !== 1 ? fromBase64(clean + '='.repeat((4 - (clean.length % 4)) % 4)) : undefined
      if (clean.length % 4 === 1 && /^[A-Za-z0-9+/]*$/.test(clean)) throw new JqError(`${shown(v)} trailing base64 byte found`)
      if (out === undefined || (out === '' && t !== '')) throw new JqError(`${shown(v)} is not valid base64 data`)
      return replaceInvalid(out)
    }
    default: throw new JqError(`${format.slice(1)} is not a valid format`)
  }
}

/** Bytes that are not UTF-8 become U+FFFD; a sequence that the text cuts off becomes one. */
function replaceInvalid(text: string): string {
  if (!/[\udc80-\udcff]/.test(text)) return text
  const bytes = encodeBytes(text)
  const tail = [...bytes].findLastIndex((b) => b >= 0xc2 && b < 0xf5)
  const need = tail < 0 ? 0 : bytes[tail]! < 0xe0 ? 2 : bytes[tail]! < 0xf0 ? 3 : 4
  const cut = tail >= 0 && tail + need > bytes.length ? tail : bytes.length
  return decodeBytes(bytes.slice(0, cut)).replace(/[\udc80-\udcff]/g, '\ufffd') + (cut < bytes.length ? '\ufffd' : '')
}

export function binary(op: string, l: Json, r: Json): Json {
  switch (op) {
    case '==': return compare(l, r) === 0
    case '!=': return compare(l, r) !== 0
    case '<': return compare(l, r) < 0
    case '<=': return compare(l, r) <= 0
    case '>': return compare(l, r) > 0
    case '>=': return compare(l, r) >= 0
    default: return arithmetic(op, l, r)
  }
}
