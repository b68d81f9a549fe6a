/**
 * The scheduler and the controllers against recordings of the real ones (golden/api): situations in which one pod is scheduled, and stories in which
 * kube-controller-manager answers requests and what kubelets tell.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '#base/random.ts'
import { readDerRequest } from '#engine/control/certificates/der.ts'
import { startControllers } from '#engine/control/all.ts'
import { ControllerContext } from '#engine/control/controller.ts'
import { Scheduler } from '#engine/control/scheduler/scheduler.ts'
import type { ApiClient } from '#engine/api/types.ts'
import { admin, buildRig, send, type Rig } from './api-cluster.ts'
import { Matcher, patched, withoutManagedFields, type Json } from './api-match.ts'
import { collection, type Collection, type Outcome } from './collection.ts'

const namespace = 'lab'

function read(shared: string, file: string): Json[] {
  return readFileSync(join(shared, 'golden/api', file), 'utf8').split('\n').filter((l) => l !== '').map((l) => JSON.parse(l) as Json)
}

function substitute(value: Json, values: Record<string, string>): Json {
  return JSON.parse(JSON.stringify(value).replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)) as Json
}

function must(rig: Rig, method: string, url: string, body: Json, type?: string): Json {
  const answer = send(rig.server, method, url, body, type ? { 'Content-Type': type } : {})
  if (answer.code >= 300) throw new Error(`${method} ${url}: ${answer.body}`)
  return JSON.parse(answer.body) as Json
}

function addNode(rig: Rig, node: Json): void {
  const taints = [...(node.taints ?? []), ...(node.unschedulable ? [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] : [])]
  must(rig, 'POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: node.name, labels: { 'kubernetes.io/hostname': node.name, ...node.labels } } })
  const made = JSON.parse(send(rig.server, 'GET', `/api/v1/nodes/${node.name}`).body) as Json
  made.spec = { ...made.spec, ...(node.unschedulable ? { unschedulable: true } : {}), taints }
  const updated = must(rig, 'PUT', `/api/v1/nodes/${node.name}`, made)
  const amounts = { cpu: node.cpu, memory: node.memory, pods: node.pods, 'ephemeral-storage': '10Gi' }
  must(rig, 'PUT', `/api/v1/nodes/${node.name}/status`, { ...updated, status: { ...updated.status, capacity: amounts, allocatable: amounts, conditions: [{ type: 'Ready', status: 'True' }] } })
}

function schedule(item: Json): Outcome {
  const rig = buildRig([namespace])
  for (const node of item.nodes) addNode(rig, node)
  const base = `/api/v1/namespaces/${namespace}`
  // Claims first: volumes may name their uid.
  const others = [...(item.others ?? [])].sort(([a]: [string], [b]: [string]) => Number(b.includes('persistentvolumeclaims')) - Number(a.includes('persistentvolumeclaims')))
  let uid = ''
  for (const [path, body] of others as [string, Json][]) {
    const made = must(rig, 'POST', path.replaceAll('${NS}', namespace), substitute(body, { NS: namespace, uid }))
    if (path.includes('persistentvolumeclaims')) uid = made.metadata.uid
  }
  if (item.options?.bind) {
    const url = `${base}/persistentvolumeclaims/${item.options.bind}`
    const claim = JSON.parse(send(rig.server, 'GET', url).body) as Json
    const annotated = must(rig, 'PUT', url, { ...claim, metadata: { ...claim.metadata, annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } } })
    must(rig, 'PUT', `${url}/status`, { ...annotated, status: { phase: 'Bound' } })
  }
  for (const pod of item.running ?? []) {
    const made = must(rig, 'POST', `${base}/pods`, pod)
    must(rig, 'PUT', `${base}/pods/${made.metadata.name}/status`, { ...made, status: { ...made.status, phase: item.options?.finish ? 'Succeeded' : 'Running' } })
  }
  new Scheduler({ sim: rig.sim, api: rig.server.client(admin) }).start()
  rig.sim.runUntil(rig.sim.now + 1000)
  const pod = must(rig, 'POST', `${base}/pods`, item.pod)
  rig.sim.runUntil(rig.sim.now + 900)
  const now = JSON.parse(send(rig.server, 'GET', `${base}/pods/${pod.metadata.name}`).body) as Json
  const events = (JSON.parse(send(rig.server, 'GET', `${base}/events`).body) as Json).items as Json[]
  const deleted = ((JSON.parse(send(rig.server, 'GET', `${base}/pods`).body) as Json).items as Json[]).filter((p) => p.metadata.deletionTimestamp).map((p) => p.metadata.name as string)
  const gone = (item.running ?? []).map((p: Json) => p.metadata.name as string).filter((n: string) => !((JSON.parse(send(rig.server, 'GET', `${base}/pods`).body) as Json).items as Json[]).some((p) => p.metadata.name === n))
  const byKey = (a: Json, b: Json) => (`${a.object} ${a.reason}` < `${b.object} ${b.reason}` ? -1 : 1)
  const actual = {
    nodeName: now.spec.nodeName ?? null,
    nominatedNodeName: now.status?.nominatedNodeName ?? null,
    phase: now.status?.phase,
    conditions: (now.status?.conditions ?? []).map((c: Json) => Object.fromEntries(Object.entries(c).filter(([k, v]) => !/^last/.test(k) && v !== null))),
    deleted: [...deleted, ...gone].sort(),
    events: events.map((e) => ({ object: e.involvedObject.name, type: e.type, reason: e.reason, message: e.message.replaceAll(`${namespace}/`, '${NS}/'), from: e.source?.component || e.reportingComponent })).sort(byKey),
  }
  // The action of an event is not kept by our recorder.
  const expected = { ...item.result, deleted: [...item.result.deleted].sort(), events: item.result.events.map(({ action: _action, ...e }: Json) => e).sort(byKey) }
  const difference = new Matcher().differ(expected, actual)
  return difference === undefined ? { result: 'passed' } : { result: 'failed', expected: JSON.stringify(expected, null, 1), actual: `${difference}\n${JSON.stringify(actual, null, 1)}` }
}

// Controllers

const nodesOfStories = [
  { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'a', pool: 'a' } },
  { name: 'n2', labels: { 'topology.kubernetes.io/zone': 'b', pool: 'b' } },
  { name: 'n3', labels: { 'topology.kubernetes.io/zone': 'a', pool: 'a' }, taints: [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }] },
]

const paths: Record<string, string> = { deployments: 'deployments.apps', replicasets: 'replicasets.apps', statefulsets: 'statefulsets.apps', daemonsets: 'daemonsets.apps', controllerrevisions: 'controllerrevisions.apps', jobs: 'jobs.batch', cronjobs: 'cronjobs.batch', endpointslices: 'endpointslices.discovery.k8s.io', poddisruptionbudgets: 'poddisruptionbudgets.policy', horizontalpodautoscalers: 'horizontalpodautoscalers.autoscaling', certificatesigningrequests: 'certificatesigningrequests.certificates.k8s.io', storageclasses: 'storageclasses.storage.k8s.io', clusterroles: 'clusterroles.rbac.authorization.k8s.io', leases: 'leases.coordination.k8s.io' }

const signer = { read: readDerRequest, sign: () => '<data>' }

class Story {
  readonly rig: Rig
  readonly #client: ApiClient
  #lastIp = 10
  #seen = ''
  #changed = 0
  readonly answers: Json[] = []

  constructor() {
    this.rig = buildRig([namespace])
    for (const node of nodesOfStories) {
      addNode(this.rig, { ...node, cpu: '4', memory: '8Gi', pods: '110' })
      const name = node.name
      send(this.rig.server, 'POST', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-node-lease' }, spec: { holderIdentity: name, renewTime: new Date(this.rig.sim.now).toISOString().replace('Z', '000Z') } })
      this.#renew(name)
    }
    this.#client = this.rig.server.client(admin)
    const resources = this.rig.server.kinds.filter((k) => k.verbs.includes('list') && k.verbs.includes('delete') && !k.alias).map((k) => ({ group: k.group, version: k.version, resource: k.plural, kind: k.kind, namespaced: k.namespaced }))
    startControllers(new ControllerContext(this.rig.sim, this.#client, { clusterCidr: '10.244.0.0/16', rootCa: '<data>', signer, issueToken: (...facts) => this.rig.server.tokens.issueForSecret(...facts), nodeMonitorGracePeriod: 12_000, nodeMonitorPeriod: 1000, autoscalerSyncPeriod: 1000, resources }))
    // Late in a second, as the recorded deadlines show: times are told in whole seconds.
    this.rig.sim.runUntil(this.rig.sim.now + 3800)
  }

  #renew(name: string): void {
    this.rig.sim.after(4000, () => {
      const url = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`
      send(this.rig.server, 'PATCH', url, { spec: { renewTime: new Date(this.rig.sim.now).toISOString().replace('Z', '000Z') } }, { 'Content-Type': 'application/merge-patch+json' })
      this.#renew(name)
    }, { background: true })
  }

  /** Objects of the watched types, as the recorder keyed them. */
  snapshot(item: Json): Map<string, Json> {
    const named = new Set<string>((item.steps as Json[]).flatMap((s) => (s.changes ?? []).map((c: Json) => (c.new ?? c.changed ?? c.deleted) as string)))
    const watched = new Set<string>([...item.watched, ...[...named].map((n) => n.split('/')[0]!)])
    const out = new Map<string, Json>()
    for (const type of watched) {
      for (const object of this.rig.server.store.list(paths[type] ?? type) as Json[]) {
        // Of objects without a namespace only the story's own were recorded.
        if (object.metadata.namespace === undefined ? !named.has(`${type}/${object.metadata.name}`) : object.metadata.namespace !== namespace) continue
        out.set(`${type}/${object.metadata.name}`, object)
      }
    }
    return out
  }

  /** The kubelet's part for the named pods. */
  podStatus(action: { to: string; pods: string[] }, matcher: Matcher): void {
    const time = new Date(this.rig.sim.now).toISOString().slice(0, 19) + 'Z'
    for (const recorded of action.pods) {
      const name = this.#nameOf(recorded.replace(/<minute>/g, () => this.#minute), matcher)
      const url = `/api/v1/namespaces/${namespace}/pods/${name}`
      const answer = send(this.rig.server, 'GET', url)
      if (answer.code !== 200) throw new Error(`no pod ${name} for ${recorded}`)
      const pod = JSON.parse(answer.body) as Json
      const { to } = action
      const ready = to === 'READY'
      const phase = to === 'FAIL' ? 'Failed' : to === 'SUCCEED' ? 'Succeeded' : 'Running'
      const state = to === 'FAIL' ? { terminated: { exitCode: 1, startedAt: time, finishedAt: time } } : to === 'SUCCEED' ? { terminated: { exitCode: 0, startedAt: time, finishedAt: time } } : { running: { startedAt: time } }
      const ip = pod.status?.podIP ?? `192.168.9.${++this.#lastIp}`
      const kept = (pod.status?.conditions ?? []).filter((c: Json) => c.type !== 'Ready')
      must(this.rig, 'PUT', `${url}/status`, {
        ...pod,
        status: {
          ...pod.status, phase, podIP: ip, podIPs: [{ ip }], startTime: pod.status?.startTime ?? time, conditions: [...kept, { type: 'Ready', status: ready ? 'True' : 'False', lastProbeTime: null, lastTransitionTime: time }],
          containerStatuses: [{ name: 'c', state, lastState: {}, ready, restartCount: 0, image: 'x', imageID: '' }],
        },
      })
    }
  }

  get #minute(): string {
    const job = (this.rig.server.store.list('jobs.batch') as Json[]).find((j) => /-\d+$/.test(j.metadata.name))
    return job?.metadata.name.slice(job.metadata.name.lastIndexOf('-') + 1) ?? '<minute>'
  }

  /** A pod that the recording has not told yet (`with: next`) is the oldest of ours that has no recorded name. */
  #nameOf(recorded: string, matcher: Matcher): string {
    const name = recorded.replace(/<suffix-\d+>/g, (mark, at: number) => matcher.bindings.get(recorded.slice(0, at) + mark) ?? mark)
    if (!name.includes('<suffix')) return name
    const told = new Set([...matcher.bindings].filter(([key]) => key.includes('<suffix')).map(([key, suffix]) => key.slice(0, key.indexOf('<suffix')) + suffix))
    for (const pod of this.rig.server.store.list('pods') as Json[]) {
      const own = pod.metadata.name as string
      if (pod.metadata.namespace === namespace && !told.has(own) && matcher.differ(recorded, own) === undefined) return own
    }
    return name
  }

  /** As the recorder waited: until nothing watched had changed for a while. */
  wait(item: Json, step: Json): void {
    const { sim } = this.rig
    if (typeof step.sleep === 'number') return void sim.runUntil(sim.now + step.sleep * 1000)
    if (step.until) {
      const [path, member] = step.until as [string, string]
      for (let i = 0; i < 240; i++) {
        const object = JSON.parse(send(this.rig.server, 'GET', path.replaceAll('${NS}', namespace)).body) as Json
        if (member.split('.').reduce((v: Json, k) => v?.[k], object) !== undefined) return
        sim.runUntil(sim.now + 500)
      }
      return
    }
    const window = (typeof step.quiet === 'number' ? step.quiet + 1 : 2.25) * 1000
    const print = () => [...this.snapshot(item)].map(([key, o]) => `${key}@${o.metadata.resourceVersion}`).join(' ')
    let seen = typeof step.quiet === 'number'
    const start = sim.now
    do {
      const now = print()
      if (now !== this.#seen) {
        seen = true
        this.#seen = now
        this.#changed = sim.now
      }
      sim.runUntil(sim.now + 250)
    } while (seen ? sim.now - this.#changed < window : sim.now - start < 4000)
  }

  act(step: Json, matcher: Matcher): number | undefined {
    const values: Record<string, string> = { NS: namespace }
    if (step.request) {
      const request = JSON.parse((JSON.stringify(step.request) ?? 'null').replace(/\$\{(\d+)\.([\w.]+)\}/g, (_w, n: string, path: string) => String(path.split('.').reduce((v: Json, k) => v?.[k], this.answers[Number(n)]) ?? '')).replace(/\$\{(\w+)\}/g, (w, name: string) => values[name] ?? w)) as Json
      const answer = send(this.rig.server, request.method, request.path + (request.query ? (request.path.includes('?') ? '&' : '?') + request.query : ''), request.body, request.headers ?? (request.contentType ? { 'Content-Type': request.contentType } : {}))
      this.answers.push(answer.body === '' ? {} : JSON.parse(answer.body))
      return answer.code
    }
    // References count requests and what is slept, not the kubelets' part.
    if (!step.podStatus && step.quiet === undefined && !step.until) this.answers.push({})
    if (step.podStatus) this.podStatus(step.podStatus, matcher)
    return undefined
  }
}

