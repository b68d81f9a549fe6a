/**
 * Keys become actions. The table itself is contract/keys.ts, which the help page and the desktop menu read too. A page registers what it
 * can do; a key whose action nobody offers is left to whoever has the focus.
 */
import { keyTable, leaderKey, type Action } from '#contract/keys.ts'

type Handler = () => void
const handlers = new Map<Action, Handler[]>()

/** Offers actions until the returned function is called; the latest offer of an action wins. */
export function offer(actions: Partial<Record<Action, Handler>>): () => void {
  const entries = Object.entries(actions) as [Action, Handler][]
  for (const [action, handler] of entries) handlers.set(action, [...(handlers.get(action) ?? []), handler])
  return () => {
    for (const [action, handler] of entries) handlers.set(action, (handlers.get(action) ?? []).filter((h) => h !== handler))
  }
}

export function isOffered(action: Action): boolean {
  return (handlers.get(action)?.length ?? 0) > 0
}

/** Returns whether somebody did it. */
export function act(action: Action): boolean {
  const handler = handlers.get(action)?.at(-1)
  handler?.()
  return handler !== undefined
}

/** `Ctrl+Shift+Space`, `F9`, `k`, `?` from what a keyboard event says. */
export function nameKey(event: Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'shiftKey' | 'altKey' | 'metaKey'>): string {
  const key = event.code === 'Space' ? 'Space' : event.key.length === 1 && (event.ctrlKey || event.metaKey) ? event.key.toUpperCase() : event.key
  const shift = event.shiftKey && (event.ctrlKey || event.metaKey || key.length > 1)
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${shift ? 'Shift+' : ''}${key}`
}

const byKey = new Map(keyTable.flatMap((e) => (e.key ? [[e.key, e] as const] : [])))
const byLeader = new Map(keyTable.map((e) => [e.leader === ' ' ? 'Space' : e.leader, e] as const))
const modifiers = new Set(['Control', 'Shift', 'Alt', 'Meta', 'AltGraph'])

/** Follows the leader over two key events; `waiting` is told when it waits for its letter. */
export class KeyReader {
  #waiting = false
  readonly #onWaiting: (waiting: boolean) => void

  constructor(onWaiting: (waiting: boolean) => void) {
    this.#onWaiting = onWaiting
  }

  #wait(waiting: boolean): void {
    this.#waiting = waiting
    this.#onWaiting(waiting)
  }

  /** Whether the event was ours. */
  read(event: KeyboardEvent, inTerminal: boolean): boolean {
    if (modifiers.has(event.key)) return false
    const name = nameKey(event)
    if (this.#waiting) {
      this.#wait(false)
      const entry = byLeader.get(name)
      if (entry) act(entry.action)
      return true
    }
    if (name === leaderKey) {
      this.#wait(true)
      return true
    }
    const entry = byKey.get(name)
    if (!entry || (inTerminal && entry.outsideTerminal) || !isOffered(entry.action)) return false
    return act(entry.action)
  }

  cancel(): void {
    if (this.#waiting) this.#wait(false)
  }
}
