/** The road of a traced packet over the map: out of the pod along its room's right wall to the bridge, down the drop, along the trunk, and in again. */
import type { TraceReport } from '#contract/session-api.ts'
import type { MapPlan, PodPlace, RoomPlace } from './map-layout.ts'

export interface Road {
  readonly path: string
  readonly end: { readonly x: number; readonly y: number }
  readonly delivered: boolean
}

interface Stop {
  readonly room: RoomPlace
  readonly pod: PodPlace | undefined
}

const podOf = (title: string) => /^pod (\S+)/i.exec(title)?.[1]

/** Undefined when the trace touches nothing that is on the map. */
export function roadOf(plan: MapPlan, report: TraceReport): Road | undefined {
  const stops: Stop[] = []
  for (const band of report.forward) {
    const room = plan.rooms.find((r) => r.node.name === band.node)
    if (!room) continue
    const name = podOf(band.title)
    stops.push({ room, pod: name === undefined ? undefined : room.pods.find((p) => `${p.pod.namespace}/${p.pod.name}` === name || p.pod.name === name) })
  }
  if (stops.length === 0) return undefined
  const points: [number, number][] = []
  const lane = (room: RoomPlace) => room.x + room.width - 6
  const go = (x: number, y: number) => {
    const last = points.at(-1)
    if (!last || last[0] !== x || last[1] !== y) points.push([x, y])
  }
  const enterPod = ({ room, pod }: Stop) => {
    if (!pod) return
    const y = pod.y + pod.height / 2
    go(lane(room), y)
    go(pod.x + pod.width, y)
  }
  let at: Stop | undefined
  for (const stop of stops) {
    if (!at) {
      if (stop.pod) {
        go(stop.pod.x + stop.pod.width, stop.pod.y + stop.pod.height / 2)
        go(lane(stop.room), stop.pod.y + stop.pod.height / 2)
      }
    } else if (at.room !== stop.room) {
      const trunk = at.room.drop.y2
      go(at.room.drop.x, at.room.bridge.y)
      go(at.room.drop.x, trunk)
      if (stop.room.drop.y2 !== trunk) {
        // Another row of rooms: down beside the walls.
        go(stop.room.x - 8, trunk)
        go(stop.room.x - 8, stop.room.drop.y2)
      }
      go(stop.room.drop.x, stop.room.drop.y2)
      go(stop.room.drop.x, stop.room.bridge.y)
    }
    go(stop.pod || !at ? lane(stop.room) : stop.room.drop.x, stop.room.bridge.y)
    if (at && stop.pod) enterPod(stop)
    at = stop
  }
  const [x, y] = points.at(-1)!
  return { path: points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${px} ${py}`).join(' '), end: { x, y }, delivered: report.verdict === 'delivered' }
}
