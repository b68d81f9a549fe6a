/** `kubectl logs | exec | attach | cp | port-forward | debug`: requests that the API server passes to a kubelet. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import type { WireChannels } from '../client/transport.ts'
import { groupResource } from '../client/discovery.ts'
import { goQuote } from '../print/json.ts'
import { findTargets, getObject, listObjects, pathOf, type ObjectTarget } from '../resource/targets.ts'
import { builtin } from './report.ts'
import { podsBehind } from './pods-behind.ts'

type Fields = Record<string, unknown>
const pods = builtin('', 'v1', 'pods', 'Pod')

const specOf = (pod: KubeObject): Fields => (pod['spec'] ?? {}) as Fields
const names = (list: unknown): string[] => ((list as { name: string }[] | undefined) ?? []).map((c) => c.name)
const allContainers = (pod: KubeObject): string[] => [...names(specOf(pod)['initContainers']), ...names(specOf(pod)['containers']), ...names(specOf(pod)['ephemeralContainers'])]

/** The container that is meant where none is named; says so when there are several. */
export async function containerFor(run: Invocation, pod: KubeObject, named: string, quiet: boolean): Promise<string> {
  if (named !== '') {
    if (!allContainers(pod).includes(named)) throw new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'BadRequest', code: 400, message: `container ${named} is not valid for pod ${pod.metadata.name}` })
    return named
  }
  const containers = names(specOf(pod)['containers'])
  const chosen = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container']
  if (chosen !== undefined && allContainers(pod).includes(chosen)) return chosen
  const first = containers[0]
  if (first === undefined) throw new Failure(`no container found in pod ${pod.metadata.name}`)
  if (allContainers(pod).length > 1 && !quiet) await run.err(`Defaulted container ${goQuote(first)} out of: ${describeContainers(pod)}\n`)
  return first
}

function describeContainers(pod: KubeObject): string {
  return [...names(specOf(pod)['containers']), ...names(specOf(pod)['initContainers']).map((n) => `${n} (init)`), ...names(specOf(pod)['ephemeralContainers']).map((n) => `${n} (ephem)`)].join(', ')
}

/** The pod that `web`, `deploy/web` or `svc/web` stands for, waiting for one that runs. */
async function podFor(run: Invocation, word: string): Promise<KubeObject> {
  const found = await findTargets(run, { args: [word], defaultType: 'pods', files: false, selector: '' })
  const target = found.targets[0] as ObjectTarget
  const object = await getObject(run, target)
  if (object.kind === 'Pod') return object
  const list = await podsBehind(run, target, object)
  const active = list.filter((p) => p.metadata.deletionTimestamp === undefined)
  const sorted = [...(active.length > 0 ? active : list)].sort((a, b) => rank(a) - rank(b))
  if (sorted.length === 0) {
    const limit = run.process.now() + (run.flags.has('pod-running-timeout') ? run.flags.duration('pod-running-timeout') : 60_000)
    while (run.process.now() < limit) {
      await run.process.sleep(1000)
      const again = await podsBehind(run, target, object)
      if (again.length > 0) return again[0]!
    }
    throw new Failure('timed out waiting for the condition')
  }
  return sorted[0]!
}

/** Running and ready pods first. */
function rank(pod: KubeObject): number {
  const status = (pod['status'] ?? {}) as { phase?: string; conditions?: { type: string; status: string }[] }
  const ready = status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false
  return (specOf(pod)['nodeName'] ? 0 : 4) + (status.phase === 'Running' ? 0 : status.phase === 'Pending' ? 2 : 3) + (ready ? 0 : 1)
}

interface LogSource {
  readonly pod: KubeObject
  readonly container: string
}

function logQuery(run: Invocation, container: string, tail: number | undefined): Record<string, string | number | boolean | undefined> {
  const since = run.flags.duration('since')
  return {
    container, follow: run.flags.bool('follow') || undefined, previous: run.flags.bool('previous') || undefined, timestamps: run.flags.bool('timestamps') || undefined, tailLines: tail,
    sinceSeconds: since > 0 ? Math.ceil(since / 1000) : undefined, sinceTime: run.flags.string('since-time') || undefined, limitBytes: run.flags.number('limit-bytes') || undefined,
  }
}

