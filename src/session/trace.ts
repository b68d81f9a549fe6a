/**
 * The tracer: sends a real connection from a place, in a copy of the cluster, and tells its walk hop by hop: namespaces as bands,
 * stages in order, the rule as iptables-save prints it, the object that caused it, and the way of what came back.
 */
import { parseIpv4 } from '#base/ip.ts'
import type { ObjectRef, TraceBand, TraceReport, TraceRequest, TraceStep } from '#contract/session-api.ts'
import type { Header, Observation, Verdict, Walk } from '#engine/net/types.ts'
import type { ClusterState } from './state.ts'
import type { Child, Program } from '#engine/machine/process.ts'
import { connectFrom, type ConnectOutcome } from './client.ts'
import { findPod, findSpot, type Spot } from './places.ts'
import { causeOf, objectOf, type Cause } from './causes.ts'
import type { Sitting } from './sitting.ts'
import { valueAt } from './values.ts'

export interface Traced {
  readonly spot: Spot
  readonly outcome: ConnectOutcome
  /** Walks of the first request packet and its retries. */
  readonly forward: readonly Walk[]
  readonly reply: readonly Walk[]
  /** What ended the request, or its reply; undefined when connected. */
  readonly cause: Cause | undefined
  /** The question to the name server that was lost on its way, when that is why there was no address to connect to. */
  readonly question?: Walk
}

/** What the learner wrote as target, as something that can be connected to. */
export function targetAddress(state: ClusterState, to: string): string {
  if (parseIpv4(to) !== undefined) return to
  const service = /^(?:svc|services?)\/(.+)$/.exec(to)
  if (service) return service[1]!
  if (to.includes('/')) {
    const pod = findPod(state, to)
    const address = pod && valueAt(pod, 'status', 'podIP')
    if (address !== undefined) return String(address)
    const [namespace, name] = to.split('/', 2) as [string, string]
    const found = state.get('Service', namespace, name)
    const clusterIp = found && valueAt(found, 'spec', 'clusterIP')
    if (clusterIp !== undefined && clusterIp !== 'None') return String(clusterIp)
  }
  return to
}

interface FlowRequest {
  readonly from: string
  readonly to: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** Seconds. */
  readonly timeout: number
}

interface Probe {
  readonly child: Child
  /** To be called when the probe has ended and what it stirred up has come to rest. */
  finish(): Traced
}

/** Starts a connection from a place and watches the network meanwhile; undefined where nothing runs at that place. */
export function startProbe(sitting: Sitting, request: FlowRequest): Probe | undefined {
  const spot = findSpot(sitting, request.from)
  if (!spot) return undefined
  const to = targetAddress(sitting.state, request.to)
  const walks: Walk[] = []
  let outcome: ConnectOutcome = { ok: false, error: 'ETIMEDOUT' }
  const stop = sitting.cluster.network.observe((walk) => walks.push(walk))
  const child = spot.machine.start({
    argv: ['probe'],
    user: spot.user,
    cwd: '/',
    background: false,
    output: { stdout: () => undefined, stderr: () => undefined },
    program: async (process) => {
      outcome = await connectFrom(process, to, request.port, request.protocol, request.timeout)
      if (outcome.ok) outcome.connection?.close()
      return 0
    },
  })
  return {
    child,
    finish: () => {
      stop()
      return sortWalks(spot, outcome, walks, request, (walk) => causeOf(sitting, walk))
    },
  }
}

/** Milliseconds after a probe's end in which its last packets arrive. */
const aftermath = 50

/** Connects from a place and keeps the walks of that very flow. Changes the sitting: call it on a fork. */
export async function traceFlow(sitting: Sitting, request: FlowRequest): Promise<Traced | undefined> {
  const probe = startProbe(sitting, request)
  if (!probe) return undefined
  await sitting.runner.runWhile(() => probe.child.status === undefined, request.timeout * 1000 + 60_000)
  await sitting.runner.runFor(aftermath)
  return probe.finish()
}

