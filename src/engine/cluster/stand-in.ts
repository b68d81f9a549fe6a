/**
 * Stand-in kubelets: nodes that keep themselves Ready and pods whose status is written as if a kubelet had run them. No container runs.
 * What the cluster of the recorded kubectl transcripts has; see the `reference` shape.
 */
import type { ApiServer } from '#engine/api/server.ts'
import type { ApiClient } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { startControllers } from '#engine/control/all.ts'
import { ControllerContext, timestamp, type CertificateSigner, type DiscoveredResource } from '#engine/control/controller.ts'
import { Scheduler } from '#engine/control/scheduler/scheduler.ts'
import { leases, nodes, type Lease, type Node } from '#engine/kinds/node/types.ts'
import { isPodFinished, pods, type Condition, type Container, type ContainerState, type ContainerStatus, type Pod, type PodStatus } from '#engine/kinds/pod/types.ts'
import { cidr4, formatIpv4 } from '#base/ip.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { initialNode, nodeConditions } from '#engine/node/kubelet/node-status.ts'
import type { ClusterSpec } from './spec.ts'

const leasePeriod = 10_000

export interface StandInOptions {
  readonly sim: Sim
  readonly api: ApiServer
  readonly spec: ClusterSpec
  readonly rootCa: string
  readonly signer: CertificateSigner
  issueToken(namespace: string, account: string, uid: string, secret: string): string
  readonly resources: readonly DiscoveredResource[]
}

export function startStandIns({ sim, api, spec, rootCa, signer, issueToken, resources }: StandInOptions): void {
  const user = (name: string) => ({ name, groups: ['system:masters', 'system:authenticated'] })
  const client = api.client(user('system:kube-controller-manager'))
  registerNodes(sim, client, spec)
  const context = new ControllerContext(sim, client, { clusterCidr: spec.podCidr, nodeCidrMaskSize: spec.nodeMaskSize, rootCa, signer, issueToken, resources })
  startControllers(context)
  new Scheduler({ sim, api: api.client(user('system:kube-scheduler')) }).start()
  playKubelets(sim, api.client(user('system:nodes')), spec)
}

function registerNodes(sim: Sim, client: ApiClient, spec: ClusterSpec): void {
  for (const [i, node] of spec.nodes.entries()) {
    const control = node.roles.includes('control-plane')
    const object = initialNode(
      {
        name: node.name,
        address: node.address,
        size: { cpu: node.cpu, memory: node.memory, ephemeralStorage: '100Gi' },
        maxPods: 110,
        version: spec.version,
        labels: control ? { 'node-role.kubernetes.io/control-plane': '', 'node.kubernetes.io/exclude-from-external-load-balancers': '' } : {},
        taints: control ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] : [],
        machineId: sim.random.letters(32, '0123456789abcdef'),
        bootId: sim.random.uuid(),
        systemUuid: sim.random.uuid(),
        kernel: '6.8.0-51-generic',
        osImage: 'Ubuntu 24.04.3 LTS',
        images: [],
      },
      nodeConditions(undefined, undefined, sim.now),
    )
    const capacity = { cpu: node.cpu, 'ephemeral-storage': '100Gi', 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', memory: node.memory, pods: '110' }
    const { cidrOf } = ranges(spec)
    object.spec = { ...object.spec, podCIDR: cidrOf(i), podCIDRs: [cidrOf(i)] }
    object.status = { ...object.status, capacity, allocatable: capacity }
    const created = client.create<Node>(nodes, object)
    client.update<Node>(nodes, { ...created, status: object.status }, 'status')
    const renew = () => {
      const renewTime = new Date(Math.floor(sim.now)).toISOString().replace('Z', '000Z')
      client.patch<Lease>(leases, 'kube-node-lease', node.name, { spec: { renewTime } }, 'merge')
      sim.after(leasePeriod, renew, { quiet: true })
    }
    client.create<Lease>(leases, {
      apiVersion: 'coordination.k8s.io/v1', kind: 'Lease',
      metadata: { name: node.name, namespace: 'kube-node-lease', ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: created.metadata.uid ?? '' }] },
      spec: { holderIdentity: node.name, leaseDurationSeconds: 40, renewTime: new Date(Math.floor(sim.now)).toISOString().replace('Z', '000Z') },
    })
    sim.after(leasePeriod, renew, { quiet: true })
  }
}

function ranges(spec: ClusterSpec) {
  const { network } = cidr4(spec.podCidr)
  return { cidrOf: (i: number) => `${formatIpv4((network + i * 2 ** (32 - spec.nodeMaskSize)) >>> 0)}/${spec.nodeMaskSize}` }
}

