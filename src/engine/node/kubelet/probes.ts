/**
 * Probes (pkg/kubelet/prober): a worker looks once a period, counted from its making and not from the container's start, and skips while the container does not
 * run long enough. exec starts a process in the container, http and tcp go over the network from the node's namespace. grpc reaches only as far as the connection.
 */
import { parseIpv4 } from '#base/ip.ts'
import { Random } from '#base/random.ts'
import type { TcpConnection } from '#engine/net/types.ts'
import type { Sim, Timer } from '#engine/sim/sim.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { Sockets } from '#engine/machine/sockets.ts'
import type { Container, HttpGet, Probe } from '#engine/kinds/pod/types.ts'
import type { ContainerRecord } from '../runtime/containerd.ts'
import { runInContainer } from './exec.ts'
import { dialText } from './dial.ts'
import { httpExchange } from './http-get.ts'

export type ProbeKind = 'liveness' | 'readiness' | 'startup'

export interface ProbeResult {
  readonly ok: boolean
  readonly output: string
  /** The probe itself could not be carried out: told, and not counted. */
  readonly errored?: boolean
}

export interface ProbeHost {
  readonly sim: Sim
  readonly node: Machine
  readonly sockets: Sockets
  /** A result that counts: thresholds are applied here, consequences by the caller. */
  settled(kind: ProbeKind, container: Container, record: ContainerRecord, ok: boolean): void
  unhealthy(kind: ProbeKind, container: Container, output: string, errored: boolean): void
  podIp(): string | undefined
}

export function portNumber(container: Container, port: number | string): number | undefined {
  if (typeof port === 'number') return port
  return container.ports?.find((p) => p.name === port)?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined)
}

