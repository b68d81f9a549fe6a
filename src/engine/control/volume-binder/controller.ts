/**
 * Binds claims to volumes and keeps the phases of both (pkg/controller/volume/persistentvolume). Dynamic provisioning exists only as far as its
 * events: no provisioner runs in a kubeadm cluster. Recycling is left out.
 */
import { persistentvolumes, storageclasses, type PersistentVolume, type StorageClass } from '#engine/kinds/persistentvolume/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { keyOf, splitKey, timestamp, type ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'
import { amount } from '#engine/kinds/pod/requests.ts'
import { mismatchOf, refersTo, volumeFits, volumeSize } from './match.ts'

const component = 'persistentvolume-controller'
const bindCompleted = 'pv.kubernetes.io/bind-completed'
const boundByController = 'pv.kubernetes.io/bound-by-controller'

/** Why what is behind a volume cannot be deleted; undefined: it is gone. */
function undeletable(volume: PersistentVolume): string | undefined {
  const { hostPath } = volume.spec
  if (hostPath) return /^\/tmp\/.+/.test(hostPath.path) ? undefined : `host_path deleter only supports /tmp/.+ but received provided ${hostPath.path}`
  return `error getting deleter volume plugin for volume "${volume.metadata.name}": no deletable volume plugin matched`
}

