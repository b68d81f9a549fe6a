import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatIpv4 } from '#base/ip.ts'
import { Sim } from '#engine/sim/sim.ts'
import type { Namespace } from '../namespace.ts'
import { parseCommand } from '../netfilter/parse.ts'
import { SimNetwork } from '../network.ts'
import type { Walk } from '../types.ts'
import { NftError } from './lexer.ts'

function lab() {
  const network = new SimNetwork(new Sim({ seed: 'nft', start: 0 }))
  const ns = network.createNamespace('lab')
  ns.setLink('lo', { up: true })
  return ns
}

/** left 10.0.0.1 ─ 10.0.0.254 router 10.1.0.254 ─ 10.1.0.1 and .2 right, which answers on 80 and 8080. */
function world() {
  const sim = new Sim({ seed: 'nft', start: 0 })
  const network = new SimNetwork(sim)
  const make = (name: string) => {
    const ns = network.createNamespace(name)
    ns.setLink('lo', { up: true })
    return ns
  }
  const [left, router, right] = [make('left'), make('router'), make('right')]
  const plug = (ns: Namespace, device: string, addresses: readonly string[], up: string, upAddress: string) => {
    ns.addLink(device, { kind: 'veth', peer: { name: up, namespace: router } })
    ns.setLink(device, { up: true })
    router.setLink(up, { up: true })
    for (const a of addresses) ns.addAddress(device, a)
    router.addAddress(up, upAddress)
    ns.addRoute({ to: 'default', via: upAddress.replace(/\/.*/, '') })
  }
  plug(left, 'eth0', ['10.0.0.1/24'], 'l', '10.0.0.254/24')
  plug(right, 'eth0', ['10.1.0.1/24', '10.1.0.2/24'], 'r', '10.1.0.254/24')
  router.setSysctl('net.ipv4.ip_forward', '1')
  for (const port of [80, 8080]) {
    right.sockets.tcpListen(0, port, (c) => {
      c.send(`${formatIpv4(c.localAddress)}:${port} saw ${formatIpv4(c.remoteAddress)}`)
      c.end()
    })
  }
  const ask = (to: string, port: number): string => {
    let answer = 'timeout'
    left.sockets.tcpConnect({ to: to.split('.').reduce((n, x) => n * 256 + Number(x), 0), port }, { onData: (t) => (answer = t), onError: (e) => (answer = e) })
    sim.runUntil(sim.now + 1500)
    return answer
  }
  return { sim, network, left, router, right, ask }
}

const list = (ns: Namespace, text = 'list ruleset') => ns.nftables.run(text)
const complaint = (ns: Namespace, text: string): string => {
  try {
    ns.nftables.run(text)
    return 'no error'
  } catch (error) {
    return error instanceof NftError ? error.problems.map((p) => `${p.message} @ ${p.span ? text.slice(p.span.from, p.span.to) : ''}`).join(' | ') : String(error)
  }
}

