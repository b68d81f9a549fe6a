/**
 * kube-scheduler with its default profile: one pod at a time, filter, score, bind. Unschedulable pods wait for a change of the cluster
 * that could help them (any node, pod or volume change; upstream asks finer hints), with back-off 1 to 10 s. Extenders, extra profiles
 * and gang scheduling are left out.
 */
import type { Sim, Timer } from '#engine/sim/sim.ts'
import type { Random } from '#base/random.ts'
import { ApiUnreachable, StatusError, type ApiClient } from '#engine/api/types.ts'
import { namespaces } from '#engine/kinds/namespace/types.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { persistentvolumes, storageclasses, type PersistentVolume, type StorageClass } from '#engine/kinds/persistentvolume/types.ts'
import { isPodFinished, podCondition, pods, type Condition, type Pod } from '#engine/kinds/pod/types.ts'
import { keyOf, splitKey, timestamp } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { bindPod } from './bind.ts'
import { allowedNames, filterNode, type CycleState, type Refusal } from './filters.ts'
import { NodeInfo } from './node-info.ts'
import type { DisruptionBudget } from './budget.ts'
import { fitMessage, preempt } from './preemption.ts'
import { bestNodes } from './scores.ts'
import { chooseVolumes, volumePreFilter } from './volumes.ts'

const component = 'default-scheduler'
const budgets = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' }

export interface SchedulerOptions {
  readonly sim: Sim
  readonly api: ApiClient
  /** schedulerName served. */
  readonly name?: string
}

export class Scheduler {
  readonly #sim: Sim
  readonly #api: ApiClient
  readonly #random: Random
  readonly #name: string
  readonly #infos = new Map<string, NodeInfo>()
  /** Keys of pods to be tried, in order of arrival. */
  readonly #ready = new Set<string>()
  readonly #waiting = new Map<string, { attempts: number; notBefore: number }>()
  #scheduled = false
  #retry: Timer | undefined
  #stopped = false
  /** Pod-node filter calls: a measure of work for benchmarks. */
  visits = 0

  constructor(options: SchedulerOptions) {
    this.#sim = options.sim
    this.#api = options.api
    this.#name = options.name ?? component
    this.#random = options.sim.random.fork('scheduler')
  }

  start(): void {
    const api = this.#api
    const nodeCache = api.informer<Node>(nodes)
    const podCache = api.informer<Pod>(pods)
    nodeCache.onAdd((node) => {
      const info = this.#infos.get(node.metadata.name)
      if (info) info.setNode(node)
      else {
        const fresh = new NodeInfo(node)
        this.#infos.set(node.metadata.name, fresh)
        for (const pod of podCache.list()) if (pod.spec.nodeName === node.metadata.name) fresh.add(pod)
      }
      this.#moveAll()
    })
    nodeCache.onUpdate((node, old) => {
      this.#infos.get(node.metadata.name)?.setNode(node)
      const relevant = (n: Node) => [n.metadata.labels, n.spec, n.status?.allocatable, n.status?.conditions?.map((c) => [c.type, c.status])]
      if (!deepEqual(relevant(node), relevant(old))) this.#moveAll()
    })
    nodeCache.onDelete((node) => {
      this.#infos.delete(node.metadata.name)
    })
    podCache.onAdd((pod) => this.#seen(pod))
    podCache.onUpdate((pod, old) => {
      if (old.spec.nodeName && isPodFinished(pod) && !isPodFinished(old)) this.#moveAll()
      this.#seen(pod, old)
    })
    podCache.onDelete((pod) => {
      this.#forget(keyOf(pod))
      if (pod.spec.nodeName) {
        this.#infos.get(pod.spec.nodeName)?.remove(pod)
        this.#moveAll()
      }
    })
    for (const gvr of [persistentvolumes, persistentvolumeclaims, storageclasses]) {
      const cache = api.informer(gvr)
      cache.onAdd(() => this.#moveAll())
      cache.onUpdate(() => this.#moveAll())
    }
    api.informer(namespaces)
    api.informer(budgets)
  }

  stop(): void {
    this.#stopped = true
    this.#sim.cancel(this.#retry)
  }

  #seen(pod: Pod, old?: Pod): void {
    const key = keyOf(pod)
    if (pod.spec.nodeName) {
      this.#forget(key)
      this.#infos.get(pod.spec.nodeName)?.add(pod)
      if (!old?.spec.nodeName || !deepEqual(pod.metadata.labels, old.metadata.labels)) this.#moveAll()
      return
    }
    if ((pod.spec.schedulerName ?? component) !== this.#name || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) {
      this.#forget(key)
      return
    }
    if (old && deepEqual(old.spec, pod.spec) && deepEqual(old.metadata.labels, pod.metadata.labels)) return
    this.#push(key)
  }

  #forget(key: string): void {
    this.#ready.delete(key)
    this.#waiting.delete(key)
  }

  #push(key: string): void {
    this.#ready.add(key)
    this.#wake()
  }

