/** ipset: named sets of addresses, networks, ports and tuples of them, as `-m set` reads them. Timeouts, counters and comments are left out. */
import { formatIpv4, maskOf, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { IptablesError } from '../error.ts'
import type { Namespace } from '../namespace.ts'
import type { Packet } from '../packet.ts'
import { protocolNumbers, protocolText, servicePort } from '../services.ts'
import type { IpSets } from '../types.ts'

type SetType = Parameters<IpSets['create']>[1]

/** An element of a set: what each type needs of it. */
interface Element {
  readonly ip: Ipv4
  readonly length: number
  readonly protocol: number
  readonly port: number
  readonly second: Ipv4
  readonly secondLength: number
  /** Member of a list:set, or undefined. */
  readonly name: string | undefined
  readonly nomatch: boolean
}

interface IpSet {
  readonly name: string
  readonly type: SetType
  readonly range: readonly [number, number] | undefined
  readonly elements: Map<string, Element>
  /** For networks: prefix lengths in use, longest first. */
  lengths: number[]
}

const none: Element = { ip: 0, length: 32, protocol: 0, port: 0, second: 0, secondLength: 32, name: undefined, nomatch: false }

function fail(message: string): never {
  throw new IptablesError(`ipset v7.17: ${message}`, 1)
}

function parseNet(text: string, allowNet: boolean): { readonly ip: Ipv4; readonly length: number } {
  const [a, b] = text.split('/')
  const ip = parseIpv4(a ?? '')
  const length = b === undefined ? 32 : Number(b)
  if (ip === undefined) fail(`Syntax error: cannot parse ${a}: resolving to IPv4 address failed`)
  if (!(length >= 0 && length <= 32) || (b !== undefined && !/^\d+$/.test(b))) fail(`Syntax error: '${b}' is out of range 0-32`)
  if (b !== undefined && !allowNet && length !== 32) fail(`Syntax error: plain IP address must be supplied: ${text}`)
  return { ip: (ip & maskOf(length)) >>> 0, length }
}

function parsePort(text: string): { readonly protocol: number; readonly port: number } {
  const at = text.indexOf(':')
  const protocol = at < 0 ? 6 : (protocolNumbers[text.slice(0, at).toLowerCase()] ?? Number(text.slice(0, at)))
  const word = at < 0 ? text : text.slice(at + 1)
  const port = /^\d+$/.test(word) ? Number(word) : servicePort(word)
  if (port === undefined || port > 65535) fail(`Syntax error: '${word}' is out of range 0-65535`)
  return { protocol, port }
}

function parseElement(type: SetType, text: string): Element {
  const [body, ...flags] = text.trim().split(/\s+/)
  const parts = body!.split(',')
  const nomatch = flags.includes('nomatch')
  switch (type) {
    case 'hash:ip':
      return { ...none, ...parseNet(body!, false) }
    case 'hash:net':
      return { ...none, ...parseNet(body!, true), nomatch }
    case 'bitmap:port':
      return { ...none, port: parsePort(body!).port }
    case 'list:set':
      return { ...none, name: body! }
    default: {
      const wanted = type === 'hash:ip,port' ? 2 : 3
      if (parts.length < wanted) fail(`Syntax error: ${parts.length === 1 ? 'Second' : 'Third'} element is missing from ${body}.`)
      const second = wanted === 3 ? parseNet(parts[2]!, type === 'hash:ip,port,net') : undefined
      return { ...none, ...parseNet(parts[0]!, false), ...parsePort(parts[1]!), ...(second ? { second: second.ip, secondLength: second.length } : {}), nomatch }
    }
  }
}

function elementText(type: SetType, e: Element): string {
  const net = (ip: Ipv4, length: number) => (length === 32 ? formatIpv4(ip) : `${formatIpv4(ip)}/${length}`)
  const tail = e.nomatch ? ' nomatch' : ''
  switch (type) {
    case 'hash:ip':
      return formatIpv4(e.ip)
    case 'hash:net':
      return net(e.ip, e.length) + tail
    case 'bitmap:port':
      return String(e.port)
    case 'list:set':
      return e.name!
    case 'hash:ip,port':
      return `${formatIpv4(e.ip)},${protocolText(e.protocol)}:${e.port}`
    default:
      return `${formatIpv4(e.ip)},${protocolText(e.protocol)}:${e.port},${net(e.second, e.secondLength)}${tail}`
  }
}

function keyOf(type: SetType, e: Element): string {
  switch (type) {
    case 'hash:ip':
      return String(e.ip)
    case 'hash:net':
      return `${e.ip}/${e.length}`
    case 'bitmap:port':
      return String(e.port)
    case 'list:set':
      return e.name!
    case 'hash:ip,port':
      return `${e.ip} ${e.protocol}:${e.port}`
    default:
      return `${e.ip} ${e.protocol}:${e.port} ${e.second}/${e.secondLength}`
  }
}

export class IpSetTable implements IpSets {
  readonly #ns: Namespace
  readonly #sets = new Map<string, IpSet>()

  constructor(ns: Namespace) {
    this.#ns = ns
  }

  get names(): readonly string[] {
    return [...this.#sets.keys()]
  }

  type(name: string): string | undefined {
    return this.#sets.get(name)?.type
  }

  #get(name: string): IpSet {
    return this.#sets.get(name) ?? fail('The set with the given name does not exist')
  }

  create(name: string, type: SetType, options: { readonly range?: readonly [from: number, to: number] } = {}): void {
    if (this.#sets.has(name)) fail('Set cannot be created: set with the same name already exists')
    this.#sets.set(name, { name, type, range: options.range, elements: new Map(), lengths: [] })
  }

  #recount(set: IpSet): void {
    set.lengths = [...new Set([...set.elements.values()].map((e) => (set.type === 'hash:ip,port,net' ? e.secondLength : e.length)))].sort((a, b) => b - a)
  }

  setEntries(name: string, entries: readonly string[]): void {
    const set = this.#get(name)
    const parsed = entries.map((e) => parseElement(set.type, e))
    set.elements.clear()
    for (const e of parsed) set.elements.set(keyOf(set.type, e), e)
    this.#recount(set)
  }

  add(name: string, entry: string): void {
    const set = this.#get(name)
    const e = parseElement(set.type, entry)
    const key = keyOf(set.type, e)
    if (set.elements.has(key)) fail(`Element cannot be added to the set: it's already added`)
    if (set.type === 'list:set' && !this.#sets.has(e.name!)) fail(`Set to be added/deleted/tested as element does not exist.`)
    if (set.range && (e.port < set.range[0] || e.port > set.range[1])) fail('Element is out of the range of the set')
    set.elements.set(key, e)
    this.#recount(set)
  }

  delete(name: string, entry: string): void {
    const set = this.#get(name)
    if (!set.elements.delete(keyOf(set.type, parseElement(set.type, entry)))) fail(`Element cannot be deleted from the set: it's not added`)
    this.#recount(set)
  }

  destroy(name: string): void {
    this.#get(name)
    if (this.references(name) > 0) fail('Set cannot be destroyed: it is in use by a kernel component')
    this.#sets.delete(name)
  }

  entries(name: string): readonly string[] {
    const set = this.#get(name)
    return [...set.elements.values()].map((e) => elementText(set.type, e))
  }

  test(name: string, entry: string): boolean {
    const set = this.#get(name)
    const e = parseElement(set.type, entry)
    if (set.type === 'hash:net' && e.length === 32) return this.#inNet(set, e.ip)
    return set.elements.has(keyOf(set.type, e))
  }

  references(name: string): number {
    let count = 0
    for (const table of this.#ns.netfilter.tables) {
      for (const chain of this.#ns.netfilter.table(table)!.chains.values()) {
        for (const rule of chain.rules) {
          for (const m of rule.spec.matches) if (m.type.name === 'set' && (m.data as { name: string }).name === name) count++
          const target = rule.spec.target
          if (target?.type.name === 'SET' && (target.data as { name: string }).name === name) count++
        }
      }
    }
    for (const set of this.#sets.values()) if (set.type === 'list:set' && set.elements.has(name)) count++
    return count
  }

  #inNet(set: IpSet, ip: Ipv4): boolean {
    for (const length of set.lengths) {
      const e = set.elements.get(`${(ip & maskOf(length)) >>> 0}/${length}`)
      if (e) return !e.nomatch
    }
    return false
  }

  /** Whether the packet's fields, taken in the given directions, are in the set. */
  matches(name: string, p: Packet, directions: readonly ('src' | 'dst')[]): boolean {
    const set = this.#sets.get(name)
    if (!set) return false
    const ip = (i: number) => ((directions[i] ?? directions[0]) === 'src' ? p.source : p.destination)
    const port = (i: number) => ((directions[i] ?? directions[0]) === 'src' ? p.sourcePort : p.destinationPort)
    switch (set.type) {
      case 'hash:ip':
        return set.elements.has(String(ip(0)))
      case 'hash:net':
        return this.#inNet(set, ip(0))
      case 'bitmap:port':
        return set.elements.has(String(port(0)))
      case 'list:set':
        for (const member of set.elements.keys()) if (this.matches(member, p, directions)) return true
        return false
      case 'hash:ip,port':
        return set.elements.has(`${ip(0)} ${p.protocol}:${port(1)}`)
      case 'hash:ip,port,ip':
        return set.elements.has(`${ip(0)} ${p.protocol}:${port(1)} ${ip(2)}/32`)
      case 'hash:ip,port,net': {
        const second = ip(2)
        for (const length of set.lengths) {
          const e = set.elements.get(`${ip(0)} ${p.protocol}:${port(1)} ${(second & maskOf(length)) >>> 0}/${length}`)
          if (e) return !e.nomatch
        }
        return false
      }
    }
  }

  /** -j SET: adds or deletes what the packet carries. */
  record(name: string, p: Packet, directions: readonly ('src' | 'dst')[], add: boolean): void {
    const set = this.#sets.get(name)
    if (!set) return
    const ip = (i: number) => ((directions[i] ?? directions[0]) === 'src' ? p.source : p.destination)
    const port = (i: number) => ((directions[i] ?? directions[0]) === 'src' ? p.sourcePort : p.destinationPort)
    const e: Element = { ...none, ip: ip(0), protocol: p.protocol, port: port(set.type === 'bitmap:port' ? 0 : 1), second: directions.length > 2 ? ip(2) : 0 }
    const key = keyOf(set.type, e)
    if (add) set.elements.set(key, e)
    else set.elements.delete(key)
    this.#recount(set)
  }
}
