/** Events of one object as describe shows them, and their ages. */
import type { KubeObject } from '#engine/api/types.ts'
import type { Invocation } from '../cli/invocation.ts'
import { ageOf } from '../verbs/time.ts'
import type { DescribeWriter } from './writer.ts'

export interface EventObject extends KubeObject {
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly count?: number
  readonly firstTimestamp?: string | null
  readonly lastTimestamp?: string | null
  readonly eventTime?: string | null
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string }
  readonly source?: { readonly component?: string; readonly host?: string }
  readonly reportingComponent?: string
  readonly involvedObject?: { readonly kind?: string; readonly name?: string; readonly namespace?: string; readonly fieldPath?: string }
}

export function eventTime(e: EventObject): string {
  return e.series?.lastObservedTime ?? e.lastTimestamp ?? e.eventTime ?? e.metadata.creationTimestamp ?? ''
}

export function eventAge(now: number, e: EventObject): string {
  const first = e.eventTime ? ageOf(now, e.eventTime) : ageOf(now, e.firstTimestamp)
  if (e.series) return `${ageOf(now, e.series.lastObservedTime)} (x${e.series.count ?? 0} over ${first})`
  if ((e.count ?? 0) > 1) return `${ageOf(now, e.lastTimestamp)} (x${e.count!} over ${first})`
  return first
}

/** Those about `object`, oldest first; none where events may not be read. */
export async function eventsOf(run: Invocation, object: KubeObject, kind = object.kind): Promise<readonly EventObject[]> {
  const namespace = object.metadata.namespace ?? ''
  const selector = [`involvedObject.name=${object.metadata.name}`, `involvedObject.namespace=${namespace}`, ...(object.metadata.uid ? [`involvedObject.uid=${object.metadata.uid}`] : []), ...(kind ? [`involvedObject.kind=${kind}`] : [])]
  try {
    const path = namespace === '' ? '/api/v1/namespaces/default/events' : `/api/v1/namespaces/${namespace}/events`
    const list = await run.rest.json<{ items?: EventObject[] }>('GET', namespace === '' ? '/api/v1/events' : path, { query: { fieldSelector: selector.filter((s) => !(namespace === '' && s.startsWith('involvedObject.namespace'))).join(','), limit: 500 } })
    return [...(list.items ?? [])].sort((a, b) => Date.parse(eventTime(a)) - Date.parse(eventTime(b)))
  } catch {
    return []
  }
}

export function eventTable(out: DescribeWriter, now: number, events: readonly EventObject[]): void {
  if (events.length === 0) {
    out.line(0, 'Events:\t<none>')
    return
  }
  out.cut()
  out.line(0, 'Events:\n  Type\tReason\tAge\tFrom\tMessage')
  out.line(1, '----\t------\t----\t----\t-------')
  for (const e of events) out.line(1, `${e.type ?? ''}\t${e.reason ?? ''}\t${eventAge(now, e)}\t${e.source?.component || e.reportingComponent || ''}\t${e.involvedObject?.fieldPath ? `${e.involvedObject.fieldPath}: ` : ''}${(e.message ?? '').trim()}`)
}

