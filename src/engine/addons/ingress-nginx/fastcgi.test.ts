import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBytes, encodeBytes } from '#base/bytes.ts'
import { decodeParams, encodeFastCgiAnswer, encodeFastCgiRequest, fastCgiReader, fastCgiRecords, record } from './fastcgi.ts'

/** Reads `text` in pieces of at most `size` bytes. */
function pieces(text: string, size: number): () => Promise<string | undefined> {
  const bytes = encodeBytes(text)
  let at = 0
  return async () => {
    if (at >= bytes.length) return undefined
    at += size
    return decodeBytes(bytes.subarray(at - size, at))
  }
}

test('parameters and the body come out as they went in, however the bytes are cut', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 })
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(text.filter((k) => k !== ''), text), { maxLength: 8 }), text, fc.integer({ min: 1, max: 400 }), async (list, body, size) => {
    const params = new Map(list)
    const next = fastCgiRecords(pieces(encodeFastCgiRequest(params, body), size))
    const got = { params: [] as number[], body: [] as number[] }
    for (let r = await next(); r; r = await next()) got[r.type === record.params ? 'params' : 'body'].push(...(r.type === record.begin ? [] : r.content))
    expect(decodeParams(Uint8Array.from(got.params))).toEqual(params)
    expect(new TextDecoder().decode(Uint8Array.from(got.body))).toBe(new TextDecoder().decode(new TextEncoder().encode(body)))
  }), { numRuns: 60 })
})

test('a CGI answer becomes an HTTP message', async () => {
  const read = async (text: string) => {
    const next = fastCgiReader(pieces(text, 7))
    let out = ''
    for (let part = await next(); part !== undefined; part = await next()) out += part
    return out
  }
  expect(await read(encodeFastCgiAnswer('Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno'))).toBe('HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno')
  expect(await read(encodeFastCgiAnswer('Content-Type: text/html\n\nhello'))).toBe('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nhello')
  expect(await read(encodeFastCgiAnswer('Location: /there\r\n\r\n'))).toBe('HTTP/1.1 302 Moved Temporarily\r\nLocation: /there\r\n\r\n')
  await expect(read('HTTP/1.1 400 Bad Request\r\n\r\n')).rejects.toThrow('upstream sent unsupported FastCGI protocol version: 72')
})
