/** Every built-in kind: discovery's facts joined with the strategies of the kinds that have one of their own. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { KindDefinition, Strategy, Subresource } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { bootstrapText } from './generated/bootstrap.ts'
import { resources } from './generated/discovery.ts'
import { schemas } from './generated/schemas.ts'
import { strategies } from './strategies.ts'
import { validations } from './validations.ts'
import { updateRules } from './update-rules.ts'
import { tables } from './tables/all.ts'

const verbs: Record<string, string> = { c: 'create', d: 'delete', D: 'deletecollection', g: 'get', l: 'list', p: 'patch', u: 'update', w: 'watch' }

interface Row {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly subresource: string
  readonly singular: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly foreign: string
}

const list = (text: string | undefined) => (text ? text.split(',') : [])

function rowOf(line: string): Row {
  const [groupVersion = '', resource = '', singular = '', kind = '', scope, letters = '', shortNames, categories, foreign = ''] = line.split('|')
  const slash = groupVersion.indexOf('/')
  const [plural = '', subresource = ''] = resource.split('/')
  return {
    group: slash < 0 ? '' : groupVersion.slice(0, slash), version: groupVersion.slice(slash + 1), plural, subresource, singular, kind, namespaced: scope === 'n',
    verbs: [...letters].map((l) => verbs[l]!), shortNames: list(shortNames), categories: list(categories), foreign,
  }
}

const packages: Record<string, string> = {
  '': 'core', 'apiregistration.k8s.io': 'apiregistration', 'events.k8s.io': 'events', 'authentication.k8s.io': 'authentication', 'authorization.k8s.io': 'authorization',
  'certificates.k8s.io': 'certificates', 'networking.k8s.io': 'networking', 'rbac.authorization.k8s.io': 'rbac', 'storage.k8s.io': 'storage',
  'admissionregistration.k8s.io': 'admissionregistration', 'apiextensions.k8s.io': 'apiextensions', 'scheduling.k8s.io': 'scheduling', 'coordination.k8s.io': 'coordination',
  'node.k8s.io': 'node', 'discovery.k8s.io': 'discovery', 'resource.k8s.io': 'resource', 'flowcontrol.apiserver.k8s.io': 'flowcontrol',
}

/** Name in the generated schemas of a group, version and kind. */
export function schemaName(group: string, version: string, kind: string): string {
  return `${packages[group] ?? group}.${version}.${kind}`
}

/** Kinds without metadata.generation though they have a spec. */
const noGeneration = new Set(['namespaces', 'nodes', 'services', 'endpoints', 'persistentvolumes', 'persistentvolumeclaims', 'leases.coordination.k8s.io', 'limitranges', 'resourcequotas', 'horizontalpodautoscalers.autoscaling', 'certificatesigningrequests.certificates.k8s.io', 'ipaddresses.networking.k8s.io', 'servicecidrs.networking.k8s.io', 'volumeattachments.storage.k8s.io', 'csinodes.storage.k8s.io', 'apiservices.apiregistration.k8s.io'])
const generationWithoutSpec = new Set(['podtemplates', 'endpointslices.discovery.k8s.io', 'priorityclasses.scheduling.k8s.io', 'validatingwebhookconfigurations.admissionregistration.k8s.io', 'mutatingwebhookconfigurations.admissionregistration.k8s.io'])

const wholeMeta = new Set(['limitranges', 'validatingadmissionpolicies.admissionregistration.k8s.io', 'validatingadmissionpolicybindings.admissionregistration.k8s.io', 'validatingwebhookconfigurations.admissionregistration.k8s.io', 'mutatingwebhookconfigurations.admissionregistration.k8s.io'])
const lightMeta = new Set(['csidrivers.storage.k8s.io', 'services', 'resourcequotas', 'replicationcontrollers', 'deployments.apps', 'replicasets.apps', 'statefulsets.apps', 'daemonsets.apps', 'cronjobs.batch', 'horizontalpodautoscalers.autoscaling'])

let built: readonly KindDefinition[] | undefined

/** Upstream validates these on update in two places: causes are told twice, the message names each once. */
const validatedTwice = new Set(['persistentvolumes'])

/** A kind's own validation followed by what may not change. */
function joined(strategy: Strategy, rule: (object: Loose, old: Loose, errors: FieldErrors) => void, twice: boolean): NonNullable<Strategy['validateUpdate']> {
  return (object, old, errors, context) => {
    if (strategy.validateUpdate) strategy.validateUpdate(object, old, errors, context)
    else strategy.validate?.(object, errors, context)
    if (twice) strategy.validate?.(object, errors, context)
    rule(object, old, errors)
  }
}

/** In the order of discovery. */
export function builtinKinds(): readonly KindDefinition[] {
  if (built) return built
  const rows = resources.map(rowOf)
  const subresources = new Map<string, Subresource[]>()
  for (const row of rows) {
    if (row.subresource === '') continue
    const key = `${row.group}/${row.version}/${row.plural}`
    const slash = row.foreign.indexOf('/')
    const sub: Subresource = {
      name: row.subresource, kind: row.kind, verbs: row.verbs,
      group: row.foreign === '' ? row.group : row.foreign.slice(0, slash), version: row.foreign === '' ? row.version : row.foreign.slice(slash + 1),
    }
    subresources.set(key, [...(subresources.get(key) ?? []), sub])
  }
  built = rows
    .filter((r) => r.subresource === '')
    .map((r): KindDefinition => {
      const key = r.group === '' ? r.plural : `${r.plural}.${r.group}`
      const schema = schemaName(r.group, r.version, r.kind)
      const strategy: Strategy & Partial<KindDefinition> = strategies[`${key}/${r.version}`] ?? strategies[key] ?? {}
      const rule = updateRules[key]
      const validate = validations[key]
      const table = tables[`${key}/${r.version}`] ?? tables[key]
      return {
        group: r.group, version: r.version, kind: r.kind, plural: r.plural, singular: r.singular, shortNames: r.shortNames, categories: r.categories, namespaced: r.namespaced,
        verbs: r.verbs, subresources: subresources.get(`${r.group}/${r.version}/${r.plural}`) ?? [], schema,
        ...(lightMeta.has(key) ? { metaUpdate: 'changes' as const } : wholeMeta.has(key) ? { metaUpdate: 'whole' as const } : validatedTwice.has(key) ? { metaUpdate: 'twice' as const } : {}),
        ...(key === 'csidrivers.storage.k8s.io' ? { generationFromUpdate: true } : {}),
        hasGeneration: generationWithoutSpec.has(key) || (!noGeneration.has(key) && /;spec!? #/.test(schemas[schema] ?? '')),
        ...(table ? { table } : {}),
        ...strategy,
        ...(validate ? { validate } : {}),
        ...(rule ? { validateUpdate: joined({ ...strategy, ...(validate ? { validate } : {}) }, rule, validatedTwice.has(key)) } : {}),
      }
    })
  return built
}

/** The objects of a fresh control plane; times and addresses that the recording left open are filled in. */
export function bootstrapObjects(options: { now: string; advertiseAddress?: string; caCertificate?: string }): KubeObject[] {
  const text = bootstrapText
    .replaceAll('<time>', options.now)
    .replaceAll('<ca certificate>', JSON.stringify(options.caCertificate ?? '').slice(1, -1))
    .replaceAll('172.30.1.2', (options.advertiseAddress ?? '172.30.1.2:6443').split(':')[0]!)
  return JSON.parse(text) as KubeObject[]
}

export { schemas }
