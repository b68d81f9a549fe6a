/**
 * From what people type (`pods web`, `deploy/web svc/web`, `pods,svc -l app=web`, -f files, `all`) to the objects meant: cli-runtime's resource
 * builder and visitors, with their complaints.
 */
import { matches, parseSelector, SelectorError } from '#engine/api/label-selector.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure } from '../cli/errors.ts'
import type { Invocation } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { apiVersionOf, gvrText, groupResource, type Resource } from '../client/discovery.ts'
import { readDocuments } from './documents.ts'

/** One object meant: named on the command line or found in a file (then `object` is the file's). */
export interface ObjectTarget {
  readonly kind: 'object'
  readonly resource: Resource
  readonly namespace: string
  readonly name: string
  readonly object: KubeObject | undefined
  readonly source: string
}

/** All objects of one type that match selectors. */
interface ListTarget {
  readonly kind: 'list'
  readonly resource: Resource
  /** Undefined: all namespaces, or the type has none. */
  readonly namespace: string | undefined
  readonly labelSelector: string
  readonly fieldSelector: string
}

export type Target = ObjectTarget | ListTarget

interface TargetOptions {
  /** A type without name means all objects of it (get, describe). */
  readonly emptySelector?: boolean
  /** The flag that selects everything (`--all`). */
  readonly all?: boolean
  readonly selector?: string
  readonly fieldSelector?: string
  readonly allNamespaces?: boolean
  /** Type that stands before bare names (`kubectl logs web` means pods). */
  readonly defaultType?: string
  /** Read -f and -k; default: when the command has these flags. */
  readonly files?: boolean
  readonly args?: readonly string[]
  readonly singleType?: boolean
}

export interface Targets {
  readonly targets: readonly Target[]
  readonly errors: readonly Error[]
  /** Several types, or type/name forms: tables show kinds. */
  readonly multiple: boolean
  readonly fromFiles: boolean
  /** Exactly one object was asked for by name. */
  readonly single: boolean
}

const missing = 'You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   \'-f rsrc.yaml\'\n   \'--filename=rsrc.json\'\n   \'<resource> <name>\'\n   \'<resource>\''