/** Which of several equal pods goes is decided by their uids, so by chance: what a recording calls the first of them may be any of ours. So with slices that are made at once. */
function controllers(item: Json): Outcome {
  const first = tell(item, undefined)
  if (first.result !== 'failed' || !/no change of pods|unexpected event .*SuccessfulDelete|^endpointslices\/\S*<suffix/.test(first.actual)) return first
  const random = new Random('equal pods')
  for (let attempt = 0; attempt < 40; attempt++) if (tell(item, random).result === 'passed') return { result: 'passed' }
  return first
}

function tell(item: Json, random: Random | undefined): Outcome {
  const story = new Story()
  const matcher = new Matcher()
  let before = story.snapshot(item)
  let seen = new Set((story.rig.server.store.list('events') as Json[]).map((e) => e.metadata.uid as string))
  const known = new Map<string, Json>()
  for (const [key, object] of before) known.set(key, withoutManagedFields(object))
  for (const [index, step] of (item.steps as Json[]).entries()) {
    const code = story.act(step, matcher)
    if (step.code !== undefined && code !== step.code) return fail(index, `code ${step.code}`, `code ${code}: ${JSON.stringify(story.answers.at(-1)).slice(0, 500)}`)
    story.wait(item, step)
    if (step.with === 'next') continue
    const after = story.snapshot(item)
    const problem = compareChanges(step.changes ?? [], before, after, known, matcher, random)
    if (problem) return fail(index, 'changes as recorded', problem)
    // Where the server combined events of pods, only that is told.
    const combined = (step.events ?? []).some((w: Json) => w.message === '(combined)')
    const events = (story.rig.server.store.list('events') as Json[]).filter((e) => !seen.has(e.metadata.uid) && e.metadata.namespace === namespace)
    const wanted = ((step.events ?? []) as Json[]).filter((w) => w.message !== '(combined)')
    for (const e of events) {
      if (combined && /^Successful(?:Create|Delete)$/.test(e.reason)) continue
      const actual = { type: e.type, reason: e.reason, message: e.message.replaceAll(`${namespace}/`, '${NS}/'), object: `${e.involvedObject.kind}/${e.involvedObject.name}`, from: e.source?.component || e.reportingComponent }
      const at = wanted.findIndex((w) => new MatcherCopy(matcher).differ(w, actual) === undefined)
      if (at < 0) return fail(index, `events ${JSON.stringify(wanted)}`, `unexpected event ${JSON.stringify(actual)}`)
      matcher.differ(wanted[at], actual)
      wanted.splice(at, 1)
    }
    if (wanted.length > 0) return fail(index, `events ${JSON.stringify(wanted)}`, 'missing')
    before = after
    seen = new Set((story.rig.server.store.list('events') as Json[]).map((e) => e.metadata.uid as string))
  }
  return { result: 'passed' }
}

