/** What a pod worker needs of its kubelet. */
import type { Random } from '#base/random.ts'
import type { ApiClient } from '#engine/api/types.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { Sockets } from '#engine/machine/sockets.ts'
import type { Pod, PodStatus } from '#engine/kinds/pod/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import type { NodeFacts } from '../cni/runtime.ts'
import type { Containerd } from '../runtime/containerd.ts'
import type { Rejection } from './admission.ts'
import type { Backoff } from './backoff.ts'
import type { DnsSettings } from './sandbox-files.ts'
import type { VolumeSource } from './volumes.ts'

export interface WorkerHost {
  readonly sim: Sim
  readonly random: Random
  readonly node: Machine
  /** Of the kubelet's own process. */
  readonly sockets: Sockets
  readonly nodeName: string
  readonly nodeIp: string
  readonly runtime: Containerd
  readonly api: ApiClient
  readonly dns: DnsSettings
  readonly volumes: VolumeSource
  readonly restartBackoff: Backoff
  readonly imageBackoff: Backoff
  readonly allocatable: Readonly<Record<string, string>>
  /** What network plugins that ask the API learn about this node. */
  readonly networkFacts: NodeFacts
  /** When this kubelet began. */
  readonly started: number
  /** False once the kubelet has stopped: nothing may be done any more. */
  readonly alive: boolean
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, field?: string): void
  /** Writes the status to the API when it differs; `final` lets the pod go there after a deletion. */
  publish(pod: Pod, status: PodStatus, final: boolean): void
  /** The status last seen or written. */
  statusOf(pod: Pod): PodStatus | undefined
  log(level: 'I' | 'W' | 'E', message: string): void
  /** Why the node has no room for what a pod that it runs asks for now. */
  crowded(pod: Pod): Rejection | undefined
  /** The worker has nothing left to do. */
  finished(uid: string): void
}
