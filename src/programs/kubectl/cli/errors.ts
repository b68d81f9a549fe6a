/**
 * What ends a kubectl run with words: our own failures, API Status answers, unreachable servers, lists of these; and the texts that kubectl
 * prints for each (pkg/cmd/util's checkErr and StandardErrorMessage).
 */
import type { Status } from '#engine/api/types.ts'
import { goQuote } from '../print/json.ts'

/** An error text of kubectl's own; `error: ` is put before it unless `bare`. */
export class Failure extends Error {
  readonly code: number
  readonly bare: boolean

  constructor(text: string, options: { readonly code?: number; readonly bare?: boolean } = {}) {
    super(text)
    this.code = options.code ?? 1
    this.bare = options.bare ?? false
  }
}

/** The API server's refusal; `prefix` is what the verb puts before the message ("error when creating …"). */
export class ApiError extends Error {
  readonly status: Status

  constructor(status: Status, message?: string) {
    super(message ?? status.message ?? '')
    this.status = status
  }

  get reason(): string {
    return this.status.reason ?? ''
  }

  /** The same refusal with words before it. */
  wrap(prefix: string): ApiError {
    return new ApiError({ ...this.status, message: `${prefix}: ${this.message}` }, `${prefix}: ${this.message}`)
  }
}

/** A request that got no answer (Go's url.Error): `cause` as net would say it. */
export class ConnectError extends Error {
  readonly host: string
  readonly cause_: string

  constructor(method: string, url: string, cause: string) {
    super(`${method[0]!}${method.slice(1).toLowerCase()} ${goQuote(url)}: ${cause}`)
    this.cause_ = cause
    this.host = /^https?:\/\/([^/?]+)/.exec(url)?.[1] ?? url
  }
}

/** The kubeconfig says something impossible. */
export class ConfigInvalid extends Error {}

export class Aggregate extends Error {
  readonly errors: readonly Error[]

  constructor(errors: readonly Error[]) {
    super(errors.length === 1 ? errors[0]!.message : `[${[...new Set(errors.map((e) => e.message))].join(', ')}]`)
    this.errors = errors.flatMap((e) => (e instanceof Aggregate ? e.errors : [e]))
  }
}

/** Throws nothing, the one error, or all of them together. */
export function throwAll(errors: readonly Error[]): void {
  if (errors.length === 1) throw errors[0]!
  if (errors.length > 1) throw new Aggregate(errors)
}

/** The verb was used wrongly; kubectl points at the help of the command. */
export function usageFailure(path: string, text: string): Failure {
  return new Failure(`${text}\nSee '${path} -h' for help and examples`)
}

/** The text of errors that have a form of their own, or undefined. */
function standardMessage(error: Error): string | undefined {
  if (error instanceof ApiError) {
    if (error.reason === 'Unauthorized') return `error: You must be logged in to the server (${error.message})`
    if (error.reason !== '' && error.reason !== 'Unknown') return `Error from server (${error.reason}): ${error.message}`
    if (error.reason === 'Unknown') return `Error from server: ${error.message}`
    return `Error from server: ${error.message}`
  }
  if (error instanceof ConnectError) {
    if (error.cause_.includes('connection refused')) return `The connection to the server ${error.host} was refused - did you specify the right host or port?`
    return `Unable to connect to the server: ${error.cause_}`
  }
  return undefined
}

function messageFor(error: Error): string {
  return standardMessage(error) ?? error.message
}

function invalidMessage(status: Status): string {
  const details = status.details
  if (!details) return `The request is invalid: ${status.message ?? ''}`
  const causes = [...new Set((details.causes ?? []).map((c) => `${c.field ?? ''}: ${c.message ?? ''}`))]
  let text = 'The request is invalid'
  if (details.kind || details.name) text = `The ${details.kind ?? ''} ${goQuote(details.name ?? '')} is invalid`
  else if (status.message && causes.length === 0) text = `${text}: ${status.message}`
  if (causes.length === 0) return text
  if (causes.length === 1) return `${text}: ${causes[0]!}`
  return `${text}: \n${causes.map((c) => `* ${c}\n`).join('')}`
}

/** What goes to stderr, and the exit code. */
export function describeFailure(error: Error): { readonly text: string; readonly code: number } {
  if (error instanceof Aggregate && error.errors.length === 1) return describeFailure(error.errors[0]!)
  if (error instanceof ApiError && error.reason === 'Invalid') return { text: invalidMessage(error.status), code: 1 }
  if (error instanceof ConfigInvalid) return { text: `Error in configuration: ${error.message}`, code: 1 }
  if (error instanceof Aggregate) return { text: error.errors.map((e) => `${messageFor(e)}\n`).join(''), code: 1 }
  if (error instanceof Failure) return { text: error.bare || error.message === '' || error.message.startsWith('error: ') ? error.message : `error: ${error.message}`, code: error.code }
  const text = standardMessage(error) ?? error.message
  return { text: standardMessage(error) !== undefined || text.startsWith('error: ') ? text : `error: ${text}`, code: 1 }
}
