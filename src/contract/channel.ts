/**
 * One typed method/event map carried over any channel that moves plain data: `serve` on the side that has the
 * implementation, `connect` on the other. The same suite (test/contract) runs on every carrier.
 */

/** What a carrier must do: post plain data to the other side, and hand over what comes. */
export interface Channel {
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a map of methods with any parameters
export type Methods = { [name: string]: (...args: any[]) => unknown }

/** The implementation may answer at once or later. */
export type Implementation<M> = { [K in keyof M]: M[K] extends (...args: infer A) => infer R ? (...args: A) => R | Promise<R> : never }
/** What the caller holds: every method is asynchronous. */
export type Remote<M> = { [K in keyof M]: M[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never }

export interface RemoteEvents<E> {
  on<K extends keyof E>(event: K, listener: (value: E[K]) => void): () => void
}

type Message =
  | { readonly type: 'call'; readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly type: 'event'; readonly event: string; readonly value: unknown }

/** Answers calls; returns `emit` for events. Only own, listed methods can be called. */
export function serve<M, E>(channel: Channel, implementation: Implementation<M>): { emit<K extends keyof E & string>(event: K, value: E[K]): void } {
  channel.onMessage((raw) => {
    const message = raw as Message
    if (message.type !== 'call') return
    const answer = (body: { value?: unknown; error?: string }) => channel.post({ type: 'answer', id: message.id, ...body })
    if (!Object.hasOwn(implementation as object, message.method)) {
      answer({ error: `no such method: ${message.method}` })
      return
    }
    const method = (implementation as unknown as Methods)[message.method]!
    void (async () => method(...message.args))().then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
    )
  })
  return { emit: (event, value) => channel.post({ type: 'event', event, value }) }
}

/** Calls the other side; a failed call rejects with its message. */
export function connect<M, E>(channel: Channel): { readonly methods: Remote<M>; readonly events: RemoteEvents<E> } {
  let next = 1
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const listeners = new Map<string, Set<(value: unknown) => void>>()
  channel.onMessage((raw) => {
    const message = raw as Message
    if (message.type === 'answer') {
      const call = waiting.get(message.id)
      waiting.delete(message.id)
      if (message.error !== undefined) call?.reject(new Error(message.error))
      else call?.resolve(message.value)
    } else if (message.type === 'event') {
      for (const listener of [...(listeners.get(message.event) ?? [])]) listener(message.value)
    }
  })
  const methods = new Proxy(
    {},
    {
      get: (_target, name) => {
        if (typeof name !== 'string' || name === 'then') return undefined
        return (...args: unknown[]) =>
          new Promise((resolve, reject) => {
            const id = next++
            waiting.set(id, { resolve, reject })
            channel.post({ type: 'call', id, method: name, args })
          })
      },
    },
  ) as Remote<M>
  return {
    methods,
    events: {
      on: (event, listener) => {
        const name = String(event)
        const set = listeners.get(name) ?? new Set()
        set.add(listener as (value: unknown) => void)
        listeners.set(name, set)
        return () => set.delete(listener as (value: unknown) => void)
      },
    },
  }
}
