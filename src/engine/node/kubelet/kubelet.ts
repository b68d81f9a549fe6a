/**
 * The kubelet of one node: registers it, keeps its lease and status, turns the pods bound to it and the static manifests into workers.
 * It lives exactly as long as its process; what it left running is found again in the runtime by the next one.
 */
import type { Random } from '#base/random.ts'
import { ApiUnreachable, StatusError, type ApiClient, type KubeObject } from '#engine/api/types.ts'
import { configmaps, secrets, type ConfigMap, type Secret } from '#engine/kinds/namespace/types.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { persistentvolumes, type PersistentVolume } from '#engine/kinds/persistentvolume/types.ts'
import { isPodFinished, pods, type Pod, type PodStatus } from '#engine/kinds/pod/types.ts'
import { services, type Service } from '#engine/kinds/service/types.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { Sockets } from '#engine/machine/sockets.ts'
import type { Sim, Timer } from '#engine/sim/sim.ts'
import type { NodeFacts } from '../cni/runtime.ts'
import { failedToWatch, failedToWatchAt, fromFactory, tellOfLostWatches, type Reach, type Reflector } from '../reflectors.ts'
import type { Containerd } from '../runtime/containerd.ts'
import { admissionProblem, type AdmissionFacts, type Rejection } from './admission.ts'
import { Backoff } from './backoff.ts'
import type { KubeletConfig } from './config.ts'
import { Heartbeat } from './heartbeat.ts'
import { initialNode, nodeConditions, nodeStatus, type NodeFactsInput } from './node-status.ts'
import { seconds } from './pod-status.ts'
import { PodWorker } from './pod-worker.ts'
import { complainOfRuntime } from './runtime-loss.ts'
import type { DnsSettings } from './sandbox-files.ts'
import { mirrorOf, readStaticPods } from './static-pods.ts'
import type { VolumeSource } from './volumes.ts'
import type { WorkerHost } from './worker-host.ts'

const component = 'kubelet'

/** What the kubelet of a node watches. */
const reflectorsOf = (node: string): readonly Reflector[] => [
  fromFactory('*v1.Node', `/api/v1/nodes?fieldSelector=metadata.name%3D${node}&`),
  fromFactory('*v1.Service', '/api/v1/services?fieldSelector=spec.clusterIP%21%3DNone&'),
  fromFactory('*v1.CSIDriver', '/apis/storage.k8s.io/v1/csidrivers?'),
  fromFactory('*v1.RuntimeClass', '/apis/node.k8s.io/v1/runtimeclasses?'),
  { from: 'pkg/kubelet/config/apiserver.go:66', type: '*v1.Pod', path: `/api/v1/pods?fieldSelector=spec.nodeName%3D${node}&` },
]
const statusReport = 300_000

export interface KubeletOptions {
  readonly node: Machine
  readonly sockets: Sockets
  readonly runtime: Containerd
  readonly api: ApiClient
  /** Of the kubeconfig: `https://172.30.1.2:6443`. */
  readonly server: string
  readonly reach?: Reach
  readonly config: KubeletConfig
  readonly facts: NodeFactsInput
  log(level: 'I' | 'W' | 'E', message: string, where?: string): void
}

export class Kubelet implements WorkerHost {
  readonly sim: Sim
  readonly random: Random
  readonly node: Machine
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
  readonly networkFacts: NodeFacts
  readonly started: number
  alive = true
  readonly workers = new Map<string, PodWorker>()
  readonly #options: KubeletOptions
  readonly #statuses = new Map<string, PodStatus>()
  readonly #static = new Map<string, Pod>()
  readonly #mirrors = new Map<string, string>()
  readonly #tokens = new Map<string, { text: string; until: number }>()
  readonly #stops: (() => void)[] = []
  readonly #timers = new Set<Timer>()
  #ready: boolean | undefined
  #retrying = false
  readonly #heartbeat: Heartbeat
  readonly #ownNode: () => Node | undefined

