/**
 * DNS messages (RFC 1035, EDNS0 of RFC 6891) in their real wire format, held in strings as #base/bytes.ts describes, so that sizes,
 * truncation and TCP framing are the real ones. Record data travels in presentation form ("10 mail.example.").
 * Leaves out: DNSSEC record types (they are carried as raw RFC 3597 `\# n hex`).
 */
import { decodeBytes, encodeBytes } from './bytes.ts'
import { formatIpv4, parseIpv4, parseIpv6 } from './ip.ts'

export interface DnsQuestion {
  /** Fully qualified, with the final dot, case kept. `\.` and `\DDD` escapes in labels. */
  readonly name: string
  /** `A`, `AAAA`, `SRV` …, or `TYPE123`. */
  readonly type: string
  /** `IN`, `CH` …, or `CLASS12`. */
  readonly class: string
}

export interface DnsRecord extends DnsQuestion {
  /** Seconds. */
  readonly ttl: number
  /** Presentation form: A `10.0.0.1`, SRV `0 100 53 target.`, TXT `"a" "b"`, SOA `ns. mail. 1 7200 1800 86400 5`. */
  readonly data: string
}

export interface DnsMessage {
  readonly id: number
  /** True for an answer (QR). */
  readonly response: boolean
  readonly opcode: number
  /** AA */
  readonly authoritative: boolean
  /** TC */
  readonly truncated: boolean
  /** RD */
  readonly recursionDesired: boolean
  /** RA */
  readonly recursionAvailable: boolean
  /** AD */
  readonly authenticData: boolean
  /** CD */
  readonly checkingDisabled: boolean
  readonly rcode: number
  readonly questions: readonly DnsQuestion[]
  readonly answers: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
  readonly additional: readonly DnsRecord[]
  /** The OPT pseudo record, where there is one. `cookie`: hex. */
  readonly edns?: DnsEdns
}

export interface DnsEdns {
  readonly udpSize: number
  readonly dnssecOk: boolean
  readonly version: number
  readonly cookie?: string
  /** Code of an Extended DNS Error (RFC 8914), without text. */
  readonly extendedError?: number
}

export const dnsTypes: Readonly<Record<string, number>> = {
  A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, MX: 15, TXT: 16, AAAA: 28, LOC: 29, SRV: 33, NAPTR: 35, DNAME: 39, DS: 43, RRSIG: 46, NSEC: 47, DNSKEY: 48, TLSA: 52,
  SVCB: 64, HTTPS: 65, SPF: 99, IXFR: 251, AXFR: 252, ANY: 255, CAA: 257,
}
const typeNames = new Map(Object.entries(dnsTypes).map(([k, v]) => [v, k]))
const classes: Readonly<Record<string, number>> = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 }
const classNames = new Map(Object.entries(classes).map(([k, v]) => [v, k]))

/** Response codes as dig prints them, by number. */
export const dnsRcodes: readonly string[] = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN', 'YXRRSET', 'NXRRSET', 'NOTAUTH', 'NOTZONE']

export const rcode = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const

/** A query for one name: recursion desired, no EDNS. */
export function dnsQuery(id: number, name: string, type: string, options: { readonly class?: string; readonly recursion?: boolean; readonly edns?: DnsEdns } = {}): DnsMessage {
  return {
    id, response: false, opcode: 0, authoritative: false, truncated: false, recursionDesired: options.recursion ?? true, recursionAvailable: false,
    authenticData: false, checkingDisabled: false, rcode: 0, questions: [{ name, type, class: options.class ?? 'IN' }], answers: [], authority: [], additional: [],
    ...(options.edns && { edns: options.edns }),
  }
}

/** An empty answer to a query; overwrite what is to be said. */
export function dnsReply(query: DnsMessage, fields: Partial<DnsMessage> = {}): DnsMessage {
  const { edns: _, ...rest } = query
  return { ...rest, response: true, authoritative: false, truncated: false, authenticData: false, answers: [], authority: [], additional: [], rcode: 0, ...fields }
}

/** Labels of a name in presentation form, unescaped to bytes-as-latin1. */
function labelsOf(name: string): string[] {
  const labels: string[] = []
  let label = ''
  for (let i = 0; i < name.length; i++) {
    const c = name[i]!
    if (c === '\\') {
      const digits = /^\d{3}/.exec(name.slice(i + 1))
      if (digits) {
        label += String.fromCharCode(Number(digits[0]) & 255)
        i += 3
      } else label += name[++i] ?? ''
    } else if (c === '.') {
      if (label !== '') labels.push(label)
      label = ''
    } else label += c
  }
  if (label !== '') labels.push(label)
  return labels
}