function sortWalks(spot: Spot, outcome: ConnectOutcome, walks: readonly Walk[], request: FlowRequest, causeFor: (walk: Walk) => Cause): Traced {
  const address = outcome.address
  const first = (w: Walk) => w.observations[0]?.before
  const question = outcome.ok || outcome.error !== 'EAI_NONAME' ? undefined : walks.find((w) => w.observations[0]?.namespace === spot.machine.net.name && first(w)?.destinationPort === 53 && w.verdict.kind !== 'delivered')
  if (question) return { spot, outcome, forward: [], reply: [], cause: causeFor(question), question }
  const forward = walks.filter((w) => {
    const h = first(w)
    return h !== undefined && w.observations[0]!.namespace === spot.machine.net.name && h.protocol === request.protocol && h.destination === address && h.destinationPort === request.port && !isTunnel(h)
  })
  const ports = new Set(forward.map((w) => first(w)!.sourcePort))
  const ends = new Set(forward.flatMap((w) => endsOf(w)))
  const reply = walks.filter((w) => {
    const h = first(w)
    if (h === undefined || forward.includes(w) || isTunnel(h)) return false
    if (h.protocol === request.protocol) return ends.has(`${h.source}:${h.sourcePort}`) && (ports.has(h.destinationPort) || [...ends].some((e) => e.startsWith('port:') && e === `port:${h.destinationPort}`))
    return h.protocol === 'icmp' && h.icmp !== undefined && (h.icmp.type === 3 || h.icmp.type === 11)
  })
  const connected = outcome.ok
  const decisive = [...forward, ...reply].find((w) => w.verdict.kind !== 'delivered')
  const cause = connected ? undefined : decisive ? causeFor(decisive) : refusedBy(reply)
  return { spot, outcome, forward, reply, cause }
}

/** Address and port that a walk's packet had at its end, and the source port that its end saw. */
function endsOf(walk: Walk): string[] {
  const after = walk.observations.at(-1)?.after
  return after ? [`${after.destination}:${after.destinationPort}`, `port:${after.sourcePort}`] : []
}

function isTunnel(h: Header): boolean {
  return h.protocol === 'udp' && (h.destinationPort === 8472 || h.destinationPort === 4789)
}

function refusedBy(reply: readonly Walk[]): Cause | undefined {
  const reset = reply.find((w) => w.observations[0]?.before.tcpFlags?.includes('R') === true)
  const from = reset?.observations[0]
  return from && { kind: 'nobody-listens', text: `${from.namespace} answered with a reset: nothing listens on ${from.before.source} port ${from.before.sourcePort ?? ''} there.` }
}

/** The report of the panel; sends the packet in the sitting that it is given. */
export async function traceReport(sitting: Sitting, request: TraceRequest): Promise<TraceReport> {
  return reportOf(sitting, request, await traceFlow(sitting, { ...request, timeout: 3 }))
}

/** The terminal's `trace FROM TO PORT[/udp]`: in the learner's own world, like any command. */
export function traceProgram(sitting: Sitting): Program {
  return async (process) => {
    const [from, to, service, ...more] = process.argv.slice(1)
    const port = /^(\d+)(?:\/(tcp|udp))?$/.exec(service ?? '')
    if (from === undefined || to === undefined || !port || more.length > 0) {
      await process.stderr.write('Usage: trace FROM TO PORT[/udp]\n  FROM  a pod (NAMESPACE/NAME or NAME), a node, or workstation\n  TO    a pod, a Service (NAMESPACE/NAME), a DNS name or an address\n')
      return 2
    }
    const request: TraceRequest = { from, to, port: Number(port[1]), protocol: port[2] === 'udp' ? 'udp' : 'tcp' }
    const probe = startProbe(sitting, { ...request, timeout: 3 })
    if (probe) await process.call<void>((resolve) => probe.child.onEnd(() => resolve()))
    await process.sleep(aftermath)
    const report = reportOf(sitting, request, probe?.finish())
    await process.stdout.write(traceText(report))
    return report.verdict === 'delivered' ? 0 : 1
  }
}

function reportOf(sitting: Sitting, request: TraceRequest, traced: Traced | undefined): TraceReport {
  const empty = { request, forward: [], reply: [] }
  if (!traced) return { ...empty, verdict: 'unreachable', summary: `There is no running ${request.from} to ask from.`, next: 'kubectl get pods -A -o wide' }
  const { outcome, question } = traced
  if (question) {
    return {
      ...empty,
      verdict: question.verdict.kind,
      summary: `${traced.spot.title} cannot resolve the name ${request.to}: its question to the name server ${question.observations[0]?.before.destination ?? ''} is lost. ${traced.cause?.text ?? ''}`.trimEnd(),
      next: traced.cause?.next ?? '',
      forward: bandsOf(sitting, question, question),
    }
  }
  if (!outcome.ok && outcome.error === 'EAI_NONAME') {
    return { ...empty, verdict: 'name-not-found', summary: `${traced.spot.title} cannot resolve the name ${request.to}; no packet was sent to it.`, next: 'Look at the pod\'s /etc/resolv.conf, the Service kube-dns and the CoreDNS pods.' }
  }
  const name = request.to === outcome.address ? request.to : `${request.to} (${outcome.address ?? '?'})`
  const decisive = [...traced.forward, ...traced.reply].find((w) => w.verdict.kind !== 'delivered')
  const verdict: Verdict['kind'] = outcome.ok ? 'delivered' : (decisive?.verdict.kind ?? (outcome.error === 'ECONNREFUSED' ? 'rejected' : 'timed-out'))
  const summary = outcome.ok
    ? `${traced.spot.title} reaches ${name} on port ${request.port}${backendText(traced)}.`
    : `${traced.spot.title} does not reach ${name} on port ${request.port}. ${traced.cause?.text ?? `The connection ends with ${outcome.error}.`}`
  return {
    request,
    verdict,
    summary,
    next: traced.cause?.next ?? '',
    forward: bandsOf(sitting, traced.forward.at(0), decisive),
    reply: bandsOf(sitting, traced.reply.at(0), decisive),
  }
}

