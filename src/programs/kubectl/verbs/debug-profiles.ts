/** What `kubectl debug --profile` makes of a debugging container and its pod (pkg/cmd/debug/profiles.go): a table of steps by profile and kind of debugging. */
import { Failure } from '../cli/errors.ts'

type Fields = Record<string, unknown>

/** `node`: a pod on a node; `copy`: a changed copy of a pod; `ephemeral`: a container added to a running pod. */
export type DebugStyle = 'node' | 'copy' | 'ephemeral'

export interface Keep {
  readonly labels: boolean
  readonly annotations: boolean
  readonly liveness: boolean
  readonly readiness: boolean
  readonly startup: boolean
  readonly initContainers: boolean
}

interface DebugPod {
  readonly metadata: { labels?: unknown; annotations?: unknown }
  readonly spec: Fields
  /** The debugging container, which is among the pod's. */
  readonly container: Fields
  readonly keep: Keep
}

type Step = (pod: DebugPod) => void

const security = (pod: DebugPod): Fields => (pod.container['securityContext'] ??= {}) as Fields
const capabilities = (pod: DebugPod): Fields => (security(pod)['capabilities'] ??= {}) as Fields

const mountRoot: Step = ({ spec, container }) => {
  spec['volumes'] = [...((spec['volumes'] as Fields[] | undefined) ?? []), { name: 'host-root', hostPath: { path: '/' } }]
  container['volumeMounts'] = [...((container['volumeMounts'] as Fields[] | undefined) ?? []), { mountPath: '/host', name: 'host-root' }]
}
const hostNamespaces: Step = ({ spec }) => void Object.assign(spec, { hostNetwork: true, hostPID: true, hostIPC: true })
const shareProcesses: Step = ({ spec }) => void (spec['shareProcessNamespace'] ??= true)
const clearSecurity: Step = ({ container }) => void delete container['securityContext']
const privileged: Step = (pod) => void (security(pod)['privileged'] = true)
const capability = (...names: string[]): Step => (pod) => void (capabilities(pod)['add'] = [...((capabilities(pod)['add'] as string[] | undefined) ?? []), ...names])
const restrict: Step = (pod) => {
  const own = security(pod)
  own['runAsNonRoot'] = true
  own['capabilities'] = { drop: ['ALL'] }
  own['allowPrivilegeEscalation'] = false
  own['seccompProfile'] = { type: 'RuntimeDefault' }
}
const dropLabels: Step = ({ metadata }) => void delete metadata.labels
/** What a copy loses unless --keep-… says otherwise. */
const strip: Step = ({ metadata, spec, keep }) => {
  if (!keep.labels) delete metadata.labels
  if (!keep.annotations) delete metadata.annotations
  for (const c of spec['containers'] as Fields[]) for (const probe of ['liveness', 'readiness', 'startup'] as const) if (!keep[probe]) delete c[`${probe}Probe`]
  if (!keep.initContainers) delete spec['initContainers']
}

const profiles: Readonly<Record<string, Readonly<Record<DebugStyle, readonly Step[]>>>> = {
  legacy: { node: [mountRoot, hostNamespaces], copy: [dropLabels], ephemeral: [] },
  general: { node: [mountRoot, clearSecurity, hostNamespaces], copy: [strip, capability('SYS_PTRACE'), shareProcesses], ephemeral: [capability('SYS_PTRACE')] },
  baseline: { node: [clearSecurity], copy: [clearSecurity, strip, shareProcesses], ephemeral: [clearSecurity] },
  restricted: { node: [clearSecurity, restrict], copy: [clearSecurity, restrict, strip, shareProcesses], ephemeral: [clearSecurity, restrict] },
  netadmin: { node: [capability('NET_ADMIN', 'NET_RAW'), hostNamespaces], copy: [capability('NET_ADMIN', 'NET_RAW'), strip, shareProcesses], ephemeral: [capability('NET_ADMIN', 'NET_RAW')] },
  sysadmin: { node: [privileged, hostNamespaces, mountRoot], copy: [privileged, strip, shareProcesses], ephemeral: [privileged] },
}

/** Throws for a profile that nobody knows. */
export function profileSteps(name: string): Readonly<Record<DebugStyle, readonly Step[]>> {
  const found = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (!found) throw new Failure(`unknown profile: ${name}`)
  return found
}
