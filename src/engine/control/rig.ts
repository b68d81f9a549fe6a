/** An API server with controllers and scheduler in one process and nodes made by hand: what tests of this room and stand-alone tools use. */
import { Sim } from '#engine/sim/sim.ts'
import { buildApiServer } from '#engine/kinds/build.ts'
import type { ApiServer } from '#engine/api/server.ts'
import type { ApiClient, KubeObject } from '#engine/api/types.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { pods, type Pod, type PodStatus } from '#engine/kinds/pod/types.ts'
import { startControllers } from './all.ts'
import { ControllerContext, timestamp, type ControllerOptions } from './controller.ts'
import { Scheduler } from './scheduler/scheduler.ts'

export interface ControlRig {
  readonly sim: Sim
  readonly server: ApiServer
  readonly api: ApiClient
  addNode(name: string, options?: { readonly cpu?: string; readonly memory?: string; readonly pods?: string; readonly labels?: Record<string, string>; readonly taints?: { key: string; value?: string; effect: string }[]; readonly unschedulable?: boolean }): Node
  /** Plays the kubelet for one pod. */
  setPod(pod: Pod, status: Partial<PodStatus>): Pod
  /** Everything due within `ms`. */
  run(ms: number): void
  events(reason?: string): string[]
}

export function controlRig(options: { readonly controllers?: readonly string[]; readonly scheduler?: boolean; readonly settings?: ControllerOptions } = {}): ControlRig {
  const sim = new Sim({ seed: 'rig', start: Date.parse('2026-03-02T09:00:00Z') })
  const server = buildApiServer({ sim, version: 'v1.35.4', allowAll: true })
  const api = server.client({ name: 'rig', groups: ['system:masters', 'system:authenticated'] })
  const resources = server.kinds.filter((k) => k.verbs.includes('list') && k.verbs.includes('delete') && !k.alias).map((k) => ({ group: k.group, version: k.version, resource: k.plural, kind: k.kind, namespaced: k.namespaced }))
  startControllers(new ControllerContext(sim, api, { resources, ...options.settings }), undefined, options.controllers)
  if (options.scheduler) new Scheduler({ sim, api }).start()
  return {
    sim, server, api,
    addNode: (name, o = {}) => {
      const amounts = { cpu: o.cpu ?? '2', memory: o.memory ?? '4Gi', pods: o.pods ?? '110', 'ephemeral-storage': '10Gi' }
      const made = api.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, ...o.labels } }, spec: {} })
      const taints = [...(o.taints ?? []), ...(o.unschedulable ? [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] : [])]
      const ready = { ...api.get<Node>(nodes, undefined, made.metadata.name) }
      api.update<Node>(nodes, { ...ready, spec: { ...(taints.length > 0 ? { taints } : {}), ...(o.unschedulable ? { unschedulable: true } : {}) } })
      const current = api.get<Node>(nodes, undefined, name)
      return api.update<Node>(nodes, { ...current, status: { allocatable: amounts, capacity: amounts, conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(sim.now) }] } }, 'status')
    },
    setPod: (pod, status) => {
      const current = api.get<Pod>(pods, pod.metadata.namespace, pod.metadata.name)
      return api.update<Pod>(pods, { ...current, status: { ...current.status, ...status } }, 'status')
    },
    run: (ms) => sim.runUntil(sim.now + ms),
    events: (reason) => (server.store.list('events') as readonly (KubeObject & { reason: string; message: string })[]).filter((e) => reason === undefined || e.reason === reason).map((e) => e.message),
  }
}

/** Ready and Running, as a kubelet would tell. */
export function readyStatus(now: number, ip: string): Partial<PodStatus> {
  const time = timestamp(now)
  return { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: time, lastProbeTime: null }] }
}
