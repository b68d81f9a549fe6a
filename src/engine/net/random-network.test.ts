/**
 * Random networks: routers in a ring or tree with random (also senseless) routes and rules, hosts behind them. Whatever is configured, packets
 * end only where their destination is, translations are undone for answers, walks end, connection entries go away, and a seed replays itself.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatIpv4, ipv4 } from '#base/ip.ts'
import { Sim } from '#engine/sim/sim.ts'
import { parseCommand } from './netfilter/parse.ts'
import { NetError } from './error.ts'
import type { Namespace } from './namespace.ts'
import { SimNetwork } from './network.ts'
import type { Walk } from './types.ts'

interface Plan {
  readonly seed: number
  readonly routers: number
  /** Extra links between routers. */
  readonly links: readonly (readonly [number, number])[]
  /** [router, destination host, next router]. */
  readonly routes: readonly (readonly [number, number, number])[]
  readonly rules: readonly (readonly [router: number, kind: number, host: number, port: number, other: number])[]
  readonly sends: readonly (readonly [from: number, to: number, port: number, kind: number])[]
  readonly bridged: boolean
}

const small = fc.nat({ max: 5 })
const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  routers: fc.integer({ min: 2, max: 5 }),
  links: fc.array(fc.tuple(small, small), { maxLength: 4 }),
  routes: fc.array(fc.tuple(small, small, small), { maxLength: 8 }),
  rules: fc.array(fc.tuple(small, fc.nat({ max: 11 }), small, fc.nat({ max: 2 }), small), { maxLength: 8 }),
  sends: fc.array(fc.tuple(small, small, fc.nat({ max: 2 }), fc.nat({ max: 2 })), { minLength: 1, maxLength: 8 }),
  bridged: fc.boolean(),
})

class World {
  readonly sim: Sim
  readonly network: SimNetwork
  readonly routers: Namespace[] = []
  readonly hosts: Namespace[] = []
  readonly answers: string[] = []

  constructor(plan: Plan) {
    this.sim = new Sim({ seed: plan.seed, start: 0 })
    this.network = new SimNetwork(this.sim)
    for (let i = 0; i < plan.routers; i++) this.routers.push(this.#namespace(`r${i}`, true))
    for (let i = 0; i < plan.routers; i++) this.hosts.push(this.#host(i, plan.bridged))
    for (let i = 1; i < plan.routers; i++) this.#join(i - 1, i)
    for (const [a, b] of plan.links) if (a % plan.routers !== b % plan.routers) this.#join(a % plan.routers, b % plan.routers)
    // the sensible routes along the line, then the random ones before them
    for (let i = 0; i < plan.routers; i++) for (let j = 0; j < plan.routers; j++) if (i !== j) this.#route(i, j, j > i ? i + 1 : i - 1, 100)
    for (const [r, to, next] of plan.routes) this.#route(r % plan.routers, to % plan.routers, next % plan.routers, 10)
    for (const rule of plan.rules) this.#rule(plan, rule)
  }

  #namespace(name: string, forward: boolean): Namespace {
    const ns = this.network.createNamespace(name)
    ns.setLink('lo', { up: true })
    if (forward) ns.setSysctl('net.ipv4.ip_forward', '1')
    return ns
  }

  #host(i: number, bridged: boolean): Namespace {
    const host = this.#namespace(`h${i}`, false)
    const router = this.routers[i]!
    host.addLink('eth0', { kind: 'veth', peer: { name: 'lan', namespace: router } })
    router.setLink('lan', { up: true })
    if (bridged) {
      router.addLink('br0', { kind: 'bridge' })
      router.setLink('br0', { up: true })
      router.setLink('lan', { master: 'br0' })
    }
    router.addAddress(bridged ? 'br0' : 'lan', `10.${i}.0.1/24`)
    host.setLink('eth0', { up: true })
    host.addAddress('eth0', `10.${i}.0.2/24`)
    host.addRoute({ to: 'default', via: `10.${i}.0.1` })
    for (const port of [0, 1, 2]) {
      const socket = host.sockets.udpBind({ port: 1000 + port }, { onMessage: (data, from) => void socket.send(`h${i} ${data}`, from) })
      host.sockets.tcpListen(0, 1000 + port, (c) => {
        c.handlers = { onEnd: () => c.end() }
        c.send(`h${i}`)
        c.end()
      })
    }
    return host
  }

