/** kubedrill serve: the app on 127.0.0.1, as npm start serves it where Electron is not to be had. */
import { join } from 'node:path'
import { defaultDataDir } from '#host/data-dir.ts'
import { openHost } from '#host/host.ts'
import { serveWeb } from '#web/server.ts'
import { takeOptions } from '../options.ts'
import { contentFolder } from '../world.ts'

export async function serve(args: readonly string[]): Promise<number> {
  const { options, rest } = takeOptions(args, ['port', 'data'])
  if (rest.length > 0) throw new Error(`unexpected argument ${rest[0]}`)
  const root = contentFolder()
  const host = openHost({ contentDir: root, dataDir: options['data'] ?? process.env['KUBEDRILL_DATA'] ?? defaultDataDir() })
  const web = await serveWeb({ host: host.methods, notice: host.notice, staticDir: join(root, 'dist/ui'), ...(options['port'] === undefined ? {} : { port: Number(options['port']) }) })
  process.stdout.write(`Kubedrill is at ${web.url}\nCtrl-C ends it.\n`)
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  await web.close()
  host.close()
  return 0
}
