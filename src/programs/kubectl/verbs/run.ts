/** `kubectl run`: one pod from flags; attached with -i, removed at the end with --rm. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { applyJsonPatch, applyMergePatch, strategicMergeOf } from '../resource/patch.ts'
import { findTargets, getObject, pathOf, type ObjectTarget } from '../resource/targets.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import { newObject } from './create-workload.ts'
import { builtin, createObject, reporter, withLastApplied } from './report.ts'
import { attachTo, lastLogs, terminatedState } from './stream.ts'

type Fields = Record<string, unknown>

const pods = builtin('', 'v1', 'pods', 'Pod')

/** A reference as docker's grammar has it. */
export const imagePattern = /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/

function labelsFrom(text: string): Record<string, string> | undefined {
  if (text === '') return undefined
  const labels: Record<string, string> = {}
  for (const pair of text.split(',')) {
    const parts = pair.split('=')
    if (parts.length !== 2) throw new Failure(`unexpected label spec: ${pair}`)
    if (parts[0] === '') throw new Failure('unexpected empty label key')
    labels[parts[0]!] = parts[1]!
  }
  return labels
}

/** `--overrides` merged in the way of --override-type. */
export function override(object: KubeObject, text: string, type: string): KubeObject {
  let patch: unknown
  try {
    patch = parseYaml(text)
  } catch (error) {
    if (error instanceof YamlError) throw new Failure(`Invalid JSON Patch: ${error.message}`)
    throw error
  }
  if (type === 'json') return applyJsonPatch(object, patch as never) as KubeObject
  return (type === 'strategic' ? strategicMergeOf(object, patch) : applyMergePatch(object, patch)) as KubeObject
}

