/** `printf` (the builtin and, with other escapes of `%q`, the program) and `echo -e`. */
import { longFixed } from './long-double.ts'
import { nameTable, type NameTable } from '#base/name-table.ts'
import { byteLength, decodeBytes, encodeBytes } from '#base/bytes.ts'
import { quoteBackslash } from '../print/quote.ts'

const simple: Record<string, string> = { a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"', "'": "'", '?': '?' }

function byteText(byte: number): string {
  return byte < 128 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte)
}

/** Puts bytes that were written as escapes together to characters. */
function recode(text: string): string {
  return /[\udc80-\udcff]/.test(text) ? decodeBytes(encodeBytes(text)) : text
}

/** Escapes of `echo -e` and `%b`; `stop` where `\c` was met. */
export function unescape(text: string, how: 'echo' | 'b' | 'format'): { text: string; stop: boolean } {
  let stop = false
  const octal = how === 'echo' ? /^0[0-7]{0,3}/ : how === 'b' ? /^(0[0-7]{0,3}|[0-7]{1,3})/ : /^[0-7]{1,3}/
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c !== '\\' || i + 1 >= text.length) {
      out += c
      continue
    }
    const rest = text.slice(i + 1)
    const o = octal.exec(rest)
    const x = /^x([0-9a-fA-F]{1,2})/.exec(rest)
    const u = /^(?:u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8}))/.exec(rest)
    if (o) {
      const digits = how === 'format' ? o[0] : o[0].replace(/^0(?=.)/, '')
      out += byteText(parseInt(digits, 8) & 255)
      i += o[0].length
    } else if (x) {
      out += byteText(parseInt(x[1]!, 16))
      i += x[0].length
    } else if (u) {
      out += String.fromCodePoint(Math.min(0x10ffff, parseInt(u[1] ?? u[2]!, 16)))
      i += u[0].length
    } else if (rest[0] === 'c' && how !== 'format') {
      stop = true
      break
    } else if (simple[rest[0]!] !== undefined && (how === 'format' || !['"', "'", '?'].includes(rest[0]!) || (how === 'b' && rest[0] !== '?'))) {
      out += simple[rest[0]!]
      i++
    } else {
      out += '\\' + rest[0]
      i++
    }
  }
  return { text: recode(out), stop }
}

function pad(text: string, width: number, left: boolean, zero = false): string {
  const missing = width - byteLength(text)
  if (missing <= 0) return text
  if (left) return text + ' '.repeat(missing)
  if (zero) {
    const sign = /^[-+ ]?(0[xX])?/.exec(text)![0]
    return sign + '0'.repeat(missing) + text.slice(sign.length)
  }
  return ' '.repeat(missing) + text
}

/** toFixed that rounds exact ties to even, as C does. */
function fixed(value: number, p: number): string {
  const exact = Math.abs(value).toFixed(Math.min(100, p + 25))
  const at = exact.indexOf('.') + 1 + p
  if (!/^50*$/.test(exact.slice(at)) || p + 25 > 100) return value.toFixed(p)
  const down = exact.slice(0, at).replace(/\.$/, '')
  const even = (down.charCodeAt(down.length - 1) - 48) % 2 === 0
  const text = even ? down : Math.abs(value).toFixed(p)
  return value < 0 && !/^[0.]*$/.test(text) ? '-' + text : value < 0 ? '-' + text : text
}

