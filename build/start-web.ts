/** The second half of npm start: serves the app on 127.0.0.1, prints the address and opens a browser where one is to be had. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { openHost } from '../src/host/host.ts'
import { defaultDataDir } from '../src/host/data-dir.ts'
import { serveWeb } from '../src/web/server.ts'

const usualPort = 7117
const root = join(import.meta.dirname, '..')

function openBrowser(url: string): void {
  const [program, ...args] = process.platform === 'darwin' ? ['open', url] : process.platform === 'win32' ? ['cmd', '/c', 'start', '', url.replaceAll('&', '^&')] : ['xdg-open', url]
  try {
    const child = spawn(program!, args, { stdio: 'ignore', detached: true })
    // No browser is no error: the address has been printed.
    child.on('error', () => undefined)
    child.unref()
  } catch {
    // As above.
  }
}

export async function startWeb(options: { port?: number | undefined; open: boolean }): Promise<void> {
  const host = openHost({ contentDir: root, dataDir: process.env['KUBEDRILL_DATA'] ?? defaultDataDir() })
  const serve = (port: number) => serveWeb({ host: host.methods, notice: host.notice, staticDir: join(root, 'dist/ui'), port })
  // The same port at every start keeps what the browser remembers of a page (scroll, panes); any other will do when it is taken.
  const web = options.port === undefined ? await serve(usualPort).catch(() => serve(0)) : await serve(options.port)
  console.log(`Kubedrill is at ${web.url}`)
  console.log('Ctrl-C ends it.')
  if (options.open) openBrowser(web.url)
  const stop = () => {
    void web.close().then(() => {
      host.close()
      process.exit(0)
    })
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
