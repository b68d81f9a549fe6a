/** SetDefaults_Pod and SetDefaults_PodSpec: what a pod (or a pod template) gets when its author said nothing. */
import { addQuantities, formatQuantity, parseQuantity } from '#base/quantity.ts'
import type { Loose } from '#engine/api/loose.ts'
import { each, fill } from '../shared/defaults.ts'
import { parseImage } from '../shared/images.ts'

function httpGet(action: Loose): void {
  if (action) fill(action, { path: '/', scheme: 'HTTP' })
}

function probe(p: Loose): void {
  if (!p) return
  for (const [key, value] of [['timeoutSeconds', 1], ['periodSeconds', 10], ['successThreshold', 1], ['failureThreshold', 3]] as const) if (!p[key]) p[key] = value
  httpGet(p.httpGet)
  if (p.grpc) p.grpc.service ??= ''
}

function fieldRefs(items: Loose): void {
  each(items, (item) => {
    if (item.fieldRef) fill(item.fieldRef, { apiVersion: 'v1' })
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ??= '0'
  })
}

export function containerDefaults(c: Loose): void {
  if (!c.imagePullPolicy) c.imagePullPolicy = parseImage(c.image ?? '')?.tag === 'latest' ? 'Always' : 'IfNotPresent'
  fill(c, { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' })
  each(c.ports, (p) => fill(p, { protocol: 'TCP' }))
  each(c.env, (e) => {
    if (e.valueFrom) fieldRefs([e.valueFrom])
  })
  probe(c.livenessProbe)
  probe(c.readinessProbe)
  probe(c.startupProbe)
  httpGet(c.lifecycle?.postStart?.httpGet)
  httpGet(c.lifecycle?.preStop?.httpGet)
}

const sources = ['hostPath', 'emptyDir', 'gcePersistentDisk', 'awsElasticBlockStore', 'gitRepo', 'secret', 'nfs', 'iscsi', 'glusterfs', 'persistentVolumeClaim', 'rbd', 'flexVolume', 'cinder', 'cephfs', 'flocker', 'downwardAPI', 'fc', 'azureFile', 'configMap', 'vsphereVolume', 'quobyte', 'azureDisk', 'photonPersistentDisk', 'projected', 'portworxVolume', 'scaleIO', 'storageos', 'csi', 'ephemeral', 'image']

export function volumeSourceDefaults(v: Loose): void {
  if (v.secret) v.secret.defaultMode ??= 420
  if (v.configMap) v.configMap.defaultMode ??= 420
  if (v.hostPath) v.hostPath.type ??= ''
  if (v.downwardAPI) {
    v.downwardAPI.defaultMode ??= 420
    fieldRefs(v.downwardAPI.items)
  }
  if (v.projected) {
    v.projected.defaultMode ??= 420
    each(v.projected.sources, (s) => {
      if (s.serviceAccountToken) s.serviceAccountToken.expirationSeconds ??= 3600
      fieldRefs(s.downwardAPI?.items)
    })
  }
  if (v.iscsi) fill(v.iscsi, { iscsiInterface: 'default' })
  if (v.rbd) fill(v.rbd, { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' })
  if (v.azureDisk) {
    v.azureDisk.cachingMode ??= 'ReadWrite'
    v.azureDisk.kind ??= 'Shared'
    v.azureDisk.fsType ??= 'ext4'
    v.azureDisk.readOnly ??= false
  }
  if (v.scaleIO) fill(v.scaleIO, { storageMode: 'ThinProvisioned', fsType: 'xfs' })
  if (v.ephemeral?.volumeClaimTemplate?.spec) v.ephemeral.volumeClaimTemplate.spec.volumeMode ??= 'Filesystem'
  if (v.image?.pullPolicy === undefined && v.image) v.image.pullPolicy = parseImage(v.image.reference ?? '')?.tag === 'latest' ? 'Always' : 'IfNotPresent'
}

export function podSpecDefaults(spec: Loose): void {
  if (!spec) return
  fill(spec, { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always', schedulerName: 'default-scheduler' })
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= 30
  each(spec.containers, containerDefaults)
  each(spec.initContainers, containerDefaults)
  each(spec.ephemeralContainers, containerDefaults)
  each(spec.volumes, (v) => {
    if (!sources.some((s) => v[s])) v.emptyDir = {}
    volumeSourceDefaults(v)
  })
  if (spec.serviceAccount && !spec.serviceAccountName) spec.serviceAccountName = spec.serviceAccount
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  // The internal form holds these inside a security context that false values do not survive.
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC'] as const) if (spec[key] === false) delete spec[key]
}

function requestsFromLimits(c: Loose): void {
  const limits = c.resources?.limits
  if (!limits) return
  const requests = { ...c.resources.requests }
  for (const key of Object.keys(limits)) requests[key] ??= limits[key]
  c.resources = { ...c.resources, requests }
}

/** What the pod as a whole asks for: the sum of what its containers ask for, else what it may have at most. */
function podRequests(spec: Loose): void {
  const limits = spec.resources?.limits
  if (!limits) return
  const requests = { ...spec.resources.requests }
  for (const name of ['cpu', 'memory']) {
    const asked = ((spec.containers ?? []) as Loose[]).map((c) => c.resources?.requests?.[name]).filter((q) => q !== undefined).map((q) => parseQuantity(String(q))!)
    if (asked.length > 0) requests[name] ??= formatQuantity(asked.reduce(addQuantities))
    else if (limits[name] !== undefined) requests[name] ??= limits[name]
  }
  if (Object.keys(requests).length > 0) spec.resources = { ...spec.resources, requests }
}

export function podDefaults(pod: Loose): void {
  const spec = (pod.spec ??= {})
  podSpecDefaults(spec)
  each(spec.containers, requestsFromLimits)
  each(spec.initContainers, requestsFromLimits)
  podRequests(spec)
  spec.enableServiceLinks ??= true
  if (spec.hostNetwork) {
    const ports = (c: Loose) => each(c.ports, (p) => (p.hostPort ||= p.containerPort))
    each(spec.containers, ports)
    each(spec.initContainers, ports)
  }
}
