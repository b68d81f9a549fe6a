/** What is served beyond the kinds that the server was built with: custom resources, and groups of other servers that do not answer. */
import type { ApiClient, GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { ControllerContext, DiscoveredResource } from './controller.ts'

export const customresourcedefinitions: GroupVersionResource = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' }
const apiservices: GroupVersionResource = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' }

interface Conditions {
  conditions?: { type: string; status: string }[]
}

export interface CustomResourceDefinition extends KubeObject {
  spec: { group: string; scope: string; names: { kind: string; plural: string }; versions: { name: string; served: boolean; storage: boolean }[] }
  status?: Conditions
}

interface ApiService extends KubeObject {
  spec?: { group?: string; version?: string; service?: unknown }
  status?: Conditions
}

/** How a definition's resource is asked for, once it is served. */
export function resourceOf({ spec, status }: CustomResourceDefinition): DiscoveredResource | undefined {
  const version = spec.versions.find((v) => v.served && v.storage) ?? spec.versions.find((v) => v.served)
  if (!version || !status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True')) return undefined
  return { group: spec.group, version: version.name, resource: spec.names.plural, kind: spec.names.kind, namespaced: spec.scope === 'Namespaced' }
}

/** All that can be listed and deleted now. From caches of the process: discovery is everybody's. */
export function servedResources({ api, options }: ControllerContext): readonly DiscoveredResource[] {
  const known = options.resources ?? []
  if (!known.some((r) => r.resource === customresourcedefinitions.resource)) return known
  return [...known, ...api.informer<CustomResourceDefinition>(customresourcedefinitions).list().flatMap((crd) => resourceOf(crd) ?? [])]
}

/** Group versions whose server does not answer, as discovery's error tells of them; undefined: all answer. */
export function discoveryProblem(api: ApiClient, options: ControllerContext['options']): { readonly count: number; readonly message: string } | undefined {
  if (!options.resources?.some((r) => r.resource === apiservices.resource)) return undefined
  const silent = api.informer<ApiService>(apiservices).list().filter((s) => s.spec?.service && !s.status?.conditions?.some((c) => c.type === 'Available' && c.status === 'True')).map((s) => `${s.spec?.group ?? ''}/${s.spec?.version ?? ''}`)
  if (silent.length === 0) return undefined
  return { count: silent.length, message: `unable to retrieve the complete list of server APIs: ${silent.sort().map((gv) => `${gv}: stale GroupVersion discovery: ${gv}`).join(', ')}` }
}