/** The collection or object URL. */
export function pathOf(resource: Resource, namespace: string | undefined, name?: string, subresource?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const space = resource.namespaced && namespace !== undefined && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${space}/${resource.name}${name !== undefined ? `/${encodeURIComponent(name)}` : ''}${subresource ? `/${subresource}` : ''}`
}

/** Types in one word: `pods,svc`, `all`. */
export async function typesOf(run: Invocation, word: string): Promise<{ readonly resources: readonly Resource[]; readonly words: number }> {
  const words = word.split(',').filter(Boolean)
  const expanded: (Resource | string)[] = []
  for (const w of words) {
    if (w === 'all') expanded.push(...(await expandAll(run)))
    else expanded.push(w)
  }
  const resources: Resource[] = []
  for (const w of expanded) {
    if (typeof w !== 'string') {
      resources.push(w)
      continue
    }
    for (const text of await run.discovery.shortNameWarnings(w)) await run.warn(text)
    resources.push(await run.discovery.find(w))
  }
  const unique = resources.filter((r, i) => resources.findIndex((o) => o.group === r.group && o.name === r.name && o.version === r.version) === i)
  return { resources: unique, words: unique.length }
}

/** `all` means the category; resources that lists do not serve are passed over. */
async function expandAll(run: Invocation): Promise<Resource[]> {
  return (await run.discovery.category('all')).filter((r) => r.verbs.includes('list') || r.verbs.length === 0)
}

export async function findTargets(run: Invocation, options: TargetOptions): Promise<Targets> {
  const args = options.args ?? run.args
  const readsFiles = options.files ?? run.flags.has('filename')
  const hasFiles = readsFiles && (run.flags.list('filename').length > 0 || (run.flags.has('kustomize') && run.flags.string('kustomize') !== ''))
  const selector = options.selector ?? (run.flags.has('selector') ? run.flags.string('selector') : '')
  const fieldSelector = options.fieldSelector ?? (run.flags.has('field-selector') ? run.flags.string('field-selector') : '')
  const allNamespaces = options.allNamespaces ?? run.allNamespaces
  const selecting = selector !== '' || fieldSelector !== '' || options.all === true
  if (selector !== '' && options.all === true) throw new Failure('setting \'all\' parameter but found a non empty selector. ')
  const slashes = args.filter((a) => a.includes('/')).length
  if (slashes > 0 && slashes !== args.length && !(options.defaultType !== undefined)) {
    throw new Failure("there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'")
  }
  if (hasFiles) {
    if (slashes > 0) throw new Failure('when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well')
    if (args.length > 0) throw new Failure('when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well')
    return fileTargets(run, selector)
  }
  if (slashes > 0) {
    if (selecting) throw new Failure('selectors and the all flag cannot be used when passing resource/name arguments')
    return namedTargets(run, args, allNamespaces, options)
  }
  const words = options.defaultType !== undefined ? [options.defaultType, ...args] : [...args]
  if (words.length === 0) throw new Failure(selecting && !hasFiles ? 'at least one resource must be specified to use a selector' : missing)
  const names = words.slice(1)
  if (selecting || (names.length === 0 && options.emptySelector)) {
    if (names.length > 0) throw new Failure('name cannot be provided when a selector is specified')
    const { resources, words: count } = await run.reachable(() => typesOf(run, words[0]!))
    if (options.singleType && count > 1) throw new Failure('you may only specify a single resource type')
    return {
      targets: resources.map((resource) => ({ kind: 'list', resource, namespace: resource.namespaced && !allNamespaces ? run.namespace : undefined, labelSelector: selector, fieldSelector })),
      errors: [], multiple: count > 1 || words[0]!.split(',').includes('all'), fromFiles: false, single: false,
    }
  }
  const { resources } = await run.reachable(() => typesOf(run, words[0]!))
  if (names.length === 0) throw new Failure('resource(s) were provided, but no name was specified')
  if (options.singleType && resources.length > 1) throw new Failure('you must specify only one resource')
  if (allNamespaces) throw new Failure('a resource cannot be retrieved by name across all namespaces')
  const targets = resources.flatMap((resource) => names.map((name): ObjectTarget => ({ kind: 'object', resource, namespace: resource.namespaced ? run.namespace : '', name, object: undefined, source: '' })))
  return { targets, errors: [], multiple: resources.length > 1, fromFiles: false, single: targets.length === 1 }
}

async function namedTargets(run: Invocation, args: readonly string[], allNamespaces: boolean, options: TargetOptions): Promise<Targets> {
  if (allNamespaces) throw new Failure('a resource cannot be retrieved by name across all namespaces')
  const targets: ObjectTarget[] = []
  const types = new Set<string>()
  for (const arg of args) {
    const parts = arg.split('/')
    if (parts.length === 1 && options.defaultType !== undefined) parts.unshift(options.defaultType)
    if (parts.length !== 2) throw new Failure('arguments in resource/name form may not have more than one slash')
    if (parts[0] === '' || parts[1] === '') throw new Failure('arguments in resource/name form must have a single resource and name')
    const { resources } = await run.reachable(() => typesOf(run, parts[0]!))
    for (const resource of resources) {
      types.add(groupResource(resource))
      targets.push({ kind: 'object', resource, namespace: resource.namespaced ? run.namespace : '', name: parts[1]!, object: undefined, source: '' })
    }
  }
  return { targets, errors: [], multiple: types.size > 1, fromFiles: false, single: targets.length === 1 }
}

async function mapDocument(run: Invocation, object: KubeObject, source: string): Promise<ObjectTarget> {
  const resource = await run.reachable(() => run.discovery.byKind(object.apiVersion, object.kind))
  if (!resource) {
    const name = object.metadata.name ?? ''
    throw new Failure(`resource mapping not found for name: ${goQuote(name)} namespace: ${goQuote(object.metadata.namespace ?? '')} from ${goQuote(source)}: no matches for kind ${goQuote(object.kind)} in version ${goQuote(object.apiVersion)}\nensure CRDs are installed first`)
  }
  let namespace = object.metadata.namespace ?? ''
  if (resource.namespaced) {
    if (namespace === '') namespace = run.namespace
    else if (run.namespaceGiven && namespace !== run.namespace) {
      throw new Failure(`the namespace from the provided object ${goQuote(namespace)} does not match the namespace ${goQuote(run.namespace)}. You must pass '--namespace=${namespace}' to perform this operation.`)
    }
  } else namespace = ''
  const placed = resource.namespaced && object.metadata.namespace !== namespace ? { ...object, metadata: { ...object.metadata, namespace } } : object
  return { kind: 'object', resource, namespace, name: object.metadata.name ?? '', object: placed, source }
}

async function fileTargets(run: Invocation, selector: string): Promise<Targets> {
  const { documents, errors } = await readDocuments(run)
  const targets: ObjectTarget[] = []
  const problems = [...errors]
  for (const { object, source } of documents) {
    try {
      if (selector !== '' && !matchesText(selector, object.metadata.labels)) continue
      targets.push(await mapDocument(run, object, source))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      problems.push(error)
    }
  }
  return { targets, errors: problems, multiple: new Set(targets.map((t) => groupResource(t.resource))).size > 1, fromFiles: true, single: targets.length === 1 && documents.length === 1 }
}


function matchesText(selector: string, labels: Record<string, string> | undefined): boolean {
  try {
    return matches(parseSelector(selector), labels)
  } catch (error) {
    if (error instanceof SelectorError) throw new Failure(error.message)
    throw error
  }
}

/** Reads one object. */
export async function getObject(run: Invocation, target: Pick<ObjectTarget, 'resource' | 'namespace' | 'name'>, subresource?: string): Promise<KubeObject> {
  if (target.name === '') throw new Failure('resource name may not be empty')
  const path = pathOf(target.resource, target.namespace, target.name, subresource)
  return whereNamespaceIs(run, target.namespace, run.rest.json<KubeObject>('GET', path, { about: `${groupResource(target.resource)} ${target.name}` }))
}

/** An object that is not there may be missing because its namespace is: then that is said instead. */
export async function whereNamespaceIs<T>(run: Invocation, namespace: string | undefined, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'NotFound' || !namespace || namespace === 'default') throw error
    try {
      await run.rest.json('GET', `/api/v1/namespaces/${encodeURIComponent(namespace)}`, { about: `namespaces ${namespace}` })
    } catch (missing) {
      if (missing instanceof ApiError && missing.reason === 'NotFound') throw missing
    }
    throw error
  }
}

/** BadRequest and NotFound of a list tell what was asked for. */
export function wrapListError(error: unknown, target: ListTarget): never {
  if (error instanceof ApiError && (error.reason === 'BadRequest' || error.reason === 'NotFound')) {
    throw target.labelSelector === '' && target.fieldSelector === ''
      ? error.wrap(`Unable to list ${goQuote(gvrText(target.resource))}`)
      : error.wrap(`Unable to find ${goQuote(gvrText(target.resource))} that match label selector ${goQuote(target.labelSelector)}, field selector ${goQuote(target.fieldSelector)}`)
  }
  throw error
}

export async function listObjects(run: Invocation, target: ListTarget): Promise<KubeObject[]> {
  try {
    const list = await run.rest.json<{ items?: KubeObject[]; kind?: string; apiVersion?: string }>('GET', pathOf(target.resource, target.namespace), {
      query: { labelSelector: target.labelSelector, fieldSelector: target.fieldSelector, limit: run.flags.has('chunk-size') ? run.flags.number('chunk-size') || undefined : undefined }, about: groupResource(target.resource),
    })
    return (list.items ?? []).map((item) => ({ ...item, apiVersion: item.apiVersion ?? apiVersionOf(target.resource), kind: item.kind ?? target.resource.kind }))
  } catch (error) {
    return wrapListError(error, target)
  }
}

export interface Info {
  readonly resource: Resource
  readonly namespace: string
  readonly name: string
  readonly object: KubeObject
  readonly source: string
}

/** All objects of the targets as the server has them (files: by name, unless `local`). Errors of single ones are collected. */
export async function fetchInfos(run: Invocation, found: Targets, options: { readonly local?: boolean; readonly ignoreNotFound?: boolean } = {}): Promise<{ readonly infos: Info[]; readonly errors: Error[] }> {
  const infos: Info[] = []
  const errors: Error[] = [...found.errors]
  for (const target of found.targets) {
    try {
      if (target.kind === 'list') {
        for (const object of await listObjects(run, target)) infos.push({ resource: target.resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name, object, source: '' })
      } else if (options.local && target.object) infos.push({ ...target, object: target.object })
      else infos.push({ ...target, object: await getObject(run, target) })
    } catch (error) {
      if (options.ignoreNotFound && error instanceof ApiError && error.reason === 'NotFound') continue
      if (error instanceof ApiError || error instanceof Failure) errors.push(error)
      else throw error
    }
  }
  return { infos, errors }
}
