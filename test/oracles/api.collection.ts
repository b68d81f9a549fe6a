/** golden/api: what a real API server answered to creations, updates and stories of requests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { admin, buildRig, complete, requestOf, type Rig, send } from './api-cluster.ts'
import { compareAnswer, type Json, Matcher, patched, type Recorded, withoutManagedFields } from './api-match.ts'
import { type Collection, collection, type Outcome } from './collection.ts'

const lines = (path: string): Json[] => readFileSync(path, 'utf8').split('\n').filter((l) => l !== '').map((l) => JSON.parse(l))
const outcome = (difference: string | undefined, expected: Json): Outcome => (difference === undefined ? { result: 'passed' } : { result: 'failed', expected: JSON.stringify(expected, null, 1), actual: difference })

interface CreateCase {
  readonly id: string
  readonly base: string
  readonly query: string
  readonly ops: Json[]
  readonly response: Recorded
}

let bases: Record<string, { path: string; manifest: Json; created: Json }> = {}
let createRig: Rig | undefined

const create: Collection<CreateCase> = {
  name: 'api/create',
  needs: ['golden/api/create.jsonl', 'golden/api/bases.json'],
  load(shared) {
    bases = JSON.parse(readFileSync(join(shared, 'golden/api/bases.json'), 'utf8'))
    return lines(join(shared, 'golden/api/create.jsonl'))
  },
  id: (c) => c.id,
  run(c) {
    createRig ??= buildRig(['lab', 'other'])
    const base = bases[c.base]!
    const answer = send(createRig.server, 'POST', `${base.path}?dryRun=All&fieldValidation=${c.query}`, patched(base.manifest, c.ops))
    return outcome(compareAnswer(c.response, base.created, answer), c.response)
  },
}

interface UpdateCase {
  readonly id: string
  readonly given: string
  readonly request: { method: string; path: string; headers?: Record<string, string>; ops?: Json[]; body?: Json }
  readonly response: Recorded
}

const given = new Map<string, { rig: Rig; before: Json }>()

function situation(id: string): { rig: Rig; before: Json } {
  let s = given.get(id)
  if (!s) {
    const rig = buildRig(['lab', 'other'])
    const base = bases[id]!
    const made = send(rig.server, 'POST', base.path, base.manifest)
    const name = JSON.parse(made.body).metadata.name
    if (/^(crd|apiservice)\//.test(id)) rig.sim.runUntil(rig.sim.now + 1000)
    const before = JSON.parse(send(rig.server, 'GET', `${base.path}/${name}`).body)
    s = { rig, before }
    given.set(id, s)
  }
  return s
}

const update: Collection<UpdateCase> = {
  name: 'api/update',
  needs: ['golden/api/update.jsonl', 'golden/api/bases.json'],
  load(shared) {
    bases = JSON.parse(readFileSync(join(shared, 'golden/api/bases.json'), 'utf8'))
    return lines(join(shared, 'golden/api/update.jsonl'))
  },
  id: (c) => c.id,
  run(c) {
    const { rig, before } = situation(c.given)
    const { metadata } = before
    const { managedFields: _, ...rest } = metadata ?? {}
    const body = c.request.ops ? patched({ ...before, metadata: rest }, c.request.ops) : c.request.body
    const answer = send(rig.server, c.request.method, c.request.path, body, c.request.headers)
    // What a PUT made anew has a uid of its own; the recorder numbered it as the first.
    const compared = c.response.code === 201 ? { ...before, metadata: { ...metadata, uid: '<uid-1>', resourceVersion: '<rv>' }, ...(before.spec?.clusterIP ? { spec: { ...before.spec, clusterIP: '<clusterIP-1>', clusterIPs: ['<clusterIP-1>'] } } : {}) } : before
    return outcome(compareAnswer(c.response, compared, answer), c.response)
  },
}

interface Step {
  readonly request?: { readonly method: string; readonly path: string; readonly headers?: Record<string, string>; readonly body?: Json }
  readonly response?: Recorded & { readonly events?: Json[] }
  readonly sleep?: number
  readonly until?: Json
}

interface Story {
  readonly id: string
  readonly area: string
  readonly namespace: string
  readonly steps: readonly Step[]
}

const shared = new Map<string, { rig: Rig; namespace: string }>()

/** `${2.metadata.uid}` in requests is a member of an earlier answer. */
function fill(value: Json, answers: readonly Json[], namespace: string): Json {
  if (typeof value === 'string') {
    if (value.startsWith('@repeat:')) {
      const [, text, times] = value.split(':')
      return text!.repeat(Number(times))
    }
    return value.replaceAll('${NS}', namespace).replace(/\$\{(\d+)\.([^}]+)\}/g, (_, step, path) => String(path.split('.').reduce((o: Json, p: string) => o?.[p], answers[Number(step)]) ?? ''))
  }
  if (Array.isArray(value)) return value.map((v) => fill(v, answers, namespace))
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k === '${NS}' ? namespace : k, fill(v, answers, namespace)]))
  return value
}