describe('listing', () => {
  test('rules come back in the words of nft', () => {
    const ns = lab()
    const rules: readonly (readonly [string, string])[] = [
      ['meta l4proto tcp tcp dport ssh accept', 'tcp dport 22 accept'],
      ['meta l4proto udp th dport 53', 'udp dport 53'],
      ['tcp dport { 443, http, 8000-8010 } ct state new,established counter accept', 'tcp dport { 80, 443, 8000-8010 } ct state established,new counter packets 0 bytes 0 accept'],
      ['ip saddr { 10.2.0.0/24, 10.2.1.0/24, 7.7.7.7 } drop', 'ip saddr { 7.7.7.7, 10.2.0.0/23 } drop'],
      ['ip saddr { 10.3.4.5/8 } drop', 'ip saddr 10.0.0.0/8 drop'],
      ['mark set mark or 0x10', 'meta mark set meta mark | 0x00000010'],
      ['mark and 0x10 == 0 return', 'meta mark & 0x00000010 == 0x00000000 return'],
      ['tcp flags & (syn|ack|rst) == syn', 'tcp flags syn / syn,rst,ack'],
      ['tcp flags & (fin|syn) == 0', 'tcp flags ! fin,syn'],
      ['limit rate 3/minute burst 5 packets reject with icmp type port-unreachable', 'limit rate 3/minute reject'],
      ['ip saddr & 255.255.0.0 == 10.4.0.0', 'ip saddr 10.4.0.0/16'],
      ['iif lo oifname eth* log level warn prefix "a b"', 'iif "lo" oifname "eth*" log prefix "a b"'],
      ['ip daddr . tcp dport vmap { 10.0.0.2 . 80 : drop, 10.0.0.1 . 443 : accept }', 'ip daddr . tcp dport vmap { 10.0.0.2 . 80 : drop, 10.0.0.1 . 443 : accept }'],
    ]
    ns.nftables.run('add table ip t; add chain ip t c')
    for (const [text] of rules) ns.nftables.run(`add rule ip t c ${text}`)
    expect(list(ns).split('\n').slice(2, -3).map((l) => l.trim())).toEqual(rules.map(([, shown]) => shown))
  })

  test('a listing can be read again', () => {
    const ns = lab()
    ns.nftables.run(`table inet f {
      comment "mine"
      set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 1.1.1.1 comment "one" } }
      map m { type inet_proto . inet_service : verdict; elements = { tcp . 80 comment "x" : goto web, udp . 53 : drop } }
      counter c { packets 3 bytes 4 }
      chain in { type filter hook input priority filter - 5; policy drop; meta l4proto . th dport vmap @m; ip saddr @s counter name "c" accept }
      chain web { accept }
    }`)
    const first = list(ns)
    ns.nftables.run(`flush ruleset\n${first}`)
    expect(list(ns)).toBe(first)
    expect(first).toContain('type filter hook input priority filter - 5; policy drop;')
  })

  test('handles count all objects of a table, and those of what failed are gone', () => {
    const ns = lab()
    ns.nftables.run('add table ip t; add chain ip t c; add rule ip t c tcp dport { 1, 2 } accept')
    complaint(ns, 'add rule ip t c jump nowhere')
    ns.nftables.run('insert rule ip t c drop')
    expect(ns.nftables.run('list chain ip t c', { handles: true })).toBe('table ip t {\n\tchain c { # handle 1\n\t\tdrop # handle 5\n\t\ttcp dport { 1, 2 } accept # handle 3\n\t}\n}\n')
  })
})

test('the same in JSON', () => {
  const ns = lab()
  ns.nftables.run('table inet f { set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 1.1.1.1-1.1.1.3 } }; chain c { type filter hook input priority -5; policy drop; ip saddr @s tcp dport { 22, 80-90 } ct state new,established counter accept comment "x"; mark set mark or 0x10 jump d }; chain d { }; }')
  const said = ns.nftables.run('list table inet f', { json: true })
  expect(said.startsWith('{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"table": ')).toBe(true)
  expect(JSON.parse(said).nftables.slice(2)).toEqual([
    { set: { family: 'inet', name: 's', table: 'f', type: 'ipv4_addr', handle: 3, flags: ['interval'], elem: [{ range: ['1.1.1.1', '1.1.1.3'] }, { prefix: { addr: '10.0.0.0', len: 8 } }] } },
    { chain: { family: 'inet', table: 'f', name: 'c', handle: 1, type: 'filter', hook: 'input', prio: -5, policy: 'drop' } },
    { chain: { family: 'inet', table: 'f', name: 'd', handle: 2 } },
    {
      rule: {
        family: 'inet', table: 'f', chain: 'c', handle: 5, comment: 'x',
        expr: [
          { match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '@s' } }, { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: { set: [22, { range: [80, 90] }] } } },
          { match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'new'] } }, { counter: { packets: 0, bytes: 0 } }, { accept: null },
        ],
      },
    },
    { rule: { family: 'inet', table: 'f', chain: 'c', handle: 6, expr: [{ mangle: { key: { meta: { key: 'mark' } }, value: { '|': [{ meta: { key: 'mark' } }, 16] } } }, { jump: { target: 'd' } }] } },
  ])
})

