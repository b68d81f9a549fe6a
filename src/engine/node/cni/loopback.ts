/** The loopback plugin: brings `lo` up. containerd runs it for every sandbox, whatever the network configuration says. */
import { openNamespace } from './link.ts'
import type { CniCall, CniHost, CniResult } from './types.ts'

export function loopbackPlugin(call: CniCall, host: CniHost): CniResult | undefined {
  if (call.command === 'ADD') {
    const ns = openNamespace(call, host)
    ns.setLink('lo', { up: true })
    if (call.conf.prevResult) return call.conf.prevResult
    return {
      cniVersion: call.conf.cniVersion ?? '0.1.0',
      interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: call.netns }],
      ips: [{ address: '127.0.0.1/8', interface: 0 }, { address: '::1/128', interface: 0 }],
    }
  }
  const ns = call.netns === '' ? undefined : host.namespace(call.netns)
  if (call.command === 'DEL' && ns) ns.setLink('lo', { up: false })
  return undefined
}
