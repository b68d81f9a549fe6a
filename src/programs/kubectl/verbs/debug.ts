/** `kubectl debug` (pkg/cmd/debug): an ephemeral container in a running pod, a changed copy of a pod, or a pod in a node's namespaces; then attach. */
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { FsError } from '#engine/machine/files.ts'
import { ApiError, Failure, throwAll } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { contentTypes, strategicMergeOf } from '../resource/patch.ts'
import { findTargets, getObject, pathOf, type ObjectTarget } from '../resource/targets.ts'
import { profileSteps, type DebugStyle, type Keep } from './debug-profiles.ts'
import { builtin, createObject, patchObject } from './report.ts'
import { imagePattern } from './run.ts'
import { attachTo, lastLogs } from './stream.ts'

type Fields = Record<string, unknown>

const pods = builtin('', 'v1', 'pods', 'Pod')
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789'

interface Options {
  readonly names: readonly string[]
  readonly command: readonly string[]
  readonly image: string
  readonly container: string
  readonly copyTo: string
  readonly target: string
  readonly pullPolicy: string
  readonly setImages: Readonly<Record<string, string>>
  readonly env: readonly Fields[]
  readonly stdin: boolean
  readonly tty: boolean
  readonly quiet: boolean
  readonly attach: boolean
  readonly profile: string
  readonly keep: Keep
  readonly custom: Fields | undefined
}

function customProfile(run: Invocation): Fields | undefined {
  const file = run.flags.string('custom')
  if (file === '') return undefined
  let text: string
  try {
    text = run.process.fs.readFile(file)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Failure(`must pass a container spec json file for custom profile: open ${file}: ${error.message.toLowerCase()}`)
  }
  try {
    const read = parseYaml(text)
    return typeof read === 'object' && read !== null ? (read as Fields) : {}
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new Failure(`${file} does not contain a valid container spec: ${error.message}`)
  }
}

function readOptions(run: Invocation): Options {
  const { flags } = run
  const profile = flags.string('profile')
  profileSteps(profile)
  const keep = Object.fromEntries((['labels', 'annotations', 'liveness', 'readiness', 'startup'] as const).map((k) => [k, flags.bool(`keep-${k}`)])) as unknown as Keep
  const stdin = flags.bool('stdin')
  return {
    names: run.dash >= 0 ? run.args.slice(0, run.dash) : run.args,
    command: run.dash >= 0 ? run.args.slice(run.dash) : [],
    image: flags.string('image'),
    container: flags.string('container'),
    copyTo: flags.string('copy-to'),
    target: flags.string('target'),
    pullPolicy: flags.string('image-pull-policy'),
    setImages: flags.map('set-image'),
    env: Object.entries(flags.map('env')).map(([name, value]) => ({ name, value })),
    stdin,
    tty: flags.bool('tty'),
    quiet: flags.bool('quiet'),
    attach: flags.changed('attach') ? flags.bool('attach') : stdin,
    profile,
    keep: { ...keep, initContainers: flags.bool('keep-init-containers') },
    custom: customProfile(run),
  }
}