export const logs: Verb = async (run) => {
  const { flags, args } = run
  const selector = flags.string('selector')
  if (args.length === 0 && selector === '') throw usageFailure(run.path, "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command")
  if (args.length > 2) throw usageFailure(run.path, "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command")
  if (args.length === 1 && selector !== '') throw usageFailure(run.path, 'only a selector (-l) or a POD name is allowed')
  let container = flags.string('container')
  const everyContainer = flags.bool('all-containers')
  if (args.length === 2) {
    if (container !== '' && !everyContainer) throw usageFailure(run.path, 'only one of -c or an inline [CONTAINER] arg is allowed')
    container = args[1]!
  }
  if (flags.string('since-time') !== '' && flags.duration('since') !== 0) throw new Failure('at most one of `sinceTime` or `sinceSeconds` may be specified')
  if (everyContainer && container !== '') throw new Failure(`--all-containers=true should not be specified with container name ${container}`)
  const tailFlag = flags.changed('tail') ? flags.number('tail') : selector !== '' ? 10 : -1
  if (tailFlag < -1) throw new Failure('--tail must be greater than or equal to -1')
  const tail = tailFlag < 0 ? undefined : tailFlag
  let list: KubeObject[]
  if (selector !== '') {
    list = await listObjects(run, { kind: 'list', resource: pods, namespace: run.namespace, labelSelector: selector, fieldSelector: '' })
    if (list.length === 0) return run.err(`No resources found in ${run.namespace} namespace.\n`)
  } else list = await logPods(run, args[0]!)
  const sources: LogSource[] = []
  for (const pod of list) {
    if (everyContainer) for (const c of allContainers(pod)) sources.push({ pod, container: c })
    else sources.push({ pod, container: await logContainer(run, pod, container) })
  }
  const prefix = flags.bool('prefix')
  const limit = flags.number('max-log-requests') || 5
  if (flags.bool('follow') && sources.length > limit) throw new Failure(`you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${limit}, use --max-log-requests to increase the limit`)
  if (flags.bool('follow') && sources.length > 1) return followAll(run, sources, tail, prefix)
  const errors: Error[] = []
  for (const source of sources) {
    try {
      await copyLog(run, source, tail, prefix)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (!flags.bool('ignore-errors')) throw error
      await run.err(`error: ${error.message}\n`)
    }
  }
  throwAll(errors)
}

async function logPods(run: Invocation, word: string): Promise<KubeObject[]> {
  const found = await findTargets(run, { args: [word], defaultType: 'pods', files: false, selector: '' })
  const target = found.targets[0] as ObjectTarget
  let object: KubeObject
  try {
    object = await getObject(run, target)
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'NotFound') throw new Failure(`error from server (NotFound): ${groupResource(target.resource)} ${goQuote(target.name)} not found in namespace ${goQuote(target.namespace)}`)
    throw error
  }
  if (object.kind === 'Pod') return [object]
  const list = await podsBehind(run, target, object, 'get the logs from')
  if (run.flags.bool('all-pods')) return list
  const sorted = [...list].sort((a, b) => rank(a) - rank(b))
  if (sorted.length === 0) return [await podFor(run, word)]
  if (sorted.length > 1) await run.err(`Found ${sorted.length} pods, using pod/${sorted[0]!.metadata.name}\n`)
  return [sorted[0]!]
}

async function logContainer(run: Invocation, pod: KubeObject, named: string): Promise<string> {
  if (named !== '' && !allContainers(pod).includes(named)) throw new Failure(`container ${named} is not valid for pod ${pod.metadata.name}`)
  return containerFor(run, pod, named, false)
}

const logPath = (source: LogSource): string => pathOf(pods, source.pod.metadata.namespace, source.pod.metadata.name, 'log')
const logPrefix = (source: LogSource): string => `[pod/${source.pod.metadata.name}/${source.container}] `

