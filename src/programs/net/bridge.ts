/** `bridge` of iproute2 6.1: link, fdb, and the plain answer of `vlan`. */
import { NetError } from '#engine/net/error.ts'
import type { FdbInfo, LinkInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
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

export const bridge: Program = async (p) => {
  const args = p.argv.slice(1)
  let details = false
  let json = false
  while (args[0]?.startsWith('-')) {
    const flag = args.shift()!.replace(/^--/, '-')
    if ('-details'.startsWith(flag) && flag.length > 1) details = true
    else if ('-json'.startsWith(flag)) json = true
    else if (flag === '-V' || flag === '-Version') {
      await say(p, 'bridge utility, 6.1.0\n')
      return 0
    }
  }
  const object = args.shift()
  try {
    let out = ''
    if (object === undefined || 'help'.startsWith(object)) throw new Failure('Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }\n       bridge [ -force ] -batch filename\nwhere  OBJECT := { link | fdb | mdb | vlan | vni | monitor }\n', 255)
    if ('link'.startsWith(object)) out = link(p, args, details)
    else if ('fdb'.startsWith(object)) out = fdb(p, args, json)
    else if ('vlan'.startsWith(object)) out = 'port              vlan-id  \n' + [...p.net.links.values()].filter((l) => l.bridge || l.port).map((l) => `${l.name.padEnd(18)}1 PVID Egress Untagged\n`).join('')
    else throw new Failure(`Object "${object}" is unknown, try "bridge help".\n`, 255)
    await say(p, out)
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

function link(p: Process, args: string[], details: boolean): string {
  const verb = args.shift() ?? 'show'
  const device = () => {
    const at = args.indexOf('dev')
    return at >= 0 ? args[at + 1] : undefined
  }
  if ('show'.startsWith(verb) || verb === 'list' || verb === 'lst') {
    const name = device()
    if (name !== undefined && !p.net.links.has(name)) throw new Failure(`Cannot find bridge device "${name}"\n`, 1)
    return [...p.net.links.values()].filter((l) => l.port && (name === undefined || l.name === name)).sort((a, b) => a.index - b.index).map((l) => linkLine(p, l, details)).join('')
  }
  if (verb === 'set') {
    const name = device()
    if (name === undefined) throw new Failure('Device is a required argument.\n', 255)
    const l = p.net.links.get(name)
    if (!l) throw new Failure(`Cannot find bridge device "${name}"\n`, 255)
    if (!l.port) throw new NetError('EOPNOTSUPP')
    const at = args.indexOf('hairpin')
    if (at >= 0) p.net.setLink(name, { hairpin: args[at + 1] === 'on' })
    return ''
  }
  throw new Failure(`Command "${verb}" is unknown, try "bridge link help".\n`, 255)
}

function fdb(p: Process, args: string[], json: boolean): string {
  const verb = args.shift() ?? 'show'
  if ('show'.startsWith(verb) || verb === 'list' || verb === 'lst') {
    let device: string | undefined
    let of: string | undefined
    for (let i = 0; i < args.length; i++) {
      const word = args[i]!
      if (word === 'br' || word === 'brport' || word === 'dev') {
        const name = args[++i] ?? ''
        if (!p.net.links.has(name)) throw new Failure(`Cannot find ${word === 'br' ? 'bridge ' : ''}device "${name}"\n`.replace('bridge device', 'bridge device'), 255)
        if (word === 'br') of = name
        else device = name
      }
    }
    const rows = p.net.fdb().filter((e) => (device === undefined || e.device === device) && (of === undefined || e.master === of || e.device === of || p.net.links.get(e.device)?.master === of))
    if (json) return JSON.stringify(rows.map((e) => ({ mac: e.mac, ...(device === undefined && { ifname: e.device }), ...(e.remote !== undefined && { dst: e.remote }), flags: e.self ? ['self'] : [], ...(e.master !== undefined && { master: e.master }), state: stateText(e) }))) + '\n'
    return rows.map((e) => `${e.mac} ${device === undefined ? `dev ${e.device} ` : ''}${e.remote !== undefined ? `dst ${e.remote} ` : ''}${e.vlan !== undefined ? `vlan ${e.vlan} ` : ''}${e.self ? 'self ' : ''}${e.master !== undefined ? `master ${e.master} ` : ''}${stateText(e)}` + '\n').join('')
  }
  if (!p.can('NET_ADMIN') && verb !== 'get') throw new NetError('EPERM')
  const change = (['add', 'append', 'replace', 'delete'] as const).find((v) => v.startsWith(verb))
  if (!change) throw new Failure(`Command "${verb}" is unknown, try "bridge fdb help".\n`, 255)
  let mac: string | undefined
  let device: string | undefined
  let remote: string | undefined
  let master = false
  let permanent = true
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!
    if (word === 'dev') device = args[++i]
    else if (word === 'dst') remote = args[++i]
    else if (word === 'master') master = true
    else if (word === 'static' || word === 'temp' || word === 'dynamic') permanent = false
    else if (word === 'vlan' || word === 'port' || word === 'vni' || word === 'via') i++
    else if (/^[0-9a-f:]{11,17}$/i.test(word)) mac = word
  }
  if (device === undefined || mac === undefined) throw new Failure('Device and address are required arguments.\n', 255)
  if (!p.net.links.has(device)) throw new Failure(`Cannot find device "${device}"\n`, 255)
  if (change === 'delete') p.net.deleteFdb(device, mac, { ...(remote !== undefined && { remote }), ...(master && { master }) })
  else p.net.setFdb(device, mac, { ...(remote !== undefined && { remote }), permanent, ...(master && { master }), verb: change })
  return ''
}

function stateText(e: FdbInfo): string {
  return e.state === 'permanent' ? 'permanent' : e.state === 'static' ? 'static' : ''
}
