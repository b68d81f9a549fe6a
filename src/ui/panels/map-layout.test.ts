import { expect, test } from 'vitest'
import type { MapPod, MapSnapshot } from '#contract/session-api.ts'
import { planMap, shapeOf, shorten } from './map-layout.ts'

const pod = (namespace: string, name: string, more: Partial<MapPod> = {}): MapPod => ({ namespace, name, address: '10.244.1.2', phase: 'Running', ready: true, status: 'Running', labels: {}, ...more })
const node = (name: string, pods: MapPod[]) => ({ name, address: '192.168.8.10', podCidr: '10.244.0.0/24', ready: true, role: '', bridge: 'cni0', pods })
const map = (nodes: number, pods: number): MapSnapshot => ({
  revision: 1,
  nodes: Array.from({ length: nodes }, (_, n) => node(`node${n}`, Array.from({ length: pods }, (_, p) => pod(p % 3 ? 'shop' : 'kube-system', `web-${n}-${p}`)))),
  services: [{ namespace: 'shop', name: 'web', type: 'ClusterIP', address: '10.96.0.9', ports: ['80/TCP'], endpoints: [] }],
  tunnels: [{ from: 'node0', to: 'node1', kind: 'vxlan' }],
})
const overlap = (a: { x: number; y: number; width: number; height: number }, b: typeof a) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

test('nothing lies on anything else, and pods lie in their rooms', () => {
  for (const [nodes, pods, width] of [[1, 0, 400], [3, 9, 900], [3, 7, 340], [50, 100, 1400]] as const) {
    const plan = planMap(map(nodes, pods), { width, system: false })
    expect(plan.rooms.length).toBe(nodes)
    for (const [i, room] of plan.rooms.entries()) {
      for (const other of plan.rooms.slice(i + 1)) expect(overlap(room, other)).toBe(false)
      for (const p of room.pods) expect(p.x >= room.x && p.x + p.width <= room.x + room.width && p.y + p.height <= room.bridge.y).toBe(true)
      if (nodes < 10) for (const [k, p] of room.pods.entries()) for (const q of room.pods.slice(k + 1)) expect(overlap(p, q)).toBe(false)
    }
    expect(plan.rooms.every((r) => r.x + r.width <= plan.width && r.drop.y2 <= plan.height)).toBe(true)
  }
})
test('a replaced pod moves nothing in the other rooms', () => {
  const before = map(3, 6)
  const after = { ...before, nodes: before.nodes.map((n, i) => (i === 0 ? { ...n, pods: n.pods.map((p, k) => (k === 1 ? { ...p, name: 'web-0-1x' } : p)) } : n)) }
  const places = (m: MapSnapshot) => planMap(m, { width: 900, system: true }).rooms.slice(1).map((r) => r.pods.map((p) => [p.pod.name, p.x, p.y]))
  expect(places(after)).toEqual(places(before))
})
test('states have shapes', () => {
  expect([pod('a', 'b'), pod('a', 'b', { ready: false }), pod('a', 'b', { phase: 'Pending', ready: false, status: 'ContainerCreating' }), pod('a', 'b', { status: 'CrashLoopBackOff', ready: false }), pod('a', 'b', { phase: 'Succeeded', status: 'Completed' })].map(shapeOf)).toEqual(['filled', 'half', 'ring', 'crossed', 'ended'])
})
test('long names keep both ends', () => {
  expect([shorten('boat', 12), shorten('beam-7d4b9c6f5d-2xkqz', 14)]).toEqual(['boat', 'beam-7d4b…xkqz'])
  expect(shorten('beam-7d4b9c6f5d-2xkqz', 14).length).toBe(14)
})
