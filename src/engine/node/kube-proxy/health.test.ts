import { expect, test } from 'vitest'
import { ProxyHealth } from './health.ts'

test('a change that is not written in time makes the proxy unhealthy, until a sync succeeds', () => {
  let [now, eligible] = [1000, true]
  const health = new ProxyHealth({ now: () => now, timeout: 60_000, nodeEligible: () => eligible })
  const codes = () => [health.answer(true).status, health.answer(false).status]
  expect(codes()).toEqual([200, 200])
  health.queued()
  now += 30_000
  health.queued()
  now += 29_999
  expect(codes()).toEqual([200, 200])
  now += 1
  expect(codes()).toEqual([503, 503])
  health.updated()
  expect(codes()).toEqual([200, 200])
  eligible = false
  expect(codes()).toEqual([503, 200])
  expect(JSON.parse(health.answer(true).body!)).toEqual({
    lastUpdated: '1970-01-01T00:01:01.000000000 +0000 UTC', currentTime: '1970-01-01T00:01:01.000000000 +0000 UTC', nodeEligible: false, healthy: true,
    status: { IPv4: { lastUpdated: '1970-01-01T00:01:01.000000000 +0000 UTC', healthy: true }, IPv6: { lastUpdated: '1970-01-01T00:01:01.000000000 +0000 UTC', healthy: true } },
  })
})
