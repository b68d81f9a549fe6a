import { expect, test } from 'vitest'
import fc from 'fast-check'
import { cidr4, cidrContains, formatIpv4, ipv4, parseCidr4, parseIpv4, parseIpv6 } from '#base/ip.ts'
import { byteLength, decodeBytes, encodeBytes, fromBase64, toBase64 } from '#base/bytes.ts'

test('addresses survive printing and parsing', () => {
  fc.assert(fc.property(fc.nat(0xffffffff), (n) => parseIpv4(formatIpv4(n)) === n))
})
test('what is not an address is refused', () => {
  expect(['1.2.3', '1.2.3.256', '01.2.3.4', 'a.b.c.d', '1.2.3.4.5', ''].map(parseIpv4)).toEqual(Array(6).fill(undefined))
  expect(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08'].map(parseCidr4)).toEqual(Array(3).fill(undefined))
})
test('a prefix contains its addresses only', () => {
  expect(cidrContains(cidr4('10.244.1.0/24'), ipv4('10.244.1.255'))).toBe(true)
  expect(cidrContains(cidr4('10.244.1.0/24'), ipv4('10.244.2.0'))).toBe(false)
  expect(cidrContains(cidr4('0.0.0.0/0'), ipv4('255.255.255.255'))).toBe(true)
})
test('IPv6 in its textual forms', () => {
  expect([parseIpv6('::'), parseIpv6('::1'), parseIpv6('fe80::1:2'), parseIpv6('::ffff:1.2.3.4')]).toEqual([0n, 1n, 0xfe80n << 112n | 0x10002n, 0xffff01020304n])
  expect(['1::2::3', '12345::', ':::', '1:2:3:4:5:6:7'].map(parseIpv6)).toEqual(Array(4).fill(undefined))
})
test('every byte sequence survives being a string', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const text = decodeBytes(bytes)
    expect([...encodeBytes(text)]).toEqual([...bytes])
    expect(byteLength(text)).toBe(bytes.length)
    expect(fromBase64(toBase64(text))).toBe(text)
  }))
  expect(encodeBytes('é€😀')).toEqual(new TextEncoder().encode('é€😀'))
})
