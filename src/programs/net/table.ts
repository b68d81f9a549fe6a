/** Network programs by name; `busybox:NAME` is what runs in images whose tools are busybox's. */
import type { Program } from '#engine/machine/process.ts'
import { arping } from './arping.ts'
import { bridge } from './bridge.ts'
import { busyboxNc, busyboxNslookup, busyboxPing, busyboxWget } from './busybox.ts'
import { conntrack } from './conntrack.ts'
import { curl } from './curl.ts'
import { ethtool, tc } from './device-tools.ts'
import { dig, getent, host, nslookup } from './dig.ts'
import { ip } from './ip/ip.ts'
import { ipset } from './ipset.ts'
import { ip6tables, iptables, iptablesRestore, iptablesSave } from './iptables.ts'
import { arp, ifconfig, route } from './legacy.ts'
import { nc } from './nc.ts'
import { nft } from './nft.ts'
import { ping } from './ping.ts'
import { netstat, ss } from './ss.ts'
import { sysctl } from './sysctl.ts'
import { tcpdump } from './tcpdump.ts'
import { busyboxTelnet, telnet } from './telnet.ts'
import { busyboxTraceroute, tracepath, traceroute } from './traceroute.ts'
import { wget } from './wget.ts'

export const netPrograms: ReadonlyMap<string, Program> = new Map<string, Program>([
  ['ip', ip], ['bridge', bridge], ['iptables', iptables], ['iptables-nft', iptables], ['iptables-save', iptablesSave], ['iptables-restore', iptablesRestore], ['ip6tables', ip6tables], ['nft', nft], ['ipset', ipset], ['conntrack', conntrack],
  ['sysctl', sysctl], ['ping', ping], ['traceroute', traceroute], ['tracepath', tracepath], ['arping', arping], ['nc', nc], ['netcat', nc], ['curl', curl], ['wget', wget], ['ss', ss], ['netstat', netstat], ['tcpdump', tcpdump],
  ['nslookup', nslookup], ['dig', dig], ['host', host], ['getent', getent], ['arp', arp], ['route', route], ['ifconfig', ifconfig], ['telnet', telnet], ['tc', tc], ['ethtool', ethtool],
  // Variants by which images built on busybox name their applets.
  ['busybox:ping', busyboxPing], ['busybox:wget', busyboxWget], ['busybox:nslookup', busyboxNslookup], ['busybox:nc', busyboxNc], ['busybox:traceroute', busyboxTraceroute], ['busybox:telnet', busyboxTelnet],
])
