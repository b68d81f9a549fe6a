/** One pod of a DaemonSet on every node that suits it, rolled node by node (pkg/controller/daemon). */
import { controllerrevisions, daemonsets, type ControllerRevision, type DaemonSet, type DaemonSetStatus } from '#engine/kinds/daemonset/types.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { isPodReady, pods, type Pod } from '#engine/kinds/pod/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { scaledValue } from '../deployment/rollout.ts'
import { deepEqual } from '../equal.ts'
import { Expectations } from '../expectations.ts'
import { byOwner, claim, controllerOf, isConflict, orphanKeys, orphans, ownerKeys, tolerateGone } from '../ownership.ts'
import { createPod, deletePod, isPodAvailable, podFromTemplate, structuredCopy } from '../pod-control.ts'
import { createRevision, newRevision, sameData } from '../revision-history.ts'
import { podTemplateHash } from '../template-hash.ts'
import { daemonTolerations, placement } from './placement.ts'
import { byPhaseAndAge, superfluous, surgeOf, surgePlan, type Situation } from './surge.ts'

const component = 'daemonset-controller'
const hashLabel = 'controller-revision-hash'
const generationLabel = 'pod-template-generation'

export function startDaemonSetController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<DaemonSet>(daemonsets)
  const nodeCache = api.informer<Node>(nodes)
  const podCache = api.informer<Pod>(pods)
  const revisionCache = api.informer<ControllerRevision>(controllerrevisions)
  podCache.addIndex(byOwner, ownerKeys)
  podCache.addIndex(orphans, orphanKeys)
  revisionCache.addIndex(byOwner, ownerKeys)
  const expectations = new Expectations()
  const queue = context.queue(sync)
  const deletionSeen = new Set<string>()
  /** Failed pods are recreated with back-off: uid of the set and node → [delay, time]. */
  const failures = new Map<string, { delay: number; at: number }>()

  cache.onAdd((ds) => queue.add(keyOf(ds)))
  cache.onUpdate((ds) => queue.add(keyOf(ds)))
  cache.onDelete((ds) => expectations.forget(keyOf(ds)))
  const all = () => {
    for (const ds of cache.list()) queue.add(keyOf(ds))
  }
  nodeCache.onAdd(all)
  nodeCache.onDelete(all)
  nodeCache.onUpdate((node, old) => {
    if (!deepEqual([node.metadata.labels, node.spec.taints, node.spec.unschedulable], [old.metadata.labels, old.spec.taints, old.spec.unschedulable])) all()
  })
  const ownerKey = (pod: Pod) => {
    const owner = controllerOf(pod)
    const ds = owner?.kind === 'DaemonSet' ? cache.get(pod.metadata.namespace, owner.name) : undefined
    return ds?.metadata.uid === owner?.uid && ds ? keyOf(ds) : undefined
  }
  podCache.onAdd((pod) => {
    const key = ownerKey(pod)
    if (key === undefined) return
    expectations.added(key)
    queue.add(key)
  })
  podCache.onUpdate((pod, old) => {
    const key = ownerKey(pod)
    if (key === undefined) return
    if (pod.metadata.deletionTimestamp !== undefined && !deletionSeen.has(pod.metadata.uid ?? '')) {
      deletionSeen.add(pod.metadata.uid ?? '')
      expectations.deleted(key)
    }
    const min = cache.get(...splitKey(key))?.spec.minReadySeconds ?? 0
    if (min > 0 && isPodReady(pod) && !isPodReady(old)) queue.addAfter(key, min * 1000 + 1000)
    queue.add(key)
  })
  podCache.onDelete((pod) => {
    const key = ownerKey(pod)
    if (key === undefined) return
    if (!deletionSeen.delete(pod.metadata.uid ?? '')) expectations.deleted(key)
    queue.add(key)
  })

  function sync(key: string): void {
    const ds = cache.get(...splitKey(key))
    if (!ds) return
    if (Object.keys(ds.spec.selector.matchLabels ?? {}).length === 0 && (ds.spec.selector.matchExpressions ?? []).length === 0) {
      api.event(ds, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.', component)
      return
    }
    if (ds.metadata.deletionTimestamp !== undefined) return
    const [current, old] = revisions(ds)
    if (!current) return
    const hash = current.metadata.labels?.[hashLabel] ?? ''
    const owned = podsOf(ds)
    let failure: unknown
    if (expectations.satisfied(key)) {
      try {
        manage(key, ds, owned, hash)
        if (expectations.satisfied(key) && (ds.spec.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate') roll(key, ds, owned, hash)
      } catch (error) {
        failure = error
      }
      cleanHistory(ds, old)
    }
    writeStatus(ds, owned, hash)
    if (failure !== undefined) throw failure
  }

  function podsOf(ds: DaemonSet): Map<string, Pod[]> {
    const claimed = claim(api, pods, ds, ds.spec.selector, podCache.byIndex(byOwner, ds.metadata.uid ?? ''), podCache.byIndex(orphans, ds.metadata.namespace ?? ''))
    const out = new Map<string, Pod[]>()
    for (const pod of claimed) {
      const node = targetNode(pod)
      out.set(node, [...(out.get(node) ?? []), pod])
    }
    return out
  }

  function manage(key: string, ds: DaemonSet, owned: ReadonlyMap<string, readonly Pod[]>, hash: string): void {
    const create: string[] = []
    const remove: Pod[] = []
    for (const node of nodeCache.list()) {
      const here = owned.get(node.metadata.name) ?? []
      const [run, stay] = placement(ds, node)
      if (run && here.length === 0) create.push(node.metadata.name)
      else if (stay && here.length > 0) {
        const living: Pod[] = []
        for (const pod of here) {
          if (pod.metadata.deletionTimestamp !== undefined) continue
          if (pod.status?.phase === 'Failed') {
            const wait = backoff(`${ds.metadata.uid}/${node.metadata.name}`)
            if (wait > 0) {
              queue.addAfter(key, wait)
              continue
            }
            api.event(ds, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node.metadata.name}, will try to kill it`, component)
            remove.push(pod)
          } else if (pod.status?.phase === 'Succeeded') {
            api.event(ds, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node.metadata.name}, will try to delete it`, component)
            remove.push(pod)
          } else living.push(pod)
        }
        if (surgeOf(ds, 100) > 0) remove.push(...superfluous(living, situationOf(ds, hash)))
        else remove.push(...living.sort(byPhaseAndAge).slice(1))
      } else if (!stay) remove.push(...here.filter((p) => p.metadata.deletionTimestamp === undefined))
    }
    for (const [name, list] of owned) if (name !== '' && !nodeCache.get(undefined, name)) remove.push(...list.filter((p) => p.metadata.deletionTimestamp === undefined && !remove.includes(p)))
    apply(key, ds, create, remove, hash)
  }

  function backoff(id: string): number {
    const entry = failures.get(id)
    if (!entry || sim.now - entry.at > 1_800_000) {
      failures.set(id, { delay: 1000, at: sim.now })
      return 0
    }
    const wait = entry.at + entry.delay - sim.now
    if (wait > 0) return wait
    failures.set(id, { delay: Math.min(entry.delay * 2, 900_000), at: sim.now })
    return 0
  }

  function apply(key: string, ds: DaemonSet, create: readonly string[], remove: readonly Pod[], hash: string): void {
    expectations.expect(key, create.length, remove.length)
    let failure: unknown
    for (const node of create) {
      try {
        createPod(context, ds, daemonPod(ds, node, hash), component)
      } catch (error) {
        expectations.added(key)
        failure = error
      }
    }
    for (const pod of remove) {
      try {
        deletePod(context, ds, pod, component)
      } catch (error) {
        expectations.deleted(key)
        failure = error
      }
    }
    if (failure !== undefined) throw failure
  }

  function daemonPod(ds: DaemonSet, node: string, hash: string): Pod {
    const template = structuredCopy(ds.spec.template)
    template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [hashLabel]: hash, [generationLabel]: ds.metadata.annotations?.['deprecated.daemonset.template.generation'] ?? '1' } }
    const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }
    const { affinity } = template.spec
    template.spec = {
      ...template.spec,
      affinity: { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } },
      tolerations: daemonTolerations(template.spec),
    }
    return podFromTemplate(template, ds)
  }

  /** Takes old pods away while no more than maxUnavailable are missing. */
  function situationOf(ds: DaemonSet, hash: string): Situation {
    return { now: sim.now, minReady: ds.spec.minReadySeconds ?? 0, isNew: (pod) => pod.metadata.labels?.[hashLabel] === hash }
  }

  function roll(key: string, ds: DaemonSet, owned: ReadonlyMap<string, readonly Pod[]>, hash: string): void {
    const min = ds.spec.minReadySeconds ?? 0
    const eligible = nodeCache.list().filter((n) => placement(ds, n)[0])
    const surge = surgeOf(ds, eligible.length)
    if (surge > 0) {
      const living = new Map(eligible.map((n) => [n.metadata.name, (owned.get(n.metadata.name) ?? []).filter((p) => p.metadata.deletionTimestamp === undefined)] as const))
      const { create, remove } = surgePlan(living, surge, situationOf(ds, hash))
      if (create.length + remove.length > 0) apply(key, ds, create, remove, hash)
      return
    }
    const limit = Math.max(1, scaledValue(ds.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, eligible.length, true))
    let unavailable = 0
    const first: Pod[] = []
    const candidates: Pod[] = []
    for (const node of eligible) {
      const here = (owned.get(node.metadata.name) ?? []).filter((p) => p.metadata.deletionTimestamp === undefined)
      const pod = here[0]
      if (!pod) {
        unavailable++
        continue
      }
      const available = isPodAvailable(pod, min, sim.now)
      if (!available) unavailable++
      if (pod.metadata.labels?.[hashLabel] === hash) continue
      if (!available) first.push(pod)
      else candidates.push(pod)
    }
    const room = Math.max(0, limit - unavailable)
    const victims = [...first, ...candidates.slice(0, room)]
    if (victims.length > 0) apply(key, ds, [], victims, hash)
  }

  /** [the revision of the template now, the others]. */
  function revisions(ds: DaemonSet): [ControllerRevision | undefined, ControllerRevision[]] {
    const known = revisionCache.byIndex(byOwner, ds.metadata.uid ?? '')
    const max = Math.max(0, ...known.map((r) => r.revision))
    const fresh = newRevision(ds, ds.spec.template, max + 1, podTemplateHash(ds.spec.template, ds.status?.collisionCount), hashLabel)
    const same = known.filter((r) => sameData(r, fresh)).sort((a, b) => b.revision - a.revision)[0]
    if (same) {
      const old = known.filter((r) => r !== same)
      if (same.revision < max) return [api.update(controllerrevisions, { ...same, revision: max + 1 }), old]
      return [same, old]
    }
    const created = createRevision(api, fresh)
    if (!created) {
      api.update(daemonsets, { ...ds, status: { ...ds.status!, collisionCount: (ds.status?.collisionCount ?? 0) + 1 } }, 'status')
      return [undefined, []]
    }
    return [created, [...known]]
  }

  function cleanHistory(ds: DaemonSet, old: readonly ControllerRevision[]): void {
    const live = new Set(podCache.byIndex(byOwner, ds.metadata.uid ?? '').map((p) => p.metadata.labels?.[hashLabel]))
    const spare = old.filter((r) => !live.has(r.metadata.labels?.[hashLabel])).sort((a, b) => a.revision - b.revision)
    for (const r of spare.slice(0, Math.max(0, spare.length - (ds.spec.revisionHistoryLimit ?? 10)))) tolerateGone(() => api.delete(controllerrevisions, r.metadata.namespace, r.metadata.name))
  }

  function writeStatus(ds: DaemonSet, owned: ReadonlyMap<string, readonly Pod[]>, hash: string): void {
    const min = ds.spec.minReadySeconds ?? 0
    const counts = { desired: 0, current: 0, mis: 0, ready: 0, updated: 0, available: 0 }
    for (const node of nodeCache.list()) {
      const here = owned.get(node.metadata.name) ?? []
      const [run] = placement(ds, node)
      if (!run) {
        if (here.length > 0) counts.mis++
        continue
      }
      counts.desired++
      if (here.length === 0) continue
      counts.current++
      const pod = [...here].sort(byPhaseAndAge)[0]!
      if (isPodReady(pod)) {
        counts.ready++
        if (isPodAvailable(pod, min, sim.now)) counts.available++
      }
      if (pod.metadata.labels?.[hashLabel] === hash) counts.updated++
    }
    const unavailable = counts.desired - counts.available
    const status: DaemonSetStatus = {
      currentNumberScheduled: counts.current,
      numberMisscheduled: counts.mis,
      desiredNumberScheduled: counts.desired,
      numberReady: counts.ready,
      observedGeneration: ds.metadata.generation ?? 1,
      ...(counts.updated > 0 ? { updatedNumberScheduled: counts.updated } : {}),
      ...(counts.available > 0 ? { numberAvailable: counts.available } : {}),
      ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
      ...(ds.status?.collisionCount !== undefined ? { collisionCount: ds.status.collisionCount } : {}),
    }
    if (deepEqual(ds.status, status)) return
    try {
      tolerateGone(() => api.update(daemonsets, { ...ds, status }, 'status'))
    } catch (error) {
      if (!isConflict(error)) throw error
      const fresh = tolerateGone(() => api.get<DaemonSet>(daemonsets, ds.metadata.namespace, ds.metadata.name))
      if (fresh && fresh.metadata.uid === ds.metadata.uid) tolerateGone(() => api.update(daemonsets, { ...fresh, status }, 'status'))
    }
  }
}

/** The node that a daemon pod is on or was made for. */
function targetNode(pod: Pod): string {
  if (pod.spec.nodeName) return pod.spec.nodeName
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  for (const term of terms) for (const f of term.matchFields ?? []) if (f.key === 'metadata.name' && f.values?.length === 1) return f.values[0]!
  return ''
}

