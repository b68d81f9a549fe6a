/**
 * The five hooks: in which order a packet meets connection tracking, the tables and address translation at each of them.
 *
 *   PREROUTING raw, conntrack, mangle, nat       INPUT  mangle, filter, security, nat, confirm
 *   FORWARD    mangle, filter, security          OUTPUT raw, conntrack, mangle, nat, filter, security
 *   POSTROUTING mangle, nat, confirm
 *
 * Base chains of nftables stand between them by their priorities (steps.ts).
 */
import { bindNull, isBound, translate, type Manip } from '../conntrack/nat.ts'
import type { Connection } from '../conntrack/entry.ts'
import { confirm, trackIn } from '../conntrack/track.ts'
import type { Device } from '../device.ts'
import type { Namespace } from '../namespace.ts'
import type { Packet } from '../packet.ts'
import { formatIpv4 } from '#base/ip.ts'
import type { Path } from '../route.ts'
import { drop } from '../trace.ts'
import type { Chain } from './chain.ts'
import { ACCEPT, DROP, type HookContext } from './extension.ts'
import { stageName } from './stages.ts'
import type { NativeChain, NatRunner } from './steps.ts'

export const PREROUTING = 0
export const INPUT = 1
export const FORWARD = 2
export const OUTPUT = 3
export const POSTROUTING = 4

/** '' when the packet goes on, else the errno that a local sender sees; the walk has been ended then. */
export function runHook(ns: Namespace, hook: number, p: Packet, input: Device | undefined, output: Device | undefined, path?: Path): string {
  const state = ns.netfilter
  for (const step of state.steps[hook]!) {
    if (step === 'track') {
      if (!state.tracking) continue
      if (!trackIn(ns, p)) {
        drop(ns, p, stageName(hook, 'conntrack'), 'the connection table is full')
        return 'EPERM'
      }
      if (p.walk) p.walk.note(ns, p, stageName(hook, 'conntrack'), p.track === 'none' ? 'invalid' : p.track)
      continue
    }
    if (step === 'confirm') {
      if (p.connection && !p.connection.confirmed && !confirm(ns, p)) {
        drop(ns, p, stageName(hook, 'conntrack'), 'another connection has taken the same addresses and ports')
        return 'EPERM'
      }
      continue
    }
    if (step === 'nat') {
      if (!state.natting) continue
      const failed = natHook(ns, hook, p, input, output, path)
      if (failed) return 'EPERM'
      continue
    }
    if (typeof step !== 'string') {
      if (!step.run(p, { ns, hook, input, output, path, table: 'filter' })) return 'EPERM'
      continue
    }
    const chain = state.base[hook]![step]
    if (chain === undefined) continue
    const h: HookContext = { ns, hook, input, output, path, table: step }
    if (!runBase(chain, p, h)) return 'EPERM'
  }
  return ''
}

/** True when accepted. */
function runBase(chain: Chain, p: Packet, h: HookContext): boolean {
  const state = h.ns.netfilter
  let outcome = chain.run(p, h, 0)
  if (outcome === 0) {
    if (chain.counting && !h.ns.network.looking) {
      chain.packets++
      chain.bytes += p.length
    }
    if (chain.policy === 'DROP') {
      outcome = DROP
      state.decided = undefined
    } else return true
  }
  if (outcome === ACCEPT) return true
  if (!p.walk) return false
  const by = state.decided
  drop(h.ns, p, stageName(h.hook, h.table), by ? `dropped by a rule of table ${h.table}` : `policy DROP of chain ${chain.name}`, by ? `-A ${by.chain.name} ${by.rule.text}` : `-P ${chain.name} DROP`)
  return false
}

/** Chains of type nat one after the other, until one has bound the connection. True when the packet goes on. */
function askAll(chains: readonly NatRunner[], c: Connection, manip: Manip, p: Packet, h: HookContext): boolean {
  for (const chain of chains) {
    if (!(isNative(chain) ? chain.run(p, h) : runBase(chain, p, h))) return false
    if (isBound(c, manip)) return true
  }
  return true
}

const isNative = (chain: NatRunner): chain is NativeChain => 'nat' in chain

/** nf_nat_inet_fn: the chain is asked only for the first packet of a connection. True when the packet is dropped. */
function natHook(ns: Namespace, hook: number, p: Packet, input: Device | undefined, output: Device | undefined, path: Path | undefined): boolean {
  const c = p.connection
  if (!c) return false
  const manip: Manip = hook === PREROUTING || hook === OUTPUT ? 'destination' : 'source'
  if (p.track === 'new' && !isBound(c, manip)) {
    if (!c.confirmed) {
      const { natChains } = ns.netfilter
      const h: HookContext = { ns, hook, input, output, path, table: 'nat' }
      if (natChains) {
        if (!askAll(natChains[hook]!, c, manip, p, h)) return true
      } else {
        const chain = ns.netfilter.base[hook]!['nat']
        if (chain && !runBase(chain, p, h)) return true
      }
    }
    if (!isBound(c, manip)) bindNull(ns, c, manip)
  } else if (p.track !== 'related' && c.masqueradeIndex !== 0 && hook === POSTROUTING && output && c.masqueradeIndex !== output.index && !p.isReply) {
    // the way out has changed: the masqueraded connection is dead
    ns.conntrack.remove(c)
    drop(ns, p, stageName(hook, 'nat'), 'masqueraded for another device')
    return true
  }
  if (p.track === 'related' && p.icmpType === 5 && (c.sourceNat || c.destinationNat || !c.sourceDone || !c.destinationDone)) {
    drop(ns, p, stageName(hook, 'nat'), 'a redirect for a translated connection')
    return true
  }
  if (!p.walk) {
    translate(p, manip)
    return false
  }
  const before = `${formatIpv4(p.source)} to ${formatIpv4(p.destination)}`
  if (translate(p, manip)) p.walk.note(ns, p, stageName(hook, 'nat'), p.isReply ? `translated back: was ${before}` : `translated: was ${before}`)
  return false
}
