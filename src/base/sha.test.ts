import { expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { base32, hex, sha1, sha256, sha512 } from '#base/sha.ts'

test.each([['sha1', sha1], ['sha256', sha256], ['sha512', sha512]] as const)('%s agrees with the library on lengths around its block', (name, hash) => {
  for (const n of [0, 1, 3, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 300]) {
    const text = 'é' + 'k'.repeat(n)
    expect(hex(hash(text))).toBe(createHash(name).update(text).digest('hex'))
  }
})
test('base32 of a digest names a service chain', () => {
  expect(base32(sha256('ns1/svc1:p80tcp')).slice(0, 16)).toBe('XPGD46QRK7WJZT7O')
})
