/**
 * Where everything on the map lies. By structure and not by force: nodes in the cluster's order, pods by namespace and name, so that a pod
 * that is replaced moves nothing but itself.
 *
 *     services   ─ chips in rows
 *     waiting    ─ pods without a node
 *     rooms      ─ one per node: name, groups of pods by namespace, the bridge at the foot
 *     trunk      ─ the tunnel between the nodes, or the plain network; each room has a drop to it
 */
import type { MapNode, MapPod, MapService, MapSnapshot } from '#contract/session-api.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}
export interface PodPlace extends Box {
  readonly pod: MapPod
  readonly node: string
  /** A dot has no room for a name. */
  readonly dot: boolean
}
export interface GroupPlace {
  readonly namespace: string
  readonly count: number
  readonly x: number
  readonly y: number
}
export interface RoomPlace extends Box {
  readonly node: MapNode
  readonly groups: readonly GroupPlace[]
  readonly pods: readonly PodPlace[]
  /** The bridge's line. */
  readonly bridge: { readonly x1: number; readonly x2: number; readonly y: number }
  /** Where the room's drop meets the trunk. */
  readonly drop: { readonly x: number; readonly y1: number; readonly y2: number }
}
export interface ServicePlace extends Box {
  readonly service: MapService
}
export interface TrunkPlace {
  readonly x1: number
  readonly x2: number
  readonly y: number
  readonly kind: string
}
export interface MapPlan {
  readonly width: number
  readonly height: number
  readonly rooms: readonly RoomPlace[]
  readonly services: readonly ServicePlace[]
  readonly trunks: readonly TrunkPlace[]
  /** Pods that wait for a node, in rows above the rooms, and their heading. */
  readonly waiting: { readonly y: number; readonly pods: readonly PodPlace[] }
}

export interface MapOptions {
  readonly width: number
  /** Pods and services of the system's namespaces by name, and not as dots. */
  readonly system: boolean
}

const gap = 16
/** A room's least width. */
const narrowest = 164
const chip = { width: 164, height: 26, gap: 6 }
const dot = { size: 14, gap: 4 }
const systemNamespaces = new Set(['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage', 'ingress-nginx', 'calico-system', 'kube-flannel', 'metallb-system', 'gateway-system', 'address-pool'])
/** Beyond this many pods all are dots. */
const mostChips = 120

export const isSystem = (namespace: string): boolean => systemNamespaces.has(namespace)

function byNamespace<T extends { namespace: string; name: string }>(things: readonly T[]): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const thing of things) groups.set(thing.namespace, [...(groups.get(thing.namespace) ?? []), thing])
  const order = (namespace: string) => (isSystem(namespace) ? 1 : 0)
  return [...groups]
    .map(([namespace, list]): [string, T[]] => [namespace, list.toSorted((a, b) => (a.name < b.name ? -1 : 1))])
    .toSorted(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1))
}

export function planMap(map: MapSnapshot, options: MapOptions): MapPlan {
  const width = Math.max(320, options.width)
  const podCount = map.nodes.reduce((n, node) => n + node.pods.length, 0)
  const perRow = Math.max(1, Math.min(map.nodes.length, Math.floor((width - gap) / (narrowest + gap)), 6))
  const roomWidth = Math.floor((width - gap * (perRow + 1)) / perRow)

  const services: ServicePlace[] = []
  let x = gap
  let y = gap
  const shown = map.services.filter((s) => options.system || (!isSystem(s.namespace) && !(s.namespace === 'default' && s.name === 'kubernetes')))
  for (const [, list] of byNamespace(shown)) {
    for (const service of list) {
      const w = Math.min(width - 2 * gap, Math.max(72, 30 + service.name.length * 7.4))
      if (x > gap && x + w > width - gap) {
        x = gap
        y += chip.height + chip.gap
      }
      services.push({ service, x, y, width: w, height: chip.height })
      x += w + 8
    }
  }
  let top = services.length > 0 ? y + chip.height + 20 : gap

  const waiting: PodPlace[] = []
  const heading = top + 10
  const unplaced = byNamespace(map.unplaced ?? []).flatMap(([, list]) => list)
  if (unplaced.length > 0) {
    const columns = Math.max(1, Math.floor((width - 2 * gap + chip.gap) / (chip.width + chip.gap)))
    unplaced.forEach((pod, i) => waiting.push({ pod, node: '', dot: false, x: gap + (i % columns) * (chip.width + chip.gap), y: top + 18 + Math.floor(i / columns) * (chip.height + chip.gap), width: chip.width, height: chip.height }))
    top = waiting.at(-1)!.y + chip.height + 16
  }

  const rooms: RoomPlace[] = []
  const trunks: TrunkPlace[] = []
  const kind = map.tunnels[0]?.kind ?? ''
  for (let row = 0; row * perRow < map.nodes.length; row++) {
    const nodes = map.nodes.slice(row * perRow, (row + 1) * perRow)
    const drafts = nodes.map((node, i) => fill(node, gap + i * (roomWidth + gap), top, roomWidth, options.system, podCount > mostChips))
    const height = Math.max(...drafts.map((d) => d.height))
    const trunkY = top + height + 34
    for (const draft of drafts) {
      const bridgeY = top + height - 26
      rooms.push({
        ...draft,
        height,
        bridge: { x1: draft.x + 12, x2: draft.x + draft.width - 12, y: bridgeY },
        drop: { x: draft.x + draft.width / 2, y1: bridgeY, y2: trunkY },
      })
    }
    trunks.push({ x1: rooms.at(-nodes.length)!.drop.x, x2: rooms.at(-1)!.drop.x, y: trunkY, kind })
    top = trunkY + 36
  }
  return { width, height: Math.max(top - 8, 120), rooms, services, trunks, waiting: { y: heading, pods: waiting } }
}

