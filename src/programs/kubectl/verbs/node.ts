/** `kubectl cordon | uncordon | drain | taint`. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import { dryRunNote, dryRunOf, type Invocation, type Verb } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { contentTypes } from '../resource/patch.ts'
import { fetchInfos, findTargets, getObject, pathOf, type Info } from '../resource/targets.ts'
import { builtin, patchObject, reporter, type DryRun } from './report.ts'

type Fields = Record<string, unknown>
const pods = builtin('', 'v1', 'pods', 'Pod')
const daemonSets = builtin('apps', 'v1', 'daemonsets', 'DaemonSet')
const mirror = 'kubernetes.io/config.mirror'

async function nodesOf(run: Invocation, usage: string): Promise<Info[]> {
  const selector = run.flags.string('selector')
  if (run.args.length > 0 && selector !== '') throw usageFailure(run.path, 'error: cannot specify both a node name and a --selector option')
  if (run.args.length === 0 && selector === '') throw usageFailure(run.path, usage)
  const found = await findTargets(run, { defaultType: 'nodes', args: run.args, selector, allNamespaces: false, files: false })
  const { infos, errors } = await fetchInfos(run, found)
  throwAll(errors)
  return infos
}

/** Marks a node; answers the word for what happened. */
async function mark(run: Invocation, info: Info, unschedulable: boolean, dryRun: DryRun): Promise<void> {
  const now = ((info.object['spec'] as Fields | undefined)?.['unschedulable'] ?? false) === true
  const word = unschedulable ? 'cordoned' : 'uncordoned'
  if (now === unschedulable) return run.out(`node/${info.name} already ${word}${dryRunNote[dryRun]}\n`)
  if (dryRun !== 'client') await patchObject(run, info.resource, '', info.name, { spec: { unschedulable: unschedulable ? true : null } }, contentTypes.strategic, { dryRun, fieldManager: 'kubectl' })
  await run.out(`node/${info.name} ${word}${dryRunNote[dryRun]}\n`)
}

function cordoning(unschedulable: boolean): Verb {
  return async (run) => {
    const dryRun = await dryRunOf(run)
    for (const info of await nodesOf(run, `USAGE: ${unschedulable ? 'cordon' : 'uncordon'} NODE [flags]`)) await mark(run, info, unschedulable, dryRun)
  }
}

export const cordon = cordoning(true)
export const uncordon = cordoning(false)

interface Verdict {
  readonly pod: KubeObject
  readonly evict: boolean
  readonly warning?: string
  readonly error?: string
}

const localStorage = (pod: KubeObject): boolean => (((pod['spec'] as Fields)['volumes'] as Fields[] | undefined) ?? []).some((v) => v['emptyDir'] !== undefined)
const finished = (pod: KubeObject): boolean => ['Succeeded', 'Failed'].includes(String((pod['status'] as Fields | undefined)?.['phase']))

const reasons = {
  daemonFatal: 'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)',
  daemonWarning: 'ignoring DaemonSet-managed Pods',
  storageFatal: 'cannot delete Pods with local storage (use --delete-emptydir-data to override)',
  orphanFatal: 'cannot delete cannot delete Pods that declare no controller (use --force to override)',
  orphanWarning: 'deleting Pods that declare no controller',
} as const

/** The filters of drain, in order; the first that keeps a pod decides. */
async function judge(run: Invocation, pod: KubeObject): Promise<Verdict> {
  const controller = pod.metadata.ownerReferences?.find((r) => r.controller)
  if (controller?.kind === 'DaemonSet' && !finished(pod)) {
    try {
      await getObject(run, { resource: daemonSets, namespace: pod.metadata.namespace ?? '', name: controller.name })
      return run.flags.bool('ignore-daemonsets') ? { pod, evict: false, warning: reasons.daemonWarning } : { pod, evict: false, error: reasons.daemonFatal }
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error
      if (!run.flags.bool('force')) return { pod, evict: false, error: error.message }
      return { pod, evict: true, warning: error.message }
    }
  }
  if (pod.metadata.annotations?.[mirror] !== undefined) return { pod, evict: false }
  // The last filter decides what is said: a warning about local storage is always overtaken by it.
  let warning: string | undefined
  if (localStorage(pod) && !finished(pod) && !run.flags.bool('delete-emptydir-data')) return { pod, evict: false, error: reasons.storageFatal }
  if (!controller && !finished(pod)) {
    if (!run.flags.bool('force')) return { pod, evict: false, error: reasons.orphanFatal }
    warning = reasons.orphanWarning
  }
  return { pod, evict: true, ...(warning ? { warning } : {}) }
}

const label = (pod: KubeObject): string => `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`

function grouped(entries: readonly (readonly [string, string])[]): string[] {
  const groups = new Map<string, string[]>()
  for (const [reason, pod] of entries) groups.set(reason, [...(groups.get(reason) ?? []), pod])
  return [...groups].map(([reason, list]) => `${reason}: ${list.join(', ')}`)
}

