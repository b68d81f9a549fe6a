/** The pod row: READY, STATUS and RESTARTS as printPod computes them, for pods with init containers and sidecars too. */
import { humanDuration } from '#base/duration.ts'
import type { TablePrinter } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'
import { created, orNone, printer } from './columns.ts'

const isReady = (pod: Loose) => (pod.status?.conditions ?? []).some((c: Loose) => c.type === 'Ready' && c.status === 'True')

function ended(t: Loose): string {
  if (t.reason) return t.reason
  return t.signal ? `Signal:${t.signal}` : `ExitCode:${t.exitCode ?? 0}`
}

interface Summary {
  readonly reason: string
  readonly ready: number
  readonly total: number
  readonly restarts: number
  readonly lastRestart: number | undefined
}

export function podSummary(pod: Loose): Summary {
  const { spec, status = {} } = pod
  let total = (spec?.containers ?? []).length
  let ready = 0
  let restarts = 0
  let sidecarRestarts = 0
  let last: number | undefined
  let sidecarLast: number | undefined
  let reason: string = status.phase ?? ''
  if (status.reason) reason = status.reason
  for (const c of status.conditions ?? []) if (c.type === 'PodScheduled' && c.reason === 'SchedulingGated') reason = 'SchedulingGated'
  const inits = new Map<string, Loose>((spec?.initContainers ?? []).map((c: Loose) => [c.name, c]))
  const isSidecar = (name: string) => inits.get(name)?.restartPolicy === 'Always'
  for (const c of inits.values()) if (c.restartPolicy === 'Always') total++
  const later = (s: Loose, before: number | undefined) => {
    const finished = s.lastState?.terminated?.finishedAt
    if (!finished) return before
    const at = Date.parse(finished)
    return before === undefined || at > before ? at : before
  }
  let initializing = false
  for (const [i, s] of ((status.initContainerStatuses ?? []) as Loose[]).entries()) {
    restarts += s.restartCount ?? 0
    last = later(s, last)
    const sidecar = isSidecar(s.name)
    if (sidecar) {
      sidecarRestarts += s.restartCount ?? 0
      sidecarLast = later(s, sidecarLast)
    }
    const state = s.state ?? {}
    if (state.terminated && (state.terminated.exitCode ?? 0) === 0) continue
    if (sidecar && s.started) {
      if (s.ready) ready++
      continue
    }
    if (state.terminated) reason = `Init:${ended(state.terminated)}`
    else if (state.waiting?.reason && state.waiting.reason !== 'PodInitializing') reason = `Init:${state.waiting.reason}`
    else reason = `Init:${i}/${(spec?.initContainers ?? []).length}`
    initializing = true
    break
  }
  const initialized = (status.conditions ?? []).some((c: Loose) => c.type === 'Initialized' && c.status === 'True')
  if (!initializing || initialized) {
    restarts = sidecarRestarts
    last = sidecarLast
    let running = false
    for (const s of [...(status.containerStatuses ?? [])].reverse()) {
      restarts += s.restartCount ?? 0
      last = later(s, last)
      const state = s.state ?? {}
      if (state.waiting?.reason) reason = state.waiting.reason
      else if (state.terminated) reason = ended(state.terminated)
      else if (s.ready && state.running) {
        running = true
        ready++
      }
    }
    if (reason === 'Completed' && running) reason = isReady(pod) ? 'Running' : 'NotReady'
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') reason = 'Unknown'
    else if (status.phase !== 'Failed' && status.phase !== 'Succeeded') reason = 'Terminating'
  }
  return { reason, ready, total, restarts, lastRestart: last }
}

function row(pod: Loose, now: number): unknown[] {
  const s = podSummary(pod)
  const restarts = s.restarts !== 0 && s.lastRestart !== undefined ? `${s.restarts} (${humanDuration(now - s.lastRestart)} ago)` : String(s.restarts)
  const gates: Loose[] = pod.spec?.readinessGates ?? []
  const open = gates.filter((g) => (pod.status?.conditions ?? []).some((c: Loose) => c.type === g.conditionType && c.status === 'True')).length
  return [
    pod.metadata.name, `${s.ready}/${s.total}`, s.reason, restarts, created(pod, now), orNone(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP), orNone(pod.spec?.nodeName),
    orNone(pod.status?.nominatedNodeName), gates.length > 0 ? `${open}/${gates.length}` : '<none>',
  ]
}

const over: Record<string, Loose> = {
  Succeeded: { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
  Failed: { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' },
}

export const podTable: TablePrinter = printer(['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP*', 'Node*', 'Nominated Node*', 'Readiness Gates*'], row, (pod) => {
  const c = over[pod.status?.phase]
  return c ? [c] : undefined
})
