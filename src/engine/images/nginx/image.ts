/** docker.io/library/nginx: the official image's entry point and a server that reads its configuration and files. Upstreams and TLS are left out. */
import { byteLength } from '#base/bytes.ts'
import { httpDate, httpReasons } from '#base/http.ts'
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { busyboxTools } from '../busybox-tools.ts'
import { alpineFiles } from '../clients.ts'
import { curlTool, debianTools } from '../tools.ts'
import { lineWriter, serveWeb, untilStopped, type WebAnswer, type WebRequest } from '../web-server.ts'
import { chooseLocation, NginxError, parseConfig, servers, type Directive, type ServerBlock } from './config.ts'
import { defaultConf, errorPage, mimeTypes, nginxConf, statusPage, welcome } from './files.ts'

const tags = ['1.27', '1.27.5', '1.28', '1.29', '1.29.4', '1.26', '1.25', '1.24', '1.23', '1.22', '1.21', '1.20', '1.19', '1.18', '1.17', '1.16', '1.15', '1.14.2', '1.14', 'latest', 'stable', 'mainline', 'alpine', '1.25-alpine', '1.26-alpine', '1.27-alpine', '1.28-alpine', '1.29-alpine', 'stable-alpine', 'mainline-alpine']

/** The last patch of each minor. */
const versions = {
  '1.7': 12, '1.8': 1, '1.9': 15, '1.10': 3, '1.11': 13, '1.12': 2, '1.13': 12, '1.14': 2, '1.15': 12, '1.16': 1, '1.17': 10, '1.18': 0, '1.19': 10, '1.20': 2, '1.21': 6, '1.22': 1, '1.23': 4, '1.24': 0, '1.25': 5, '1.26': 3, '1.27': 5, '1.28': 1, '1.29': 4,
}

const onDebian: ImageBehaviour = {
  repository: 'docker.io/library/nginx',
  tags, versions, versionVariable: 'NGINX_VERSION', variants: ['-alpine', '-alpine-slim', '-perl', '-bookworm'],
  size: 72_404_038,
  entrypoint: ['/docker-entrypoint.sh'],
  command: ['nginx', '-g', 'daemon off;'],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', NGINX_VERSION: '1.27.5', NJS_VERSION: '0.8.10', NJS_RELEASE: '1~bookworm', PKG_RELEASE: '1~bookworm', DYNPKG_RELEASE: '1~bookworm' },
  users: [{ name: 'nginx', uid: 101, gid: 101, home: '/nonexistent', shell: '/bin/false' }],
  exposedPorts: [80],
  created: Date.UTC(2025, 3, 16, 12, 1, 11),
  stopSignal: 'SIGQUIT',
  files: {
    '/usr/share/nginx/html/index.html': welcome,
    '/usr/share/nginx/html/50x.html': errorPage,
    '/etc/nginx/nginx.conf': nginxConf,
    '/etc/nginx/conf.d/default.conf': defaultConf,
    '/etc/nginx/mime.types': 'types {\n    text/html                                        html htm shtml;\n    text/css                                         css;\n    application/json                                 json;\n}\n',
    '/var/log/nginx/': '',
    '/var/cache/nginx/': '',
    '/docker-entrypoint.d/': '',
  },
  links: { '/var/log/nginx/access.log': '/dev/stdout', '/var/log/nginx/error.log': '/dev/stderr' },
  programs: { '/usr/sbin/nginx': run, '/docker-entrypoint.sh': entryPoint },
  tools: { ...debianTools, ...curlTool },
}

/** Built on Alpine: busybox's tools and curl. */
const onAlpine: ImageBehaviour = { ...onDebian, size: 21_203_112, files: { ...onDebian.files, ...alpineFiles }, tools: { ...busyboxTools, ...curlTool } }

export const nginx: ImageBehaviour = { ...onDebian, builds: { ...Object.fromEntries(tags.filter((tag) => tag.endsWith('alpine')).map((tag) => [tag, onAlpine])), 'alpine-slim': onAlpine } }

async function entryPoint(process: Process, context: Parameters<NonNullable<ImageBehaviour['programs']>[string]>[1]): Promise<number> {
  const argv = process.argv.slice(1)
  const say = (text: string) => process.stdout.write(`${text}\n`)
  if (argv[0] === 'nginx' || argv[0] === 'nginx-debug') {
    await say('/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration')
    await say('/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/')
    await say('/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh')
    await say('10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf')
    await say('10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf')
    for (const script of ['15-local-resolvers.envsh', '20-envsubst-on-templates.sh', '30-tune-worker-processes.sh']) await say(script.endsWith('.envsh') ? `/docker-entrypoint.sh: Sourcing /docker-entrypoint.d/${script}` : `/docker-entrypoint.sh: Launching /docker-entrypoint.d/${script}`)
    await say('/docker-entrypoint.sh: Configuration complete; ready for start up')
    return runWith(process, argv)
  }
  void context
  if (argv.length === 0) return 0
  return process.exec ? process.exec({ argv }) : (await process.spawn({ argv }).wait()).code
}

