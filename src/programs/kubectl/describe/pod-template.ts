/** Containers, volumes, tolerations and pod templates, as describe writes them for pods and for everything that makes pods. */
import { canonicalQuantity, parseQuantity, quantityMilliValue } from '#base/quantity.ts'
import { formatLabelSelector, type LabelSelector } from '#engine/api/label-selector.ts'
import { rfc1123 } from '../verbs/time.ts'
import { annotationLines, DescribeWriter, labelLines } from './writer.ts'

export type Fields = Record<string, unknown>
export const fields = (v: unknown): Fields => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Fields) : {})
export const rows = (v: unknown): Fields[] => (Array.isArray(v) ? (v as Fields[]) : [])
export const text = (v: unknown): string => (v === undefined || v === null ? '' : String(v))
const title = (b: unknown): string => (b === true ? 'True' : 'False')

/** A quantity in its canonical form. */
export const quantity = (v: unknown): string => canonicalQuantity(text(v)) ?? text(v)

function stateLines(out: DescribeWriter, name: string, state: Fields): void {
  const running = state['running'] as Fields | undefined
  const waiting = state['waiting'] as Fields | undefined
  const ended = state['terminated'] as Fields | undefined
  if (running) out.line(2, `${name}:\tRunning`).line(3, `Started:\t${rfc1123(text(running['startedAt']))}`)
  else if (waiting) {
    out.line(2, `${name}:\tWaiting`)
    if (waiting['reason']) out.line(3, `Reason:\t${text(waiting['reason'])}`)
  } else if (ended) {
    out.line(2, `${name}:\tTerminated`)
    if (ended['reason']) out.line(3, `Reason:\t${text(ended['reason'])}`)
    if (ended['message']) out.line(3, `Message:\t${text(ended['message'])}`)
    out.line(3, `Exit Code:\t${text(ended['exitCode'] ?? 0)}`)
    if (Number(ended['signal'] ?? 0) > 0) out.line(3, `Signal:\t${text(ended['signal'])}`)
    out.line(3, `Started:\t${rfc1123(text(ended['startedAt']))}`).line(3, `Finished:\t${rfc1123(text(ended['finishedAt']))}`)
  } else out.line(2, `${name}:\tWaiting`)
}

function probeText(probe: Fields): string {
  const attributes = `delay=${text(probe['initialDelaySeconds'] ?? 0)}s timeout=${text(probe['timeoutSeconds'] ?? 0)}s period=${text(probe['periodSeconds'] ?? 0)}s #success=${text(probe['successThreshold'] ?? 0)} #failure=${text(probe['failureThreshold'] ?? 0)}`
  const http = probe['httpGet'] as Fields | undefined
  if (probe['exec']) return `exec [${(fields(probe['exec'])['command'] as string[] | undefined ?? []).join(' ')}] ${attributes}`
  if (http) {
    const port = text(http['port'])
    return `http-get ${text(http['scheme'] ?? 'HTTP').toLowerCase()}://${text(http['host'])}${port ? `:${port}` : ''}${text(http['path'])} ${attributes}`
  }
  if (probe['tcpSocket']) return `tcp-socket ${text(fields(probe['tcpSocket'])['host'])}:${text(fields(probe['tcpSocket'])['port'])} ${attributes}`
  if (probe['grpc']) return `grpc <pod>:${text(fields(probe['grpc'])['port'])} ${text(fields(probe['grpc'])['service'])} ${attributes}`
  return `unknown ${attributes}`
}

function portText(c: Fields, host: boolean): readonly [string, string] {
  const ports = rows(c['ports']).map((p) => `${text(host ? (p['hostPort'] ?? 0) : p['containerPort'])}/${text(p['protocol'] ?? 'TCP')}${p['name'] ? ` (${text(p['name'])})` : ''}`)
  return [ports.length > 1 ? 'Ports' : 'Port', ports.length === 0 ? '<none>' : ports.join(', ')]
}

