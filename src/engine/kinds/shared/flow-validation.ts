/** API priority and fairness: what flow schemas and priority levels may say, and what they say when silent. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { dns1123LabelErrors, dns1123SubdomainErrors } from '#engine/api/names.ts'
import { all } from './validation.ts'

const EXEMPT = 'exempt'
const MANDATORY: readonly string[] = [EXEMPT, 'catch-all']
const HIGHEST_PRECEDENCE = 10_000
const MOST_QUEUES = 10_000_000
/** Dealing a hand of queues uses up this much of a hash. */
const HASH_BITS = 60
const VERBS = ['*', 'create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const SUBJECTS: Readonly<Record<string, { readonly field: string; check(subject: Loose, path: string, errors: FieldErrors): void }>> = {
  User: { field: 'user', check: named },
  Group: { field: 'group', check: named },
  ServiceAccount: {
    field: 'serviceAccount',
    check(subject, path, errors) {
      if (!subject.name || subject.name === '*') named(subject, path, errors)
      else all(errors, `${path}.name`, subject.name, dns1123SubdomainErrors(subject.name))
      if (!subject.namespace) errors.required(`${path}.namespace`, 'must specify namespace for service account')
      else all(errors, `${path}.namespace`, subject.namespace, dns1123LabelErrors(subject.namespace))
    },
  },
}
/** In the order in which foreign fields are complained about. */
const SUBJECT_ORDER: Readonly<Record<string, readonly string[]>> = { User: ['ServiceAccount', 'Group'], Group: ['ServiceAccount', 'User'], ServiceAccount: ['User', 'Group'] }

const list = (value: Loose): Loose[] => value ?? []
const texts = (value: Loose): string[] => value ?? []

function named(subject: Loose, path: string, errors: FieldErrors): void {
  if (!subject.name) errors.required(`${path}.name`)
}

function validateSubject(subject: Loose, path: string, errors: FieldErrors): void {
  const own = SUBJECTS[subject.kind]
  if (!own) return errors.notSupported(`${path}.kind`, subject.kind, Object.keys(SUBJECTS).sort())
  const at = `${path}.${own.field}`
  if (subject[own.field]) own.check(subject[own.field], at, errors)
  else errors.required(at, `${own.field} is required when subject kind is '${subject.kind}'`)
  for (const kind of SUBJECT_ORDER[subject.kind]!) {
    const { field } = SUBJECTS[kind]!
    if (subject[field]) errors.forbidden(`${path}.${field}`, `${field} is forbidden when subject kind is not '${kind}'`)
  }
}

function validateVerbs(verbs: readonly string[], path: string, errors: FieldErrors): void {
  if (verbs.length === 0) errors.required(path, 'verbs must contain at least one value')
  else if (verbs.includes('*')) onlyWildcard(verbs, path, 'verbs', errors)
  else if (verbs.some((v) => !VERBS.includes(v))) errors.notSupported(path, verbs, VERBS)
}

function onlyWildcard(values: readonly string[], path: string, what: string, errors: FieldErrors): void {
  if (values.length > 1 && values.includes('*')) errors.invalid(path, values, `if '*' is present, must not specify other ${what}`)
}

function wrongUrl(url: string): string {
  if (url === '') return 'must not be empty'
  if (!url.startsWith('/')) return 'must start with slash'
  if (url.includes(' ')) return 'must not contain white-space'
  if (url.includes('//')) return 'must not contain double slash'
  return /^[^*]*(\/\*)?$/.test(url) ? '' : 'wildcard can only do suffix matching'
}

function validateResourceRule(rule: Loose, path: string, errors: FieldErrors): void {
  validateVerbs(texts(rule.verbs), `${path}.verbs`, errors)
  for (const [field, one, many] of [['apiGroups', 'api group', 'api groups'], ['resources', 'resource', 'resources']] as const) {
    const values = texts(rule[field])
    if (values.length === 0) errors.required(`${path}.${field}`, `resource rules must supply at least one ${one}`)
    else onlyWildcard(values, `${path}.${field}`, many, errors)
  }
  const namespaces = texts(rule.namespaces)
  if (namespaces.length === 0 && !rule.clusterScope) errors.required(`${path}.namespaces`, 'resource rules that are not cluster scoped must supply at least one namespace')
  else if (namespaces.includes('*')) onlyWildcard(namespaces, `${path}.namespaces`, 'namespaces', errors)
  else for (const [i, n] of namespaces.entries()) all(errors, `${path}.namespaces[${i}]`, n, dns1123LabelErrors(n).map((text) => `each member of this list must be '*' or a DNS-1123 label; ${text}`))
}

