/** A KindDefinition out of one version of a CustomResourceDefinition. */
import { age } from '#base/duration.ts'
import { FieldErrors } from '#engine/api/field-errors.ts'
import type { KindDefinition, TablePrinter } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { Correlation, unchanged } from './correlation.ts'
import { compileRules, judge } from './rules.ts'
import { customTypes } from './typing.ts'
import { applyDefaults, dropNulls, prune, readPath, validateStructural } from '#engine/api/structural.ts'

const types: Record<string, 'string' | 'integer' | 'number' | 'boolean' | 'date'> = { string: 'string', integer: 'integer', number: 'number', boolean: 'boolean', date: 'date' }

function tableFor(version: Loose): TablePrinter {
  const columns: Loose[] = version.additionalPrinterColumns ?? [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }]
  return {
    columns: [
      { name: 'Name', type: 'string', format: 'name', priority: 0 },
      ...columns.map((c) => ({ name: c.name, type: types[c.type] ?? ('string' as const), format: c.format ?? '', priority: c.priority ?? 0 })),
    ],
    row: (o, now) => [
      o.metadata.name,
      ...columns.map((c) => {
        const v = readPath(o, c.jsonPath)
        if (c.type === 'date') return v === undefined ? '<unknown>' : age(String(v), now)
        if (v === undefined) return null
        if (c.type === 'string') return typeof v === 'object' ? JSON.stringify(v) : String(v)
        if (c.type === 'boolean') return typeof v === 'boolean' ? v : null
        return typeof v === 'number' ? (c.type === 'integer' ? Math.trunc(v) : v) : null
      }),
    ],
  }
}

const metaFields = new Set(['name', 'namespace', 'generateName', 'labels', 'annotations', 'ownerReferences', 'finalizers', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'managedFields', 'selfLink'])

/** Complaints after which rules are not looked at. */
const blocking = new Set(['NotSupported', 'Required', 'TooLong', 'TooMany', 'TypeInvalid'])

export function customKind(crd: Loose, version: Loose): KindDefinition {
  const { group, names, scope, versions } = crd.spec
  const schema = version.schema?.openAPIV3Schema ?? { 'x-kubernetes-preserve-unknown-fields': true }
  const status = version.subresources?.status !== undefined
  const scale = version.subresources?.scale
  const storage = versions.find((v: Loose) => v.storage)
  const apiVersion = `${group}/${version.name}`
  const subresources = [
    ...(status ? [{ name: 'status', kind: names.kind, group, version: version.name, verbs: ['get', 'patch', 'update'] }] : []),
    ...(scale ? [{ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] }] : []),
  ]
  const bare = ({ metadata: _, ...rest }: Loose) => ({ ...rest, metadata: {} })
  let rules: ReturnType<typeof compileRules> | null = null
  /** By the schema, then by its rules; what an update leaves as it was is not complained about. */
  const judgeObject = (object: Loose, old: Loose, errors: FieldErrors) => {
    const own = new FieldErrors()
    validateStructural(bare(object), schema, '', own)
    const complaints = old === undefined ? own.list : own.list.filter((e) => !unchanged(e, bare(object), bare(old), schema))
    errors.list.push(...complaints)
    rules = rules === null ? compileRules(schema) : rules
    if (!rules) return
    if (complaints.some((e) => blocking.has(e.type))) errors.add('Invalid', '<nil>', 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation')
    else judge(rules, object, old === undefined ? undefined : new Correlation(old), '', errors)
  }
  const specOf = ({ metadata: _m, status: s, apiVersion: _a, kind: _k, ...rest }: Loose) => (status ? rest : { ...rest, status: s })
  return {
    group, version: version.name, kind: names.kind, plural: names.plural, singular: names.singular ?? '', shortNames: names.shortNames ?? [], categories: names.categories ?? [],
    namespaced: scope === 'Namespaced', verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'], subresources, hasGeneration: true, custom: true, fieldTypes: (builtin) => customTypes(builtin, { kind: names.kind }, schema),
    allowUnconditionalUpdate: false, allowCreateOnUpdate: false, plainFinalizers: true,
    ...(version.deprecated ? { deprecation: version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated` } : {}),
    ...(scale ? { scale: { specPath: scale.specReplicasPath, statusPath: scale.statusReplicasPath, ...(scale.labelSelectorPath ? { selectorPath: scale.labelSelectorPath } : {}) } } : {}),
    decode(value) {
      const unknown: string[] = []
      prune(value, schema, '', unknown, true)
      for (const key of Object.keys(value.metadata ?? {})) {
        if (metaFields.has(key)) continue
        delete value.metadata[key]
        unknown.push(`metadata.${key}`)
      }
      dropNulls(value, schema)
      applyDefaults(value, schema)
      return { object: value, unknown }
    },
    defaults: (object) => applyDefaults(object, schema),
    validate: (object, errors) => judgeObject(object, undefined, errors),
    validateUpdate: judgeObject,
    prepareForCreate(object) {
      if (!status) return
      delete object.status
      // What is read from the store has its defaults again, the status among them.
      applyDefaults(object, schema)
    },
    prepareForUpdate(object, old) {
      if (!status) return
      if (old.status === undefined) delete object.status
      else object.status = old.status
    },
    validateStatusUpdate(object, old, errors) {
      const own = new FieldErrors()
      judgeObject(object, old, own)
      errors.list.push(...own.list.filter((e) => e.field.startsWith('status')))
    },
    generationChanges: (object, old) => !equal(specOf(object), specOf(old)),
    selectableFields: (object) => Object.fromEntries((version.selectableFields ?? []).map((f: Loose) => [f.jsonPath.slice(1), String(readPath(object, f.jsonPath) ?? '')])),
    table: tableFor(version),
    ...(storage && storage.name !== version.name
      ? { alias: { resource: `${names.plural}.${group}`, toStorage: (o: Loose) => ({ ...o, apiVersion: `${group}/${storage.name}` }), fromStorage: (o: Loose) => ({ ...o, apiVersion }) } }
      : {}),
  }
}