/** What fieldRef stands for in a running pod: kubectl resolves the name and the namespace only. */
function fieldValue(pod: Fields | undefined, path: string): string {
  return pod && (path === 'metadata.name' || path === 'metadata.namespace') ? text(fields(pod['metadata'])[path.slice(9)]) : ''
}

/** A resource of the container in units of the divisor, rounded up. */
function resourceValue(c: Fields, ref: Fields): string | undefined {
  const [kind, unit = ''] = text(ref['resource']).split('.') as [string, string?]
  const amount = parseQuantity(text(fields(fields(c['resources'])[kind])[unit] ?? ''))
  const divisor = parseQuantity(text(ref['divisor'] ?? '1'))
  if (!amount) return undefined
  const by = divisor && quantityMilliValue(divisor) > 0n ? quantityMilliValue(divisor) : 1000n
  return String((quantityMilliValue(amount) + by - 1n) / by)
}

function envLines(out: DescribeWriter, c: Fields, pod: Fields | undefined): void {
  const env = rows(c['env'])
  out.line(2, `Environment:${env.length === 0 ? '\t<none>' : ''}`)
  for (const e of env) {
    const name = text(e['name'])
    const from = e['valueFrom'] as Record<string, Fields> | undefined
    if (!from) {
      text(e['value']).split('\n').forEach((line, i) => out.line(3, i === 0 ? `${name}:\t${line}` : `\t${line}`))
    } else if (from['fieldRef']) {
      const path = text(from['fieldRef']['fieldPath'])
      out.line(3, `${name}:\t${fieldValue(pod, path)} (${text(from['fieldRef']['apiVersion'] ?? 'v1')}:${path})`)
    } else if (from['resourceFieldRef']) {
      out.line(3, `${name}:\t${resourceValue(c, from['resourceFieldRef']) ?? (pod ? 'node allocatable' : '0')} (${text(from['resourceFieldRef']['resource'])})`)
    } else if (from['secretKeyRef']) {
      out.line(3, `${name}:\t<set to the key '${text(from['secretKeyRef']['key'])}' in secret '${text(from['secretKeyRef']['name'])}'>\tOptional: ${from['secretKeyRef']['optional'] === true}`)
    } else if (from['configMapKeyRef']) {
      out.line(3, `${name}:\t<set to the key '${text(from['configMapKeyRef']['key'])}' of config map '${text(from['configMapKeyRef']['name'])}'>\tOptional: ${from['configMapKeyRef']['optional'] === true}`)
    }
  }
}

