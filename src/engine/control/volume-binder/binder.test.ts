/** Claims that name their volume, deletion of what is behind a volume, growing claims. */
import { expect, test } from 'vitest'
import { persistentvolumes } from '#engine/kinds/persistentvolume/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { controlRig } from '../rig.ts'

function play() {
  const rig = controlRig({ controllers: ['persistentvolume-binder-controller', 'persistentvolumeclaim-protection-controller', 'persistentvolume-protection-controller'] })
  const volume = (name: string, spec: object = {}) => rig.api.create(persistentvolumes, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/d' }, persistentVolumeReclaimPolicy: 'Delete', storageClassName: 'm', ...spec } } as never)
  const claim = (name: string, spec: object = {}) => {
    rig.api.create(persistentvolumeclaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'm', ...spec } } as never)
    rig.run(2000)
    return rig.api.get<PersistentVolumeClaim>(persistentvolumeclaims, 'default', name).status?.phase
  }
  return { rig, volume, claim }
}

test('a claim that names a volume must suit it', () => {
  const { rig, volume, claim } = play()
  volume('v')
  expect([claim('modes', { volumeName: 'v', accessModes: ['ReadWriteMany'] }), claim('big', { volumeName: 'v', resources: { requests: { storage: '2Gi' } } }), claim('class', { volumeName: 'v', storageClassName: 'n' })]).toEqual(['Pending', 'Pending', 'Pending'])
  expect([...new Set(rig.events('VolumeMismatch').map((m) => m.slice(m.indexOf(': ') + 2)))].sort()).toEqual(['incompatible accessMode', 'requested PV is too small', 'storageClassName does not match'])
  expect(claim('fits', { volumeName: 'v' })).toBe('Bound')
  expect(claim('late', { volumeName: 'v' })).toBe('Pending')
  expect(rig.events('FailedBinding')).toContain('volume "v" already bound to a different claim.')
})

test('a directory below /tmp goes with its claim, another does not', () => {
  const { rig, volume, claim } = play()
  volume('temporary')
  expect(claim('a')).toBe('Bound')
  rig.api.delete(persistentvolumeclaims, 'default', 'a')
  rig.run(2000)
  expect(rig.api.list(persistentvolumes)).toEqual([])
  volume('kept', { hostPath: { path: '/srv/d' } })
  expect(claim('b')).toBe('Bound')
  rig.api.delete(persistentvolumeclaims, 'default', 'b')
  rig.run(2000)
  expect(rig.events('VolumeFailedDelete')).toEqual(['host_path deleter only supports /tmp/.+ but received provided /srv/d'])
})

test('a bound volume that is asked to go stays until its claim has gone', () => {
  const { rig, volume, claim } = play()
  volume('v', { persistentVolumeReclaimPolicy: 'Retain', hostPath: { path: '/srv/d' } })
  expect(claim('a')).toBe('Bound')
  rig.api.delete(persistentvolumes, undefined, 'v')
  rig.run(2000)
  expect(rig.api.list(persistentvolumes).length).toBe(1)
  rig.api.delete(persistentvolumeclaims, 'default', 'a')
  rig.run(2000)
  expect(rig.api.list(persistentvolumes)).toEqual([])
})