  #join(a: number, b: number): void {
    const name = `to${b}`
    if (this.routers[a]!.links.has(name)) return
    this.routers[a]!.addLink(name, { kind: 'veth', peer: { name: `to${a}`, namespace: this.routers[b]! } })
    for (const [i, j] of [[a, b], [b, a]] as const) {
      this.routers[i]!.setLink(`to${j}`, { up: true })
      this.routers[i]!.addAddress(`to${j}`, `172.16.${Math.min(a, b) * 8 + Math.max(a, b)}.${i + 1}/24`)
    }
  }

  #route(r: number, to: number, next: number, metric: number): void {
    if (!this.routers[r]!.links.has(`to${next}`)) return
    try {
      this.routers[r]!.addRoute({ to: `10.${to}.0.0/24`, via: `172.16.${Math.min(r, next) * 8 + Math.max(r, next)}.${next + 1}`, metric })
    } catch (error) {
      if (!(error instanceof NetError)) throw error
    }
  }

  #rule(plan: Plan, [r, kind, h, p, o]: Plan['rules'][number]): void {
    const ns = this.routers[r % plan.routers]!
    const host = h % plan.routers
    const other = o % plan.routers
    const port = 1000 + p
    const lines = [
      `-t nat -A PREROUTING -p udp -d 10.${host}.0.2 --dport ${port} -j DNAT --to-destination 10.${other}.0.2:${1000 + (o % 3)}`,
      `-t nat -A PREROUTING -p tcp -d 10.${host}.0.2 -j DNAT --to-destination 10.${other}.0.2`,
      `-t nat -A POSTROUTING -d 10.${host}.0.2 -j MASQUERADE`,
      `-t nat -A POSTROUTING -s 10.${host}.0.0/24 -j MASQUERADE --random-fully`,
      `-t nat -A POSTROUTING -p udp -j SNAT --to-source 10.${r % plan.routers}.0.1:2000-2002`,
      `-A FORWARD -d 10.${host}.0.2 -p tcp --dport ${port} -j REJECT --reject-with tcp-reset`,
      `-A FORWARD -s 10.${host}.0.2 -p udp -j DROP`,
      `-A FORWARD -m conntrack --ctstate NEW -d 10.${host}.0.0/24 -j REJECT`,
      `-t nat -A PREROUTING -m statistic --mode random --probability 0.5 -p udp -d 10.${host}.0.2 -j DNAT --to-destination 10.${other}.0.2`,
      `-t mangle -A PREROUTING -s 10.${host}.0.2 -j MARK --set-mark ${p}`,
      `-t raw -A PREROUTING -d 10.${host}.0.2 -j CT --notrack`,
      `-t nat -A PREROUTING -d 10.${host}.0.2 -p tcp -j REDIRECT --to-ports ${port}`,
    ]
    ns.netfilter.apply(parseCommand(ns, lines[kind]!.split(' ')))
  }

  send(plan: Plan, [f, t, p, kind]: Plan['sends'][number]): void {
    const from = this.hosts[f % plan.routers]!
    const to = ipv4(`10.${t % plan.routers}.0.2`)
    const port = 1000 + p
    const note = (text: string) => this.answers.push(`${from.name} ${formatIpv4(to)}:${port} ${text}`)
    if (kind === 0) {
      const socket = from.sockets.udpBind({}, { onMessage: (data, sender) => note(`udp ${data} ${formatIpv4(sender.address)}:${sender.port}`), onError: (e) => note(`udp ${e}`) })
      socket.connect(to, port)
      const errno = socket.send(`q${this.answers.length}`)
      if (errno !== undefined) note(`udp ${errno}`)
    } else if (kind === 1) from.sockets.tcpConnect({ to, port }, { onData: (text) => note(`tcp ${text}`), onError: (e) => note(`tcp ${e}`), onClose: () => note('closed') })
    else from.sockets.ping({ to, timeout: 5000 }, (r) => note(`ping ${r.kind}`))
  }
}

function play(plan: Plan): { walks: Walk[]; world: World; log: string } {
  const world = new World(plan)
  const walks: Walk[] = []
  world.network.observe((w) => walks.push(w))
  for (const s of plan.sends) {
    world.send(plan, s)
    world.sim.runUntil(world.sim.now + 20_000)
  }
  const saved = world.routers.map((r) => r.netfilter.save(undefined, { counters: true })).join('')
  const entries = JSON.stringify(world.routers.map((r) => r.conntrack.list()))
  return { walks, world, log: `${JSON.stringify(walks)}\n${world.answers.join('\n')}\n${saved}\n${entries}` }
}

