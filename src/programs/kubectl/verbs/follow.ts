/** One object followed by a watch until a time: what `wait`, `rollout status` and friends look at. Time runs out with kubectl's words. */
import type { KubeObject } from '#engine/api/types.ts'
import { Failure } from '../cli/errors.ts'
import type { Invocation } from '../cli/invocation.ts'
import type { Watch, WatchEvent } from '../client/rest.ts'
import { pathOf, type Info } from '../resource/targets.ts'

export class TimedOut extends Failure {
  constructor() {
    super('timed out waiting for the condition')
  }
}

/** The next event of a watch, or undefined when the time is over first. */
async function nextBefore(run: Invocation, watch: Watch, deadline: number | undefined): Promise<{ readonly event: WatchEvent | undefined } | undefined> {
  if (deadline === undefined) return { event: await watch.next() }
  const left = deadline - run.process.now()
  if (left <= 0) return undefined
  const next = watch.next()
  const which = await run.process.any([next, run.process.sleep(left)])
  return which === 0 ? { event: await next } : undefined
}

export class Follower {
  readonly #run: Invocation
  readonly #info: Info
  readonly #deadline: number | undefined
  #watch: Watch | undefined

  constructor(run: Invocation, info: Info, deadline: number | undefined) {
    this.#run = run
    this.#info = info
    this.#deadline = deadline
  }

  /** The object after its next change; undefined when it was deleted. Throws TimedOut. */
  async next(): Promise<KubeObject | undefined> {
    const { resource, namespace, name, object } = this.#info
    this.#watch ??= await this.#run.rest.watch(pathOf(resource, namespace), { query: { fieldSelector: `metadata.name=${name}`, resourceVersion: object.metadata.resourceVersion } })
    const got = await nextBefore(this.#run, this.#watch, this.#deadline)
    if (got === undefined) throw new TimedOut()
    if (got.event === undefined || got.event.type === 'DELETED') return undefined
    if (got.event.type === 'BOOKMARK') return this.next()
    return got.event.object
  }

  close(): void {
    this.#watch?.close()
  }
}
