/**
 * One pod on its node: kubelet's pod worker with kuberuntime's SyncPod. Every sync tells the status first and then acts: sandbox, init containers
 * one by one, containers; what fails is remembered as a reason and shown by the next sync, 10 to 15 s later, as upstream does. Eviction by the
 * pressure of a whole node is left out.
 */
import { FsError } from '#engine/machine/files.ts'
import type { Timer } from '#engine/sim/sim.ts'
import { isPodFinished, type Container, type Pod, type PodStatus, type Probe } from '#engine/kinds/pod/types.ts'
import { RuntimeError, type ContainerRecord, type Sandbox } from '../runtime/containerd.ts'
import { parseReference } from '../runtime/reference.ts'
import type { Rejection } from './admission.ts'
import { ephemeralContainers, goSeconds, isSidecar, podText, restarts } from './actions.ts'
import { containerConfig, logFolder, terminationPath } from './container-config.ts'
import { ConfigError } from './environment.ts'
import { runHook } from './hooks.ts'
import { evictionInterval, exceeded, limitedVolumes, usage } from './local-storage.ts'
import { generateStatus, type Reason } from './pod-status.ts'
import { probeTicks, ProbeWorker, type ProbeHost, type ProbeKind, type ProbeTicks } from './probes.ts'
import { changedResources, infeasible, needsRestart, resizeMessage, type Resources } from './resize.ts'
import { podHostname } from './sandbox-files.ts'
import { podFolder, removeAll, setUpVolume, unmountVolumes, type MountedVolume } from './volumes.ts'
import type { WorkerHost } from './worker-host.ts'

type Done = (failure?: string) => void

const unmountedRetry = [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 122_000]

/** A container that started this long before the kubelet was there before it. */
const restartGrace = 10_000

export class PodWorker {
  readonly #host: WorkerHost
  #pod: Pod
  readonly #reasons = new Map<string, Reason>()
  readonly #ready = new Map<string, boolean>()
  readonly #started = new Set<string>()
  readonly #probes = new Map<string, ProbeWorker>()
  readonly #ticks = new Map<string, ProbeTicks>()
  readonly #volumes = new Map<string, MountedVolume>()
  readonly #pullError = new Map<string, string>()
  readonly #probeHost: ProbeHost
  /** The pod exists nowhere any more: a manifest taken away, a forced deletion. */
  #removed = false
  #startTime: string | undefined
  #busy = false
  #again = false
  #timer: Timer | undefined
  #plegTimer: Timer | undefined
  #deadline: Timer | undefined
  #volumeTries = 0
  #networkTold = false
  /** undefined: running; else when termination began and how long it may take. */
  #terminating: { grace: number; failure: Reason | undefined; kill: boolean } | undefined
  #gone = false
  #failure: Reason | undefined
  #storage: (() => void)[] | undefined
  /** What each container has been given; of one that has not been started yet, nothing. */
  readonly #allocated = new Map<string, Resources | undefined>()
  #resizePending: Rejection | undefined
  #resizing = false