function playKubelets(sim: Sim, client: ApiClient, spec: ClusterSpec): void {
  const cache = client.informer<Pod>(pods)
  const known = new Map(spec.nodes.map((n, i) => [n.name, { index: i, address: n.address, next: 1 }]))
  const addresses = new Map<string, string>()
  const base = cidr4(spec.podCidr).network

  const addressOf = (pod: Pod): string => {
    const node = known.get(pod.spec.nodeName!)!
    if (pod.spec.hostNetwork) return node.address
    let ip = addresses.get(pod.metadata.uid ?? '')
    if (ip === undefined) {
      ip = formatIpv4((base + node.index * 2 ** (32 - spec.nodeMaskSize) + node.next++) >>> 0)
      addresses.set(pod.metadata.uid ?? '', ip)
    }
    return ip
  }
  const attempt = (call: () => unknown) => {
    try {
      call()
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
    }
  }
  const play = (pod: Pod) => {
    if (!pod.spec.nodeName || !known.has(pod.spec.nodeName)) return
    const { namespace, name } = pod.metadata
    if (pod.metadata.deletionTimestamp !== undefined) {
      addresses.delete(pod.metadata.uid ?? '')
      attempt(() => client.delete(pods, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid ?? '' } }))
      return
    }
    if (pod.status?.containerStatuses !== undefined || isPodFinished(pod)) return
    attempt(() => client.update<Pod>(pods, { ...pod, status: standInStatus(pod, addressOf(pod), known.get(pod.spec.nodeName!)!.address, sim.now) }, 'status'))
  }
  cache.onAdd(play)
  cache.onUpdate((pod, old) => {
    if (pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp || pod.spec.nodeName !== old.spec.nodeName || pod.metadata.generation !== old.metadata.generation) play(pod)
  })
}

type Fate = 'running' | 'succeeded' | 'failed' | 'unpullable'

function fateOf(pod: Pod): Fate {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
  if (all.some((c) => /:no-such-tag$/.test(c.image ?? ''))) return 'unpullable'
  const command = (c: Container) => (c.command ?? c.args ?? [])[0]
  const policy = pod.spec.restartPolicy ?? 'Always'
  if (policy === 'Never' && pod.spec.containers.some((c) => command(c) === 'false')) return 'failed'
  if (pod.metadata.ownerReferences?.some((r) => r.kind === 'Job' && r.controller)) return 'succeeded'
  if (policy !== 'Always' && pod.spec.containers.every((c) => command(c) === 'true')) return 'succeeded'
  return 'running'
}

function standInStatus(pod: Pod, ip: string, hostIP: string, now: number): PodStatus {
  const fate = fateOf(pod)
  const time = timestamp(now)
  const done = fate === 'succeeded' || fate === 'failed'
  const ready = fate === 'running'
  const condition = (type: string, ok: boolean, reason?: string): Condition => ({ type, status: ok ? 'True' : 'False', observedGeneration: pod.metadata.generation ?? 1, lastProbeTime: null, lastTransitionTime: time, ...(reason ? { reason } : {}) })
  const why = fate === 'succeeded' ? 'PodCompleted' : fate === 'failed' ? 'PodFailed' : 'ContainersNotReady'
  const state = (c: Container): ContainerState => {
    if (fate === 'running') return { running: { startedAt: time } }
    if (fate === 'unpullable') return { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${c.image}"` } }
    return { terminated: { exitCode: fate === 'failed' ? 1 : 0, reason: fate === 'failed' ? 'Error' : 'Completed', startedAt: time, finishedAt: time } }
  }
  const status = (c: Container, own: ContainerState): ContainerStatus => ({ name: c.name, image: c.image ?? '', imageID: '', ready: own.running !== undefined, restartCount: 0, started: own.running !== undefined, state: own, lastState: {} })
  const init = (pod.spec.initContainers ?? []).map((c) => ({ ...status(c, c.restartPolicy === 'Always' ? { running: { startedAt: time } } : { terminated: { exitCode: 0, reason: 'Completed', startedAt: time, finishedAt: time } }), ready: true }))
  return {
    phase: fate === 'running' ? 'Running' : fate === 'succeeded' ? 'Succeeded' : fate === 'failed' ? 'Failed' : 'Pending',
    conditions: [
      condition('PodReadyToStartContainers', !done),
      condition('Initialized', true, fate === 'succeeded' ? 'PodCompleted' : undefined),
      condition('Ready', ready, ready ? undefined : why),
      condition('ContainersReady', ready, ready ? undefined : why),
      ...(pod.status?.conditions ?? []).filter((c) => c.type === 'PodScheduled'),
    ],
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP: ip,
    podIPs: [{ ip }],
    startTime: time,
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: pod.spec.containers.map((c) => status(c, state(c))),
    qosClass: pod.status?.qosClass ?? 'BestEffort',
  }
}
