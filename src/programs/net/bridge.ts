/** `bridge` of iproute2 6.1: link, fdb, and the plain answers of vlan, mdb and vni. Attributes of ports other than hairpin are read and forgotten. */
import { parseIpv4 } from '#base/ip.ts'
import { NetError } from '#engine/net/error.ts'
import type { FdbInfo, LinkInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { bridgeUsage, fdbUsage, linkUsage, vlanUsage } from './bridge-usage.ts'
import { prettyJson } from './ip/context.ts'
import { complain, say } from './support.ts'

class Failure extends Error {
  readonly text: string
  readonly code: number
  constructor(text: string, code: number) {
    super(text)
    this.text = text
    this.code = code
  }
}

interface Options {
  details: boolean
  json: boolean
  pretty: boolean
  statistics: boolean
}

const flags: readonly (readonly [string, (o: Options) => void])[] = [
  ['-help', () => {
    throw new Failure(bridgeUsage, 255)
  }],
  ['-Version', () => {
    throw new Failure('', 0)
  }],
  ['-stats', (o) => void (o.statistics = true)], ['-statistics', (o) => void (o.statistics = true)], ['-details', (o) => void (o.details = true)], ['-oneline', () => {}], ['-timestamp', () => {}], ['-tshort', () => {}], ['-force', () => {}], ['-json', (o) => void (o.json = true)], ['-pretty', (o) => void (o.pretty = true)], ['-color', () => {}], ['-compressvlans', () => {}],
]

export const bridge: Program = async (p) => {
  const args = p.argv.slice(1)
  const o: Options = { details: false, json: false, pretty: false, statistics: false }
  try {
    while (args[0]?.startsWith('-')) {
      const given = args.shift()!
      const flag = given.replace(/^--/, '-')
      const found = flag.length > 1 ? flags.find(([whole]) => whole.startsWith(flag)) : undefined
      if (!found) throw new Failure(`Option "${flag}" is unknown, try "bridge help".\n`, 255)
      if (found[0] === '-Version') {
        await say(p, 'bridge utility, 6.1.0\n')
        return 0
      }
      found[1](o)
    }
    const object = args.shift()
    if (object === undefined || 'help'.startsWith(object)) throw new Failure(bridgeUsage, 255)
    const run = objects.find(([whole]) => whole.startsWith(object))?.[1]
    if (!run) throw new Failure(`Object "${object}" is unknown, try "bridge help".\n`, 255)
    await say(p, run(p, args, o))
    return 0
  } catch (error) {
    if (error instanceof NetError) {
      await complain(p, error.extended ? `Error: ${error.message}\n` : `RTNETLINK answers: ${error.message}\n`)
      return 255
    }
    if (!(error instanceof Failure)) throw error
    await complain(p, error.text)
    return error.code
  }
}

type Run = (p: Process, args: string[], o: Options) => string

const objects: readonly (readonly [string, Run])[] = [
  ['link', link], ['fdb', fdb], ['vlan', vlan], ['mdb', () => ''], ['vni', () => 'dev               vni              group/remote   \n'],
  ['monitor', (_, args) => {
    throw new Failure(args[0] === undefined ? '' : `Argument "${args[0]}" is unknown, try "bridge monitor help".\n`, 255)
  }],
]

const verbOf = (args: string[], verbs: readonly string[], object: string, help: string): string => {
  const word = args.shift()
  if (word === undefined) return 'show'
  const verb = [...verbs, 'help'].find((v) => v.startsWith(word))
  if (verb === undefined) throw new Failure(`Command "${word}" is unknown, try "bridge ${object} help".\n`, 255)
  if (verb === 'help') throw new Failure(help, 255)
  return verb === 'lst' || verb === 'list' ? 'show' : verb
}

const value = (args: string[]): string => {
  const word = args.shift()
  if (word === undefined) throw new Failure('Command line is not complete. Try option "help"\n', 255)
  return word
}

const json = (o: Options, rows: readonly unknown[]) => (o.pretty ? prettyJson(rows) : JSON.stringify(rows) + '\n')

const onOff = (on: boolean) => (on ? 'on' : 'off')

function linkLine(p: Process, l: LinkInfo, details: boolean): string {
  const port = l.port!
  const peerHere = l.peer ? [...p.net.links.values()].find((x) => x.index === l.peer!.index) : undefined
  // bridge shows the index of the other side as if it were in this namespace.
  const at = l.peer ? (peerHere && peerHere !== l ? `@${peerHere.name}` : '') : ''
  const flags = at !== '' && !peerHere!.up && !l.flags.includes('M-DOWN') ? [...l.flags, 'M-DOWN'] : l.flags.filter((f) => f !== 'M-DOWN' || at !== '')
  const text = `${l.index}: ${l.name}${at}: <${flags.join(',')}> mtu ${l.mtu} master ${l.master} state ${port.state} priority ${port.priority} cost ${port.cost} \n`
  if (!details) return text
  return `${text}    hairpin ${onOff(port.hairpin)} guard off root_block off fastleave off learning ${onOff(port.learning)} flood ${onOff(port.flood)} mcast_flood on bcast_flood on mcast_router 1 mcast_to_unicast off neigh_suppress off vlan_tunnel off isolated ${onOff(port.isolated)} locked off \n`
}

const portSwitches = new Set(['guard', 'hairpin', 'fastleave', 'root_block', 'learning', 'learning_sync', 'flood', 'mcast_flood', 'bcast_flood', 'mcast_to_unicast', 'neigh_suppress', 'vlan_tunnel', 'isolated', 'locked'])
const portNumbers = new Set(['cost', 'priority', 'mcast_router'])
const portStates = ['disabled', 'listening', 'learning', 'forwarding', 'blocking']

function link(p: Process, args: string[], o: Options): string {
  const verb = verbOf(args, ['set', 'show', 'lst', 'list'], 'link', linkUsage)
  if (verb === 'show') {
    let name: string | undefined
    while (args.length > 0) {
      const word = args.shift()!
      name = word === 'dev' ? value(args) : word === 'master' ? (value(args), name) : word
    }
    if (name !== undefined && !p.net.links.has(name)) throw new Failure(`Cannot find device "${name}"\n`, 255)
    const ports = [...p.net.links.values()].filter((l) => l.port && (name === undefined || l.name === name)).sort((a, b) => a.index - b.index)
    if (o.json) return json(o, ports.map((l) => ({ ifindex: l.index, ifname: l.name, flags: l.flags, mtu: l.mtu, master: l.master, state: l.port!.state, priority: l.port!.priority, cost: l.port!.cost })))
    return ports.map((l) => linkLine(p, l, o.details)).join('')
  }
  let name: string | undefined
  let hairpin: boolean | undefined
  while (args.length > 0) {
    const word = args.shift()!
    if (word === 'dev') name = value(args)
    else if (portSwitches.has(word)) {
      const on = value(args)
      if (on !== 'on' && on !== 'off') throw new Failure(`Error: argument of "${word}" must be one of "off", "on", not "${on}"\n`, 234)
      if (word === 'hairpin') hairpin = on === 'on'
    } else if (word === 'state') {
      const state = value(args)
      if (!portStates.includes(state) && !/^[0-4]$/.test(state)) throw /^\d+$/.test(state) ? new NetError('EINVAL') : new Failure(`Error: invalid STP port state\n`, 255)
    } else if (portNumbers.has(word) || word === 'hwmode' || word === 'backup_port' || word === 'mcast_max_groups') value(args)
    else if (!['self', 'master', 'nobackup_port'].includes(word)) throw new Failure(linkUsage, 255)
  }
  if (name === undefined) throw new Failure('Device is a required argument.\n', 255)
  const l = p.net.links.get(name)
  if (!l) throw new Failure(`Cannot find bridge device "${name}"\n`, 255)
  if (!l.port) throw new NetError('EOPNOTSUPP')
  if (hairpin !== undefined) p.net.setLink(name, { hairpin })
  return ''
}

function vlan(p: Process, args: string[]): string {
  const verb = verbOf(args, ['add', 'delete', 'show', 'lst', 'list', 'set', 'tunnelshow'], 'vlan', vlanUsage)
  const at = args.indexOf('dev')
  const device = at >= 0 ? args[at + 1] : undefined
  if (device !== undefined && !p.net.links.has(device)) throw new Failure(`Cannot find ${verb === 'show' ? '' : 'bridge '}device "${device}"\n`, 255)
  if (verb !== 'show') {
    if (device === undefined || !args.includes('vid')) throw new Failure('Device and VLAN ID are required arguments.\n', 255)
    return ''
  }
  return 'port              vlan-id  \n' + [...p.net.links.values()].filter((l) => (l.bridge || l.port) && (device === undefined || l.name === device)).map((l) => `${l.name.padEnd(18)}1 PVID Egress Untagged\n`).join('')
}

interface Entry {
  mac?: string
  device?: string
  remote?: string
  group?: string
  master: boolean
  permanent: boolean
}

type Act = (e: Entry, args: string[], word: string) => void

const dynamic: Act = (e) => void (e.permanent = false)
const numbered: Act = (_, args, word) => {
  const number = value(args)
  if (!/^\d+$/.test(number)) throw new Failure(`Error: argument "${number}" is wrong: invalid ${word}\n`, 255)
}
const forgotten: Act = (_, args) => void value(args)
const nothing: Act = () => {}

const entryWords: Readonly<Record<string, Act>> = {
  dev: (e, args) => void (e.device = value(args)), br: (e, args) => void (e.group = value(args)),
  dst: (e, args) => {
    e.remote = value(args)
    if (parseIpv4(e.remote) === undefined) throw new Failure(`Error: any valid address is expected rather than "${e.remote}".\n`, 1)
  },
  master: (e) => void (e.master = true),
  static: dynamic, temp: dynamic, dynamic,
  port: numbered, vni: numbered, src_vni: numbered, vlan: numbered,
  via: forgotten, nhid: forgotten, brport: forgotten,
  self: nothing, permanent: nothing, local: nothing, use: nothing, router: nothing, extern_learn: nothing, sticky: nothing, to: nothing,
}

function fdb(p: Process, args: string[], o: Options): string {
  const verb = verbOf(args, ['add', 'append', 'replace', 'delete', 'get', 'show', 'lst', 'list', 'flush'], 'fdb', fdbUsage)
  if (verb === 'show') return showFdb(p, args, o)
  const e: Entry = { master: false, permanent: true }
  while (args.length > 0) {
    const word = args.shift()!
    const act = Object.hasOwn(entryWords, word) ? entryWords[word] : undefined
    if (act) act(e, args, word)
    else if (e.mac !== undefined) throw new Failure(`Error: either "to" is duplicate, or "${word}" is a garbage.\n`, 255)
    else e.mac = word
  }
  const { mac, device, remote, group, master, permanent } = e
  if (verb === 'flush') {
    if (device === undefined && group === undefined) throw new Failure('Device is a required argument.\n', 255)
    for (const e of p.net.fdb(device ?? group)) if (e.state === 'learnt') p.net.deleteFdb(e.device, e.mac, { ...(e.remote !== undefined && { remote: e.remote }), ...(e.master !== undefined && { master: true }) })
    return ''
  }
  if (mac === undefined || (device === undefined && (verb !== 'get' || group === undefined))) throw new Failure(`Device ${verb === 'get' ? 'or master ' : ''}and address are required arguments.\n`, 255)
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(mac)) throw new Failure(`Invalid mac address ${mac}\n`, 255)
  for (const name of [device, group]) if (name !== undefined && !p.net.links.has(name)) throw new Failure(`Cannot find device "${name}"\n`, 255)
  const address = mac.toLowerCase()
  if (verb === 'get') {
    const found = p.net.fdb().find((e) => e.mac === address && (device === undefined || e.device === device) && (group === undefined || e.master === group))
    if (!found) throw new Failure('Error: Fdb entry not found.\n', 254)
    return entryLine(found, true)
  }
  if (!p.can('NET_ADMIN')) throw new NetError('EPERM')
  if (verb === 'delete') p.net.deleteFdb(device!, mac, { ...(remote !== undefined && { remote }), ...(master && { master }) })
  else p.net.setFdb(device!, mac, { ...(remote !== undefined && { remote }), permanent, ...(master && { master }), verb: verb as 'add' | 'append' | 'replace' })
  return ''
}