/** DebugOptions.Validate, in its order. */
async function validate(run: Invocation, o: Options): Promise<void> {
  const { flags } = run
  const wrong = (when: boolean, text: string) => {
    if (when) throw new Failure(text)
  }
  const setting = Object.keys(o.setImages).length > 0
  wrong(o.attach && flags.changed('attach') && o.image === '' && o.container === '', 'you must specify --container or create a new container using --image in order to attach.')
  if (o.copyTo !== '') {
    wrong(o.image === '' && !setting && o.command.length === 0, 'you must specify --image, --set-image or command arguments.')
    wrong(o.command.length > 0 && o.container === '' && o.image === '', 'you must specify an existing container or a new image when specifying args.')
  } else {
    wrong(flags.bool('replace'), '--replace may only be used with --copy-to.')
    wrong(flags.bool('same-node'), '--same-node may only be used with --copy-to.')
    wrong(setting, '--set-image may only be used with --copy-to.')
    wrong(o.image === '', 'you must specify --image when not using --copy-to.')
  }
  wrong(o.image !== '' && !imagePattern.test(o.image), `invalid image name ${goQuote(o.image)}: invalid reference format`)
  wrong(o.names.length === 0 && flags.list('filename').length === 0, 'NAME or filename is required for debug')
  wrong(!['', 'Always', 'IfNotPresent', 'Never'].includes(o.pullPolicy), `invalid image pull policy: ${o.pullPolicy}`)
  for (const [name, image] of Object.entries(o.setImages)) wrong(!imagePattern.test(image), `invalid image name ${goQuote(image)} for container ${goQuote(name)}: invalid reference format`)
  if (o.target !== '') {
    wrong(o.copyTo !== '', '--target is incompatible with --copy-to. Use --share-processes instead.')
    if (!o.quiet) await run.out(`Targeting container ${goQuote(o.target)}. If you don't see processes from this container it may be because the container runtime doesn't support this feature.\n`)
  }
  wrong(o.tty && !o.stdin, '-i/--stdin is required for containers with -t/--tty=true')
  const fixed = o.custom && (o.custom['name'] || (o.custom['command'] as unknown[] | undefined)?.length || o.custom['image'] || o.custom['lifecycle'] || (o.custom['volumeDevices'] as unknown[] | undefined)?.length)
  wrong(Boolean(fixed), 'name, command, image, lifecycle and volume devices are not modifiable via custom profile')
  if (o.profile === 'legacy') await run.err('--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a profile, for example "--profile=general".\n')
}

const clone = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
const specOf = (pod: KubeObject): Fields => (pod['spec'] ?? {}) as Fields
const listOf = (spec: Fields, key: string): Fields[] => (spec[key] as Fields[] | undefined) ?? []

async function containerName(run: Invocation, o: Options, spec: Fields): Promise<string> {
  if (o.container !== '') return o.container
  const taken = new Set(['containers', 'initContainers', 'ephemeralContainers'].flatMap((k) => listOf(spec, k).map((c) => c['name'])))
  let name: string
  do name = `debugger-${run.process.machine.sim.random.letters(5, suffixLetters)}`
  while (taken.has(name))
  if (!o.quiet) await run.out(`Defaulting debug container name to ${name}.\n`)
  return name
}

const commandOf = (run: Invocation, o: Options): Fields => (o.command.length === 0 ? {} : { [run.flags.bool('arguments-only') ? 'args' : 'command']: o.command })

function newContainer(run: Invocation, o: Options, name: string): Fields {
  return {
    name, image: o.image, ...commandOf(run, o), ...(o.env.length > 0 ? { env: o.env } : {}), ...(o.pullPolicy ? { imagePullPolicy: o.pullPolicy } : {}), resources: {},
    ...(o.stdin ? { stdin: true } : {}), terminationMessagePolicy: 'File', ...(o.tty ? { tty: true } : {}),
  }
}

/** The profile's steps, then --custom over the container. */
function applyProfile(o: Options, style: DebugStyle, metadata: Fields, spec: Fields, container: Fields): void {
  for (const step of profileSteps(o.profile)[style]) step({ metadata, spec, container, keep: o.keep })
  if (!o.custom) return
  const list = style === 'ephemeral' ? 'ephemeralContainers' : 'containers'
  const patched = strategicMergeOf({ apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: { [list]: [container] } }, { spec: { [list]: [{ ...o.custom, name: container['name'] }] } }) as { spec: Record<string, Fields[]> }
  Object.assign(container, patched.spec[list]![0])
}

/** Capabilities mean nothing where the pod runs as somebody else. */
async function warnOfUser(run: Invocation, container: Fields | undefined, spec: Fields): Promise<void> {
  const user = (spec['securityContext'] as Fields | undefined)?.['runAsUser']
  const own = container?.['securityContext'] as Fields | undefined
  if (user === undefined || user === 0 || !own || own['runAsUser'] === 0) return
  const added = ((own['capabilities'] as Fields | undefined)?.['add'] as unknown[] | undefined) ?? []
  if (own['privileged'] !== true && added.length === 0) return
  await run.err('Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using "--custom" with a custom profile that specifies "securityContext.runAsUser: 0".\n')
}

