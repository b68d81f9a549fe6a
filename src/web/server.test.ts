import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHost, type Host } from '#host/host.ts'
import { serveWeb, type Web } from './server.ts'

let folder = ''
let host: Host
let web: Web
let origin = ''
let cookie = ''

interface Reply { status: number; body: string; headers: Record<string, string | string[] | undefined> }
/** fetch does not let a caller choose Host, so the plain client is used. */
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET', body = '') =>
  new Promise<Reply>((resolve, reject) => {
    const r = request(origin + path, { method, headers }, (answer) => {
      let text = ''
      answer.on('data', (d: Buffer) => (text += d.toString()))
      answer.on('end', () => resolve({ status: answer.statusCode!, body: text, headers: answer.headers }))
    })
    r.on('error', reject)
    r.end(body)
  })
const call = (message: unknown, headers: Record<string, string> = {}) => ask('/api', { 'Content-Type': 'application/json', Cookie: cookie, ...headers }, 'POST', JSON.stringify(message))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kubedrill-web-'))
  writeFileSync(join(folder, 'index.html'), '<p>app</p>')
  host = openHost({ contentDir: folder, dataDir: join(folder, 'data') })
  web = await serveWeb({ host: host.methods, notice: host.notice, staticDir: folder, port: 0 })
  origin = new URL(web.url).origin
  const hello = await ask(web.url.slice(origin.length))
  expect([hello.status, hello.headers['location']]).toEqual([303, '/'])
  const set = String(hello.headers['set-cookie'])
  expect(set).toMatch(/; HttpOnly; SameSite=Strict/)
  cookie = set.split(';')[0]!
})
afterAll(async () => {
  await web.close()
  host.close()
  rmSync(folder, { recursive: true, force: true })
})

test('with the cookie the page comes, with its locks', async () => {
  const page = await ask('/', { Cookie: cookie })
  expect([page.status, page.body]).toEqual([200, '<p>app</p>'])
  expect(page.headers['content-security-policy']).toContain("default-src 'none'")
  expect(page.headers['content-security-policy']).not.toContain('unsafe-eval')
  expect((await ask('/', { Cookie: cookie, 'If-None-Match': String(page.headers['etag']) })).status).toBe(304)
})
test('without the key, or with a wrong one, nothing answers', async () => {
  const replies = await Promise.all([ask('/'), ask('/?token=wrong'), ask('/', { Cookie: `${cookie}x` }), ask('/api', { 'Content-Type': 'application/json' }, 'POST', '{}')])
  expect(replies.map((r) => r.status)).toEqual([403, 403, 403, 403])
})
test('another host name or another site is turned away', async () => {
  expect((await ask('/', { Cookie: cookie, Host: 'evil.example' })).status).toBe(421)
  expect((await call({ type: 'call', id: 1, method: 'settings', args: [] }, { Origin: 'http://evil.example' })).status).toBe(403)
  expect((await call({ type: 'call', id: 1, method: 'settings', args: [] }, { Origin: 'null' })).status).toBe(403)
})
test('calls are answered, and only calls', async () => {
  expect(JSON.parse((await call({ type: 'call', id: 7, method: 'settings', args: [] })).body)).toMatchObject({ type: 'answer', id: 7, value: { theme: 'system' } })
  expect(JSON.parse((await call({ type: 'call', id: 8, method: 'toString', args: [] })).body)).toEqual({ type: 'answer', id: 8, error: 'no such method: toString' })
  expect(JSON.parse((await call([1])).body)).toMatchObject({ error: 'not a call' })
  expect((await ask('/api', { Cookie: cookie })).status).toBe(405)
  expect((await ask('/api', { Cookie: cookie, 'Content-Type': 'text/plain' }, 'POST', '{}')).status).toBe(415)
  expect((await ask('/api', { Cookie: cookie, 'Content-Type': 'application/json' }, 'POST', '{')).status).toBe(400)
  expect((await ask('/package.json', { Cookie: cookie })).status).toBe(404)
})
