/** What a reboot does to a network namespace: everything set at run time is gone; what the installer configured comes back. */
import type { NetNamespace, RouteSpec } from '#engine/net/types.ts'

export interface SavedNetwork {
  readonly links: readonly { readonly name: string; readonly up: boolean; readonly addresses: readonly string[] }[]
  readonly routes: readonly RouteSpec[]
}

/** `hardware`: the devices that are there without anybody configuring them. */
export function forgetNetwork(net: NetNamespace, hardware: ReadonlySet<string>): SavedNetwork {
  const physical = [...net.links.values()].filter((l) => hardware.has(l.name))
  const routes = net.routes().filter((r) => r.protocol !== 'kernel' && physical.some((l) => l.name === r.device))
  const saved = { links: physical.map((l) => ({ name: l.name, up: l.up, addresses: l.addresses.map((a) => `${a.address}/${a.length}`) })), routes }
  for (const link of [...net.links.values()]) {
    if (link.kind === 'loopback' || hardware.has(link.name)) continue
    if (net.links.has(link.name)) net.deleteLink(link.name)
  }
  for (const link of physical) {
    for (const a of [...link.addresses]) net.deleteAddress(link.name, `${a.address}/${a.length}`)
    net.setLink(link.name, { up: false })
  }
  net.netfilter.restore('*raw\nCOMMIT\n*mangle\nCOMMIT\n*nat\nCOMMIT\n*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n')
  // systemd-sysctl and the network's plugins set it again.
  net.setSysctl('net.ipv4.ip_forward', '0')
  for (const name of [...net.netfilter.ipsets.names]) net.netfilter.ipsets.destroy(name)
  return saved
}

export function restoreNetwork(net: NetNamespace, saved: SavedNetwork): void {
  for (const link of saved.links) {
    for (const address of link.addresses) net.addAddress(link.name, address)
    if (link.up) net.setLink(link.name, { up: true })
  }
  for (const route of saved.routes) net.replaceRoute(route)
}
