/** HMAC-SHA256 and the detached JSON web signature that bootstrap tokens sign with. */
import { decodeBytes, toBase64 } from './bytes.ts'
import { sha256 } from './sha.ts'

const block = 64

/** As bytes; `key` of at most 64 ASCII characters. */
export function hmacSha256(key: string, message: string): Uint8Array {
  const padded = (by: number) => Array.from({ length: block }, (_, i) => String.fromCharCode((i < key.length ? key.charCodeAt(i) : 0) ^ by)).join('')
  return sha256(padded(0x5c) + decodeBytes(sha256(padded(0x36) + message)))
}

const url = (text: string) => toBase64(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')

/** `HEADER..SIGNATURE` of a text, signed with a token's secret. */
export function detachedSignature(text: string, id: string, secret: string): string {
  const header = url(JSON.stringify({ alg: 'HS256', kid: id }))
  return `${header}..${url(decodeBytes(hmacSha256(secret, `${header}.${url(text)}`)))}`
}