/** Tries a match without keeping what it bound. */
class MatcherCopy extends Matcher {
  constructor(from: Matcher) {
    super()
    for (const [k, v] of from.bindings) this.bindings.set(k, v)
  }
}

function fail(index: number, expected: string, actual: string): Outcome {
  return { result: 'failed', expected: `step ${index}: ${expected}`, actual }
}

function compareChanges(changes: readonly Json[], before: Map<string, Json>, after: Map<string, Json>, known: Map<string, Json>, matcher: Matcher, random: Random | undefined): string | undefined {
  const changed = new Set<string>()
  for (const [key, object] of after) if (before.get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) changed.add(key)
  for (const key of before.keys()) if (!after.has(key)) changed.add(key)
  for (const change of changes) {
    const name = (change.new ?? change.changed ?? change.deleted) as string
    const key = bind(name, random ? shuffled(changed, random) : changed, matcher)
    if (key === undefined) return `no change of ${name}; changed are ${[...changed].join(', ')}`
    changed.delete(key)
    if (change.deleted !== undefined) {
      if (after.has(key)) return `${name} was not deleted`
      continue
    }
    if (!after.has(key)) return `${name} was deleted`
    const actual = reduced(withoutManagedFields(after.get(key)))
    const expected = change.new ? change.object : patched(structuredClone(known.get(name) ?? withoutManagedFields(before.get(key))), change.diff)
    known.set(name, expected)
    const difference = matcher.differ(substitute(expected.kind === 'Endpoints' ? reduced(expected) : expected, { NS: namespace }), sliceFor(expected, actual))
    if (difference) return `${name} ${difference}`
  }
  // A change that was taken back is not recorded.
  for (const key of changed) if (before.has(key) && after.has(key) && new Matcher().differ(settled(before.get(key)), settled(after.get(key))) === undefined) changed.delete(key)
  return changed.size > 0 ? `unexpected changes of ${[...changed].join(', ')}` : undefined
}

