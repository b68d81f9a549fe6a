/** The roads that HostApi and SessionApi can take, each as a function from an implementation to what a caller holds. */
import { Emitter } from '#base/emitter.ts'
import { connect, serve, type Channel, type Implementation, type Remote, type RemoteEvents } from '#contract/channel.ts'
import type { HostEvents, HostMethods, HostNotice } from '#contract/host-api.ts'
import { serveWeb } from '#web/server.ts'

export interface Carried {
  readonly methods: Remote<HostMethods>
  readonly events: RemoteEvents<HostEvents>
  close(): Promise<void>
}
export type Carrier = (host: Implementation<HostMethods>, notice: Emitter<HostNotice>) => Promise<Carried>

/** Two ends that hand over what `copy` makes of a message. */
function pair(copy: (message: unknown) => unknown): [Channel, Channel] {
  const left = new Emitter<unknown>()
  const right = new Emitter<unknown>()
  const end = (mine: Emitter<unknown>, other: Emitter<unknown>): Channel => ({
    post: (message) => {
      const copied = copy(message)
      queueMicrotask(() => other.emit(copied))
    },
    onMessage: (listener) => void mine.on(listener),
  })
  return [end(left, right), end(right, left)]
}

function ports(): { readonly ends: [Channel, Channel]; close(): void } {
  const { port1, port2 } = new MessageChannel()
  const end = (port: MessagePort): Channel => ({ post: (message) => port.postMessage(message), onMessage: (listener) => port.addEventListener('message', (e) => listener(e.data)) })
  port1.start()
  port2.start()
  return {
    ends: [end(port1), end(port2)],
    close: () => {
      port1.close()
      port2.close()
    },
  }
}

/** The roads of SessionApi: called directly in tests and the command, a worker's port in the app, and text, because all of it is said to be JSON-safe. */
export const sessionRoads: Readonly<Record<string, () => { readonly ends: [Channel, Channel]; close(): void }>> = {
  direct: () => ({ ends: pair((m) => m), close: () => undefined }),
  'message channel': ports,
  text: () => ({ ends: pair((m) => JSON.parse(JSON.stringify(m)) as unknown), close: () => undefined }),
}

function carry([server, client]: [Channel, Channel], host: Implementation<HostMethods>, notice: Emitter<HostNotice>): Omit<Carried, 'close'> {
  const { emit } = serve<HostMethods, HostEvents>(server, host)
  notice.on((n) => emit('notice', n))
  return connect<HostMethods, HostEvents>(client)
}

export const carriers: Readonly<Record<string, Carrier>> = {
  direct: async (host, notice) => ({ ...carry(pair((m) => m), host, notice), close: async () => undefined }),

  /** As a Web Worker's port: structured clone. */
  'message channel': async (host, notice) => {
    const { ends, close } = ports()
    return { ...carry(ends, host, notice), close: async () => close() }
  },

  /** As Electron's IPC behind the preload's object: structured clone both ways, one listener on each side. */
  ipc: async (host, notice) => ({ ...carry(pair((m) => structuredClone(m)), host, notice), close: async () => undefined }),

  http: async (host, notice) => {
    const web = await serveWeb({ host, notice, staticDir: import.meta.dirname, port: 0 })
    const { origin } = new URL(web.url)
    const hello = await fetch(web.url, { redirect: 'manual' })
    const cookie = hello.headers.get('set-cookie')!.split(';')[0]!
    const stop = new AbortController()
    const listeners: ((message: unknown) => void)[] = []
    const deliver = (message: unknown) => listeners.forEach((l) => l(message))
    const channel: Channel = {
      post: (message) =>
        void fetch(`${origin}/api`, { method: 'POST', headers: { 'Content-Type': 'application/json', Cookie: cookie, Origin: origin }, body: JSON.stringify(message) }).then(async (r) => deliver(await r.json())),
      onMessage: (listener) => listeners.push(listener),
    }
    const stream = await fetch(`${origin}/api/events`, { headers: { Cookie: cookie }, signal: stop.signal })
    void (async () => {
      let text = ''
      for await (const part of stream.body!.pipeThrough(new TextDecoderStream())) {
        text += part
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const line = text.slice(0, end)
          text = text.slice(end + 2)
          if (line.startsWith('data: ')) deliver(JSON.parse(line.slice(6)))
        }
      }
    })().catch(() => undefined)
    return {
      ...connect<HostMethods, HostEvents>(channel),
      close: async () => {
        stop.abort()
        await web.close()
      },
    }
  },
}
