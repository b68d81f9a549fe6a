/**
 * The status of a pod from what the runtime knows (kubelet_pods.go, status/generate.go): container states, phase, conditions. The reason
 * cache holds why a container could not be started; it shows as Waiting once the container is due again.
 */
import type { Condition, Container, ContainerState, ContainerStatus, Pod, PodStatus } from '#engine/kinds/pod/types.ts'
import { parseQuantity, quantityValue } from '#base/quantity.ts'
import type { ContainerRecord, Sandbox } from '../runtime/containerd.ts'
import { ephemeralContainers, isSidecar, restarts } from './actions.ts'

export interface Reason {
  readonly reason: string
  readonly message: string
}

export interface RuntimeView {
  readonly sandbox: Sandbox | undefined
  /** Newest first. */
  records(container: string): readonly ContainerRecord[]
  reason(container: string): Reason | undefined
  ready(record: ContainerRecord): boolean
  started(record: ContainerRecord): boolean
  /** What the node has given it, where that is not what its spec asks for now. */
  resources(container: string): Container['resources']
  /** The text left in the termination message file. */
  message(record: ContainerRecord): string
}

export interface StatusInput {
  readonly pod: Pod
  readonly old: PodStatus | undefined
  readonly view: RuntimeView
  readonly now: number
  readonly hostIP: string
  readonly startTime: string
  /** The pod's containers will not run again (deleted, evicted, deadline). */
  readonly terminating: boolean
  readonly failure: Reason | undefined
  readonly allTerminated: boolean
  /** A resize that waits, and one that is being done. */
  readonly resizing?: readonly { readonly type: 'PodResizePending' | 'PodResizeInProgress'; readonly reason?: string; readonly message?: string }[]
}

export function seconds(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19) + 'Z'
}

function stateOf(record: ContainerRecord, message: string): ContainerState {
  const containerID = `containerd://${record.id}`
  if (record.state === 'Running') return { running: { startedAt: seconds(record.startedAt) } }
  if (record.state === 'Exited') {
    return { terminated: { containerID, exitCode: record.exitCode, reason: record.reason, ...(record.message || message ? { message: record.message || message } : {}), startedAt: record.startedAt === 0 ? '1970-01-01T00:00:00Z' : seconds(record.startedAt), finishedAt: seconds(record.finishedAt) } }
  }
  return { waiting: { reason: 'ContainerCreating' } }
}

function shouldRestart(pod: Pod, container: Container, record: ContainerRecord | undefined, input: StatusInput): boolean {
  if (input.terminating) return false
  if (!record) return true
  if (record.state === 'Running') return false
  if (record.state === 'Created') return true
  return restarts(pod, container, record.exitCode)
}

type ContainerList = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses'

function containerStatus(input: StatusInput, container: Container, list: ContainerList, hasInit: boolean): ContainerStatus {
  const init = list === 'initContainerStatuses'
  const ephemeral = list === 'ephemeralContainerStatuses'
  const { pod, view, old } = input
  const records = view.records(container.name)
  const record = records[0]
  const oldStatus = old?.[list]?.find((s) => s.name === container.name)
  let state: ContainerState
  if (!record) state = oldStatus?.state.terminated ? oldStatus.state : { waiting: { reason: hasInit || (init && !isFirst(input, container)) ? 'PodInitializing' : 'ContainerCreating' } }
  else state = stateOf(record, record.state === 'Exited' ? view.message(record) : '')
  let lastState: ContainerState = records[1] ? stateOf(records[1], view.message(records[1])) : (oldStatus?.lastState ?? {})
  const reason = view.reason(container.name)
  const doneInit = init && !isSidecar(container) && state.terminated?.exitCode === 0
  if (reason && !doneInit && (ephemeral ? !record && !input.terminating : shouldRestart(pod, container, record, input))) {
    if (state.terminated) lastState = state
    state = { waiting: { reason: reason.reason, ...(reason.message ? { message: reason.message } : {}) } }
  }
  const ready = ephemeral ? false : record?.state === 'Running' ? (init && !isSidecar(container) ? false : view.ready(record)) : init && !isSidecar(container) && state.terminated?.exitCode === 0
  const started = record?.state === 'Running' ? (init && !isSidecar(container) ? false : view.started(record)) : false
  const user = record?.config.user
  const { requests, limits } = view.resources(container.name) ?? container.resources ?? {}
  return {
    name: container.name,
    state,
    lastState,
    ready,
    restartCount: record ? record.config.attempt : (oldStatus?.restartCount ?? 0),
    image: record ? record.image.name : (container.image ?? ''),
    imageID: record ? imageId(record) : '',
    ...(record ? { containerID: `containerd://${record.id}` } : {}),
    ...(ephemeral ? {} : { started }),
    ...(requests && record ? { allocatedResources: requests } : {}),
    ...(record ? { resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) } } : {}),
    ...((container.volumeMounts ?? []).length > 0
      ? { volumeMounts: container.volumeMounts!.map((m) => ({ name: m.name, mountPath: m.mountPath, ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}) })) }
      : {}),
    ...(user && record.state !== 'Created' ? { user: { linux: { uid: user.uid, gid: user.gid, supplementalGroups: [...user.groups] } } } : {}),
  }
}

