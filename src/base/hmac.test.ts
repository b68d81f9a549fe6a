import { expect, test } from 'vitest'
import { detachedSignature, hmacSha256 } from './hmac.ts'
import { hex } from './sha.ts'

test('RFC 4231, case 2', () => {
  expect(hex(hmacSha256('Jefe', 'what do ya want for nothing?'))).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
})

test('a detached signature names its token', () => {
  const [header, body] = detachedSignature('text', 'abcdef', '0123456789abcdef').split('.')
  expect(Buffer.from(header!, 'base64url').toString()).toBe('{"alg":"HS256","kid":"abcdef"}')
  expect(body).toBe('')
})
