/**
 * Pods with names and claims of their own, one after the other (pkg/controller/statefulset): ordered or parallel creation, rolling update from the highest
 * ordinal down to the partition, OnDelete. maxUnavailable above one is left out.
 */
import { StatusError } from '#engine/api/types.ts'
import { controllerrevisions, type ControllerRevision } from '#engine/kinds/daemonset/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { isPodFinished, isPodReady, pods, type Pod } from '#engine/kinds/pod/types.ts'
import { statefulsets, type StatefulSet, type StatefulSetStatus } from '#engine/kinds/statefulset/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { scaledValue } from '../deployment/rollout.ts'
import { deepEqual } from '../equal.ts'
import { byOwner, claim, controllerOf, isConflict, orphanKeys, orphans, ownerKeys, ownerReference, tolerateGone } from '../ownership.ts'
import { isNamespaceTerminating, isPodAvailable } from '../pod-control.ts'
import { createRevision, newRevision, revisionData, revisionHash, sameData } from '../revision-history.ts'
import { newClaim, newPod, ordinalOf, podName, revisionLabel } from './identity.ts'

const component = 'statefulset-controller'

export function startStatefulSetController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<StatefulSet>(statefulsets)
  const podCache = api.informer<Pod>(pods)
  const claimCache = api.informer<PersistentVolumeClaim>(persistentvolumeclaims)
  const revisionCache = api.informer<ControllerRevision>(controllerrevisions)
  podCache.addIndex(byOwner, ownerKeys)
  podCache.addIndex(orphans, orphanKeys)
  revisionCache.addIndex(byOwner, ownerKeys)
  const queue = context.queue(sync)
  cache.onAdd((s) => queue.add(keyOf(s)))
  cache.onUpdate((s) => queue.add(keyOf(s)))
  const wake = (pod: Pod) => {
    const owner = controllerOf(pod)
    if (owner?.kind === 'StatefulSet') queue.add(`${pod.metadata.namespace}/${owner.name}`)
    else if (!owner) for (const s of cache.list(pod.metadata.namespace)) if (ordinalOf(s, pod) !== undefined) queue.add(keyOf(s))
  }
  podCache.onAdd(wake)
  podCache.onDelete(wake)
  podCache.onUpdate((pod, old) => {
    wake(pod)
    const owner = controllerOf(pod)
    const min = owner?.kind === 'StatefulSet' ? (cache.get(pod.metadata.namespace, owner.name)?.spec.minReadySeconds ?? 0) : 0
    if (min > 0 && isPodReady(pod) && !isPodReady(old)) queue.addAfter(`${pod.metadata.namespace}/${owner!.name}`, min * 1000 + 1000)
  })

  function sync(key: string): void {
    const set = cache.get(...splitKey(key))
    if (!set) return
    // Reads past the cache, so that what was just made is seen.
    const live = api.list<Pod>(pods, { namespace: set.metadata.namespace ?? 'default' })
    const owned = claim(api, pods, set, set.spec.selector, live.filter((p) => controllerOf(p)?.uid === set.metadata.uid), live.filter((p) => !controllerOf(p) && ordinalOf(set, p) !== undefined))
    const [current, update, collisions] = revisions(set)
    const status = reconcile(key, set, owned, current, update)
    status.collisionCount = collisions
    finishUpdate(set, status)
    write(set, status)
    cleanHistory(set, owned, current, update)
  }

  function revisions(set: StatefulSet): [ControllerRevision, ControllerRevision, number] {
    const known = [...revisionCache.byIndex(byOwner, set.metadata.uid ?? '')].sort((a, b) => a.revision - b.revision)
    const next = (known.at(-1)?.revision ?? 0) + 1
    let collisions = set.status?.collisionCount ?? 0
    const make = (n: number) => newRevision(set, set.spec.template, next, revisionHash(revisionData(set.spec.template), n), 'controller.kubernetes.io/hash')
    const fresh = make(collisions)
    const same = known.filter((r) => sameData(r, fresh))
    let update: ControllerRevision
    if (same.length > 0 && sameData(known.at(-1)!, fresh)) update = known.at(-1)!
    else if (same.length > 0) update = api.update<ControllerRevision>(controllerrevisions, { ...same.at(-1)!, revision: next })
    else {
      let created = createRevision(api, fresh)
      while (!created) {
        collisions += 1
        created = createRevision(api, make(collisions))
      }
      update = created
    }
    const current = known.find((r) => r.metadata.name === set.status?.currentRevision) ?? update
    return [current, update, collisions]
  }

  function revisionName(pod: Pod): string {
    return pod.metadata.labels?.[revisionLabel] ?? ''
  }

  function reconcile(key: string, set: StatefulSet, owned: readonly Pod[], current: ControllerRevision, update: ControllerRevision): StatefulSetStatus {
    const start = set.spec.ordinals?.start ?? 0
    const want = set.spec.replicas ?? 1
    const min = set.spec.minReadySeconds ?? 0
    const parallel = set.spec.podManagementPolicy === 'Parallel'
    const currentName = hashOf(current)
    const updateName = hashOf(update)
    const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0
    const rolling = (set.spec.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
    const byOrdinal = new Map<number, Pod>()
    const condemned: Pod[] = []
    for (const pod of owned) {
      const ordinal = ordinalOf(set, pod)
      if (ordinal === undefined) continue
      if (ordinal >= start && ordinal < start + want) byOrdinal.set(ordinal, pod)
      else condemned.push(pod)
    }
    condemned.sort((a, b) => (ordinalOf(set, b) ?? 0) - (ordinalOf(set, a) ?? 0))
    const status = count(set, owned, currentName, updateName, min)
    const change = (delta: number, revision: string) => {
      status.replicas += delta
      if (revision === currentName) status.currentReplicas = (status.currentReplicas ?? 0) + delta
      if (revision === updateName) status.updatedReplicas = (status.updatedReplicas ?? 0) + delta
    }
    if (set.metadata.deletionTimestamp !== undefined) return status

    const healthy = (p: Pod) => isPodReady(p) && p.metadata.deletionTimestamp === undefined
    for (let ordinal = start; ordinal < start + want; ordinal++) {
      let pod = byOrdinal.get(ordinal)
      if (pod && isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined) {
        const why = pod.status?.phase === 'Failed' ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod'
        api.event(set, pod.status?.phase === 'Failed' ? 'Warning' : 'Normal', why, `StatefulSet ${set.metadata.namespace}/${set.metadata.name} is recreating ${pod.status?.phase === 'Failed' ? 'failed' : 'terminated'} Pod ${pod.metadata.name}`, component)
        remove(set, pod)
        change(-1, revisionName(pod))
        pod = undefined
        byOrdinal.delete(ordinal)
        if (!parallel) return status
        continue
      }
      if (!pod) {
        // Below the partition pods come back as they were.
        const fromUpdate = !rolling || ordinal >= start + partition
        const template = fromUpdate || currentName === updateName ? set : withTemplate(set, current)
        create(set, template, ordinal, fromUpdate ? updateName : currentName)
        change(1, fromUpdate ? updateName : currentName)
        if (!parallel) return status
        continue
      }
      makeClaims(set, ordinal)
      if (parallel) continue
      if (pod.metadata.deletionTimestamp !== undefined) return status
      if (!healthy(pod)) return status
      if (!isPodAvailable(pod, min, sim.now)) {
        queue.addAfter(key, min * 1000)
        return status
      }
    }

    for (const pod of condemned) {
      if (pod.metadata.deletionTimestamp !== undefined) {
        if (!parallel) return status
        continue
      }
      const blocked = [...byOrdinal.values(), ...condemned.slice(condemned.indexOf(pod) + 1)].find((p) => !healthy(p))
      if (!parallel && !isPodReady(pod) && blocked && blocked !== pod) return status
      handOver(set, pod)
      remove(set, pod)
      change(-1, revisionName(pod))
      if (!parallel) return status
    }

    if (!rolling) return status
    const limit = set.spec.updateStrategy?.rollingUpdate?.maxUnavailable
    if (limit !== undefined) {
      // What is missing anywhere counts; the rest of the allowance goes to the highest ordinals.
      const all = Array.from({ length: want }, (_, i) => byOrdinal.get(start + i))
      let room = Math.max(1, scaledValue(limit, want, false)) - all.filter((p) => !p || !healthy(p) || !isPodAvailable(p, min, sim.now)).length
      for (let ordinal = start + want - 1; ordinal >= start + partition && room > 0; ordinal--) {
        const pod = byOrdinal.get(ordinal)
        if (!pod || revisionName(pod) === updateName || pod.metadata.deletionTimestamp !== undefined) continue
        remove(set, pod)
        if (revisionName(pod) === currentName && status.currentReplicas) status.currentReplicas--
        room--
      }
      return status
    }
    for (let ordinal = start + want - 1; ordinal >= start + partition; ordinal--) {
      const pod = byOrdinal.get(ordinal)
      if (!pod) continue
      if (revisionName(pod) !== updateName && pod.metadata.deletionTimestamp === undefined) {
        remove(set, pod)
        if (revisionName(pod) === currentName && status.currentReplicas) status.currentReplicas--
        return status
      }
      if (!healthy(pod)) return status
    }
    return status
  }

  function hashOf(revision: ControllerRevision): string {
    return revision.metadata.name
  }

  function withTemplate(set: StatefulSet, revision: ControllerRevision): StatefulSet {
    const data = revision.data as { spec?: { template?: StatefulSet['spec']['template'] & { $patch?: string } } } | undefined
    if (!data?.spec?.template) return set
    const { $patch: _patch, ...template } = data.spec.template
    return { ...set, spec: { ...set.spec, template: template as StatefulSet['spec']['template'] } }
  }

  function count(set: StatefulSet, owned: readonly Pod[], current: string, update: string, min: number): StatefulSetStatus {
    const status: StatefulSetStatus = { observedGeneration: set.metadata.generation ?? 1, replicas: 0, availableReplicas: 0, currentRevision: current, updateRevision: update, ...(set.status?.collisionCount !== undefined ? { collisionCount: set.status.collisionCount } : {}) }
    const add = (key: 'readyReplicas' | 'currentReplicas' | 'updatedReplicas') => (status[key] = (status[key] ?? 0) + 1)
    for (const pod of owned) {
      if (pod.metadata.deletionTimestamp === undefined || !isPodFinished(pod)) status.replicas++
      if (isPodReady(pod) && pod.status?.phase === 'Running') {
        add('readyReplicas')
        if (isPodAvailable(pod, min, sim.now)) status.availableReplicas++
      }
      if (pod.metadata.deletionTimestamp !== undefined) continue
      if (revisionName(pod) === current) add('currentReplicas')
      if (revisionName(pod) === update) add('updatedReplicas')
    }
    return status
  }

  function create(set: StatefulSet, template: StatefulSet, ordinal: number, revision: string): void {
    const pod = newPod(template, ordinal, revision)
    const told = (verb: string, error?: Error) => {
      if (!error) api.event(set, 'Normal', 'SuccessfulCreate', `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`, component)
      else api.event(set, 'Warning', 'FailedCreate', `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${error.message}`, component)
    }
    makeClaims(set, ordinal)
    try {
      api.create<Pod>(pods, pod)
      told('Create')
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      if (error.status.reason === 'AlreadyExists') throw error
      if (!isNamespaceTerminating(error)) told('Create', error)
      throw error
    }
  }

  function makeClaims(set: StatefulSet, ordinal: number): void {
    for (const template of set.spec.volumeClaimTemplates ?? []) {
      const fresh = newClaim(set, template, ordinal)
      if (claimCache.get(fresh.metadata.namespace, fresh.metadata.name)) continue
      try {
        if (set.spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete') fresh.metadata.ownerReferences = [{ ...ownerReference({ ...set, apiVersion: 'apps/v1', kind: 'StatefulSet' }) }]
        api.create<PersistentVolumeClaim>(persistentvolumeclaims, fresh)
        api.event(set, 'Normal', 'SuccessfulCreate', `Create Claim ${fresh.metadata.name} Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata.name} success`, component)
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        if (error.status.reason === 'AlreadyExists') continue
        api.event(set, 'Warning', 'FailedCreate', `Create Claim ${fresh.metadata.name} for Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata.name} failed error: ${error.message}`, component)
        throw error
      }
    }
  }

  /** With whenScaled: Delete, claims go with the pod that is scaled away: it becomes their owner. */
  function handOver(set: StatefulSet, pod: Pod): void {
    const ordinal = ordinalOf(set, pod)
    if (set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete' || ordinal === undefined) return
    for (const template of set.spec.volumeClaimTemplates ?? []) {
      const { name } = newClaim(set, template, ordinal).metadata
      const held = claimCache.get(pod.metadata.namespace, name)
      if (!held) continue
      tolerateGone(() => api.update<PersistentVolumeClaim>(persistentvolumeclaims, { ...held, metadata: { ...held.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid ?? '' }] } }))
    }
  }

  function remove(set: StatefulSet, pod: Pod): void {
    tolerateGone(() => api.delete(pods, pod.metadata.namespace, pod.metadata.name))
    api.event(set, 'Normal', 'SuccessfulDelete', `Delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`, component)
  }

  /** When every pod is of the new revision it becomes the current one. */
  function finishUpdate(set: StatefulSet, status: StatefulSetStatus): void {
    const want = set.spec.replicas ?? 1
    const rolling = (set.spec.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
    if (rolling && status.updatedReplicas === status.replicas && (status.readyReplicas ?? 0) === status.replicas && status.replicas === want) {
      if (status.updatedReplicas !== undefined) status.currentReplicas = status.updatedReplicas
      if (status.updateRevision !== undefined) status.currentRevision = status.updateRevision
    }
  }

  function write(set: StatefulSet, status: StatefulSetStatus): void {
    if (set.status?.collisionCount !== undefined && deepEqual(set.status, status)) return
    try {
      tolerateGone(() => api.update<StatefulSet>(statefulsets, { ...set, status }, 'status'))
    } catch (error) {
      if (!isConflict(error)) throw error
      const fresh = tolerateGone(() => api.get<StatefulSet>(statefulsets, set.metadata.namespace, set.metadata.name))
      if (fresh && fresh.metadata.uid === set.metadata.uid) tolerateGone(() => api.update<StatefulSet>(statefulsets, { ...fresh, status }, 'status'))
    }
  }

  function cleanHistory(set: StatefulSet, owned: readonly Pod[], current: ControllerRevision, update: ControllerRevision): void {
    const live = new Set([current.metadata.name, update.metadata.name, ...owned.map(revisionName)])
    const spare = revisionCache.byIndex(byOwner, set.metadata.uid ?? '').filter((r) => !live.has(r.metadata.name)).sort((a, b) => a.revision - b.revision)
    for (const r of spare.slice(0, Math.max(0, spare.length - (set.spec.revisionHistoryLimit ?? 10)))) tolerateGone(() => api.delete(controllerrevisions, r.metadata.namespace, r.metadata.name))
  }
}
