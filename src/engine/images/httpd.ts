/** docker.io/library/httpd: Apache serving files of its document root on port 80; its configuration is read for Listen and DocumentRoot only. */
import { byteLength } from '#base/bytes.ts'
import { httpDate, httpReasons } from '#base/http.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { busyboxTools } from './busybox-tools.ts'
import { alpineFiles } from './clients.ts'
import { debianTools } from './tools.ts'
import { lineWriter, serveWeb, untilStopped, type WebAnswer, type WebRequest } from './web-server.ts'

const version = '2.4.66'
const root = '/usr/local/apache2'

const onDebian: ImageBehaviour = {
  repository: 'docker.io/library/httpd',
  tags: ['2.4', '2.4.66', '2', 'latest', 'alpine', '2.4-alpine'], versions: { '2.4': 66 }, variants: ['-alpine'],
  size: 45_215_344,
  command: ['httpd-foreground'],
  env: { PATH: `${root}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`, HTTPD_PREFIX: root, HTTPD_VERSION: version },
  users: [{ name: 'www-data', uid: 33, gid: 33, home: '/var/www' }],
  workdir: root,
  exposedPorts: [80],
  stopSignal: 'SIGTERM',
  files: {
    [`${root}/htdocs/index.html`]: '<html><body><h1>It works!</h1></body></html>\n',
    [`${root}/conf/httpd.conf`]: `ServerRoot "${root}"\n\nListen 80\n\nUser www-data\nGroup www-data\n\nServerAdmin you@example.com\n\nDocumentRoot "${root}/htdocs"\n<Directory "${root}/htdocs">\n    Options Indexes FollowSymLinks\n    AllowOverride None\n    Require all granted\n</Directory>\n\nErrorLog /proc/self/fd/2\nCustomLog /proc/self/fd/1 common\n`,
    [`${root}/logs/`]: '',
  },
  programs: { [`${root}/bin/httpd-foreground`]: run, [`${root}/bin/httpd`]: run },
  tools: debianTools,
}

/** Built on Alpine: busybox's tools. */
const onAlpine: ImageBehaviour = { ...onDebian, size: 21_012_003, files: { ...onDebian.files, ...alpineFiles }, tools: busyboxTools }

export const httpd: ImageBehaviour = { ...onDebian, builds: { alpine: onAlpine, '2.4-alpine': onAlpine } }

async function run(process: Process): Promise<number> {
  let config: string
  try {
    config = process.fs.readFile(`${root}/conf/httpd.conf`)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`httpd: Could not open configuration file ${root}/conf/httpd.conf: ${error.message}\n`)
    return 1
  }
  const access = lineWriter(process, 'stdout')
  const ports = [...config.matchAll(/^\s*Listen\s+(?:\S+:)?(\d+)/gm)].map((m) => Number(m[1]))
  const documents = /^\s*DocumentRoot\s+"?([^"\n]+)"?/m.exec(config)?.[1] ?? `${root}/htdocs`
  for (const port of ports) {
    try {
      serveWeb(process, '0.0.0.0', port, (request) => answer(process, documents, request), (request, given) => {
        const d = new Date(Math.floor(process.now())).toISOString()
        const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][Number(d.slice(5, 7)) - 1]
        access(`${request.client.host} - - [${d.slice(8, 10)}/${month}/${d.slice(0, 4)}:${d.slice(11, 19)} +0000] "${request.method} ${request.target} ${request.version}" ${given.status} ${byteLength(given.body)}`)
      })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await process.stderr.write(`(${error.code === 'EADDRINUSE' ? 98 : 13})${error.message}: AH00072: make_sock: could not bind to address 0.0.0.0:${port}\nno listening sockets available, shutting down\nAH00015: Unable to open logs\n`)
      return 1
    }
  }
  const ip = process.sockets ? 'localhost' : ''
  await process.stderr.write(`AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using ${ip}. Set the 'ServerName' directive globally to suppress this message\n`)
  await process.stderr.write(`[mpm_event:notice] [pid ${process.pid}:tid ${process.pid}] AH00489: Apache/${version} (Unix) configured -- resuming normal operations\n[core:notice] [pid ${process.pid}:tid ${process.pid}] AH00094: Command line: 'httpd -D FOREGROUND'\n`)
  return untilStopped(process)
}

function answer(process: Process, documents: string, request: WebRequest): WebAnswer {
  const base: (readonly [string, string])[] = [['Date', httpDate(Math.floor(process.now()))], ['Server', `Apache/${version} (Unix)`]]
  const page = (status: number, text: string): WebAnswer => ({
    status,
    headers: [...base, ['Content-Type', 'text/html; charset=iso-8859-1']],
    body: `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>${status} ${httpReasons[status]}</title>\n</head><body>\n<h1>${httpReasons[status]}</h1>\n<p>${text}</p>\n</body></html>\n`,
  })
  let path = documents + request.path
  try {
    if (process.fs.stat(path).type === 'directory') path = `${path.replace(/\/$/, '')}/index.html`
    const body = process.fs.readFile(path)
    return { status: 200, headers: [...base, ['Last-Modified', httpDate(Math.floor(process.fs.stat(path).mtime))], ['Accept-Ranges', 'bytes'], ['Content-Length', String(byteLength(body))], ['Content-Type', path.endsWith('.html') ? 'text/html' : 'text/plain']], body }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return error.code === 'EACCES' ? page(403, "You don't have permission to access this resource.") : page(404, 'The requested URL was not found on this server.')
  }
}
