/** `kubectl events`. */
import { TableWriter } from '#base/text-table.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { Failure } from '../cli/errors.ts'
import type { Verb } from '../cli/invocation.ts'
import { listOf, printerFor } from '../print/printers.ts'
import { builtin } from './report.ts'
import { pathOf } from '../resource/targets.ts'
import { eventAge, eventTime, type EventObject } from '../describe/events.ts'

const events = builtin('', 'v1', 'events', 'Event')

export const listEvents: Verb = async (run) => {
  const types = run.flags.list('types')
  for (const type of types) if (!/^(normal|warning)$/i.test(type)) throw new Failure('valid --types are Normal or Warning')
  const printer = printerFor(run, { nameOf: () => 'event' })
  const about = run.flags.string('for')
  const query: Record<string, string> = {}
  if (about !== '') {
    const parts = about.split('/')
    if (parts.length !== 2) throw new Failure('--for must be in resource/name form')
    const resource = await run.reachable(() => run.discovery.find(parts[0]!))
    query['fieldSelector'] = `involvedObject.kind=${resource.kind},involvedObject.apiVersion=${resource.group === '' ? resource.version : `${resource.group}/${resource.version}`},involvedObject.name=${parts[1]!}`
  }
  const namespace = run.allNamespaces ? undefined : run.namespace
  const list = await run.rest.json<{ items: EventObject[]; metadata?: { resourceVersion?: string } }>('GET', pathOf(events, namespace), { query })
  const wanted = (e: EventObject) => types.length === 0 || types.some((t) => t.toLowerCase() === (e.type ?? '').toLowerCase())
  const items = (list.items ?? []).filter(wanted)
  const writer = new TableWriter()
  const row = (e: EventObject): string[] => [...(run.allNamespaces ? [e.metadata.namespace ?? ''] : []), eventAge(run.process.now(), e), e.type ?? '', e.reason ?? '', `${e.involvedObject?.kind ?? ''}/${e.involvedObject?.name ?? ''}`, (e.message ?? '').trim()]
  const head = [...(run.allNamespaces ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']
  let headed = run.flags.bool('no-headers')
  const show = (rows: string[][]): string => {
    const all = headed ? rows : [head, ...rows]
    headed = true
    return writer.format(all)
  }
  if (items.length === 0 && !run.flags.bool('watch')) return run.err(run.allNamespaces ? 'No events found.\n' : `No events found in ${run.namespace} namespace.\n`)
  const sorted = [...items].sort((a, b) => Date.parse(eventTime(a)) - Date.parse(eventTime(b)))
  if (printer) await run.out(printer.print(listOf(sorted.map((e) => ({ ...e, apiVersion: 'v1', kind: 'Event' }) as unknown as KubeObject))))
  else if (sorted.length > 0) await run.out(show(sorted.map(row)))
  if (!run.flags.bool('watch')) return
  const watch = await run.rest.watch(pathOf(events, namespace), { query: { ...query, resourceVersion: list.metadata?.resourceVersion } })
  for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
    const object = event.object as unknown as EventObject
    if (event.type === 'BOOKMARK' || event.type === 'DELETED' || !wanted(object)) continue
    await run.out(printer ? printer.print(event.object) : show([row(object)]))
  }
}
