/** The road to the disk: the desktop's preload object where there is one, HTTP otherwise. */
import { connect, type Channel } from '#contract/channel.ts'
import type { HostEvents, HostMethods } from '#contract/host-api.ts'

/** What electron/preload.ts puts into the page, and all of it. */
export interface Desktop {
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /** The menu was used: the action's name. */
  onAction(listener: (action: string) => void): void
}

declare global {
  interface Window {
    readonly kubedrill?: Desktop
  }
}

/** Calls as POST /api; the answer comes in the response. Events come as a stream. */
export function httpChannel(): Channel {
  const listeners: ((message: unknown) => void)[] = []
  const deliver = (message: unknown) => listeners.forEach((listener) => listener(message))
  return {
    post: (message) => {
      const id = (message as { id: number }).id
      const body = JSON.stringify(message)
      fetch('./api', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, keepalive: body.length < 60_000 })
        .then(async (response) => {
          if (response.ok) deliver(await response.json())
          else deliver({ type: 'answer', id, error: (await response.text()).trim() })
        })
        .catch(() => deliver({ type: 'answer', id, error: 'Kubedrill’s own server does not answer. Start it again in its terminal; nothing that was saved is lost.' }))
    },
    onMessage: (listener) => listeners.push(listener),
  }
}

const channel: Channel = window.kubedrill ?? httpChannel()
export const { methods: host, events: hostEvents } = connect<HostMethods, HostEvents>(channel)
