/** Status answers with upstream's words (apimachinery's api/errors). Each function gives a StatusError to throw. */
import { type Status, StatusError } from './types.ts'
import { aggregate, causes, type FieldError } from './field-errors.ts'

type Details = NonNullable<Status['details']>

export function failure(code: number, reason: string | undefined, message: string, details?: Details): StatusError {
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, ...(reason ? { reason } : {}), ...(details ? { details } : {}), code })
}

export interface GroupResource {
  readonly group: string
  readonly resource: string
}

export const groupResource = (r: GroupResource) => (r.group === '' ? r.resource : `${r.resource}.${r.group}`)
export const groupKind = (group: string, kind: string) => (group === '' ? kind : `${kind}.${group}`)
const named = (group: string, kind: string, name: string): Details => ({ ...(name ? { name } : {}), ...(group ? { group } : {}), ...(kind ? { kind } : {}) })

export const notFound = (r: GroupResource, name: string) =>
  failure(404, 'NotFound', `${groupResource(r)} ${JSON.stringify(name)} not found`, named(r.group, r.resource, name))

export const alreadyExists = (r: GroupResource, name: string) =>
  failure(409, 'AlreadyExists', `${groupResource(r)} ${JSON.stringify(name)} already exists`, named(r.group, r.resource, name))

export const conflict = (r: GroupResource, name: string, detail: string) =>
  failure(409, 'Conflict', `Operation cannot be fulfilled on ${groupResource(r)} ${JSON.stringify(name)}: ${detail}`, named(r.group, r.resource, name))

export const changed = 'the object has been modified; please apply your changes to the latest version and try again'

export const forbidden = (r: GroupResource, name: string, detail: string) =>
  failure(403, 'Forbidden', name === '' ? `${groupResource(r)} is forbidden: ${detail}` : `${groupResource(r)} ${JSON.stringify(name)} is forbidden: ${detail}`, named(r.group, r.resource, name))

export function invalid(group: string, kind: string, name: string, errors: readonly FieldError[]): StatusError {
  const text = errors.length === 0 ? '' : `: ${aggregate(errors)}`
  return failure(422, 'Invalid', `${groupKind(group, kind)} ${JSON.stringify(name)} is invalid${text}`, { ...named(group, kind, name), ...(errors.length > 0 ? { causes: causes(errors) } : {}) })
}

export const badRequest = (message: string) => failure(400, 'BadRequest', message)

export const expired = (message: string) => failure(410, 'Expired', message)

export const internal = (message: string) => failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] })

export const methodNotAllowed = () =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})

export const pathNotFound = () => failure(404, 'NotFound', 'the server could not find the requested resource', {})

export const unsupportedMediaType = () => failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})

export const badBodyType = (supported: readonly string[]) =>
  failure(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`)

export const unauthorized = () => failure(401, 'Unauthorized', 'Unauthorized')

export const tooManyRequests = (message: string, retryAfterSeconds: number, extra: Partial<Details> = {}) =>
  failure(429, 'TooManyRequests', message, { ...extra, ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}) })

export function success(details?: Details): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', ...(details ? { details } : {}) }
}
