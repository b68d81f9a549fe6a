/**
 * Validation of CustomResourceDefinitions: names, versions, structural schemas. Leaves out: checks of conversion webhooks.
 * The server judges an internal form in which whatever all versions have in common sits at spec.validation, spec.subresources and so on.
 */
import { FieldErrors } from '#engine/api/field-errors.ts'
import { goRegexp } from '#engine/api/go-regexp.ts'
import { equal, isObject, type Loose } from '#engine/api/loose.ts'
import { dns1035LabelErrors, dns1123SubdomainErrors } from '#engine/api/names.ts'
import { validateRulesOf } from './rules.ts'
import { validateStructural } from '#engine/api/structural.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']

/** What all versions have in common, with the path that it then has. */
function hoisted(versions: readonly Loose[], field: string): boolean {
  return versions.length > 0 && versions.every((v) => equal(v[field], versions[0][field]))
}

const internalVersion = (v: Loose, shared: ReadonlySet<string>) => ({
  Name: v.name ?? '', Served: v.served ?? false, Storage: v.storage ?? false, Deprecated: v.deprecated ?? false, DeprecationWarning: v.deprecationWarning ?? null,
  Schema: shared.has('schema') ? null : (v.schema ?? null), Subresources: shared.has('subresources') ? null : (v.subresources ?? null),
  AdditionalPrinterColumns: shared.has('additionalPrinterColumns') ? null : (v.additionalPrinterColumns ?? null), SelectableFields: shared.has('selectableFields') ? null : (v.selectableFields ?? null),
})

export function validateCrd(crd: Loose, errors: FieldErrors): void {
  const wanted = `${crd.spec.names?.plural ?? ''}.${crd.spec.group ?? ''}`
  for (const field of ['generateName', 'name']) if (crd.metadata[field] && crd.metadata[field] !== wanted) errors.invalid(`metadata.${field}`, crd.metadata[field], 'must be spec.names.plural+"."+spec.group')
  validateSpec(crd.spec, errors)
  validateStored(crd, errors)
  validateApproval(crd, errors)
}

/** Groups of the Kubernetes project need its consent. */
function validateApproval(crd: Loose, errors: FieldErrors): void {
  const { group = '' } = crd.spec
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return
  const key = 'api-approved.kubernetes.io'
  const value: string | undefined = crd.metadata.annotations?.[key]
  const link = 'see https://github.com/kubernetes/enhancements/pull/1111'
  const at = `metadata.annotations[${key}]`
  if (!value) errors.required(at, `protected groups must have approval annotation "${key}", ${link}`)
  else if (!value.startsWith('unapproved') && !/^https?:\/\/[^/]+/.test(value)) errors.invalid(at, value, `protected groups must have approval annotation "${key}" with either a URL or a reason starting with "unapproved", ${link}`)
}

function validateStored(crd: Loose, errors: FieldErrors): void {
  const stored: string[] = crd.status?.storedVersions ?? []
  if (stored.length === 0) errors.invalid('status.storedVersions', null, 'must have at least one stored version')
  for (const [i, v] of stored.entries()) {
    if ((crd.spec.versions ?? []).some((w: Loose) => w.name === v)) continue
    errors.invalid(`status.storedVersions[${i}]`, v, `missing from spec.versions; ${v} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${v} and removes ${v} from status.storedVersions`)
  }
}

export function validateCrdUpdate(crd: Loose, old: Loose, errors: FieldErrors): void {
  validateSpec(crd.spec, errors)
  const established = (old.status?.conditions ?? []).some((c: Loose) => c.type === 'Established' && c.status === 'True')
  const same = (at: string, value: Loose, before: Loose) => {
    if (value !== before) errors.invalid(at, value ?? '', 'field is immutable')
  }
  if (established) {
    same('spec.scope', crd.spec.scope, old.spec.scope)
    same('spec.names.kind', crd.spec.names?.kind, old.spec.names.kind)
  }
  same('spec.group', crd.spec.group, old.spec.group)
  same('spec.names.plural', crd.spec.names?.plural, old.spec.names.plural)
  validateStored(crd, errors)
}

