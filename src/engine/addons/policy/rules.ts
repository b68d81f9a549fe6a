/**
 * The iptables rules of one policy or one pod as felix writes them (iptables data plane). A policy chain marks what it accepts with 0x10000; a
 * pod's chain runs the policies that select it and drops what none of them accepted.
 */
import type { CompiledPolicy, CompiledRule, Peer, PortSet } from './compile.ts'
import { policyChain, profileChain, ruleHashes, workloadChain } from './names.ts'
import type { Direction, PolicyPod } from './types.ts'

export const acceptMark = '0x10000/0x10000'

/** Names of the sets that stand for peers and named ports; asking for one makes sure that it is there. */
export interface SetBook {
  pods(peer: Peer & { readonly kind: 'pods' }): string
  namedPort(name: string, protocol: string): string
}

const note = (text: string) => `-m comment --comment "${text.slice(0, 255)}"`

function portMatches(set: PortSet, book: SetBook): string[] {
  if (set.all) return ['']
  const out: string[] = []
  const words = set.ranges.map((r) => (r.from === r.to ? String(r.from) : `${r.from}:${r.to}`))
  // A range takes two of the fifteen places of a multiport match.
  let group: string[] = []
  let places = 0
  for (const word of words) {
    const need = word.includes(':') ? 2 : 1
    if (places + need > 15) {
      out.push(`-m multiport --dports ${group.join(',')}`)
      group = []
      places = 0
    }
    group.push(word)
    places += need
  }
  if (group.length > 0) out.push(`-m multiport --dports ${group.join(',')}`)
  for (const name of set.names) out.push(`-m set --match-set ${book.namedPort(name, set.protocol)} dst,dst`)
  return out
}

const join = (...parts: readonly string[]) => parts.filter((p) => p !== '').join(' ')

function ruleLines(rule: CompiledRule, direction: Direction, comment: string, book: SetBook): string[] {
  const lines: string[] = []
  const side = direction === 'ingress' ? 'src' : 'dst'
  const flag = direction === 'ingress' ? '-s' : '-d'
  const ports = rule.ports ? rule.ports.flatMap((set) => portMatches(set, book).map((match) => ({ protocol: `-p ${set.protocol.toLowerCase()}`, match }))) : [{ protocol: '', match: '' }]
  for (const peer of rule.peers ?? [undefined]) {
    let address = ''
    let match = ''
    if (peer?.kind === 'pods') match = `-m set --match-set ${book.pods(peer)} ${side}`
    else if (peer && peer.cidr.includes(':')) continue
    else if (peer && peer.except.filter((e) => !e.includes(':')).length === 0) address = `${flag} ${peer.cidr}`
    else if (peer) {
      lines.push(`${note(comment)} -j MARK --set-xmark 0x0/0x40000`)
      lines.push(`${flag} ${peer.cidr} ${note(comment)} -j MARK --set-xmark 0x40000/0x40000`)
      for (const except of peer.except) if (!except.includes(':')) lines.push(`${flag} ${except} ${note(comment)} -j MARK --set-xmark 0x0/0x40000`)
      match = '-m mark --mark 0x40000/0x40000'
    }
    for (const p of ports) lines.push(join(address, p.protocol, note(comment), match, p.match, '-j MARK --set-xmark 0x10000/0x10000'))
    lines.push(`-m mark --mark ${acceptMark} -j RETURN`)
  }
  return lines
}

/** The chain of a policy for one direction. */
export function policyLines(policy: CompiledPolicy, direction: Direction, book: SetBook): string[] {
  const comment = `Policy ${policy.namespace}/knp.default.${policy.name} ${direction}`
  return (policy[direction] ?? []).flatMap((rule) => ruleLines(rule, direction, comment, book))
}

/** Every namespace has a profile that accepts everything; it counts for pods that no policy isolates. */
export function profileLines(namespace: string, direction: Direction): string[] {
  return [`${note(`Profile kns.${namespace} ${direction}`)} -j MARK --set-xmark 0x10000/0x10000`, `-m mark --mark ${acceptMark} -j RETURN`]
}