function backendText(traced: Traced): string {
  const walk = traced.forward.at(0)
  const before = walk?.observations.at(0)?.before
  const after = walk?.observations.at(-1)?.after
  if (!before || !after || (before.destination === after.destination && before.destinationPort === after.destinationPort)) return ''
  return `, rewritten to ${after.destination}:${after.destinationPort ?? ''}`
}

function bandsOf(sitting: Sitting, walk: Walk | undefined, decisive: Walk | undefined): TraceBand[] {
  if (!walk) return []
  const bands: { node: string; namespace: string; title: string; steps: TraceStep[] }[] = []
  for (const [index, seen] of walk.observations.entries()) {
    let band = bands.at(-1)
    if (!band || band.namespace !== seen.namespace) {
      band = { node: seen.node, namespace: seen.namespace, title: bandTitle(sitting, seen), steps: [] }
      bands.push(band)
    }
    const object = seen.rule === undefined ? undefined : objectOf(sitting, seen.rule)
    band.steps.push({
      stage: seen.stage,
      ...(seen.device === undefined ? {} : { device: seen.device }),
      ...(seen.rule === undefined ? {} : { rule: seen.rule }),
      ...(object === undefined ? {} : { object }),
      why: seen.why,
      changes: changesOf(seen.before, seen.after),
      decisive: walk === decisive && index === walk.observations.length - 1,
    })
  }
  return bands
}

/** A pod's namespace by the pod that has its address; a node's by the node. */
function bandTitle(sitting: Sitting, seen: Observation): string {
  const pod = sitting.podOfNamespace(seen.namespace)
  return pod === undefined ? `${seen.node}` : `pod ${pod} on ${seen.node}`
}

const shownFields = ['source', 'sourcePort', 'destination', 'destinationPort', 'ttl', 'mark'] as const

function changesOf(before: Header, after: Header): { field: string; before: string; after: string }[] {
  const text = (v: unknown, field: string) => (v === undefined ? '–' : field === 'mark' ? `0x${Number(v).toString(16)}` : String(v))
  const changes: { field: string; before: string; after: string }[] = shownFields
    .filter((f) => before[f] !== after[f])
    .map((f) => ({ field: f, before: text(before[f], f), after: text(after[f], f) }))
  if ((before.outer === undefined) !== (after.outer === undefined)) {
    const show = (h: Header | undefined) => (h === undefined ? '–' : `${h.source} → ${h.destination} (UDP ${h.destinationPort ?? ''})`)
    changes.push({ field: 'tunnel', before: show(before.outer), after: show(after.outer) })
  }
  return changes
}

/** The report as lines of a terminal. */
export function traceText(report: TraceReport): string {
  const lines = [report.summary, '']
  const band = (b: TraceBand) => {
    lines.push(`  ${b.title}`)
    for (const s of b.steps) {
      lines.push(`    ${s.decisive ? '✗' : '·'} ${s.stage.padEnd(22)} ${s.why}`)
      for (const c of s.changes) lines.push(`        ${c.field}: ${c.before} → ${c.after}`)
      if (s.rule !== undefined) lines.push(`        rule  ${s.rule}`)
      if (s.object) lines.push(`        from  ${objectText(s.object)}`)
    }
  }
  if (report.forward.length > 0) lines.push('The request:')
  report.forward.forEach(band)
  if (report.reply.length > 0) lines.push('', 'What came back:')
  report.reply.forEach(band)
  if (report.next !== '') lines.push('', `Look next: ${report.next}`)
  return lines.join('\n') + '\n'
}

function objectText(o: ObjectRef): string {
  return `${o.kind} ${o.namespace === undefined ? '' : `${o.namespace}/`}${o.name}`
}

