/** Rows of nodes, namespaces, storage, access control, events and the other kinds. */
import { age, humanDuration } from '#base/duration.ts'
import type { TablePrinter } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'
import { created, orNone, printer } from './columns.ts'

const ROLE = 'node-role.kubernetes.io/'

function nodeStatus(node: Loose): string {
  const ready = (node.status?.conditions ?? []).find((c: Loose) => c.type === 'Ready')
  const texts = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown']
  if (node.spec?.unschedulable) texts.push('SchedulingDisabled')
  return texts.join(',')
}

function nodeRoles(node: Loose): string {
  const roles = new Set<string>()
  for (const [key, value] of Object.entries((node.metadata.labels ?? {}) as Record<string, string>)) {
    if (key.startsWith(ROLE)) {
      if (key.length > ROLE.length) roles.add(key.slice(ROLE.length))
    } else if (key === 'kubernetes.io/role' && value !== '') roles.add(value)
  }
  return roles.size === 0 ? '<none>' : [...roles].sort().join(',')
}

const nodeAddress = (node: Loose, type: string) => orNone((node.status?.addresses ?? []).find((a: Loose) => a.type === type)?.address)
const unknown = (text: string | undefined) => (text ? text : '<unknown>')

const short: Record<string, string> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' }

function accessModes(modes: string[] | undefined): string {
  return ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'].filter((m) => modes?.includes(m)).map((m) => short[m]).join(',')
}

const storageClass = (o: Loose) => o.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? o.spec?.storageClassName ?? ''

function dataCount(o: Loose): number {
  return Object.keys(o.data ?? {}).length + Object.keys(o.binaryData ?? {}).length
}

function binding(name: (b: Loose) => string) {
  return printer(['Name', 'Role', 'Age', 'Users*', 'Groups*', 'ServiceAccounts*'], (b, now) => {
    const subjects: Loose[] = b.subjects ?? []
    const of = (kind: string) => subjects.filter((s) => s.kind === kind)
    return [name(b), `${b.roleRef?.kind}/${b.roleRef?.name}`, created(b, now), of('User').map((s) => s.name).join(', '), of('Group').map((s) => s.name).join(', '), of('ServiceAccount').map((s) => `${s.namespace}/${s.name}`).join(', ')]
  })
}

const self = (o: Loose) => o.metadata.name

/** When an event was last seen, with its series: `10s (x3 over 1m)`. */
function eventTimes(e: Loose, now: number): { first: string; last: string; count: number } {
  const text = (t: string | undefined | null) => (t ? age(t, now) : '<unknown>')
  const firstTime = e.firstTimestamp ?? e.deprecatedFirstTimestamp ?? e.eventTime
  const lastTime = e.series?.lastObservedTime ?? e.lastTimestamp ?? e.deprecatedLastTimestamp ?? e.eventTime
  const count = e.series?.count ?? e.count ?? e.deprecatedCount ?? 1
  return { first: text(firstTime), last: text(lastTime), count: count || 1 }
}

function eventSource(e: Loose): string {
  const s = e.source ?? e.deprecatedSource ?? {}
  const component = s.component || e.reportingComponent || e.reportingController || ''
  const host = s.host || ''
  return host ? `${component}, ${host}` : component
}

const eventTable = printer(['Last Seen', 'Type', 'Reason', 'Object', 'Subobject*', 'Source*', 'Message', 'First Seen*', 'Count*', 'Name:name*'], (e, now) => {
  const { first, last, count } = eventTimes(e, now)
  const about = e.involvedObject ?? e.regarding ?? {}
  const name = about.name ? `${String(about.kind ?? '').toLowerCase()}/${about.name}` : String(about.kind ?? '').toLowerCase()
  return [last, e.type ?? '', e.reason ?? '', name, about.fieldPath ?? '', eventSource(e), String(e.message ?? e.note ?? '').trim(), first, count, e.metadata.name]
})

function quotaCells(q: Loose): [string, string] {
  const requests: string[] = []
  const limits: string[] = []
  const hard: Record<string, string> = q.status?.hard ?? {}
  for (const name of Object.keys(hard).sort()) {
    const text = `${name}: ${q.status?.used?.[name] ?? '0'}/${hard[name]}`
    if (name.startsWith('limits.')) limits.push(text)
    else requests.push(text)
  }
  return [requests.join(', '), limits.join(', ')]
}

function csrCondition(csr: Loose): string {
  const types = (csr.status?.conditions ?? []).map((c: Loose) => c.type)
  const texts = []
  if (types.includes('Denied')) texts.push('Denied')
  else if (types.includes('Approved')) texts.push('Approved')
  else texts.push('Pending')
  if (types.includes('Failed')) texts.push('Failed')
  if (csr.status?.certificate) texts.push('Issued')
  return texts.join(',')
}

