import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { FileTree } from '#engine/machine/tree.ts'
import { MountNamespace, View } from '#engine/machine/vfs.ts'
import { formatIp, parseIp, parseIpNet, formatIpNet } from './address.ts'
import { allocate, hostLocal } from './host-local.ts'
import { canonicalizeRanges } from './ranges.ts'
import { LeaseStore } from './store.ts'
import type { CniCall, CniHost, NetConf } from '../cni/types.ts'

function files() {
  const namespace = new MountNamespace(new FileTree())
  return new View({ namespace: () => namespace, credentials: () => ({ uid: 0, gid: 0, groups: [] }), cwd: () => '/', umask: () => 0o022, now: () => 0, pid: () => 1 })
}

function call(command: CniCall['command'], containerId: string, ipam: Record<string, unknown>, args = ''): CniCall {
  const conf: NetConf = { cniVersion: '1.0.0', name: 'pool', type: 'host-local', ipam: { type: 'host-local', ...ipam } }
  return { command, containerId, netns: '/var/run/netns/x', ifname: 'eth0', args, path: ['/opt/cni/bin'], conf }
}

describe('host-local', () => {
  test('goes round its range, and a freed address is not taken at once', () => {
    const fs = files()
    const host = { fs } as unknown as CniHost
    const ipam = { subnet: '10.9.0.0/29' }
    const add = (id: string) => hostLocal(call('ADD', id, ipam), host)!.ips![0]!.address
    expect([add('a'), add('b')]).toEqual(['10.9.0.2/29', '10.9.0.3/29'])
    hostLocal(call('DEL', 'a', ipam), host)
    expect([add('c'), add('d'), add('e'), add('f')]).toEqual(['10.9.0.4/29', '10.9.0.5/29', '10.9.0.6/29', '10.9.0.2/29'])
    expect(() => add('g')).toThrow('failed to allocate for range 0: no IP addresses available in range set: 10.9.0.1-10.9.0.6')
    expect(() => add('b')).toThrow('failed to allocate for range 0: 10.9.0.3 has been allocated to b, duplicate allocation is not allowed')
    expect(fs.readDir('/var/lib/cni/networks/pool')).toEqual(['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5', '10.9.0.6', 'last_reserved_ip.0', 'lock'])
    expect(fs.readFile('/var/lib/cni/networks/pool/10.9.0.3')).toBe('b\r\neth0')
  })

  test('one address out of each set, both families', () => {
    const host = { fs: files() } as unknown as CniHost
    const result = hostLocal(call('ADD', 'a', { ranges: [[{ subnet: '10.9.0.0/24', rangeStart: '10.9.0.7', rangeEnd: '10.9.0.8' }, { subnet: '10.8.0.0/24' }], [{ subnet: 'fd00:9::/64' }]] }), host)
    expect(result!.ips).toEqual([{ address: '10.9.0.7/24', gateway: '10.9.0.1' }, { address: 'fd00:9::2/64', gateway: 'fd00:9::1' }])
  })

  test('an address may be asked for', () => {
    const host = { fs: files() } as unknown as CniHost
    const ipam = { subnet: '10.9.0.0/24' }
    expect(hostLocal(call('ADD', 'a', ipam, 'IP=10.9.0.50'), host)!.ips![0]!.address).toBe('10.9.0.50/24')
    expect(() => hostLocal(call('ADD', 'b', ipam, 'IP=10.9.0.50'), host)).toThrow('requested IP address 10.9.0.50 is not available in range set 10.9.0.1-10.9.0.254')
    expect(() => hostLocal(call('ADD', 'b', ipam, 'IP=192.0.2.1'), host)).toThrow('failed to allocate all requested IPs: 192.0.2.1')
    expect(() => hostLocal(call('ADD', 'b', ipam, 'IP=10.9.0.1'), host)).toThrow("requested ip 10.9.0.1 is subnet's gateway")
    expect(() => hostLocal(call('ADD', 'b', ipam, 'IP=pear'), host)).toThrow('ARGS: error parsing value of pair "IP=pear": invalid IP address pear')
  })

  test('ranges that make no sense', () => {
    const text = (conf: object[][]) => {
      try {
        canonicalizeRanges(conf)
        return 'fine'
      } catch (error) {
        return (error as Error).message
      }
    }
    expect([
      text([]), text([[{ subnet: '10.9.0.0' }]]), text([[{ subnet: '10.9.0.7/24' }]]), text([[{ subnet: '10.9.0.0/31' }]]),
      text([[{ subnet: '10.9.0.0/24', rangeEnd: '10.8.0.1' }]]), text([[{ subnet: '10.9.0.0/24' }, { subnet: '10.9.0.0/25' }]]),
      text([[{ subnet: '10.9.0.0/24' }], [{ subnet: '10.9.0.128/25' }]]),
    ]).toEqual([
      'no IP ranges specified', 'invalid CIDR address: 10.9.0.0', 'invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.9.0.0',
      'invalid range set 0: Network 10.9.0.0/31 too small to allocate from', 'invalid range set 0: RangeEnd 10.8.0.1 not in network 10.9.0.0/24',
      'invalid range set 0: subnets 10.9.0.1-10.9.0.254 and 10.9.0.1-10.9.0.126 overlap', 'range set 0 overlaps with 1',
    ])
  })

  test('never two holders of one address, and every address is given before the pool is exhausted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 26, max: 30 }), fc.array(fc.nat(9), { maxLength: 80 }), (length, moves) => {
        const set = canonicalizeRanges([[{ subnet: `10.9.0.0/${length}` }]])[0]!
        const store = new LeaseStore(files(), 'p')
        const held = new Map<number, string>()
        for (const who of moves) {
          if (held.has(who)) {
            store.release(`c${who}`, 'eth0')
            held.delete(who)
          } else {
            const room = 2 ** (32 - length) - 3
            if (held.size < room) held.set(who, allocate(store, set, 0, `c${who}`, 'eth0').address)
            else expect(() => allocate(store, set, 0, `c${who}`, 'eth0')).toThrow('no IP addresses available')
          }
          expect(new Set(held.values()).size).toBe(held.size)
        }
      }),
      { numRuns: 40 },
    )
  })
})

test('addresses print as Go prints them', () => {
  expect(['2001:db8:1::0', '::1', '1:0:0:2:0:0:0:3', '::ffff:10.1.2.3', '10.0.0.7'].map((t) => formatIp(parseIp(t)!))).toEqual(['2001:db8:1::', '::1', '1:0:0:2::3', '10.1.2.3', '10.0.0.7'])
  expect(formatIpNet(parseIpNet('10.0.0.7/8')!)).toBe('10.0.0.7/8')
})