  #wake(): void {
    if (this.#scheduled || this.#stopped || this.#ready.size === 0) return
    this.#scheduled = true
    this.#sim.after(0, () => {
      this.#scheduled = false
      if (this.#stopped) return
      this.#next()
      this.#wake()
    })
  }

  /** Lets waiting pods try again, each not before its back-off is over. */
  #moveAll(): void {
    if (this.#waiting.size === 0) return
    let later = Infinity
    for (const [key, wait] of this.#waiting) {
      if (wait.notBefore <= this.#sim.now) this.#push(key)
      else later = Math.min(later, wait.notBefore)
    }
    if (later < Infinity && !this.#retry) {
      this.#retry = this.#sim.after(later - this.#sim.now, () => {
        this.#retry = undefined
        if (!this.#stopped) this.#moveAll()
      })
    }
  }

  #next(): void {
    const podCache = this.#api.informer<Pod>(pods)
    let best: Pod | undefined
    for (const key of this.#ready) {
      const pod = podCache.get(...splitKey(key))
      if (!pod || pod.spec.nodeName) this.#ready.delete(key)
      else if (!best || (pod.spec.priority ?? 0) > (best.spec.priority ?? 0)) best = pod
    }
    if (!best) return
    const key = keyOf(best)
    this.#ready.delete(key)
    if ((best.spec.schedulingGates ?? []).length > 0) return
    try {
      this.#schedule(best)
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
      if (error instanceof StatusError && error.status.code === 404) return
      this.#wait(key)
      this.#moveAll()
    }
  }

  #wait(key: string): void {
    const attempts = (this.#waiting.get(key)?.attempts ?? 0) + 1
    this.#waiting.set(key, { attempts, notBefore: this.#sim.now + Math.min(1000 * 2 ** (attempts - 1), 10_000) })
  }

  #state(pod: Pod): CycleState {
    const api = this.#api
    const claims = api.informer<PersistentVolumeClaim>(persistentvolumeclaims)
    const volumes = api.informer<PersistentVolume>(persistentvolumes)
    const classes = api.informer<StorageClass>(storageclasses)
    const spaces = api.informer(namespaces)
    return {
      pod,
      nodes: [...this.#infos.values()],
      budgets: () => api.informer<DisruptionBudget>(budgets).list(),
      namespaceLabels: (name) => spaces.get(undefined, name)?.metadata.labels ?? {},
      volumes: {
        claim: (namespace, name) => claims.get(namespace, name),
        volume: (name) => volumes.get(undefined, name),
        volumes: () => [...volumes.list()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
        storageClass: (name) => classes.get(undefined, name),
        users: (namespace, claim) => [...this.#infos.values()].reduce((n, info) => n + [...info.pods.values()].filter((p) => (p.metadata.namespace ?? 'default') === namespace && p.spec.volumes?.some((v) => v.persistentVolumeClaim?.claimName === claim)).length, 0),
      },
    }
  }

  #schedule(pod: Pod): void {
    const state = this.#state(pod)
    if (state.nodes.length === 0) {
      this.#fail(pod, 'no nodes available to schedule pods')
      return
    }
    const hopeless = volumePreFilter(state)
    if (hopeless !== undefined) {
      this.#fail(pod, `0/${state.nodes.length} nodes are available: ${hopeless}. not found`)
      return
    }
    const names = allowedNames(pod)
    const refusals = new Map<string, Refusal>()
    const feasible: NodeInfo[] = []
    for (const info of state.nodes) {
      this.visits++
      const refusal = names && !names.has(info.node.metadata.name) ? { reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], resolvable: false } : filterNode(state, info)
      if (refusal) refusals.set(info.node.metadata.name, refusal)
      else feasible.push(info)
    }
    if (feasible.length === 0) {
      this.#noFit(state, refusals)
      return
    }
    const best = bestNodes(state, feasible)
    this.#bind(state, best.length === 1 ? best[0]! : this.#random.pick(best))
  }

  #noFit(state: CycleState, refusals: ReadonlyMap<string, Refusal>): void {
    const { pod } = state
    const counts = new Map<string, number>()
    for (const { reasons } of refusals.values()) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    const message = fitMessage(state.nodes.length, counts)
    const outcome = preempt(state, refusals)
    if (!outcome.node) {
      this.#fail(pod, `${message} no new claims to deallocate, ${outcome.message}`)
      return
    }
    const node = outcome.node.node.metadata.name
    for (const victim of outcome.victims) {
      const condition: Condition = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: `${this.#name}: preempting to accommodate a higher priority pod`, lastTransitionTime: timestamp(this.#sim.now), observedGeneration: victim.metadata.generation ?? 1 }
      this.#api.patch(pods, victim.metadata.namespace, victim.metadata.name, { status: { conditions: [condition] } }, 'strategic', 'status')
      this.#api.delete(pods, victim.metadata.namespace, victim.metadata.name)
      this.#api.event(victim, 'Normal', 'Preempted', `Preempted by pod ${pod.metadata.uid} on node ${node}`, component)
    }
    this.#fail(pod, message, node)
  }

  #fail(pod: Pod, message: string, nominated?: string): void {
    this.#wait(keyOf(pod))
    this.#api.event(pod, 'Warning', 'FailedScheduling', message, component)
    const old = podCondition(pod, 'PodScheduled')
    if (old?.message === message && nominated === undefined) return
    const condition: Condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
      lastTransitionTime: old?.status === 'False' ? (old.lastTransitionTime ?? null) : timestamp(this.#sim.now),
      observedGeneration: pod.metadata.generation ?? 1,
    }
    this.#api.patch(pods, pod.metadata.namespace, pod.metadata.name, { status: { conditions: [condition], ...(nominated !== undefined ? { nominatedNodeName: nominated } : {}) } }, 'strategic', 'status')
  }

  #bind(state: CycleState, info: NodeInfo): void {
    const { pod } = state
    const node = info.node.metadata.name
    const chosen = chooseVolumes(state, info)
    for (const { claim, volume } of chosen) this.#claimFor(claim, volume, node)
    if (chosen.some(({ volume }) => !volume)) {
      // What a provisioner is to make is waited for: the pod is looked at again when its claim is bound.
      this.#waiting.set(keyOf(pod), { attempts: 0, notBefore: this.#sim.now })
      return
    }
    bindPod(this.#api, pod, node)
    info.add({ ...pod, spec: { ...pod.spec, nodeName: node } })
    this.#waiting.delete(keyOf(pod))
    this.#api.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${keyOf(pod)} to ${node}`, component)
  }

  /** Pre-binds a volume to a claim that waited for its first consumer, or asks its provisioner for one. */
  #claimFor(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined, node: string): void {
    if (volume) {
      const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: claim.metadata.namespace ?? 'default', name: claim.metadata.name, uid: claim.metadata.uid ?? '', resourceVersion: claim.metadata.resourceVersion ?? '' }
      this.#api.update(persistentvolumes, { ...volume, metadata: { ...volume.metadata, annotations: { ...volume.metadata.annotations, 'pv.kubernetes.io/bound-by-controller': 'yes' } }, spec: { ...volume.spec, claimRef } })
    } else if (claim.metadata.annotations?.['volume.kubernetes.io/selected-node'] !== node) {
      this.#api.update(persistentvolumeclaims, { ...claim, metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, 'volume.kubernetes.io/selected-node': node } } })
    }
  }
}
