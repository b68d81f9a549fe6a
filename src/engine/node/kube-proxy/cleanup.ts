/**
 * What kube-proxy takes away of another mode when it starts, and of all modes with --cleanup (CleanupLeftovers). The iptables chains that a kubelet
 * needs as well stay.
 */
import type { Netfilter, Nftables } from '#engine/net/types.ts'
import { isServiceChain } from './names.ts'

const tables = ['mangle', 'filter', 'nat'] as const

/** Chains that are its own in each table; those that rules of the built-in chains jump to. */
const own = new Set(['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ', 'KUBE-FORWARD', 'KUBE-PROXY-FIREWALL', 'KUBE-PROXY-CANARY', 'KUBE-LOAD-BALANCER', 'KUBE-SOURCE-RANGES-FIREWALL'])

export function cleanIptables(netfilter: Netfilter): void {
  for (const table of tables) {
    if (!netfilter.tables.includes(table)) continue
    const all = netfilter.chains(table)
    const gone = all.filter((c) => own.has(c.name) || isServiceChain(c.name)).map((c) => c.name)
    if (gone.length === 0) continue
    const names = new Set(gone)
    const lines = [`*${table}`]
    for (const chain of all) {
      if (names.has(chain.name)) continue
      for (const rule of chain.rules) if (names.has(rule.target)) lines.push(`-D ${chain.name} ${rule.text}`)
    }
    for (const name of gone) lines.push(`:${name} - [0:0]`)
    for (const name of gone) lines.push(`-X ${name}`)
    netfilter.restore(`${lines.join('\n')}\nCOMMIT\n`, { noflush: true })
  }
}

export function cleanNftables(nftables: Nftables): void {
  for (const family of ['ip', 'ip6']) if (nftables.names(family, 'kube-proxy', 'chains')) nftables.run(`delete table ${family} kube-proxy`)
}