function validateUrlRule(rule: Loose, path: string, errors: FieldErrors): void {
  validateVerbs(texts(rule.verbs), `${path}.verbs`, errors)
  const urls = texts(rule.nonResourceURLs)
  if (urls.length === 0) errors.required(`${path}.nonResourceURLs`, 'nonResourceURLs must contain at least one value')
  else if (urls.includes('*')) onlyWildcard(urls, `${path}.nonResourceURLs`, 'non-resource URLs', errors)
  else
    for (const [i, url] of urls.entries()) {
      const wrong = wrongUrl(url)
      if (wrong) errors.invalid(`${path}.nonResourceURLs[${i}]`, url, wrong)
    }
}

function validateConditions(object: Loose, errors: FieldErrors): void {
  const seen = new Set<string>()
  for (const [i, c] of list(object.status?.conditions).entries()) {
    const at = `status.conditions[${i}].type`
    if (seen.has(c.type)) errors.duplicate(at, c.type)
    seen.add(c.type)
    if (!c.type) errors.required(at, 'must not be empty')
  }
}

export function validateFlowSchema(schema: Loose, errors: FieldErrors): void {
  const { spec } = schema
  const precedence = spec.matchingPrecedence
  const wrong = (text: string) => errors.invalid('spec.matchingPrecedence', precedence, text)
  if (precedence <= 0) wrong('must be a positive value')
  if (precedence > HIGHEST_PRECEDENCE) wrong(`must not be greater than ${HIGHEST_PRECEDENCE}`)
  if (precedence === 1 && schema.metadata.name !== EXEMPT) wrong("only the schema named 'exempt' may have matchingPrecedence 1")
  if (spec.distinguisherMethod && !['ByNamespace', 'ByUser'].includes(spec.distinguisherMethod.type)) errors.notSupported('spec.distinguisherMethod.type', spec.distinguisherMethod, ['ByNamespace', 'ByUser'])
  const level = spec.priorityLevelConfiguration?.name
  if (!level) errors.required('spec.priorityLevelConfiguration.name', 'must reference a priority level')
  else all(errors, 'spec.priorityLevelConfiguration.name', level, dns1123SubdomainErrors(level))
  for (const [i, rule] of list(spec.rules).entries()) {
    const at = `spec.rules[${i}]`
    if (list(rule.subjects).length === 0) errors.required(`${at}.subjects`, 'subjects must contain at least one value')
    for (const [n, subject] of list(rule.subjects).entries()) validateSubject(subject, `${at}.subjects[${n}]`, errors)
    if (list(rule.resourceRules).length + list(rule.nonResourceRules).length === 0) errors.required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty')
    for (const [n, r] of list(rule.resourceRules).entries()) validateResourceRule(r, `${at}.resourceRules[${n}]`, errors)
    for (const [n, r] of list(rule.nonResourceRules).entries()) validateUrlRule(r, `${at}.nonResourceRules[${n}]`, errors)
  }
  validateConditions(schema, errors)
}

export function validateFlowSchemaUpdate(schema: Loose, old: Loose, errors: FieldErrors): void {
  validateFlowSchema(schema, errors)
  const { name } = schema.metadata
  if (MANDATORY.includes(name) && !equal(schema.spec, old.spec)) errors.invalid('spec', schema.spec, `spec of '${name}' must equal the fixed value`)
}