function labelText(bytes: ArrayLike<number>): string {
  let out = ''
  for (let i = 0; i < bytes.length; i++) {
    const b = bytes[i]!
    const c = String.fromCharCode(b)
    if ('."\\();@$'.includes(c)) out += '\\' + c
    else if (b < 0x21 || b > 0x7e) out += '\\' + String(b).padStart(3, '0')
    else out += c
  }
  return out
}

class Writer {
  readonly bytes: number[] = []
  readonly #names = new Map<string, number>()

  u8(n: number): void {
    this.bytes.push(n & 255)
  }
  u16(n: number): void {
    this.bytes.push((n >> 8) & 255, n & 255)
  }
  u32(n: number): void {
    this.bytes.push((n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255)
  }
  name(name: string, compress = true): void {
    const labels = labelsOf(name)
    for (let i = 0; i < labels.length; i++) {
      const key = labels.slice(i).join('\0')
      const at = this.#names.get(key)
      if (compress && at !== undefined) return this.u16(0xc000 | at)
      if (this.bytes.length < 0x4000 && at === undefined) this.#names.set(key, this.bytes.length)
      const label = labels[i]!
      const raw = [...label].every((c) => c.charCodeAt(0) < 256) ? [...label].map((c) => c.charCodeAt(0)) : [...encodeBytes(label)]
      this.u8(Math.min(63, raw.length))
      this.bytes.push(...raw.slice(0, 63))
    }
    this.u8(0)
  }
  string(text: string): void {
    const raw = encodeBytes(text)
    this.u8(raw.length)
    this.bytes.push(...raw)
  }
}

/** The quoted or bare words of presentation data. */
export function dnsWords(data: string): string[] {
  const words: string[] = []
  const re = /"((?:[^"\\]|\\.)*)"|(\S+)/g
  for (let m = re.exec(data); m; m = re.exec(data)) words.push(m[1] !== undefined ? m[1].replace(/\\(\d{3})/g, (_, d: string) => String.fromCharCode(Number(d))).replace(/\\(.)/g, '$1') : m[2]!)
  return words
}

function writeData(w: Writer, type: string, data: string): void {
  const words = dnsWords(data)
  const raw = /^\\# \d+ ?([0-9a-fA-F ]*)$/.exec(data)
  if (raw) {
    const hex = raw[1]!.replaceAll(' ', '')
    for (let i = 0; i + 1 < hex.length; i += 2) w.u8(parseInt(hex.slice(i, i + 2), 16))
    return
  }
  switch (type) {
    case 'A':
      return w.u32(parseIpv4(data) ?? 0)
    case 'AAAA': {
      const ip = parseIpv6(data) ?? 0n
      for (let shift = 112n; shift >= 0n; shift -= 16n) w.u16(Number((ip >> shift) & 0xffffn))
      return
    }
    case 'NS': case 'CNAME': case 'PTR':
      return w.name(data)
    case 'DNAME':
      return w.name(data, false)
    case 'MX':
      w.u16(Number(words[0]))
      return w.name(words[1] ?? '.')
    case 'SRV':
      for (let i = 0; i < 3; i++) w.u16(Number(words[i]))
      return w.name(words[3] ?? '.', false)
    case 'SOA':
      w.name(words[0] ?? '.')
      w.name(words[1] ?? '.')
      for (let i = 2; i < 7; i++) w.u32(Number(words[i] ?? 0))
      return
    case 'NAPTR':
      w.u16(Number(words[0]))
      w.u16(Number(words[1]))
      for (let i = 2; i < 5; i++) w.string(words[i] ?? '')
      return w.name(words[5] ?? '.', false)
    case 'CAA':
      w.u8(Number(words[0]))
      w.string(words[1] ?? '')
      w.bytes.push(...encodeBytes(words[2] ?? ''))
      return
    default:
      for (const word of words) w.string(word)
  }
}

