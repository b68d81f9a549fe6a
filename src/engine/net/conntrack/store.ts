/**
 * The connection table of a namespace: tuples of both directions in one hash table, entries in order of arrival. Timeouts take effect
 * when an entry is looked at; each new entry also inspects a few old ones, so that dead ones do not pile up.
 */
import type { Namespace } from '../namespace.ts'
import type { Packet } from '../packet.ts'
import { ICMP } from '../packet.ts'
import type { ConntrackInfo, ConntrackTable } from '../types.ts'
import { Connection, connectionInfo, type Tuple, type TupleNode } from './entry.ts'

type Listener = (event: 'NEW' | 'UPDATE' | 'DESTROY', entry: ConntrackInfo) => void

function hash(t: Tuple): number {
  let h = Math.imul(t.source, 0x9e3779b1) ^ Math.imul(t.destination, 0x85ebca6b) ^ Math.imul((t.sourcePort << 16) | t.destinationPort, 0xc2b2ae35) ^ Math.imul(t.protocol, 0x27d4eb2f)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return (h ^ (h >>> 13)) >>> 0
}

export class ConntrackStore implements ConntrackTable {
  readonly #ns: Namespace
  #buckets: (TupleNode | undefined)[] = new Array<undefined>(16).fill(undefined)
  readonly #entries = new Set<Connection>()
  #sweep: Iterator<Connection> | undefined
  #nextId = 1
  #timeouts: Record<string, number> | undefined
  #timeoutsAt = -1
  #max = 65536
  readonly #listeners = new Set<Listener>()

  constructor(ns: Namespace) {
    this.#ns = ns
  }

  get size(): number {
    return this.#entries.size
  }

  get full(): boolean {
    this.timeout('icmp')
    return this.#entries.size >= this.#max
  }

  /** Milliseconds of `net.netfilter.nf_conntrack_<name>_timeout…`. */
  timeout(name: string): number {
    const sysctls = this.#ns.sysctls
    if (this.#timeoutsAt !== sysctls.generation || !this.#timeouts) {
      this.#timeoutsAt = sysctls.generation
      const get = (key: string) => sysctls.number(`net.netfilter.nf_conntrack_${key}`) * 1000
      const tcp = (state: string) => get(`tcp_timeout_${state}`)
      this.#max = sysctls.number('net.netfilter.nf_conntrack_max')
      this.#timeouts = {
        icmp: get('icmp_timeout'), udp: get('udp_timeout'), udpStream: get('udp_timeout_stream'), generic: get('generic_timeout'),
        tcp0: tcp('established'), tcp1: tcp('syn_sent'), tcp2: tcp('syn_recv'), tcp3: tcp('established'), tcp4: tcp('fin_wait'), tcp5: tcp('close_wait'),
        tcp6: tcp('last_ack'), tcp7: tcp('time_wait'), tcp8: tcp('close'), tcp9: tcp('syn_sent'), unacknowledged: tcp('unacknowledged'),
      }
    }
    return this.#timeouts[name]!
  }

  find(t: Tuple): TupleNode | undefined {
    let node = this.#buckets[hash(t) & (this.#buckets.length - 1)]
    while (node) {
      if (node.source === t.source && node.destination === t.destination && node.sourcePort === t.sourcePort && node.destinationPort === t.destinationPort && node.protocol === t.protocol) {
        if (node.connection.expires > this.#ns.sim.now) return node
        this.remove(node.connection)
        return undefined
      }
      node = node.next
    }
    return undefined
  }

  create(original: Tuple, reply: Tuple): Connection {
    const { looking } = this.#ns.network
    const made = new Connection(looking ? 0 : this.#nextId++, original, reply, this.#ns.sim.now)
    looking?.made(this, made)
    return made
  }

  /** Puts an entry into the table. False where one of its tuples is taken. */
  insert(c: Connection): boolean {
    this.#tidy()
    if (this.find(c.original) || this.find(c.reply)) return false
    if (this.#entries.size * 2 >= this.#buckets.length) this.#grow()
    this.#link(c.original)
    this.#link(c.reply)
    this.#entries.add(c)
    c.confirmed = true
    if (this.#listeners.size > 0 && !this.#ns.network.looking) this.#tell('NEW', c)
    return true
  }

  remove(c: Connection): void {
    if (!this.#entries.delete(c)) return
    this.#unlink(c.original)
    this.#unlink(c.reply)
    c.dying = true
    if (this.#listeners.size > 0 && !this.#ns.network.looking) this.#tell('DESTROY', c)
  }

  updated(c: Connection): void {
    if (this.#listeners.size > 0 && !this.#ns.network.looking) this.#tell('UPDATE', c)
  }

  #tell(event: 'NEW' | 'UPDATE' | 'DESTROY', c: Connection): void {
    const info = connectionInfo(c, this.#ns.sim.now)
    for (const listener of this.#listeners) listener(event, info)
  }

  #link(node: TupleNode): void {
    const at = hash(node) & (this.#buckets.length - 1)
    node.next = this.#buckets[at]
    this.#buckets[at] = node
  }

  #unlink(node: TupleNode): void {
    const at = hash(node) & (this.#buckets.length - 1)
    let current = this.#buckets[at]
    if (current === node) this.#buckets[at] = node.next
    else
      while (current) {
        if (current.next === node) {
          current.next = node.next
          break
        }
        current = current.next
      }
    node.next = undefined
  }

  #grow(): void {
    this.#buckets = new Array<undefined>(this.#buckets.length * 4).fill(undefined)
    for (const c of this.#entries) {
      this.#link(c.original)
      this.#link(c.reply)
    }
  }

  /** Looks at three of the old entries. */
  #tidy(): void {
    const now = this.#ns.sim.now
    for (let i = 0; i < 3; i++) {
      this.#sweep ??= this.#entries.values()
      const { value, done } = this.#sweep.next()
      if (done) {
        this.#sweep = undefined
        return
      }
      if (value.expires <= now) this.remove(value)
    }
  }

  #purge(): void {
    const now = this.#ns.sim.now
    for (const c of this.#entries) if (c.expires <= now) this.remove(c)
  }

  /** A full table gives up one of its oldest entries that is dead or not assured (early_drop looks at a few only); false where there is none. */
  dropEarly(): boolean {
    let looked = 0
    for (const c of this.#entries) {
      if (!c.assured || c.expires <= this.#ns.sim.now) {
        this.remove(c)
        return true
      }
      if (++looked === 64) return false
    }
    return false
  }

  /** Calls `visit` for every living entry (NAT of a device that went away, connlimit). */
  *living(): Generator<Connection> {
    this.#purge()
    yield* this.#entries
  }

  list(): readonly ConntrackInfo[] {
    this.#purge()
    const now = this.#ns.sim.now
    return [...this.#entries].map((c) => connectionInfo(c, now))
  }

  delete(matches: (entry: ConntrackInfo) => boolean): readonly ConntrackInfo[] {
    this.#purge()
    const now = this.#ns.sim.now
    const gone: ConntrackInfo[] = []
    for (const c of [...this.#entries]) {
      const info = connectionInfo(c, now)
      if (!matches(info)) continue
      gone.push(info)
      this.remove(c)
    }
    return gone
  }

  onEvent(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** The tuple of a packet. */
export function tupleOf(p: Packet): Tuple {
  if (p.protocol === ICMP) return { source: p.source, destination: p.destination, sourcePort: p.icmpId, destinationPort: (p.icmpType << 8) | p.icmpCode, protocol: ICMP }
  return { source: p.source, destination: p.destination, sourcePort: p.sourcePort, destinationPort: p.destinationPort, protocol: p.protocol }
}