function run(process: Process): Promise<number> {
  return runWith(process, process.argv)
}

function stamp(now: number): string {
  const d = new Date(Math.floor(now)).toISOString()
  return `${d.slice(0, 10).replaceAll('-', '/')} ${d.slice(11, 19)}`
}

function load(fs: FileSystem, path: string): Directive[] {
  let text: string
  try {
    text = fs.readFile(path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new NginxError(`open() "${path}" failed (2: ${error.message})`)
  }
  const expandIncludes = (list: readonly Directive[]): Directive[] =>
    list.flatMap((d) => {
      if (d.name === 'include') {
        const [pattern = ''] = d.args
        if (/mime\.types$|fastcgi_params$/.test(pattern)) return []
        const full = pattern.startsWith('/') ? pattern : `/etc/nginx/${pattern}`
        const slash = full.lastIndexOf('/')
        const folder = full.slice(0, slash)
        if (!full.includes('*')) return load(fs, full)
        const suffix = full.slice(full.indexOf('*') + 1)
        return fs.exists(folder) ? fs.readDir(folder).filter((n) => !n.startsWith('.') && n.endsWith(suffix)).flatMap((n) => load(fs, `${folder}/${n}`)) : []
      }
      return [d.block ? { ...d, block: expandIncludes(d.block) } : d]
    })
  return expandIncludes(parseConfig(text, path))
}

async function runWith(process: Process, argv: readonly string[]): Promise<number> {
  const version = process.env.get('NGINX_VERSION') ?? '1.27.5'
  const error = lineWriter(process, 'stderr')
  const config = argv.includes('-c') ? argv[argv.indexOf('-c') + 1]! : '/etc/nginx/nginx.conf'
  if (argv.includes('-v')) {
    await process.stderr.write(`nginx version: nginx/${version}\n`)
    return 0
  }
  let blocks: ServerBlock[]
  try {
    blocks = servers(load(process.fs, config))
  } catch (problem) {
    if (!(problem instanceof NginxError)) throw problem
    if (argv.includes('-t')) {
      await process.stderr.write(`nginx: [emerg] ${problem.message}\nnginx: configuration file ${config} test failed\n`)
      return 1
    }
    await process.stderr.write(`${stamp(process.now())} [emerg] ${process.pid}#${process.pid}: ${problem.message}\nnginx: [emerg] ${problem.message}\n`)
    return 1
  }
  if (argv.includes('-t')) {
    await process.stderr.write(`nginx: the configuration file ${config} syntax is ok\nnginx: configuration file ${config} test is successful\n`)
    return 0
  }
  const access = lineWriter(process, 'stdout')
  const sockets = new Map<string, { host: string; port: number }>()
  for (const b of blocks) for (const l of b.listens) sockets.set(`${l.host}:${l.port}`, l)
  for (const { host, port } of sockets.values()) {
    try {
      serveWeb(process, host, port, (request) => answer(process.fs, blocks, request, version, process.now()), (request, given) => {
        const size = request.method === 'HEAD' ? 0 : given.body.length
        access(`${request.client.host} - - [${localTime(process.now())}] "${request.method} ${request.target} ${request.version}" ${given.status} ${size} "${request.headers.get('referer') ?? '-'}" "${request.headers.get('user-agent') ?? '-'}" "${request.headers.get('x-forwarded-for') ?? '-'}"`)
        const missing = given.status === 404 ? documentOf(blocks, request) : undefined
        if (missing !== undefined) {
          error(`${stamp(process.now())} [error] ${process.pid + 28}#${process.pid + 28}: *${process.pid} open() "${missing}" failed (2: No such file or directory), client: ${request.client.host}, server: ${hostNames(blocks)}, request: "${request.method} ${request.target} ${request.version}", host: "${request.headers.get('host') ?? ''}"`)
        }
      })
    } catch (problem) {
      if (!(problem instanceof FsError)) throw problem
      const number = { EADDRINUSE: 98, EACCES: 13, EADDRNOTAVAIL: 99 }[problem.code as string] ?? 22
      await process.stderr.write(`${stamp(process.now())} [emerg] ${process.pid}#${process.pid}: bind() to ${host}:${port} failed (${number}: ${problem.message})\nnginx: [emerg] bind() to ${host}:${port} failed (${number}: ${problem.message})\n`)
      return 1
    }
  }
  const notice = (text: string) => error(`${stamp(process.now())} [notice] ${process.pid}#${process.pid}: ${text}`)
  notice('using the "epoll" event method')
  notice(`nginx/${version}`)
  notice('built by gcc 12.2.0 (Debian 12.2.0-14) ')
  notice('OS: Linux 6.8.0-51-generic')
  notice('getrlimit(RLIMIT_NOFILE): 1048576:1048576')
  notice('start worker processes')
  notice('start worker process 29')
  notice('start worker process 30')
  return untilStopped(process, 0)
}

function hostNames(blocks: readonly ServerBlock[]): string {
  return blocks[0]?.names[0] ?? ''
}

function localTime(now: number): string {
  const d = new Date(Math.floor(now))
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  const iso = d.toISOString()
  return `${iso.slice(8, 10)}/${months[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}

function chooseServer(blocks: readonly ServerBlock[], request: WebRequest): ServerBlock | undefined {
  const here = blocks.filter((b) => b.listens.some((l) => l.port === request.local.port))
  const host = (request.headers.get('host') ?? '').replace(/:\d+$/, '')
  return here.find((b) => b.names.some((n) => n === host || (n.startsWith('*.') && host.endsWith(n.slice(1))))) ?? here.find((b) => b.listens.some((l) => l.isDefault)) ?? here[0]
}

function setting(name: string, location: readonly Directive[], server: ServerBlock): readonly string[] | undefined {
  return location.find((d) => d.name === name)?.args ?? server.directives.find((d) => d.name === name)?.args
}

function documentOf(blocks: readonly ServerBlock[], request: WebRequest): string | undefined {
  const server = chooseServer(blocks, request)
  if (!server) return undefined
  const location = chooseLocation(server, request.path)
  const directives = location?.directives ?? []
  const alias = directives.find((d) => d.name === 'alias')?.args[0]
  if (alias !== undefined) return alias + request.path.slice(location!.pattern.length)
  const root = setting('root', directives, server)?.[0] ?? '/etc/nginx/html'
  return root + request.path
}

function answer(fs: FileSystem, blocks: readonly ServerBlock[], request: WebRequest, version: string, now: number): WebAnswer {
  const server = chooseServer(blocks, request)
  const base: (readonly [string, string])[] = [['Server', `nginx/${version}`], ['Date', httpDate(Math.floor(now))]]
  const page = (status: number): WebAnswer => ({ status, headers: [...base, ['Content-Type', 'text/html']], body: statusPage(`${status} ${httpReasons[status] ?? ''}`, version) })
  if (!server) return page(404)
  const location = chooseLocation(server, request.path)
  const directives = location?.directives ?? []
  const extra = [...server.directives, ...directives].filter((d) => d.name === 'add_header').map((d) => [d.args[0] ?? '', d.args[1] ?? ''] as const)
  const given = directives.find((d) => d.name === 'return') ?? server.directives.find((d) => d.name === 'return')
  if (given) {
    const [code = '200', text = ''] = given.args
    const status = /^\d+$/.test(code) ? Number(code) : 302
    const value = (/^\d+$/.test(code) ? text : code).replaceAll('$host', (request.headers.get('host') ?? '').replace(/:\d+$/, '')).replaceAll('$request_uri', request.target).replaceAll('$hostname', '').replaceAll('$uri', request.path).replaceAll('$remote_addr', request.client.host).replaceAll('\\n', '\n')
    if (status >= 301 && status <= 308 && status !== 304) return { ...page(status), headers: [...base, ['Content-Type', 'text/html'], ['Location', value]] }
    if (value === '' && status >= 300) return page(status)
    const type = setting('default_type', directives, server)?.[0] ?? 'application/octet-stream'
    return { status, headers: [...base, ['Content-Type', type], ...extra], body: value }
  }
  if (directives.some((d) => d.name === 'proxy_pass')) return page(502)
  if (request.method !== 'GET' && request.method !== 'HEAD') return page(405)
  let path = documentOf(blocks, request) ?? ''
  try {
    if (fs.stat(path).type === 'directory') {
      if (!path.endsWith('/')) return { ...page(301), headers: [...base, ['Content-Type', 'text/html'], ['Location', `http://${request.headers.get('host') ?? ''}${request.path}/`]] }
      const index = (setting('index', directives, server) ?? ['index.html']).map((n) => path + n).find((p) => fs.exists(p))
      if (index === undefined) return page(403)
      path = index
    }
    const body = fs.readFile(path)
    const type = mimeTypes[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
    const modified = fs.stat(path).mtime
    return { status: 200, headers: [...base, ['Content-Type', type], ['Content-Length', String(byteLength(body))], ['Last-Modified', httpDate(Math.floor(modified))], ['ETag', `"${Math.floor(modified / 1000).toString(16)}-${body.length.toString(16)}"`], ['Accept-Ranges', 'bytes'], ...extra], body }
  } catch (problem) {
    if (!(problem instanceof FsError)) throw problem
    return page(problem.code === 'EACCES' ? 403 : 404)
  }
}
