/**
 * One table per kind: everything the generic server needs to serve it. Kinds are data built in src/engine/kinds; what a table leaves
 * out gets the generic behaviour (no defaults, metadata validation only, NAME and AGE columns).
 */
import type { FieldErrors } from './field-errors.ts'
import type { Loose } from './loose.ts'
import type { Schemas } from './schema.ts'
import type { KubeObject, UserInfo } from './types.ts'

/** Read access that strategies and admission get to other objects, and what they may know of the request. */
export interface RequestContext {
  readonly user: UserInfo
  readonly dryRun: boolean
  /** RFC 3339, seconds. */
  readonly now: string
  readonly namespace: string
  readonly subresource: string
  /** The field manager of a request; undefined for in-process clients, whose new objects are not tracked. */
  readonly manager?: string
  /** Under which subresource fields are owned, where it is not `subresource`. */
  readonly managedAs?: string
  /** A patch does not insist on the uid that it finds; 'apply' has dealt with managedFields already. */
  readonly patch?: 'patch' | 'apply'
  /** Warnings for the client (`Warning: 299 - "…"`). */
  readonly warnings: string[]
  /** An object of the store as it is; `resource` as in `deployments.apps`. */
  find(resource: string, namespace: string | undefined, name: string): KubeObject | undefined
  all(resource: string, namespace?: string): readonly KubeObject[]
  uuid(): string
  suffix(): string
  /** A whole number in [0, n). */
  random(n: number): number
  /** May the requesting user do this? */
  allowed(attributes: { verb: string; group: string; resource: string; subresource?: string; namespace?: string; name?: string }): boolean
}

export interface Subresource {
  readonly name: string
  readonly kind: string
  readonly group: string
  readonly version: string
  readonly verbs: readonly string[]
}

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: string
  readonly description?: string
  /** 0 always shown, 1 with -o wide. */
  readonly priority: number
}

export interface TablePrinter {
  readonly columns: readonly Column[]
  /** One cell per column. `now` in ms. */
  row(object: Loose, now: number): readonly unknown[]
  /** Conditions of the row (`Completed` pods). */
  conditions?(object: Loose): readonly Loose[] | undefined
}

/** What changes between create and delete for one kind; all functions get objects of their own that they may change, except `old`. */
export interface Strategy {
  /** Sets defaults (SetDefaults_X); also run on updates and, for reads, never. */
  defaults?(object: Loose): void
  /** Clears what clients may not set, fills what the server sets. */
  prepareForCreate?(object: Loose, context: RequestContext): void
  prepareForUpdate?(object: Loose, old: Loose, context: RequestContext): void
  validate?(object: Loose, errors: FieldErrors, context: RequestContext): void
  validateUpdate?(object: Loose, old: Loose, errors: FieldErrors, context: RequestContext): void
  /** For the status subresource; by default the new object takes status (and nothing else) of the request. */
  validateStatusUpdate?(object: Loose, old: Loose, errors: FieldErrors, context: RequestContext): void
  prepareForStatusUpdate?(object: Loose, old: Loose, context: RequestContext): void
  warnings?(object: Loose, old: Loose | undefined, context: RequestContext): readonly string[]
  /** Warnings that come even with a refusal: said before validation. */
  earlyWarnings?(object: Loose): readonly string[]
  /** What decoding from the store adds to what was validated. */
  readBack?(object: Loose): void
  /** Does a change between these two raise metadata.generation? By default any change outside metadata and status. */
  generationChanges?(object: Loose, old: Loose): boolean
  /** Names of the kind; by default DNS-1123 subdomains. Answers the texts of what is wrong. */
  validateName?(name: string, prefix: boolean): readonly string[]
  /** Seconds of grace on deletion, 0 or undefined: removed at once (if no finalizers). */
  gracePeriod?(object: Loose, requested: number | undefined, context: RequestContext): number | undefined
  /** Fields other than metadata.name/namespace that field selectors may use. */
  selectableFields?(object: Loose): Readonly<Record<string, string>>
  /** What PUT to a name that does not exist does: creates (true) or 404. */
  readonly allowCreateOnUpdate?: boolean
  /** PUT without resourceVersion overwrites. Default true. */
  readonly allowUnconditionalUpdate?: boolean
  readonly table?: TablePrinter
  readonly columns?: TablePrinter
}

/** The same stored objects served under another group or version (events, horizontalpodautoscalers). */
export interface Alias {
  /** Resource that owns the storage: `events`, `horizontalpodautoscalers.autoscaling`, with its version. */
  readonly resource: string
  /** The group of the owner, where it is another one: errors name it. */
  readonly group?: string
  readonly toStorage: (object: Loose) => Loose
  readonly fromStorage: (object: Loose) => Loose
}

export interface KindDefinition extends Strategy {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly subresources: readonly Subresource[]
  /** Name in Schemas; undefined: anything goes (tests). */
  readonly schema?: string
  readonly hasGeneration: boolean
  /** Starts to count at the first update. */
  readonly generationFromUpdate?: boolean
  /** What updates check of metadata beside what holds for all objects: only what may not change (ValidateObjectMetaUpdate), only the whole (ValidateObjectMeta), that twice, nothing, or, by default, both. */
  readonly metaUpdate?: 'changes' | 'whole' | 'twice' | 'none'
  /** Finalizers need not be qualified. */
  readonly plainFinalizers?: boolean
  /** spec.replicas &c. of the scale subresource. */
  readonly scale?: { readonly specPath: string; readonly statusPath: string; readonly selectorPath?: string }
  readonly alias?: Alias
  /** Served from a CustomResourceDefinition. */
  readonly custom?: boolean
  /** Said in a Warning header on every request. */
  readonly deprecation?: string
  /** Types of a kind without `schema` for server-side apply; made when first needed. */
  fieldTypes?(builtin: Schemas): { readonly schemas: Schemas; readonly root: string }
  /** Annotations that conversion to a version adds: the internal objects of tables lack them. */
  readonly versionAnnotations?: readonly string[]
  /** Deleting only marks the time: no grace period, no new generation. */
  readonly plainDeletion?: boolean
  /** What it owns stays when nothing else is asked for. */
  readonly orphansByDefault?: boolean
  /** Takes the place of decoding by `schema`; may change its argument. */
  decode?(value: Loose): { readonly object: Loose; readonly unknown: readonly string[] }
}

/** `deployments.apps`, `pods`: the key of a resource in the store. */
export function resourceKey(kind: { readonly group: string; readonly plural: string }): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`
}