describe('refusals', () => {
  test('point at the words that are meant, and change nothing', () => {
    const ns = lab()
    ns.nftables.run('add table ip t; add chain ip t c; add chain ip t base { type filter hook input priority 0; }; add set ip t ports { type inet_service; }')
    const before = list(ns)
    expect([
      'add rule ip t c tcp dport nosuch', 'add rule ip t c tcp dport 80 udp sport 1', 'add rule ip t c accept drop', 'add rule ip t c jump base', 'add rule ip t c ip saddr @ports', 'add rule ip t c ip6 saddr ::1',
      'add rule ip t c dnat to 1.1.1.1:80', 'add rule ip t base masquerade', 'delete chain ip t d', 'add rule ip t c tcp dport', 'add table ip u; add rule ip u nosuch accept', 'create table ip t',
      'add chain ip t x { type nat hook output priority dstnat; }', 'add element ip t ports { 1-5 }', 'add rule ip v base drop',
    ].map((text) => complaint(ns, text))).toEqual([
      'Could not resolve service: Servname not supported for ai_socktype @ nosuch', 'conflicting protocols specified: tcp vs. udp @ udp sport', 'Statement after terminal statement has no effect @ drop', 'Could not process rule: Operation not supported @ base',
      'datatype mismatch, expected IPv4 address, expression has type internet network service @ @ports', 'conflicting protocols specified: ip vs. ip6 @ ip6 saddr', 'transport protocol mapping is only valid after transport protocol match @ 80',
      'Could not process rule: Operation not supported @ add rule ip t base masquerade', 'Could not process rule: No such file or directory @ d', 'syntax error, unexpected end of file @ ', 'Could not process rule: No such file or directory @ nosuch',
      'Could not process rule: File exists @ t', 'invalid priority expression value in this context. @ priority dstnat', "You must add 'flags interval' to your set declaration if you want to add range elements @ 1-5", 'No such file or directory; did you mean table ‘t’ in family ip? @ v',
    ])
    expect(list(ns)).toBe(before)
  })

  test('what is used cannot be deleted', () => {
    const ns = lab()
    ns.nftables.run('add table ip t; add chain ip t a; add chain ip t b; add set ip t s { type ipv4_addr; }; add map ip t m { type ipv4_addr : verdict; }; add rule ip t a ip saddr @s jump b; add element ip t m { 1.1.1.1 : goto a }')
    expect(['delete chain ip t b', 'delete chain ip t a', 'delete set ip t s'].map((text) => complaint(ns, text))).toEqual(Array.from({ length: 3 }, (_, i) => `Could not process rule: Device or resource busy @ ${'bas'[i]}`))
    ns.nftables.run('flush chain ip t a; delete chain ip t b; delete set ip t s; delete element ip t m { 1.1.1.1 }; delete chain ip t a')
    expect(list(ns)).toBe('table ip t {\n\tmap m {\n\t\ttype ipv4_addr : verdict\n\t}\n}\n')
  })
})