export const drain: Verb = async (run) => {
  const dryRun = await dryRunOf(run)
  const infos = await nodesOf(run, 'USAGE: drain NODE [flags]')
  for (const info of infos) await mark(run, info, true, dryRun)
  const failed: string[] = []
  const causes: string[] = []
  for (const info of infos) {
    const problem = await drainOne(run, info, dryRun)
    if (problem.length === 0) {
      await run.out(`node/${info.name} drained${dryRunNote[dryRun]}\n`)
      continue
    }
    await run.err(`error: unable to drain node ${goQuote(info.name)} due to error: ${problem.length === 1 ? problem[0]! : `[${problem.join(', ')}]`}, continuing command...\n`)
    failed.push(info.name)
    causes.push(...problem)
  }
  if (failed.length > 0) {
    await run.err(`There are pending nodes to be drained:\n${failed.map((n) => ` ${n}\n`).join('')}`)
    throwAll(causes.map((c) => new Failure(c, { bare: true })))
  }
}

async function drainOne(run: Invocation, info: Info, dryRun: DryRun): Promise<string[]> {
  const list = await run.rest.json<{ items: KubeObject[] }>('GET', '/api/v1/pods', { query: { fieldSelector: `spec.nodeName=${info.name}`, labelSelector: run.flags.string('pod-selector') } })
  const verdicts: Verdict[] = []
  for (const pod of list.items ?? []) verdicts.push(await judge(run, { ...pod, apiVersion: 'v1', kind: 'Pod' }))
  const errors = grouped(verdicts.filter((v) => v.error !== undefined).map((v) => [v.error!, label(v.pod)] as const))
  if (errors.length > 0) return errors
  const warnings = grouped(verdicts.filter((v) => v.warning !== undefined).map((v) => [v.warning!, label(v.pod)] as const))
  if (warnings.length > 0) await run.warn(warnings.join('; '))
  const victims = verdicts.filter((v) => v.evict).map((v) => v.pod)
  return evictAll(run, victims, dryRun)
}

async function evictAll(run: Invocation, victims: readonly KubeObject[], dryRun: DryRun): Promise<string[]> {
  const timeout = run.flags.duration('timeout')
  const limit = run.process.now() + (timeout > 0 ? timeout : 365 * 24 * 3_600_000)
  const direct = run.flags.bool('disable-eviction')
  const grace = run.flags.number('grace-period')
  const waiting: KubeObject[] = []
  for (const pod of victims) await run.out(`${direct ? 'deleting' : 'evicting'} pod ${label(pod)}${dryRunNote[dryRun]}\n`)
  if (dryRun === 'client') return []
  let pending = [...victims]
  while (pending.length > 0) {
    const again: KubeObject[] = []
    for (const pod of pending) {
      const path = pathOf(pods, pod.metadata.namespace, pod.metadata.name)
      const options = { kind: 'DeleteOptions', apiVersion: 'v1', ...(grace >= 0 ? { gracePeriodSeconds: grace } : {}), ...(dryRun === 'server' ? { dryRun: ['All'] } : {}) }
      try {
        if (direct) await run.rest.call('DELETE', path, { body: options })
        else await run.rest.call('POST', `${path}/eviction`, { body: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace }, deleteOptions: options } })
        waiting.push(pod)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (error.reason === 'NotFound') continue
        if (error.reason !== 'TooManyRequests') return [`error when evicting pods/${goQuote(pod.metadata.name)} -n ${goQuote(pod.metadata.namespace ?? '')}: ${error.message}`]
        await run.err(`error when evicting pods/${goQuote(pod.metadata.name)} -n ${goQuote(pod.metadata.namespace ?? '')} (will retry after 5s): ${error.message}\n`)
        again.push(pod)
      }
    }
    pending = again
    if (pending.length > 0) {
      if (run.process.now() + 5000 > limit) return [`error when waiting for pod ${goQuote(pending[0]!.metadata.name)} in namespace ${goQuote(pending[0]!.metadata.namespace ?? '')} to terminate: global timeout reached: ${run.flags.string('timeout')}`]
      await run.process.sleep(5000)
      for (const pod of pending) await run.out(`evicting pod ${label(pod)}\n`)
    }
  }
  if (dryRun === 'server') return []
  for (const pod of waiting) {
    for (;;) {
      try {
        const now = await getObject(run, { resource: pods, namespace: pod.metadata.namespace ?? '', name: pod.metadata.name })
        if (now.metadata.uid !== pod.metadata.uid) break
      } catch (error) {
        if (error instanceof ApiError && error.reason === 'NotFound') break
        throw error
      }
      if (run.process.now() >= limit) return [`error when waiting for pod ${goQuote(pod.metadata.name)} in namespace ${goQuote(pod.metadata.namespace ?? '')} to terminate: global timeout reached: ${run.flags.string('timeout')}`]
      await run.process.sleep(500)
    }
    await run.out(`pod/${pod.metadata.name} ${direct ? 'deleted' : 'evicted'}\n`)
  }
  return []
}