function containerLines(out: DescribeWriter, c: Fields, status: Fields | undefined, space: string, pod: Fields | undefined): void {
  out.line(1, `${space === '' ? '' : ' '}${text(c['name'])}:`)
  if (status) out.line(2, `Container ID:\t${text(status['containerID'])}`)
  out.line(2, `Image:\t${text(c['image'])}`)
  if (status) out.line(2, `Image ID:\t${text(status['imageID'])}`)
  const [portName, ports] = portText(c, false)
  out.line(2, `${portName}:\t${ports}`)
  const [hostName, hostPorts] = portText(c, true)
  out.line(2, `Host ${hostName}:\t${hostPorts}`)
  const seccomp = fields(fields(c['securityContext'])['seccompProfile'])['type']
  if (seccomp) out.line(2, `SeccompProfile:\t${text(seccomp)}`)
  for (const [key, label] of [['command', 'Command'], ['args', 'Args']] as const) {
    const list = (c[key] as string[] | undefined) ?? []
    if (list.length === 0) continue
    out.line(2, `${label}:`)
    for (const item of list) for (const line of item.split('\n')) out.line(3, line)
  }
  if (status) {
    stateLines(out, 'State', fields(status['state']))
    if (fields(status['lastState'])['terminated']) stateLines(out, 'Last State', fields(status['lastState']))
    out.line(2, `Ready:\t${title(status['ready'])}`).line(2, `Restart Count:\t${text(status['restartCount'] ?? 0)}`)
  }
  for (const [key, label] of [['limits', 'Limits'], ['requests', 'Requests']] as const) {
    const map = fields(fields(c['resources'])[key])
    if (Object.keys(map).length === 0) continue
    out.line(2, `${label}:`)
    for (const name of Object.keys(map).sort()) out.line(3, `${name}:\t${quantity(map[name])}`)
  }
  for (const [key, label] of [['livenessProbe', 'Liveness'], ['readinessProbe', 'Readiness'], ['startupProbe', 'Startup']] as const) if (c[key]) out.line(2, `${label}:\t${probeText(fields(c[key]))}`)
  const sources = rows(c['envFrom'])
  if (sources.length > 0) {
    out.line(2, 'Environment Variables from:')
    for (const s of sources) {
      const [kind, ref] = s['configMapRef'] ? ['ConfigMap', fields(s['configMapRef'])] : ['Secret', fields(s['secretRef'])]
      out.line(3, `${text(ref['name'])}\t${kind}${s['prefix'] ? ` with prefix '${text(s['prefix'])}'` : ''}\tOptional: ${ref['optional'] === true}`)
    }
  }
  envLines(out, c, pod)
  const mounts = rows(c['volumeMounts'])
  out.line(2, `Mounts:${mounts.length === 0 ? '\t<none>' : ''}`)
  for (const m of [...mounts].sort((a, b) => (text(a['mountPath']) < text(b['mountPath']) ? -1 : 1))) {
    const flags = [m['readOnly'] === true ? 'ro' : 'rw', ...(m['subPath'] ? [`path=${JSON.stringify(m['subPath'])}`] : [])]
    out.line(3, `${text(m['mountPath'])} from ${text(m['name'])} (${flags.join(',')})`)
  }
  const devices = rows(c['volumeDevices'])
  if (devices.length > 0) {
    out.line(2, 'Devices:')
    for (const d of devices) out.line(3, `${text(d['devicePath'])} from ${text(d['name'])}`)
  }
}

/** A block of containers; `space` is two blanks inside a template. */
export function containersBlock(out: DescribeWriter, label: string, containers: readonly Fields[], statuses: readonly Fields[], space: string, pod?: Fields): void {
  out.line(0, `${space}${label}:${containers.length === 0 ? ' <none>' : ''}`)
  for (const c of containers) containerLines(out, c, statuses.find((s) => s['name'] === c['name']), space, pod)
}

type VolumeLines = (source: Fields, out: DescribeWriter) => void

const line2 = (out: DescribeWriter, ...lines: string[]): void => {
  for (const l of lines) out.line(2, l)
}