describe('random networks', () => {
  test('packets end where their destination is, and every walk ends', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { walks, world } = play(plan)
        for (const walk of walks) {
          if (walk.verdict.kind !== 'delivered') continue
          const ns = world.network.namespaces.get(walk.verdict.namespace)!
          const last = walk.observations.at(-1)
          if (!last) continue
          expect(last.namespace).toBe(ns.name)
          expect(ns.isOwnAddress(ipv4(last.after.destination)) || last.after.destination.startsWith('127.')).toBe(true)
        }
        expect(world.sim.eventsRun).toBeLessThan(5000)
      }),
      { numRuns: 150 },
    )
  })

  test('an observer changes nothing, and a seed replays itself', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        expect(play(plan).log).toBe(play(plan).log)
        const silent = new World(plan)
        for (const s of plan.sends) {
          silent.send(plan, s)
          silent.sim.runUntil(silent.sim.now + 20_000)
        }
        expect(silent.answers).toEqual(play(plan).world.answers)
      }),
      { numRuns: 60 },
    )
  })

  test('connection entries do not pile up', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { world } = play(plan)
        world.sim.runUntil(world.sim.now + 6 * 86_400_000)
        for (const ns of world.network.namespaces.values()) expect(ns.conntrack.list()).toEqual([])
        for (const ns of world.network.namespaces.values()) expect(ns.conntrack.size).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  test('answers come back from the address that was asked, whatever was translated on one router', () => {
    const rule = fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 2 }), fc.nat({ max: 2 }))
    fc.assert(
      fc.property(fc.nat(), fc.array(rule, { maxLength: 5 }), fc.array(fc.tuple(fc.nat({ max: 2 }), fc.boolean()), { minLength: 1, maxLength: 20 }), (seed, rules, asks) => {
        const sim = new Sim({ seed, start: 0 })
        const network = new SimNetwork(sim)
        const router = network.createNamespace('router')
        router.setLink('lo', { up: true })
        router.setSysctl('net.ipv4.ip_forward', '1')
        const got: string[] = []
        const hosts = [0, 1, 2, 3].map((i) => {
          const host = network.createNamespace(`h${i}`)
          host.addLink('eth0', { kind: 'veth', peer: { name: `p${i}`, namespace: router } })
          router.setLink(`p${i}`, { up: true })
          router.addAddress(`p${i}`, `10.0.${i}.1/24`)
          host.setLink('eth0', { up: true })
          host.addAddress('eth0', `10.0.${i}.2/24`)
          host.addRoute({ to: 'default', via: `10.0.${i}.1` })
          const socket = host.sockets.udpBind({ port: 53 }, {
            onMessage: (data, from) => {
              got.push(data)
              socket.send(`${data} by ${i}`, from)
            },
          })
          host.sockets.tcpListen(0, 53, (c) => {
            c.send(`by ${i}`)
            c.handlers = { onData: (text) => got.push(text), onEnd: () => c.end() }
          })
          return host
        })
        for (const [kind, a, b] of rules) {
          const line = [
            `-t nat -A PREROUTING -d 10.0.${a}.2 -j DNAT --to-destination 10.0.${b}.2`,
            `-t nat -A POSTROUTING -d 10.0.${a}.2 -j MASQUERADE`,
            `-t nat -A POSTROUTING -p udp -d 10.0.${a}.2 -j SNAT --to-source 10.0.${b}.1:3000-3001`,
            `-t nat -A PREROUTING -d 10.0.${a}.2 -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.0.${b}.2-10.0.${b}.2`,
            `-t nat -A POSTROUTING -d 10.0.${a}.2 -j MASQUERADE --random-fully`,
            `-t nat -A PREROUTING -d 10.0.${a}.1 -p udp -j DNAT --to-destination 10.0.${b}.2:53`,
          ][kind]!
          router.netfilter.apply(parseCommand(router, line.split(' ')))
        }
        const back: string[] = []
        asks.forEach(([to, tcp], n) => {
          if (tcp) hosts[3]!.sockets.tcpConnect({ to: ipv4(`10.0.${to}.2`), port: 53 }, { onOpen: (c) => { c.send(`t${n}`); c.end() }, onData: () => back.push(`t${n}`) })
          else {
            const socket = hosts[3]!.sockets.udpBind({}, { onMessage: (data) => back.push(data.split(' ')[0]!) })
            socket.connect(ipv4(`10.0.${to}.2`), 53)
            socket.send(`u${n}`)
          }
          sim.runUntil(sim.now + 100)
        })
        sim.runUntil(sim.now + 10_000)
        expect(back.sort()).toEqual(got.sort())
        expect(new Set(got).size).toBe(got.length)
      }),
      { numRuns: 150 },
    )
  })
})