async function copyLog(run: Invocation, source: LogSource, tail: number | undefined, prefix: boolean): Promise<void> {
  const stream = await run.rest.stream(logPath(source), { query: logQuery(run, source.container, tail), about: `pods ${source.pod.metadata.name}` })
  let rest = ''
  for (let part = await stream.read(); part !== undefined; part = await stream.read()) {
    if (!prefix) {
      await run.out(part)
      continue
    }
    const lines = (rest + part).split('\n')
    rest = lines.pop()!
    await run.out(lines.map((l) => `${logPrefix(source)}${l}\n`).join(''))
  }
  if (rest !== '') await run.out(`${logPrefix(source)}${rest}`)
}

async function followAll(run: Invocation, sources: readonly LogSource[], tail: number | undefined, prefix: boolean): Promise<void> {
  const streams = await Promise.all(sources.map((s) => run.rest.stream(logPath(s), { query: logQuery(run, s.container, tail) })))
  const reads: (Promise<string | undefined> | undefined)[] = streams.map((s) => s.read())
  while (reads.some((r) => r !== undefined)) {
    const open = reads.flatMap((r, i) => (r === undefined ? [] : [i]))
    const at = open[await run.process.any(open.map((i) => reads[i]!))]!
    const part = await reads[at]!
    if (part === undefined) {
      reads[at] = undefined
      continue
    }
    reads[at] = streams[at]!.read()
    await run.out(prefix ? part.replace(/[^\n]+\n?/g, (l) => logPrefix(sources[at]!) + l) : part)
  }
}

/** What the container has written so far: for pods that ended before one could attach. */
export async function lastLogs(run: Invocation, target: ObjectTarget, container: string): Promise<void> {
  const stream = await run.rest.stream(pathOf(pods, target.namespace, target.name, 'log'), { query: { container, follow: true } })
  for (let part = await stream.read(); part !== undefined; part = await stream.read()) await run.out(part)
}

interface SessionOptions {
  readonly stdin: boolean
  readonly tty: boolean
}

/** Copies between the process's streams and the channels until the far side ends; answers the Status of channel 3. */
async function session(run: Invocation, channels: WireChannels, options: SessionOptions): Promise<string> {
  const { process } = run
  const restore = options.tty && process.tty ? process.tty.setRaw(true) : undefined
  const resize = () => void channels.send(4, JSON.stringify({ Width: process.tty?.columns ?? 80, Height: process.tty?.rows ?? 24 }))
  if (options.tty && process.tty) {
    resize()
    process.onSignal('SIGWINCH', resize)
  }
  let result = ''
  let input: Promise<string | undefined> | undefined = options.stdin ? process.stdin.read() : undefined
  let frame = channels.read()
  try {
    for (;;) {
      const which = input ? await process.any([frame, input]) : await process.any([frame])
      if (which === 1) {
        const text = await input!
        if (text === undefined) {
          input = undefined
          await channels.send(0, '')
        } else {
          await channels.send(0, text)
          input = process.stdin.read()
        }
        continue
      }
      const got = await frame
      if (got === undefined) break
      if (got.channel === 1) await run.out(got.data)
      else if (got.channel === 2) await run.err(got.data)
      else if (got.channel === 3) result += got.data
      frame = channels.read()
    }
  } finally {
    restore?.()
    channels.close()
  }
  return result
}

/** The exit code of channel 3's Status; failures that are no exit code are thrown. */
function outcome(text: string): number {
  if (text.trim() === '') return 0
  let status: { status?: string; message?: string; reason?: string; details?: { causes?: { reason?: string; message?: string }[] } }
  try {
    status = JSON.parse(text) as typeof status
  } catch {
    throw new Failure(text.trim())
  }
  if (status.status === 'Success') return 0
  const code = status.details?.causes?.find((c) => c.reason === 'ExitCode')?.message
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return Number(code)
  throw new Failure(status.message ?? 'unknown error', { bare: false })
}