function imageId(record: ContainerRecord): string {
  return `${record.image.behaviour.repository}@${record.image.digest}`
}

function isFirst(input: StatusInput, container: Container): boolean {
  return input.pod.spec.initContainers?.[0]?.name === container.name
}

export function qosClass(pod: Pod): string {
  let guaranteed = true
  let any = false
  for (const c of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const positive = (list: Record<string, string> | undefined, name: string) => {
      const q = parseQuantity(list?.[name] ?? '0')
      return q !== undefined && q.unscaled > 0n
    }
    const { requests, limits } = c.resources ?? {}
    for (const name of ['cpu', 'memory']) {
      if (positive(requests, name) || positive(limits, name)) any = true
      const limit = parseQuantity(limits?.[name] ?? '0')
      const request = parseQuantity(requests?.[name] ?? limits?.[name] ?? '0')
      if (!positive(limits, name) || !limit || !request || String(quantityValue(limit)) !== String(quantityValue(request))) guaranteed = false
    }
  }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable'
}

const byName = (a: ContainerStatus, b: ContainerStatus) => (a.name < b.name ? -1 : 1)

export function generateStatus(input: StatusInput): PodStatus {
  const { pod, old, view, failure } = input
  const init = pod.spec.initContainers ?? []
  const initDone = initialized(input)
  const initStatuses = init.map((c) => containerStatus(input, c, 'initContainerStatuses', false))
  const statuses = pod.spec.containers.map((c) => containerStatus(input, c, 'containerStatuses', init.length > 0 && !initDone))
  const ephemeral = ephemeralContainers(pod).map((c) => containerStatus(input, c, 'ephemeralContainerStatuses', init.length > 0))
  const phase = failure ? 'Failed' : phaseOf(input, initStatuses, statuses)
  const terminal = phase === 'Succeeded' || phase === 'Failed'
  const conditions = conditionsOf(input, phase, initStatuses, statuses)
  const ip = view.sandbox?.hostNetwork ? input.hostIP : view.sandbox?.state === 'Ready' || view.sandbox ? view.sandbox?.ip : old?.podIP
  const podIP = ip ?? (terminal || input.terminating ? old?.podIP : undefined)
  return {
    observedGeneration: pod.metadata.generation ?? 1,
    phase,
    conditions,
    ...(failure ? { reason: failure.reason, message: failure.message } : {}),
    ...(old?.nominatedNodeName ? { nominatedNodeName: old.nominatedNodeName } : {}),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(podIP ? { podIP, podIPs: [{ ip: podIP }] } : {}),
    startTime: input.startTime,
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: [...statuses].sort(byName),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral.sort(byName) } : {}),
    qosClass: old?.qosClass ?? qosClass(pod),
  }
}

/** All ordinary init containers have succeeded and all sidecars have started. */
function initialized({ pod, view, old }: StatusInput): boolean {
  const init = pod.spec.initContainers ?? []
  if (view.records(pod.spec.containers[0]?.name ?? '').length > 0) return true
  return init.every((c) => {
    const record = view.records(c.name)[0]
    if (isSidecar(c)) return record !== undefined && view.started(record)
    if (!record) return old?.initContainerStatuses?.find((s) => s.name === c.name)?.state.terminated?.exitCode === 0
    return record.state === 'Exited' && record.exitCode === 0
  })
}

function phaseOf(input: StatusInput, init: readonly ContainerStatus[], statuses: readonly ContainerStatus[]): NonNullable<PodStatus['phase']> {
  const { pod } = input
  const policy = pod.spec.restartPolicy ?? 'Always'
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map((c) => c.name))
  const failedInit = init.some((s) => !sidecars.has(s.name) && s.state.terminated && s.state.terminated.exitCode !== 0)
  const pendingInit = init.filter((s) => !sidecars.has(s.name) && !(s.state.terminated && s.state.terminated.exitCode === 0) && !(s.state.waiting && s.lastState.terminated?.exitCode === 0)).length
  let running = 0
  let waiting = 0
  let stopped = 0
  let succeeded = 0
  for (const s of statuses) {
    if (s.state.running) running++
    else if (s.state.terminated) {
      stopped++
      if (s.state.terminated.exitCode === 0) succeeded++
    } else if (s.state.waiting && s.lastState.terminated) stopped++
    else waiting++
  }
  for (const s of init) if (sidecars.has(s.name) && s.state.running) running++
  if (failedInit && policy === 'Never') return 'Failed'
  if (pendingInit > 0 && statuses.every((s) => s.state.waiting && !s.lastState.terminated)) return 'Pending'
  if (waiting > 0) return 'Pending'
  if (running > 0) return 'Running'
  if (stopped > 0) {
    if (input.terminating && input.allTerminated) return succeeded === stopped ? 'Succeeded' : 'Failed'
    if (policy === 'Always' || anotherRound(pod, statuses)) return 'Running'
    if (stopped === succeeded) return 'Succeeded'
    if (policy === 'Never') return 'Failed'
    return 'Running'
  }
  return 'Pending'
}