interface Taint {
  readonly key: string
  readonly value?: string
  readonly effect: string
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

function parseTaints(words: readonly string[]): { readonly add: Taint[]; readonly remove: { readonly key: string; readonly effect: string }[] } {
  const add: Taint[] = []
  const remove: { key: string; effect: string }[] = []
  for (const word of words) {
    if (word.endsWith('-')) {
      const [head, effect = ''] = word.slice(0, -1).split(':') as [string, string?]
      if (effect !== '' && !effects.includes(effect)) throw new Failure(`invalid taint effect: ${effect}, unsupported taint effect`)
      remove.push({ key: head.split('=')[0]!, effect })
      continue
    }
    const parts = word.split(':')
    if (parts.length > 2 || word === '') throw new Failure(`invalid taint spec: ${word}`)
    const [head, effect] = parts as [string, string?]
    const [key, value, more] = head.split('=') as [string, string?, string?]
    if (more !== undefined) throw new Failure(`invalid taint spec: ${word}`)
    if (effect === undefined) throw new Failure(`invalid taint spec: ${word}`)
    if (!effects.includes(effect)) throw new Failure(`invalid taint effect: ${effect}, unsupported taint effect`)
    if (!/^([a-z0-9A-Z]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(key)) throw new Failure(`invalid taint spec: ${word}, name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`)
    if (value !== undefined && !/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(value)) throw new Failure(`invalid taint spec: ${word}, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`)
    if (add.some((t) => t.key === key && t.effect === effect)) throw new Failure(`duplicated taints with the same key and effect: {${key} ${value ?? ''} ${effect} <nil>}`)
    add.push({ key, ...(value ? { value } : {}), effect })
  }
  return { add, remove }
}

export const taint: Verb = async (run) => {
  const report = await reporter(run)
  const isSpec = (w: string) => (w.includes('=') && w[0] !== '=') || (w.endsWith('-') && w !== '-') || w.includes(':')
  const resources = run.args.filter((w) => !isSpec(w))
  const specs = run.args.filter(isSpec)
  if (resources.length < 1) throw new Failure('one or more resources must be specified as <resource> <name>')
  if (!['node', 'nodes', 'no'].includes(resources[0]!.split('/')[0]!.toLowerCase())) throw new Failure(`invalid resource type ${resources[0]!}, only node types are supported`)
  if (specs.length < 1) throw new Failure('at least one taint update is required')
  const all = run.flags.bool('all')
  if (resources.length < 2 && !all && run.flags.string('selector') === '' && !resources[0]!.includes('/')) throw new Failure('at least one resource name must be specified since \'all\' parameter is not set')
  const { add, remove } = parseTaints(specs)
  const both = add.filter((a) => remove.some((r) => r.key === a.key && (r.effect === '' || r.effect === a.effect)))
  if (both.length > 0) throw new Failure(`can not both modify and remove the following taint(s) in the same command: ${both.map((b) => b.key).join(', ')}`)
  const found = await findTargets(run, { args: resources, all })
  const { infos, errors } = await fetchInfos(run, found)
  for (const info of infos) {
    try {
      const old = ((info.object['spec'] as Fields | undefined)?.['taints'] as Taint[] | undefined) ?? []
      const taken = add.filter((a) => old.some((o) => o.key === a.key && o.effect === a.effect))
      if (!run.flags.bool('overwrite') && taken.length > 0) throw new Failure(`node ${info.name} already has ${taken.map((t) => `${t.key}`).join(', ')} taint(s) with same effect(s) and --overwrite is false`)
      let next = [...add, ...old.filter((o) => !add.some((a) => a.key === o.key && a.effect === o.effect))]
      for (const r of remove) {
        const before = next.length
        next = next.filter((t) => !(t.key === r.key && (r.effect === '' || t.effect === r.effect)))
        if (next.length === before) throw new Failure(`taint ${goQuote(r.effect === '' ? r.key : `${r.key}:${r.effect}`)} not found`)
      }
      const words = add.length > 0 && remove.length > 0 ? 'modified' : remove.length > 0 ? 'untainted' : taken.length > 0 ? 'modified' : 'tainted'
      const patch = { spec: { taints: next.length > 0 ? next : null } }
      const stored = report.dryRun === 'client' ? info.object : await patchObject(run, info.resource, '', info.name, patch, contentTypes.merge, { dryRun: report.dryRun, fieldManager: 'kubectl-taint' })
      await report.done(info.resource, stored, words)
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Failure)) throw error
      errors.push(error)
    }
  }
  throwAll(errors)
}