export async function attachTo(run: Invocation, target: Pick<ObjectTarget, 'namespace' | 'name'>, container: string, options: SessionOptions): Promise<void> {
  const channels = await run.rest.upgrade(pathOf(pods, target.namespace, target.name, 'attach'), { query: { container, stdin: options.stdin || undefined, stdout: true, stderr: options.tty ? undefined : true, tty: options.tty || undefined }, about: `pods ${target.name}` })
  await session(run, channels, options)
}

interface Terminated {
  readonly exitCode: number
  readonly reason?: string
  readonly message?: string
}

/** How a container of a pod ended. */
export function terminatedState(pod: KubeObject, container: string): Terminated | undefined {
  const statuses = ((pod['status'] as Fields | undefined)?.['containerStatuses'] as { name: string; state?: { terminated?: Terminated } }[] | undefined) ?? []
  return statuses.find((s) => s.name === container)?.state?.terminated
}

async function runIn(run: Invocation, pod: KubeObject, container: string, command: readonly string[], options: SessionOptions): Promise<number> {
  const path = pathOf(pods, pod.metadata.namespace, pod.metadata.name, 'exec')
  const channels = await run.rest.upgrade(path, { query: { container, command, stdin: options.stdin || undefined, stdout: true, stderr: options.tty ? undefined : true, tty: options.tty || undefined }, about: `pods ${pod.metadata.name}` })
  const code = outcome(await session(run, channels, options))
  if (code !== 0) await run.err(`command terminated with exit code ${code}\n`)
  return code
}

export const exec: Verb = async (run) => {
  const before = run.dash >= 0 ? run.args.slice(0, run.dash) : run.args
  const command = run.dash >= 0 ? run.args.slice(run.dash) : []
  const files = run.flags.list('filename')
  if (before.length === 0 && files.length === 0) throw usageFailure(run.path, 'pod, type/name or --filename must be specified')
  if (run.dash < 0 && before.length > 1) throw usageFailure(run.path, 'exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead')
  if (command.length === 0) throw new Failure('you must specify at least one command for the container')
  const pod = await podFor(run, before[0] ?? '')
  const phase = String((pod['status'] as Fields | undefined)?.['phase'])
  if (phase === 'Succeeded' || phase === 'Failed') throw new Failure(`cannot exec into a container in a completed pod; current phase is ${phase}`)
  const container = await containerFor(run, pod, run.flags.string('container'), run.flags.bool('quiet'))
  const wantsTty = run.flags.bool('tty')
  const tty = wantsTty && run.process.tty !== undefined && run.process.stdin.tty !== undefined
  if (wantsTty && !tty) await run.err('Unable to use a TTY - input is not a terminal or the right kind of file\n')
  return runIn(run, pod, container, command, { stdin: run.flags.bool('stdin'), tty })
}

export const attach: Verb = async (run) => {
  if (run.args.length === 0) throw usageFailure(run.path, 'at least 1 argument is required for attach')
  if (run.args.length > 2) throw usageFailure(run.path, `expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw ${run.args.length}: [${run.args.join(' ')}]`)
  const pod = await podFor(run, run.args.join('/'))
  const phase = String((pod['status'] as Fields | undefined)?.['phase'])
  if (phase === 'Succeeded' || phase === 'Failed') throw new Failure(`cannot attach a container in a completed pod; current phase is ${phase}`)
  const container = await containerFor(run, pod, run.flags.string('container'), run.flags.bool('quiet'))
  if (!run.flags.bool('quiet')) await run.err("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.\nIf you don't see a command prompt, try pressing enter.\n")
  const tty = run.flags.bool('tty') && run.process.tty !== undefined
  await attachTo(run, { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name }, container, { stdin: run.flags.bool('stdin'), tty })
  if (tty && run.flags.bool('stdin') && !run.flags.bool('quiet') && specOf(pod)['restartPolicy'] === 'Always') await run.out(`Session ended, resume using 'kubectl attach ${pod.metadata.name} -c ${container} -i -t' command when the pod is running\n`)
}

export { podFor, runIn }
