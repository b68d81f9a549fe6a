/**
 * What happens at each hook, in the kernel's order of priorities: connection tracking, the tables of iptables, address translation, and the base
 * chains of nftables between them. Of equal priority the one that was registered last comes first (nf_hook_entries_grow).
 */
import type { Packet } from '../packet.ts'
import type { Chain } from './chain.ts'
import type { HookContext } from './extension.ts'

export type Step = 'track' | 'raw' | 'mangle' | 'nat' | 'filter' | 'security' | 'confirm'

/** A base chain of nftables. */
export interface NativeChain {
  readonly priority: number
  readonly order: number
  readonly nat: boolean
  /** True when the packet goes on. */
  run(p: Packet, h: HookContext): boolean
}

export type HookStep = Step | NativeChain
/** A chain that the nat step asks: iptables' or a native one. */
export type NatRunner = Chain | NativeChain

const priorities: Readonly<Record<Step, number>> = { raw: -300, track: -200, mangle: -150, nat: 0, filter: 0, security: 50, confirm: Infinity }

/** PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING. */
export const plainSteps: readonly (readonly Step[])[] = [
  ['raw', 'track', 'mangle', 'nat'],
  ['mangle', 'filter', 'security', 'nat', 'confirm'],
  ['mangle', 'filter', 'security'],
  ['raw', 'track', 'mangle', 'nat', 'filter', 'security'],
  ['mangle', 'nat', 'confirm'],
]

/** Translation of destinations comes before the filters, of sources after them. */
const natPriority = (hook: number) => (hook === 0 || hook === 3 ? -100 : 100)

type Chains = Partial<Record<'raw' | 'mangle' | 'nat' | 'filter' | 'security', Chain>>

interface Placed {
  readonly step: HookStep
  readonly priority: number
  readonly order: number
}

const before = (a: Placed, b: Placed) => (a.priority === b.priority ? b.order - a.order : a.priority - b.priority)

export function stepsWith(base: readonly Chains[], native: readonly (readonly NativeChain[])[]): { readonly steps: readonly (readonly HookStep[])[]; readonly natChains: readonly (readonly NatRunner[])[] } {
  const steps = plainSteps.map((list, hook) => {
    const placed: Placed[] = list.map((step) => ({ step, priority: step === 'nat' ? natPriority(hook) : priorities[step], order: base[hook]![step as 'raw']?.order ?? 0 }))
    for (const chain of native[hook]!) if (!chain.nat) placed.push({ step: chain, priority: chain.priority, order: chain.order })
    return placed.sort(before).map((x) => x.step)
  })
  const natChains = native.map((list, hook) => {
    const placed: { readonly chain: NatRunner; readonly priority: number; readonly order: number }[] = list.filter((c) => c.nat).map((chain) => ({ chain, priority: chain.priority, order: chain.order }))
    const own = base[hook]!.nat
    if (own) placed.push({ chain: own, priority: natPriority(hook), order: own.order })
    return placed.sort((a, b) => (a.priority === b.priority ? b.order - a.order : a.priority - b.priority)).map((x) => x.chain)
  })
  return { steps, natChains }
}
