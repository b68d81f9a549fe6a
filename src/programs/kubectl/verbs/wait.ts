/** `kubectl wait`: conditions, JSON paths, creation and deletion. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { groupResource, kindName } from '../client/discovery.ts'
import { goQuote } from '../print/json.ts'
import { JsonPath, JsonPathError, printValue, relaxedPath } from '../print/jsonpath.ts'
import { fetchInfos, findTargets, getObject, type Info } from '../resource/targets.ts'
import { Follower, TimedOut } from './follow.ts'

interface Condition {
  /** Met by this state of the object? */
  met(object: KubeObject): boolean
}

function conditionOf(text: string): Condition | 'delete' | 'create' {
  if (text.toLowerCase() === 'delete') return 'delete'
  if (text.toLowerCase() === 'create') return 'create'
  const condition = /^condition=(.*)$/i.exec(text)
  if (condition) {
    const [name, value = 'true'] = condition[1]!.split('=') as [string, string?]
    return {
      met: (object) => {
        const status = object['status'] as { conditions?: { type: string; status: string; observedGeneration?: number }[]; observedGeneration?: number } | undefined
        const found = (status?.conditions ?? []).find((c) => c.type.toLowerCase() === name.toLowerCase())
        if (!found) return false
        const observed = found.observedGeneration ?? status?.observedGeneration
        if (observed !== undefined && object.metadata.generation !== undefined && observed < object.metadata.generation) return false
        return found.status.toLowerCase() === value.toLowerCase()
      },
    }
  }
  const path = /^jsonpath=(.*)$/is.exec(text)
  if (path) return pathCondition(path[1]!)
  throw new Failure(`unrecognized condition: ${goQuote(text)}`)
}

function pathCondition(text: string): Condition {
  const m = /^(\{.*\}|[^=]*)(?:=(.*))?$/s.exec(text) ?? [text, text]
  const expression = m[1]!.trim()
  const value = m[2]
  if (expression === '' || (value === undefined && text.endsWith('='))) throw new Failure('jsonpath wait value cannot be empty')
  if (value === '') throw new Failure('jsonpath wait value cannot be empty')
  let parsed: JsonPath
  try {
    parsed = new JsonPath(relaxedPath(expression), { allowMissingKeys: true })
  } catch (error) {
    if (error instanceof JsonPathError) throw new Failure(error.message)
    throw error
  }
  const wanted = value?.replace(/^(['"])(.*)\1$/s, '$2')
  return {
    met: (object) => {
      try {
        const results = parsed.find(object)
        if (results.length === 0 || results[0]!.length === 0) return false
        if (results.length > 1) throw new Failure('given jsonpath expression matches more than one list')
        if (results[0]!.length > 1) throw new Failure('given jsonpath expression matches more than one value')
        const found = results[0]![0]
        if (wanted === undefined) return true
        if (typeof found === 'object' && found !== null) throw new Failure('jsonpath leads to a nested object or list which is not supported')
        return printValue(found).trim() === wanted.trim()
      } catch (error) {
        if (error instanceof JsonPathError) throw new Failure(error.message)
        throw error
      }
    },
  }
}

export const wait: Verb = async (run) => {
  const given = run.flags.string('for')
  const condition = conditionOf(given)
  const timeout = run.flags.duration('timeout')
  const deadline = run.process.now() + (timeout < 0 ? 7 * 24 * 3_600_000 : timeout)
  const output = run.flags.string('output')
  const options = { all: run.flags.bool('all'), emptySelector: false }
  if (condition === 'create') {
    let last: Error | undefined
    for (;;) {
      const found = await findTargets(run, options)
      const { infos, errors } = await fetchInfos(run, found)
      const missing = errors.filter((e) => e instanceof ApiError && e.reason === 'NotFound')
      if (errors.length > missing.length) throwAll(errors)
      if (missing.length === 0 && infos.length > 0) {
        for (const info of infos) await run.out(`${kindName(info.resource)}/${info.name} condition met\n`)
        return
      }
      last = missing[0]
      if (run.process.now() >= deadline) throw new Failure('timed out waiting for the condition')
      await run.process.sleep(Math.min(500, Math.max(1, deadline - run.process.now())))
      void last
    }
  }
  const found = await findTargets(run, options)
  const { infos, errors } = await fetchInfos(run, found, { ignoreNotFound: condition === 'delete' })
  throwAll(errors)
  if (infos.length === 0 && condition !== 'delete') throw new Failure('no matching resources found')
  const failures: Error[] = []
  for (const info of infos) {
    const shown = output === 'name' ? `${kindName(info.resource)}/${info.name}\n` : `${kindName(info.resource)}/${info.name} condition met\n`
    try {
      if (condition === 'delete') await waitDeleted(run, info, deadline)
      else await waitMet(run, info, condition, deadline)
      if (output === '' || output === 'name') await run.out(shown)
    } catch (error) {
      if (error instanceof TimedOut) failures.push(new Failure(`timed out waiting for the condition on ${groupResource(info.resource)}/${info.name}`.replace(/ on (\S+?)\.[\w.]+\//, ' on $1/')))
      else if (error instanceof Failure || error instanceof ApiError) failures.push(error)
      else throw error
    }
  }
  throwAll(failures)
}

async function waitMet(run: Invocation, info: Info, condition: Condition, deadline: number): Promise<void> {
  if (condition.met(info.object)) return
  const follower = new Follower(run, info, deadline)
  try {
    for (;;) {
      const object = await follower.next()
      if (object === undefined) throw new Failure(`${groupResource(info.resource)} ${goQuote(info.name)} has been deleted`)
      if (condition.met(object)) return
    }
  } finally {
    follower.close()
  }
}

async function waitDeleted(run: Invocation, info: Info, deadline: number): Promise<void> {
  for (;;) {
    try {
      const object = await getObject(run, info)
      if (object.metadata.uid !== info.object.metadata.uid) return
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'NotFound') return
      throw error
    }
    if (run.process.now() >= deadline) throw new TimedOut()
    await run.process.sleep(Math.min(500, Math.max(1, deadline - run.process.now())))
  }
}
