/** Checks that many kinds share: label selectors, quantities, ports, modes, paths. */
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { validateLabels } from '#engine/api/meta-validation.ts'
import { labelValueErrors, portNameErrors, portText, qualifiedNameErrors } from '#engine/api/names.ts'

export const all = (errors: FieldErrors, path: string, value: unknown, texts: readonly string[]): void => {
  for (const text of texts) errors.invalid(path, value, text)
}

export function nonNegative(value: number | undefined | null, path: string, errors: FieldErrors): void {
  if (value !== undefined && value !== null && value < 0) errors.invalid(path, value, 'must be greater than or equal to 0')
}

export function validatePort(port: number, path: string, errors: FieldErrors): void {
  if (!(port >= 1 && port <= 65535)) errors.invalid(path, port, portText)
}

/** A number or a name. */
export function validatePortNumberOrName(port: Loose, path: string, errors: FieldErrors): void {
  if (typeof port === 'string') all(errors, path, port, portNameErrors(port))
  else validatePort(port ?? 0, path, errors)
}

export interface SelectorOptions {
  readonly invalidLabelValues?: boolean
}

export function validateLabelSelector(selector: Loose, path: string, errors: FieldErrors): void {
  if (!selector) return
  validateLabels(selector.matchLabels, errors, `${path}.matchLabels`)
  for (const [i, e] of ((selector.matchExpressions ?? []) as Loose[]).entries()) {
    const at = `${path}.matchExpressions[${i}]`
    const operator = e.operator ?? ''
    if (operator === 'In' || operator === 'NotIn') {
      if (!(e.values?.length > 0)) errors.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (e.values?.length > 0) errors.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    } else errors.invalid(`${at}.operator`, operator, 'not a valid selector operator')
    all(errors, `${at}.key`, e.key ?? '', qualifiedNameErrors(e.key ?? ''))
    for (const [n, v] of ((e.values ?? []) as string[]).entries()) all(errors, `${at}.values[${n}]`, v, labelValueErrors(v))
  }
}

const reasonText = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')"

/** metav1.Conditions. */
export function validateConditions(conditions: Loose, path: string, errors: FieldErrors): void {
  const types = new Set<string>()
  for (const [i, c] of ((conditions ?? []) as Loose[]).entries()) {
    const at = `${path}[${i}]`
    if (types.has(c.type)) errors.duplicate(`${at}.type`, c.type)
    types.add(c.type)
    if (!c.type) errors.required(`${at}.type`)
    else all(errors, `${at}.type`, c.type, qualifiedNameErrors(c.type))
    if (!['True', 'False', 'Unknown'].includes(c.status)) errors.notSupported(`${at}.status`, c.status ?? '', ['False', 'True', 'Unknown'])
    nonNegative(c.observedGeneration, `${at}.observedGeneration`, errors)
    if (!c.lastTransitionTime) errors.required(`${at}.lastTransitionTime`)
    if (!c.reason) errors.required(`${at}.reason`)
    else if (!/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/.test(c.reason)) errors.invalid(`${at}.reason`, c.reason, reasonText)
    if (c.reason?.length > 1024) errors.tooLong(`${at}.reason`, 1024)
    if (c.message?.length > 32 * 1024) errors.tooLong(`${at}.message`, 32 * 1024)
  }
}

export const atLeast = (a: string, b: string): boolean => compareQuantities(parseQuantity(String(a))!, parseQuantity(String(b))!) >= 0

export function isNegative(quantity: string): boolean {
  return (parseQuantity(String(quantity))?.unscaled ?? 0n) < 0n
}

export function isPositive(quantity: string): boolean {
  return (parseQuantity(String(quantity))?.unscaled ?? 0n) > 0n
}

/** Part of a path that must stay inside: relative, without `..`. */
export function validateLocalPath(path: string, at: string, errors: FieldErrors, noDotStart = false): void {
  if (path.startsWith('/')) errors.invalid(at, path, 'must be a relative path')
  if (path.split('/').includes('..')) errors.invalid(at, path, "must not contain '..'")
  if (noDotStart && path.startsWith('..') && !path.startsWith('../')) errors.invalid(at, path, "must not start with '..'")
}

const int32OrPercent = /^\d+%$/

export function validateIntOrPercent(value: Loose, path: string, errors: FieldErrors): void {
  if (typeof value === 'string') {
    if (!int32OrPercent.test(value)) errors.invalid(path, value, 'a valid percent string must be a numeric string followed by an ending \'%\' (e.g. \'1%\',  or \'93%\', regex used for validation is \'[0-9]+%\')')
  } else nonNegative(value ?? 0, path, errors)
}

export function percentValue(value: Loose): number | undefined {
  return typeof value === 'string' && int32OrPercent.test(value) ? Number(value.slice(0, -1)) : undefined
}

export function notMoreThan100Percent(value: Loose, path: string, errors: FieldErrors): void {
  const percent = percentValue(value)
  if (percent !== undefined && percent > 100) errors.invalid(path, value, 'must not be greater than 100%')
}