describe('packets', () => {
  test('a verdict map leads to a chain that translates, and the answer comes back', () => {
    const { router, ask } = world()
    router.nftables.run(`table ip p {
      map services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.1 . tcp . 80 : goto web } }
      chain pre { type nat hook prerouting priority dstnat; ip daddr . meta l4proto . th dport vmap @services }
      chain web { numgen random mod 2 vmap { 0 : goto one, 1 : goto two } }
      chain one { mark set mark or 0x4000; meta l4proto tcp dnat to 10.1.0.1:8080 }
      chain two { meta l4proto tcp dnat to 10.1.0.2:80 }
      chain post { type nat hook postrouting priority srcnat; mark and 0x4000 == 0 return; masquerade }
    }`)
    const seen = new Set(Array.from({ length: 20 }, () => ask('10.96.0.1', 80)))
    expect([...seen].sort()).toEqual(['10.1.0.1:8080 saw 10.1.0.254', '10.1.0.2:80 saw 10.0.0.1'])
  })

  test('drop, reject and policy; the trace names rule and element', () => {
    const { network, router, ask } = world()
    router.nftables.run(`table inet f {
      map gone { type ipv4_addr : verdict; elements = { 10.1.0.2 comment "shop/web" : goto refuse } }
      chain fwd { type filter hook forward priority 0; policy accept; ct state established,related accept; tcp dport 8080 drop; ip daddr vmap @gone }
      chain refuse { reject }
    }`)
    const walks: Walk[] = []
    network.observe((w) => walks.push(w))
    expect([ask('10.1.0.1', 80), ask('10.1.0.1', 8080), ask('10.1.0.2', 80)]).toEqual(['10.1.0.1:80 saw 10.0.0.1', 'timeout', 'ECONNREFUSED'])
    expect([...new Set(walks.map((w) => (w.verdict.kind === 'delivered' ? undefined : w.verdict.at.rule)).filter((r) => r !== undefined && r.startsWith('add rule')))]).toEqual([
      'add rule inet f fwd tcp dport 8080 drop', 'add rule inet f refuse reject # by 10.1.0.2 comment "shop/web" : goto refuse of @gone',
    ])
    router.nftables.run('flush chain inet f fwd; add chain inet f fwd { policy drop; }')
    expect(ask('10.1.0.1', 80)).toBe('timeout')
    expect(walks.at(-1)?.verdict).toMatchObject({ kind: 'dropped', at: { stage: 'forward:filter', rule: 'table inet f: chain fwd policy drop' } })
  })

  test('chains stand by priority among those of iptables, the youngest first where it is equal', () => {
    const { router, ask } = world()
    router.netfilter.apply(parseCommand(router, '-A FORWARD -p tcp --dport 80 -j REJECT'.split(' ')))
    expect(ask('10.1.0.1', 80)).toBe('ECONNREFUSED')
    router.nftables.run('table ip f { chain late { type filter hook forward priority 10; drop; } }')
    expect(ask('10.1.0.1', 80)).toBe('ECONNREFUSED')
    router.nftables.run('table ip f { chain same { type filter hook forward priority 0; drop; } }')
    expect(ask('10.1.0.1', 80)).toBe('timeout')
    router.nftables.run('delete table ip f')
    expect(ask('10.1.0.1', 80)).toBe('ECONNREFUSED')
  })

  test('rules that learn: elements with a lifetime, counters, limits', () => {
    const { sim, router, ask } = world()
    router.nftables.run(`table ip f {
      set seen { type ipv4_addr; flags dynamic,timeout; timeout 10s; }
      chain fwd { type filter hook forward priority 0; tcp dport 80 ct state new update @seen { ip saddr counter } ; tcp dport 8080 ct state new ip saddr != @seen drop; tcp dport 80 ct state new limit rate over 2/minute burst 2 packets drop }
    }`)
    expect([ask('10.1.0.1', 8080), ask('10.1.0.1', 80), ask('10.1.0.1', 8080), ask('10.1.0.1', 80), ask('10.1.0.1', 80)].map((a) => a.split(' ')[0])).toEqual(['timeout', '10.1.0.1:80', '10.1.0.1:8080', '10.1.0.1:80', 'timeout'])
    expect(list(router, 'list set ip f seen')).toMatch(/size 65535[\s\S]*elements = \{ 10\.0\.0\.1 counter packets \d+ bytes \d+ expires [89]s/)
    sim.runUntil(sim.now + 300_000)
    expect(list(router, 'list set ip f seen')).not.toContain('elements')
  })

  test('a look along the road leaves counters alone, and changes are told', () => {
    const { network, router } = world()
    let told = 0
    network.onTouched = () => told++
    router.nftables.run('table ip f { chain fwd { type filter hook forward priority 0; counter; } }')
    expect(told).toBeGreaterThan(0)
  })
})

test('an interval set holds what its prefixes and ranges hold', () => {
  const address = fc.integer({ min: 0, max: 0xffff }).map((n) => 0x0a000000 + n)
  fc.assert(fc.property(fc.array(fc.tuple(address, address), { maxLength: 6 }), address, (pairs, probe) => {
    const ns = lab()
    const ranges = pairs.map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const).filter(([a, b]) => a < b)
    if (ranges.length === 0) return
    ns.nftables.run(`add table ip t; add chain ip t c; add rule ip t c ip saddr { ${ranges.map(([a, b]) => `${formatIpv4(a)}-${formatIpv4(b)}`).join(', ')}, 11.0.0.1 } accept`)
    const shown = /\{ (.*), 11\.0\.0\.1 \}/.exec(list(ns))![1]!.split(', ').map((e) => {
      const [from, rest] = e.split(/[-/]/) as [string, string?]
      const start = from.split('.').reduce((n, x) => n * 256 + Number(x), 0)
      return rest === undefined ? [start, start] : e.includes('/') ? [start, start + 2 ** (32 - Number(rest)) - 1] : [start, rest.split('.').reduce((n, x) => n * 256 + Number(x), 0)]
    })
    expect(shown.some(([a, b]) => probe >= a! && probe <= b!)).toBe(ranges.some(([a, b]) => probe >= a && probe <= b))
    expect(shown.every(([a], i) => i === 0 || a! > shown[i - 1]![1]! + 1)).toBe(true)
  }), { numRuns: 60 })
})
