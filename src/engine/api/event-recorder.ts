/**
 * client-go's event recorder: equal events raise a count, more than ten alike within ten minutes are combined, a source that floods is
 * silenced (25 at once, then one in five minutes per object). Events are written a moment later and never fail the caller.
 */
import type { Sim } from '#engine/sim/sim.ts'
import type { Loose } from './loose.ts'
import { type ApiClient, ApiUnreachable, type KubeObject, StatusError } from './types.ts'

const EVENTS = { group: '', version: 'v1', resource: 'events' }
const WINDOW = 600_000
const SIMILAR = 10
const BURST = 25
const REFILL = 300_000

interface Similar {
  readonly messages: Set<string>
  last: number
}

interface Seen {
  namespace: string
  name: string
  count: number
}

export class EventRecorder {
  readonly #sim: Sim
  readonly #client: ApiClient
  readonly #similar = new Map<string, Similar>()
  readonly #seen = new Map<string, Seen>()
  readonly #tokens = new Map<string, { left: number; at: number }>()
  #sequence = 0

  constructor(sim: Sim, client: ApiClient) {
    this.#sim = sim
    this.#client = client
  }

  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, component: string, host?: string): void {
    const reference = about.kind === 'ObjectReference' || (about as Loose).fieldPath ? about : undefined
    const involved: Loose = {
      kind: about.kind,
      ...(about.metadata.namespace ? { namespace: about.metadata.namespace } : {}),
      name: about.metadata.name,
      ...(about.metadata.uid ? { uid: about.metadata.uid } : {}),
      apiVersion: about.apiVersion,
      ...(about.metadata.resourceVersion ? { resourceVersion: about.metadata.resourceVersion } : {}),
      ...(reference ? { fieldPath: (reference as Loose).fieldPath } : {}),
    }
    const now = this.#sim.now
    this.#sim.after(0, () => this.#write(involved, now, type, reason, message, component, host))
  }

  #write(involved: Loose, at: number, type: string, reason: string, text: string, component: string, host: string | undefined): void {
    const source = `${component}/${host ?? ''}`
    const object = [source, involved.kind, involved.namespace, involved.name, involved.uid, involved.apiVersion].join('|')
    if (!this.#allow(object, at)) return
    const group = [object, involved.fieldPath, type, reason].join('|')
    let similar = this.#similar.get(group)
    if (!similar || at - similar.last > WINDOW) this.#similar.set(group, (similar = { messages: new Set(), last: at }))
    similar.messages.add(text)
    similar.last = at
    const combined = similar.messages.size >= SIMILAR
    const message = combined ? `(combined from similar events): ${text}` : text
    const key = combined ? group : `${group}|${text}`
    const time = new Date(at).toISOString().slice(0, 19) + 'Z'
    const namespace = involved.namespace ?? 'default'
    const seen = this.#seen.get(key)
    try {
      if (seen) {
        seen.count++
        this.#client.patch(EVENTS, seen.namespace, seen.name, { count: seen.count, lastTimestamp: time, message }, 'strategic')
        return
      }
      this.#create(namespace, involved, key, time, type, reason, message, component, host)
    } catch (error) {
      if (error instanceof StatusError && error.status.code === 404 && seen) {
        try {
          this.#create(namespace, involved, key, time, type, reason, message, component, host, seen.count)
        } catch (again) {
          if (!(again instanceof StatusError) && !(again instanceof ApiUnreachable)) throw again
        }
      } else if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
    }
  }

  #create(namespace: string, involved: Loose, key: string, time: string, type: string, reason: string, message: string, component: string, host: string | undefined, count = 1): void {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: '', namespace },
      involvedObject: involved,
      reason,
      message,
      source: { component, ...(host ? { host } : {}) },
      firstTimestamp: time,
      lastTimestamp: time,
      count,
      type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    }
    // The clocks of two components never tick alike; here another's event may have the same name.
    for (let left = 20; ; left--) {
      const name = `${involved.name}.${(Math.floor(this.#sim.now) * 1_000_000 + this.#sequence++ * 1000).toString(16)}`
      try {
        this.#client.create(EVENTS, { ...event, metadata: { name, namespace } })
        this.#seen.set(key, { namespace, name, count })
        return
      } catch (error) {
        if (left === 0 || !(error instanceof StatusError) || error.status.reason !== 'AlreadyExists') throw error
      }
    }
  }

  #allow(key: string, now: number): boolean {
    const bucket = this.#tokens.get(key) ?? { left: BURST, at: now }
    bucket.left = Math.min(BURST, bucket.left + (now - bucket.at) / REFILL)
    bucket.at = now
    this.#tokens.set(key, bucket)
    if (bucket.left < 1) return false
    bucket.left--
    return true
  }
}
