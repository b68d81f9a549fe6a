/**
 * Which resources the server has (aggregated discovery, with the plain lists as fallback), kept in ~/.kube/cache/discovery for six hours as kubectl
 * does, and the mapping from what people type (`po`, `deploy.apps`, `ConfigMap`, `deployments.v1.apps`) to a resource.
 */
import type { Process } from '#engine/machine/process.ts'
import { ApiError, Failure } from '../cli/errors.ts'
import type { RestClient } from './rest.ts'

export interface Resource {
  readonly group: string
  readonly version: string
  /** Plural name. */
  readonly name: string
  readonly singular: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  /** The version that is taken where none is named: the group's preferred one, or the first that has the resource. */
  readonly preferred: boolean
  readonly subresources: readonly string[]
}

export function apiVersionOf(resource: Pick<Resource, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

/** `deployments.apps` */
export function groupResource(resource: Pick<Resource, 'group' | 'name'>): string {
  return resource.group === '' ? resource.name : `${resource.name}.${resource.group}`
}

/** `Deployment.apps` in lower case as printers show it: `deployment.apps`. */
export function kindName(resource: Pick<Resource, 'group' | 'kind'>): string {
  return (resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`).toLowerCase()
}

/** `/v1, Resource=pods` */
export function gvrText(resource: Resource): string {
  return `${resource.group}/${resource.version}, Resource=${resource.name}`
}

const Lifetime = 6 * 3600_000

interface AggregatedResource {
  readonly resource: string
  readonly responseKind?: { readonly group?: string; readonly version?: string; readonly kind: string }
  readonly scope: string
  readonly singularResource?: string
  readonly verbs?: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly subresources?: readonly { readonly subresource: string }[]
}
interface AggregatedGroup {
  readonly metadata?: { readonly name?: string }
  readonly versions?: readonly { readonly version: string; readonly freshness?: string; readonly resources?: readonly AggregatedResource[] }[]
}
interface PlainResource {
  readonly name: string
  readonly singularName?: string
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly namespaced: boolean
  readonly verbs?: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
}

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json'

interface Cached {
  readonly time: number
  readonly resources: readonly Resource[]
}

/** Cache files read before, by what they say. */
const known = new Map<string, Cached>()

function parseCache(text: string): Cached {
  let data = known.get(text)
  if (!data) {
    data = JSON.parse(text) as Cached
    if (known.size >= 16) known.clear()
    known.set(text, data)
  }
  return data
}

export class Discovery {
  readonly #client: RestClient
  readonly #process: Process
  readonly #file: string
  #resources: readonly Resource[] | undefined
  #fresh = false

  constructor(client: RestClient, process: Process, cacheDir: string) {
    this.#client = client
    this.#process = process
    this.#file = `${cacheDir}/discovery/${client.server.replace(/^https?:\/\//, '').replaceAll(/[^\w.-]/g, '_')}/resources.json`
  }

  /** Group/version → why its resources are not known. */
  readonly failed = new Map<string, string>()

  /** All served resources, preferred versions first within their group. */
  async resources(live = false): Promise<readonly Resource[]> {
    if (this.#resources && (!live || this.#fresh)) return this.#resources
    if (!live) {
      const cached = this.#read()
      if (cached) return (this.#resources = cached)
    }
    this.#resources = [...(await this.#fetch('/api')), ...(await this.#fetch('/apis'))]
    this.#fresh = true
    this.#write()
    return this.#resources
  }

  #read(): readonly Resource[] | undefined {
    try {
      if (!this.#process.fs.exists(this.#file)) return undefined
      const data = parseCache(this.#process.fs.readFile(this.#file))
      return this.#process.now() - data.time < Lifetime ? data.resources : undefined
    } catch {
      return undefined
    }
  }

  #write(): void {
    try {
      this.#process.fs.mkdir(this.#file.replace(/\/[^/]*$/, ''), { parents: true })
      this.#process.fs.writeFile(this.#file, JSON.stringify({ time: this.#process.now(), resources: this.#resources }))
    } catch {
      // A cache that cannot be written is no reason to fail.
    }
  }

  async #fetch(root: '/api' | '/apis'): Promise<Resource[]> {
    const answer = await this.#client.json<{ kind?: string; items?: readonly AggregatedGroup[]; versions?: readonly string[]; groups?: readonly { name: string; versions: readonly { version: string }[]; preferredVersion?: { version: string } }[] }>('GET', root, { headers: { accept } })
    if (answer.kind === 'APIGroupDiscoveryList') return (answer.items ?? []).flatMap((group) => this.#aggregated(group))
    if (root === '/api') return this.#plain('', (answer.versions ?? []).map((version) => ({ version })), answer.versions?.[0])
    const out: Resource[] = []
    for (const group of answer.groups ?? []) out.push(...(await this.#plain(group.name, group.versions, group.preferredVersion?.version)))
    return out
  }

  /** A version whose server did not answer is stale: of that nothing is known. */
  #aggregated(group: AggregatedGroup): Resource[] {
    for (const { version, freshness } of group.versions ?? []) if (freshness === 'Stale') this.#stale(`${group.metadata?.name ?? ''}/${version}`)
    return fromAggregated(group)
  }

  #stale(groupVersion: string): void {
    this.failed.set(groupVersion, `stale GroupVersion discovery: ${groupVersion}`)
  }

  async #plain(group: string, versions: readonly { readonly version: string }[], preferred: string | undefined): Promise<Resource[]> {
    const out: Resource[] = []
    for (const { version } of versions) {
      const list = await this.#list(group, version)
      for (const r of list.resources ?? []) {
        if (r.name.includes('/')) continue
        out.push({
          group, version, name: r.name, singular: r.singularName || r.kind.toLowerCase(), kind: r.kind, namespaced: r.namespaced, verbs: r.verbs ?? [], shortNames: r.shortNames ?? [],
          categories: r.categories ?? [], preferred: false, subresources: (list.resources ?? []).filter((s) => s.name.startsWith(`${r.name}/`)).map((s) => s.name.slice(r.name.length + 1)),
        })
      }
    }
    return choose(out, preferred)
  }

  /** Of a group that another server serves, and which does not answer, nothing is known. */
  async #list(group: string, version: string): Promise<{ readonly resources?: readonly PlainResource[] }> {
    try {
      return await this.#client.json('GET', group === '' ? `/api/${version}` : `/apis/${group}/${version}`, {})
    } catch (error) {
      if (!(error instanceof ApiError) || error.status.code !== 503) throw error
      this.#stale(`${group}/${version}`)
      return {}
    }
  }

  /** What is typed in a resource place: plural, singular, kind, short name, with `.group` or `.version.group`. Throws when unknown. */
  async find(word: string): Promise<Resource> {
    for (const live of [false, true]) {
      const found = match(await this.resources(live), word)
      if (found) return found
      if (this.#fresh) break
    }
    throw new Failure(`the server doesn't have a resource type "${word.split('.')[0]!}"`)
  }

  /** Warnings that go with the use of an ambiguous short name. */
  async shortNameWarnings(word: string): Promise<readonly string[]> {
    const all = await this.resources()
    const matches = all.filter((r) => r.shortNames.includes(word) && r.preferred)
    return matches.slice(1).map((r) => `short name "${word}" could also match lower priority resource ${groupResource(r)}`)
  }

  async byKind(apiVersion: string, kind: string): Promise<Resource | undefined> {
    const slash = apiVersion.indexOf('/')
    const group = slash < 0 ? '' : apiVersion.slice(0, slash)
    const version = apiVersion.slice(slash + 1)
    for (const live of [false, true]) {
      const found = (await this.resources(live)).find((r) => r.group === group && r.version === version && r.kind === kind)
      if (found) return found
      if (this.#fresh) break
    }
    return undefined
  }

  async category(word: string): Promise<readonly Resource[]> {
    return (await this.resources()).filter((r) => r.preferred && r.categories.includes(word))
  }
}

function fromAggregated(group: AggregatedGroup): Resource[] {
  const all = (group.versions ?? []).flatMap((v) =>
    (v.resources ?? []).filter((r) => r.responseKind).map((r) => ({
      group: group.metadata?.name ?? '', version: v.version, name: r.resource, singular: r.singularResource || r.responseKind!.kind.toLowerCase(), kind: r.responseKind!.kind, namespaced: r.scope === 'Namespaced',
      verbs: r.verbs ?? [], shortNames: r.shortNames ?? [], categories: r.categories ?? [], preferred: false, subresources: (r.subresources ?? []).map((s) => s.subresource),
    })),
  )
  return choose(all, group.versions?.[0]?.version)
}

/** Marks one version of each of a group's resources as the preferred (ServerPreferredResources). */
function choose(resources: readonly Resource[], version: string | undefined): Resource[] {
  const chosen = new Map<string, string>()
  for (const r of resources) if (r.version === version || !chosen.has(r.name)) chosen.set(r.name, r.version)
  return resources.map((r) => ({ ...r, preferred: chosen.get(r.name) === r.version }))
}

function match(all: readonly Resource[], word: string): Resource | undefined {
  const byShort = all.find((r) => r.shortNames.includes(word.split('.')[0]!) && r.preferred)
  const parts = word.split('.')
  const name = byShort && !all.some((r) => r.name === parts[0] || r.singular === parts[0]) ? byShort.name : parts[0]!.toLowerCase()
  const named = all.filter((r) => r.name === name || r.singular === name)
  const candidates = (version: string | undefined, group: string | undefined) =>
    named.filter((r) => (version === undefined ? r.preferred : r.version === version) && (group === undefined || r.group === group || (group !== '' && r.group.startsWith(`${group}.`))))
  if (parts.length >= 3 || (parts.length === 2 && parts[1] === '')) {
    const exact = candidates(parts[1]!, parts.slice(2).join('.'))
    if (exact.length > 0) return exact[0]
  }
  if (parts.length >= 2) {
    const group = parts.slice(1).join('.')
    const found = candidates(undefined, group)
    if (found.length > 0) return found[0]
    // `Deployment.v1.apps` and `Deployment.apps`: kinds
    const kinds = all.filter((r) => r.kind === parts[0])
    return kinds.find((r) => r.version === parts[1] && r.group === parts.slice(2).join('.')) ?? kinds.find((r) => r.group === group && r.preferred)
  }
  return candidates(undefined, undefined)[0] ?? all.find((r) => r.kind === word && r.preferred)
}
