import { expect, test } from 'vitest'
import fc from 'fast-check'
import { encodeChunk, encodeRequest, encodeResponse, HttpHeaders, HttpParser, lastChunk, parseUrl, type HttpEvent } from '#base/http.ts'

const parts = (text: string, cuts: readonly number[]) => {
  const at = [...new Set([0, ...cuts.map((c) => c % (text.length + 1)), text.length])].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => text.slice(at[i], end))
}
const bodyOf = (events: readonly HttpEvent[]) => events.filter((e) => e.type === 'data').map((e) => e.text).join('')

test('messages are the same however they are cut', () => {
  const text = encodeRequest({ method: 'POST', target: '/x?y=1', headers: { Host: 'web', 'X-A': 'b' }, body: 'grüße' })
    + `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${encodeChunk('hällo')}${encodeChunk(' there')}${lastChunk}`
    + encodeRequest({ method: 'GET', target: '/', headers: { Host: 'web', Connection: 'close' } })
  fc.assert(fc.property(fc.array(fc.nat(400)), (cuts) => {
    const parser = new HttpParser('request')
    const events = parts(text, cuts).flatMap((p) => parser.feed(p))
    expect(events.filter((e) => e.type === 'end').map((e) => e.keepAlive)).toEqual([true, true, false])
    expect(bodyOf(events)).toBe('grüßehällo there')
    expect(parser.end()).toEqual([])
  }))
})
test('bodies of responses end by length, by closing, or are not there', () => {
  const parser = new HttpParser('response')
  parser.noBody = true
  expect(parser.feed('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n').map((e) => e.type)).toEqual(['head', 'end'])
  expect(parser.feed('HTTP/1.1 204 No Content\r\n\r\n').map((e) => e.type)).toEqual(['head', 'end'])
  expect(bodyOf(parser.feed('HTTP/1.0 200 OK\r\n\r\nold'))).toBe('old')
  expect(parser.end()).toEqual([{ type: 'end', keepAlive: false }])
  const cut = new HttpParser('response')
  cut.feed('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab')
  expect(cut.end()).toEqual([{ type: 'error', message: 'unexpected EOF' }])
  expect(new HttpParser('response').feed('\x15\x03\x01')).toEqual([{ type: 'error', message: 'malformed HTTP response' }])
})
test('an upgraded connection hands on what follows', () => {
  const client = new HttpParser('response')
  const events = client.feed('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\nraw bytes')
  expect(bodyOf(events)).toBe('raw bytes')
  const server = new HttpParser('request')
  server.feed('GET /exec HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst')
  expect(server.rest).toBe('first')
})
test('responses and headers', () => {
  expect(encodeResponse({ status: 404, headers: { Server: 'x' }, body: 'ü' })).toBe('HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 2\r\n\r\nü')
  const headers = new HttpHeaders([['Accept', 'a'], ['accept', 'b']])
  expect([headers.get('ACCEPT'), headers.all('accept'), headers.set('Accept', 'c').list]).toEqual(['a', ['a', 'b'], [['Accept', 'c'], ['accept', 'b']]])
})
test('URLs', () => {
  expect(parseUrl('https://u:p@[::1]:8443/a?b#c')).toEqual({ scheme: 'https', userinfo: 'u:p', host: '::1', port: 8443, target: '/a?b', fragment: 'c' })
  expect(parseUrl('http://web?x')).toEqual({ scheme: 'http', userinfo: undefined, host: 'web', port: undefined, target: '/?x', fragment: undefined })
  expect(parseUrl('web')).toBeUndefined()
})