const isDefault = (o: Loose) => ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some((a) => o.metadata.annotations?.[a] === 'true')

export const clusterTables: Readonly<Record<string, TablePrinter>> = {
  nodes: printer(['Name', 'Status', 'Roles', 'Age', 'Version', 'Internal-IP*', 'External-IP*', 'OS-Image*', 'Kernel-Version*', 'Container-Runtime*'], (n, now) => {
    const info = n.status?.nodeInfo ?? {}
    return [n.metadata.name, nodeStatus(n), nodeRoles(n), created(n, now), info.kubeletVersion ?? '', nodeAddress(n, 'InternalIP'), nodeAddress(n, 'ExternalIP'), unknown(info.osImage), unknown(info.kernelVersion), unknown(info.containerRuntimeVersion)]
  }),
  namespaces: printer(['Name', 'Status', 'Age'], (n, now) => [n.metadata.name, n.status?.phase ?? '', created(n, now)]),
  configmaps: printer(['Name', 'Data', 'Age'], (c, now) => [c.metadata.name, dataCount(c), created(c, now)]),
  secrets: printer(['Name', 'Type', 'Data', 'Age'], (s, now) => [s.metadata.name, s.type ?? '', Object.keys(s.data ?? {}).length, created(s, now)]),
  serviceaccounts: printer(['Name', 'Age'], (s, now) => [s.metadata.name, created(s, now)]),
  persistentvolumes: printer(['Name', 'Capacity', 'Access Modes', 'Reclaim Policy', 'Status', 'Claim', 'StorageClass', 'VolumeAttributesClass', 'Reason', 'Age', 'VolumeMode*'], (v, now) => [
    v.metadata.name, v.spec?.capacity?.storage ?? '0', accessModes(v.spec?.accessModes), v.spec?.persistentVolumeReclaimPolicy ?? '', v.metadata.deletionTimestamp ? 'Terminating' : (v.status?.phase ?? ''),
    v.spec?.claimRef ? `${v.spec.claimRef.namespace}/${v.spec.claimRef.name}` : '', storageClass(v), v.spec?.volumeAttributesClassName ?? '<unset>', v.status?.reason ?? '', created(v, now), v.spec?.volumeMode ?? '<unset>',
  ]),
  persistentvolumeclaims: printer(['Name', 'Status', 'Volume', 'Capacity', 'Access Modes', 'StorageClass', 'VolumeAttributesClass', 'Age', 'VolumeMode*'], (c, now) => {
    const bound = Boolean(c.spec?.volumeName)
    return [
      c.metadata.name, c.metadata.deletionTimestamp ? 'Terminating' : (c.status?.phase ?? ''), c.spec?.volumeName ?? '', bound ? (c.status?.capacity?.storage ?? '0') : '', bound ? accessModes(c.status?.accessModes) : '',
      storageClass(c), c.spec?.volumeAttributesClassName ?? '<unset>', created(c, now), c.spec?.volumeMode ?? '<unset>',
    ]
  }),
  'storageclasses.storage.k8s.io': printer(['Name', 'Provisioner', 'ReclaimPolicy', 'VolumeBindingMode', 'AllowVolumeExpansion', 'Age'], (s, now) => [
    s.metadata.name + (isDefault(s) ? ' (default)' : ''), s.provisioner ?? '', s.reclaimPolicy ?? 'Delete', s.volumeBindingMode ?? 'Immediate', s.allowVolumeExpansion ?? false, created(s, now),
  ]),
  'csidrivers.storage.k8s.io': printer(['Name', 'AttachRequired:b', 'PodInfoOnMount:b', 'StorageCapacity:b', 'TokenRequests', 'RequiresRepublish:b', 'Modes', 'Age'], (d, now) => [
    d.metadata.name, d.spec?.attachRequired ?? true, d.spec?.podInfoOnMount ?? false, d.spec?.storageCapacity ?? false,
    (d.spec?.tokenRequests ?? []).length > 0 ? d.spec.tokenRequests.map((t: Loose) => t.audience).join(',') : '<unset>', d.spec?.requiresRepublish ?? false, (d.spec?.volumeLifecycleModes ?? []).join(',') || '<none>', created(d, now),
  ]),
  'csinodes.storage.k8s.io': printer(['Name', 'Drivers:i', 'Age'], (n, now) => [n.metadata.name, (n.spec?.drivers ?? []).length, created(n, now)]),
  'volumeattachments.storage.k8s.io': printer(['Name', 'Attacher:name', 'PV', 'Node', 'Attached:b', 'Age'], (v, now) => [v.metadata.name, v.spec?.attacher ?? '', v.spec?.source?.persistentVolumeName ?? '', v.spec?.nodeName ?? '', v.status?.attached ?? false, created(v, now)]),
  'clusterrolebindings.rbac.authorization.k8s.io': binding(self),
  'rolebindings.rbac.authorization.k8s.io': binding(self),
  events: eventTable,
  'events.events.k8s.io': eventTable,
  resourcequotas: printer(['Name', 'Request', 'Limit', 'Age'], (q, now) => [q.metadata.name, ...quotaCells(q), created(q, now)]),
  'certificatesigningrequests.certificates.k8s.io': printer(['Name', 'Age', 'SignerName', 'Requestor', 'RequestedDuration', 'Condition'], (c, now) => [
    c.metadata.name, created(c, now), orNone(c.spec?.signerName), c.spec?.username ?? '', c.spec?.expirationSeconds === undefined ? '<none>' : humanDuration(c.spec.expirationSeconds * 1000), csrCondition(c),
  ]),
  'leases.coordination.k8s.io': printer(['Name', 'Holder', 'Age'], (l, now) => [l.metadata.name, l.spec?.holderIdentity ?? '', created(l, now)]),
  'priorityclasses.scheduling.k8s.io': printer(['Name', 'Value:i', 'Global-Default:b', 'Age', 'PreemptionPolicy'], (p, now) => [p.metadata.name, p.value ?? 0, p.globalDefault ?? false, created(p, now), p.preemptionPolicy ?? '']),
  'runtimeclasses.node.k8s.io': printer(['Name', 'Handler', 'Age'], (r, now) => [r.metadata.name, r.handler ?? '', created(r, now)]),
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': printer(['Name', 'Webhooks:i', 'Age'], (w, now) => [w.metadata.name, (w.webhooks ?? []).length, created(w, now)]),
  'validatingwebhookconfigurations.admissionregistration.k8s.io': printer(['Name', 'Webhooks:i', 'Age'], (w, now) => [w.metadata.name, (w.webhooks ?? []).length, created(w, now)]),
  'validatingadmissionpolicies.admissionregistration.k8s.io': printer(['Name', 'Validations:i', 'ParamKind', 'Age'], (p, now) => [
    p.metadata.name, (p.spec?.validations ?? []).length, p.spec?.paramKind ? `${p.spec.paramKind.apiVersion}/${p.spec.paramKind.kind}` : '<unset>', created(p, now),
  ]),
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': printer(['Name', 'PolicyName', 'ParamRef', 'Age'], (b, now) => {
    const r = b.spec?.paramRef
    return [b.metadata.name, b.spec?.policyName ?? '', r ? (r.namespace ? `${r.namespace}/${r.name}` : r.namespace === undefined && r.name ? `*/${r.name}` : String(r.name ?? '')) : '<unset>', created(b, now)]
  }),
  'apiservices.apiregistration.k8s.io': printer(['Name', 'Service', 'Available', 'Age'], (s, now) => {
    const c = (s.status?.conditions ?? []).find((x: Loose) => x.type === 'Available')
    return [s.metadata.name, s.spec?.service ? `${s.spec.service.namespace}/${s.spec.service.name}` : 'Local', c ? (c.status === 'True' ? 'True' : `${c.status} (${c.reason})`) : 'Unknown', created(s, now)]
  }),
  'flowschemas.flowcontrol.apiserver.k8s.io': printer(['Name', 'PriorityLevel', 'MatchingPrecedence:i', 'DistinguisherMethod', 'Age', 'MissingPL'], (f, now) => [
    f.metadata.name, f.spec?.priorityLevelConfiguration?.name ?? '', f.spec?.matchingPrecedence ?? 0, f.spec?.distinguisherMethod?.type ?? '<none>', created(f, now), (f.status?.conditions ?? []).find((c: Loose) => c.type === 'Dangling')?.status ?? '?',
  ]),
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': printer(['Name', 'Type', 'NominalConcurrencyShares', 'Queues', 'HandSize', 'QueueLengthLimit', 'Age'], (p, now) => {
    const q = p.spec?.limited?.limitResponse?.queuing
    return [p.metadata.name, p.spec?.type ?? '', p.spec?.limited?.nominalConcurrencyShares ?? p.spec?.exempt?.nominalConcurrencyShares ?? '<none>', q?.queues ?? '<none>', q?.handSize ?? '<none>', q?.queueLengthLimit ?? '<none>', created(p, now)]
  }),
  componentstatuses: printer(['Name', 'Status', 'Message', 'Error'], (c) => {
    const healthy = (c.conditions ?? []).find((x: Loose) => x.type === 'Healthy')
    return [c.metadata.name, healthy ? (healthy.status === 'True' ? 'Healthy' : 'Unhealthy') : 'Unknown', healthy?.message ?? '', healthy?.error ?? '']
  }),
}
