/**
 * cobra's `__complete` for kubectl: commands, required flags, flag names and values, resource types, names, pods, containers and ports. The candidates and the
 * directive (1 error, 2 no space, 4 no files, 8 file extensions) are those of the real program.
 */
import type { KubeObject } from '#engine/api/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { Aggregate, ApiError, ConfigInvalid, ConnectError, Failure } from './cli/errors.ts'
import { FlagError, Flags, flagsOf, type FlagDefinition } from './cli/flags.ts'
import { Invocation, type Dial } from './cli/invocation.ts'
import { loadConfig } from './client/kubeconfig.ts'
import { groupResource } from './client/discovery.ts'
import { dialNetwork } from './client/network.ts'
import { findCommand } from './find.ts'
import { commandTable } from './generated/commands.ts'
import { listObjects, typesOf } from './resource/targets.ts'
import { podsBehind } from './verbs/pods-behind.ts'

export interface Completion {
  readonly candidates: readonly string[]
  readonly directive: number
}

const NoSpace = 2
const NoFiles = 4
const ByExtension = 8

interface Request {
  readonly run: Invocation
  readonly args: readonly string[]
  readonly word: string
}

type Completer = (request: Request) => Promise<Completion>

const starting = (list: readonly string[], word: string): string[] => list.filter((c) => c.startsWith(word))
const none: Completion = { candidates: [], directive: NoFiles }

/** What the cluster would say; nothing where it cannot be asked. */
async function quietly<T>(fallback: T, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ApiError || error instanceof Failure || error instanceof ConnectError || error instanceof ConfigInvalid || error instanceof Aggregate) return fallback
    throw error
  }
}

async function typeNames({ run }: Request, word: string): Promise<string[]> {
  return quietly([], async () => {
    const all = (await run.discovery.resources()).filter((r) => r.preferred && r.verbs.includes('get'))
    const sorted = [...all].sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : a.name < b.name ? -1 : 1)).map(groupResource)
    const comma = word.lastIndexOf(',')
    if (comma < 0) return starting(sorted, word)
    const given = word.slice(0, comma).split(',')
    return starting(sorted.filter((n) => !given.includes(n)), word.slice(comma + 1)).map((n) => `${word.slice(0, comma)},${n}`)
  })
}

async function objectsOf(run: Invocation, type: string): Promise<KubeObject[]> {
  return quietly([], async () => {
    const out: KubeObject[] = []
    for (const resource of (await typesOf(run, type)).resources) out.push(...(await listObjects(run, { kind: 'list', resource, namespace: resource.namespaced ? run.namespace : undefined, labelSelector: '', fieldSelector: '' })))
    return out
  })
}

const namesOf = async (run: Invocation, type: string, word: string): Promise<string[]> => starting((await objectsOf(run, type)).map((o) => o.metadata.name), word)

/** `TYPE NAME…` and `TYPE/NAME…`; `allowed`: the types of this command, none for all. */
function typeAndName(allowed: readonly string[] = []): Completer {
  return async (request) => {
    const { run, args, word } = request
    if (args.length > 0 && !args[0]!.includes('/')) return { candidates: (await namesOf(run, args[0]!, word)).filter((n) => !args.slice(1).includes(n)), directive: NoFiles }
    const slash = word.indexOf('/')
    if (slash < 0) {
      const types = allowed.length > 0 ? starting(allowed, word) : await typeNames(request, word)
      return args.length === 0 ? { candidates: types, directive: NoFiles } : { candidates: types.map((t) => `${t}/`), directive: NoFiles | NoSpace }
    }
    const type = word.slice(0, slash)
    const names = await namesOf(run, type, word.slice(slash + 1))
    return { candidates: names.map((n) => `${type}/${n}`).filter((n) => !args.includes(n)), directive: NoFiles }
  }
}

/** One name of a given type, as the only argument. */
function nameOnly(type: string): Completer {
  return async ({ run, args, word }) => (args.length > 0 ? none : { candidates: await namesOf(run, type, word), directive: NoFiles })
}

const withPods = ['daemonsets', 'deployments', 'pods', 'jobs', 'replicasets', 'replicationcontrollers', 'services', 'statefulsets']

async function podOrType(request: Request): Promise<Completion> {
  const { run, word } = request
  const slash = word.indexOf('/')
  if (slash >= 0) return { candidates: (await namesOf(run, word.slice(0, slash), word.slice(slash + 1))).map((n) => `${word.slice(0, slash)}/${n}`), directive: NoFiles }
  const pods = await namesOf(run, 'pod', word)
  return { candidates: [...pods, ...starting(withPods, word).map((t) => `${t}/`)], directive: pods.length === 0 ? NoFiles | NoSpace : NoFiles }
}

/** The pod behind `web` or `deploy/web`. */
async function podOf(run: Invocation, word: string): Promise<KubeObject | undefined> {
  const [type, name] = word.includes('/') ? (word.split('/') as [string, string]) : ['pod', word]
  const object = (await objectsOf(run, type)).find((o) => o.metadata.name === name)
  if (!object || object.kind === 'Pod') return object
  return quietly(undefined, async () => {
    const { resources } = await typesOf(run, type)
    return (await podsBehind(run, { kind: 'object', resource: resources[0]!, namespace: run.namespace, name, object: undefined, source: '' }, object))[0]
  })
}