/** C's %e, %f, %g for a double. */
export function formatFloat(value: number, conversion: string, precision: number | undefined, alternate: boolean): string {
  const upper = conversion === conversion.toUpperCase()
  if (!Number.isFinite(value)) {
    const t = Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
    return upper ? t.toUpperCase() : t
  }
  const p = precision ?? 6
  let text: string
  const exponent = (s: string) => s.replace(/e([-+])(\d)$/, 'e$10$2')
  switch (conversion.toLowerCase()) {
    case 'f':
      text = Math.abs(value) >= 1e21 ? BigInt(Math.trunc(value)).toString() + (p > 0 ? '.' + '0'.repeat(p) : '') : fixed(value, Math.min(100, p))
      break
    case 'e':
      text = exponent(value.toExponential(Math.min(100, p)))
      break
    default: {
      const digits = p === 0 ? 1 : p
      if (value === 0) text = '0'
      else {
        const e = Number(value.toExponential(Math.min(100, digits - 1)).split('e')[1])
        if (e < -4 || e >= digits) {
          text = exponent(value.toExponential(Math.min(100, digits - 1)))
          if (!alternate) text = text.replace(/\.?0+e/, 'e')
        } else {
          text = value.toFixed(Math.min(100, Math.max(0, digits - 1 - e)))
          if (!alternate && text.includes('.')) text = text.replace(/\.?0+$/, '')
        }
      }
    }
  }
  if (Object.is(value, -0) && !text.startsWith('-')) text = '-' + text
  return upper ? text.toUpperCase() : text
}

/** One number conversion with flags; shared with awk. */
export function formatInteger(value: bigint, conversion: string, flags: string, precision: number | undefined): string {
  let digits: string
  let sign = ''
  switch (conversion) {
    case 'd':
    case 'i':
      digits = (value < 0n ? -value : value).toString()
      sign = value < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
      break
    case 'o':
      digits = BigInt.asUintN(64, value).toString(8)
      if (flags.includes('#') && !digits.startsWith('0')) digits = '0' + digits
      break
    case 'x':
    case 'X':
      digits = BigInt.asUintN(64, value).toString(16)
      if (conversion === 'X') digits = digits.toUpperCase()
      if (flags.includes('#') && value !== 0n) sign = '0' + conversion
      break
    default:
      digits = BigInt.asUintN(64, value).toString()
  }
  if (precision !== undefined) digits = precision === 0 && value === 0n ? '' : digits.padStart(precision, '0')
  return sign + digits
}

interface PrintfOptions {
  readonly now: number
  /** A shell (bash) or the program of coreutils: they complain differently. */
  readonly shell: boolean
}

/** printf's arguments: taken one after another, read as what a conversion wants; complaints are kept. */
class Arguments {
  readonly #args: readonly string[]
  readonly shell: boolean
  readonly errors: string[] = []
  at = 0
  /** `\c` in an argument of %b. */
  stopped = false

  constructor(args: readonly string[], shell: boolean) {
    this.#args = args
    this.shell = shell
  }

  next(): string | undefined {
    return this.#args[this.at++]
  }

  integer(arg: string | undefined): bigint {
    if (arg === undefined || arg === '') {
      if (arg === '' && !this.shell) this.errors.push("'': expected a numeric value")
      return 0n
    }
    if (arg[0] === "'" || arg[0] === '"') return BigInt(arg.codePointAt(1) ?? 0)
    const m = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(arg)
    if (!m) {
      this.errors.push(this.shell ? `${arg}: invalid number` : `‘${arg}’: expected a numeric value`)
      return 0n
    }
    const digits = m[2]!
    const value = BigInt(/^0[0-7]+$/.test(digits) ? '0o' + digits.slice(1) : digits)
    if (m[0].length !== arg.length) this.errors.push(this.shell ? `${arg}: invalid number` : `‘${arg}’: value not completely converted`)
    const signed = m[1] === '-' ? -value : value
    const clamped = signed > 18446744073709551615n ? 9223372036854775807n : signed < -9223372036854775808n ? -9223372036854775808n : signed
    if (clamped !== signed && this.shell) this.errors.push(`warning: ${arg}: Numerical result out of range`)
    return clamped
  }

  /** Signed conversions end at 2^63 - 1. */
  signedOnly(arg: string | undefined, conversion: string): bigint {
    const n = this.integer(arg)
    if ((conversion !== 'd' && conversion !== 'i') || n <= 9223372036854775807n) return n
    if (this.shell) this.errors.push(`warning: ${arg}: Numerical result out of range`)
    return 9223372036854775807n
  }