  constructor(options: KubeletOptions) {
    this.#options = options
    this.node = options.node
    this.sockets = options.sockets
    this.sim = options.node.sim
    this.started = this.sim.now
    this.runtime = options.runtime
    this.api = options.api
    this.nodeName = options.facts.name
    this.nodeIp = options.facts.address
    this.random = this.sim.random.fork(`kubelet ${this.nodeName}`)
    this.#heartbeat = new Heartbeat({ sim: this.sim, api: options.api, nodeName: options.facts.name, server: options.server, log: options.log, alive: () => this.alive })
    const now = () => this.sim.now
    this.restartBackoff = new Backoff(10_000, 300_000, now)
    this.imageBackoff = new Backoff(10_000, 300_000, now)
    this.dns = { clusterDns: options.config.clusterDns, clusterDomain: options.config.clusterDomain, resolvConf: options.config.resolvConf }
    this.allocatable = nodeStatus(options.facts, []).allocatable ?? {}
    const { api } = options
    const own = api.informer<Node>(nodes)
    this.#ownNode = () => own.get(undefined, this.nodeName)
    let correcting = false
    own.onUpdate((node) => {
      // Somebody (the node controller, in the kubelet's silence) says otherwise: the next status update, one in ten seconds, puts it right.
      if (node.metadata.name !== this.nodeName || this.#ready === undefined || correcting) return
      if (node.status?.conditions?.find((c) => c.type === 'Ready')?.status === (this.#ready ? 'True' : 'False')) return
      correcting = true
      this.after(this.random.below(10_000), () => {
        correcting = false
        this.#updateNode()
      })
    })
    this.networkFacts = {
      annotatePod: (namespace, name, annotations) => {
        try {
          api.patch(pods, namespace, name, { metadata: { annotations } }, 'merge', 'status')
        } catch (error) {
          if (!(error instanceof ApiUnreachable) && !(error instanceof StatusError)) throw error
        }
      },
      podCidr: () => own.get(undefined, this.nodeName)?.spec.podCIDR,
      apiError: () => {
        try {
          api.get(nodes, undefined, this.nodeName)
          return undefined
        } catch (error) {
          if (error instanceof ApiUnreachable || error instanceof StatusError) return error.message
          throw error
        }
      },
    }
    const maps = api.informer<ConfigMap>(configmaps)
    const hidden = api.informer<Secret>(secrets)
    const claims = api.informer<PersistentVolumeClaim>(persistentvolumeclaims)
    const persistent = api.informer<PersistentVolume>(persistentvolumes)
    const serviceCache = api.informer<Service>(services)
    this.volumes = {
      configMap: (namespace, name) => maps.get(namespace, name),
      secret: (namespace, name) => hidden.get(namespace, name),
      services: (namespace) => serviceCache.list(namespace),
      claim: (namespace, name) => claims.get(namespace, name),
      volume: (name) => persistent.get(undefined, name),
      token: (pod, audience, expiration) => this.#token(pod, audience, expiration),
    }
    maps.onUpdate((object) => this.#sourceChanged('configMap', object))
    hidden.onUpdate((object) => this.#sourceChanged('secret', object))
    maps.onAdd((object) => this.#sourceAppeared(object))
    hidden.onAdd((object) => this.#sourceAppeared(object))
  }

  /** Asks for a token bound to the pod, as the projected volume does. */
  #token(pod: Pod, audience: string | undefined, expirationSeconds: number): string {
    const account = pod.spec.serviceAccountName ?? 'default'
    const key = `${pod.metadata.uid}/${account}/${audience ?? ''}`
    const known = this.#tokens.get(key)
    if (known && this.sim.now < known.until) return known.text
    const request = { spec: { audiences: audience === undefined ? [] : [audience], expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid } } }
    const answer = this.api.create<KubeObject & { status?: { token?: string } }>({ group: '', version: 'v1', resource: 'serviceaccounts/token' }, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name: account, namespace: pod.metadata.namespace ?? 'default' }, ...request })
    const text = answer.status?.token ?? ''
    // Renewed when four fifths of its life are over.
    this.#tokens.set(key, { text, until: this.sim.now + expirationSeconds * 800 })
    return text
  }

  log(level: 'I' | 'W' | 'E', message: string): void {
    this.#options.log(level, message)
  }

  start(): void {
    const { api } = this
    this.#event('Normal', 'Starting', 'Starting kubelet.')
    const { reach, server, log } = this.#options
    if (reach) {
      this.#stops.push(tellOfLostWatches(this.sim, reach, (why, fresh) => {
        for (const r of reflectorsOf(this.nodeName)) log('E', failedToWatch(server, r, why, fresh), failedToWatchAt)
      }))
    }
    this.#register()
    const cache = api.informer<Pod>(pods)
    const mine = (pod: Pod) => pod.spec.nodeName === this.nodeName
    cache.onAdd((pod) => {
      if (mine(pod)) this.#podSeen(pod)
    })
    cache.onUpdate((pod) => {
      if (mine(pod)) this.#podSeen(pod)
    })
    cache.onDelete((pod) => {
      if (mine(pod)) this.#podGone(pod)
    })
    this.#stops.push(this.runtime.onChange((sandbox) => this.workers.get(sandbox.podUid)?.changed()))
    this.#stops.push(this.runtime.onDaemon(() => {
      for (const worker of this.workers.values()) if (this.runtime.running) worker.wake()
      if (!this.runtime.running) this.#stops.push(complainOfRuntime(this.sim, '/run/containerd/containerd.sock', () => this.alive && !this.runtime.running, log))
      this.after(this.runtime.running ? 2000 : 15_000 + this.random.below(8000), () => this.#updateNode())
    }))
    this.#watchManifests()
    this.#stops.push(this.node.fs.watch('/etc/cni/net.d', () => {
      this.after(1000 + this.random.below(2500), () => {
        this.#updateNode()
        for (const worker of this.workers.values()) if (!worker.sandbox) worker.wake()
      })
    }))
    this.#heartbeat.start()
    this.#report()
  }

  /** The process has ended. Containers go on running. */
  stop(): void {
    this.alive = false
    for (const stop of this.#stops) stop()
    for (const timer of this.#timers) this.sim.cancel(timer)
    this.#heartbeat.stop()
    for (const worker of this.workers.values()) worker.abandon()
  }

  after(delay: number, run: () => void, background = false, quiet = false): Timer {
    const timer = this.sim.after(delay, () => {
      this.#timers.delete(timer)
      if (this.alive) run()
    }, quiet ? { quiet } : { background })
    this.#timers.add(timer)
    return timer
  }

  // The node

  #problem(): string | undefined {
    if (!this.runtime.running) return 'container runtime is down'
    const network = this.runtime.networkProblem()
    return network === undefined ? undefined : `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: ${network}`
  }

  /** Undefined when the API refused or could not be reached; `failed` is told Go's words of it. */
  #attempt<T>(verb: string, path: string, call: () => T, failed: (text: string) => void): T | undefined {
    try {
      return call()
    } catch (error) {
      if (!(error instanceof ApiUnreachable) && !(error instanceof StatusError)) throw error
      failed(this.#heartbeat.requestError(verb, path, error))
      return undefined
    }
  }

  #register(): void {
    const existing = this.#attempt('Post', '/api/v1/nodes', () => {
      try {
        return this.api.get<Node>(nodes, undefined, this.nodeName)
      } catch (error) {
        if (!(error instanceof StatusError) || error.status.code !== 404) throw error
        const created = this.api.create<Node>(nodes, initialNode(this.#options.facts, nodeConditions(undefined, this.#problem(), this.sim.now)))
        this.#options.log('I', `"Successfully registered node" node="${this.nodeName}"`, 'kubelet_node_status.go:78')
        return created
      }
    }, (text) => this.#options.log('E', `"Unable to register node with API server" err=${JSON.stringify(text)} node="${this.nodeName}"`, 'kubelet_node_status.go:106'))
    if (!existing) {
      this.after(1000 + this.random.below(6000), () => this.#register(), true)
      return
    }
    this.#updateNode(true)
  }

  #updateNode(first = false): void {
    const path = `/api/v1/nodes/${this.nodeName}?timeout=10s`
    this.#attempt('Get', path, () => {
      const node = this.api.get<Node>(nodes, undefined, this.nodeName)
      const problem = this.#problem()
      const conditions = nodeConditions(node.status?.conditions, problem, this.sim.now)
      const before = node.status?.conditions?.find((c) => c.type === 'Ready')?.status
      const { bootId } = this.#options.facts
      const booted = node.status?.nodeInfo?.bootID
      if (booted && booted !== bootId) this.#event('Warning', 'Rebooted', `Node ${this.nodeName} has been rebooted, boot id: ${bootId}`)
      const status = { ...node.status, ...nodeStatus(this.#options.facts, conditions) }
      this.api.update<Node>(nodes, { ...node, status }, 'status')
      if (first) {
        for (const reason of ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID']) this.#event('Normal', reason, `Node ${this.nodeName} status is now: ${reason}`)
        this.#event('Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods')
      }
      const ready = problem === undefined
      // Told when it changes; a node that has never said how it is has nothing to change from.
      if (before !== undefined && before !== (ready ? 'True' : 'False')) {
        const reason = ready ? 'NodeReady' : 'NodeNotReady'
        this.#event('Normal', reason, `Node ${this.nodeName} status is now: ${reason}`)
      }
      this.#ready = ready
    }, (text) => this.#statusFailed(text))
  }

  /** Five tries, then again ten seconds later. */
  #statusFailed(text: string): void {
    for (let i = 0; i < 5; i++) this.#options.log('E', `"Error updating node status, will retry" err=${JSON.stringify(`error getting node "${this.nodeName}": ${text}`)}`, 'kubelet_node_status.go:548')
    this.#options.log('E', '"Unable to update node status" err="update node status exceeds retry count"', 'kubelet_node_status.go:535')
    if (this.#retrying) return
    this.#retrying = true
    this.after(10_000, () => {
      this.#retrying = false
      this.#updateNode()
    }, true, true)
  }

  /** The full status once in five minutes: idle work. */
  #report(): void {
    this.after(statusReport * (1 + 0.1 * this.random.next()), () => {
      this.#updateNode()
      this.#report()
    }, true, true)
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    // The kubelet does not know its node's uid; so kubectl describe node does not find these.
    const about: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: this.nodeName } }
    this.api.event(about, type, reason, message, component, this.nodeName)
  }

  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, field?: string): void {
    const about = this.#static.has(this.#pathOf(pod) ?? '') ? { ...pod, metadata: { ...pod.metadata, uid: pod.metadata.annotations?.['kubernetes.io/config.hash'] ?? pod.metadata.uid ?? '' } } : pod
    this.api.event(field === undefined ? about : { ...about, fieldPath: field }, type, reason, message, component, this.nodeName)
  }

  // Pods

  #podSeen(pod: Pod): void {
    if (!this.alive) return
    if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
      this.#mirrorSeen(pod)
      return
    }
    const uid = pod.metadata.uid ?? ''
    const worker = this.workers.get(uid)
    if (worker) {
      worker.update(pod)
      return
    }
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
      if (pod.metadata.deletionTimestamp !== undefined) this.#finalDelete(pod)
      return
    }
    if (pod.status) this.#statuses.set(uid, pod.status)
    if (pod.metadata.deletionTimestamp === undefined && this.#rejected(pod)) return
    const fresh = new PodWorker(this, pod)
    this.workers.set(uid, fresh)
    if (pod.metadata.deletionTimestamp !== undefined) fresh.update(pod)
  }

  #admissionFacts(pod: Pod): AdmissionFacts {
    const others = [...this.workers.values()].filter((w) => {
      const status = this.statusOf(w.pod) ?? w.pod.status
      return w.pod.metadata.uid !== pod.metadata.uid && !w.done && !(status && isPodFinished({ ...w.pod, status }))
    }).map((w) => w.pod)
    return { node: this.#ownNode(), allocatable: this.allocatable, others, allowedUnsafeSysctls: this.#options.config.allowedUnsafeSysctls }
  }

  crowded(pod: Pod): Rejection | undefined {
    const problem = admissionProblem(pod, this.#admissionFacts(pod))
    return problem && { reason: 'Deferred', message: problem.message }
  }

  /** Pods that the node does not take fail at once. One that runs here already was taken before. */
  #rejected(pod: Pod): boolean {
    if ([...this.runtime.pods.values()].some((s) => s.podUid === pod.metadata.uid)) return false
    const problem = admissionProblem(pod, this.#admissionFacts(pod))
    if (!problem) return false
    this.event(pod, 'Warning', problem.reason, problem.message)
    const { conditions, qosClass } = pod.status ?? {}
    this.publish(pod, {
      observedGeneration: pod.metadata.generation ?? 1, phase: 'Failed', ...(conditions ? { conditions } : {}), reason: problem.reason, message: `Pod was rejected: ${problem.message}`, startTime: seconds(this.sim.now), ...(qosClass ? { qosClass } : {}),
    }, false)
    return true
  }

  #podGone(pod: Pod): void {
    if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
      this.#mirrors.delete(`${pod.metadata.namespace}/${pod.metadata.name}`)
      for (const own of this.#static.values()) if (own.metadata.name === pod.metadata.name && own.metadata.namespace === pod.metadata.namespace) this.after(500, () => this.#mirror(own))
      return
    }
    this.workers.get(pod.metadata.uid ?? '')?.removed()
  }

  finished(uid: string): void {
    this.workers.delete(uid)
    this.#statuses.delete(uid)
    for (const key of [...this.#tokens.keys()]) if (key.startsWith(`${uid}/`)) this.#tokens.delete(key)
  }

  statusOf(pod: Pod): PodStatus | undefined {
    return this.#statuses.get(pod.metadata.uid ?? '')
  }

  publish(pod: Pod, status: PodStatus, final: boolean): void {
    const uid = pod.metadata.uid ?? ''
    const old = this.#statuses.get(uid)
    if (!sameStatus(old, status)) {
      this.#statuses.set(uid, status)
      this.#writeStatus(pod, status)
    }
    if (final) this.#finalDelete(pod)
  }

  /** The API's pod: the mirror, for a static pod. */
  #remote(pod: Pod): Pod | undefined {
    const remote = this.api.informer<Pod>(pods).get(pod.metadata.namespace, pod.metadata.name)
    if (!remote) return undefined
    const mirror = remote.metadata.annotations?.['kubernetes.io/config.mirror']
    if (mirror !== undefined) return mirror === pod.metadata.annotations?.['kubernetes.io/config.hash'] ? remote : undefined
    return remote.metadata.uid === pod.metadata.uid ? remote : undefined
  }

  #writeStatus(pod: Pod, status: PodStatus): void {
    const remote = this.#remote(pod)
    if (!remote) return
    try {
      const current = this.api.get<Pod>(pods, remote.metadata.namespace, remote.metadata.name)
      if (current.metadata.uid !== remote.metadata.uid) return
      const foreign = (current.status?.conditions ?? []).filter((c) => !status.conditions?.some((s) => s.type === c.type))
      this.api.update<Pod>(pods, { ...current, status: { ...status, conditions: [...(status.conditions ?? []), ...foreign] } }, 'status')
    } catch (error) {
      if (error instanceof StatusError && error.status.code === 404) return
      if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
      const uid = pod.metadata.uid ?? ''
      this.after(10_000, () => {
        const latest = this.#statuses.get(uid)
        if (latest === status) this.#writeStatus(pod, status)
      }, true)
    }
  }

  #finalDelete(pod: Pod): void {
    try {
      this.api.delete(pods, pod.metadata.namespace, pod.metadata.name, { gracePeriodSeconds: 0, ...(pod.metadata.uid !== undefined ? { preconditions: { uid: pod.metadata.uid } } : {}) })
    } catch (error) {
      if (error instanceof StatusError && (error.status.code === 404 || error.status.code === 409)) return
      if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
      this.after(10_000, () => this.#finalDelete(pod), true)
    }
  }

  #sourceChanged(kind: 'configMap' | 'secret', object: KubeObject): void {
    for (const worker of this.workers.values()) {
      if (worker.pod.metadata.namespace !== object.metadata.namespace) continue
      const uses = (worker.pod.spec.volumes ?? []).some((v) => (kind === 'configMap' ? v.configMap?.name : v.secret?.secretName) === object.metadata.name || v.projected?.sources?.some((s) => s[kind]?.name === object.metadata.name))
      // The file changes at the pod's next sync: within syncFrequency and half of it more.
      if (uses) this.after(this.random.next() * this.#options.config.syncFrequency * 1.5, () => worker.refreshVolumes(), true)
    }
  }

  /** A missing ConfigMap or Secret has come: only the next try finds it. Nothing to do but be there. */
  #sourceAppeared(_object: KubeObject): void {}

  // Static pods

  #pathOf(pod: Pod): string | undefined {
    for (const [path, own] of this.#static) if (own.metadata.uid === pod.metadata.uid) return path
    return undefined
  }

  #watchManifests(): void {
    const folder = this.#options.config.staticPodPath
    if (folder === '') return
    let pending = false
    this.#readManifests()
    this.#stops.push(this.node.fs.watch(folder, () => {
      if (pending) return
      pending = true
      this.after(300 + this.random.below(700), () => {
        pending = false
        this.#readManifests()
      })
    }))
  }

  #readManifests(): void {
    const source = readStaticPods(this.node.fs, this.#options.config.staticPodPath, this.nodeName)
    for (const error of source.errors) this.#options.log('E', error.message, error.where)
    for (const [path, pod] of [...this.#static]) {
      const next = source.pods.get(path)
      if (next?.metadata.uid === pod.metadata.uid) continue
      this.#static.delete(path)
      this.#unmirror(pod)
      this.workers.get(pod.metadata.uid ?? '')?.removed()
    }
    for (const [path, pod] of source.pods) {
      if (this.#static.get(path)?.metadata.uid === pod.metadata.uid) continue
      this.#static.set(path, pod)
      // A changed manifest waits for the old pod of the same name to end.
      const begin = () => {
        if (this.#static.get(path) !== pod) return
        const old = [...this.workers.values()].find((w) => w.pod.metadata.name === pod.metadata.name && w.pod.metadata.namespace === pod.metadata.namespace)
        if (old && !old.done) {
          this.after(1000, begin)
          return
        }
        this.workers.set(pod.metadata.uid ?? '', new PodWorker(this, pod))
        this.#mirror(pod)
      }
      begin()
    }
    // Containers of manifests that went away while no kubelet ran.
    for (const sandbox of [...this.runtime.pods.values()]) {
      const known = [...this.#static.values()].some((p) => p.metadata.uid === sandbox.podUid)
      if (!known && sandbox.labels['kubernetes.io/config.source'] === 'file' && !this.workers.has(sandbox.podUid)) this.runtime.removeSandbox(sandbox.id)
    }
  }

  #mirror(pod: Pod): void {
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`
    if (![...this.#static.values()].includes(pod)) return
    const made = this.#attempt('Get', `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`, () => {
      const node = this.api.get<Node>(nodes, undefined, this.nodeName)
      try {
        const existing = this.api.get<Pod>(pods, pod.metadata.namespace, pod.metadata.name)
        if (existing.metadata.annotations?.['kubernetes.io/config.mirror'] === pod.metadata.annotations?.['kubernetes.io/config.hash']) return existing
        this.api.delete(pods, existing.metadata.namespace, existing.metadata.name, { gracePeriodSeconds: 0 })
      } catch (error) {
        if (!(error instanceof StatusError) || error.status.code !== 404) throw error
      }
      return this.api.create<Pod>(pods, mirrorOf(pod, node.metadata.uid ?? '', new Date(Math.floor(this.sim.now)).toISOString()))
    }, (text) => this.#options.log('E', `"Failed creating a mirror pod" err=${JSON.stringify(text)} pod="${pod.metadata.namespace}/${pod.metadata.name}"`, 'kubelet.go:3342'))
    if (!made) {
      this.after(3000 + this.random.below(4000), () => this.#mirror(pod), true)
      return
    }
    this.#mirrors.set(key, made.metadata.uid ?? '')
    const status = this.#statuses.get(pod.metadata.uid ?? '')
    if (status) this.after(100, () => this.#writeStatus(pod, this.#statuses.get(pod.metadata.uid ?? '') ?? status))
  }

  #mirrorSeen(mirror: Pod): void {
    const own = [...this.#static.values()].find((p) => p.metadata.name === mirror.metadata.name && p.metadata.namespace === mirror.metadata.namespace)
    // A mirror whose manifest is gone, or that somebody deletes, goes at once; a live one comes back.
    if (!own || mirror.metadata.deletionTimestamp !== undefined) this.#finalDelete(mirror)
  }

  #unmirror(pod: Pod): void {
    const mirror = this.#remote(pod)
    if (mirror) this.#finalDelete(mirror)
  }
}

function sameStatus(a: PodStatus | undefined, b: PodStatus): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b)
}
