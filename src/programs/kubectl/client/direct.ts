/** A Transport straight into an API server's `handle`, for tests of kubectl without a network. The user is the administrator. */
import type { ApiRequest, ApiResponse, UserInfo } from '#engine/api/types.ts'
import type { Dial } from '../cli/invocation.ts'
import type { Transport, WireAnswer, WireRequest } from './transport.ts'

export const administrator: UserInfo = { name: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:authenticated'] }

interface DirectServer {
  handle(request: ApiRequest): ApiResponse
}

export function requestOf(request: WireRequest, user: UserInfo): ApiRequest {
  const [path, query = ''] = request.path.split('?') as [string, string?]
  const parameters = new Map<string, string[]>()
  for (const pair of query.split('&').filter(Boolean)) {
    const at = pair.indexOf('=')
    const name = decodeURIComponent(at < 0 ? pair : pair.slice(0, at))
    parameters.set(name, [...(parameters.get(name) ?? []), at < 0 ? '' : decodeURIComponent(pair.slice(at + 1).replaceAll('+', ' '))])
  }
  return { method: request.method, path: decodeURIComponent(path), query: parameters, headers: new Map(Object.entries(request.headers)), body: request.body ?? '', user }
}

/** `woke`: the engine's note that a promise of a program was resolved. */
export function dialDirect(server: DirectServer, woke: () => void, user: UserInfo = administrator): Dial {
  const transport = (address: string): Transport => ({
    server: address,
    send: (request) => {
      const response = server.handle(requestOf(request, user))
      if (response.kind !== 'complete') throw new Error('a stream where an answer was expected')
      return Promise.resolve({ code: response.code, headers: response.headers, body: response.body })
    },
    stream: (request) => {
      const response = server.handle(requestOf(request, user))
      const parts: (string | undefined)[] = response.kind === 'complete' ? [response.body, undefined] : []
      let wake: (() => void) | undefined
      const push = (part: string | undefined) => {
        parts.push(part)
        wake?.()
        wake = undefined
        woke()
      }
      const stop = response.kind === 'stream' ? response.start({ push: (text) => push(text), end: () => push(undefined) }) : () => {}
      return Promise.resolve({
        code: response.code, headers: response.headers,
        read: async () => {
          while (parts.length === 0) await new Promise<void>((resolve) => (wake = resolve))
          return parts[0] === undefined ? undefined : parts.shift()
        },
        close: stop,
      })
    },
    upgrade: (request) => {
      const response = server.handle(requestOf(request, user))
      if (response.kind !== 'upgrade') {
        const answer: WireAnswer = response.kind === 'complete' ? response : { code: 500, headers: new Map(), body: '' }
        return Promise.resolve({ code: answer.code, headers: answer.headers, body: answer.body })
      }
      const frames: ({ channel: number; data: string } | undefined)[] = []
      const mine: ((channel: number, data: string) => void)[] = []
      let wake: (() => void) | undefined
      const push = (frame: { channel: number; data: string } | undefined) => {
        frames.push(frame)
        wake?.()
        wake = undefined
        woke()
      }
      const closers: (() => void)[] = []
      response.start({ send: (channel, data) => push({ channel, data }), onMessage: (listener) => void mine.push(listener), onClose: (listener) => void closers.push(listener), close: () => push(undefined) })
      return Promise.resolve({
        send: (channel, data) => {
          for (const listener of mine) listener(channel, data)
          return Promise.resolve()
        },
        read: async () => {
          while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve))
          return frames[0] === undefined ? undefined : frames.shift()
        },
        close: () => {
          for (const listener of closers) listener()
        },
      })
    },
  })
  return (_process, config) => transport(config.server)
}
