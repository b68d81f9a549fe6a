/** Validation of webhook configurations and admission policies. */
import * as types from '#engine/api/cel/types.ts'
import { admissionVariables, isIdentifier, validateExpression, type Variables } from './admission-expressions.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { dns1035LabelErrors, dns1123SubdomainErrors, portText, qualifiedNameErrors } from '#engine/api/names.ts'
import { validateLabelSelector } from './validation.ts'

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']

function oneOf(value: Loose, at: string, allowed: readonly string[], errors: FieldErrors): void {
  if (value !== undefined && !allowed.includes(value)) errors.notSupported(at, value, allowed)
}

/** A list in which '*' stands alone. */
function alone(values: Loose, at: string, what: string, errors: FieldErrors): void {
  const list: string[] = values ?? []
  if (list.length === 0) errors.required(at)
  if (list.length > 1 && list.includes('*')) errors.invalid(at, list, `if '*' is present, must not specify other ${what}`)
}

/** `pods`, `pods/*`, `*` + `/scale`, `*`: none may say what another says already. */
function validateResourceTexts(resources: readonly string[], at: string, errors: FieldErrors): void {
  if (resources.length === 0) errors.required(at)
  const wholeOf = new Set<string>()
  const ofAll = new Set<string>()
  let plain = false
  for (const [i, text] of resources.entries()) {
    if (text === '') {
      errors.required(`${at}[${i}]`)
      continue
    }
    const cut = text.indexOf('/')
    if (cut < 0) {
      plain = text !== '*'
      continue
    }
    const [resource, sub] = [text.slice(0, cut), text.slice(cut + 1)]
    if (wholeOf.has(resource)) errors.invalid(`${at}[${i}]`, text, `if '${resource}/*' is present, must not specify ${text}`)
    if (ofAll.has(sub)) errors.invalid(`${at}[${i}]`, text, `if '*/${sub}' is present, must not specify ${text}`)
    if (sub === '*') wholeOf.add(resource)
    if (resource === '*') ofAll.add(sub)
  }
  if (resources.length > 1 && resources.includes('*/*')) errors.invalid(at, resources, "if '*/*' is present, must not specify other resources")
  if (resources.includes('*') && plain) errors.invalid(at, resources, "if '*' is present, must not specify other resources without subresources")
}

function validateRule(rule: Loose, at: string, errors: FieldErrors): void {
  alone(rule.operations, `${at}.operations`, 'operations', errors)
  for (const [i, o] of (rule.operations ?? []).entries()) oneOf(o, `${at}.operations[${i}]`, OPERATIONS, errors)
  alone(rule.apiGroups, `${at}.apiGroups`, 'API groups', errors)
  alone(rule.apiVersions, `${at}.apiVersions`, 'API versions', errors)
  for (const [i, v] of (rule.apiVersions ?? []).entries()) if (v === '') errors.required(`${at}.apiVersions[${i}]`)
  validateResourceTexts(rule.resources ?? [], `${at}.resources`, errors)
  oneOf(rule.scope, `${at}.scope`, ['*', 'Cluster', 'Namespaced'], errors)
}

function validateSelectors(holder: Loose, at: string, errors: FieldErrors): void {
  if (holder.namespaceSelector) validateLabelSelector(holder.namespaceSelector, `${at}.namespaceSelector`, errors)
  if (holder.objectSelector) validateLabelSelector(holder.objectSelector, `${at}.objectSelector`, errors)
}