function settled(object: Json): Json {
  const { resourceVersion: _, ...metadata } = object.metadata
  return withoutManagedFields({ ...object, metadata })
}

function shuffled(keys: Iterable<string>, random: Random): string[] {
  const out = [...keys]
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1))
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}

/** Recordings give the spec of later pods of one owner in short. */
function sliceFor(expected: Json, actual: Json): Json {
  if (expected?.kind !== 'Pod' || expected.spec?.containers) return actual
  return { ...actual, spec: Object.fromEntries(Object.entries(actual.spec ?? {}).filter(([k]) => ['nodeName', 'hostname', 'subdomain'].includes(k))) }
}

function reduced(object: Json): Json {
  const copy = JSON.parse(JSON.stringify(object)) as Json
  // Sorted by the recorder, to whom null was an empty list.
  if (copy.kind === 'EndpointSlice') copy.endpoints = (copy.endpoints ?? []).sort((a: Json, b: Json) => (a.addresses[0] < b.addresses[0] ? -1 : 1))
  // In the order of a hash over uids, which are others here.
  if (copy.kind === 'Endpoints' && copy.subsets?.length > 1) copy.subsets.sort((a: Json, b: Json) => (JSON.stringify(a.ports) < JSON.stringify(b.ports) ? -1 : 1))
  if (copy.kind === 'Secret') copy.data = Object.fromEntries(Object.keys(copy.data ?? {}).map((key) => [key, '<data>']))
  if (copy.kind === 'Node' && copy.spec?.podCIDR) copy.spec = { ...copy.spec, podCIDR: '<podCIDR>', podCIDRs: '<podCIDR>' }
  return copy
}

function bind(name: string, changed: Iterable<string>, matcher: Matcher): string | undefined {
  for (const key of changed) {
    const trial = new MatcherCopy(matcher)
    if (trial.differ(name, key) !== undefined) continue
    matcher.differ(name, key)
    return key
  }
  return undefined
}

const scheduler: Collection<Json> = {
  name: 'api/scheduler',
  needs: ['golden/api/scheduler.jsonl'],
  load: (shared) => read(shared, 'scheduler.jsonl'),
  id: (item) => item.id,
  run: (item) => schedule(item),
}

const stories: Collection<Json> = {
  name: 'api/controllers',
  needs: ['golden/api/controllers.jsonl'],
  load: (shared) => read(shared, 'controllers.jsonl'),
  id: (item) => item.id,
  run: (item) => controllers(item),
}

export const collections: Collection[] = [collection(scheduler), collection(stories)]
