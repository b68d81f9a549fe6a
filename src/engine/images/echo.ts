/** docker.io/drill/echo: our own test server. Answers every request with JSON that says who answered and what was asked. PORT (8080) chooses its port. */
import { FsError } from '#engine/machine/files.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { busyboxTools } from './busybox-tools.ts'
import { lineWriter, serveWeb, untilStopped } from './web-server.ts'

export const echo: ImageBehaviour = {
  repository: 'docker.io/drill/echo',
  tags: ['2.0', '1.0', 'latest'],
  size: 2_100_200,
  entrypoint: ['/echo'],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  exposedPorts: [8080],
  tools: busyboxTools,
  programs: {
    '/echo': async (process) => {
      const port = Number(process.env.get('PORT') ?? 8080)
      const log = lineWriter(process, 'stdout')
      try {
        serveWeb(
          process,
          '0.0.0.0',
          port,
          (request) => ({
            status: 200,
            headers: [['Content-Type', 'application/json']],
            body:
              JSON.stringify({
                hostname: process.machine.hostname,
                method: request.method,
                path: request.path,
                ...(request.query.size > 0 ? { query: Object.fromEntries(request.query) } : {}),
                host: request.headers.get('host') ?? '',
                headers: Object.fromEntries(request.headers.list.map(([name, value]) => [name.toLowerCase(), value])),
                client: request.client.host,
                ...(request.body !== '' ? { body: request.body } : {}),
              }) + '\n',
          }),
          (request, given) => log(`${request.client.host} ${request.method} ${request.target} ${given.status}`),
        )
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await process.stderr.write(`echo: listen 0.0.0.0:${port}: ${error.message}\n`)
        return 1
      }
      log(`listening on ${port}`)
      return untilStopped(process)
    },
  },
}
