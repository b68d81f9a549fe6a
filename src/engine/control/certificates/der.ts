/** Facts of a PKCS #10 certificate request in DER, as `openssl req` makes them elsewhere (RFC 2986): subject and subjectAltNames. The signature is not checked. */
import { decodeBytes, encodeBytes, fromBase64 } from '#base/bytes.ts'
import { formatIpv4 } from '#base/ip.ts'
import type { RequestFacts } from '../controller.ts'

interface Node {
  readonly tag: number
  readonly bytes: Uint8Array
}

const sequence = 0x30
const commonName = '550403'
const organization = '55040a'
const extensionRequest = '2a864886f70d01090e'
const subjectAltName = '551d11'
const hex = (bytes: Uint8Array) => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')

/** The values in `bytes` one after the other; undefined when they are not DER. */
function nodesOf(bytes: Uint8Array): Node[] | undefined {
  const out: Node[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at]!
    let length = bytes[at + 1] ?? -1
    at += 2
    if (length > 0x84) return undefined
    if (length > 0x80) {
      const count = length & 0x7f
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] ?? 0)
    }
    if (length < 0 || at + length > bytes.length) return undefined
    out.push({ tag, bytes: bytes.subarray(at, at + length) })
    at += length
  }
  return out
}

const inside = (node: Node | undefined): Node[] => (node ? (nodesOf(node.bytes) ?? []) : [])

/** undefined: not such a request. */
export function readDerRequest(pem: string): RequestFacts | undefined {
  const body = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\s\S]*?)-----END/.exec(pem)?.[1]
  const text = body === undefined ? undefined : fromBase64(body.replace(/\s/g, ''))
  if (text === undefined) return undefined
  const request = nodesOf(encodeBytes(text))?.[0]
  if (request?.tag !== sequence) return undefined
  const [, subject, , attributes] = inside(inside(request)[0])
  if (subject?.tag !== sequence) return undefined
  const names = inside(subject).flatMap((set) => inside(set)).map((pair) => inside(pair)).map(([oid, value]) => [hex(oid?.bytes ?? new Uint8Array()), decodeBytes(value?.bytes ?? [])] as const)
  const dnsNames: string[] = []
  const ipAddresses: string[] = []
  for (const attribute of inside(attributes)) {
    const [oid, values] = inside(attribute)
    if (hex(oid?.bytes ?? new Uint8Array()) !== extensionRequest) continue
    for (const extension of inside(inside(values)[0])) {
      const parts = inside(extension)
      if (hex(parts[0]?.bytes ?? new Uint8Array()) !== subjectAltName) continue
      for (const name of inside(inside(parts.at(-1))[0])) {
        if (name.tag === 0x82) dnsNames.push(decodeBytes(name.bytes))
        if (name.tag === 0x87) ipAddresses.push(name.bytes.length === 4 ? formatIpv4(new DataView(name.bytes.buffer, name.bytes.byteOffset, 4).getUint32(0)) : hex(name.bytes).replace(/(.{4})(?=.)/g, '$1:'))
      }
    }
  }
  return { commonName: names.findLast(([oid]) => oid === commonName)?.[1] ?? '', organizations: names.filter(([oid]) => oid === organization).map(([, v]) => v), dnsNames, ipAddresses }
}
