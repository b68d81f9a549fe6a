import { expect, test } from 'vitest'
import type { MapSnapshot, TraceReport } from '#contract/session-api.ts'
import { planMap } from './map-layout.ts'
import { roadOf } from './map-road.ts'

const pod = (name: string) => ({ namespace: 'a', name, address: '', phase: 'Running', ready: true, status: 'Running', labels: {} })
const map: MapSnapshot = { revision: 1, services: [], tunnels: [], nodes: ['n1', 'n2'].map((name) => ({ name, address: '', podCidr: '', ready: true, role: '', bridge: 'cni0', pods: [pod(`${name}-web`)] })) }
const plan = planMap(map, { width: 800, system: false })
const report = (verdict: TraceReport['verdict'], ...bands: [string, string][]): TraceReport => ({ request: { from: '', to: '', port: 80, protocol: 'tcp' }, summary: '', next: '', verdict, reply: [], forward: bands.map(([node, title]) => ({ node, namespace: title, title, steps: [] })) })

test('from pod to pod over the trunk: begins at one chip, ends at the other', () => {
  const road = roadOf(plan, report('delivered', ['n1', 'pod a/n1-web on n1'], ['n1', 'n1'], ['n2', 'n2'], ['n2', 'pod a/n2-web on n2']))!
  const [from, to] = plan.rooms.map((r) => r.pods[0]!)
  expect(road.path.startsWith(`M${from!.x + from!.width} ${from!.y + 13}`)).toBe(true)
  expect(road).toMatchObject({ end: { x: to!.x + to!.width, y: to!.y + 13 }, delivered: true })
  expect(road.path).toContain(` ${plan.rooms[0]!.drop.y2}`)
})
test('dropped on the way: ends in that room, and what is off the map has no road', () => {
  const road = roadOf(plan, report('dropped', ['n1', 'pod a/n1-web on n1'], ['n1', 'n1'], ['n2', 'n2']))!
  expect(road.delivered).toBe(false)
  expect(road.end).toEqual({ x: plan.rooms[1]!.drop.x, y: plan.rooms[1]!.bridge.y })
  expect(roadOf(plan, report('delivered', ['elsewhere', 'base']))).toBeUndefined()
})
