/** Every kind of check and the function that judges it. */
import type { Inspect } from '../inspect.ts'
import type { checkKinds, CheckOf } from '../schema/lab.ts'
import { command, file } from './host.ts'
import { dns, http, reachable, tls, unreachable } from './network.ts'
import type { CheckOutcome } from './outcome.ts'
import { canI, endpoints, resource, unchanged } from './objects.ts'

export type { CheckOutcome } from './outcome.ts'

export const checks: { readonly [K in keyof typeof checkKinds]: (demand: CheckOf<K>, inspect: Inspect) => Promise<CheckOutcome> } = {
  reachable,
  unreachable,
  http,
  tls,
  dns,
  endpoints,
  resource,
  'can-i': canI,
  file,
  command,
  unchanged,
}