function validateQueuing(queuing: Loose, path: string, errors: FieldErrors): void {
  const { queueLengthLimit, queues, handSize } = queuing
  if (queueLengthLimit <= 0) errors.invalid(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive')
  if (queues <= 0) errors.invalid(`${path}.queues`, queues, 'must be positive')
  else if (queues > MOST_QUEUES) errors.invalid(`${path}.queues`, queues, `must not be greater than ${MOST_QUEUES}`)
  if (handSize <= 0) errors.invalid(`${path}.handSize`, handSize, 'must be positive')
  else if (handSize > queues) errors.invalid(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`)
  else if (Math.ceil(Math.log2(queues) * handSize) > HASH_BITS) errors.invalid(`${path}.handSize`, handSize, `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${HASH_BITS}`)
}

function validateShares(config: Loose, path: string, errors: FieldErrors): void {
  if (config.nominalConcurrencyShares < 0) errors.invalid(`${path}.nominalConcurrencyShares`, config.nominalConcurrencyShares, 'must be a non-negative integer')
}

function validateLending(config: Loose, path: string, errors: FieldErrors): void {
  if (config.lendablePercent < 0 || config.lendablePercent > 100) errors.invalid(`${path}.lendablePercent`, config.lendablePercent, 'must be between 0 and 100, inclusive')
}

function validateLimited(limited: Loose, errors: FieldErrors): void {
  validateShares(limited, 'spec.limited', errors)
  const at = 'spec.limited.limitResponse'
  const { type, queuing } = limited.limitResponse ?? {}
  if (type === 'Reject') {
    if (queuing) errors.forbidden(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited')
  } else if (type === 'Queue') {
    if (queuing) validateQueuing(queuing, `${at}.queuing`, errors)
    else errors.required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited')
  } else errors.notSupported(`${at}.type`, type ?? '', ['Queue', 'Reject'])
  validateLending(limited, 'spec.limited', errors)
  if (limited.borrowingLimitPercent < 0) errors.invalid('spec.limited.borrowingLimitPercent', limited.borrowingLimitPercent, 'if specified, must be a non-negative integer')
}

export function validatePriorityLevel(level: Loose, errors: FieldErrors): void {
  const { type, limited, exempt } = level.spec
  if ((level.metadata.name === EXEMPT) !== (type === 'Exempt')) errors.invalid('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'")
  if (type === 'Exempt') {
    if (limited) errors.forbidden('spec.limited', 'must be nil if the type is not Limited')
    if (exempt) {
      validateShares(exempt, 'spec.exempt', errors)
      validateLending(exempt, 'spec.exempt', errors)
    }
  } else if (type === 'Limited') {
    if (exempt) errors.forbidden('spec.exempt', 'must be nil if the type is Limited')
    if (limited) validateLimited(limited, errors)
    else errors.required('spec.limited', 'must not be empty when type is Limited')
  } else errors.notSupported('spec.type', type, ['Exempt', 'Limited'])
  validateConditions(level, errors)
}

export function validatePriorityLevelUpdate(level: Loose, old: Loose, errors: FieldErrors): void {
  validatePriorityLevel(level, errors)
  const { name } = level.metadata
  if (!MANDATORY.includes(name)) return
  // How much the exempt level lends is for the administrator to say.
  const fixed = (spec: Loose) => (name === EXEMPT ? { ...spec, exempt: undefined } : spec)
  if (!equal(fixed(level.spec), fixed(old.spec))) errors.invalid('spec', level.spec, name === EXEMPT ? "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value" : `spec of '${name}' must equal the fixed value`)
}

export function flowSchemaDefaults(schema: Loose): void {
  schema.spec.matchingPrecedence ||= 1000
}

export function priorityLevelDefaults(level: Loose): void {
  const { spec } = level
  if (spec.type === 'Exempt') {
    spec.exempt ??= {}
    spec.exempt.nominalConcurrencyShares ??= 0
    spec.exempt.lendablePercent ??= 0
  }
  if (!spec.limited) return
  spec.limited.nominalConcurrencyShares ??= 30
  spec.limited.lendablePercent ??= 0
  const queuing = spec.limited.limitResponse?.queuing
  if (!queuing) return
  queuing.handSize ||= 8
  queuing.queues ||= 64
  queuing.queueLengthLimit ||= 50
}
