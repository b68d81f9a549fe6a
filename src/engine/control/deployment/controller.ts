/**
 * Turns a Deployment into replica sets, one per pod template, and rolls from one to the next (pkg/controller/deployment).
 * Rollback by annotation is left out, as upstream removed it.
 */
import { deployments, type Deployment, type DeploymentStatus } from '#engine/kinds/deployment/types.ts'
import { isPodFinished, pods, type Pod } from '#engine/kinds/pod/types.ts'
import { replicasets, type ReplicaSet } from '#engine/kinds/replicaset/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { byOwner, claim, controllerOf, isControlledBy, orphanKeys, orphans, ownerKeys, ownerReference, tolerateGone } from '../ownership.ts'
import { isNamespaceTerminating, structuredCopy } from '../pod-control.ts'
import { podTemplateHash } from '../template-hash.ts'
import { equalTemplates, findNewSet, maxRevision, revisionAnnotation, revisionOf, withDeploymentAnnotations, withReplicasAnnotations } from './revisions.ts'
import { active, byAge, isRolling, maxSurge, maxUnavailable, newSetReplicas, proportion, replicasOf, sumAvailable, sumSpec, desiredAnnotation } from './rollout.ts'
import { calculateStatus, condition, hasDeadline, isComplete, newCondition, rolloutStatus, withCondition } from './status.ts'

const component = 'deployment-controller'

