/** `ip neighbour`: show, add and its relatives, delete, flush. */
import { parseIpv4 } from '#base/ip.ts'
import type { NeighbourInfo, NeighbourState } from '#engine/net/types.ts'
import { IpFailure, matches, prefixOf, type IpContext } from './context.ts'

export function ipNeighbour(c: IpContext): void {
  const verb = c.more ? c.take() : 'show'
  if (matches(verb, 'add')) return modify(c, 'add')
  if (matches(verb, 'change') || verb === 'chg') return modify(c, 'change')
  if (matches(verb, 'replace')) return modify(c, 'replace')
  if (matches(verb, 'delete')) return modify(c, 'delete')
  if (matches(verb, 'get')) return show(c)
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(c)
  if (matches(verb, 'flush')) return flush(c)
  throw new IpFailure(`Command "${verb}" is unknown, try "ip neigh help".\n`, 255)
}

const states = ['PERMANENT', 'NOARP', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'INCOMPLETE', 'FAILED', 'NONE'] as const

function stateOf(text: string): NeighbourState {
  const state = states.find((s) => s.toLowerCase() === text)
  if (!state) throw new IpFailure(`Error: argument "${text}" is wrong: nud state is bad\n`, 255)
  return state
}

function modify(c: IpContext, verb: 'add' | 'change' | 'replace' | 'delete'): void {
  let address: string | undefined
  let device: string | undefined
  let mac: string | undefined
  let state: NeighbourState = 'PERMANENT'
  let proxy = false
  while (c.more) {
    let word = c.take()
    if (word === 'lladdr') mac = c.value()
    else if (word === 'nud') state = stateOf(c.value())
    else if (word === 'dev') device = c.value()
    else if (word === 'proxy') {
      proxy = true
      address = c.value()
    } else if (word === 'router' || word === 'extern_learn' || word === 'managed' || word === 'use') continue
    else {
      if (word === 'to') word = c.value()
      if (parseIpv4(word) === undefined) throw new IpFailure(`Error: any valid address is expected rather than "${word}".\n`, 1)
      address = word
    }
  }
  if (device === undefined || address === undefined) throw new IpFailure('Device and destination are required arguments.\n', 255)
  const [name, to] = [c.device(device), address]
  if (proxy) {
    c.netlink(() => (verb === 'delete' ? c.net.deleteNeighbour(name, to, { proxy: true }) : c.net.addProxyNeighbour(name, to)))
    return
  }
  if (verb === 'delete') {
    c.netlink(() => c.net.deleteNeighbour(name, to))
    return
  }
  if (mac === undefined) throw new IpFailure(state === 'PERMANENT' && verb === 'add' ? 'Error: No link layer address given.\n' : 'RTNETLINK answers: Invalid argument\n', 2)
  const lladdr = mac
  c.netlink(() => c.net.setNeighbour(name, to, lladdr, { state, permanent: state === 'PERMANENT', verb }))
}

interface Filter {
  device?: string
  to?: { readonly address: number; readonly length: number }
  states?: Set<NeighbourState>
  proxy?: boolean
}

function read(c: IpContext): Filter {
  const f: Filter = {}
  while (c.more) {
    let word = c.take()
    if (word === 'dev') f.device = c.device(c.value())
    else if (word === 'nud') {
      const name = c.value()
      if (name === 'all') f.states = new Set(states)
      else (f.states ??= new Set()).add(stateOf(name))
    } else if (word === 'unused') f.states = new Set(['STALE'])
    else if (word === 'proxy') f.proxy = true
    else if (word === 'all') continue
    else {
      if (word === 'to') word = c.value()
      if (word !== 'all') f.to = prefixOf(word)
    }
  }
  return f
}

function select(c: IpContext, f: Filter): NeighbourInfo[] {
  const to = f.to
  return c.net.neighbours(f.device).filter((n) => (n.proxy ?? false) === (f.proxy ?? false) && (f.states ? f.states.has(n.state) : n.state !== 'NOARP' && n.state !== 'NONE')
    && (!to || (to.length === 32 ? parseIpv4(n.address) === to.address : (parseIpv4(n.address)! >>> (32 - to.length)) === (to.address >>> (32 - to.length)))))
}

function show(c: IpContext): void {
  const f = read(c)
  const rows = c.options.family === 'inet6' ? [] : select(c, f)
  if (c.options.json) {
    c.json(rows.map((n) => ({ dst: n.address, ...(f.device === undefined && { dev: n.device }), ...(n.mac !== undefined && { lladdr: n.mac }), state: [n.state] })))
    return
  }
  for (const n of rows) c.print(`${n.address} ${f.device === undefined ? `dev ${n.device} ` : ''}${n.proxy ? 'proxy ' : `${n.mac !== undefined ? `lladdr ${n.mac} ` : ''}${n.state} `}\n`)
}

function flush(c: IpContext): void {
  if (!c.more) throw new IpFailure('Flush requires arguments.\n', 255)
  const f = read(c)
  if (!f.to && !f.states) {
    c.netlink(() => c.net.flushNeighbours(f.device))
    return
  }
  for (const n of select(c, f)) if (n.state !== 'PERMANENT' || f.states?.has('PERMANENT')) c.netlink(() => c.net.deleteNeighbour(n.device, n.address))
}
