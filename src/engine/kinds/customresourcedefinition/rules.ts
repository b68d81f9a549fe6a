/**
 * Rules of custom resources (x-kubernetes-validations): compiling them when a definition is written, judging objects by them. Models apiextensions-apiserver's
 * validation of rules and its cel package. Leaves out: the budget that all rules of one request share.
 */
import { compile, type Program } from '#engine/api/cel/compile.ts'
import type { Activation } from '#engine/api/cel/evaluate.ts'
import { schemaType, schemaValue } from '#engine/api/cel/schema.ts'
import { type CelType, opaque } from '#engine/api/cel/types.ts'
import { CelError, Optional } from '#engine/api/cel/values.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, isObject, type Loose } from '#engine/api/loose.ts'
import { Correlation } from './correlation.ts'

const EXPRESSION_LIMIT = 10_000_000
const SCHEMA_LIMIT = 100_000_000
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
const ADVICE = '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)'

/** What the rules of one schema may cost together. */
interface Costs {
  total: number
  readonly expensive: { readonly path: string; readonly cost: number }[]
}

function exceeds(what: string, cost: number, limit: number): string {
  const factor = cost / limit
  return `${what} exceeds budget by factor of ${factor > 100 ? 'more than 100x' : `${factor.toFixed(1)}x`} ${ADVICE}`
}

/** A rule with the names of the internal type. */
const shown = (r: Loose) => ({ Rule: r.rule ?? '', Message: r.message ?? '', MessageExpression: r.messageExpression ?? '', Reason: r.reason ?? null, FieldPath: r.fieldPath ?? '', OptionalOldSelf: r.optionalOldSelf ?? null })

const blank = (text: unknown): boolean => String(text ?? '').trim() === ''
const breaks = (text: unknown): boolean => /[\r\n]/.test(String(text ?? '').trim())

function declared(type: CelType, rule: Loose, oldSelf: boolean): { variables: Map<string, CelType> } {
  const variables = new Map([['self', type]])
  if (oldSelf) variables.set('oldSelf', rule.optionalOldSelf === true ? opaque('optional_type', type) : type)
  return { variables }
}

interface Place {
  /** Root of the schema: it has metadata. */
  readonly root: boolean
  /** How often an object may hold values of this schema. */
  readonly cardinality: number
  /** Where old values cannot be told from new ones any more. */
  readonly uncorrelated?: string
  readonly costs: Costs
}

/** All rules of a schema. `compiles`: the schema is sound, so that its types are known. */
export function validateRulesOf(schema: Loose, at: string, compiles: boolean, errors: FieldErrors): void {
  const costs: Costs = { total: 0, expensive: [] }
  visit(schema, at, { root: true, cardinality: 1, costs }, compiles, errors)
  validateTotalCost(costs, at, errors)
}

function visit(schema: Loose, at: string, place: Place, compiles: boolean, errors: FieldErrors): void {
  if (!isObject(schema)) return
  const { root: _, ...rest } = place
  const below = { ...rest, root: false }
  for (const name of Object.keys(schema.properties ?? {}).sort()) visit(schema.properties[name], `${at}.properties[${name}]`, below, compiles, errors)
  if (isObject(schema.additionalProperties) || isObject(schema.items)) {
    const cardinality = place.cardinality * (schemaType(schema)?.max ?? 1)
    visit(schema.additionalProperties, `${at}.additionalProperties`, { ...below, cardinality }, compiles, errors)
    const uncorrelated = place.uncorrelated ?? (schema['x-kubernetes-list-type'] === 'map' ? undefined : at)
    visit(schema.items, `${at}.items`, { ...below, cardinality, ...(uncorrelated === undefined ? {} : { uncorrelated }) }, compiles, errors)
  }
  validateRules(schema, at, place, compiles, errors)
}