interface Debugged {
  readonly pod: KubeObject
  readonly container: string
}

async function onNode(run: Invocation, o: Options, node: KubeObject): Promise<Debugged> {
  const name = o.container || 'debugger'
  const podName = `node-debugger-${node.metadata.name}-${run.process.machine.sim.random.letters(5, suffixLetters)}`
  if (!o.quiet) await run.out(`Creating debugging pod ${podName} with container ${name} on node ${node.metadata.name}.\n`)
  const container = newContainer(run, o, name)
  const metadata: Fields = { name: podName, labels: { 'app.kubernetes.io/managed-by': 'kubectl-debug' } }
  const spec: Fields = { containers: [container], nodeName: node.metadata.name, restartPolicy: 'Never', tolerations: [{ operator: 'Exists' }] }
  applyProfile(o, 'node', metadata, spec, container)
  const pod = await createObject(run, pods, run.namespace, { apiVersion: 'v1', kind: 'Pod', metadata, spec } as unknown as KubeObject, { dryRun: 'none', validate: 'ignore' })
  return { pod, container: name }
}

async function byCopy(run: Invocation, o: Options, pod: KubeObject): Promise<Debugged> {
  const spec = clone(specOf(pod))
  const { labels, annotations } = pod.metadata
  const metadata: Fields = { name: o.copyTo, namespace: pod.metadata.namespace, ...(annotations ? { annotations } : {}), ...(labels ? { labels } : {}) }
  delete spec['ephemeralContainers']
  if (run.flags.changed('share-processes')) spec['shareProcessNamespace'] = run.flags.bool('share-processes')
  if (!run.flags.bool('same-node')) delete spec['nodeName']
  const containers = listOf(spec, 'containers')
  for (const c of containers) {
    const image = o.setImages[String(c['name'])] ?? o.setImages['*']
    if (image) c['image'] = image
  }
  let container = [...containers, ...listOf(spec, 'initContainers')].find((c) => c['name'] === o.container)
  let name = o.container
  if (!container) {
    if (o.image === '' && Object.keys(o.setImages).length === 0) throw new Failure('you must specify image when creating new container')
    if (o.image !== '') {
      name = await containerName(run, o, spec)
      container = { name, terminationMessagePolicy: 'File', resources: {} }
      containers.push(container)
    }
  }
  if (container) {
    if (o.command.length > 0) {
      if (!run.flags.bool('arguments-only')) delete container['args']
      Object.assign(container, commandOf(run, o))
    }
    if (o.env.length > 0) container['env'] = o.env
    if (o.image !== '') container['image'] = o.image
    if (o.pullPolicy !== '') container['imagePullPolicy'] = o.pullPolicy
    Object.assign(container, { stdin: o.stdin, tty: o.tty })
    applyProfile(o, 'copy', metadata, spec, container)
    await warnOfUser(run, container, spec)
  }
  const created = await createObject(run, pods, pod.metadata.namespace ?? '', { apiVersion: 'v1', kind: 'Pod', metadata, spec } as unknown as KubeObject, { dryRun: 'none', validate: 'ignore' })
  if (run.flags.bool('replace')) await run.rest.call('DELETE', pathOf(pods, pod.metadata.namespace, pod.metadata.name), { body: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 } })
  return { pod: created, container: container ? name : '' }
}

