/** Which binaries in /opt/cni/bin have a behaviour, by file name. */
import { hostLocal } from '../ipam/host-local.ts'
import { staticIpam } from '../ipam/static.ts'
import { bridgePlugin } from './bridge.ts'
import { calicoPlugin } from './calico.ts'
import { firewallPlugin } from './firewall.ts'
import { flannelPlugin } from './flannel.ts'
import { hostDevicePlugin } from './host-device.ts'
import { loopbackPlugin } from './loopback.ts'
import { portmapPlugin } from './portmap.ts'
import { ptpPlugin } from './ptp.ts'
import { bandwidthPlugin, tuningPlugin } from './tuning.ts'
import type { CniPlugin } from './types.ts'

export const cniPlugins: ReadonlyMap<string, CniPlugin> = new Map<string, CniPlugin>([
  ['bandwidth', bandwidthPlugin],
  ['bridge', bridgePlugin],
  ['calico', calicoPlugin],
  ['firewall', firewallPlugin],
  ['flannel', flannelPlugin],
  ['host-device', hostDevicePlugin],
  ['host-local', hostLocal],
  ['loopback', loopbackPlugin],
  ['portmap', portmapPlugin],
  ['ptp', ptpPlugin],
  ['static', staticIpam],
  ['tuning', tuningPlugin],
])

/** What stands in the file of a plugin's binary: enough for `file` and `head` to see that it is no text. */
export const binaryText = '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0\x01\0\0\0'

/** The binaries that the package kubernetes-cni lays into /opt/cni/bin of every node. Some have no behaviour here. */
export const packagedBinaries: readonly string[] = ['bandwidth', 'bridge', 'dhcp', 'dummy', 'firewall', 'host-device', 'host-local', 'ipvlan', 'loopback', 'macvlan', 'portmap', 'ptp', 'sbr', 'static', 'tap', 'tuning', 'vlan', 'vrf']