let stories: readonly Story[] = []

/** The setup stories of a shared namespace are played before a story that needs them. */
function stage(story: Story): { rig: Rig; namespace: string } {
  const family = /^(list\/label|list\/fieldkind|list\/field|auth\/user)-/.exec(story.id)?.[1]
  if (!family) {
    const namespace = 'story'
    return { rig: buildRig([namespace], namespaceLabels(story.id)), namespace }
  }
  let s = shared.get(family)
  if (!s) {
    s = { rig: buildRig(['story']), namespace: 'story' }
    shared.set(family, s)
    const create = (path: string, body: Json) => send(s!.rig.server, 'POST', path, body)
    if (family === 'list/label') for (let n = 0; n < 5; n++) create('/api/v1/namespaces/story/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${n}`, labels: { n: String(n), par: n % 2 === 0 ? 'even' : 'odd' } }, data: { a: '1' } })
    const setup = stories.find((o) => o.id === `${family}-setup`)
    if (setup && setup !== story) play(setup, s.rig, s.namespace)
  }
  return s
}

/** Bearer tokens go through the authenticator, as in the process that terminates TLS. */
function answered(rig: Rig, request: ReturnType<typeof requestOf>) {
  if (!request.headers.has('authorization')) return rig.server.handle(request)
  return rig.server.serve(request)
}

/** The pod security stories played in a namespace whose labels their ids name. */
function namespaceLabels(id: string): Record<string, string> {
  const m = /psa-(enforce|warn|audit)-(\w+)$/.exec(id)
  if (!m) return {}
  const label = (mode: string) => ({ [`pod-security.kubernetes.io/${mode}`]: m[2]! })
  return m[1] === 'enforce' ? { ...label('enforce'), ...label('warn') } : label(m[1]!)
}

function play(story: Story, rig: Rig, namespace: string): string | undefined {
  const answers: Json[] = []
  const matcher = new Matcher()
  let problem: string | undefined
  const watches: { step: number; lines: string[]; expected: Json[] }[] = []
  for (const [i, step] of story.steps.entries()) {
    if (step.sleep !== undefined) {
      rig.sim.runUntil(rig.sim.now + step.sleep * 1000)
      answers.push(undefined)
      continue
    }
    if (!step.request) {
      rig.sim.runUntil(rig.sim.now + 1000)
      answers.push(undefined)
      continue
    }
    const { method, path, headers = {} } = step.request
    // The recorder left the namespace in headers as it is written.
    const { ['@anonymous']: nobody, ...sent } = headers as Record<string, Json>
    const body = fill(step.request.body, answers, namespace)
    const request = requestOf(method === 'WATCH' ? 'GET' : method, fill(path, answers, namespace) + (method === 'WATCH' && !path.includes('watch=') && !path.includes('/watch/') ? (path.includes('?') ? '&' : '?') + 'watch=true' : ''), body, fill(sent, answers, '${NS}'), nobody ? { name: 'system:anonymous', groups: ['system:unauthenticated'] } : admin)
    const response = answered(rig, request)
    if (response.kind === 'stream') {
      const lines: string[] = []
      response.start({ push: (text) => lines.push(text), end: () => {} })
      watches.push({ step: i, lines, expected: step.response?.events ?? [] })
      answers.push(undefined)
      rig.sim.runUntil(rig.sim.now + 1)
      continue
    }
    const answer = complete(response)
    rig.sim.runUntil(rig.sim.now + 1)
    let parsed: Json
    try {
      parsed = JSON.parse(answer.body)
    } catch {
      parsed = answer.body
    }
    answers.push(parsed)
    if (!step.response || problem) continue
    const wanted = fill(step.response, [], namespace)
    const d = compareAnswer(wanted, undefined, answer, matcher, { managedFields: story.area === 'ssa' })
    if (d) problem = `step ${i} ${method} ${path}: ${d}`
  }
  if (problem) return problem
  for (const w of watches) {
    rig.sim.runUntil(rig.sim.now + 10)
    const events = w.lines.join('').split('\n').filter((l) => l !== '').map((l) => JSON.parse(l))
    const wanted = fill(w.expected, [], namespace)
    const d = matcher.differ(wanted.map((e: Json) => ({ ...e, object: withoutManagedFields(e.object) })), events.map((e: Json) => ({ ...e, object: withoutManagedFields(e.object) })))
    if (d) return `watch of step ${w.step}: ${d}`
  }
  return undefined
}

const protocol: Collection<Story> = {
  name: 'api/protocol',
  needs: ['golden/api/protocol.jsonl'],
  load(folder) {
    stories = lines(join(folder, 'golden/api/protocol.jsonl'))
    return stories
  },
  id: (s) => s.id,
  run(story) {
    const { rig, namespace } = stage(story)
    return outcome(play(story, rig, namespace), story.steps.length)
  },
}

export const collections = [collection(create), collection(update), collection(protocol)]
