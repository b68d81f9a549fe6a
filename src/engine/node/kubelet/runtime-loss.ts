/**
 * What the kubelet logs while the container runtime's socket is gone: every loop that asks the runtime complains in its own rhythm (PLEG, housekeeping,
 * the sanity check, log rotation, eviction). SIMPLIFICATION: the rhythms are multiples of two seconds.
 */
import type { Sim, Timer } from '#engine/sim/sim.ts'
import type { Log } from './heartbeat.ts'

const beat = 2000

export function socketError(endpoint: string): string {
  return `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${endpoint}: connect: no such file or directory"`
}

interface Complaint {
  /** Every so many beats. */
  readonly every: number
  readonly where: string
  text(error: string): string
}

const plain = (text: string) => (error: string) => `${JSON.stringify(text)} err=${JSON.stringify(error)}`
const complaints: readonly Complaint[] = [
  { every: 1, where: 'log.go:32', text: (e) => `"ListPodSandbox with filter from runtime service failed" err=${JSON.stringify(e)} filter="nil"` },
  { every: 1, where: 'kuberuntime_sandbox.go:305', text: plain('Failed to list pod sandboxes') },
  { every: 1, where: 'generic.go:254', text: plain('GenericPLEG: Unable to retrieve pods') },
  { every: 1, where: 'kubelet.go:2687', text: plain('Failed cleaning pods') },
  { every: 3, where: 'log.go:32', text: plain('Status from runtime service failed') },
  { every: 3, where: 'kubelet.go:3117', text: plain('Container runtime sanity check failed') },
  { every: 5, where: 'container_log_manager.go:154', text: (e) => plain('Failed to rotate container logs')(`failed to list containers: ${e}`) },
  { every: 5, where: 'eviction_manager.go:297', text: (e) => plain('Eviction manager: failed to get summary stats')(`failed to list pod stats: failed to list all containers: ${e}`) },
]

/** Complains until `down` says no; answers how to stop. */
export function complainOfRuntime(sim: Sim, endpoint: string, down: () => boolean, log: Log): () => void {
  let timer: Timer | undefined
  let stopped = false
  const error = socketError(endpoint)
  const round = (n: number): void => {
    if (stopped || !down()) return
    for (const c of complaints) if (n % c.every === 0) log('E', c.text(error), c.where)
    timer = sim.after(beat, () => round(n + 1), { quiet: true })
  }
  timer = sim.after(700, () => round(1), { quiet: true })
  return () => {
    stopped = true
    sim.cancel(timer)
  }
}
