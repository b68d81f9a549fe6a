/**
 * The keys of objects in etcd, as the API server's storage names them (`/registry/pods/shop/web`), and their values: the frame of a protobuf-encoded
 * runtime.Unknown around the object. SIMPLIFICATION: inside the frame stands the object's JSON, with a Secret's data decoded, where a real server puts its protobuf.
 */
import { byteLength, fromBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'

/** Resources whose folder is not their plural name alone. */
const folders: Readonly<Record<string, string>> = {
  nodes: 'minions', services: 'services/specs', endpoints: 'services/endpoints', replicationcontrollers: 'controllers', 'ingresses.networking.k8s.io': 'ingress',
  'apiservices.apiregistration.k8s.io': 'apiregistration.k8s.io/apiservices', 'customresourcedefinitions.apiextensions.k8s.io': 'apiextensions.k8s.io/customresourcedefinitions',
}
const ownGroups = new Set('apps batch autoscaling policy'.split(' '))
/** Groups of the API server itself; other groups are of custom resources, whose folders are theirs. */
const ownSuffix = /^(?:networking|storage|rbac\.authorization|coordination|discovery|scheduling|certificates|admissionregistration|node|events|flowcontrol\.apiserver|resource|internal\.apiserver|storagemigration)\.k8s\.io$/

export function isCustom(resource: string): boolean {
  const group = resource.includes('.') ? resource.slice(resource.indexOf('.') + 1) : ''
  return group !== '' && folders[resource] === undefined && !ownGroups.has(group) && !ownSuffix.test(group)
}

export function keyOf(resource: string, object: KubeObject): string {
  const [plural = '', ...group] = resource.split('.')
  const folder = folders[resource] ?? (isCustom(resource) ? `${group.join('.')}/${plural}` : plural)
  const { namespace, name } = object.metadata
  return `/registry/${folder}/${namespace === undefined ? '' : `${namespace}/`}${name}`
}

/** A field of a short text: its length is one byte. */
const field = (tag: string, text: string) => tag + String.fromCharCode(byteLength(text) & 127) + text

export function valueOf(resource: string, object: KubeObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata
  const plain = { ...object, metadata }
  // Custom resources are JSON in a real cluster too.
  if (isCustom(resource) || resource === 'customresourcedefinitions.apiextensions.k8s.io' || resource === 'apiservices.apiregistration.k8s.io') return `${JSON.stringify(plain)}\n`
  const data = (object as { data?: Readonly<Record<string, string>> }).data
  const shown = resource === 'secrets' && data ? { ...plain, data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, fromBase64(v) ?? v])) } : plain
  return `k8s\0${field('\n', field('\n', object.apiVersion ?? '') + field('\x12', object.kind ?? ''))}\x12${JSON.stringify(shown)}\x1a\0"\0`
}