export const run_: Verb = async (run) => {
  const name = run.args[0]
  const image = run.flags.string('image')
  const interactive = run.flags.bool('stdin')
  const tty = run.flags.bool('tty')
  const remove = run.flags.bool('rm')
  const attach = run.flags.changed('attach') ? run.flags.bool('attach') : tty || interactive
  if (name === undefined || run.dash === 0) throw usageFailure(run.path, 'NAME is required for run')
  const report = await reporter(run)
  if (image === '') throw new Failure('--image is required')
  if (!imagePattern.test(image)) throw new Failure(`Invalid image name ${goQuote(image)}: invalid reference format`)
  if (tty && !interactive) throw usageFailure(run.path, '-i/--stdin is required for containers with -t/--tty=true')
  if (report.dryRun !== 'none' && attach && run.flags.changed('attach')) throw usageFailure(run.path, "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)")
  if (remove && !attach) throw usageFailure(run.path, '--rm should only be used for attached containers')
  if (remove && report.dryRun !== 'none') throw new Failure('--rm should not be used with --dry-run')
  const restart = run.flags.string('restart') || 'Always'
  if (!['Always', 'OnFailure', 'Never'].includes(restart)) throw usageFailure(run.path, `invalid restart policy: ${restart}`)
  const args = run.dash >= 0 ? [...run.args.slice(1, run.dash), ...run.args.slice(run.dash)] : run.args.slice(1)
  const pull = run.flags.string('image-pull-policy')
  if (!['', 'Always', 'IfNotPresent', 'Never'].includes(pull)) throw usageFailure(run.path, `invalid image pull policy: ${pull}`)
  const env = run.flags.list('env').map((pair) => {
    const at = pair.indexOf('=')
    if (at <= 0) throw new Failure(`invalid env: ${pair}`)
    return { name: pair.slice(0, at), value: pair.slice(at + 1) }
  })
  const annotations: Record<string, string> = {}
  for (const pair of run.flags.list('annotations')) {
    const at = pair.indexOf('=')
    if (at <= 0) throw new Failure(`invalid annotation: ${pair}`)
    annotations[pair.slice(0, at)] = pair.slice(at + 1)
  }
  const port = run.flags.string('port')
  if (port !== '' && !/^[-+]?\d+$/.test(port)) throw new Failure(`strconv.Atoi: parsing ${goQuote(port)}: invalid syntax`)
  if (run.flags.bool('expose') && port === '') throw usageFailure(run.path, '--port must be set when exposing a service')
  const labels = labelsFrom(run.flags.string('labels')) ?? { run: name }
  const container: Fields = {
    name, image, ...(args.length > 0 ? { [run.flags.bool('command') ? 'command' : 'args']: args } : {}), ...(port ? { ports: [{ containerPort: Number(port) }] } : {}), ...(env.length > 0 ? { env } : {}), resources: {},
    ...(pull ? { imagePullPolicy: pull } : {}), ...(interactive ? { stdin: true, stdinOnce: true } : {}), ...(tty ? { tty: true } : {}), ...(run.flags.bool('privileged') ? { securityContext: { privileged: true } } : {}),
  }
  let pod = newObject('v1', 'Pod', { name, ...(run.namespaceGiven || run.namespace !== 'default' ? { namespace: run.namespace } : {}), labels, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) }, { spec: { containers: [container], restartPolicy: restart, dnsPolicy: 'ClusterFirst' }, status: {} })
  if (run.flags.string('overrides')) pod = override(pod, run.flags.string('overrides'), run.flags.string('override-type') || 'merge')
  if (run.flags.bool('save-config')) pod = withLastApplied(pod)
  const service = run.flags.bool('expose') ? newObject('v1', 'Service', { name, ...(pod.metadata.namespace ? { namespace: pod.metadata.namespace } : {}) }, { spec: { ports: [{ protocol: 'TCP', port: Number(port), targetPort: Number(port) }], selector: labels }, status: { loadBalancer: {} } }) : undefined
  if (report.dryRun === 'client') {
    if (service) await report.done(builtin('', 'v1', 'services', 'Service'), service, 'created')
    return report.done(pods, pod, 'created')
  }
  if (service) await report.done(builtin('', 'v1', 'services', 'Service'), await createObject(run, builtin('', 'v1', 'services', 'Service'), run.namespace, service, { dryRun: report.dryRun, fieldManager: 'kubectl-run', validate: 'ignore' }), 'created')
  const stored = await createObject(run, pods, pod.metadata.namespace ?? run.namespace, pod, { dryRun: report.dryRun, fieldManager: 'kubectl-run', validate: 'ignore' })
  const target: ObjectTarget = { kind: 'object', resource: pods, namespace: stored.metadata.namespace ?? run.namespace, name, object: undefined, source: '' }
  if (!attach || report.dryRun !== 'none') return report.done(pods, stored, 'created')
  const removeIt = async () => {
    await run.rest.call('DELETE', pathOf(pods, target.namespace, name), { body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' } })
    if (!run.flags.bool('quiet')) await run.out(`pod ${goQuote(name)} deleted from ${target.namespace} namespace\n`)
  }
  try {
    await attached(run, target, { interactive, tty, restart })
  } catch (error) {
    if (remove && (error instanceof Failure || error instanceof ApiError)) await removeIt()
    throw error
  }
  if (remove) await removeIt()
}

/** Waits until the pod is ready or has ended, attaches (or shows its log), and fails as the container did. */
async function attached(run: Invocation, target: ObjectTarget, options: { readonly interactive: boolean; readonly tty: boolean; readonly restart: string }): Promise<void> {
  const quiet = run.flags.bool('quiet')
  const limit = run.process.now() + (run.flags.duration('pod-running-timeout') || 60_000)
  const phaseOf = (pod: KubeObject) => (pod['status'] as { phase?: string } | undefined)?.phase ?? 'Pending'
  let pod = await getObject(run, target)
  let told = 0
  while (phaseOf(pod) === 'Pending' || (phaseOf(pod) === 'Running' && !isReady(pod))) {
    if (run.process.now() >= limit) throw new Failure('timed out waiting for the condition')
    if (!quiet && run.process.now() - told > 5000 && told > 0) await run.err(`Waiting for pod ${target.namespace}/${target.name} to be running, status is Pending, pod ready: false\n`)
    told = run.process.now()
    await run.process.sleep(250)
    pod = await getObject(run, target)
  }
  const container = (pod['spec'] as { containers: { name: string }[] }).containers[0]!.name
  if (phaseOf(pod) === 'Running') {
    try {
      if (options.interactive && !quiet) await run.err("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.\nIf you don't see a command prompt, try pressing enter.\n")
      await attachTo(run, target, container, { stdin: options.interactive, tty: options.tty })
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Failure)) throw error
      await run.err(`warning: couldn't attach to pod/${target.name}, falling back to streaming logs: ${error.message}\n`)
      await lastLogs(run, target, container)
    }
  } else await lastLogs(run, target, container)
  if (options.restart === 'Always') {
    if (options.tty && !quiet) await run.out(`Session ended, resume using 'kubectl attach ${target.name} -c ${container} -i -t' command when the pod is running\n`)
    return
  }
  const end = run.process.now() + 60_000
  pod = await getObject(run, target)
  while (!['Succeeded', 'Failed'].includes(phaseOf(pod)) && run.process.now() < end) {
    await run.process.sleep(250)
    pod = await getObject(run, target)
  }
  const state = terminatedState(pod, container)
  if (phaseOf(pod) !== 'Failed') return
  if (!state || state.exitCode === 0) throw new Failure(`pod ${target.namespace}/${target.name} failed with unknown exit code`)
  throw new Failure(`pod ${target.namespace}/${target.name} terminated (${state.reason ?? ''})\n${state.message ?? ''}`, { bare: true, code: state.exitCode })
}

