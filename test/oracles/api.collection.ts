/** golden/api: what a real API server answered to creations, updates and stories of requests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildRig, type Rig, send } from './api-cluster.ts'
import { compareAnswer, type Json, patched, type Recorded } from './api-match.ts'
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
    return outcome(compareAnswer(c.response, before, answer), c.response)
  },
}

export const collections = [collection(create), collection(update)]