export function startDeploymentController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<Deployment>(deployments)
  const sets = api.informer<ReplicaSet>(replicasets)
  const podCache = api.informer<Pod>(pods)
  sets.addIndex(byOwner, ownerKeys)
  sets.addIndex(orphans, orphanKeys)
  podCache.addIndex(byOwner, ownerKeys)
  const queue = context.queue(sync)

  cache.onAdd((d) => queue.add(keyOf(d)))
  cache.onUpdate((d) => queue.add(keyOf(d)))
  const wake = (rs: ReplicaSet): void => {
    const owner = controllerOf(rs)
    if (owner?.kind === 'Deployment') queue.add(`${rs.metadata.namespace}/${owner.name}`)
    else if (!owner) for (const d of cache.list(rs.metadata.namespace)) queue.add(keyOf(d))
  }
  sets.onAdd(wake)
  sets.onUpdate((rs, old) => {
    wake(rs)
    if (controllerOf(old)?.uid !== controllerOf(rs)?.uid) wake(old)
  })
  sets.onDelete(wake)
  podCache.onDelete((pod) => {
    const owner = controllerOf(pod)
    const rs = owner?.kind === 'ReplicaSet' ? sets.get(pod.metadata.namespace, owner.name) : undefined
    const parent = rs && controllerOf(rs)
    const d = parent?.kind === 'Deployment' ? cache.get(pod.metadata.namespace, parent.name) : undefined
    if (d?.spec.strategy?.type === 'Recreate') queue.add(keyOf(d))
  })

  function sync(key: string): void {
    const d = cache.get(...splitKey(key))
    if (!d) return
    const selector = d.spec.selector
    if (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0) {
      api.event(d, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.', component)
      return
    }
    const list = claim(api, replicasets, d, selector, sets.byIndex(byOwner, d.metadata.uid ?? ''), sets.byIndex(orphans, d.metadata.namespace ?? ''))
    new Rollout(d, list).run()
  }

  /** One reconciliation of one deployment: what it has learnt so far, replaced as the server answers. */
  class Rollout {
    #d: Deployment
    #list: ReplicaSet[]
    #fresh: ReplicaSet | undefined
    #old: ReplicaSet[] = []

    constructor(d: Deployment, list: readonly ReplicaSet[]) {
      this.#d = d
      this.#list = [...list].sort(byAge)
    }

    run(): void {
      if (this.#d.metadata.deletionTimestamp !== undefined) {
        this.#loadSets(false)
        this.#syncStatus()
        return
      }
      this.#checkPaused()
      if (this.#d.spec.paused) this.#scaleOnly()
      else if (this.#isScalingEvent()) this.#scaleOnly()
      else if (isRolling(this.#d)) this.#roll()
      else this.#recreate()
    }

    get #all(): ReplicaSet[] {
      return this.#fresh ? [...this.#old, this.#fresh] : this.#old
    }

    #roll(): void {
      this.#loadSets(true)
      if (!this.#reconcileNew() && !this.#reconcileOld() && isComplete(this.#d, this.#d.status)) this.#cleanUp()
      this.#syncRolloutStatus()
    }

    #recreate(): void {
      this.#loadSets(false)
      let scaled = false
      for (const rs of active(this.#old)) scaled = this.#scale(rs, 0) || scaled
      if (scaled || this.#oldPodsRun()) {
        this.#syncRolloutStatus()
        return
      }
      if (!this.#fresh) this.#loadSets(true)
      if (this.#fresh) this.#scale(this.#fresh, this.#d.spec.replicas ?? 1)
      if (isComplete(this.#d, this.#d.status)) this.#cleanUp()
      this.#syncRolloutStatus()
    }

    #oldPodsRun(): boolean {
      return this.#old.some((rs) => podCache.byIndex(byOwner, rs.metadata.uid ?? '').some((p) => !isPodFinished(p)))
    }

    /** Splits the sets in new and old, keeps the revision in step, and creates the new one when asked. */
    #loadSets(create: boolean): void {
      const d = this.#d
      const existing = findNewSet(d, this.#list)
      this.#old = this.#list.filter((rs) => rs.metadata.uid !== existing?.metadata.uid)
      this.#fresh = undefined
      const revision = String(maxRevision(this.#old) + 1)
      if (existing) {
        const annotations = withDeploymentAnnotations(d, existing, revision, true)
        const min = d.spec.minReadySeconds
        if (!deepEqual(annotations, existing.metadata.annotations) || (existing.spec.minReadySeconds ?? 0) !== (min ?? 0)) {
          const spec = { ...existing.spec }
          if (min === undefined) delete spec.minReadySeconds
          else spec.minReadySeconds = min
          this.#fresh = api.update(replicasets, { ...existing, metadata: { ...existing.metadata, annotations }, spec })
          this.#replace(this.#fresh)
          return
        }
        this.#fresh = existing
        const ownRevision = existing.metadata.annotations?.[revisionAnnotation] ?? ''
        let next = d
        if (d.metadata.annotations?.[revisionAnnotation] !== ownRevision) next = withRevision(next, ownRevision)
        if (hasDeadline(d) && !condition(d.status, 'Progressing')) {
          next = withStatusCondition(next, newCondition(sim.now, 'Progressing', 'True', 'FoundNewReplicaSet', `Found new replica set "${existing.metadata.name}"`))
        }
        if (next !== d) this.#d = api.update(deployments, next, 'status')
        return
      }
      if (!create) return
      this.#create(revision)
    }

    #create(revision: string): void {
      const d = this.#d
      const hash = podTemplateHash(d.spec.template, d.status?.collisionCount)
      const template = structuredCopy(d.spec.template)
      template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, 'pod-template-hash': hash } }
      let rs: ReplicaSet = {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { name: `${d.metadata.name}-${hash}`, ...(d.metadata.namespace !== undefined ? { namespace: d.metadata.namespace } : {}), labels: template.metadata.labels ?? {}, ownerReferences: [ownerReference(d)] },
        spec: {
          replicas: 0,
          ...(d.spec.minReadySeconds ? { minReadySeconds: d.spec.minReadySeconds } : {}),
          selector: { ...structuredCopy(d.spec.selector), matchLabels: { ...d.spec.selector.matchLabels, 'pod-template-hash': hash } },
          template,
        },
      }
      const count = newSetReplicas(d, [...this.#old, rs], rs)
      rs.spec.replicas = count
      rs.metadata.annotations = withDeploymentAnnotations(d, rs, revision, false)
      let known = false
      try {
        rs = api.create(replicasets, rs)
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        if (error.status.reason === 'AlreadyExists') {
          const other = api.get<ReplicaSet>(replicasets, d.metadata.namespace, rs.metadata.name)
          if (isControlledBy(other, d) && equalTemplates(d.spec.template, other.spec.template)) {
            known = true
            rs = other
          } else {
            api.update(deployments, { ...d, status: { ...d.status, collisionCount: (d.status?.collisionCount ?? 0) + 1 } }, 'status')
            throw error
          }
        } else if (isNamespaceTerminating(error)) {
          throw error
        } else {
          const message = `Failed to create new replica set "${rs.metadata.name}": ${error.message}`
          if (hasDeadline(d)) api.update(deployments, withStatusCondition(d, newCondition(sim.now, 'Progressing', 'False', 'ReplicaSetCreateError', message)), 'status')
          api.event(d, 'Warning', 'ReplicaSetCreateError', message, component)
          throw error
        }
      }
      if (!known && count > 0) api.event(d, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${rs.metadata.name} from 0 to ${count}`, component)
      this.#fresh = rs
      this.#list.push(rs)
      let next = d
      if (d.metadata.annotations?.[revisionAnnotation] !== revision) next = withRevision(next, revision)
      if (!known && hasDeadline(d)) next = withStatusCondition(next, newCondition(sim.now, 'Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${rs.metadata.name}"`))
      if (next !== d) this.#d = api.update(deployments, next, 'status')
    }

    #reconcileNew(): boolean {
      const fresh = this.#fresh!
      const want = this.#d.spec.replicas ?? 1
      if (replicasOf(fresh) === want) return false
      if (replicasOf(fresh) > want) return this.#scale(fresh, want)
      return this.#scale(fresh, newSetReplicas(this.#d, this.#all, fresh))
    }

    #reconcileOld(): boolean {
      const fresh = this.#fresh!
      if (sumSpec(this.#old) === 0) return false
      const minAvailable = (this.#d.spec.replicas ?? 1) - maxUnavailable(this.#d)
      const unavailable = replicasOf(fresh) - (fresh.status?.availableReplicas ?? 0)
      const room = sumSpec(this.#all) - minAvailable - unavailable
      if (room <= 0) return false
      let cleaned = 0
      for (const rs of this.#old) {
        if (cleaned >= room) break
        const count = Math.min(room - cleaned, replicasOf(rs) - (rs.status?.availableReplicas ?? 0))
        if (replicasOf(rs) === 0 || count <= 0) continue
        this.#scale(rs, replicasOf(rs) - count)
        cleaned += count
      }
      const spare = sumAvailable(this.#all) - minAvailable
      let taken = 0
      for (const rs of this.#old) {
        if (taken >= spare) break
        if (replicasOf(rs) === 0) continue
        const count = Math.min(replicasOf(rs), spare - taken)
        this.#scale(rs, replicasOf(rs) - count)
        taken += count
      }
      return cleaned + taken > 0
    }

    #scaleOnly(): void {
      this.#loadSets(false)
      this.#spread()
      if (this.#d.spec.paused) this.#cleanUp()
      this.#syncStatus()
    }

    /** Scales whatever is active: one set alone, or all in proportion. */
    #spread(): void {
      const d = this.#d
      const want = d.spec.replicas ?? 1
      const running = active(this.#all)
      const single = running.length === 0 ? (this.#fresh ?? this.#old.at(-1)) : running.length === 1 ? running[0] : undefined
      if (single || running.length === 0) {
        if (single && replicasOf(single) !== want) this.#scale(single, want)
        else if (single) this.#scale(single, want)
        return
      }
      const fresh = this.#fresh
      if (fresh && replicasOf(fresh) === want && Number(fresh.metadata.annotations?.[desiredAnnotation]) === want && (fresh.status?.availableReplicas ?? 0) === want) {
        for (const rs of active(this.#old)) this.#scale(rs, 0)
        return
      }
      if (!isRolling(d)) return
      const allowed = want > 0 ? want + maxSurge(d) : 0
      const toAdd = allowed - sumSpec(running)
      const sorted = [...running].sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)))
      const sizes = new Map<ReplicaSet, number>()
      let added = 0
      for (const rs of sorted) {
        const share = toAdd === 0 ? 0 : proportion(rs, d, toAdd, added)
        sizes.set(rs, replicasOf(rs) + share)
        added += share
      }
      sorted.forEach((rs, i) => {
        let size = sizes.get(rs) ?? replicasOf(rs)
        if (i === 0 && toAdd !== 0) size = Math.max(0, size + toAdd - added)
        this.#scale(rs, size)
      })
    }

    #isScalingEvent(): boolean {
      this.#loadSets(false)
      return active(this.#all).some((rs) => {
        const desired = rs.metadata.annotations?.[desiredAnnotation]
        return desired !== undefined && Number(desired) !== (this.#d.spec.replicas ?? 1)
      })
    }

    /** True when the size changed. */
    #scale(rs: ReplicaSet, size: number): boolean {
      const annotations = withReplicasAnnotations(this.#d, rs)
      const before = replicasOf(rs)
      if (before === size && annotations === rs.metadata.annotations) return false
      const updated = api.update(replicasets, { ...rs, metadata: { ...rs.metadata, annotations: annotations ?? {} }, spec: { ...rs.spec, replicas: size } })
      this.#replace(updated)
      if (before === size) return false
      api.event(this.#d, 'Normal', 'ScalingReplicaSet', `Scaled ${size > before ? 'up' : 'down'} replica set ${rs.metadata.name} from ${before} to ${size}`, component)
      return true
    }

    #replace(rs: ReplicaSet): void {
      const swap = (other: ReplicaSet) => (other.metadata.uid === rs.metadata.uid ? rs : other)
      this.#list = this.#list.map(swap)
      this.#old = this.#old.map(swap)
      if (this.#fresh) this.#fresh = swap(this.#fresh)
    }

    #cleanUp(): void {
      const limit = this.#d.spec.revisionHistoryLimit
      if (limit === undefined || limit === 2147483647) return
      const alive = this.#old.filter((rs) => rs.metadata.deletionTimestamp === undefined)
      const surplus = alive.length - limit
      if (surplus <= 0) return
      const oldest = [...alive].sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b)).slice(0, surplus)
      for (const rs of oldest) {
        if ((rs.status?.replicas ?? 0) !== 0 || replicasOf(rs) !== 0 || (rs.metadata.generation ?? 0) > (rs.status?.observedGeneration ?? 0)) continue
        tolerateGone(() => api.delete(replicasets, rs.metadata.namespace, rs.metadata.name))
      }
    }

    #checkPaused(): void {
      const d = this.#d
      if (!hasDeadline(d)) return
      const current = condition(d.status, 'Progressing')
      if (current?.reason === 'ProgressDeadlineExceeded') return
      const told = current?.reason === 'DeploymentPaused'
      if (d.spec.paused && !told) this.#d = api.update(deployments, withStatusCondition(d, newCondition(sim.now, 'Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused')), 'status')
      else if (!d.spec.paused && told) this.#d = api.update(deployments, withStatusCondition(d, newCondition(sim.now, 'Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed')), 'status')
    }

    #syncStatus(): void {
      this.#write(calculateStatus(this.#d, this.#all, this.#fresh, sim.now))
    }

    #syncRolloutStatus(): void {
      const status = rolloutStatus(this.#d, this.#all, this.#fresh, sim.now)
      if (!this.#write(status)) this.#requeueStuck(status)
    }

    #write(status: DeploymentStatus): boolean {
      if (deepEqual(normal(this.#d.status), normal(status))) return false
      tolerateGone(() => api.update(deployments, { ...this.#d, status }, 'status'))
      return true
    }

    /** Wakes the deployment when its deadline will have passed. */
    #requeueStuck(status: DeploymentStatus): void {
      const d = this.#d
      const current = condition(d.status, 'Progressing')
      if (!hasDeadline(d) || !current || isComplete(d, status) || current.reason === 'ProgressDeadlineExceeded') return
      const due = Date.parse(current.lastUpdateTime ?? '') + d.spec.progressDeadlineSeconds! * 1000
      const key = keyOf(d)
      context.after(Math.max(0, due - sim.now) + 1000, () => queue.add(key), { background: true })
    }
  }
}

/** Zero and absent counters are one thing on the wire, except terminatingReplicas. */
function normal(status: DeploymentStatus | undefined): unknown {
  return { ...status, terminatingReplicas: status?.terminatingReplicas ?? -1 }
}

function withRevision(d: Deployment, revision: string): Deployment {
  return { ...d, metadata: { ...d.metadata, annotations: { ...d.metadata.annotations, [revisionAnnotation]: revision } } }
}

function withStatusCondition(d: Deployment, c: ReturnType<typeof newCondition>): Deployment {
  return { ...d, status: { ...d.status, conditions: withCondition(d.status?.conditions, c) } }
}