function validateSpec(spec: Loose, errors: FieldErrors): void {
  if (!spec.group) errors.required('spec.group')
  else {
    const wrong = dns1123SubdomainErrors(spec.group)
    if (wrong.length > 0) errors.invalid('spec.group', spec.group, wrong.join(','))
    else if (!spec.group.includes('.')) errors.invalid('spec.group', spec.group, 'should be a domain with at least one dot')
  }
  if (!spec.scope) errors.required('spec.scope')
  else if (!['Cluster', 'Namespaced'].includes(spec.scope)) errors.notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced'])
  const versions: Loose[] = spec.versions ?? []
  const shared = new Set(['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'].filter((f) => hoisted(versions, f)))
  if (!shared.has('schema') || !versions[0].schema?.openAPIV3Schema) {
    for (const [i, v] of versions.entries()) if (!v.schema?.openAPIV3Schema) errors.required(`spec.versions[${i}].schema.openAPIV3Schema`)
  }
  const seen = new Set<string>()
  for (const [i, v] of versions.entries()) {
    const at = `spec.versions[${i}]`
    seen.add(v.name)
    const wrong = dns1035LabelErrors(v.name ?? '')
    if (wrong.length > 0) {
      errors.invalid(`${at}.name`, v.name ?? '', wrong.join(','))
      // The first version once had a field of its own.
      if (i === 0 && v.name) errors.invalid('spec.version', v.name ?? '', wrong.join(','))
    }
    if (v.deprecationWarning !== undefined) {
      if (!v.deprecated) errors.invalid(`${at}.deprecationWarning`, v.deprecationWarning, 'can only be set for deprecated versions')
      else if (v.deprecationWarning === '') errors.invalid(`${at}.deprecationWarning`, '', 'must not be an empty string')
    }
    if (!shared.has('schema')) validateRootSchema(v.schema?.openAPIV3Schema, `${at}.schema.openAPIV3Schema`, errors)
    if (!shared.has('subresources')) validateSubresources(v.subresources, `${at}.subresources`, errors)
    if (!shared.has('additionalPrinterColumns')) validateColumns(v.additionalPrinterColumns, `${at}.additionalPrinterColumns`, errors)
    if (!shared.has('selectableFields')) validateSelectable(v, `${at}.selectableFields`, errors)
  }
  const internal = () => versions.map((v) => internalVersion(v, shared))
  if (seen.size < versions.length) errors.invalid('spec.versions', internal(), 'must contain unique version names')
  if (versions.filter((v) => v.storage).length !== 1) errors.invalid('spec.versions', spec.versions ? internal() : null, 'must have exactly one version marked as storage version')
  validateNames(spec.names ?? {}, errors)
  if (shared.has('additionalPrinterColumns')) validateColumns(versions[0].additionalPrinterColumns, 'spec.additionalPrinterColumns', errors)
  if (shared.has('selectableFields')) validateSelectable(versions[0], 'spec.selectableFields', errors)
  if (shared.has('schema')) validateRootSchema(versions[0].schema?.openAPIV3Schema, 'spec.validation.openAPIV3Schema', errors)
  if (shared.has('subresources')) validateSubresources(versions[0].subresources, 'spec.subresources', errors)
  const { conversion } = spec
  if (conversion?.strategy === 'Webhook') {
    if (!conversion.webhook?.clientConfig) errors.required('spec.conversion.webhookClientConfig', 'required when strategy is set to Webhook')
    const versions: string[] = conversion.webhook?.conversionReviewVersions ?? []
    if (versions.length === 0) errors.required('spec.conversion.conversionReviewVersions')
    else if (!versions.some((v) => v === 'v1' || v === 'v1beta1')) errors.invalid('spec.conversion.conversionReviewVersions', versions, 'must include at least one of v1, v1beta1')
  } else if (conversion?.webhook) errors.forbidden('spec.conversion.webhookClientConfig', 'should not be set when strategy is not set to Webhook')
  const strategy = spec.conversion?.strategy
  if (spec.conversion && !strategy) errors.required('spec.conversion.strategy')
  else if (spec.conversion && !['None', 'Webhook'].includes(strategy)) errors.notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])
}

