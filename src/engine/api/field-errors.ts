/** Errors about fields of an object (apimachinery's field.Error): the words of 422 answers and their `details.causes`. */
export type FieldErrorType = 'Required' | 'Invalid' | 'NotSupported' | 'Forbidden' | 'Duplicate' | 'TooLong' | 'TooMany' | 'NotFound' | 'TypeInvalid' | 'InternalError'

const reasons: Record<FieldErrorType, { reason: string; text: string }> = {
  Required: { reason: 'FieldValueRequired', text: 'Required value' },
  Invalid: { reason: 'FieldValueInvalid', text: 'Invalid value' },
  NotSupported: { reason: 'FieldValueNotSupported', text: 'Unsupported value' },
  Forbidden: { reason: 'FieldValueForbidden', text: 'Forbidden' },
  Duplicate: { reason: 'FieldValueDuplicate', text: 'Duplicate value' },
  TooLong: { reason: 'FieldValueTooLong', text: 'Too long' },
  TooMany: { reason: 'FieldValueTooMany', text: 'Too many' },
  NotFound: { reason: 'FieldValueNotFound', text: 'Not found' },
  TypeInvalid: { reason: 'FieldValueTypeInvalid', text: 'Invalid value' },
  InternalError: { reason: 'InternalError', text: 'Internal error' },
}

export interface FieldError {
  readonly type: FieldErrorType
  readonly field: string
  /** Without the field: `Invalid value: "x": must be …`. */
  readonly body: string
}

/** How Go prints a bad value: strings quoted, objects as JSON. */
export function goValue(value: unknown): string {
  if (value === undefined || value === null) return 'null'
  if (typeof value === 'string') return goQuote(value)
  if (typeof value === 'object') return goJson(value)
  return String(value)
}

/** JSON as Go's encoder writes it: `<`, `>` and `&` escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026')
}

/** strconv.Quote. */
export function goQuote(text: string): string {
  let out = '"'
  for (const ch of text) {
    const code = ch.codePointAt(0)!
    if (ch === '"' || ch === '\\') out += '\\' + ch
    else if (ch === '\n') out += '\\n'
    else if (ch === '\t') out += '\\t'
    else if (ch === '\r') out += '\\r'
    else if (code === 7) out += '\\a'
    else if (code === 8) out += '\\b'
    else if (code === 12) out += '\\f'
    else if (code === 11) out += '\\v'
    else if (code < 32 || code === 127) out += '\\x' + code.toString(16).padStart(2, '0')
    else if (code >= 0x80 && code <= 0xa0) out += '\\u' + code.toString(16).padStart(4, '0')
    else out += ch
  }
  return out + '"'
}

export class FieldErrors {
  readonly list: FieldError[] = []

  add(type: FieldErrorType, field: string, body: string): void {
    this.list.push({ type, field, body })
  }

  required(field: string, detail = ''): void {
    this.add('Required', field, 'Required value' + (detail === '' ? '' : ': ' + detail))
  }

  invalid(field: string, value: unknown, detail: string): void {
    this.add('Invalid', field, `Invalid value: ${goValue(value)}` + (detail === '' ? '' : ': ' + detail))
  }

  typeInvalid(field: string, value: unknown, detail: string): void {
    this.add('TypeInvalid', field, `Invalid value: ${goValue(value)}: ${detail}`)
  }

  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    this.add('NotSupported', field, `Unsupported value: ${goValue(value)}` + (supported.length === 0 ? '' : ': supported values: ' + supported.map(goQuote).join(', ')))
  }

  forbidden(field: string, detail: string): void {
    this.add('Forbidden', field, 'Forbidden' + (detail === '' ? '' : ': ' + detail))
  }

  duplicate(field: string, value: unknown): void {
    this.add('Duplicate', field, `Duplicate value: ${goValue(value)}`)
  }

  notFound(field: string, value: unknown): void {
    this.add('NotFound', field, `Not found: ${goValue(value)}`)
  }

  tooLong(field: string, max: number): void {
    this.add('TooLong', field, `Too long: may not be more than ${max} byte${max === 1 ? '' : 's'}`)
  }

  tooMany(field: string, actual: number, max: number): void {
    this.add('TooMany', field, `Too many: ${actual}: must have at most ${max} item${max === 1 ? '' : 's'}`)
  }
}

/** One line per error; repeated errors are told once, as NewAggregate does. */
export function aggregate(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.body}`))]
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`
}

export function causes(errors: readonly FieldError[]): { reason: string; message: string; field: string }[] {
  return errors.map((e) => ({ reason: reasons[e.type].reason, message: e.body, field: e.field }))
}