export function startVolumeBinder(context: ControllerContext): void {
  const { api, sim } = context
  const volumes = api.informer<PersistentVolume>(persistentvolumes)
  const claims = api.informer<PersistentVolumeClaim>(persistentvolumeclaims)
  const classes = api.informer<StorageClass>(storageclasses)
  const podCache = api.informer<Pod>(pods)
  const claimQueue = context.queue(syncClaim)
  const volumeQueue = context.queue(syncVolume)
  const pending = () => {
    for (const c of claims.list()) if (!c.metadata.annotations?.[bindCompleted]) claimQueue.add(keyOf(c))
  }
  claims.onAdd((c) => claimQueue.add(keyOf(c)))
  claims.onUpdate((c) => claimQueue.add(keyOf(c)))
  claims.onDelete((c) => {
    for (const v of volumes.list()) if (v.spec.claimRef?.uid === c.metadata.uid) volumeQueue.add(v.metadata.name)
  })
  volumes.onAdd((v) => {
    volumeQueue.add(v.metadata.name)
    pending()
  })
  volumes.onUpdate((v) => {
    volumeQueue.add(v.metadata.name)
    pending()
  })
  volumes.onDelete((v) => {
    for (const c of claims.list()) if (c.spec.volumeName === v.metadata.name) claimQueue.add(keyOf(c))
  })

  function syncClaim(key: string): void {
    const claim = tolerateGone(() => api.get<PersistentVolumeClaim>(persistentvolumeclaims, ...(splitKey(key) as [string, string])))
    if (!claim) return
    if (claim.metadata.annotations?.[bindCompleted] !== undefined) {
      boundClaim(claim)
      return
    }
    if (claim.metadata.deletionTimestamp !== undefined) return
    if (claim.spec.volumeName) {
      const volume = volumes.get(undefined, claim.spec.volumeName)
      if (!volume) return setClaimPhase(claim, 'Pending')
      if (volume.spec.claimRef) {
        if (refersTo(volume, claim)) return bind(volume, claim)
        if (claim.metadata.annotations?.[boundByController] === undefined) api.event(claim, 'Warning', 'FailedBinding', `volume ${JSON.stringify(volume.metadata.name)} already bound to a different claim.`, component)
        return setClaimPhase(claim, 'Pending')
      }
      const mismatch = mismatchOf(volume, claim)
      if (mismatch === undefined) return bind(volume, claim)
      api.event(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume ${JSON.stringify(volume.metadata.name)}: ${mismatch}`, component)
      return setClaimPhase(claim, 'Pending')
    }
    const className = claim.spec.storageClassName ?? ''
    const storageClass = className === '' ? undefined : classes.get(undefined, className)
    const prebound = volumes.list().find((v) => v.spec.claimRef && refersTo(v, claim) && v.metadata.deletionTimestamp === undefined)
    const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && claim.metadata.annotations?.['volume.kubernetes.io/selected-node'] === undefined
    const match = prebound ?? (delayed ? undefined : best(claim))
    if (match) {
      bind(match, claim)
      return
    }
    if (delayed) waitForConsumer(claim)
    else if (className !== '' && !storageClass) api.event(claim, 'Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`, component)
    else if (storageClass?.provisioner.startsWith('kubernetes.io/')) api.event(claim, 'Warning', 'ProvisioningFailed', `no volume plugin matched name: ${storageClass.provisioner}`, component)
    else if (className === '') api.event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set', component)
    else external(claim, storageClass?.provisioner ?? '')
    setClaimPhase(claim, 'Pending')
  }

  function waitForConsumer(claim: PersistentVolumeClaim): void {
    const waiting = podCache.list(claim.metadata.namespace).filter((pod) => !pod.spec.nodeName && pod.metadata.deletionTimestamp === undefined && pod.spec.volumes?.some((v) => v.persistentVolumeClaim?.claimName === claim.metadata.name)).map((pod) => pod.metadata.name)
    if (waiting.length === 0) api.event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding', component)
    else api.event(claim, 'Normal', 'WaitForPodScheduled', `waiting for ${waiting.length > 1 ? 'pods' : 'pod'} ${waiting.join(',')} to be scheduled`, component)
  }

  /** Annotated for the provisioner, of which none may run. */
  function external(claim: PersistentVolumeClaim, provisioner: string): void {
    const annotations = { ...claim.metadata.annotations, 'volume.beta.kubernetes.io/storage-provisioner': provisioner, 'volume.kubernetes.io/storage-provisioner': provisioner }
    if (claim.metadata.annotations?.['volume.kubernetes.io/storage-provisioner'] !== provisioner) tolerateGone(() => api.update<PersistentVolumeClaim>(persistentvolumeclaims, { ...claim, metadata: { ...claim.metadata, annotations } }))
    api.event(claim, 'Normal', 'ExternalProvisioning', `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`, component)
  }

  function best(claim: PersistentVolumeClaim): PersistentVolume | undefined {
    return volumes.list().filter((v) => !v.spec.claimRef && volumeFits(v, claim)).sort((a, b) => volumeSize(a) - volumeSize(b) || (a.metadata.name < b.metadata.name ? -1 : 1))[0]
  }

  function bind(volume: PersistentVolume, claim: PersistentVolumeClaim): void {
    let bound = volume
    if (volume.spec.claimRef?.uid !== claim.metadata.uid) {
      const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: claim.metadata.namespace ?? '', name: claim.metadata.name, uid: claim.metadata.uid ?? '', resourceVersion: claim.metadata.resourceVersion ?? '' }
      const own = volume.spec.claimRef === undefined
      bound = api.update<PersistentVolume>(persistentvolumes, { ...volume, metadata: { ...volume.metadata, ...(own ? { annotations: { ...volume.metadata.annotations, [boundByController]: 'yes' } } : {}) }, spec: { ...volume.spec, claimRef } })
    }
    if (bound.status?.phase !== 'Bound') bound = setVolumePhase(bound, 'Bound')
    let current = claim
    const annotations = { ...claim.metadata.annotations, [bindCompleted]: 'yes', ...(claim.spec.volumeName ? {} : { [boundByController]: 'yes' }) }
    if (claim.metadata.annotations?.[bindCompleted] === undefined) current = api.update<PersistentVolumeClaim>(persistentvolumeclaims, { ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec, volumeName: volume.metadata.name } })
    setClaimPhase(current, 'Bound', bound)
  }

  function boundClaim(claim: PersistentVolumeClaim): void {
    const volume = volumes.get(undefined, claim.spec.volumeName ?? '')
    if (!volume) {
      if (claim.status?.phase !== 'Lost') {
        setClaimPhase(claim, 'Lost')
        api.event(claim, 'Warning', 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!', component)
      }
      return
    }
    if (volume.spec.claimRef && !refersTo(volume, claim)) {
      setClaimPhase(claim, 'Lost')
      api.event(claim, 'Warning', 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly', component)
      return
    }
    if (claim.status?.phase !== 'Bound') bind(volume, claim)
    else if (claim.metadata.deletionTimestamp === undefined && amount('storage', claim.spec.resources?.requests?.['storage'] ?? '0') > amount('storage', claim.status.capacity?.['storage'] ?? '0')) {
      api.event(claim, 'Warning', 'ExternalExpanding', "Ignoring the PVC: didn't find a plugin capable of expanding the volume; waiting for an external controller to process this PVC.", 'volume_expand')
    }
  }

  function setClaimPhase(claim: PersistentVolumeClaim, phase: string, volume?: PersistentVolume): void {
    const status = volume ? { phase, ...(volume.spec.accessModes ? { accessModes: volume.spec.accessModes } : {}), ...(volume.spec.capacity ? { capacity: volume.spec.capacity } : {}) } : { ...claim.status, phase }
    if (claim.status?.phase === phase) return
    tolerateGone(() => api.update<PersistentVolumeClaim>(persistentvolumeclaims, { ...claim, status }, 'status'))
  }

  function setVolumePhase(volume: PersistentVolume, phase: string): PersistentVolume {
    return api.update<PersistentVolume>(persistentvolumes, { ...volume, status: { ...volume.status, phase, lastPhaseTransitionTime: timestamp(sim.now) } }, 'status')
  }

  function syncVolume(name: string): void {
    const volume = tolerateGone(() => api.get<PersistentVolume>(persistentvolumes, undefined, name))
    if (!volume) return
    const ref = volume.spec.claimRef
    if (!ref) {
      if (volume.status?.phase !== 'Available') setVolumePhase(volume, 'Available')
      return
    }
    if (!ref.uid) {
      if (volume.status?.phase !== 'Available') setVolumePhase(volume, 'Available')
      return
    }
    const claim = tolerateGone(() => api.get<PersistentVolumeClaim>(persistentvolumeclaims, ref.namespace ?? '', ref.name ?? ''))
    if (claim?.metadata.uid === ref.uid) {
      if (!claim.spec.volumeName) claimQueue.add(keyOf(claim))
      return
    }
    if (volume.status?.phase === 'Released' || volume.status?.phase === 'Failed') return
    // One that is asked to go is released too: only then its protection lets it.
    const released = setVolumePhase(volume, 'Released')
    if (released.metadata.deletionTimestamp !== undefined) return
    // What an external provisioner made it deletes too.
    if (released.spec.persistentVolumeReclaimPolicy === 'Delete' && !released.metadata.annotations?.['pv.kubernetes.io/provisioned-by']) {
      const message = undeletable(released)
      if (message === undefined) return void tolerateGone(() => api.delete(persistentvolumes, undefined, name))
      api.event(released, 'Warning', 'VolumeFailedDelete', message, component)
      tolerateGone(() => api.update<PersistentVolume>(persistentvolumes, { ...released, status: { ...released.status, phase: 'Failed', message, lastPhaseTransitionTime: timestamp(sim.now) } }, 'status'))
    }
  }
}
