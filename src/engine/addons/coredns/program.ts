/** The coredns binary: Corefile in, servers up, reload when the file changes, lame duck on the way out. */
import { hex, sha512 } from '#base/sha.ts'
import { isErrno } from '#engine/machine/vfs.ts'
import type { Process } from '#engine/machine/process.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { parseCorefile } from './corefile.ts'
import type { ServerBlock } from './corefile.ts'
import { directives } from './directives.ts'
import type { ReloadSettings } from './plugins/life.ts'
import { DnsServer } from './server.ts'

export const coreDnsVersion = '1.13.1'

function parse(process: Process, file: string, text: string, warn: (text: string) => void): ServerBlock[] {
  return parseCorefile(text, {
    file, warn, directives: new Set(directives.keys()),
    env: (name) => process.env.get(name),
    importFiles: (pattern) => {
      const path = pattern.startsWith('/') ? pattern : `${file.slice(0, file.lastIndexOf('/'))}/${pattern}`
      if (!/[*?[]/.test(path)) return process.fs.exists(path) ? [{ file: path, text: process.fs.readFile(path) }] : undefined
      const folder = path.slice(0, path.lastIndexOf('/'))
      const name = new RegExp(`^${path.slice(folder.length + 1).replace(/[.+^${}()|\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')}$`)
      if (!process.fs.exists(folder)) return []
      return process.fs.readDir(folder).filter((n) => name.test(n)).map((n) => ({ file: `${folder}/${n}`, text: process.fs.readFile(`${folder}/${n}`) }))
    },
  })
}

/** What the reload plugin hashes: the parsed blocks as JSON. */
function configurationHash(blocks: readonly ServerBlock[]): string {
  const plain = blocks.map((b) => ({
    Keys: b.keys,
    Tokens: Object.fromEntries([...b.tokens].sort(([a], [c]) => (a < c ? -1 : 1)).map(([name, tokens]) => [name, tokens.map((t) => ({ File: t.file, Line: t.line, Text: t.text }))])),
  }))
  return hex(sha512(JSON.stringify(plain).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)))
}

export async function coreDns(process: Process, context: ContainerContext): Promise<number> {
  const { sim } = process.machine
  const out = lineWriter(process.stdout)
  const args = process.argv.slice(1)
  const option = (name: string) => args.find((_, i) => args[i - 1] === `-${name}` || args[i - 1] === `--${name}`) ?? args.find((a) => a.startsWith(`-${name}=`))?.slice(name.length + 2)
  if (args.some((a) => /^--?version$/.test(a))) {
    out(`CoreDNS-${coreDnsVersion}\nlinux/amd64, go1.25.2, 1db4568`)
    return 0
  }
  const file = option('conf') ?? 'Corefile'
  out('maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined')
  const read = (): string => {
    try {
      return process.fs.readFile(file)
    } catch (error) {
      if (isErrno(error, 'ENOENT') && option('conf') === undefined) return ''
      throw error
    }
  }
  const log = (level: string, text: string) => out(level === '' ? text : `[${level}] ${text}`)
  let exitCode: number | undefined
  let wake: (() => void) | undefined
  const leave = (code: number) => {
    exitCode = code
    wake?.()
    sim.woke()
  }
  // Its logger keeps the message of an error and nothing else.
  context.lostWatches?.(() => {
    for (let i = 0; i < 3; i++) log('ERROR', 'plugin/kubernetes: Failed to watch')
  })
  const open = (blocks: readonly ServerBlock[]) => new DnsServer(blocks, { sim, net: process.machine.net, fs: process.fs, api: context.api, log, exit: leave })
  let hash: string
  let server: DnsServer
  try {
    const text = read()
    const blocks = parse(process, file, text, (t) => log('WARNING', t))
    hash = configurationHash(blocks)
    server = open(blocks)
    server.start()
  } catch (error) {
    if (isErrno(error, 'ENOENT')) out(`loading Corefile: open ${file}: no such file or directory`)
    else out((error as Error).message)
    return 1
  }
  for (const [i, name] of server.names.entries()) {
    if (i > 0 || server.names.length === 1) for (const warning of server.warnings.splice(0)) out(warning)
    out(name)
  }
  const announce = () => {
    if (server.shared.has('reload')) log('INFO', `plugin/reload: Running configuration SHA512 = ${hash}`)
  }
  announce()
  out(`CoreDNS-${coreDnsVersion}\nlinux/amd64, go1.25.2, 1db4568`)

  let looking = false
  const look = () => {
    looking = false
    const settings = server.shared.get('reload') as ReloadSettings | undefined
    if (!settings || exitCode !== undefined) return
    let blocks: ServerBlock[]
    try {
      blocks = parse(process, file, read(), (t) => log('WARNING', t))
    } catch (error) {
      log('WARNING', `plugin/reload: Corefile parse failed: ${(error as Error).message}`)
      return lookLater()
    }
    const fresh = configurationHash(blocks)
    if (fresh === hash) return
    log('INFO', 'Reloading')
    try {
      const next = open(blocks)
      server.stop()
      server = next
      server.start()
      hash = fresh
      announce()
      log('INFO', 'Reloading complete')
    } catch (error) {
      log('ERROR', `Restart failed: ${(error as Error).message}`)
      log('ERROR', `plugin/reload: Corefile changed but reload failed: ${(error as Error).message}`)
      hash = fresh
    }
  }
  /** The file is looked at once per interval, and only after something has happened to it. */
  const lookLater = () => {
    const settings = server.shared.get('reload') as ReloadSettings | undefined
    if (!settings || looking) return
    looking = true
    sim.after(settings.interval + sim.random.next() * settings.jitter, look)
  }
  const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) || '/' : process.cwd
  const unwatch = process.fs.watch(folder, lookLater)
  context.onExit(() => {
    exitCode ??= 0
    unwatch()
    server.stop()
  })

  const ended = new Promise<'exit'>((resolve) => {
    wake = () => resolve('exit')
  })
  const which = await Promise.race([context.terminated().then(() => 'signal' as const), ended])
  if (which === 'exit') return exitCode ?? 1
  log('INFO', 'SIGTERM: Shutting down servers then terminating')
  const lameduck = server.shared.get('lameduck') as { readonly text: string; readonly ms: number } | undefined
  if (lameduck) {
    log('INFO', `plugin/health: Going into lameduck mode for ${lameduck.text}`)
    await process.sleep(lameduck.ms)
  }
  return 0
}