function fill(node: MapNode, x: number, top: number, width: number, system: boolean, allDots: boolean): Omit<RoomPlace, 'bridge' | 'drop'> {
  const inner = width - 24
  const columns = Math.max(1, Math.floor((inner + chip.gap) / (chip.width + chip.gap)))
  const chipWidth = Math.floor((inner - (columns - 1) * chip.gap) / columns)
  const dotColumns = Math.max(1, Math.floor((inner + dot.gap) / (dot.size + dot.gap)))
  const groups: GroupPlace[] = []
  const pods: PodPlace[] = []
  let y = top + 52
  for (const [namespace, list] of byNamespace(node.pods)) {
    groups.push({ namespace, count: list.length, x: x + 12, y: y + 10 })
    y += 18
    const dots = allDots || (isSystem(namespace) && !system)
    list.forEach((pod, i) => {
      if (dots) pods.push({ pod, node: node.name, dot: true, x: x + 12 + (i % dotColumns) * (dot.size + dot.gap), y: y + Math.floor(i / dotColumns) * (dot.size + dot.gap), width: dot.size, height: dot.size })
      else pods.push({ pod, node: node.name, dot: false, x: x + 12 + (i % columns) * (chipWidth + chip.gap), y: y + Math.floor(i / columns) * (chip.height + chip.gap), width: chipWidth, height: chip.height })
    })
    y += dots ? Math.ceil(list.length / dotColumns) * (dot.size + dot.gap) + 8 : Math.ceil(list.length / columns) * (chip.height + chip.gap) + 6
  }
  return { node, x, y: top, width, height: Math.max(y - top, 60) + 36, groups, pods }
}

/** From a service down into the lane above the rooms, along it, down beside the room's left wall and in to the pod: over no text. */
export function wirePath(from: Box, room: Box, to: PodPlace): string {
  const x1 = from.x + from.width / 2
  const y1 = from.y + from.height
  const lane = y1 + 9
  const wall = room.x - 8
  const y2 = to.y + to.height / 2
  const r = 6
  const side = wall < x1 ? -1 : 1
  const along = Math.abs(wall - x1) < 2 * r ? `L${wall} ${lane}` : `V${lane - r} Q${x1} ${lane} ${x1 + side * r} ${lane} H${wall - side * r} Q${wall} ${lane} ${wall} ${lane + r}`
  return `M${x1} ${y1} ${along} V${y2 - r} Q${wall} ${y2} ${wall + r} ${y2} H${to.x}`
}

/** The state as a shape: ring (not yet), filled (ready), half (runs, not ready), crossed (failed), ended. */
export type PodShape = 'ring' | 'filled' | 'half' | 'crossed' | 'ended'
export function shapeOf(pod: MapPod): PodShape {
  if (pod.phase === 'Succeeded' || pod.status === 'Completed') return 'ended'
  if (pod.phase === 'Failed' || /Error|BackOff|Crash|Invalid|OOM|Unknown|Evicted/.test(pod.status)) return 'crossed'
  if (pod.ready && pod.phase === 'Running') return 'filled'
  return pod.phase === 'Running' ? 'half' : 'ring'
}

/** A name that is too long keeps its beginning and its end: the end is what tells pods of one ReplicaSet apart. */
export function shorten(name: string, most: number): string {
  if (name.length <= most) return name
  const tail = Math.min(6, Math.floor(most / 3))
  return `${name.slice(0, Math.max(1, most - tail - 1))}…${name.slice(-tail)}`
}