  float(arg: string | undefined): number {
    if (arg === undefined || arg === '') return 0
    if (arg[0] === "'" || arg[0] === '"') return arg.codePointAt(1) ?? 0
    const m = /^\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|0[xX][0-9a-fA-F]+|inf(inity)?|nan)/i.exec(arg)
    if (!m) {
      this.errors.push(this.shell ? `${arg}: invalid number` : `‘${arg}’: expected a numeric value`)
      return 0
    }
    if (m[0].length !== arg.length) this.errors.push(this.shell ? `${arg}: invalid number` : `‘${arg}’: value not completely converted`)
    const t = m[0].trim().toLowerCase()
    if (/inf/.test(t)) return t.startsWith('-') ? -Infinity : Infinity
    if (/nan/.test(t)) return NaN
    return Number(t)
  }
}

interface Conversion {
  readonly conversion: string
  readonly flags: string
  readonly width: number
  readonly precision: number | undefined
  readonly left: boolean
  readonly zero: boolean
}

const conversions: NameTable<(a: Arguments, how: Conversion) => string> = nameTable<(a: Arguments, how: Conversion) => string>({
  s: (a, how) => {
    let text = a.next() ?? ''
    if (how.precision !== undefined) text = cutBytes(text, how.precision)
    return pad(text, how.width, how.left)
  },
  b: (a, how) => {
    const r = unescape(a.next() ?? '', 'b')
    const text = pad(how.precision !== undefined ? cutBytes(r.text, how.precision) : r.text, how.width, how.left)
    if (r.stop) a.stopped = true
    return text
  },
  'q Q': (a, how) => {
    const text = a.next() ?? ''
    return pad(quoteBackslash(how.precision !== undefined && how.conversion === 'Q' ? cutBytes(text, how.precision) : text), how.width, how.left)
  },
  n: (a) => {
    a.next()
    return ''
  },
  c: (a, how) => {
    const text = a.next() ?? ''
    return pad([...text][0] ?? '', how.width, how.left)
  },
  'd i o u x X': (a, how) => pad(formatInteger(a.signedOnly(a.next(), how.conversion), how.conversion, how.flags, how.precision), how.width, how.left, how.zero && how.precision === undefined),
  'e E f F g G': (a, how) => {
    const arg = a.next()
    const value = a.float(arg)
    const exact = how.conversion.toLowerCase() === 'f' && Number.isFinite(value) && !how.flags.includes('#') ? longFixed(arg ?? '', how.precision ?? 6) : undefined
    let text = exact ?? formatFloat(value, how.conversion, how.precision, how.flags.includes('#'))
    if (!text.startsWith('-')) text = (how.flags.includes('+') ? '+' : how.flags.includes(' ') ? ' ' : '') + text
    return pad(text, how.width, how.left, how.zero && Number.isFinite(value))
  },
})

