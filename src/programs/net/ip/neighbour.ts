/** `ip neighbour`: show, add and its relatives, delete, flush. */
import { parseIpv4 } from '#base/ip.ts'
import type { NeighbourInfo, NeighbourState } from '#engine/net/types.ts'
import { IpFailure, duplicate, prefixOf, type IpContext } from './context.ts'
import { neighbourUsage } from './usage.ts'
import { nothing, readWords, skip, twice, verbOf, type Act, type Words } from './words.ts'

const verbs = [['add', 'add'], ['change', 'change'], ['chg', 'change'], ['replace', 'replace'], ['delete', 'delete'], ['get', 'get'], ['show', 'show'], ['lst', 'show'], ['list', 'show'], ['flush', 'flush'], ['help', 'help']] as const

export function ipNeighbour(c: IpContext): void {
  const verb = verbOf(c, verbs, 'neigh', 'show')
  if (verb === 'show') return show(c)
  if (verb === 'get') return get(c)
  if (verb === 'flush') return flush(c)
  if (verb === 'help') throw new IpFailure(neighbourUsage, 255)
  modify(c, verb)
}

const states = ['PERMANENT', 'NOARP', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'INCOMPLETE', 'FAILED', 'NONE'] as const

function stateOf(text: string): NeighbourState {
  const state = states.find((s) => s.toLowerCase() === text)
  if (!state) throw new IpFailure(`Error: argument "${text}" is wrong: nud state is bad\n`, 255)
  return state
}

interface Entry {
  address?: string
  device?: string
  mac?: string
  state: NeighbourState
  proxy?: boolean
}

const addressWord: Act<Entry> = (e, _, word) => {
  if (e.address !== undefined) throw duplicate('to', word)
  if (parseIpv4(word) === undefined) throw new IpFailure(`Error: any valid address is expected rather than "${word}".\n`, 1)
  e.address = word
}

const help: readonly [string, Act<unknown>] = ['help', () => {
  throw new IpFailure(neighbourUsage, 255)
}]

const entryWords: Words<Entry> = {
  whole: {
    lladdr: (e, c) => void (e.mac = c.value()),
    nud: (e, c) => void (e.state = stateOf(c.value())),
    proxy: (e, c) => {
      const text = c.value()
      if (e.address !== undefined) throw twice('address', text)
      addressWord(e, c, text)
      e.proxy = true
    },
    router: nothing, extern_learn: nothing, managed: nothing, use: nothing, protocol: skip,
    dev: (e, c) => void (e.device = c.value()),
    to: (e, c) => addressWord(e, c, c.value()),
  },
  short: [help],
}

function modify(c: IpContext, verb: 'add' | 'change' | 'replace' | 'delete'): void {
  const { address, device, mac, state, proxy } = readWords<Entry>(c, entryWords, { state: 'PERMANENT' }, addressWord)
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
  if (mac !== undefined && !/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(mac)) throw new IpFailure('Error: Invalid link address.\n', 2)
  // Without an address the one that is known stays.
  const known = c.net.neighbours(name).find((n) => n.address === to)?.mac
  if (mac === undefined && known !== undefined && verb !== 'add') return c.netlink(() => c.net.setNeighbour(name, to, known, { state, permanent: state === 'PERMANENT', verb }))
  if (mac === undefined) throw new IpFailure(state === 'PERMANENT' && verb !== 'change' ? 'Error: No link layer address given.\n' : 'RTNETLINK answers: Invalid argument\n', 2)
  c.netlink(() => c.net.setNeighbour(name, to, mac, { state, permanent: state === 'PERMANENT', verb }))
}

interface Filter {
  device?: string
  to?: { readonly address: number; readonly length: number }
  states?: Set<NeighbourState>
  proxy?: boolean
}

const filterWords: Words<Filter> = {
  whole: {
    dev: (f, c) => void (f.device = c.device(c.value())),
    master: skip, vrf: skip, nomaster: nothing, protocol: skip,
    unused: (f) => void (f.states = new Set(['STALE', 'FAILED'])),
    nud: (f, c) => {
      const name = c.value()
      if (name === 'all') f.states = new Set(states)
      else (f.states ??= new Set()).add(stateOf(name))
    },
    proxy: (f) => void (f.proxy = true),
    to: (f, c) => toWord(f, c, c.value()),
  },
  short: [help],
}

function toWord(f: Filter, _: IpContext, word: string): void {
  if (word !== 'all' && word !== 'any' && word !== 'default') f.to = prefixOf(word)
}

const read = (c: IpContext): Filter => readWords<Filter>(c, filterWords, {}, toWord)

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
  if (c.options.brief) for (const n of rows) c.print(`${c.paint('inet', `${n.address.padEnd(39)} `)}${c.paint('device', `${n.device.padEnd(16)} `)}${n.mac === undefined ? '' : c.paint('mac', n.mac)}\n`)
  else for (const n of rows) c.print(neighbourText(c, n, f.device === undefined))
}

function neighbourText(c: IpContext, n: NeighbourInfo, device: boolean): string {
  return `${c.paint('inet', `${n.address} `)}${device ? `dev ${c.paint('device', `${n.device} `)}` : ''}${n.proxy ? 'proxy ' : `${n.mac !== undefined ? `lladdr ${c.paint('mac', `${n.mac} `)}` : ''}${n.state} `}\n`
}

const getWords: Words<Entry> = { whole: { dev: entryWords.whole['dev']!, proxy: entryWords.whole['proxy']!, to: entryWords.whole['to']! }, short: [help] }

function get(c: IpContext): void {
  const { address, device, proxy } = readWords<Entry>(c, getWords, { state: 'PERMANENT' }, addressWord)
  if (address === undefined || device === undefined) throw new IpFailure('Device and address are required arguments.\n', 1)
  const name = c.device(device)
  const found = c.net.neighbours(name).find((n) => n.address === address && (n.proxy ?? false) === (proxy ?? false))
  if (!found) throw new IpFailure('Error: Neighbour entry not found.\n', 2)
  c.print(neighbourText(c, found, true))
}

function flush(c: IpContext): void {
  if (!c.more) throw new IpFailure('Flush requires arguments.\n', 1)
  const f = read(c)
  const gone = select(c, f).filter((n) => f.states?.has(n.state) ?? (n.state !== 'PERMANENT' && n.state !== 'NOARP'))
  if (!f.to && !f.states) c.netlink(() => c.net.flushNeighbours(f.device))
  else for (const n of gone) c.netlink(() => c.net.deleteNeighbour(n.device, n.address))
  c.flushed(gone.length)
}
