/**
 * Outside addresses for Services of type LoadBalancer in a cluster without a cloud, in the manner of kube-vip: a controller gives each Service an address
 * of a range, and on one node a speaker puts it on the uplink, so that the node answers for it. Left out: BGP, leases, several ranges.
 */
import { formatIpv4, parseIpv4 } from '#base/ip.ts'
import type { Loose } from '#engine/api/loose.ts'
import { ApiUnreachable, StatusError } from '#engine/api/types.ts'
import type { GroupVersionResource } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { klogLine } from '#engine/node/klog.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import type { Timer } from '#engine/sim/sim.ts'

const nodes: GroupVersionResource = { group: '', version: 'v1', resource: 'nodes' }

const given = (service: Loose) => service.status?.loadBalancer?.ingress?.[0]?.ip as string | undefined
const balanced = (service: Loose) => service.spec.type === 'LoadBalancer' && service.spec.loadBalancerClass === undefined

/** Runs `turn` a moment after anything has changed. */
function coalesced(process: Process, turn: () => void): { readonly later: () => void; readonly stop: () => void } {
  const { sim } = process.machine
  let timer: Timer | undefined
  let stopped = false
  return {
    later: () => {
      if (stopped || (timer && !timer.cancelled)) return
      timer = sim.after(50, () => {
        timer = undefined
        turn()
      })
    },
    stop: () => {
      stopped = true
      sim.cancel(timer)
    },
  }
}

const flag = (process: Process, name: string) => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? ''

/** Addresses of `a-b`. */
function rangeOf(text: string): string[] {
  const [from, to] = text.split('-').map((t) => parseIpv4(t.trim())) as [number | undefined, number | undefined]
  if (from === undefined || to === undefined) return []
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => formatIpv4(from + i))
}

export async function poolController(process: Process, context: ContainerContext): Promise<number> {
  const { api } = context
  const err = lineWriter(process.stderr)
  const log = (text: string) => err(klogLine(process.now(), 'I', text, { at: 'controller.go:61', pid: process.pid }))
  const range = rangeOf(flag(process, 'range'))
  const informer = api.informer<Loose>(services)
  const refused = new Map<string, string>()
  const attempt = (call: () => void) => {
    try {
      call()
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
    }
  }
  const turn = () => {
    const all = informer.list()
    const taken = new Set(all.filter(balanced).flatMap((s) => given(s) ?? []))
    for (const service of all) {
      const have = given(service)
      if (!balanced(service)) continue
      const asked = service.spec.loadBalancerIP as string | undefined
      if (have !== undefined && (!asked || asked === have)) continue
      const key = `${service.metadata.namespace}/${service.metadata.name}`
      const choice = asked ? (range.includes(asked) && !taken.has(asked) ? asked : undefined) : range.find((a) => !taken.has(a))
      if (choice === undefined) {
        if (have !== undefined) attempt(() => api.patch(services, service.metadata.namespace, service.metadata.name, { status: { loadBalancer: { ingress: null } } }, 'merge', 'status'))
        const why = asked ? `["${asked}"] is not allowed in config or in use` : 'no available IPs'
        if (refused.get(key) !== why) api.event(service, 'Warning', 'AllocationFailed', `Failed to allocate IP for "${key}": ${why}`, 'address-pool-controller')
        refused.set(key, why)
        continue
      }
      refused.delete(key)
      taken.add(choice)
      attempt(() => {
        api.patch(services, service.metadata.namespace, service.metadata.name, { status: { loadBalancer: { ingress: [{ ip: choice, ipMode: 'VIP' }] } } }, 'merge', 'status')
        api.event(service, 'Normal', 'IPAllocated', `Assigned IP ["${choice}"]`, 'address-pool-controller')
        log(`"Assigned address" service="${key}" ip="${choice}"`)
      })
    }
  }
  const { later, stop } = coalesced(process, turn)
  informer.onAdd(later)
  informer.onUpdate(later)
  informer.onDelete(later)
  context.onExit(stop)
  log(`"Starting" range="${flag(process, 'range')}"`)
  await context.terminated()
  return 0
}

