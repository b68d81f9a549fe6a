/** Gives each node a range of the cluster's pod network (pkg/controller/nodeipam, RangeAllocator). */
import { cidr4, formatIpv4 } from '#base/ip.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import type { ControllerContext } from '../controller.ts'
import { isConflict } from '../ownership.ts'

const component = 'cidrAllocator'

export function startNodeIpamController(context: ControllerContext): void {
  const { api, options } = context
  if (options.clusterCidr === undefined) return
  const range = cidr4(options.clusterCidr)
  const mask = options.nodeCidrMaskSize ?? 24
  const count = 2 ** (mask - range.length)
  const cache = api.informer<Node>(nodes)
  const taken = new Map<string, string>()
  const used = new Set<string>()
  const nameOf = (i: number) => `${formatIpv4((range.network + i * 2 ** (32 - mask)) >>> 0)}/${mask}`

  const occupy = (node: Node) => {
    if (!node.spec.podCIDR) return
    taken.set(node.metadata.name, node.spec.podCIDR)
    used.add(node.spec.podCIDR)
  }
  const queue = context.queue((name) => {
    const node = cache.get(undefined, name)
    if (!node) return
    if (node.spec.podCIDR) {
      occupy(node)
      return
    }
    let cidr = taken.get(name)
    for (let i = 0; cidr === undefined && i < count; i++) if (!used.has(nameOf(i))) cidr = nameOf(i)
    if (cidr === undefined) {
      api.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`, component)
      return
    }
    taken.set(name, cidr)
    used.add(cidr)
    try {
      api.patch(nodes, undefined, name, { spec: { podCIDR: cidr, podCIDRs: [cidr] } }, 'merge')
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  })
  for (const node of cache.list()) occupy(node)
  cache.onAdd((node) => {
    occupy(node)
    queue.add(node.metadata.name)
  })
  cache.onUpdate((node) => {
    if (!node.spec.podCIDR) queue.add(node.metadata.name)
  })
  cache.onDelete((node) => {
    const cidr = taken.get(node.metadata.name)
    taken.delete(node.metadata.name)
    if (cidr !== undefined) used.delete(cidr)
  })
}