/** The message on the wire (UDP payload). For TCP put `dnsFrame` around it. */
export function encodeDns(m: DnsMessage): string {
  const w = new Writer()
  w.u16(m.id)
  w.u16((m.response ? 0x8000 : 0) | (m.opcode << 11) | (m.authoritative ? 0x400 : 0) | (m.truncated ? 0x200 : 0) | (m.recursionDesired ? 0x100 : 0) | (m.recursionAvailable ? 0x80 : 0)
    | (m.authenticData ? 0x20 : 0) | (m.checkingDisabled ? 0x10 : 0) | (m.rcode & 15))
  w.u16(m.questions.length)
  w.u16(m.answers.length)
  w.u16(m.authority.length)
  w.u16(m.additional.length + (m.edns ? 1 : 0))
  for (const q of m.questions) {
    w.name(q.name)
    w.u16(typeNumber(q.type))
    w.u16(classes[q.class] ?? Number(q.class.slice(5)))
  }
  for (const r of [...m.answers, ...m.authority, ...m.additional]) {
    w.name(r.name)
    w.u16(typeNumber(r.type))
    w.u16(classes[r.class] ?? Number(r.class.slice(5)))
    w.u32(r.ttl)
    const at = w.bytes.length
    w.u16(0)
    writeData(w, r.type, r.data)
    const length = w.bytes.length - at - 2
    w.bytes[at] = length >> 8
    w.bytes[at + 1] = length & 255
  }
  if (m.edns) {
    w.u8(0)
    w.u16(41)
    w.u16(m.edns.udpSize)
    w.u32(((m.rcode >> 4) << 24) | (m.edns.version << 16) | (m.edns.dnssecOk ? 0x8000 : 0))
    const cookie = m.edns.cookie ?? ''
    w.u16((cookie ? 4 + cookie.length / 2 : 0) + (m.edns.extendedError === undefined ? 0 : 6))
    if (cookie) {
      w.u16(10)
      w.u16(cookie.length / 2)
      for (let i = 0; i < cookie.length; i += 2) w.u8(parseInt(cookie.slice(i, i + 2), 16))
    }
    if (m.edns.extendedError !== undefined) for (const n of [15, 2, m.edns.extendedError]) w.u16(n)
  }
  return decodeBytes(w.bytes)
}

function typeNumber(type: string): number {
  return dnsTypes[type] ?? Number(type.slice(4))
}

class Reader {
  at = 0
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  u8(): number {
    const b = this.bytes[this.at++]
    if (b === undefined) throw new RangeError('short message')
    return b
  }
  u16(): number {
    return (this.u8() << 8) | this.u8()
  }
  u32(): number {
    return this.u16() * 65536 + this.u16()
  }
  name(): string {
    let out = ''
    let jumped: number | undefined
    for (let hops = 0; hops < 128; hops++) {
      const n = this.u8()
      if (n === 0) break
      if (n >= 0xc0) {
        const to = ((n & 0x3f) << 8) | this.u8()
        jumped ??= this.at
        this.at = to
        continue
      }
      out += labelText(this.bytes.slice(this.at, this.at + n)) + '.'
      this.at += n
    }
    if (jumped !== undefined) this.at = jumped
    return out === '' ? '.' : out
  }
  string(): string {
    const n = this.u8()
    this.at += n
    return quote(this.bytes.slice(this.at - n, this.at))
  }
}

function quote(bytes: ArrayLike<number>): string {
  let out = '"'
  for (let i = 0; i < bytes.length; i++) {
    const b = bytes[i]!
    const c = String.fromCharCode(b)
    out += c === '"' || c === '\\' ? '\\' + c : b < 0x20 || b > 0x7e ? '\\' + String(b).padStart(3, '0') : c
  }
  return out + '"'
}

/** RFC 5952 text of an IPv6 address. */
export function formatIpv6(ip: bigint): string {
  const groups = [...Array(8).keys()].map((i) => Number((ip >> BigInt(112 - 16 * i)) & 0xffffn))
  let best = { at: -1, length: 1 }
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (i + n < 8 && groups[i + n] === 0) n++
    if (n > best.length) best = { at: i, length: n }
  }
  const hex = groups.map((g) => g.toString(16))
  if (best.at < 0) return hex.join(':')
  return hex.slice(0, best.at).join(':') + '::' + hex.slice(best.at + best.length).join(':')
}

type DataReader = (r: Reader, end: number) => string

const readName: DataReader = (r) => r.name()

const readWords: DataReader = (r, end) => {
  const words: string[] = []
  while (r.at < end) words.push(r.string())
  return words.join(' ')
}

