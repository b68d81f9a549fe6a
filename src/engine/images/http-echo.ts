/** docker.io/hashicorp/http-echo 1.0: answers every request with one text. Left out: the time that a request really took in its log. */
import { httpDate } from '#base/http.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { goFlags } from './flags.ts'
import { lineWriter, serveWeb, untilStopped } from './web-server.ts'

const version = '1.0.0'
const usage = `Usage of /http-echo:
  -listen string
    \taddress and port to listen (default ":5678")
  -status-code int
    \thttp response code, e.g.: 200 (default 200)
  -text string
    \ttext to put on the webpage
  -version
    \tdisplay version information
`

async function httpEcho(process: Process): Promise<number> {
  const flags = goFlags(process.argv)
  const unknown = flags.unknown(new Set(['listen', 'status-code', 'text', 'version']))
  const complain = async (text: string, code: number) => {
    await process.stderr.write(text)
    return code
  }
  if (unknown !== undefined) return complain(`flag provided but not defined: -${unknown}\n${usage}`, 2)
  if (flags.get('version') === 'true') return complain(`http-echo v${version}\n`, 0)
  const text = flags.get('text') || process.env.get('ECHO_TEXT') || ''
  if (text === '') return complain('Missing -text option OR ENV var TEXT is empty!\n', 127)
  if (flags.arguments.length > 0) return complain('Too many arguments!\n', 127)
  const address = flags.get('listen') ?? ':5678'
  const cut = address.lastIndexOf(':')
  const [host, port] = [address.slice(0, cut) || '0.0.0.0', Number(address.slice(cut + 1))]
  const [out, err] = [lineWriter(process, 'stdout'), lineWriter(process, 'stderr')]
  const stamp = () => new Date(process.now()).toISOString().slice(0, 19).replace('T', ' ').replaceAll('-', '/')
  err(`${stamp()} [INFO] server is listening on ${address}`)
  try {
    serveWeb(
      process, host, port,
      (request) => ({
        status: Number(flags.get('status-code') ?? 200),
        headers: [['X-App-Name', 'http-echo'], ['X-App-Version', version], ['Date', httpDate(process.now())], ['Content-Type', `text/${/^\s*<(!doctype html|html|head|h1|body|div|p|a|b|br|table|title)[\s>]/i.test(text) ? 'html' : 'plain'}; charset=utf-8`]],
        body: request.path === '/health' ? '{"status":"ok"}\n' : `${text}\n`,
      }),
      (request, answer) => {
        if (request.path !== '/health') out(`${stamp()} ${request.headers.get('host') ?? ''} ${request.client.host}:${request.client.port} "${request.method} ${request.path} ${request.version}" ${answer.status} ${answer.body.length} "${request.headers.get('user-agent') ?? ''}" 21.4µs`)
      },
    )
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return complain(`${stamp()} [ERR] server exited with: listen tcp ${address}: bind: ${error.message.toLowerCase()}\n`, 1)
  }
  return untilStopped(process, 2, async () => err(`${stamp()} [INFO] received interrupt, shutting down...`))
}

export const httpEchoImage: ImageBehaviour = {
  repository: 'docker.io/hashicorp/http-echo', tags: ['1.0', '1.0.0', 'latest', '0.2.3'], size: 3_200_000, entrypoint: ['/http-echo'], user: '65532', exposedPorts: [5678],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', PRODUCT_NAME: 'http-echo', PRODUCT_VERSION: version }, programs: { '/http-echo': httpEcho },
}