function validateRules(schema: Loose, at: string, place: Place, compiles: boolean, errors: FieldErrors): void {
  const rules: Loose[] = schema['x-kubernetes-validations'] ?? []
  if (rules.length === 0) return
  for (const [i, r] of rules.entries()) validateRuleTexts(r, schema, `${at}.x-kubernetes-validations[${i}]`, errors)
  if (!compiles) return
  const type = schemaType(schema, place.root || schema['x-kubernetes-embedded-resource'] === true)
  if (!type) return
  for (const [i, r] of rules.entries()) {
    if (blank(r.rule)) continue
    const path = `${at}.x-kubernetes-validations[${i}]`
    const { variables } = declared(type, r, true)
    const made = compile(String(r.rule), { variables })
    if ('failure' in made) {
      errors.invalid(`${path}.rule`, shown(r), `compilation failed: ${made.failure}`)
      continue
    }
    const cost = made.program.cost * place.cardinality
    if (cost > EXPRESSION_LIMIT) errors.forbidden(`${path}.rule`, exceeds('estimated rule cost', cost, EXPRESSION_LIMIT))
    place.costs.total += cost
    place.costs.expensive.push({ path: `${path}.rule`, cost })
    if (made.program.type.kind !== 'bool') errors.invalid(`${path}.rule`, shown(r), 'cel expression must evaluate to a bool')
    if (!blank(r.messageExpression)) {
      const message = compile(String(r.messageExpression), { variables })
      if ('failure' in message) errors.invalid(`${path}.messageExpression`, shown(r), `messageExpression compilation failed: ${message.failure}`)
      else if (message.program.type.kind !== 'string') errors.invalid(`${path}.messageExpression`, shown(r), 'messageExpression must evaluate to a string')
      else if (message.program.cost * place.cardinality > EXPRESSION_LIMIT) errors.forbidden(`${path}.messageExpression`, exceeds('estimated messageExpression cost', message.program.cost * place.cardinality, EXPRESSION_LIMIT))
    }
    if (made.program.names.has('oldSelf')) {
      if (place.uncorrelated !== undefined && r.optionalOldSelf !== true) errors.invalid(`${path}.rule`, r.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`)
    } else if (r.optionalOldSelf !== undefined) errors.invalid(`${path}.optionalOldSelf`, r.optionalOldSelf, 'may not be set if oldSelf is not used in rule')
  }
}

function validateRuleTexts(r: Loose, schema: Loose, path: string, errors: FieldErrors): void {
  if (blank(r.rule)) errors.required(`${path}.rule`, 'rule is not specified')
  if (r.message && blank(r.message)) errors.invalid(`${path}.message`, r.message, 'message must be non-empty if specified')
  else if (breaks(r.message)) errors.invalid(`${path}.message`, r.message, 'message must not contain line breaks')
  else if (breaks(r.rule) && blank(r.message)) errors.required(`${path}.message`, 'message must be specified if rule contains line breaks')
  if (r.messageExpression && blank(r.messageExpression)) errors.required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified')
  if (r.reason !== undefined && !REASONS.includes(r.reason)) errors.notSupported(`${path}.reason`, r.reason, REASONS)
  if (!r.fieldPath) return
  if (blank(r.fieldPath)) errors.invalid(`${path}.fieldPath`, r.fieldPath, 'fieldPath must be non-empty if specified')
  else if (breaks(r.fieldPath)) errors.invalid(`${path}.fieldPath`, r.fieldPath, 'fieldPath must not contain line breaks')
  else {
    const wrong = fieldPathError(schema, r.fieldPath.trim())
    if (wrong) errors.invalid(`${path}.fieldPath`, r.fieldPath, `fieldPath must be a valid path: ${wrong}`)
  }
}

function stepsOf(path: string): string[] | undefined {
  const out: string[] = []
  let rest = path
  while (rest !== '') {
    const m = /^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\['((?:[^'\\]|\\.)*)'\])/.exec(rest)
    if (!m) return undefined
    out.push(m[1] ?? m[2]!.replace(/\\(.)/g, '$1'))
    rest = rest.slice(m[0].length)
  }
  return out
}

function fieldPathError(schema: Loose, path: string): string | undefined {
  const steps = stepsOf(path)
  if (!steps) return /\[\d+\]/.test(path) ? `does not support array index: ${path}` : `expected [ or . but got: ${path[0] ?? ''}`
  let at = schema
  for (const step of steps) {
    const next = at?.properties?.[step] ?? (isObject(at?.additionalProperties) ? at.additionalProperties : undefined)
    if (next === undefined) return `does not refer to a valid field`
    at = next
  }
  return undefined
}

/** After all rules of a schema: are they together too dear? */
function validateTotalCost(costs: Costs, at: string, errors: FieldErrors): void {
  if (costs.total <= SCHEMA_LIMIT) return
  for (const e of [...costs.expensive].sort((a, b) => b.cost - a.cost).slice(0, 4)) errors.forbidden(e.path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema')
  errors.forbidden(at, exceeds('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', costs.total, SCHEMA_LIMIT))
}

interface Rule {
  readonly source: Loose
  readonly program: Program
  readonly message: Program | undefined
  readonly steps: readonly string[]
}

/** The rules at one place of a schema and below it; undefined: there are none. */
interface RuleTree {
  readonly schema: Loose
  readonly rules: readonly Rule[]
  readonly properties: ReadonlyMap<string, RuleTree>
  readonly additional: RuleTree | undefined
  readonly items: RuleTree | undefined
}

export function compileRules(schema: Loose, root = true): RuleTree | undefined {
  if (!isObject(schema)) return undefined
  const properties = new Map<string, RuleTree>()
  for (const [name, sub] of Object.entries((schema.properties ?? {}) as Record<string, Loose>)) {
    const tree = compileRules(sub, false)
    if (tree) properties.set(name, tree)
  }
  const additional = compileRules(schema.additionalProperties, false)
  const items = compileRules(schema.items, false)
  const sources: Loose[] = schema['x-kubernetes-validations'] ?? []
  if (sources.length === 0 && properties.size === 0 && !additional && !items) return undefined
  const type = sources.length > 0 ? schemaType(schema, root || schema['x-kubernetes-embedded-resource'] === true) : undefined
  const rules = type === undefined ? [] : sources.flatMap((source): Rule[] => {
    const declarations = declared(type, source, true)
    const made = compile(String(source.rule ?? ''), declarations)
    if ('failure' in made) return []
    const message = blank(source.messageExpression) ? undefined : compile(String(source.messageExpression), declarations)
    return [{ source, program: made.program, message: message && 'program' in message ? message.program : undefined, steps: (source.fieldPath && stepsOf(String(source.fieldPath).trim())) || [] }]
  })
  return { schema, rules, properties, additional, items }
}

/** `old`: the value before, where it can be told which it was. */
export function judge(tree: RuleTree, value: Loose, old: Correlation | undefined, path: string, errors: FieldErrors): void {
  if (value === undefined || value === null) return
  const before = old?.value
  // What did not change may stay as it is.
  const same = old !== undefined && before !== undefined && equal(value, before)
  if (!same) for (const rule of tree.rules) judgeRule(rule, tree.schema, value, before, path, errors)
  if (Array.isArray(value)) {
    if (tree.items) for (const [i, v] of value.entries()) judge(tree.items, v, old?.item(tree.schema, v), `${path}[${i}]`, errors)
  } else if (isObject(value)) {
    for (const [name, v] of Object.entries(value as Record<string, Loose>)) {
      const sub = tree.properties.get(name) ?? (tree.schema.properties?.[name] === undefined ? tree.additional : undefined)
      if (sub) judge(sub, v, old?.member(name), tree.properties.has(name) ? join(path, name) : `${path}[${name}]`, errors)
    }
  }
}

const join = (path: string, name: string) => (path === '' ? name : `${path}.${name}`)

function judgeRule({ source, program, message, steps }: Rule, schema: Loose, value: Loose, before: Loose, path: string, errors: FieldErrors): void {
  const transition = program.names.has('oldSelf')
  const optional = source.optionalOldSelf === true
  if (transition && before === undefined && !optional) return
  const activation: Activation = new Map([
    ['self', () => schemaValue(value, schema)],
    ['oldSelf', () => (optional ? new Optional(before === undefined ? undefined : schemaValue(before, schema)) : schemaValue(before, schema))],
  ])
  const text = blank(source.message) ? String(source.rule).trim() : String(source.message).trim()
  const place = path === '' ? '<nil>' : path
  // Only values that fit in a line are shown.
  const prefix = typeof value === 'object' ? 'Invalid value: ' : undefined
  const invalid = (at: string, detail: string) => (prefix === undefined ? errors.invalid(at, value, detail) : errors.add('Invalid', at, prefix + detail))
  let result: unknown
  try {
    result = program.run(activation)
  } catch (error) {
    if (!(error instanceof CelError)) throw error
    if (error.message.startsWith('no such overload')) invalid(place, `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`)
    else if (error.message.startsWith('operation cancelled')) invalid(place, `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`)
    else invalid(place, `${error.message} evaluating rule: ${text}`)
    return
  }
  if (result === true) return
  const detail = messageOf(message, activation) ?? (blank(source.message) ? `failed rule: ${text}` : text)
  const at = steps.reduce((p, s) => (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(s) ? join(p, s) : `${p}[${s}]`), path) || '<nil>'
  switch (source.reason) {
    case 'FieldValueForbidden':
      errors.forbidden(at, detail)
      break
    case 'FieldValueRequired':
      errors.required(at, detail)
      break
    case 'FieldValueDuplicate':
      errors.add('Duplicate', at, `Duplicate value${prefix === undefined ? `: ${JSON.stringify(value)}` : ''}: ${detail}`)
      break
    default:
      invalid(at, detail)
  }
}

function messageOf(program: Program | undefined, activation: Activation): string | undefined {
  if (!program) return undefined
  try {
    const made = program.run(activation)
    return typeof made === 'string' && made.trim() !== '' && !/[\r\n]/.test(made) && made.length <= 5 * 1024 ? made.trim() : undefined
  } catch (error) {
    if (error instanceof CelError) return undefined
    throw error
  }
}
