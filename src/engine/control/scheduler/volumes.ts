/** Claims of a pod against volumes and nodes (plugins/volumebinding): what must be bound first, where local volumes are. */
import type { PersistentVolume } from '#engine/kinds/persistentvolume/types.ts'
import type { PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { nodeSelectorMatches } from '#engine/kinds/selectors.ts'
import { volumeFits } from '../volume-binder/match.ts'
import type { CycleState, Refusal } from './filters.ts'
import type { NodeInfo } from './node-info.ts'

export function claimNames(state: CycleState): string[] {
  return (state.pod.spec.volumes ?? []).flatMap((v) => {
    if (v.persistentVolumeClaim) return [v.persistentVolumeClaim.claimName]
    if (v.ephemeral) return [`${state.pod.metadata.name}-${v.name}`]
    return []
  })
}

const bound = (claim: PersistentVolumeClaim) => Boolean(claim.spec.volumeName) && claim.metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined

function waits(state: CycleState, claim: PersistentVolumeClaim): boolean {
  const name = claim.spec.storageClassName
  return Boolean(name) && state.volumes.storageClass(name!)?.volumeBindingMode === 'WaitForFirstConsumer'
}

/** What makes the whole cycle hopeless before any node is looked at. */
export function volumePreFilter(state: CycleState): string | undefined {
  let unbound = false
  for (const name of claimNames(state)) {
    const claim = state.volumes.claim(state.pod.metadata.namespace ?? 'default', name)
    if (!claim) return `persistentvolumeclaim "${name}" not found`
    if (claim.status?.phase === 'Lost') return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`
    if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`
    if (!bound(claim) && !waits(state, claim)) unbound = true
  }
  return unbound ? 'pod has unbound immediate PersistentVolumeClaims' : undefined
}

/** A claim for one pod alone is taken as long as another pod has it, wherever that is (plugins/volumerestrictions). */
export function volumeRestrictions(state: CycleState): Refusal | undefined {
  const namespace = state.pod.metadata.namespace ?? 'default'
  for (const name of claimNames(state)) {
    if (!state.volumes.claim(namespace, name)?.spec.accessModes?.includes('ReadWriteOncePod')) continue
    if (state.volumes.users(namespace, name) > 0) return { reasons: ['node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'], resolvable: true }
  }
  return undefined
}

const zoneLabels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region']

/** Bound volumes that say in labels where they are (plugins/volumezone). Nodes without such labels are not judged. */
export function volumeZone(state: CycleState, { node }: NodeInfo): Refusal | undefined {
  const own = node.metadata.labels ?? {}
  if (!zoneLabels.some((key) => key in own)) return undefined
  for (const name of claimNames(state)) {
    const claim = state.volumes.claim(state.pod.metadata.namespace ?? 'default', name)
    const labels = claim && bound(claim) ? state.volumes.volume(claim.spec.volumeName!)?.metadata.labels : undefined
    for (const key of zoneLabels) if (labels?.[key] !== undefined && !labels[key].split('__').includes(own[key] ?? '')) return { reasons: ['node(s) had no available volume zone'], resolvable: false }
  }
  return undefined
}

export function volumeFilter(state: CycleState, info: NodeInfo): Refusal | undefined {
  const taken = new Set<string>()
  for (const name of claimNames(state)) {
    const claim = state.volumes.claim(state.pod.metadata.namespace ?? 'default', name)
    if (!claim) continue
    if (bound(claim)) {
      const volume = state.volumes.volume(claim.spec.volumeName!)
      if (volume && !reachable(volume, info)) return { reasons: ["node(s) didn't match PersistentVolume's node affinity"], resolvable: false }
      continue
    }
    if (!waits(state, claim)) continue
    const match = state.volumes.volumes().find((v) => !taken.has(v.metadata.name) && volumeFits(v, claim) && reachable(v, info))
    if (match) {
      taken.add(match.metadata.name)
      continue
    }
    const selected = claim.metadata.annotations?.['volume.kubernetes.io/selected-node']
    if (selected !== undefined && selected !== info.node.metadata.name) return { reasons: ["node(s) didn't find available persistent volumes to bind"], resolvable: false }
    const provisioner = state.volumes.storageClass(claim.spec.storageClassName!)?.provisioner
    if (!provisioner || provisioner === 'kubernetes.io/no-provisioner') return { reasons: ["node(s) didn't find available persistent volumes to bind"], resolvable: false }
  }
  return undefined
}

function reachable(volume: PersistentVolume, info: NodeInfo): boolean {
  const required = volume.spec.nodeAffinity?.required
  return !required || nodeSelectorMatches(required, info.node)
}

/** The volumes that a node would give to the pod's waiting claims. */
export function chooseVolumes(state: CycleState, info: NodeInfo): { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume | undefined }[] {
  const taken = new Set<string>()
  const out: { claim: PersistentVolumeClaim; volume: PersistentVolume | undefined }[] = []
  for (const name of claimNames(state)) {
    const claim = state.volumes.claim(state.pod.metadata.namespace ?? 'default', name)
    if (!claim || bound(claim) || !waits(state, claim)) continue
    const volume = state.volumes.volumes().find((v) => !taken.has(v.metadata.name) && volumeFits(v, claim) && reachable(v, info))
    if (volume) taken.add(volume.metadata.name)
    out.push({ claim, volume })
  }
  return out
}