function isReady(pod: KubeObject): boolean {
  return ((pod['status'] as { conditions?: { type: string; status: string }[] } | undefined)?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True')
}

const exposable = new Set(['Pod', 'Service', 'ReplicationController', 'Deployment', 'ReplicaSet'])

export const expose: Verb = async (run) => {
  const report = await reporter(run)
  const found = await findTargets(run, { emptySelector: false, selector: '' })
  throwAll(found.errors)
  for (const target of found.targets) {
    if (target.kind !== 'object') throw new Failure('resource(s) were provided, but no name was specified')
    const source = await getObject(run, target).catch((error: unknown) => {
      if (target.object && error instanceof ApiError && error.reason === 'NotFound') return target.object
      throw error
    })
    if (!exposable.has(source.kind)) throw new Failure(`cannot expose a ${source.kind}${target.resource.group ? `.${target.resource.group}` : ''}`)
    const service = serviceFor(run, source, target.name)
    const resource = builtin('', 'v1', 'services', 'Service')
    if (report.dryRun === 'client') {
      await report.done(resource, service, 'exposed')
      continue
    }
    await report.done(resource, await createObject(run, resource, service.metadata.namespace ?? run.namespace, service, { dryRun: report.dryRun, fieldManager: 'kubectl-expose', validate: 'ignore' }), 'exposed')
  }
}

function containerPorts(source: KubeObject): { port: number; protocol: string }[] {
  const spec = source['spec'] as Fields
  const podSpec = (source.kind === 'Pod' ? spec : ((spec['template'] as Fields | undefined)?.['spec'] as Fields | undefined)) ?? {}
  if (source.kind === 'Service') return ((spec['ports'] as Fields[] | undefined) ?? []).map((p) => ({ port: Number(p['port']), protocol: String(p['protocol'] ?? 'TCP') }))
  return ((podSpec['containers'] as Fields[] | undefined) ?? []).flatMap((c) => ((c['ports'] as Fields[] | undefined) ?? []).map((p) => ({ port: Number(p['containerPort']), protocol: String(p['protocol'] ?? 'TCP') })))
}

function selectorOf(run: Invocation, source: KubeObject): Record<string, string> {
  const given = run.flags.string('selector')
  if (given !== '') return Object.fromEntries(given.split(',').map((p) => p.split(/==?/) as [string, string]))
  const spec = source['spec'] as Fields
  if (source.kind === 'Pod') {
    if (Object.keys(source.metadata.labels ?? {}).length === 0) throw new Failure("couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed")
    return source.metadata.labels!
  }
  if (source.kind === 'Service') {
    if (spec['selector'] === undefined) throw new Failure("couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set")
    return spec['selector'] as Record<string, string>
  }
  const selector = spec['selector'] as { matchLabels?: Record<string, string>; matchExpressions?: unknown[] } | undefined
  if (source.kind === 'ReplicationController') return (spec['selector'] ?? {}) as Record<string, string>
  if (!selector?.matchLabels) throw new Failure(`couldn't retrieve selectors via --selector flag or introspection: invalid ${source.kind.toLowerCase()}: no selectors, therefore cannot be exposed`)
  if ((selector.matchExpressions ?? []).length > 0) throw new Failure(`couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions - "[${String((selector.matchExpressions as { key: string }[]).map((e) => e.key))}]" to map-based selector format`)
  return selector.matchLabels
}

function serviceFor(run: Invocation, source: KubeObject, sourceName: string): KubeObject {
  const selector = selectorOf(run, source)
  const exposed = containerPorts(source)
  let portText = run.flags.string('port')
  if (portText === '' && !run.flags.changed('port')) {
    const headless = run.flags.string('cluster-ip') === 'None'
    if (exposed.length === 0 && !headless) throw new Failure("couldn't find port via --port flag or introspection\nSee 'kubectl expose -h' for help and examples")
    portText = exposed.map((p) => p.port).join(',')
  }
  const protocolFlag = run.flags.string('protocol')
  const target = run.flags.string('target-port')
  const many = portText.includes(',')
  const ports = portText === '' ? [] : portText.split(',').map((text, i): Fields => {
    if (!/^[-+]?\d+$/.test(text)) throw new Failure(`strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`)
    const port = Number(text)
    const protocol = protocolFlag || (exposed.find((p) => p.port === port)?.protocol ?? 'TCP')
    return { ...(many ? { name: `port-${i + 1}` } : {}), protocol, port, targetPort: target === '' ? port : /^\d+$/.test(target) ? Number(target) : target }
  })
  const labels = labelsFrom(run.flags.string('labels')) ?? source.metadata.labels
  const namespace = source.metadata.namespace
  const name = run.flags.string('name') || sourceName
  const type = run.flags.string('type')
  const spec: Fields = {
    ...(ports.length > 0 ? { ports } : {}), selector, ...(run.flags.string('cluster-ip') ? { clusterIP: run.flags.string('cluster-ip') } : {}), ...(type ? { type } : {}),
    ...(run.flags.string('external-ip') ? { externalIPs: [run.flags.string('external-ip')] } : {}), ...(run.flags.string('session-affinity') ? { sessionAffinity: run.flags.string('session-affinity') } : {}),
    ...(type === 'LoadBalancer' && run.flags.string('load-balancer-ip') ? { loadBalancerIP: run.flags.string('load-balancer-ip') } : {}),
  }
  const affinity = run.flags.string('session-affinity')
  if (affinity !== '' && affinity !== 'None' && affinity !== 'ClientIP') throw new Failure(`unknown session affinity: ${affinity}`)
  let service = newObject('v1', 'Service', { name, ...(namespace ? { namespace } : {}), ...(labels && Object.keys(labels).length > 0 ? { labels } : {}) }, { spec, status: { loadBalancer: {} } })
  if (run.flags.string('overrides')) service = override(service, run.flags.string('overrides'), run.flags.string('override-type') || 'merge')
  return service
}