/** What each volume source shows under its name. */
export const volumeKinds: Readonly<Record<string, VolumeLines>> = {
  hostPath: (s, o) => line2(o, 'Type:\tHostPath (bare host directory volume)', `Path:\t${text(s['path'])}`, `HostPathType:\t${text(s['type'])}`),
  emptyDir: (s, o) => line2(o, 'Type:\tEmptyDir (a temporary directory that shares a pod\'s lifetime)', `Medium:\t${text(s['medium'])}`, `SizeLimit:\t${s['sizeLimit'] === undefined ? '<unset>' : quantity(s['sizeLimit'])}`),
  secret: (s, o) => line2(o, 'Type:\tSecret (a volume populated by a Secret)', `SecretName:\t${text(s['secretName'])}`, `Optional:\t${s['optional'] === true}`),
  configMap: (s, o) => line2(o, 'Type:\tConfigMap (a volume populated by a ConfigMap)', `Name:\t${text(s['name'])}`, `Optional:\t${s['optional'] === true}`),
  nfs: (s, o) => line2(o, 'Type:\tNFS (an NFS mount that lasts the lifetime of a pod)', `Server:\t${text(s['server'])}`, `Path:\t${text(s['path'])}`, `ReadOnly:\t${s['readOnly'] === true}`),
  persistentVolumeClaim: (s, o) => line2(o, 'Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)', `ClaimName:\t${text(s['claimName'])}`, `ReadOnly:\t${s['readOnly'] === true}`),
  downwardAPI: (s, o) => {
    line2(o, 'Type:\tDownwardAPI (a volume populated by information about the pod)', 'Items:')
    for (const item of rows(s['items'])) o.line(3, item['fieldRef'] ? `${text(fields(item['fieldRef'])['fieldPath'])} -> ${text(item['path'])}` : `${text(fields(item['resourceFieldRef'])['resource'])} -> ${text(item['path'])}`)
  },
  projected: (s, o) => {
    line2(o, 'Type:\tProjected (a volume that contains injected data from multiple sources)')
    for (const source of rows(s['sources'])) {
      if (source['secret']) line2(o, `SecretName:\t${text(fields(source['secret'])['name'])}`, `Optional:\t${fields(source['secret'])['optional'] === true}`)
      else if (source['downwardAPI']) line2(o, 'DownwardAPI:\ttrue')
      else if (source['configMap']) line2(o, `ConfigMapName:\t${text(fields(source['configMap'])['name'])}`, `Optional:\t${fields(source['configMap'])['optional'] === true}`)
      else if (source['serviceAccountToken']) line2(o, `TokenExpirationSeconds:\t${text(fields(source['serviceAccountToken'])['expirationSeconds'] ?? 3600)}`)
    }
  },
  csi: (s, o) => {
    line2(o, 'Type:\tCSI (a Container Storage Interface (CSI) volume source)', `Driver:\t${text(s['driver'])}`, ...(s['volumeHandle'] !== undefined ? [`FSType:\t${text(s['fsType'])}`, `VolumeHandle:\t${text(s['volumeHandle'])}`] : [`FSType:\t${text(s['fsType'])}`]), `ReadOnly:\t${s['readOnly'] === true}`)
    const attributes = fields(s['volumeAttributes'])
    const keys = Object.keys(attributes).sort()
    if (keys.length === 0) o.line(2, 'VolumeAttributes:\t<none>')
    else keys.forEach((k, i) => o.line(2, `${i === 0 ? 'VolumeAttributes:' : ''}\t${k}=${text(attributes[k])}`))
  },
  local: (s, o) => line2(o, 'Type:\tLocalVolume (a persistent volume backed by local storage on a node)', `Path:\t${text(s['path'])}`),
  image: (s, o) => line2(o, 'Type:\tImage (a container image or OCI artifact)', `Reference:\t${text(s['reference'])}`, `PullPolicy:\t${text(s['pullPolicy'])}`),
  iscsi: (s, o) => line2(o, 'Type:\tISCSI (an ISCSI Disk resource that is attached to a kubelet\'s host machine and then exposed to the pod)', `TargetPortal:\t${text(s['targetPortal'])}`, `IQN:\t${text(s['iqn'])}`, `Lun:\t${text(s['lun'] ?? 0)}`, `FSType:\t${text(s['fsType'])}`, `ReadOnly:\t${s['readOnly'] === true}`),
  ephemeral: (s, o) => {
    const claim = fields(fields(s['volumeClaimTemplate'])['spec'])
    line2(o, 'Type:\tEphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)', `StorageClass:\t${text(claim['storageClassName'])}`, 'Volume:\t', 'Labels:\t<none>', 'Annotations:\t<none>', `Capacity:\t`, `Access Modes:\t`, `VolumeMode:\t${text(claim['volumeMode'] ?? 'Filesystem')}`)
  },
}

export function volumesBlock(out: DescribeWriter, volumes: readonly Fields[], space: string): void {
  if (volumes.length === 0) {
    out.line(0, `${space}Volumes:\t<none>`)
    return
  }
  out.line(0, `${space}Volumes:`)
  for (const v of volumes) {
    out.line(1, `${space === '' ? '' : ' '}${text(v['name'])}:`)
    const kind = Object.keys(volumeKinds).find((k) => v[k] !== undefined)
    if (kind) volumeKinds[kind]!(fields(v[kind]), out)
    else out.line(1, '<unknown>')
  }
}