const entryLine = (e: FdbInfo, named: boolean) => `${e.mac} ${named ? `dev ${e.device} ` : ''}${e.remote !== undefined ? `dst ${e.remote} ` : ''}${e.vlan !== undefined ? `vlan ${e.vlan} ` : ''}${e.self ? 'self ' : ''}${e.master !== undefined ? `master ${e.master} ` : ''}${stateText(e)}\n`

function showFdb(p: Process, args: string[], o: Options): string {
  let device: string | undefined
  let of: string | undefined
  while (args.length > 0) {
    const word = args.shift()!
    if (word !== 'br' && word !== 'brport' && word !== 'dev') continue
    const name = value(args)
    if (!p.net.links.has(name)) throw new Failure(`Cannot find ${word === 'br' ? 'bridge ' : ''}device "${name}"\n`, 255)
    if (word === 'br') of = name
    else device = name
  }
  const rows = p.net.fdb().filter((e) => (device === undefined || e.device === device) && (of === undefined || e.master === of || e.device === of || p.net.links.get(e.device)?.master === of))
  if (o.json) return json(o, rows.map((e) => ({ mac: e.mac, ...(device === undefined && { ifname: e.device }), ...(e.remote !== undefined && { dst: e.remote }), flags: e.self ? ['self'] : [], ...(e.master !== undefined && { master: e.master }), state: stateText(e) })))
  return rows.map((e) => entryLine(e, device === undefined)).join('')
}

function stateText(e: FdbInfo): string {
  return e.state === 'permanent' ? 'permanent' : e.state === 'static' ? 'static' : ''
}
