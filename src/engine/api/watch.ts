/** Watches: events as JSON lines from a revision on, filtered; an object that stops matching is DELETED, one that starts is ADDED. */
import type { KindDefinition } from './kind.ts'
import type { ApiServer } from './server.ts'
import * as status from './status.ts'
import type { StoreEvent } from './store.ts'
import { internalMetadata, tableOf } from './table.ts'
import type { ApiResponse, KubeObject } from './types.ts'

export interface WatchOptions {
  readonly kind: KindDefinition
  readonly resource: string
  readonly namespace: string | undefined
  readonly accepts: (object: KubeObject) => boolean
  readonly resourceVersion: string
  readonly bookmarks: boolean
  readonly sendInitial: boolean
  readonly timeoutSeconds: number
  readonly as: string | undefined
  readonly includeObject: string
}

export function watchResponse(server: ApiServer, options: WatchOptions): ApiResponse {
  const { kind, resource, namespace } = options
  const version = options.resourceVersion
  if (version !== '' && !/^\d+$/.test(version)) {
    throw status.failure(500, undefined, `resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`)
  }
  const convert = (o: KubeObject) => (kind.alias ? kind.alias.fromStorage(o) : o)
  const headers = new Map([['content-type', 'application/json'], ['transfer-encoding', 'chunked']])
  return {
    kind: 'stream',
    code: 200,
    headers,
    start(sink) {
      let last = server.store.revision
      let first = true
      let done = false
      const send = (type: string, object: KubeObject) => {
        const shown = convert(object)
        const body = options.as === 'Table' ? tableOf(kind, [shown], server.sim.now, options.includeObject, { resourceVersion: object.metadata.resourceVersion }, first) : options.as === 'PartialObjectMetadata' ? { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: internalMetadata(kind, shown) } : shown
        first = false
        sink.push(JSON.stringify({ type, object: body }) + '\n')
      }
      const bookmark = (initial: boolean) => {
        const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
        const metadata = { resourceVersion: String(server.store.revision), ...(initial ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) }
        sink.push(JSON.stringify({ type: 'BOOKMARK', object: { kind: kind.kind, apiVersion, metadata } }) + '\n')
      }
      const inside = (o: KubeObject | undefined) => o !== undefined && (namespace === undefined || o.metadata.namespace === namespace) && options.accepts(convert(o))
      const hear = (event: StoreEvent) => {
        if (event.revision <= last || done) return
        last = event.revision
        const now = event.type !== 'DELETED' && inside(event.object)
        const before = inside(event.old)
        if (now) send(before ? 'MODIFIED' : 'ADDED', event.object)
        else if (before) send('DELETED', event.type === 'DELETED' ? event.object : { ...event.old!, metadata: { ...event.old!.metadata, resourceVersion: String(event.revision) } })
      }
      if (version === '' || version === '0' || options.sendInitial) {
        if (options.sendInitial || version === '' || version === '0') for (const o of server.store.list(resource, namespace)) if (inside(o)) send('ADDED', o)
        if (options.sendInitial && options.bookmarks) bookmark(true)
      } else {
        const missed = server.store.since(resource, Number(version))
        if (!missed) {
          const error = status.expired(`too old resource version: ${version} (${server.store.oldestRevision(resource) + 1})`)
          sink.push(JSON.stringify({ type: 'ERROR', object: error.status }) + '\n')
          sink.end()
          return () => {}
        }
        const until = last
        last = Number(version)
        for (const event of missed) hear(event)
        last = Math.max(last, until)
      }
      const stop = server.dispatcher.listen(resource, hear)
      const end = () => {
        if (done) return
        done = true
        stop()
        server.endWatch(end)
        if (timer) server.sim.cancel(timer)
        sink.end()
      }
      const timer = options.timeoutSeconds > 0 ? server.sim.after(options.timeoutSeconds * 1000, end, { background: true }) : undefined
      server.beginWatch(end)
      return () => {
        if (done) return
        done = true
        stop()
        server.endWatch(end)
        if (timer) server.sim.cancel(timer)
      }
    },
  }
}
