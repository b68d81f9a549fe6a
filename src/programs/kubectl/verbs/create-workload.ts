/** `kubectl create deployment | job | cronjob | namespace | serviceaccount | …`: small objects made from flags. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { printerFor } from '../print/printers.ts'
import { getObject, pathOf } from '../resource/targets.ts'
import { builtin, createGenerated, oneName } from './report.ts'

type Fields = Record<string, unknown>

/** Kind and version first, as Go's structs have them; namespace only where it is known. */
export function newObject(apiVersion: string, kind: string, metadata: Fields, rest: Fields): KubeObject {
  return { kind, apiVersion, metadata, ...rest } as unknown as KubeObject
}

/** `-n` as generators use it: always the namespace in force. */
export const spaceOf = (run: Invocation): Fields => ({ namespace: run.namespace })

export const createNamespace: Verb = (run) => createGenerated(run, builtin('', 'v1', 'namespaces', 'Namespace', false), newObject('v1', 'Namespace', { name: oneName(run) }, { spec: {}, status: {} }), undefined)

export const createServiceAccount: Verb = (run) =>
  createGenerated(run, builtin('', 'v1', 'serviceaccounts', 'ServiceAccount'), newObject('v1', 'ServiceAccount', { name: oneName(run), ...spaceOf(run) }, {}), 'failed to create serviceaccount:')

/** `registry.example.com:5000/team/web:1.2@sha256:…` → `web` */
function containerName(image: string): string {
  return image.split('/').at(-1)!.split(/[:@]/)[0]!.replaceAll('_', '-')
}

export const createDeployment: Verb = async (run) => {
  const name = oneName(run)
  const images = run.flags.list('image')
  const command = run.dash >= 0 ? run.args.slice(run.dash) : []
  if (images.length > 1 && command.length > 0) throw new Failure('cannot specify multiple --image options and command')
  const port = run.flags.changed('port') ? run.flags.number('port') : -1
  const replicas = run.flags.number('replicas')
  if (run.flags.changed('replicas') && replicas < 0 && !run.flags.has('replicas')) throw new Failure('--replicas must not be negative')
  const labels = { app: name }
  const containers = images.map((image): Fields => ({ name: containerName(image), image, ...(command.length > 0 ? { command } : {}), resources: {} }))
  if (port >= 0 && containers[0]) containers[0]['ports'] = [{ containerPort: port }]
  const object = newObject('apps/v1', 'Deployment', { name, ...spaceOf(run), labels }, {
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } }, strategy: {} }, status: {},
  })
  await createGenerated(run, builtin('apps', 'v1', 'deployments', 'Deployment'), object, 'failed to create deployment:')
}

export const createJob: Verb = async (run) => {
  const name = oneName(run)
  const image = run.flags.string('image')
  const from = run.flags.string('from')
  const command = run.dash >= 0 ? run.args.slice(run.dash) : []
  if ((image === '') === (from === '')) throw new Failure('either --image or --from must be specified')
  if (from !== '' && command.length > 0) throw new Failure('cannot specify --from and command')
  let object: KubeObject
  if (from !== '') {
    const [type, source] = from.split('/') as [string, string | undefined]
    if (source === undefined) throw new Failure(`from must be an existing cronjob: the server doesn't have a resource type ${JSON.stringify(type)}`)
    const resource = await run.discovery.find(type)
    const cron = await getObject(run, { resource, namespace: run.namespace, name: source })
    if (cron.kind !== 'CronJob') throw new Failure('from must be an existing cronjob')
    const template = ((cron['spec'] as Fields)['jobTemplate'] ?? {}) as Fields
    const metadata = (template['metadata'] ?? {}) as Fields
    object = newObject('batch/v1', 'Job', {
      name, ...(cron.metadata.namespace ? { namespace: cron.metadata.namespace } : {}), ...(metadata['labels'] ? { labels: metadata['labels'] } : {}),
      annotations: { ...(metadata['annotations'] as Fields | undefined), 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: cron.metadata.name, uid: cron.metadata.uid, controller: true }],
    }, { spec: template['spec'], status: {} })
  } else {
    object = newObject('batch/v1', 'Job', { name, ...spaceOf(run) }, { spec: { template: podTemplate(name, image, command, 'Never') }, status: {} })
  }
  await createGenerated(run, builtin('batch', 'v1', 'jobs', 'Job'), object, 'failed to create job:')
}

function podTemplate(name: string, image: string, command: readonly string[], restartPolicy: string): Fields {
  return { metadata: {}, spec: { containers: [{ name, image, ...(command.length > 0 ? { command } : {}), resources: {} }], restartPolicy } }
}