interface PodSpec {
  readonly containers?: readonly { readonly name: string; readonly ports?: readonly { readonly containerPort: number }[] }[]
  readonly initContainers?: readonly { readonly name: string }[]
}
const specOf = (pod: KubeObject | undefined): PodSpec => (pod?.['spec'] ?? {}) as PodSpec

async function containersOf(run: Invocation, pod: string, word: string): Promise<string[]> {
  const spec = specOf(await podOf(run, pod))
  return starting([...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((c) => c.name), word)
}

const copyPlaces: Completer = async ({ run, args, word }) => {
  if (args.length > 0 || /^[/.~]/.test(word) || word.includes(':')) return { candidates: [], directive: NoSpace }
  const slash = word.indexOf('/')
  if (slash > 0) {
    const pods = (await quietly([], async () => listObjects(run, { kind: 'list', resource: (await typesOf(run, 'pods')).resources[0]!, namespace: word.slice(0, slash), labelSelector: '', fieldSelector: '' }))).map((p) => `${word.slice(0, slash)}/${p.metadata.name}:`)
    return { candidates: starting(pods, word), directive: NoSpace }
  }
  return { candidates: [...(await namesOf(run, 'namespace', word)).map((n) => `${n}/`), ...(await namesOf(run, 'pod', word)).map((n) => `${n}:`)], directive: NoSpace }
}

const forwardPorts: Completer = async (request) => {
  const { run, args, word } = request
  if (args.length === 0) return podOrType(request)
  const ports = (specOf(await podOf(run, args[0]!)).containers ?? []).flatMap((c) => (c.ports ?? []).map((p) => `${p.containerPort}:${p.containerPort}`))
  return { candidates: starting(ports, word), directive: NoFiles }
}

type ConfigKind = 'contexts' | 'clusters' | 'users'

async function configNames(run: Invocation, kind: ConfigKind, word: string): Promise<string[]> {
  return starting(await quietly([], async () => [...loadConfig(run.process, run.flags)[kind].keys()]), word)
}

/** Names of kubeconfig entries, as the only argument. */
function configName(kind: ConfigKind): Completer {
  return async ({ run, args, word }) => (args.length > 0 ? none : { candidates: await configNames(run, kind, word), directive: NoFiles })
}

const scalable = ['deployment', 'replicaset', 'replicationcontroller', 'statefulset']
const rolling = ['deployment', 'daemonset', 'statefulset']
const any = typeAndName()

/** Arguments by command; commands that are not here leave it to the shell. */
const arguments_: Readonly<Record<string, Completer>> = {
  'kubectl get': any, 'kubectl describe': any, 'kubectl delete': any, 'kubectl edit': any, 'kubectl label': any, 'kubectl annotate': any, 'kubectl patch': any, 'kubectl expose': any,
  'kubectl scale': typeAndName(scalable), 'kubectl autoscale': typeAndName(scalable),
  'kubectl set image': typeAndName(['daemonsets', 'deployments', 'pods', 'cronjobs', 'replicasets', 'replicationcontrollers', 'statefulsets']),
  'kubectl rollout status': typeAndName(rolling), 'kubectl rollout history': typeAndName(rolling), 'kubectl rollout undo': typeAndName(rolling), 'kubectl rollout restart': typeAndName(rolling),
  'kubectl rollout pause': typeAndName(['deployment']), 'kubectl rollout resume': typeAndName(['deployment']), 'kubectl taint': typeAndName(['node']),
  'kubectl cordon': nameOnly('node'), 'kubectl uncordon': nameOnly('node'), 'kubectl drain': nameOnly('node'), 'kubectl top node': nameOnly('node'), 'kubectl top pod': nameOnly('pod'), 'kubectl create token': nameOnly('serviceaccount'),
  'kubectl logs': async (request) => (request.args.length === 0 ? podOrType(request) : request.args.length === 1 ? { candidates: await containersOf(request.run, request.args[0]!, request.word), directive: NoFiles } : none),
  'kubectl exec': (request) => (request.args.length === 0 ? podOrType(request) : Promise.resolve(none)),
  'kubectl attach': (request) => (request.args.length === 0 ? podOrType(request) : Promise.resolve(none)),
  'kubectl debug': () => Promise.resolve(none),
  'kubectl port-forward': forwardPorts,
  'kubectl cp': copyPlaces,
  'kubectl config use-context': configName('contexts'), 'kubectl config set-context': configName('contexts'), 'kubectl config delete-context': configName('contexts'), 'kubectl config rename-context': configName('contexts'),
  'kubectl config delete-cluster': configName('clusters'), 'kubectl config delete-user': configName('users'),
}

const getFormats = ['json', 'yaml', 'kyaml', 'name', 'go-template', 'go-template-file', 'template', 'templatefile', 'jsonpath', 'jsonpath-as-json', 'jsonpath-file', 'custom-columns', 'custom-columns-file', 'wide']

/** Values of flags. */
async function flagValue(request: Request, path: string, flag: FlagDefinition): Promise<Completion> {
  const { run, word, args } = request
  const list = async (names: Promise<string[]> | string[]): Promise<Completion> => ({ candidates: await names, directive: NoFiles })
  if (flag.name === 'namespace') return list(namesOf(run, 'namespace', word))
  if (flag.name === 'context') return list(configNames(run, 'contexts', word))
  if (flag.name === 'cluster') return list(configNames(run, 'clusters', word))
  if (flag.name === 'user') return list(configNames(run, 'users', word))
  if (flag.name === 'filename') return { candidates: ['json', 'yaml', 'yml'], directive: ByExtension }
  if (flag.name === 'output' && path === 'kubectl get') return list(starting(getFormats, word))
  if (flag.name === 'container' && path === 'kubectl exec') return list(args.length === 0 ? [] : containersOf(run, args[0]!, word))
  return { candidates: [], directive: 0 }
}

/** Flags whose name begins so; those that were given already only where they may be repeated. */
function flagNames(flags: Flags, word: string): string[] {
  const root = flags.definitions.every((f) => f.persistent || f.name === 'help')
  const inherited = flags.definitions.filter((f) => f.persistent && !root)
  const own = flags.definitions.filter((f) => !f.persistent || root)
  const byName = (a: FlagDefinition, b: FlagDefinition) => (a.name < b.name ? -1 : 1)
  return [...inherited.sort(byName), ...own.sort(byName)].filter((f) => (!f.hidden || klogFlags.has(f.name)) && f.deprecated === undefined && (!flags.changed(f.name) || /Slice|Array|^stringTo/.test(f.type))).flatMap((f) => starting([`--${f.name}`, ...(f.shorthand ? [`-${f.shorthand}`] : [])], word))
}

const klogFlags = new Set(['log-flush-frequency', 'v', 'vmodule'])

function required(flags: Flags, word: string): string[] {
  return flags.definitions.filter((f) => f.required && !flags.changed(f.name)).flatMap((f) => starting([`--${f.name}`], word))
}

/** Candidates for the last of `words` (what follows `kubectl`), and cobra's directive. */
export async function completeWords(process: Process, words: readonly string[], dial: Dial): Promise<Completion> {
  const word = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const { path, rest } = findCommand(before)
  const flags = new Flags(flagsOf(path))
  const dashed = before.includes('--')
  const last = before.at(-1) ?? ''
  const pending = dashed ? undefined : pendingFlag(flags, last)
  let parsed: { readonly args: readonly string[]; readonly dash: number }
  try {
    parsed = flags.parse(pending ? rest.slice(0, -1) : rest)
  } catch (error) {
    if (error instanceof FlagError) return { candidates: [], directive: 0 }
    throw error
  }
  const run = new Invocation(process, path, flags, parsed, dial)
  if (path === 'kubectl' && before[0] === 'help') return { candidates: starting(subcommands('kubectl'), word), directive: NoFiles }
  if (pending) return flagValue({ run, args: parsed.args, word }, path, pending)
  const equals = word.startsWith('--') && !dashed ? word.indexOf('=') : -1
  if (equals > 0) {
    const flag = flags.definition(word.slice(2, equals))
    return flag ? flagValue({ run, args: parsed.args, word: word.slice(equals + 1) }, path, flag) : { candidates: [], directive: 0 }
  }
  if (word.startsWith('-') && !dashed) {
    const needed = required(flags, word)
    return { candidates: needed.length > 0 ? needed : flagNames(flags, word), directive: NoFiles }
  }
  const names = parsed.args.length === 0 ? starting(subcommands(path), word) : []
  const group = parsed.args.length === 0 && commandTable[path]?.subcommands !== undefined
  const candidates = [...names, ...required(flags, word)]
  // cobra offers the arguments that a command names, wherever the cursor is.
  const valid = commandTable[path]?.validArgs
  if (valid) return { candidates: [...candidates, ...starting(valid, word)], directive: NoFiles }
  const completer = arguments_[path]
  if (!completer) return { candidates, directive: group ? NoFiles : 0 }
  const more = await completer({ run, args: parsed.args, word })
  return { candidates: [...candidates, ...more.candidates], directive: more.directive }
}

function subcommands(path: string): string[] {
  const names = Object.values(commandTable[path]?.subcommands ?? {}).flat()
  return [...names, ...(path === 'kubectl' ? ['help', 'options'] : [])].sort()
}

/** The flag that waits for the word under the cursor. */
function pendingFlag(flags: Flags, last: string): FlagDefinition | undefined {
  if (!last.startsWith('-') || last.includes('=') || last === '-' || last === '--') return undefined
  const flag = last.startsWith('--') ? flags.definition(last.slice(2)) : flags.byShorthand(last.at(-1)!)
  return flag?.bare === '' ? flag : undefined
}

/** What may stand at `words[index]`; words[0] is `kubectl` or its alias. */
export async function complete(process: Process, words: readonly string[], index: number): Promise<readonly string[]> {
  const { candidates, directive } = await completeWords(process, words.slice(1, index + 1), dialNetwork)
  return directive === ByExtension ? [] : candidates
}
