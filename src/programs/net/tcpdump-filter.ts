/** pcap filter expressions over captured packets: host, net, port, portrange, proto words, src/dst, and, or, not, parentheses. */
import { maskOf, parseIpv4 } from '#base/ip.ts'
import type { CapturedPacket, Header } from '#engine/net/types.ts'

export type PacketTest = (p: CapturedPacket) => boolean

export class FilterError extends Error {}

const protocols: Readonly<Record<string, PacketTest>> = {
  ip: (p) => p.arp === undefined, arp: (p) => p.arp !== undefined, tcp: (p) => !p.arp && p.header.protocol === 'tcp', udp: (p) => !p.arp && p.header.protocol === 'udp', icmp: (p) => !p.arp && p.header.protocol === 'icmp',
  sctp: (p) => !p.arp && p.header.protocol === 'sctp', ip6: () => false, rarp: () => false, icmp6: () => false, vlan: () => false,
}

/** The header that is on the wire: of the tunnel where there is one. */
export function outermost(h: Header): Header {
  return h.outer ? outermost(h.outer) : h
}

const ends = (p: CapturedPacket): readonly [string, string] => {
  if (p.arp) return [p.arp.senderIp, p.arp.targetIp]
  const h = outermost(p.header)
  return [h.source, h.destination]
}

type Direction = 'src' | 'dst' | 'either' | 'both'

function byDirection(direction: Direction, at: (side: 0 | 1) => boolean): boolean {
  if (direction === 'src') return at(0)
  if (direction === 'dst') return at(1)
  return direction === 'both' ? at(0) && at(1) : at(0) || at(1)
}

