/** Where something can be asked from: `shop/client`, `shop/app=web`, `pod/NAME`, `node:node01`, `host:base`, or a bare host or pod name. */
import type { Cluster } from '#engine/cluster/create.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { User } from '#engine/machine/process.ts'
import { podOf } from './map.ts'
import { rootUser } from '#engine/machine/users.ts'
import type { Sitting } from './sitting.ts'
import type { ClusterState } from './state.ts'
import { valueAt } from './values.ts'

export interface Spot {
  readonly machine: Machine
  readonly user: User
  readonly title: string
  readonly pod?: KubeObject
}

/** The pod that a text names, running or not. */
export function findPod(state: ClusterState, text: string): KubeObject | undefined {
  const clean = text.replace(/^pods?\//, '')
  const [namespace, name] = clean.includes('/') ? (clean.split('/', 2) as [string, string]) : ['default', clean]
  if (!name.includes('=')) return state.get('Pod', namespace, name)
  const pods = state.list('Pod', { namespace, labelSelector: name })
  return pods.find((p) => podOf(p).ready) ?? pods[0]
}

/** The running container of a pod that commands run in: the first of its spec. */
export function containerOf(cluster: Cluster, pod: KubeObject): Machine | undefined {
  const host = cluster.hosts.get(String(valueAt(pod, 'spec', 'nodeName') ?? ''))
  const first = (valueAt(pod, 'spec', 'containers') as { name: string }[] | undefined)?.[0]?.name
  const runtime = host?.containers
  if (!runtime) return undefined
  const info = runtime.containers().find((c) => c.state === 'Running' && c.podName === pod.metadata.name && c.podNamespace === pod.metadata.namespace && c.name === first)
  return info === undefined ? undefined : runtime.machine(info.id)
}

export function findSpot(sitting: Sitting, text: string): Spot | undefined {
  const { cluster, state } = sitting
  const hostName = text.replace(/^(node|host):/, '')
  const host = text === 'workstation' ? cluster.workstation : cluster.hosts.get(hostName)
  if (host && !text.includes('/')) {
    return { machine: host, user: host === cluster.workstation ? sitting.user : rootUser, title: host.hostname }
  }
  const pod = findPod(state, text)
  if (!pod) return undefined
  const machine = containerOf(cluster, pod)
  return machine && { machine, user: rootUser, title: `${pod.metadata.namespace}/${pod.metadata.name}`, pod }
}
