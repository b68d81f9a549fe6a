/** A request that openssl made: `openssl req -new -key … -subj /O=devs/O=ops/CN=jane -addext subjectAltName=DNS:a.test,IP:10.1.2.3`, a small key. */
import { expect, test } from 'vitest'
import { readDerRequest } from './der.ts'

const pem = `-----BEGIN CERTIFICATE REQUEST-----
MIIBEDCBuAIBADAsMQ0wCwYDVQQKDARkZXZzMQwwCgYDVQQKDANvcHMxDTALBgNV
BAMMBGphbmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQM4Yx1cAmSPDPow37g
q5XKYG41kO9FZD3+ESkPWiShKi1rW5MljIIqfZDWQ81VxuqqNKM8rU4gEC6A+f3b
dodFoCowKAYJKoZIhvcNAQkOMRswGTAXBgNVHREEEDAOggZhLnRlc3SHBAoBAgMw
CgYIKoZIzj0EAwIDRwAwRAIgNm5LDQHavsLWaBwjnWlJNVdlILr/o3ZBB7sWZKyU
UpICIDpZRf7ZY0+pcZf4kcuSriKXLq/9U9aIdhSCocHvfE/f
-----END CERTIFICATE REQUEST-----
`

test('subject and alternative names', () => {
  expect(readDerRequest(pem)).toEqual({ commonName: 'jane', organizations: ['devs', 'ops'], dnsNames: ['a.test'], ipAddresses: ['10.1.2.3'] })
  expect(readDerRequest('-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n')).toBeUndefined()
})