/** How the data of each record type is written; the others stay raw. */
const dataReaders: Readonly<Record<string, DataReader>> = {
  A: (r) => formatIpv4(r.u32()),
  AAAA: (r) => {
    let ip = 0n
    for (let i = 0; i < 8; i++) ip = (ip << 16n) | BigInt(r.u16())
    return formatIpv6(ip)
  },
  NS: readName,
  CNAME: readName,
  PTR: readName,
  DNAME: readName,
  MX: (r) => `${r.u16()} ${r.name()}`,
  SRV: (r) => `${r.u16()} ${r.u16()} ${r.u16()} ${r.name()}`,
  SOA: (r) => `${r.name()} ${r.name()} ${r.u32()} ${r.u32()} ${r.u32()} ${r.u32()} ${r.u32()}`,
  NAPTR: (r) => `${r.u16()} ${r.u16()} ${r.string()} ${r.string()} ${r.string()} ${r.name()}`,
  CAA: (r, end) => {
    const flags = r.u8()
    const n = r.u8()
    const tag = decodeBytes(r.bytes.slice(r.at, r.at + n))
    r.at += n
    return `${flags} ${tag} ${quote(r.bytes.slice(r.at, end))}`
  },
  TXT: readWords,
  SPF: readWords,
  HINFO: readWords,
}

function readData(r: Reader, type: string, length: number): string {
  const end = r.at + length
  const known = dataReaders[type]
  if (known) return known(r, end)
  return `\\# ${length} ${[...r.bytes.slice(r.at, end)].map((b) => b.toString(16).padStart(2, '0')).join('').toUpperCase()}`.trimEnd()
}

/** The message that these bytes are, or undefined where they are none. */
export function decodeDns(text: string): DnsMessage | undefined {
  const r = new Reader(encodeBytes(text))
  try {
    const id = r.u16()
    const flags = r.u16()
    const counts = [r.u16(), r.u16(), r.u16(), r.u16()]
    const type = (n: number) => typeNames.get(n) ?? `TYPE${n}`
    const cls = (n: number) => classNames.get(n) ?? `CLASS${n}`
    const questions: DnsQuestion[] = []
    for (let i = 0; i < counts[0]!; i++) questions.push({ name: r.name(), type: type(r.u16()), class: cls(r.u16()) })
    let edns: DnsEdns | undefined
    let high = 0
    const sections = [1, 2, 3].map((section) => {
      const records: DnsRecord[] = []
      for (let i = 0; i < counts[section]!; i++) {
        const name = r.name()
        const t = r.u16()
        const c = r.u16()
        const ttl = r.u32()
        const length = r.u16()
        const end = r.at + length
        if (t === 41) {
          high = ttl >>> 24
          let cookie: string | undefined
          let extendedError: number | undefined
          while (r.at + 4 <= end) {
            const option = r.u16()
            const n = r.u16()
            if (option === 10) cookie = [...r.bytes.slice(r.at, r.at + n)].map((b) => b.toString(16).padStart(2, '0')).join('')
            if (option === 15 && n >= 2) extendedError = (r.bytes[r.at]! << 8) | r.bytes[r.at + 1]!
            r.at += n
          }
          edns = { udpSize: c, dnssecOk: (ttl & 0x8000) !== 0, version: (ttl >>> 16) & 255, ...(cookie !== undefined && { cookie }), ...(extendedError !== undefined && { extendedError }) }
        } else records.push({ name, type: type(t), class: cls(c), ttl, data: readData(r, type(t), length) })
        r.at = end
      }
      return records
    })
    const bit = (b: number) => (flags & b) !== 0
    return {
      id, response: bit(0x8000), opcode: (flags >> 11) & 15, authoritative: bit(0x400), truncated: bit(0x200), recursionDesired: bit(0x100), recursionAvailable: bit(0x80),
      authenticData: bit(0x20), checkingDisabled: bit(0x10), rcode: (flags & 15) | (high << 4), questions, answers: sections[0]!, authority: sections[1]!, additional: sections[2]!,
      ...(edns && { edns }),
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** A message as it travels over TCP: two bytes of length before it. */
export function dnsFrame(message: string): string {
  const bytes = encodeBytes(message)
  return decodeBytes([bytes.length >> 8, bytes.length & 255, ...bytes])
}

/** Takes whole messages off what came over TCP so far; the rest stays for the next call. */
export function dnsUnframe(stream: string): { readonly messages: readonly string[]; readonly rest: string } {
  const bytes = encodeBytes(stream)
  const messages: string[] = []
  let at = 0
  while (at + 2 <= bytes.length) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!
    if (at + 2 + length > bytes.length) break
    messages.push(decodeBytes(bytes.subarray(at + 2, at + 2 + length)))
    at += 2 + length
  }
  return { messages, rest: decodeBytes(bytes.subarray(at)) }
}