function validateNames(names: Loose, errors: FieldErrors): void {
  for (const field of ['plural', 'singular', 'kind', 'listKind']) if (!names[field]) errors.required(`spec.names.${field}`)
  const label = (at: string, value: string) => {
    const wrong = dns1035LabelErrors(value)
    if (wrong.length > 0) errors.invalid(at, value, wrong.join(','))
  }
  const mixed = (at: string, value: string) => {
    const wrong = dns1035LabelErrors(value.toLowerCase())
    if (wrong.length > 0) errors.invalid(at, value, `may have mixed case, but should otherwise match: ${wrong.join(',')}`)
  }
  if (names.plural) label('spec.names.plural', names.plural)
  if (names.singular) label('spec.names.singular', names.singular)
  if (names.kind) mixed('spec.names.kind', names.kind)
  if (names.listKind) mixed('spec.names.listKind', names.listKind)
  for (const [i, n] of (names.shortNames ?? []).entries()) label(`spec.names.shortNames[${i}]`, n)
  if (names.kind && names.kind === names.listKind) errors.invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same')
  for (const [i, n] of (names.categories ?? []).entries()) label(`spec.names.categories[${i}]`, n)
}

function validateColumns(columns: Loose, at: string, errors: FieldErrors): void {
  const types = ['boolean', 'date', 'integer', 'number', 'string']
  const formats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']
  for (const [i, c] of (columns ?? []).entries()) {
    if (!c.name) errors.required(`${at}[${i}].name`)
    if (!c.type) errors.required(`${at}[${i}].type`, `must be one of ${types.join(',')}`)
    else if (!types.includes(c.type)) errors.invalid(`${at}[${i}].type`, c.type, `must be one of ${types.join(',')}`)
    if (c.format && !formats.includes(c.format)) errors.invalid(`${at}[${i}].format`, c.format, `must be one of ${formats.join(',')}`)
    if (!c.jsonPath) errors.required(`${at}[${i}].JSONPath`)
  }
}

function validateSubresources(subresources: Loose, at: string, errors: FieldErrors): void {
  const scale = subresources?.scale
  if (!scale) return
  const path = (field: string, under: string) => {
    if (!scale[field]) errors.required(`${at}.scale.${field}`)
    else if (!scale[field].startsWith(under)) errors.invalid(`${at}.scale.${field}`, scale[field], `should be a json path under ${under}`)
  }
  path('specReplicasPath', '.spec')
  path('statusReplicasPath', '.status')
  const selector: string = scale.labelSelectorPath ?? ''
  if (selector !== '' && !selector.startsWith('.spec') && !selector.startsWith('.status')) errors.invalid(`${at}.scale.labelSelectorPath`, selector, 'should be a json path under either .spec or .status')
}

