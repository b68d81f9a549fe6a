/** Which devices a new default reaches, and values that the kernel refuses. */
import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { SimNetwork } from './network.ts'

const sim = new Sim({ seed: 's', start: 0 })

function namespace() {
  const ns = new SimNetwork(sim).createNamespace('a', { node: 'a' })
  for (const name of ['bare', 'written', 'addressed']) ns.addLink(name, { kind: 'dummy' })
  return ns
}

test('a new default reaches devices that were neither written nor given an address', () => {
  const ns = namespace()
  ns.setSysctl('net.ipv4.conf.written.rp_filter', '2')
  ns.addAddress('addressed', '10.0.0.1/24')
  ns.setSysctl('net.ipv4.conf.default.rp_filter', '1')
  expect(['bare', 'written', 'addressed', 'all'].map((name) => ns.sysctl(`net.ipv4.conf.${name}.rp_filter`))).toEqual(['1', '2', '0', '0'])
})

test('hops that packets start with', () => {
  const ns = namespace()
  for (const value of ['0', '256', 'x']) expect(() => ns.setSysctl('net.ipv4.ip_default_ttl', value)).toThrow()
  ns.setSysctl('net.ipv4.ip_default_ttl', '10')
  ns.setLink('lo', { up: true })
  const got: unknown[] = []
  ns.sockets.ping({ to: 0x7f000001, timeout: 1000 }, (result) => got.push(result.kind === 'reply' ? result.ttl : result.kind))
  sim.runUntil(sim.now + 1000)
  expect(got).toEqual([10])
})
