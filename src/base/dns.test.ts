import { expect, test } from 'vitest'
import { byteLength } from '#base/bytes.ts'
import { decodeDns, dnsFrame, dnsQuery, dnsReply, dnsUnframe, encodeDns } from '#base/dns.ts'

test('a query is as long as on a real wire', () => {
  expect(byteLength(encodeDns(dnsQuery(0xbeef, 'web.shop.svc.cluster.local.', 'A')))).toBe(44)
})
test('messages survive the wire, with names compressed', () => {
  const query = dnsQuery(4660, 'Web.shop.svc.cluster.local.', 'ANY', { edns: { udpSize: 1232, dnssecOk: false, version: 0, cookie: '0123456789abcdef' } })
  const name = 'Web.shop.svc.cluster.local.'
  const reply = dnsReply(query, {
    rcode: 0, authoritative: true,
    answers: [
      { name, type: 'A', class: 'IN', ttl: 30, data: '10.96.0.10' },
      { name, type: 'AAAA', class: 'IN', ttl: 30, data: 'fd00::a' },
      { name, type: 'CNAME', class: 'IN', ttl: 30, data: 'example.com.' },
      { name, type: 'SRV', class: 'IN', ttl: 30, data: '0 100 53 10-1-2-3.web.shop.svc.cluster.local.' },
      { name, type: 'TXT', class: 'IN', ttl: 30, data: '"dns-version=1.1.0" "a \\"b\\""' },
      { name, type: 'MX', class: 'IN', ttl: 30, data: '10 mail.example.com.' },
      { name, type: 'TYPE4711', class: 'IN', ttl: 1, data: '\\# 3 010203' },
    ],
    authority: [{ name: 'cluster.local.', type: 'SOA', class: 'IN', ttl: 30, data: 'ns.dns.cluster.local. hostmaster.cluster.local. 1690000000 7200 1800 86400 30' }],
    edns: { udpSize: 1232, dnssecOk: true, version: 0, extendedError: 15 },
  })
  expect(decodeDns(encodeDns(reply))).toEqual(reply)
  expect(decodeDns(encodeDns(query))).toEqual(query)
  const framed = dnsFrame(encodeDns(reply)) + dnsFrame(encodeDns(query))
  expect(dnsUnframe(framed)).toEqual({ messages: [encodeDns(reply), encodeDns(query)], rest: '' })
  expect(decodeDns('garbage')).toBeUndefined()
})
