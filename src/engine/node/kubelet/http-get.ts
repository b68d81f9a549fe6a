/** One HTTP request from a machine's own namespace by callback: probes and lifecycle hooks. */
import { byteLength } from '#base/bytes.ts'
import { encodeRequest, HttpParser } from '#base/http.ts'
import { parseIpv4 } from '#base/ip.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { TcpConnection } from '#engine/net/types.ts'
import { dialText } from './probes.ts'

export interface HttpExchange {
  readonly machine: Machine
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: number
  readonly tls: boolean
}

export type HttpAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'timeout'; readonly connected: boolean }

const maxBody = 10 * 1024

export function httpExchange(request: HttpExchange, done: (answer: Exclude<HttpAnswer, { kind: 'answer' }> | (HttpAnswer & { kind: 'answer' })) => void): void {
  const { machine } = request
  const address = parseIpv4(request.host)
  if (address === undefined) {
    done({ kind: 'refused', message: `lookup ${request.host}: no such host` })
    return
  }
  let over = false
  let connected = false
  let status = 0
  let body = ''
  let connection: TcpConnection | undefined
  const timer = machine.sim.after(request.timeout, () => {
    finish({ kind: 'timeout', connected })
    connection?.abort()
  })
  const finish = (answer: HttpAnswer) => {
    if (over) return
    over = true
    machine.sim.cancel(timer)
    done(answer)
  }
  const parser = new HttpParser('response')
  const hear = (text: string | undefined) => {
    for (const event of text === undefined ? parser.end() : parser.feed(text)) {
      if (event.type === 'head' && event.head.kind === 'response') status = event.head.status
      else if (event.type === 'data') {
        if (byteLength(body) < maxBody) body += event.text
      } else if (event.type === 'end') {
        connection?.end()
        finish({ kind: 'answer', status, body })
      } else if (event.type === 'error') finish({ kind: 'error', message: `net/http: HTTP/1.x transport connection broken: ${event.message}` })
    }
    if (text === undefined) finish({ kind: 'error', message: 'EOF' })
  }
  connection = machine.net.sockets.tcpConnect({ to: address, port: request.port }, {
    onOpen: (c) => {
      connected = true
      c.send(encodeRequest({ method: 'GET', target: request.path, headers: request.headers }))
    },
    onData: (text) => hear(text),
    onEnd: () => hear(undefined),
    onError: (errno) => finish(connected ? { kind: 'error', message: errno === 'ECONNRESET' ? 'read: connection reset by peer' : errno } : { kind: 'refused', message: dialText(errno) }),
  })
}
