/** e2e-test-fastcgi-helloserver, the backend of ingress-nginx's FastCGI page: greets over FastCGI on port 9000. */
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import type { ContainerContext, ImageBehaviour } from '#engine/node/runtime/image.ts'
import { decodeParams, encodeFastCgiAnswer, fastCgiRecords, record } from './fastcgi.ts'

async function converse(connection: Connection): Promise<void> {
  try {
    const next = fastCgiRecords(() => connection.read())
    const params: number[] = []
    for (;;) {
      const found = await next()
      if (!found) break
      if (found.type === record.params) params.push(...found.content)
      if (found.type !== record.stdin || found.content.length > 0) continue
      const asked = (decodeParams(Uint8Array.from(params)).get('REQUEST_URI') ?? '/').split('?')
      const name = new RegExp('(?:^|&)name=([^&]+)').exec(asked[1] ?? '')?.[1]
      const plain = 'Content-Type: text/plain; charset=utf-8\r\n'
      await connection.write(encodeFastCgiAnswer(asked[0] === '/hello' ? `Status: 200 OK\r\n${plain}\r\nHello ${name === undefined ? 'world' : decodeURIComponent(name)}!` : `Status: 404 Not Found\r\n${plain}X-Content-Type-Options: nosniff\r\n\r\n404 page not found\n`))
      break
    }
  } catch {
    // A client that speaks something else gets no answer.
  }
  connection.close()
}

async function helloserver(process: Process, context: ContainerContext): Promise<number> {
  const listener = process.sockets.listen('0.0.0.0', 9000)
  context.onExit(() => listener.close())
  for (;;) void converse(await listener.accept())
}

export const fastCgiHelloImage: ImageBehaviour = { repository: 'registry.k8s.io/ingress-nginx/e2e-test-fastcgi-helloserver', tags: ['latest', 'v1.0.0'], size: 4_200_000, entrypoint: ['/fastcgi-helloserver'], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }, programs: { '/fastcgi-helloserver': helloserver } }