export function parseFilter(words: readonly string[], resolve: (name: string) => string | undefined, portOf: (name: string) => number | undefined): PacketTest | undefined {
  const tokens = words.join(' ').replace(/([()!]|&&|\|\|)(?!=)/g, ' $1 ').split(/\s+/).filter((w) => w !== '')
  if (tokens.length === 0) return undefined
  let i = 0
  // Names are looked up after the grammar has been found right.
  let unknown: string | undefined
  const bad = (): never => {
    throw new FilterError("can't parse filter expression: syntax error")
  }
  let remembered: { direction: Direction; kind: string } = { direction: 'either', kind: 'host' }

  const any = (): PacketTest => {
    let left = all()
    while (tokens[i] === 'or' || tokens[i] === '||') {
      i++
      const [a, b] = [left, all()]
      left = (p) => a(p) || b(p)
    }
    return left
  }
  const all = (): PacketTest => {
    let left = not()
    while (tokens[i] === 'and' || tokens[i] === '&&') {
      i++
      const [a, b] = [left, not()]
      left = (p) => a(p) && b(p)
    }
    return left
  }
  const not = (): PacketTest => {
    if (tokens[i] === 'not' || tokens[i] === '!') {
      i++
      const t = not()
      return (p) => !t(p)
    }
    if (tokens[i] === '(') {
      i++
      const t = any()
      if (tokens[i++] !== ')') bad()
      return t
    }
    return primitive()
  }
  const primitive = (): PacketTest => {
    let protocol: PacketTest | undefined
    let direction: Direction = 'either'
    let kind: string | undefined
    let qualified = false
    for (;;) {
      const word = tokens[i]
      if (word !== undefined && Object.hasOwn(protocols, word) && protocol === undefined) protocol = protocols[word]
      else if (word === 'src' || word === 'dst') {
        direction = word
        const next = tokens[i + 1]
        if ((next === 'or' || next === 'and') && (tokens[i + 2] === 'dst' || tokens[i + 2] === 'src')) {
          direction = next === 'or' ? 'either' : 'both'
          i += 2
        }
      } else if (word === 'host' || word === 'net' || word === 'port' || word === 'portrange' || word === 'proto' || word === 'ether' || word === 'gateway') kind = word
      else break
      qualified = true
      i++
      if (kind === 'ether' && (tokens[i] === 'host' || tokens[i] === 'src' || tokens[i] === 'dst')) {
        if (tokens[i] !== 'host') direction = tokens[i] as Direction
        i++
        break
      }
    }
    const value = tokens[i]
    if (value === undefined || ['and', 'or', ')', '&&', '||'].includes(value)) {
      if (protocol && kind === undefined && direction === 'either') return protocol
      return bad()
    }
    if (value === 'greater' || value === 'less' || value === 'broadcast' || value === 'multicast' || value.includes('[')) {
      if (value === 'greater' || value === 'less') {
        const limit = Number(tokens[i + 1])
        i += 2
        return (p) => (value === 'greater' ? p.header.length + 14 >= limit : p.header.length + 14 <= limit)
      }
      i++
      if (value.startsWith('tcp[')) return tcpFlags(value, () => tokens[i++])
      if (protocol && value === 'broadcast') return protocol
      return () => true
    }
    if (protocol && kind === undefined && direction === 'either' && !/^\d/.test(value) && resolve(value) === undefined) return bad()
    i++
    if (!qualified) ({ direction, kind } = remembered)
    kind ??= 'host'
    remembered = { direction, kind }
    const test = leaf(kind, direction, value)
    const gate = protocol
    return gate ? (p) => gate(p) && test(p) : test
  }
  const leaf = (kind: string, direction: Direction, value: string): PacketTest => {
    if (kind === 'port' || kind === 'portrange') {
      const [low, high] = kind === 'portrange' ? value.split('-').map(Number) : [portOf(value), portOf(value)]
      if (low === undefined || high === undefined) throw new FilterError(`unknown port '${value}'`)
      const large = [low, high].find((n) => n > 65535)
      if (large !== undefined) throw new FilterError(`illegal port number ${large} > 65535`)
      return (p) => {
        if (p.arp) return false
        const h = outermost(p.header)
        const ports = [h.sourcePort, h.destinationPort]
        return byDirection(direction, (side) => ports[side] !== undefined && ports[side]! >= low && ports[side]! <= high)
      }
    }
    if (kind === 'net') {
      const [base, length] = value.split('/')
      const parts = base!.split('.')
      const n = length === undefined ? parts.length * 8 : Number(length)
      const network = parseIpv4([...parts, '0', '0', '0', '0'].slice(0, 4).join('.'))
      if (network === undefined) throw new FilterError(`unknown network '${value}'`)
      if (Number(value.split('/')[1] ?? 0) > 32) throw new FilterError('mask length must be <= 32')
      return (p) => byDirection(direction, (side) => (((parseIpv4(ends(p)[side]) ?? 0) ^ network) & maskOf(n)) === 0)
    }
    if (kind === 'ether') {
      const mac = value.toLowerCase()
      return (p) => byDirection(direction, (side) => (side === 0 ? p.link?.source : p.link?.destination) === mac)
    }
    if (kind === 'proto') return protocols[value.replace('\\', '')] ?? bad()
    const address = parseIpv4(value) !== undefined ? value : resolve(value)
    if (address === undefined) unknown ??= value
    return (p) => byDirection(direction, (side) => ends(p)[side] === address)
  }
  const tcpFlags = (first: string, next: () => string | undefined): PacketTest => {
    let text = first
    while (i < tokens.length && !['and', 'or', ')'].includes(tokens[i]!)) text += next() ?? ''
    const wanted = (['syn', 'ack', 'fin', 'rst', 'push'] as const).filter((f) => text.includes(`tcp-${f}`))
    const letter = { syn: 'S', ack: 'A', fin: 'F', rst: 'R', push: 'P' } as const
    return (p) => p.header.protocol === 'tcp' && wanted.some((f) => hasFlag(p.header, letter[f]))
  }
  const test = any()
  if (i < tokens.length) bad()
  if (unknown !== undefined) throw new FilterError(`unknown host '${unknown}'`)
  return test
}

/** tcpFlags of a header: letters or words. */
export function hasFlag(h: Header, letter: 'S' | 'A' | 'F' | 'R' | 'P'): boolean {
  const flags = (h.tcpFlags ?? '').toUpperCase()
  const word = { S: 'SYN', A: 'ACK', F: 'FIN', R: 'RST', P: 'PSH' }[letter]
  return flags.includes(word) || (!/SYN|ACK|FIN|RST|PSH/.test(flags) && (flags.includes(letter) || (letter === 'A' && flags.includes('.'))))
}
