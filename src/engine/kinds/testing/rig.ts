/** A control plane's API server for tests, and a way to send it requests. */
import type { ApiServer, ApiServerOptions } from '#engine/api/server.ts'
import type { Loose } from '#engine/api/loose.ts'
import type { ApiRequest, UserInfo } from '#engine/api/types.ts'
import { buildApiServer } from '../build.ts'

export const admin: UserInfo = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }

export interface Sent {
  readonly headers?: Record<string, string>
  readonly user?: UserInfo
}

export interface Rig {
  readonly sim: ApiServerOptions['sim']
  readonly server: ApiServer
  send(method: ApiRequest['method'], path: string, body?: unknown, options?: Sent): { code: number; body: Loose; headers: ReadonlyMap<string, string> }
  /** The lines of a watch, as they come. */
  watch(path: string): Loose[]
}

export function rigOn(sim: ApiServerOptions['sim']): Rig {
  const server = buildApiServer({ sim })
  const request = (method: ApiRequest['method'], path: string, body: unknown, options: Sent): ApiRequest => {
    const [at, text = ''] = path.split('?') as [string, string?]
    const query = new Map<string, string[]>()
    for (const pair of text === '' ? [] : text.split('&')) {
      const [name, value = ''] = pair.split('=').map(decodeURIComponent) as [string, string?]
      query.set(name, [...(query.get(name) ?? []), value])
    }
    return { method, path: at, query, headers: new Map(Object.entries(options.headers ?? {})), body: body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body), user: options.user ?? admin }
  }
  return {
    sim,
    server,
    send(method, path, body, options = {}) {
      const answer = server.handle(request(method, path, body, options))
      if (answer.kind !== 'complete') throw new Error(`${path} answers with a ${answer.kind}`)
      let parsed: Loose = answer.body
      try {
        parsed = JSON.parse(answer.body)
      } catch {
        // text
      }
      return { code: answer.code, body: parsed, headers: answer.headers }
    },
    watch(path) {
      const answer = server.handle(request('GET', path, undefined, {}))
      if (answer.kind !== 'stream') throw new Error(`${path} is no watch`)
      const lines: Loose[] = []
      answer.start({ push: (text) => lines.push(...text.trimEnd().split('\n').map((l) => JSON.parse(l))), end: () => {} })
      return lines
    },
  }
}

export const pod = (name: string, spec: object = {}): Loose => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...spec } })
export const configMap = (name: string, data: object = {}, metadata: object = {}): Loose => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data })