/** Formats all arguments, using the format again while arguments are left. */
export function formatPrintf(format: string, args: readonly string[], options: PrintfOptions): { text: string; errors: string[]; fatal: boolean } {
  let out = ''
  const given = new Arguments(args, options.shell)
  const { errors } = given
  for (;;) {
    const used = given.at
    for (let i = 0; i < format.length; ) {
      const c = format[i]!
      if (c === '\\') {
        const m = /^\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|[\s\S])/.exec(format.slice(i))
        if (!m) {
          out += c
          i++
          continue
        }
        if (m[1] === 'c' && !options.shell) return { text: recode(out), errors, fatal: false }
        out += unescape(m[0], 'format').text
        i += m[0].length
        continue
      }
      if (c !== '%') {
        out += c
        i++
        continue
      }
      if (format[i + 1] === '%') {
        out += '%'
        i += 2
        continue
      }
      const m = /^%([-+ #0']*)(\*|\d+)?(?:\.(\*|-?\d*))?(?:hh|h|ll|l|L|q|j|z|t)*(\([^)]*\)T|[a-zA-Z])?/.exec(format.slice(i))!
      // `q` is a length modifier in that expression, too.
      const whole = /^%([-+ #0']*)(\*|\d+)?(?:\.(\*|-?\d*))?q/.exec(format.slice(i)) ?? m
      const conversion = whole !== m ? 'q' : m[4]
      let flags = m[1]!
      let width = m[2] === '*' ? Number(given.integer(given.next())) : Number(m[2] ?? 0)
      if (width < 0) {
        flags += '-'
        width = -width
      }
      let precision: number | undefined = m[3] === undefined ? undefined : m[3] === '*' ? Number(given.integer(given.next())) : Number(m[3] || 0)
      if (precision !== undefined && precision < 0) precision = undefined
      i += whole[0].length
      const left = flags.includes('-')
      const zero = flags.includes('0') && !left
      if (conversion === undefined) {
        const bad = format[i]
        errors.push(bad === undefined ? (options.shell ? `\`${m[0]}': missing format character` : `${m[0]}: invalid conversion specification`) : options.shell ? `\`${bad}': invalid format character` : `${m[0]}${bad}: invalid conversion specification`)
        return { text: recode(out), errors, fatal: true }
      }
      if (conversion.endsWith('T')) {
        const arg = given.next()
        const seconds = arg === undefined || arg === '-1' || arg === '-2' || arg === '' ? Math.floor(options.now / 1000) : Number(given.integer(arg))
        out += pad(strftime(conversion.slice(1, -2) || '%H:%M:%S', seconds * 1000), width, left)
        continue
      }
      const convert = conversions.get(conversion)
      if (!convert) {
        errors.push(options.shell ? `\`${conversion}': invalid format character` : `${whole[0]}: invalid conversion specification`)
        return { text: recode(out), errors, fatal: true }
      }
      out += convert(given, { conversion, flags, width, precision, left, zero })
      if (given.stopped) return { text: recode(out), errors, fatal: false }
    }
    if (given.at >= args.length || given.at === used) break
  }
  return { text: recode(out), errors, fatal: false }
}

function cutBytes(text: string, bytes: number): string {
  return byteLength(text) <= bytes ? text : decodeBytes(encodeBytes(text).slice(0, bytes))
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']

/** A time taken apart, and how its fields are to be padded. */
class Moment {
  readonly ms: number
  readonly d: Date
  readonly #flag: string

  constructor(ms: number, flag: string) {
    this.ms = ms
    this.d = new Date(Math.floor(ms))
    this.#flag = flag
  }

  field(value: number, width: number, fill: string): string {
    const f = this.#flag.includes('-') ? '' : this.#flag.includes('_') ? ' ' : this.#flag.includes('0') ? '0' : fill
    return f === '' ? String(value) : String(value).padStart(width, f)
  }

  get year(): number {
    return this.d.getUTCFullYear()
  }

  get yday(): number {
    return Math.floor((Date.UTC(this.year, this.d.getUTCMonth(), this.d.getUTCDate()) - Date.UTC(this.year, 0, 1)) / 86400000)
  }

  get wday(): number {
    return this.d.getUTCDay()
  }

  get hour12(): number {
    return ((this.d.getUTCHours() + 11) % 12) + 1
  }

  /** Year and week of ISO 8601. */
  iso(): { y: number; w: number } {
    const t = new Date(Date.UTC(this.year, this.d.getUTCMonth(), this.d.getUTCDate()))
    t.setUTCDate(t.getUTCDate() + 4 - (t.getUTCDay() || 7))
    const y = t.getUTCFullYear()
    return { y, w: Math.ceil(((t.getTime() - Date.UTC(y, 0, 1)) / 86400000 + 1) / 7) }
  }
}

const dateFields: NameTable<(m: Moment) => string> = nameTable<(m: Moment) => string>({
  '%': () => '%',
  n: () => '\n',
  t: () => '\t',
  Y: (m) => m.field(m.year, 4, ''),
  C: (m) => m.field(Math.floor(m.year / 100), 2, '0'),
  y: (m) => m.field(m.year % 100, 2, '0'),
  m: (m) => m.field(m.d.getUTCMonth() + 1, 2, '0'),
  d: (m) => m.field(m.d.getUTCDate(), 2, '0'),
  e: (m) => m.field(m.d.getUTCDate(), 2, ' '),
  H: (m) => m.field(m.d.getUTCHours(), 2, '0'),
  I: (m) => m.field(m.hour12, 2, '0'),
  k: (m) => m.field(m.d.getUTCHours(), 2, ' '),
  l: (m) => m.field(m.hour12, 2, ' '),
  M: (m) => m.field(m.d.getUTCMinutes(), 2, '0'),
  S: (m) => m.field(m.d.getUTCSeconds(), 2, '0'),
  N: (m) => String(((m.ms % 1000) + 1000) % 1000 * 1e6).padStart(9, '0').slice(0, 9),
  s: (m) => String(Math.floor(m.ms / 1000)),
  j: (m) => m.field(m.yday + 1, 3, '0'),
  a: (m) => days[m.wday]!.slice(0, 3),
  A: (m) => days[m.wday]!,
  'b h': (m) => months[m.d.getUTCMonth()]!.slice(0, 3),
  B: (m) => months[m.d.getUTCMonth()]!,
  p: (m) => m.d.getUTCHours() < 12 ? 'AM' : 'PM',
  P: (m) => m.d.getUTCHours() < 12 ? 'am' : 'pm',
  u: (m) => String(m.wday || 7),
  w: (m) => String(m.wday),
  q: (m) => String(Math.floor(m.d.getUTCMonth() / 3) + 1),
  U: (m) => m.field(Math.floor((m.yday + 7 - m.wday) / 7), 2, '0'),
  W: (m) => m.field(Math.floor((m.yday + 7 - ((m.wday + 6) % 7)) / 7), 2, '0'),
  V: (m) => m.field(m.iso().w, 2, '0'),
  G: (m) => String(m.iso().y),
  g: (m) => m.field(m.iso().y % 100, 2, '0'),
  z: () => '+0000',
  ':z': () => '+00:00',
  '::z': () => '+00:00:00',
  ':::z': () => '+00',
  Z: () => 'UTC',
  F: (m) => strftime('%Y-%m-%d', m.ms),
  'T X': (m) => strftime('%H:%M:%S', m.ms),
  R: (m) => strftime('%H:%M', m.ms),
  r: (m) => strftime('%I:%M:%S %p', m.ms),
  'D x': (m) => strftime('%m/%d/%y', m.ms),
  c: (m) => strftime('%a %b %e %H:%M:%S %Y', m.ms),
  '+': (m) => strftime('%a %b %e %H:%M:%S UTC %Y', m.ms),
})

/** strftime in UTC with GNU date's flags (`-`, `_`, `0`, `^`, `#`, widths, `%:z`, `%N`). */
export function strftime(format: string, ms: number): string {
  return format.replace(/%([-_0^#]*)(\d*)(:{0,3}z|[EO]?[a-zA-Z%+])/g, (all, flag: string, width: string, rawConversion: string) => {
    const conversion = rawConversion.replace(/^[EO](?=.)/, '')
    const text = dateFields.get(conversion)?.(new Moment(ms, flag))
    if (text === undefined) return all
    let result = flag.includes('^') ? text.toUpperCase() : flag.includes('#') ? (/^[AaBbh]$/.test(conversion) ? text.toUpperCase() : text.toLowerCase()) : text
    if (width !== '' && conversion !== 'N') result = result.padStart(Number(width), /^\d/.test(result) && !flag.includes('_') ? '0' : ' ')
    if (width !== '' && conversion === 'N') result = result.slice(0, Number(width))
    return result
  })
}
