/** events.k8s.io/v1: the same events as core/v1, under other names, and with stricter rules. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { qualifiedNameErrors } from '#engine/api/names.ts'
import { validateEvent } from '../shared/object-validation.ts'

/** events.k8s.io → core */
const names: readonly (readonly [string, string])[] = [
  ['regarding', 'involvedObject'], ['note', 'message'], ['reportingController', 'reportingComponent'], ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'], ['deprecatedLastTimestamp', 'lastTimestamp'], ['deprecatedCount', 'count'],
]
const toCore = new Map(names)
const fromCore = new Map(names.map(([a, b]) => [b, a]))

function renamed(event: Loose, table: ReadonlyMap<string, string>, apiVersion: string): Loose {
  const out: Record<string, Loose> = {}
  for (const name of Object.keys(event)) out[table.get(name) ?? name] = event[name]
  return { ...out, apiVersion }
}

function validate(event: Loose, errors: FieldErrors, fresh = true): void {
  validateEvent(renamed(event, toCore, 'v1'), errors)
  if (!event.eventTime) errors.required('eventTime')
  if (fresh && !['Normal', 'Warning'].includes(event.type)) errors.invalid('type', '', `has invalid value: ${event.type ?? ''}`)
  const { reportingController = '', note = '' } = event
  if (reportingController === '') errors.required('reportingController')
  for (const text of qualifiedNameErrors(reportingController)) errors.invalid('reportingController', reportingController, text)
  for (const field of ['reportingInstance', 'action', 'reason']) {
    if (!event[field]) errors.required(field)
    else if (event[field].length > 128) errors.invalid(field, '', 'can have at most 128 characters')
  }
  if (note.length > 1024) errors.invalid('message', '', 'can have at most 1024 characters')
}

const reference = (r: Loose) => ({ Kind: r?.kind ?? '', Namespace: r?.namespace ?? '', Name: r?.name ?? '', UID: r?.uid ?? '', APIVersion: r?.apiVersion ?? '', ResourceVersion: r?.resourceVersion ?? '', FieldPath: r?.fieldPath ?? '' })

export const eventsV1: Strategy & Partial<KindDefinition> = {
  allowCreateOnUpdate: true,
  validate: (event, errors) => validate(event, errors),
  validateUpdate(event, old, errors) {
    validate(event, errors, false)
    if (!equal(event.regarding, old.regarding)) errors.invalid('involvedObject', reference(event.regarding), 'field is immutable')
    for (const [field, shown] of [['reason', 'reason'], ['reason', 'reason'], ['note', 'message'], ['type', 'type'], ['action', 'action'], ['reportingController', 'reportingController'], ['reportingInstance', 'reportingInstance']] as const) {
      if ((event[field] ?? '') !== (old[field] ?? '')) errors.invalid(shown, event[field] ?? '', 'field is immutable')
    }
  },
  alias: {
    resource: 'events',
    group: '',
    toStorage: (event) => renamed(event, toCore, 'v1'),
    fromStorage: (event) => {
      const e = renamed(event, fromCore, 'events.k8s.io/v1')
      return { ...e, deprecatedSource: e.deprecatedSource ?? {}, deprecatedFirstTimestamp: e.deprecatedFirstTimestamp ?? null, deprecatedLastTimestamp: e.deprecatedLastTimestamp ?? null } as Loose
    },
  },
}