function validateUrl(url: string, at: string, errors: FieldErrors): void {
  const form = '; desired format: https://host[/path]'
  const m = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:([^@/?#]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(url)
  if (!m) {
    errors.required(at, `url must be a valid URL${form}`)
    return
  }
  const [, scheme = '', user, host = '', , query, fragment] = m
  if (scheme !== 'https') errors.invalid(at, scheme, `'https' is the only allowed URL scheme${form}`)
  if (host === '') errors.invalid(at, host, `host must be specified${form}`)
  if (user !== undefined) errors.invalid(at, user, 'user information is not permitted in the URL')
  if (fragment) errors.invalid(at, fragment, 'fragments are not permitted in the URL')
  if (query) errors.invalid(at, query, 'query parameters are not permitted in the URL')
}

function validateService(service: Loose, at: string, errors: FieldErrors): void {
  // Upstream mixes the two up.
  if (!service.namespace) errors.required(`${at}.name`)
  if (!service.name) errors.required(`${at}.namespace`)
  const { port = 443, path } = service
  if (port < 1 || port > 65535) errors.invalid(`${at}.port`, port, `port is not valid: ${portText}`)
  if (path === undefined || path === '/') return
  if (path === '') errors.invalid(`${at}.path`, path, "must start with a '/'")
  else if (!path.startsWith('/')) errors.invalid(`${at}.path`, path, "must start with a '/'")
  else {
    const steps: string[] = (path.endsWith('/') && path !== '//' ? path.slice(1, -1) : path.slice(1)).split('/')
    for (const [i, step] of steps.entries()) {
      if (step === '') {
        errors.invalid(`${at}.path`, path, `segment[${i}] may not be empty`)
        return
      }
      const wrong = dns1123SubdomainErrors(step)
      if (wrong.length > 0) errors.invalid(`${at}.path`, path, `segment[${i}]: ${wrong.join(', ')}`)
    }
  }
}

function validateConditions(conditions: Loose, at: string, variables: Variables, errors: FieldErrors): void {
  const seen = new Set<string>()
  for (const [i, c] of (conditions ?? []).entries()) {
    if (!String(c.expression ?? '').trim()) errors.required(`${at}[${i}].expression`)
    else validateExpression(c.expression, `${at}[${i}].expression`, variables, [types.bool], errors)
    if (!c.name) errors.required(`${at}[${i}].name`)
    else {
      for (const text of qualifiedNameErrors(c.name)) errors.invalid(`${at}[${i}].name`, c.name, text)
      if (seen.has(c.name)) errors.duplicate(`${at}[${i}].name`, c.name)
      seen.add(c.name)
    }
  }
}

function validateReviewVersions(versions: Loose, at: string, errors: FieldErrors): void {
  const list: string[] = versions ?? []
  if (list.length === 0) {
    errors.required(at, 'must specify one of v1, v1beta1')
    return
  }
  for (const [i, v] of list.entries()) {
    if (list.indexOf(v) < i) errors.invalid(`${at}[${i}]`, v, 'duplicate version')
    else for (const text of dns1035LabelErrors(v)) errors.invalid(`${at}[${i}]`, v, text)
  }
  if (!list.some((v) => v === 'v1' || v === 'v1beta1')) errors.invalid(at, list, 'must include at least one of v1, v1beta1')
}

export function validateWebhooks(configuration: Loose, errors: FieldErrors): void {
  const seen = new Set<string>()
  for (const [i, hook] of (configuration.webhooks ?? []).entries()) {
    const at = `webhooks[${i}]`
    if (!hook.name) errors.required(`${at}.name`)
    else {
      const wrong = dns1123SubdomainErrors(hook.name)
      if (wrong.length > 0) errors.invalid(`${at}.name`, hook.name, wrong.join(','))
      else if (hook.name.split('.').length < 3) errors.invalid(`${at}.name`, hook.name, 'should be a domain with at least three segments separated by dots')
    }
    for (const [k, rule] of (hook.rules ?? []).entries()) validateRule(rule, `${at}.rules[${k}]`, errors)
    oneOf(hook.failurePolicy, `${at}.failurePolicy`, ['Fail', 'Ignore'], errors)
    oneOf(hook.matchPolicy, `${at}.matchPolicy`, ['Equivalent', 'Exact'], errors)
    if (!hook.sideEffects) errors.required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun')
    else oneOf(hook.sideEffects, `${at}.sideEffects`, ['None', 'NoneOnDryRun'], errors)
    if (hook.timeoutSeconds !== undefined && (hook.timeoutSeconds < 1 || hook.timeoutSeconds > 30)) errors.invalid(`${at}.timeoutSeconds`, hook.timeoutSeconds, 'the timeout value must be between 1 and 30 seconds')
    validateSelectors(hook, at, errors)
    oneOf(hook.reinvocationPolicy, `${at}.reinvocationPolicy`, ['IfNeeded', 'Never'], errors)
    const { url, service } = hook.clientConfig ?? {}
    if ((url === undefined) === (service === undefined)) errors.required(`${at}.clientConfig`, 'exactly one of url or service is required')
    else if (url !== undefined) validateUrl(url, `${at}.clientConfig.url`, errors)
    else validateService(service, `${at}.clientConfig.service`, errors)
    validateConditions(hook.matchConditions, `${at}.matchConditions`, admissionVariables({ namespaceObject: false }), errors)
    validateReviewVersions(hook.admissionReviewVersions, `${at}.admissionReviewVersions`, errors)
    if (hook.name && seen.has(hook.name)) errors.duplicate(`${at}.name`, hook.name)
    seen.add(hook.name)
  }
}

function validateMatch(match: Loose, at: string, errors: FieldErrors, rulesNeeded: boolean): void {
  if (!match) return
  if (rulesNeeded && !(match.resourceRules?.length > 0)) errors.required(`${at}.resourceRules`)
  oneOf(match.matchPolicy, `${at}.matchPolicy`, ['Equivalent', 'Exact'], errors)
  validateSelectors(match, at, errors)
  for (const list of ['resourceRules', 'excludeResourceRules']) for (const [i, rule] of (match[list] ?? []).entries()) validateRule(rule, `${at}.${list}[${i}]`, errors)
}

export function validateAdmissionPolicy(policy: Loose, errors: FieldErrors): void {
  const spec = policy.spec ?? {}
  oneOf(spec.failurePolicy, 'spec.failurePolicy', ['Fail', 'Ignore'], errors)
  if (spec.paramKind) {
    validateParamKind(spec.paramKind, 'spec.paramKind', errors)
  }
  if (!spec.matchConstraints) errors.required('spec.matchConstraints')
  validateMatch(spec.matchConstraints, 'spec.matchConstraints', errors, true)
  const params = spec.paramKind !== undefined
  validateConditions(spec.matchConditions, 'spec.matchConditions', admissionVariables({ params }), errors)
  const known = spec.variables?.length > 0 ? new Map<string, types.CelType>() : undefined
  const variables = () => admissionVariables({ params, ...(known ? { variables: known } : {}) })
  for (const [i, v] of (spec.variables ?? []).entries()) {
    const at = `spec.variables[${i}]`
    if (blank(v.name)) errors.required(`${at}.name`, 'name is not specified')
    else if (!isIdentifier(v.name)) errors.invalid(`${at}.name`, v.name, 'must be a valid CEL identifier')
    if (blank(v.expression)) errors.required(`${at}.expression`, 'expression is not specified')
    else known!.set(v.name ?? '', validateExpression(v.expression, `${at}.expression`, variables(), undefined, errors)?.type ?? types.dyn)
  }
  const nothing = 'validations or auditAnnotations must contain at least one item'
  if (!(spec.validations?.length > 0) && !(spec.auditAnnotations?.length > 0)) {
    errors.required('spec.validations', nothing)
    errors.required('spec.auditAnnotations', nothing)
    return
  }
  for (const [i, v] of (spec.validations ?? []).entries()) validateValidation(v, `spec.validations[${i}]`, variables(), errors)
  const seen = new Set<string>()
  for (const [i, a] of (spec.auditAnnotations ?? []).entries()) {
    const at = `spec.auditAnnotations[${i}]`
    for (const text of qualifiedNameErrors(`${policy.metadata.name}/${a.key ?? ''}`)) errors.invalid(`${at}.key`, `${policy.metadata.name}/${a.key ?? ''}`, text)
    if (blank(a.valueExpression)) errors.required(`${at}.valueExpression`, 'valueExpression is not specified')
    else validateExpression(a.valueExpression, `${at}.valueExpression`, variables(), [types.string, types.nullType], errors)
    if (seen.has(a.key)) errors.duplicate(`${at}.key`, a.key)
    seen.add(a.key)
  }
}

function validateParamKind(p: Loose, at: string, errors: FieldErrors): void {
  if (!p.apiVersion) errors.required(`${at}.apiVersion`)
  else {
    const parts: string[] = p.apiVersion.split('/')
    if (parts.length > 2) errors.invalid(`${at}.apiVersion`, p.apiVersion, `unexpected GroupVersion string: ${p.apiVersion}`)
    else {
      const [version = '', group = ''] = [...parts].reverse()
      if (group !== '' && dns1123SubdomainErrors(group).length > 0) errors.invalid(`${at}.apiVersion`, group, dns1123SubdomainErrors(group).join(','))
      if (version === '') errors.invalid(`${at}.apiVersion`, p.apiVersion, 'version must be specified')
      else if (dns1035LabelErrors(version).length > 0) errors.invalid(`${at}.apiVersion`, version, dns1035LabelErrors(version).join(','))
    }
  }
  if (!p.kind) errors.required(`${at}.kind`)
  else if (dns1035LabelErrors(p.kind.toLowerCase()).length > 0) errors.invalid(`${at}.kind`, p.kind, `may have mixed case, but should otherwise match: ${dns1035LabelErrors(p.kind.toLowerCase()).join(',')}`)
}

const blank = (text: unknown): boolean => String(text ?? '').trim() === ''
const breaks = (text: unknown): boolean => /[\r\n]/.test(String(text ?? '').trim())

function validateValidation(v: Loose, at: string, variables: Variables, errors: FieldErrors): void {
  if (blank(v.expression)) errors.required(`${at}.expression`, 'expression is not specified')
  else validateExpression(v.expression, `${at}.expression`, variables, [types.bool], errors)
  if (v.messageExpression && blank(v.messageExpression)) errors.invalid(`${at}.messageExpression`, v.messageExpression, 'must be non-empty if specified')
  else if (!blank(v.messageExpression)) validateExpression(v.messageExpression, `${at}.messageExpression`, variables, [types.string], errors)
  if (v.message && blank(v.message)) errors.invalid(`${at}.message`, v.message, 'message must be non-empty if specified')
  else if (breaks(v.message)) errors.invalid(`${at}.message`, v.message, 'message must not contain line breaks')
  else if (breaks(v.expression) && blank(v.message)) errors.required(`${at}.message`, 'message must be specified if expression contains line breaks')
  oneOf(v.reason, `${at}.reason`, ['Forbidden', 'Invalid', 'RequestEntityTooLarge'], errors)
}

export function validateAdmissionBinding(binding: Loose, errors: FieldErrors): void {
  const spec = binding.spec ?? {}
  if (!spec.policyName) errors.required('spec.policyName')
  if (spec.paramRef) {
    const { name, selector, parameterNotFoundAction } = spec.paramRef
    if (name && selector) errors.forbidden('spec.paramRef.name', 'name and selector are mutually exclusive')
    else if (!name && !selector) errors.required('spec.paramRef', 'one of name or selector must be specified')
    if (!parameterNotFoundAction) errors.required('spec.paramRef.parameterNotFoundAction')
    else oneOf(parameterNotFoundAction, 'spec.paramRef.parameterNotFoundAction', ['Allow', 'Deny'], errors)
  }
  validateMatch(spec.matchResources, 'spec.matchResources', errors, false)
  const actions: string[] = spec.validationActions ?? []
  if (actions.length === 0) errors.required('spec.validationActions', 'at least one validation action is required')
  for (const [i, a] of actions.entries()) {
    oneOf(a, `spec.validationActions[${i}]`, ['Audit', 'Deny', 'Warn'], errors)
    if (actions.indexOf(a) < i) errors.duplicate(`spec.validationActions[${i}]`, a)
  }
  if (actions.includes('Deny') && actions.includes('Warn')) errors.invalid('spec.validationActions', actions, 'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)')
}
