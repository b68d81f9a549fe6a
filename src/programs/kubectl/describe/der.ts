/** The subject of a PKCS#10 request in DER, as real tools write it: common name, organizations, serial number. Everything else is passed over. */
import { encodeBytes } from '#base/bytes.ts'

interface Element {
  readonly tag: number
  readonly from: number
  readonly to: number
}

function read(bytes: Uint8Array, at: number): Element | undefined {
  const tag = bytes[at]
  let length = bytes[at + 1]
  if (tag === undefined || length === undefined) return undefined
  let from = at + 2
  if (length & 0x80) {
    const n = length & 0x7f
    length = 0
    for (let i = 0; i < n; i++) length = length * 256 + (bytes[from++] ?? 0)
  }
  return from + length <= bytes.length ? { tag, from, to: from + length } : undefined
}

function children(bytes: Uint8Array, parent: Element): Element[] {
  const out: Element[] = []
  for (let at = parent.from; at < parent.to; ) {
    const e = read(bytes, at)
    if (!e) break
    out.push(e)
    at = e.to
  }
  return out
}

const attributes: Readonly<Record<string, 'commonName' | 'serialNumber' | 'organization'>> = { '85,4,3': 'commonName', '85,4,5': 'serialNumber', '85,4,10': 'organization' }

export interface Subject {
  readonly commonName: string
  readonly serialNumber: string
  readonly organizations: readonly string[]
}

/** `der`: the bytes as a string of #base/bytes.ts. */
export function requestSubject(der: string): Subject | undefined {
  const bytes = encodeBytes(der)
  const top = read(bytes, 0)
  const info = top && children(bytes, top)[0]
  const name = info && children(bytes, info)[1]
  if (name?.tag !== 0x30) return undefined
  const found = { commonName: '', serialNumber: '', organizations: [] as string[] }
  for (const set of children(bytes, name)) {
    for (const pair of children(bytes, set)) {
      const [oid, value] = children(bytes, pair)
      if (!oid || !value) continue
      const key = attributes[[...bytes.slice(oid.from, oid.to)].join(',')]
      const text = [...bytes.slice(value.from, value.to)].map((b) => String.fromCharCode(b)).join('')
      if (key === 'organization') found.organizations.push(text)
      else if (key) found[key] = text
    }
  }
  return found
}