function tolerationLines(out: DescribeWriter, label: string, tolerations: readonly Fields[]): void {
  if (tolerations.length === 0) {
    out.line(0, `${label}:\t<none>`)
    return
  }
  tolerations.forEach((t, i) => {
    const key = text(t['key'])
    const effect = text(t['effect'])
    let line = key + (t['value'] ? `=${text(t['value'])}` : '') + (effect ? `:${effect}` : '')
    if (t['operator'] === 'Exists' && !t['value']) line += key !== '' || effect !== '' ? ' op=Exists' : 'op=Exists'
    else if (t['operator'] === 'Lt' || t['operator'] === 'Gt') line += ` op=${text(t['operator'])}`
    if (t['tolerationSeconds'] !== undefined) line += ` for ${text(t['tolerationSeconds'])}s`
    out.line(0, `${i === 0 ? `${label}:` : ''}\t${line}`)
  })
}

function spreadLines(out: DescribeWriter, label: string, list: readonly Fields[], selectorText: (s: unknown) => string): void {
  if (list.length === 0) return
  const keyed = [...list].sort((a, b) => (text(a['topologyKey']) < text(b['topologyKey']) ? -1 : 1))
  keyed.forEach((t, i) => {
    let line = `${text(t['topologyKey'])}:${text(t['whenUnsatisfiable'])} when max skew ${text(t['maxSkew'])} is exceeded`
    if (t['labelSelector']) line += ` for selector ${selectorText(t['labelSelector'])}`
    out.line(0, `${i === 0 ? `${label}:` : ''}\t${line}`)
  })
}

export function selectorOr(selector: unknown, none = '<none>'): string {
  const s = selector as LabelSelector | undefined | null
  return s === undefined || s === null ? none : formatLabelSelector(s) || '<none>'
}

/** Node selectors, tolerations and spread of a pod or a template. */
export function placementLines(out: DescribeWriter, spec: Fields, space: string): void {
  labelLines(out, `${space}Node-Selectors`, fields(spec['nodeSelector']) as Record<string, string>)
  tolerationLines(out, `${space}Tolerations`, rows(spec['tolerations']))
  spreadLines(out, `${space}Topology Spread Constraints`, rows(spec['topologySpreadConstraints']), (s) => selectorOr(s))
}

export function podTemplateBlock(out: DescribeWriter, template: Fields): void {
  out.line(0, 'Pod Template:')
  const metadata = fields(template['metadata'])
  const spec = fields(template['spec'])
  labelLines(out, '  Labels', fields(metadata['labels']) as Record<string, string>)
  if (Object.keys(fields(metadata['annotations'])).length > 0) annotationLines(out, '  Annotations', fields(metadata['annotations']) as Record<string, string>)
  if (spec['serviceAccountName']) out.line(0, `  Service Account:\t${text(spec['serviceAccountName'])}`)
  if (rows(spec['initContainers']).length > 0) containersBlock(out, 'Init Containers', rows(spec['initContainers']), [], '  ')
  containersBlock(out, 'Containers', rows(spec['containers']), [], '  ')
  volumesBlock(out, rows(spec['volumes']), '  ')
  spreadLines(out, '  Topology Spread Constraints', rows(spec['topologySpreadConstraints']), (s) => selectorOr(s))
  if (spec['priorityClassName']) out.line(0, `  Priority Class Name:\t${text(spec['priorityClassName'])}`)
  labelLines(out, '  Node-Selectors', fields(spec['nodeSelector']) as Record<string, string>)
  tolerationLines(out, '  Tolerations', rows(spec['tolerations']))
}

/** As `rollout history --revision` and dry runs of undo show it: tabs as they are. */
export function podTemplateText(template: Fields): string {
  const out = new DescribeWriter()
  podTemplateBlock(out, template)
  return out.raw
}