export const createCronJob: Verb = async (run) => {
  const name = oneName(run)
  const command = run.dash >= 0 ? run.args.slice(run.dash) : []
  const object = newObject('batch/v1', 'CronJob', { name, ...spaceOf(run) }, {
    spec: { schedule: run.flags.string('schedule'), jobTemplate: { metadata: { name }, spec: { template: podTemplate(name, run.flags.string('image'), command, run.flags.string('restart') || 'OnFailure') } } }, status: {},
  })
  await createGenerated(run, builtin('batch', 'v1', 'cronjobs', 'CronJob'), object, 'failed to create cronjob:')
}

export const createPriorityClass: Verb = async (run) => {
  const name = oneName(run)
  const policy = run.flags.string('preemption-policy')
  const description = run.flags.string('description')
  const object = newObject('scheduling.k8s.io/v1', 'PriorityClass', { name }, {
    value: run.flags.number('value'), ...(run.flags.bool('global-default') ? { globalDefault: true } : {}), ...(description ? { description } : {}), ...(policy ? { preemptionPolicy: policy } : {}),
  })
  await createGenerated(run, builtin('scheduling.k8s.io', 'v1', 'priorityclasses', 'PriorityClass', false), object, 'failed to create priorityclass:')
}

export const createDisruptionBudget: Verb = async (run) => {
  const name = oneName(run)
  const selector = run.flags.string('selector')
  const min = run.flags.string('min-available')
  const max = run.flags.string('max-unavailable')
  if (selector === '') throw new Failure('a selector must be specified')
  if (min === '' && max === '') throw new Failure('one of min-available or max-unavailable must be specified')
  if (min !== '' && max !== '') throw new Failure('min-available and max-unavailable cannot be both specified')
  for (const value of [min, max]) if (value !== '' && !/^\d+%?$/.test(value)) throw new Failure('invalid format specified for ' + (min ? 'min-available' : 'max-unavailable'))
  const amount = (v: string) => (/%$/.test(v) ? v : Number(v))
  const object = newObject('policy/v1', 'PodDisruptionBudget', { name, ...spaceOf(run) }, {
    spec: { ...(min ? { minAvailable: amount(min) } : {}), selector: { matchLabels: Object.fromEntries(selector.split(',').map((p) => p.split(/==?/) as [string, string])) }, ...(max ? { maxUnavailable: amount(max) } : {}) },
    status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  })
  await createGenerated(run, builtin('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'), object, 'failed to create poddisruptionbudgets:')
}

export const createQuota: Verb = async (run) => {
  const name = oneName(run)
  const hard: Fields = {}
  for (const pair of run.flags.string('hard').split(',').filter(Boolean)) {
    const parts = pair.split('=')
    if (parts.length !== 2) throw new Failure(`Invalid argument syntax ${pair}, expected <resource>=<value>`)
    if (parts[1] === '') throw new Failure(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`)
    hard[parts[0]!] = parts[1]
  }
  const scopes = run.flags.string('scopes').split(',').filter(Boolean)
  const object = newObject('v1', 'ResourceQuota', { name, ...spaceOf(run) }, { spec: { ...(Object.keys(hard).length > 0 ? { hard } : {}), ...(scopes.length > 0 ? { scopes } : {}) }, status: {} })
  await createGenerated(run, builtin('', 'v1', 'resourcequotas', 'ResourceQuota'), object, 'failed to create quota:')
}

export const createToken: Verb = async (run) => {
  const name = oneName(run)
  const duration = run.flags.duration('duration')
  if (duration < 0) throw new Failure('duration must be greater than or equal to 0')
  const audiences = run.flags.list('audience')
  const request = newObject('authentication.k8s.io/v1', 'TokenRequest', {}, { spec: { ...(audiences.length > 0 ? { audiences } : {}), ...(duration > 0 ? { expirationSeconds: duration / 1000 } : {}) } })
  const bound = run.flags.string('bound-object-kind')
  if (bound !== '') {
    if (run.flags.string('bound-object-name') === '') throw new Failure('--bound-object-name is required if --bound-object-kind is provided')
    ;(request['spec'] as Fields)['boundObjectRef'] = { kind: bound, apiVersion: 'v1', name: run.flags.string('bound-object-name'), ...(run.flags.string('bound-object-uid') ? { uid: run.flags.string('bound-object-uid') } : {}) }
  } else if (run.flags.string('bound-object-name') !== '') throw new Failure('--bound-object-name may only be set if --bound-object-kind is provided')
  const resource = builtin('', 'v1', 'serviceaccounts', 'ServiceAccount')
  try {
    const answer = await run.rest.json<KubeObject>('POST', pathOf(resource, run.namespace, name, 'token'), { body: request, about: `serviceaccounts ${name}` })
    const printer = printerFor(run, { nameOf: () => 'token' })
    const token = (answer['status'] as { token?: string } | undefined)?.token ?? ''
    if (printer) await run.out(printer.print({ ...answer, apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' }))
    else if (token === '') throw new Failure('failed to create token:')
    else await run.out(`${token}\n`)
  } catch (error) {
    if (error instanceof ApiError) throw new Failure(`failed to create token: ${error.message}`)
    throw error
  }
}