  constructor(host: WorkerHost, pod: Pod) {
    this.#host = host
    this.#pod = pod
    this.#startTime = host.statusOf(pod)?.startTime
    this.#probeHost = {
      sim: host.sim,
      node: host.node,
      sockets: host.sockets,
      podIp: () => this.#ip() || undefined,
      unhealthy: (kind, container, output, errored) => this.#event('Warning', 'Unhealthy', `${kind[0]!.toUpperCase()}${kind.slice(1)} probe ${errored ? 'errored and resulted in unknown state' : 'failed'}: ${output}`, container),
      settled: (kind, container, record, ok) => this.#probed(kind, container, record, ok),
    }
    this.wake()
  }

  get pod(): Pod {
    return this.#pod
  }

  get done(): boolean {
    return this.#gone
  }

  /** The pod as the API (or its manifest) has it now. */
  update(pod: Pod): void {
    const before = this.#pod
    this.#pod = pod
    if (pod.metadata.deletionTimestamp !== undefined) this.terminate(pod.metadata.deletionGracePeriodSeconds ?? 0)
    else if (before.metadata.generation !== pod.metadata.generation || JSON.stringify([before.metadata.labels, before.metadata.annotations]) !== JSON.stringify([pod.metadata.labels, pod.metadata.annotations])) this.wake()
  }

  /** Ends the pod: deletion, deadline, eviction, removed manifest. A shorter grace of a second call counts. */
  terminate(grace: number, failure?: Reason): void {
    if (this.#terminating) {
      if (grace < this.#terminating.grace) {
        this.#terminating.grace = grace
        this.#killAll(grace)
      }
      return
    }
    this.#terminating = { grace, failure, kill: false }
    this.#failure ??= failure
    this.wake()
  }

  /** The runtime says that containers of this pod changed: seen at the next relist, within a second. */
  changed(): void {
    if (this.#plegTimer || this.#gone) return
    const phase = this.#host.sim.now % 1000
    this.#plegTimer = this.#host.sim.after(Math.max(60, 1000 - phase), () => {
      this.#plegTimer = undefined
      this.wake()
    })
  }

  /** Syncs soon. */
  wake(): void {
    if (this.#gone) return
    this.#host.sim.cancel(this.#timer)
    this.#timer = this.#host.sim.after(0, () => this.#sync())
  }

  /** The kubelet stops: containers stay as they are. */
  abandon(): void {
    this.#gone = true
    for (const timer of [this.#timer, this.#plegTimer, this.#deadline]) this.#host.sim.cancel(timer)
    for (const probe of this.#probes.values()) probe.stop()
    this.#probes.clear()
    for (const stop of this.#storage ?? []) stop()
  }

  get sandbox(): Sandbox | undefined {
    let best: Sandbox | undefined
    for (const s of this.#host.runtime.pods.values()) if (s.podUid === this.#pod.metadata.uid && (!best || s.attempt >= best.attempt)) best = s
    return best
  }

  /** Newest first. */
  records(container: string): ContainerRecord[] {
    const out: ContainerRecord[] = []
    for (const r of this.#host.runtime.records.values()) if (r.sandbox.podUid === this.#pod.metadata.uid && r.config.name === container) out.push(r)
    return out.sort((a, b) => b.config.attempt - a.config.attempt || b.created - a.created)
  }

  #running(): ContainerRecord[] {
    return [...this.#host.runtime.records.values()].filter((r) => r.sandbox.podUid === this.#pod.metadata.uid && r.state === 'Running')
  }

  #publish(final = false): PodStatus {
    const host = this.#host
    const pod = this.#pod
    this.#startTime ??= new Date(Math.floor(host.sim.now / 1000) * 1000).toISOString().slice(0, 19) + 'Z'
    const status = generateStatus({
      pod,
      old: host.statusOf(pod),
      now: host.sim.now,
      hostIP: host.nodeIp,
      startTime: this.#startTime,
      terminating: this.#terminating !== undefined,
      failure: this.#failure,
      allTerminated: this.#running().length === 0,
      view: {
        sandbox: this.sandbox,
        records: (name) => this.records(name),
        reason: (name) => this.#reasons.get(name),
        ready: (record) => this.#isReady(record),
        started: (record) => this.#isStarted(record),
        message: (record) => this.#terminationMessage(record),
        resources: (name) => this.#allocated.get(name),
      },
      resizing: [...(this.#resizePending ? [{ type: 'PodResizePending' as const, ...this.#resizePending }] : []), ...(this.#resizing ? [{ type: 'PodResizeInProgress' as const }] : [])],
    })
    host.publish(pod, status, final)
    return status
  }

  #spec(name: string): Container | undefined {
    const named = (c: Container) => c.name === name
    return this.#pod.spec.containers.find(named) ?? this.#pod.spec.initContainers?.find(named) ?? ephemeralContainers(this.#pod).find(named)
  }

  #terminationMessage(record: ContainerRecord): string {
    const path = terminationPath(this.#pod, record.config.name, record.config.attempt)
    let text = ''
    try {
      text = this.#host.node.fs.readFile(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    if (text !== '') return text.slice(0, 4096)
    if (this.#spec(record.config.name)?.terminationMessagePolicy !== 'FallbackToLogsOnError' || record.exitCode === 0) return ''
    return record.log.read().slice(-80).map((l) => l.text).join('').slice(-2048)
  }

  // The sync loop

  #sync(): void {
    if (this.#gone || !this.#host.alive) return
    if (this.#busy) {
      this.#again = true
      return
    }
    if (!this.#host.runtime.running) {
      this.#later(10_000)
      return
    }
    if (!this.#terminating) this.#resize()
    const status = this.#publish()
    if (this.#terminating) {
      this.#syncTerminating()
      return
    }
    this.#watchDeadline()
    if (isPodFinished({ ...this.#pod, status })) {
      this.#syncFinished()
      return
    }
    if (this.#allDone() && this.#running().length > 0) {
      // Only sidecars are left: they are stopped, last started first.
      for (const record of this.#running().reverse()) {
        const container = this.#spec(record.config.name)
        if (container) this.#killContainer(record, container, undefined, this.#grace(container))
      }
      return
    }
    this.#busy = true
    this.#act((failure) => {
      this.#busy = false
      if (this.#gone) return
      if (this.#again) {
        this.#again = false
        this.wake()
      } else if (failure !== undefined) this.#later(10_000)
    })
  }

  /** The next try after a failure: `base` and up to half more. */
  #later(base: number): void {
    this.#host.sim.cancel(this.#timer)
    this.#timer = this.#host.sim.after(base * (1 + this.#host.random.next() * 0.5), () => this.#sync())
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void {
    const lists = ['initContainers', 'ephemeralContainers'] as const
    const list = container && (lists.find((l) => this.#pod.spec[l]?.some((c) => c.name === container.name)) ?? 'containers')
    this.#host.event(this.#pod, type, reason, message, container ? `spec.${list}{${container.name}}` : undefined)
  }

  #watchDeadline(): void {
    const limit = this.#pod.spec.activeDeadlineSeconds
    if (limit === undefined || this.#deadline || !this.#startTime) return
    const due = Date.parse(this.#startTime) + limit * 1000
    this.#deadline = this.#host.sim.after(Math.max(0, due - this.#host.sim.now) + 500, () => {
      if (this.#gone || this.#terminating) return
      this.#event('Normal', 'DeadlineExceeded', 'Pod was active on the node longer than the specified deadline')
      this.terminate(this.#pod.spec.terminationGracePeriodSeconds ?? 30, { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' })
    })
  }

  /** A running pod that asks for other resources: given at once, by starting afresh, later or never. */
  #resize(): void {
    const changes = this.#pod.spec.containers.flatMap((c) => {
      const record = this.records(c.name)[0]
      const changed = this.#allocated.has(c.name) && record?.state === 'Running' ? changedResources(this.#allocated.get(c.name), c.resources) : []
      return changed.length > 0 && record ? [{ container: c, record, changed }] : []
    })
    if (changes.length === 0) {
      this.#resizePending = undefined
      if (this.#resizing && this.#pod.spec.containers.every((c) => this.records(c.name)[0]?.state === 'Running')) {
        this.#resizing = false
        this.#event('Normal', 'ResizeCompleted', resizeMessage('completed', this.#pod))
      }
      return
    }
    const problem = infeasible(this.#pod, this.#host.allocatable) ?? this.#host.crowded(this.#pod)
    if (problem) {
      if (this.#resizePending?.message !== problem.message) this.#event('Warning', `Resize${problem.reason}`, resizeMessage(problem.reason, this.#pod, problem.message))
      this.#resizePending = problem
      if (problem.reason === 'Deferred') this.#host.sim.after(30_000, () => this.wake(), { background: true })
      return
    }
    this.#resizePending = undefined
    this.#resizing = true
    this.#event('Normal', 'ResizeStarted', resizeMessage('started', this.#pod))
    for (const { container, record, changed } of changes) {
      this.#allocated.set(container.name, container.resources)
      if (needsRestart(container, changed)) this.#killContainer(record, container, `Container ${container.name} resize requires restart`, this.#grace(container))
    }
    this.#host.sim.after(300, () => this.wake())
  }

  /** emptyDirs with a limit are looked at when something in them has changed, at the eviction manager's next round. */
  #watchStorage(): void {
    if (this.#storage) return
    this.#storage = []
    const { node, sim } = this.#host
    for (const volume of limitedVolumes(this.#pod)) {
      const path = this.#volumes.get(volume.name)?.path
      if (path === undefined) continue
      let waiting = false
      this.#storage.push(node.fs.watch(path, () => {
        if (waiting) return
        waiting = true
        sim.after(evictionInterval - (sim.now % evictionInterval), () => {
          waiting = false
          if (this.#gone || this.#terminating || usage(node.fs, path) <= volume.bytes) return
          this.#event('Warning', 'Evicted', exceeded(volume))
          this.terminate(1, { reason: 'Evicted', message: exceeded(volume) })
        })
      }))
    }
  }

  #act(done: Done): void {
    const { runtime } = this.#host
    const problem = this.#pod.spec.hostNetwork ? undefined : runtime.networkProblem()
    if (problem !== undefined && !this.sandbox) {
      if (!this.#networkTold) this.#networkTold = true
      this.#event('Warning', 'NetworkNotReady', `network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: ${problem}`)
      this.#busy = false
      this.#later(2000)
      return
    }
    if (!this.#setUpVolumes()) {
      const wait = unmountedRetry[Math.min(this.#volumeTries++, unmountedRetry.length - 1)]!
      this.#busy = false
      this.#host.sim.cancel(this.#timer)
      this.#timer = this.#host.sim.after(wait, () => this.#sync())
      return
    }
    this.#volumeTries = 0
    this.#keepProbes()
    this.#watchStorage()
    const sandbox = this.sandbox
    if (sandbox?.state === 'Ready') {
      this.#startContainers(sandbox, done)
      return
    }
    if (sandbox) {
      // The old sandbox died: everything starts again in a new one.
      if (this.#allDone()) {
        done()
        return
      }
      this.#event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.')
    }
    const [hostname] = podHostname(this.#pod, this.#host.dns.clusterDomain)
    const ports = [...this.#pod.spec.containers, ...(this.#pod.spec.initContainers ?? []).filter(isSidecar)].flatMap((c) => (c.ports ?? []).filter((p) => (p.hostPort ?? 0) > 0).map((p) => ({ hostPort: p.hostPort!, containerPort: p.containerPort, protocol: p.protocol ?? 'TCP', ...(p.hostIP ? { hostIP: p.hostIP } : {}) })))
    runtime.runSandbox({ pod: this.#pod, attempt: sandbox ? sandbox.attempt + 1 : 0, hostNetwork: this.#pod.spec.hostNetwork ?? false, hostname, ports, facts: this.#host.networkFacts }, ({ sandbox: made, error }) => {
      if (!this.#host.alive) return
      if (!made) {
        this.#event('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${error}`)
        done(error)
        return
      }
      this.#startContainers(made, done)
    })
  }

  #allDone(): boolean {
    return this.#pod.spec.containers.every((c) => {
      const record = this.records(c.name)[0]
      return record?.state === 'Exited' && !restarts(this.#pod, c, record.exitCode)
    })
  }

  #setUpVolumes(): boolean {
    const host = this.#host
    let ok = true
    const facts = { podIP: this.sandbox?.ip ?? host.statusOf(this.#pod)?.podIP ?? '', hostIP: host.nodeIp, allocatable: host.allocatable }
    for (const volume of this.#pod.spec.volumes ?? []) {
      const outcome = setUpVolume(host.node.fs, this.#pod, volume, host.volumes, facts, host.sim.now, this.#pod.spec.securityContext?.fsGroup)
      if (outcome.ok) this.#volumes.set(volume.name, outcome.volume)
      else if (!this.#volumes.has(volume.name)) {
        ok = false
        if (this.#volumeTries > 0) this.#event('Warning', 'FailedMount', outcome.event)
      }
    }
    return ok
  }

  /** Refreshes volumes whose ConfigMap or Secret changed. */
  refreshVolumes(): void {
    if (!this.#gone && !this.#terminating && this.#volumes.size > 0) this.#setUpVolumes()
  }

  /** Init containers in order, sidecars among them; then all containers. */
  #startContainers(sandbox: Sandbox, done: Done): void {
    const toStart: Container[] = ephemeralContainers(this.#pod).filter((c) => this.records(c.name).length === 0)
    let initDone = true
    for (const c of this.#pod.spec.initContainers ?? []) {
      const record = this.records(c.name)[0]
      const current = record?.sandbox === sandbox ? record : undefined
      if (isSidecar(c)) {
        if (current?.state === 'Running') {
          if (!this.#isStarted(current)) {
            initDone = false
            break
          }
          continue
        }
        toStart.push(c)
        if (this.#mainStarted(sandbox)) continue
        initDone = false
        break
      }
      if (this.#mainStarted(sandbox)) continue
      if (current?.state === 'Exited' && current.exitCode === 0) continue
      initDone = false
      if (current?.state !== 'Running' && !(current?.state === 'Exited' && !restarts(this.#pod, c, current.exitCode))) toStart.push(c)
      break
    }
    if (initDone) {
      for (const c of this.#pod.spec.containers) {
        const record = this.records(c.name)[0]
        const current = record?.sandbox === sandbox ? record : undefined
        if (current?.state === 'Running') continue
        if (current?.state === 'Exited' && !restarts(this.#pod, c, current.exitCode)) continue
        toStart.push(c)
      }
    }
    let failure: string | undefined
    const next = (i: number): void => {
      const container = toStart[i]
      if (!container || this.#gone || this.#terminating || !this.#host.alive || !this.#host.runtime.running) {
        done(failure)
        return
      }
      this.#start(sandbox, container, (reason) => {
        if (reason) {
          this.#reasons.set(container.name, reason)
          failure = reason.message
        } else this.#reasons.delete(container.name)
        next(i + 1)
      })
    }
    next(0)
  }

  #mainStarted(sandbox: Sandbox): boolean {
    return this.#pod.spec.containers.some((c) => this.records(c.name)[0]?.sandbox === sandbox)
  }

  #backoffKey(container: Container): string {
    return `${this.#pod.metadata.uid}/${container.name}/${container.image}`
  }

  #start(sandbox: Sandbox, container: Container, done: (reason?: Reason) => void): void {
    const host = this.#host
    const last = this.records(container.name)[0]
    if (last?.state === 'Exited') {
      const key = this.#backoffKey(container)
      if (host.restartBackoff.isInBackoffSince(key, last.finishedAt)) {
        this.#event('Warning', 'BackOff', `Back-off restarting failed container ${container.name} in pod ${podText(this.#pod)}`, container)
        done({ reason: 'CrashLoopBackOff', message: `back-off ${goSeconds(host.restartBackoff.get(key))} restarting failed container=${container.name} pod=${podText(this.#pod)}` })
        return
      }
      host.restartBackoff.next(key, last.finishedAt)
    }
    this.#ensureImage(container, (problem) => {
      if (this.#gone || this.#terminating) {
        done()
        return
      }
      if (problem) done(problem)
      else this.#create(sandbox, container, last ? last.config.attempt + 1 : this.#restartCount(container), done)
    })
  }

  #restartCount(container: Container): number {
    const old = this.#host.statusOf(this.#pod)
    const status = [...(old?.containerStatuses ?? []), ...(old?.initContainerStatuses ?? [])].find((s) => s.name === container.name)
    return status && (status.state.terminated || status.lastState.terminated || status.state.running) ? status.restartCount + 1 : 0
  }

  #ensureImage(container: Container, done: (reason?: Reason) => void): void {
    const { runtime, sim, imageBackoff } = this.#host
    const image = container.image ?? ''
    const parsed = parseReference(image)
    if (!parsed.ok) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${parsed.error}`
      this.#event('Warning', 'InspectFailed', message, container)
      this.#event('Warning', 'Failed', 'Error: InvalidImageName', container)
      done({ reason: 'InvalidImageName', message })
      return
    }
    const lost = (this.#pod.spec.imagePullSecrets ?? []).flatMap((s) => (s.name && !this.#host.volumes.secret(this.#pod.metadata.namespace ?? 'default', s.name) ? [s.name] : []))
    if (lost.length > 0) this.#event('Warning', 'FailedToRetrieveImagePullSecret', `Unable to retrieve some image pull secrets (${lost.join(', ')}); attempting to pull the image may not succeed.`)
    const policy = container.imagePullPolicy ?? (parsed.reference.digest === undefined && (parsed.reference.tag ?? 'latest') === 'latest' ? 'Always' : 'IfNotPresent')
    const present = runtime.image(image)
    if (present && policy !== 'Always') {
      this.#event('Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`, container)
      done()
      return
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`
      this.#event('Warning', 'ErrImageNeverPull', message, container)
      this.#event('Warning', 'Failed', 'Error: ErrImageNeverPull', container)
      done({ reason: 'ErrImageNeverPull', message })
      return
    }
    const key = `${this.#pod.metadata.uid}_${image}`
    if (imageBackoff.isInBackoff(key, sim.now)) {
      const message = `Back-off pulling image "${image}"`
      this.#event('Normal', 'BackOff', message, container)
      this.#event('Warning', 'Failed', 'Error: ImagePullBackOff', container)
      done({ reason: 'ImagePullBackOff', message: `${message}: ${this.#pullError.get(image) ?? ''}` })
      return
    }
    this.#event('Normal', 'Pulling', `Pulling image "${image}"`, container)
    const began = sim.now
    runtime.pullImage(image, (error) => {
      if (error === undefined) {
        const took = goDuration(sim.now - began)
        const size = runtime.image(image)?.behaviour.size ?? 0
        this.#event('Normal', 'Pulled', `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${size} bytes.`, container)
        done()
        return
      }
      imageBackoff.next(key, sim.now)
      this.#pullError.set(image, `ErrImagePull: ${error}`)
      this.#event('Warning', 'Failed', `Failed to pull image "${image}": ${error}`, container)
      this.#event('Warning', 'Failed', 'Error: ErrImagePull', container)
      done({ reason: 'ErrImagePull', message: error })
    })
  }

  #create(sandbox: Sandbox, container: Container, attempt: number, done: (reason?: Reason) => void): void {
    const { runtime, sim, random } = this.#host
    const image = runtime.image(container.image ?? '')
    if (!image) {
      done({ reason: 'CreateContainerError', message: `failed to resolve image "${container.image}"` })
      return
    }
    let record: ContainerRecord
    try {
      const target = ephemeralContainers(this.#pod).find((c) => c.name === container.name)?.targetContainerName
      const shared = target ? this.records(target).find((r) => r.state === 'Running') : undefined
      if (target && !shared) throw new ConfigError(`unable to find target container ${target}`)
      const config = { ...containerConfig(this.#host, this.#pod, container, sandbox, image.behaviour, this.#volumes, attempt, () => this.#pod), ...(shared ? { pidsOf: shared } : {}) }
      record = runtime.createContainer(sandbox, config)
    } catch (error) {
      if (!(error instanceof ConfigError) && !(error instanceof RuntimeError) && !(error instanceof FsError)) throw error
      this.#event('Warning', 'Failed', `Error: ${error.message}`, container)
      done({ reason: error instanceof ConfigError ? 'CreateContainerConfigError' : 'CreateContainerError', message: error.message })
      return
    }
    this.#dropOld(container.name)
    this.#allocated.set(container.name, container.resources)
    this.#event('Normal', 'Created', 'Container created', container)
    sim.after(60 + random.below(120), () => {
      if (this.#gone || !this.#host.alive) return
      try {
        runtime.startContainer(record)
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error
        this.#event('Warning', 'Failed', `Error: ${error.message}`, container)
        done({ reason: 'RunContainerError', message: error.message })
        return
      }
      this.#event('Normal', 'Started', 'Container started', container)
      const hook = container.lifecycle?.postStart
      if (!hook) {
        done()
        return
      }
      runHook(this.#host, record, container, hook, this.#ip(), (problem) => {
        if (problem === undefined) {
          done()
          return
        }
        this.#event('Warning', 'FailedPostStartHook', 'PostStartHook failed', container)
        this.#killContainer(record, container, 'FailedPostStartHook', this.#grace(container))
        done({ reason: 'PostStartHookError', message: problem })
      })
    })
  }

  #ip(): string {
    return this.#pod.spec.hostNetwork ? this.#host.nodeIp : (this.sandbox?.ip ?? '')
  }

  /** One dead predecessor of each container is kept for `logs -p`. */
  #dropOld(name: string): void {
    for (const record of this.records(name).slice(2)) this.#host.runtime.remove(record.id)
  }

  #grace(_container: Container, probe?: Probe): number {
    return (probe?.terminationGracePeriodSeconds ?? this.#terminating?.grace ?? this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000
  }

  /** preStop, the stop signal, and SIGKILL when the grace is over. */
  #killContainer(record: ContainerRecord, container: Container, why: string | undefined, grace: number): void {
    if (record.state !== 'Running') return
    const { runtime, sim } = this.#host
    this.#probes.get(`liveness/${container.name}`)?.stop()
    this.#event('Normal', 'Killing', why === 'FailedPostStartHook' ? 'FailedPostStartHook' : (why ?? `Stopping container ${container.name}`), container)
    const began = sim.now
    const signal = () => {
      if (record.state !== 'Running') return
      const left = Math.max(2000, grace - (sim.now - began))
      runtime.kill(record, record.config.stopSignal)
      sim.after(grace === 0 ? 2000 : left, () => runtime.kill(record, 'SIGKILL'))
    }
    const hook = container.lifecycle?.preStop
    if (hook && grace > 0) {
      let waiting = true
      const go = () => {
        if (!waiting) return
        waiting = false
        signal()
      }
      runHook(this.#host, record, container, hook, this.#ip(), (problem) => {
        if (problem !== undefined) this.#event('Warning', 'FailedPreStopHook', 'PreStopHook failed', container)
        go()
      })
      sim.after(grace, go)
    } else sim.after(20 + this.#host.random.below(60), signal)
  }

  #killAll(graceSeconds: number): void {
    for (const record of this.#running()) {
      const container = this.#spec(record.config.name)
      if (container) this.#killContainer(record, container, undefined, graceSeconds * 1000)
    }
  }

  #syncTerminating(): void {
    const t = this.#terminating!
    if (!t.kill) {
      t.kill = true
      for (const [key, probe] of this.#probes) if (!key.startsWith('readiness/')) probe.stop()
      this.#killAll(t.grace)
    }
    if (this.#busy) {
      this.#again = true
      return
    }
    if (this.#running().length > 0) return
    this.#busy = true
    const sandbox = this.sandbox
    const finish = () => {
      this.#publish(false)
      this.#host.sim.after(250 + this.#host.random.below(500), () => {
        if (!this.#host.alive) return
        this.#publish(this.#pod.metadata.deletionTimestamp !== undefined)
        if (this.#pod.metadata.deletionTimestamp !== undefined || this.#removed) this.#forget()
        else this.#busy = false
      })
    }
    if (sandbox?.state === 'Ready') this.#host.runtime.stopSandbox(sandbox.id, finish)
    else finish()
  }

  /** Ends a pod that is known to nobody but this node. */
  removed(): void {
    this.#removed = true
    if (!this.#terminating) this.terminate(this.#pod.spec.terminationGracePeriodSeconds ?? 30)
    else this.wake()
  }

  /** All containers have ended for good: the sandbox goes, statuses stay. */
  #syncFinished(): void {
    for (const probe of this.#probes.values()) probe.stop()
    this.#probes.clear()
    for (const record of this.#running()) {
      const container = this.#spec(record.config.name)
      if (container) this.#killContainer(record, container, undefined, this.#grace(container))
    }
    if (this.#running().length > 0) return
    const sandbox = this.sandbox
    if (sandbox?.state === 'Ready') this.#host.runtime.stopSandbox(sandbox.id, () => void this.#publish())
  }

  #forget(): void {
    const { runtime, node } = this.#host
    this.abandon()
    for (const s of [...runtime.pods.values()]) if (s.podUid === this.#pod.metadata.uid) runtime.removeSandbox(s.id)
    unmountVolumes(node.fs, podFolder(this.#pod.metadata.uid ?? ''))
    removeAll(node.fs, podFolder(this.#pod.metadata.uid ?? ''))
    removeAll(node.fs, logFolder(this.#pod))
    this.#host.restartBackoff.forget(`${this.#pod.metadata.uid}/`)
    this.#host.imageBackoff.forget(`${this.#pod.metadata.uid}_`)
    this.#host.finished(this.#pod.metadata.uid ?? '')
  }

  // Probes

  #probesOf(): { readonly container: Container; readonly kind: ProbeKind; readonly probe: Probe; readonly key: string }[] {
    return [...(this.#pod.spec.initContainers ?? []).filter(isSidecar), ...this.#pod.spec.containers].flatMap((container) =>
      (['startup', 'liveness', 'readiness'] as const).flatMap((kind) => {
        const probe = container[`${kind}Probe`]
        return probe ? [{ container, kind, probe, key: `${kind}/${container.name}` }] : []
      }))
  }

  /** What the kubelet before this one said of a container that it has left running: this holds until a probe says otherwise. */
  #kept(record: ContainerRecord): { readonly ready: boolean; readonly started?: boolean } | undefined {
    if (record.startedAt >= this.#host.started - restartGrace) return undefined
    const old = this.#host.statusOf(this.#pod)
    return [...(old?.containerStatuses ?? []), ...(old?.initContainerStatuses ?? [])].find((s) => s.name === record.config.name && s.containerID?.endsWith(record.id))
  }

  #isReady(record: ContainerRecord): boolean {
    return this.#ready.get(record.id) ?? (!this.#spec(record.config.name)?.readinessProbe || this.#kept(record)?.ready === true)
  }

  #isStarted(record: ContainerRecord): boolean {
    return this.#started.has(record.id) || !this.#spec(record.config.name)?.startupProbe || this.#kept(record)?.started === true
  }

  /** The pod's first sync with its volumes in place makes the workers: from here their periods count. */
  #keepProbes(): void {
    for (const { container, kind, probe, key } of this.#probesOf()) {
      const ticks = this.#ticks.get(key) ?? probeTicks(probe, this.#host.sim.now, this.#host.started, `${this.#pod.metadata.uid} ${key}`)
      this.#ticks.set(key, ticks)
      const record = this.records(container.name)[0]
      if (record?.state !== 'Running') continue
      if (this.#isStarted(record)) this.#started.add(record.id)
      const hold = !this.#started.has(record.id)
      if (kind === 'startup' && !hold) continue
      if (this.#probes.get(key)?.recordId !== record.id) {
        this.#probes.get(key)?.stop()
        if (kind === 'readiness') this.#ready.set(record.id, this.#isReady(record))
        this.#probes.set(key, new ProbeWorker(this.#probeHost, kind, container, record, probe, ticks, kind !== 'startup' && hold))
      }
      if (kind === 'readiness' && !this.#ready.get(record.id)) this.#probes.get(key)?.trigger()
    }
  }

  #probed(kind: ProbeKind, container: Container, record: ContainerRecord, ok: boolean): void {
    if (kind === 'readiness') {
      if (this.#ready.get(record.id) === ok) return
      this.#ready.set(record.id, ok)
      this.wake()
    } else if (ok && kind === 'startup') {
      this.#started.add(record.id)
      this.#probes.get(`liveness/${container.name}`)?.release()
      this.#probes.get(`readiness/${container.name}`)?.release()
      this.wake()
    } else if (!ok) {
      const probe = kind === 'liveness' ? container.livenessProbe : container.startupProbe
      this.#killContainer(record, container, `Container ${container.name} failed ${kind} probe, will be restarted`, this.#grace(container, probe))
    }
  }
}

/** Go's rounding of a pull's time: 1.234s, 345ms. */
function goDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${Math.round(ms) / 1000}s`
  return `${Math.floor(ms / 60_000)}m${Math.round(ms % 60_000) / 1000}s`
}