export function runProbe(host: ProbeHost, container: Container, record: ContainerRecord, probe: Probe, done: (result: ProbeResult) => void): void {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000
  const ip = host.podIp() ?? '127.0.0.1'
  if (probe.exec) {
    const command = probe.exec.command ?? []
    runInContainer(record, command, timeout, (outcome) => {
      if (outcome.kind === 'timeout') done({ ok: false, output: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeout / 1000}s` })
      else if (outcome.kind === 'error') done({ ok: false, output: outcome.message, errored: true })
      else done({ ok: outcome.code === 0, output: outcome.output.slice(0, 10 * 1024) })
    })
    return
  }
  if (probe.httpGet) {
    httpProbe(host, container, probe.httpGet, ip, timeout, done)
    return
  }
  const port = probe.tcpSocket ? portNumber(container, probe.tcpSocket.port) : probe.grpc?.port
  if (port === undefined) {
    done({ ok: false, output: 'missing probe handler' })
    return
  }
  const target = probe.tcpSocket?.host || ip
  connect(host, target, port, timeout, (error) => {
    if (error === undefined && probe.tcpSocket) done({ ok: true, output: '' })
    else if (probe.grpc) done({ ok: false, output: `timeout: failed to connect service "${target}:${port}" within ${timeout / 1000}s: context deadline exceeded` })
    else done({ ok: false, output: `dial tcp ${target}:${port}: ${error}` })
  })
}

function connect(host: ProbeHost, target: string, port: number, timeout: number, done: (error: string | undefined) => void): void {
  const address = parseIpv4(target)
  if (address === undefined) {
    done(`lookup ${target}: no such host`)
    return
  }
  let over = false
  const finish = (error: string | undefined) => {
    if (over) return
    over = true
    host.sim.cancel(timer)
    done(error)
  }
  const timer: Timer = host.sim.after(timeout, () => {
    connection.abort()
    finish('i/o timeout')
  })
  const connection: TcpConnection = host.node.net.sockets.tcpConnect({ to: address, port }, {
    onOpen: (c) => {
      c.end()
      finish(undefined)
    },
    onError: (errno) => finish(dialText(errno)),
  })
}

function httpProbe(host: ProbeHost, container: Container, get: HttpGet, ip: string, timeout: number, done: (result: ProbeResult) => void): void {
  const port = portNumber(container, get.port)
  if (port === undefined) {
    done({ ok: false, output: `couldn't find port: ${String(get.port)}` })
    return
  }
  const scheme = (get.scheme ?? 'HTTP').toLowerCase()
  const target = get.host || ip
  const raw = get.path ?? '/'
  const path = raw.startsWith('/') ? raw : `/${raw}`
  const headers: Record<string, string> = { 'User-Agent': 'kube-probe/1.35', Accept: '*/*' }
  let hostHeader = `${target}:${port}`
  for (const h of get.httpHeaders ?? []) {
    if (h.name.toLowerCase() === 'host') hostHeader = h.value
    else headers[h.name] = h.value
  }
  const url = `${scheme}://${target}:${port}${path}`
  httpExchange({ sim: host.sim, sockets: host.sockets, host: target, port, path, headers: { Host: hostHeader, ...headers, Connection: 'close' }, timeout, tls: scheme === 'https' }, (answer) => {
    if (answer.kind === 'refused') done({ ok: false, output: `Get "${url}": dial tcp ${target}:${port}: ${answer.message}` })
    else if (answer.kind === 'error') done({ ok: false, output: `Get "${url}": ${answer.message}` })
    else if (answer.kind === 'timeout') done({ ok: false, output: `Get "${url}": ${answer.connected ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : `dial tcp ${target}:${port}: i/o timeout (Client.Timeout exceeded while awaiting headers)`}` })
    else if (answer.status >= 200 && answer.status < 400) done({ ok: true, output: '' })
    else done({ ok: false, output: `HTTP probe failed with statuscode: ${answer.status}` })
  })
}

/** When a worker looks: at `origin` and once a period from then on. */
export interface ProbeTicks {
  origin: number
}

/** Of a period: sums of ticks are not exact. */
const rounding = 1e-9

const periodOf = (probe: Probe) => (probe.periodSeconds ?? 10) * 1000

/** The ticks of a worker that is made now. Those of a kubelet that has only just started are spread over the period. */
export function probeTicks(probe: Probe, now: number, kubeletStarted: number, key: string): ProbeTicks {
  const period = periodOf(probe)
  return { origin: period > now - kubeletStarted ? now + new Random(key).next() * period : now }
}

/** Runs one probe of one container for as long as that very container runs; its successor has a worker of its own with the same ticks. */
export class ProbeWorker {
  readonly kind: ProbeKind
  readonly #host: ProbeHost
  readonly #container: Container
  readonly #record: ContainerRecord
  readonly #probe: Probe
  readonly #ticks: ProbeTicks
  #timer: Timer | undefined
  #run = 0
  #last: boolean | undefined
  #stopped = false
  #hold: boolean
  #asking = false
  /** Asked out of turn while it was asking: it asks again at once. */
  #again = false
  /** The simulation's activity when the last probe that passed began. */
  #passedAt: number | undefined
  #unpark: (() => void) | undefined

  constructor(host: ProbeHost, kind: ProbeKind, container: Container, record: ContainerRecord, probe: Probe, ticks: ProbeTicks, hold: boolean) {
    this.#host = host
    this.kind = kind
    this.#container = container
    this.#record = record
    this.#probe = probe
    this.#ticks = ticks
    this.#hold = hold
    if (!hold) this.#schedule(this.#untilFirst(), false)
  }

  get recordId(): string {
    return this.#record.id
  }

  /** The startup probe has passed: liveness and readiness may begin. */
  release(): void {
    if (!this.#hold) return
    this.#hold = false
    this.#schedule(this.#untilFirst(), false)
  }

  /** A look out of turn, from which the period counts anew: the pod's status is made and the container is not ready yet. */
  trigger(): void {
    const { now } = this.#host.sim
    if (this.#stopped || this.#hold || now < this.#ticks.origin) return
    if (this.#asking) {
      this.#again = true
      return
    }
    this.#ticks.origin = now
    this.#host.sim.cancel(this.#timer)
    this.#schedule(this.#untilFirst(), false)
  }

  stop(): void {
    this.#stopped = true
    this.#unpark?.()
    this.#host.sim.cancel(this.#timer)
  }

  /** A probe that keeps passing is idle work; one that fails or has not yet spoken is awaited. */
  #schedule(delay: number, idle: boolean): void {
    if (this.#stopped) return
    this.#timer = this.#host.sim.after(delay, () => this.#tick(), idle ? { quiet: this.#last === true, background: true } : { background: false })
  }

  /** To the first tick at which the container has run for initialDelaySeconds; its status tells its start in whole seconds. */
  #untilFirst(): number {
    const { now } = this.#host.sim
    const { origin } = this.#ticks
    const period = periodOf(this.#probe)
    const from = Math.max(now, origin, Math.floor(this.#record.startedAt / 1000) * 1000 + (this.#probe.initialDelaySeconds ?? 0) * 1000)
    return Math.max(0, origin + Math.ceil((from - origin) / period - rounding) * period - now)
  }

  /** From one look to the next tick; at once when that has passed meanwhile. */
  #untilNext(began: number): number {
    const { origin } = this.#ticks
    const period = periodOf(this.#probe)
    return Math.max(0, origin + (Math.floor((began - origin) / period + rounding) + 1) * period - this.#host.sim.now)
  }

  #tick(): void {
    if (this.#stopped || this.#record.state !== 'Running') return
    const { sim } = this.#host
    const began = sim.now
    // Nothing but idle work has happened since it passed: asking again would give the same answer.
    if (this.#last === true && sim.activity === this.#passedAt) {
      this.#unpark = sim.park(() => {
        this.#unpark = undefined
        const period = periodOf(this.#probe)
        this.#schedule(Math.ceil((sim.now - began) / period) * period - (sim.now - began), true)
      })
      return
    }
    const activity = sim.activity
    this.#asking = true
    runProbe(this.#host, this.#container, this.#record, this.#probe, (result) => {
      this.#asking = false
      if (this.#stopped || this.#record.state !== 'Running') return
      this.#count(result)
      this.#passedAt = result.ok ? activity : undefined
      if (this.#again) {
        this.#again = false
        this.trigger()
      } else this.#schedule(this.#untilNext(began), this.#last === true || this.#run > 3)
    })
  }

  #count(result: ProbeResult): void {
    if (!result.ok) this.#host.unhealthy(this.kind, this.#container, result.output, result.errored ?? false)
    if (result.errored) return
    if (result.ok === this.#last) this.#run++
    else {
      this.#last = result.ok
      this.#run = 1
    }
    const threshold = result.ok ? (this.#probe.successThreshold ?? 1) : (this.#probe.failureThreshold ?? 3)
    if (this.#run < threshold) return
    this.#host.settled(this.kind, this.#container, this.#record, result.ok)
    if (!result.ok && this.kind !== 'readiness') {
      // The container is killed; its successor gets a worker of its own.
      this.#stopped = true
    }
    if (result.ok && this.kind === 'startup') this.stop()
  }
}
