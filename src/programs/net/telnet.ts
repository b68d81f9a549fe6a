/** telnet of inetutils 2.4, as it is used to try a port; and busybox's, which says less. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { usageError } from '../busybox/banner.ts'
import { getopt } from './getopt.ts'
import { complain, lookupErrors, portNamed, say } from './support.ts'

async function open(p: Process, busybox: boolean): Promise<Connection | number> {
  const words = p.argv.slice(1).filter((a) => !a.startsWith('-'))
  const [host, portText = 'telnet'] = words
  if (busybox) {
    const o = getopt(p.argv.slice(1), 'al:')
    if (o.error !== undefined || host === undefined) return usageError(p, o.error)
  }
  if (host === undefined) {
    await complain(p, 'telnet: interactive mode is not available here\n')
    return 1
  }
  const port = portNamed(p, portText, 'tcp') ?? 23
  const found = await p.sockets.lookup(host)
  if (!found.ok) {
    await complain(p, busybox ? `telnet: bad address '${host}'\n` : `telnet: could not resolve ${host}/${portText}: ${lookupErrors[found.error]}\n`)
    return 1
  }
  for (const address of found.addresses) {
    if (!busybox) await say(p, `Trying ${address}...\n`)
    try {
      const connection = await p.sockets.connect(address, port)
      await say(p, busybox ? `\nEntering character mode\nEscape character is '^]'.\n\n` : `Connected to ${host}.\nEscape character is '^]'.\n`)
      return connection
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (address === found.addresses.at(-1)) await complain(p, busybox ? `telnet: can't connect to remote host (${address}): ${strerror(error.code)}\n` : `telnet: Unable to connect to remote host: ${strerror(error.code)}\n`)
    }
  }
  return 1
}

const client = (busybox: boolean): Program => async (p) => {
  const connection = await open(p, busybox)
  if (typeof connection === 'number') return connection
  let input: Promise<string | undefined> | undefined = p.stdin.read()
  let net = connection.read()
  for (;;) {
    const first = await p.any(input ? [net, input] : [net])
    try {
      if (first === 0) {
        const chunk = await net
        if (chunk === undefined) break
        await p.stdout.write(chunk)
        net = connection.read()
      } else {
        const keys: string | undefined = await input!
        if (keys === undefined || keys.includes('\x1d')) {
          if (!busybox && keys !== undefined) await say(p, '\ntelnet> Connection closed.\n')
          connection.close()
          return 0
        }
        await connection.write(keys.replace(/\n/g, '\r\n'))
        input = p.stdin.read()
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      break
    }
  }
  await complain(p, busybox ? 'Connection closed by foreign host\r\n' : 'Connection closed by foreign host.\n')
  return 1
}

export const telnet = client(false)
export const busyboxTelnet = client(true)