async function byEphemeralContainer(run: Invocation, o: Options, pod: KubeObject): Promise<Debugged> {
  const name = await containerName(run, o, specOf(pod))
  const container: Fields = { ...newContainer(run, o, name), ...(o.target ? { targetContainerName: o.target } : {}) }
  applyProfile(o, 'ephemeral', {}, { containers: [], ephemeralContainers: [container] }, container)
  await warnOfUser(run, container, specOf(pod))
  try {
    const patched = await patchObject(run, pods, pod.metadata.namespace ?? '', pod.metadata.name, { spec: { '$setElementOrder/ephemeralContainers': [...listOf(specOf(pod), 'ephemeralContainers'), container].map((c) => ({ name: c['name'] })), ephemeralContainers: [container] } }, contentTypes.strategic, { dryRun: 'none', subresource: 'ephemeralcontainers' })
    return { pod: patched, container: name }
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'NotFound' && !error.status?.details?.name) throw new Failure(`ephemeral containers are disabled for this cluster (error from server: ${goQuote(error.message)})`)
    throw error
  }
}

interface Status {
  readonly name: string
  readonly state?: { readonly running?: unknown; readonly terminated?: unknown; readonly waiting?: { readonly message?: string } }
}

function statusOf(pod: KubeObject, container: string): Status | undefined {
  const status = (pod['status'] ?? {}) as Record<string, Status[] | undefined>
  return ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'].flatMap((k) => status[k] ?? []).find((s) => s.name === container)
}

/** Waits, without end, until the container runs or has ended. */
async function waitForContainer(run: Invocation, o: Options, target: ObjectTarget, container: string): Promise<KubeObject> {
  let seen = ''
  for (;;) {
    const pod = await getObject(run, target).catch((error: unknown) => {
      throw error instanceof ApiError && error.reason === 'NotFound' ? new Failure('pods "" not found') : error
    })
    const state = statusOf(pod, container)?.state
    if (state?.running || state?.terminated) return pod
    const message = state?.waiting?.message ?? ''
    if (!o.quiet && message !== '' && pod.metadata.resourceVersion !== seen) await run.err(`Warning: container ${container}: ${message}\n`)
    seen = pod.metadata.resourceVersion ?? ''
    await run.process.sleep(250)
  }
}

async function attachWhenRunning(run: Invocation, o: Options, { pod, container }: Debugged): Promise<void> {
  const target: ObjectTarget = { kind: 'object', resource: pods, namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, object: undefined, source: '' }
  const running = await waitForContainer(run, o, target, container)
  if (statusOf(running, container)?.state?.terminated) return lastLogs(run, target, container)
  const ephemeral = listOf(specOf(running), 'ephemeralContainers').some((c) => c['name'] === container)
  let { tty } = o
  if (tty && run.process.stdin.tty === undefined) {
    tty = false
    if (!o.quiet) await run.err('Unable to use a TTY - input is not a terminal or the right kind of file\n')
  }
  if (!o.quiet) await run.err("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.\nIf you don't see a command prompt, try pressing enter.\n")
  try {
    await attachTo(run, target, container, { stdin: o.stdin, tty })
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof Failure)) throw error
    await run.err(`warning: couldn't attach to pod/${target.name}, falling back to streaming logs: ${error.message}\n`)
    return lastLogs(run, target, container)
  }
  if (o.quiet || !o.stdin || !tty) return
  const resume = `kubectl attach ${target.name} -c ${container} -i -t`
  if (ephemeral) await run.out(`Session ended, the ephemeral container will not be restarted but may be reattached using '${resume}' if it is still running\n`)
  else if (specOf(running)['restartPolicy'] === 'Always') await run.out(`Session ended, resume using '${resume}' command when the pod is running\n`)
}

export const debug: Verb = async (run) => {
  const options = readOptions(run)
  await validate(run, options)
  const found = await findTargets(run, { args: options.names, defaultType: 'pods', selector: '' })
  throwAll(found.errors)
  for (const target of found.targets) {
    const object = await getObject(run, target as ObjectTarget)
    if (object.kind !== 'Node' && object.kind !== 'Pod') throw new Failure(`${goQuote(`${object.apiVersion}, Kind=${object.kind}`)} not supported by debug`)
    const made = object.kind === 'Node' ? await onNode(run, options, object) : options.copyTo !== '' ? await byCopy(run, options, object) : await byEphemeralContainer(run, options, object)
    if (options.attach && made.container !== '') await attachWhenRunning(run, options, made)
  }
}
