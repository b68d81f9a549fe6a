/** What expressions of admission policies and match conditions may name (apiserver/pkg/admission/plugin/cel), and how complaints about them read. */
import { compile, type Program } from '#engine/api/cel/compile.ts'
import type { CelType } from '#engine/api/cel/types.ts'
import * as types from '#engine/api/cel/types.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'

const object = (name: string, fields: Record<string, CelType>): CelType => ({ kind: 'object', name, fields: new Map(Object.entries(fields)) })
const { bool, dyn, int, listOf, mapOf, string, timestamp } = types

const groupVersionKind = object('kubernetes.GroupVersionKind', { group: string, version: string, kind: string })
const groupVersionResource = object('kubernetes.GroupVersionResource', { group: string, version: string, resource: string })
const request = object('kubernetes.AdmissionRequest', {
  kind: groupVersionKind, resource: groupVersionResource, subResource: string, requestKind: groupVersionKind, requestResource: groupVersionResource, requestSubResource: string, name: string, namespace: string, operation: string,
  userInfo: object('kubernetes.UserInfo', { username: string, uid: string, groups: listOf(string), extra: mapOf(string, listOf(string)) }), dryRun: bool, options: dyn,
})
const namespace = object('kubernetes.Namespace', {
  metadata: object('kubernetes.NamespaceMetadata', {
    name: string, generateName: string, namespace: string, labels: mapOf(string, string), annotations: mapOf(string, string), UID: string, creationTimestamp: timestamp, deletionGracePeriodSeconds: int, deletionTimestamp: timestamp, generation: int, resourceVersion: string, finalizers: listOf(string),
  }),
  spec: object('kubernetes.NamespaceSpec', { finalizers: listOf(string) }),
  status: object('kubernetes.NamespaceStatus', { phase: string }),
})
const authorizer = { authorizer: types.opaque('kubernetes.authorization.Authorizer'), 'authorizer.requestResource': types.opaque('kubernetes.authorization.ResourceCheck') }

export type Variables = ReadonlyMap<string, CelType>

/** `params`: the policy has a kind of parameters. `variables`: types of the policy's own; undefined: it has none. */
export function admissionVariables(options: { readonly params?: boolean; readonly namespaceObject?: boolean; readonly variables?: ReadonlyMap<string, CelType> }): Variables {
  return new Map<string, CelType>(
    Object.entries({
      object: dyn, oldObject: dyn, request, ...(options.namespaceObject === false ? {} : { namespaceObject: namespace }), ...authorizer, ...(options.params ? { params: dyn } : {}),
      ...(options.variables ? { variables: { kind: 'object', name: 'kubernetes.variables', fields: options.variables } satisfies CelType } : {}),
    }),
  )
}

/** Of one of these types, exactly; undefined: anything goes. */
export function compileExpression(source: string, variables: Variables, wanted: readonly CelType[] | undefined): { readonly program: Program } | { readonly failure: string } {
  const made = compile(source, { variables })
  if ('failure' in made) return { failure: `compilation failed: ${made.failure}` }
  const { type } = made.program
  if (!wanted || wanted.some((w) => types.sameType(w, type))) return made
  const names = wanted.map(types.typeText)
  return { failure: `must evaluate to ${names.length === 1 ? names[0] : `one of [${names.join(' ')}]`} but got ${types.typeText(type)}` }
}

/** Answers the program, or complains. */
export function validateExpression(source: string, at: string, variables: Variables, wanted: readonly CelType[] | undefined, errors: FieldErrors): Program | undefined {
  const made = compileExpression(source, variables, wanted)
  if ('program' in made) return made.program
  errors.invalid(at, source, made.failure)
  return undefined
}

export const isIdentifier = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'].includes(name)
