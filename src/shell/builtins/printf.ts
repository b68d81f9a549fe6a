/** `printf` (the builtin and, with other escapes of `%q`, the program) and `echo -e`. */
import { byteLength, decodeBytes, encodeBytes } from '#base/bytes.ts'
import { quoteBackslash } from '../print/quote.ts'

export interface FormatResult {
  readonly text: string
  /** Complaints, in order; a non-empty list makes the exit code 1. */
  readonly errors: readonly string[]
  /** `%b` met `\c`: no more output. */
}

const simple: Record<string, string> = { a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"', "'": "'", '?': '?' }

function byteText(byte: number): string {
  return byte < 128 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte)
}

/** Puts bytes that were written as escapes together to characters. */
export function recode(text: string): string {
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

export interface PrintfOptions {
  readonly now: number
  /** A shell (bash) or the program of coreutils: they complain differently. */
  readonly shell: boolean
}

/** Formats all arguments, using the format again while arguments are left. */
export function formatPrintf(format: string, args: readonly string[], options: PrintfOptions): { text: string; errors: string[]; fatal: boolean } {
  let out = ''
  const errors: string[] = []
  let at = 0
  const next = (): string | undefined => args[at++]
  const integer = (arg: string | undefined): bigint => {
    if (arg === undefined || arg === '') {
      if (arg === '' && !options.shell) errors.push("'': expected a numeric value")
      return 0n
    }
    if (arg[0] === "'" || arg[0] === '"') return BigInt(arg.codePointAt(1) ?? 0)
    const m = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(arg)
    if (!m) {
      errors.push(options.shell ? `${arg}: invalid number` : `‘${arg}’: expected a numeric value`)
      return 0n
    }
    const digits = m[2]!
    const value = BigInt(/^0[0-7]+$/.test(digits) ? '0o' + digits.slice(1) : digits)
    if (m[0].length !== arg.length) errors.push(options.shell ? `${arg}: invalid number` : `‘${arg}’: value not completely converted`)
    const signed = m[1] === '-' ? -value : value
    const clamped = signed > 18446744073709551615n ? 9223372036854775807n : signed < -9223372036854775808n ? -9223372036854775808n : signed
    if (clamped !== signed && options.shell) errors.push(`warning: ${arg}: Numerical result out of range`)
    return clamped
  }
  /** Signed conversions end at 2^63 - 1. */
  const signedOnly = (arg: string | undefined, conversion: string): bigint => {
    const n = integer(arg)
    if ((conversion !== 'd' && conversion !== 'i') || n <= 9223372036854775807n) return n
    if (options.shell) errors.push(`warning: ${arg}: Numerical result out of range`)
    return 9223372036854775807n
  }
  const float = (arg: string | undefined): number => {
    if (arg === undefined || arg === '') return 0
    if (arg[0] === "'" || arg[0] === '"') return arg.codePointAt(1) ?? 0
    const m = /^\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|0[xX][0-9a-fA-F]+|inf(inity)?|nan)/i.exec(arg)
    if (!m) {
      errors.push(options.shell ? `${arg}: invalid number` : `‘${arg}’: expected a numeric value`)
      return 0
    }
    if (m[0].length !== arg.length) errors.push(options.shell ? `${arg}: invalid number` : `‘${arg}’: value not completely converted`)
    const t = m[0].trim().toLowerCase()
    if (/inf/.test(t)) return t.startsWith('-') ? -Infinity : Infinity
    if (/nan/.test(t)) return NaN
    return Number(t)
  }
  for (;;) {
    const used = at
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
      let width = m[2] === '*' ? Number(integer(next())) : Number(m[2] ?? 0)
      if (width < 0) {
        flags += '-'
        width = -width
      }
      let precision: number | undefined = m[3] === undefined ? undefined : m[3] === '*' ? Number(integer(next())) : Number(m[3] || 0)
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
        const arg = next()
        const seconds = arg === undefined || arg === '-1' || arg === '-2' || arg === '' ? Math.floor(options.now / 1000) : Number(integer(arg))
        out += pad(strftime(conversion.slice(1, -2) || '%H:%M:%S', seconds * 1000), width, left)
        continue
      }
      switch (conversion) {
        case 's': {
          let text = next() ?? ''
          if (precision !== undefined) text = cutBytes(text, precision)
          out += pad(text, width, left)
          break
        }
        case 'b': {
          const r = unescape(next() ?? '', 'b')
          out += pad(precision !== undefined ? cutBytes(r.text, precision) : r.text, width, left)
          if (r.stop) return { text: recode(out), errors, fatal: false }
          break
        }
        case 'q':
          out += pad(quoteBackslash(next() ?? ''), width, left)
          break
        case 'c': {
          const text = next() ?? ''
          out += pad([...text][0] ?? '', width, left)
          break
        }
        case 'd': case 'i': case 'o': case 'u': case 'x': case 'X':
          out += pad(formatInteger(signedOnly(next(), conversion), conversion, flags, precision), width, left, zero && precision === undefined)
          break
        case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': {
          const value = float(next())
          let text = formatFloat(value, conversion, precision, flags.includes('#'))
          if (!text.startsWith('-')) text = (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + text
          out += pad(text, width, left, zero && Number.isFinite(value))
          break
        }
        default:
          errors.push(options.shell ? `\`${conversion}': invalid format character` : `${whole[0]}: invalid conversion specification`)
          return { text: recode(out), errors, fatal: true }
      }
    }
    if (at >= args.length || at === used) break
  }
  return { text: recode(out), errors, fatal: false }
}

