/** One message of the contract's channel in, its answer out: what carries `serve` over a request and its response. */
import { serve, type Channel, type Implementation } from '#contract/channel.ts'
import type { HostEvents, HostMethods } from '#contract/host-api.ts'

export function answerCall(host: Implementation<HostMethods>, message: unknown): Promise<unknown> {
  if (typeof message !== 'object' || message === null || (message as { type?: unknown }).type !== 'call' || !Array.isArray((message as { args?: unknown }).args)) {
    return Promise.resolve({ type: 'answer', id: 0, error: 'not a call' })
  }
  return new Promise((resolve) => {
    const channel: Channel = { post: resolve, onMessage: (listener) => queueMicrotask(() => listener(message)) }
    serve<HostMethods, HostEvents>(channel, host)
  })
}
