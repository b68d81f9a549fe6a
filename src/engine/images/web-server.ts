/** A small HTTP/1.1 server of a process: one handler, keep-alive, an entry per request for access logs. What nginx, httpd, agnhost and the echo image share. */
import { encodeResponse, HttpHeaders, HttpReader, type HttpRequestHead } from '#base/http.ts'
import { byteLength } from '#base/bytes.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Address, Connection, Listener } from '#engine/machine/sockets.ts'

export interface WebRequest {
  readonly method: string
  /** As on the request line. */
  readonly target: string
  /** Decoded, without query. */
  readonly path: string
  readonly query: ReadonlyMap<string, string>
  readonly headers: HttpHeaders
  readonly body: string
  readonly client: Address
  readonly local: Address
  readonly version: string
}

export interface WebAnswer {
  readonly status: number
  /** In order; Content-Length and Connection are added. */
  readonly headers?: readonly (readonly [string, string])[]
  readonly body: string
}

export type WebHandler = (request: WebRequest) => WebAnswer | Promise<WebAnswer>

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function parseQuery(text: string): Map<string, string> {
  const out = new Map<string, string>()
  for (const part of text.split('&')) {
    if (part === '') continue
    const eq = part.indexOf('=')
    out.set(decode((eq < 0 ? part : part.slice(0, eq)).replace(/\+/g, ' ')), eq < 0 ? '' : decode(part.slice(eq + 1).replace(/\+/g, ' ')))
  }
  return out
}

async function converse(connection: Connection, handler: WebHandler, log?: (request: WebRequest, answer: WebAnswer) => void): Promise<void> {
  const reader = new HttpReader(() => connection.read(), 'request')
  try {
    for (;;) {
      const message = await reader.message()
      if (!message) break
      if ('error' in message) {
        await connection.write(encodeResponse({ status: 400, headers: { 'Content-Type': 'text/plain', Connection: 'close' }, body: '400 Bad Request' }))
        break
      }
      const head = message.head as HttpRequestHead
      const cut = head.target.indexOf('?')
      const request: WebRequest = {
        method: head.method, target: head.target, path: decode(cut < 0 ? head.target : head.target.slice(0, cut)), query: parseQuery(cut < 0 ? '' : head.target.slice(cut + 1)),
        headers: head.headers, body: message.body, client: connection.remote, local: connection.local, version: head.version,
      }
      const answer = await handler(request)
      const headers = new HttpHeaders([...(answer.headers ?? [])])
      if (!headers.has('Content-Length')) headers.add('Content-Length', String(byteLength(answer.body)))
      headers.add('Connection', message.keepAlive ? 'keep-alive' : 'close')
      await connection.write(encodeResponse({ status: answer.status, headers, body: head.method === 'HEAD' ? '' : answer.body }))
      log?.(request, answer)
      if (!message.keepAlive) break
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  connection.end()
}

/** Serves until the process ends. `listen` fails as the socket does. */
export function serveWeb(process: Process, host: string, port: number, handler: WebHandler, log?: (request: WebRequest, answer: WebAnswer) => void): Listener {
  const listener = process.sockets.listen(host, port)
  void (async () => {
    for (;;) void converse(await listener.accept(), handler, log)
  })()
  return listener
}

/** Writes lines in order without waiting; lost when the reader is gone. */
export function lineWriter(process: Process, stream: 'stdout' | 'stderr'): (line: string) => void {
  let pending: Promise<void> = Promise.resolve()
  return (line) => {
    pending = pending.then(async () => {
      if (!process.alive) return
      try {
        await process[stream].write(line + '\n')
      } catch (error) {
        if (!(error instanceof FsError)) throw error
      }
    })
  }
}

/** Resolves with the exit code when SIGTERM, SIGQUIT or SIGINT asks the process to end. */
export function untilStopped(process: Process, code = 0, before?: () => Promise<void>): Promise<number> {
  return new Promise((resolve) => {
    const stop = () => {
      process.machine.sim.woke()
      void (before?.() ?? Promise.resolve()).then(() => resolve(code))
    }
    for (const signal of ['SIGTERM', 'SIGQUIT', 'SIGINT'] as const) process.onSignal(signal, stop)
  })
}