function cutBytes(text: string, bytes: number): string {
  return byteLength(text) <= bytes ? text : decodeBytes(encodeBytes(text).slice(0, bytes))
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']

/** strftime in UTC with GNU date's flags (`-`, `_`, `0`, `^`, `#`, widths, `%:z`, `%N`). */
export function strftime(format: string, ms: number): string {
  const d = new Date(Math.floor(ms))
  const field = (value: number, width: number, fill: string, flag: string) => {
    const f = flag.includes('-') ? '' : flag.includes('_') ? ' ' : flag.includes('0') ? '0' : fill
    return f === '' ? String(value) : String(value).padStart(width, f)
  }
  const year = d.getUTCFullYear()
  const yday = Math.floor((Date.UTC(year, d.getUTCMonth(), d.getUTCDate()) - Date.UTC(year, 0, 1)) / 86400000)
  const wday = d.getUTCDay()
  const hour12 = ((d.getUTCHours() + 11) % 12) + 1
  const iso = () => {
    const t = new Date(Date.UTC(year, d.getUTCMonth(), d.getUTCDate()))
    t.setUTCDate(t.getUTCDate() + 4 - (t.getUTCDay() || 7))
    const y = t.getUTCFullYear()
    return { y, w: Math.ceil(((t.getTime() - Date.UTC(y, 0, 1)) / 86400000 + 1) / 7) }
  }
  return format.replace(/%([-_0^#]*)(\d*)(:{0,3}z|[EO]?[a-zA-Z%+])/g, (all, flag: string, width: string, rawConversion: string) => {
    const conversion = rawConversion.replace(/^[EO](?=.)/, '')
    const text = one(conversion, flag)
    if (text === undefined) return all
    let result = flag.includes('^') ? text.toUpperCase() : flag.includes('#') ? (/^[AaBbh]$/.test(conversion) ? text.toUpperCase() : text.toLowerCase()) : text
    if (width !== '' && conversion !== 'N') result = result.padStart(Number(width), /^\d/.test(result) && !flag.includes('_') ? '0' : ' ')
    if (width !== '' && conversion === 'N') result = result.slice(0, Number(width))
    return result
  })
  function one(c: string, flag: string): string | undefined {
    switch (c) {
      case '%': return '%'
      case 'n': return '\n'
      case 't': return '\t'
      case 'Y': return field(year, 4, '', flag)
      case 'C': return field(Math.floor(year / 100), 2, '0', flag)
      case 'y': return field(year % 100, 2, '0', flag)
      case 'm': return field(d.getUTCMonth() + 1, 2, '0', flag)
      case 'd': return field(d.getUTCDate(), 2, '0', flag)
      case 'e': return field(d.getUTCDate(), 2, ' ', flag)
      case 'H': return field(d.getUTCHours(), 2, '0', flag)
      case 'I': return field(hour12, 2, '0', flag)
      case 'k': return field(d.getUTCHours(), 2, ' ', flag)
      case 'l': return field(hour12, 2, ' ', flag)
      case 'M': return field(d.getUTCMinutes(), 2, '0', flag)
      case 'S': return field(d.getUTCSeconds(), 2, '0', flag)
      case 'N': return String(((ms % 1000) + 1000) % 1000 * 1e6).padStart(9, '0').slice(0, 9)
      case 's': return String(Math.floor(ms / 1000))
      case 'j': return field(yday + 1, 3, '0', flag)
      case 'a': return days[wday]!.slice(0, 3)
      case 'A': return days[wday]!
      case 'b':
      case 'h': return months[d.getUTCMonth()]!.slice(0, 3)
      case 'B': return months[d.getUTCMonth()]!
      case 'p': return d.getUTCHours() < 12 ? 'AM' : 'PM'
      case 'P': return d.getUTCHours() < 12 ? 'am' : 'pm'
      case 'u': return String(wday || 7)
      case 'w': return String(wday)
      case 'q': return String(Math.floor(d.getUTCMonth() / 3) + 1)
      case 'U': return field(Math.floor((yday + 7 - wday) / 7), 2, '0', flag)
      case 'W': return field(Math.floor((yday + 7 - ((wday + 6) % 7)) / 7), 2, '0', flag)
      case 'V': return field(iso().w, 2, '0', flag)
      case 'G': return String(iso().y)
      case 'g': return field(iso().y % 100, 2, '0', flag)
      case 'z': return '+0000'
      case ':z': return '+00:00'
      case '::z': return '+00:00:00'
      case ':::z': return '+00'
      case 'Z': return 'UTC'
      case 'F': return strftime('%Y-%m-%d', ms)
      case 'T':
      case 'X': return strftime('%H:%M:%S', ms)
      case 'R': return strftime('%H:%M', ms)
      case 'r': return strftime('%I:%M:%S %p', ms)
      case 'D':
      case 'x': return strftime('%m/%d/%y', ms)
      case 'c': return strftime('%a %b %e %H:%M:%S %Y', ms)
      case '+': return strftime('%a %b %e %H:%M:%S UTC %Y', ms)
      default: return undefined
    }
  }
}