const hash = (text: string) => {
  let sum = 2166136261
  for (const c of text) sum = Math.imul(sum ^ c.charCodeAt(0), 16777619) >>> 0
  return sum
}

export async function poolSpeaker(process: Process, context: ContainerContext): Promise<number> {
  const { api, nodeName, node } = context
  const err = lineWriter(process.stderr)
  const log = (text: string) => err(klogLine(process.now(), 'I', text, { at: 'speaker.go:88', pid: process.pid }))
  const [serviceList, nodeList, slices] = [api.informer<Loose>(services), api.informer<Loose>(nodes), api.informer<Loose>(endpointslices)]
  slices.addIndex('pool-service', (s: Loose) => [`${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
  const held = new Map<string, string>()
  const device = () => node.net.routes().find((r) => r.to === 'default')?.device ?? 'eth0'
  /** The node that answers for a Service's address. */
  const speakerOf = (service: Loose, ip: string): string | undefined => {
    const local = service.spec.externalTrafficPolicy === 'Local'
    const backed = new Set((slices.byIndex('pool-service', `${service.metadata.namespace}/${service.metadata.name}`) as readonly Loose[]).flatMap((s) => ((s.endpoints ?? []) as Loose[]).filter((e) => e.conditions?.ready !== false).map((e) => e.nodeName as string)))
    if (backed.size === 0) return undefined
    return nodeList.list()
      .filter((n) => n.metadata.labels?.['node.kubernetes.io/exclude-from-external-load-balancers'] === undefined && (n.status?.conditions ?? []).some((c: Loose) => c.type === 'Ready' && c.status === 'True') && (!local || backed.has(n.metadata.name)))
      .map((n) => n.metadata.name as string)
      .sort((a, b) => hash(`${a}#${ip}`) - hash(`${b}#${ip}`))[0]
  }
  const turn = () => {
    const wanted = new Map<string, Loose>()
    for (const s of serviceList.list()) {
      const ip = balanced(s) ? given(s) : undefined
      if (ip !== undefined && speakerOf(s, ip) === nodeName) wanted.set(ip, s)
    }
    for (const [ip, dev] of held) {
      if (wanted.has(ip)) continue
      if (node.net.links.get(dev)?.addresses.some((a) => a.address === ip)) node.net.deleteAddress(dev, `${ip}/32`)
      held.delete(ip)
      log(`"Withdrew address" ip="${ip}"`)
    }
    for (const [ip, service] of wanted) {
      if (held.has(ip)) continue
      const dev = device()
      if (!node.net.links.get(dev)?.addresses.some((a) => a.address === ip)) node.net.addAddress(dev, `${ip}/32`)
      held.set(ip, dev)
      api.event(service, 'Normal', 'nodeAssigned', `announcing from node "${nodeName}" with protocol "layer2"`, 'address-pool-speaker', nodeName)
      log(`"Announcing address" ip="${ip}" device="${dev}"`)
    }
  }
  const { later, stop } = coalesced(process, turn)
  for (const informer of [serviceList, slices]) {
    informer.onAdd(later)
    informer.onUpdate(later)
    informer.onDelete(later)
  }
  const ready = (n: Loose) => (n.status?.conditions ?? []).find((c: Loose) => c.type === 'Ready')?.status as string | undefined
  nodeList.onAdd(later)
  nodeList.onDelete(later)
  nodeList.onUpdate((n, before) => {
    if (ready(n) !== ready(before)) later()
  })
  context.onExit(() => {
    stop()
    for (const [ip, dev] of held) if (node.up && node.net.links.get(dev)?.addresses.some((a) => a.address === ip)) node.net.deleteAddress(dev, `${ip}/32`)
  })
  log(`"Starting" node="${nodeName}" device="${device()}"`)
  later()
  await context.terminated()
  return 0
}