/** The chain of a pod's interface: `policies` are those that select it in this direction. */
export function workloadLines(pod: PolicyPod, direction: Direction, policies: readonly CompiledPolicy[]): string[] {
  const lines = ['-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-m conntrack --ctstate INVALID -j DROP', '-j MARK --set-xmark 0x0/0x10000']
  if (direction === 'egress') {
    lines.push(`-p udp ${note('Drop VXLAN encapped packets originating in workloads')} -m multiport --dports 4789 -j DROP`)
    lines.push(`-p 4 ${note('Drop IPinIP encapped packets originating in workloads')} -j DROP`)
  }
  if (policies.length > 0) {
    lines.push(`${note('Start of tier default')} -j MARK --set-xmark 0x0/0x20000`)
    for (const policy of policies) {
      if ((policy[direction] ?? []).length > 0) lines.push(`-m mark --mark 0x0/0x20000 -j ${policyChain(policy.namespace, policy.name, direction)}`, `${note('Return if policy accepted')} -m mark --mark ${acceptMark} -j RETURN`)
    }
    lines.push(`${note('End of tier default. Drop if no policies passed packet')} -m mark --mark 0x0/0x20000 -j DROP`)
    return lines
  }
  lines.push(`-j ${profileChain(`kns.${pod.namespace}`, direction)}`, `${note('Return if profile accepted')} -m mark --mark ${acceptMark} -j RETURN`, `${note('Drop if no profiles matched')} -j DROP`)
  return lines
}

/** The lines with felix's hash comments in front of their own matches. */
export function withHashes(chain: string, lines: readonly string[]): string[] {
  const hashes = ruleHashes(chain, lines)
  return lines.map((line, i) => {
    // Addresses, interfaces and protocol stand before matches in iptables-save.
    const head = /^(?:(?:! )?-[sdiop] \S+ )*/.exec(line)![0]
    return `${head}-m comment --comment "cali:${hashes[i]}" ${line.slice(head.length)}`
  })
}

export interface Dispatch {
  readonly iface: string
}

/** Chains that do not depend on pods or policies. */
export function staticChains(): ReadonlyMap<string, readonly string[]> {
  return new Map([
    ['cali-FORWARD', ['-j MARK --set-xmark 0x0/0xe0000', '-i cali+ -j cali-from-wl-dispatch', '-o cali+ -j cali-to-wl-dispatch']],
    ['cali-INPUT', ['-i cali+ -g cali-wl-to-host', `-m mark --mark ${acceptMark} -j ACCEPT`]],
    ['cali-OUTPUT', [`-m mark --mark ${acceptMark} -j ACCEPT`, '-o cali+ -j RETURN']],
    ['cali-wl-to-host', ['-j cali-from-wl-dispatch', `${note('Configured DefaultEndpointToHostAction')} -j ACCEPT`]],
  ])
}

export function dispatchLines(ifaces: readonly string[], direction: Direction): string[] {
  const flag = direction === 'egress' ? '-i' : '-o'
  return [...[...ifaces].sort().map((iface) => `${flag} ${iface} -g ${workloadChain(iface, direction)}`), `${note('Unknown interface')} -j DROP`]
}

/** Rules of the built-in chains, each at its place: inserted first or appended. */
export const hooks: readonly { readonly chain: string; readonly rule: string; readonly at: 'first' | 'last' }[] = [
  { chain: 'INPUT', rule: '-m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT', at: 'first' },
  { chain: 'FORWARD', rule: '-m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD', at: 'first' },
  { chain: 'OUTPUT', rule: '-m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT', at: 'first' },
  { chain: 'FORWARD', rule: `-m comment --comment "cali:S93hcgKJrXEqnTfs" -m comment --comment "Policy explicitly accepted packet." -m mark --mark ${acceptMark} -j ACCEPT`, at: 'last' },
  { chain: 'FORWARD', rule: '-m comment --comment "cali:mp77cMpurHhyjLrM" -j MARK --set-xmark 0x10000/0x10000', at: 'last' },
]