function validateSelectable(version: Loose, at: string, errors: FieldErrors): void {
  const seen = new Set<string>()
  for (const [i, f] of (version.selectableFields ?? []).entries()) {
    const path: string = f.jsonPath ?? ''
    const here = `${at}[${i}].jsonPath`
    if (path === '') {
      errors.required(here)
      continue
    }
    const field = path.split('.').slice(1).reduce((s: Loose, name) => s?.properties?.[name], version.schema?.openAPIV3Schema)
    if (field === undefined) errors.invalid(here, path, 'is an invalid path: does not refer to a valid field')
    else if (!['string', 'boolean', 'integer'].includes(field.type)) errors.invalid(here, path, 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.')
    if (seen.has(path)) errors.duplicate(here, path)
    seen.add(path)
  }
}

const forbiddenBelow = ['description', 'type', 'default', 'title', 'nullable', 'additionalProperties', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string']

/** Inside allOf, anyOf, oneOf and not there are only restrictions, no types. */
function validateBelowLogic(schema: Loose, at: string, errors: FieldErrors): void {
  if (!isObject(schema)) return
  for (const field of forbiddenBelow) if (schema[field] !== undefined && schema[field] !== '' && schema[field] !== false) errors.forbidden(`${at}.${field}`, `must be empty to be structural`)
  for (const name of Object.keys(schema.properties ?? {}).sort()) validateBelowLogic(schema.properties[name], `${at}.properties[${name}]`, errors)
  if (schema.items) validateBelowLogic(schema.items, `${at}.items`, errors)
  for (const list of ['allOf', 'anyOf', 'oneOf']) for (const [i, sub] of (schema[list] ?? []).entries()) validateBelowLogic(sub, `${at}.${list}[${i}]`, errors)
  if (schema.not) validateBelowLogic(schema.not, `${at}.not`, errors)
  validatePattern(schema, at, errors)
}

function validatePattern({ pattern }: Loose, at: string, errors: FieldErrors): void {
  const failure = pattern ? goRegexp(pattern).failure : undefined
  if (failure !== undefined) errors.invalid(`${at}.pattern`, pattern, `must be a valid regular expression, but isn't: ${failure}`)
}

/** Rules are compiled only where the schema itself is sound. */
function validateRootSchema(schema: Loose, at: string, errors: FieldErrors): void {
  const own = new FieldErrors()
  validateSchema(schema, at, own, 'at the root')
  errors.list.push(...own.list)
  validateRulesOf(schema, at, own.list.length === 0, errors)
}

/** A structural schema: every value has a type. */
function validateSchema(schema: Loose, at: string, errors: FieldErrors, place: 'at the root' | 'for specified object fields' | 'for specified array items'): void {
  if (!isObject(schema)) return
  const open = schema['x-kubernetes-preserve-unknown-fields']
  const either = schema['x-kubernetes-int-or-string'] === true
  const { type } = schema
  if (open === false) errors.invalid(`${at}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined')
  if (schema.default !== undefined) {
    const wrong = new FieldErrors()
    validateStructural(schema.default, schema, '', wrong)
    for (const e of wrong.list) errors.add(e.type, `${at}.default${e.field === '' || e.field.startsWith('[') ? e.field : `.${e.field}`}`, e.body)
  }
  for (const list of ['allOf', 'anyOf', 'oneOf']) for (const [i, sub] of (schema[list] ?? []).entries()) validateBelowLogic(sub, `${at}.${list}[${i}]`, errors)
  if (schema.not) validateBelowLogic(schema.not, `${at}.not`, errors)
  validatePattern(schema, at, errors)
  if (type && place === 'at the root' && type !== 'object') errors.invalid(`${at}.type`, type, 'must be object at the root')
  if (!type && !either && (open !== true || place === 'at the root')) errors.required(`${at}.type`, `must not be empty ${place}`)
  else if (type && !TYPES.includes(type)) errors.notSupported(`${at}.type`, type, TYPES)
  const kind = schema['x-kubernetes-list-type']
  if (kind !== undefined) {
    if (!type) errors.required(`${at}.type`, 'must be array if x-kubernetes-list-type is specified')
    else if (type !== 'array') errors.invalid(`${at}.type`, type, 'must be array if x-kubernetes-list-type is specified')
    if (!['atomic', 'set', 'map'].includes(kind)) errors.notSupported(`${at}.x-kubernetes-list-type`, kind, ['atomic', 'map', 'set'])
    if (kind === 'map' && !(schema['x-kubernetes-list-map-keys']?.length > 0)) errors.required(`${at}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map')
  }
  if (type === 'array' && schema.items === undefined) errors.required(`${at}.items`, 'must be specified')
  for (const name of Object.keys(schema.properties ?? {}).sort()) validateSchema(schema.properties[name], `${at}.properties[${name}]`, errors, 'for specified object fields')
  if (isObject(schema.additionalProperties)) validateSchema(schema.additionalProperties, `${at}.additionalProperties`, errors, 'for specified object fields')
  if (isObject(schema.items)) validateSchema(schema.items, `${at}.items`, errors, 'for specified array items')
}