/** A container's own policy or rules start it again, whatever the pod's says. */
function anotherRound(pod: Pod, statuses: readonly ContainerStatus[]): boolean {
  return pod.spec.containers.some((c) => {
    const ended = (c.restartPolicy || c.restartPolicyRules) && statuses.find((s) => s.name === c.name)
    const last = ended && (ended.state.terminated ?? ended.lastState.terminated)
    return last !== undefined && last !== '' && restarts(pod, c, last.exitCode)
  })
}

function conditionsOf(input: StatusInput, phase: string, init: readonly ContainerStatus[], statuses: readonly ContainerStatus[]): Condition[] {
  const { pod, old, now, view } = input
  const terminal = phase === 'Succeeded' || phase === 'Failed'
  const make = (type: string, status: string, reason?: string, message?: string): Condition => {
    const before = old?.conditions?.find((c) => c.type === type)
    return {
      type,
      status,
      observedGeneration: pod.metadata.generation ?? 1,
      lastProbeTime: null,
      lastTransitionTime: before && before.status === status ? (before.lastTransitionTime ?? null) : seconds(now),
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
    }
  }
  const unready = statuses.filter((s) => !s.ready).map((s) => s.name)
  const incomplete = init.filter((s) => (isSidecarName(pod, s.name) ? !s.started : !s.ready && !(s.state.terminated?.exitCode === 0))).map((s) => s.name)
  const done = phase === 'Succeeded' ? 'PodCompleted' : phase === 'Failed' ? 'PodFailed' : undefined
  const list = (names: readonly string[]) => `[${names.join(' ')}]`
  const containersReady =
    done ? make('ContainersReady', 'False', done) : unready.length > 0 ? make('ContainersReady', 'False', 'ContainersNotReady', `containers with unready status: ${list(unready)}`) : make('ContainersReady', 'True')
  const gates = (pod.spec.readinessGates ?? []).filter((g) => old?.conditions?.find((c) => c.type === g.conditionType)?.status !== 'True')
  let ready = { ...containersReady, type: 'Ready' }
  if (containersReady.status === 'True' && gates.length > 0) {
    const texts = gates.map((g) => {
      const c = old?.conditions?.find((x) => x.type === g.conditionType)
      return c ? `the status of pod readiness gate "${g.conditionType}" is not "True", but ${c.status}` : `corresponding condition of pod readiness gate "${g.conditionType}" does not exist.`
    })
    ready = make('Ready', 'False', 'ReadinessGatesNotReady', texts.join(', '))
  } else ready = make('Ready', containersReady.status, containersReady.reason, containersReady.message)
  const initializedCondition =
    phase === 'Succeeded' ? make('Initialized', 'True', 'PodCompleted') : incomplete.length > 0 && !statuses.some((s) => s.containerID) ? make('Initialized', 'False', 'ContainersNotInitialized', `containers with incomplete status: ${list(incomplete)}`) : make('Initialized', 'True')
  const sandboxUp = view.sandbox?.state === 'Ready' && (view.sandbox.hostNetwork || view.sandbox.ip !== undefined)
  const resizing = (input.resizing ?? []).map((r) => {
    const before = old?.conditions?.find((c) => c.type === r.type && c.message === r.message)
    return { ...make(r.type, 'True', r.reason, r.message), lastProbeTime: before?.lastProbeTime ?? seconds(now) }
  })
  const own = [...resizing, make('PodReadyToStartContainers', sandboxUp && !terminal ? 'True' : 'False'), initializedCondition, ready, containersReady]
  const scheduled = old?.conditions?.find((c) => c.type === 'PodScheduled') ?? make('PodScheduled', 'True')
  const others = (old?.conditions ?? []).filter((c) => c.type !== 'PodScheduled' && !c.type.startsWith('PodResize') && !own.some((o) => o.type === c.type))
  return [...own, { ...scheduled, observedGeneration: pod.metadata.generation ?? 1 }, ...others]
}

function isSidecarName(pod: Pod, name: string): boolean {
  return (pod.spec.initContainers ?? []).some((c) => c.name === name && isSidecar(c))
}
