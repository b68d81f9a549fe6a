/** ssh of OpenSSH 9.2 as learners use it: `ssh [-t] [-l user] [user@]host [command]`. Host keys are accepted silently, as a lab's configuration does. */
import { FsError } from '#engine/machine/files.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { FrameStream } from './ssh-frames.ts'
import { keyOf } from './sshd.ts'

interface Target {
  readonly user: string
  readonly host: string
  readonly port: number
  readonly command: string | undefined
  readonly tty: boolean | undefined
  readonly timeout: number | undefined
}

const usage = 'usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface] [-b bind_address]\n           [-c cipher_spec] [-D [bind_address:]port] [-E log_file]\n           [-e escape_char] [-F configfile] [-I pkcs11] [-i identity_file]\n           [-J destination] [-L address] [-l login_name] [-m mac_spec]\n           [-O ctl_cmd] [-o option] [-P tag] [-p port] [-R address]\n           [-S ctl_path] [-W host:port] [-w local_tun[:remote_tun]]\n           destination [command [argument ...]]\n'

function parse(p: Process): Target | undefined {
  const withValue = new Set('BbcDEeFIiJLlmOoPpRSWw'.split(''))
  let user = p.user.name
  let port = 22
  let tty: boolean | undefined
  let timeout: number | undefined
  let destination: string | undefined
  const args = p.argv.slice(1)
  let i = 0
  for (; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--') continue
    if (!arg.startsWith('-') || arg === '-') {
      if (destination !== undefined) break
      destination = arg
      continue
    }
    for (let k = 1; k < arg.length; k++) {
      const flag = arg[k]!
      if (withValue.has(flag)) {
        const value = k + 1 < arg.length ? arg.slice(k + 1) : args[++i]
        if (value === undefined) return undefined
        if (flag === 'l') user = value
        if (flag === 'p') port = Number(value)
        const seconds = flag === 'o' ? /^ConnectTimeout[= ](\d+)$/i.exec(value) : null
        if (seconds) timeout = Number(seconds[1]) * 1000
        break
      }
      if (flag === 't') tty = true
      if (flag === 'T') tty = false
    }
  }
  if (destination === undefined) return undefined
  const at = destination.lastIndexOf('@')
  const command = args.slice(i).join(' ')
  return { user: at >= 0 ? destination.slice(0, at) : user, host: destination.slice(at + 1), port, command: command === '' ? undefined : command, tty, timeout }
}

function ownKeys(p: Process): readonly string[] {
  return ['id_ed25519.pub', 'id_rsa.pub'].flatMap((name) => {
    try {
      return [keyOf(p.fs.readFile(`${p.user.home}/.ssh/${name}`))]
    } catch (error) {
      if (error instanceof FsError) return []
      throw error
    }
  })
}

export const ssh: Program = async (p) => {
  const target = parse(p)
  if (!target) {
    await p.stderr.write(usage)
    return 255
  }
  const found = await p.sockets.lookup(target.host)
  if (!found.ok) {
    await p.stderr.write(`ssh: Could not resolve hostname ${target.host}: ${found.error === 'EAI_AGAIN' ? 'Temporary failure in name resolution' : 'Name or service not known'}\n`)
    return 255
  }
  let connection: Connection
  try {
    connection = await p.sockets.connect(found.addresses[0]!, target.port, target.timeout === undefined ? {} : { timeout: target.timeout })
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await p.stderr.write(`ssh: connect to host ${target.host} port ${target.port}: ${error.message}\n`)
    return 255
  }
  const stream = new FrameStream(connection)
  try {
    if (!(await stream.greet())) {
      await p.stderr.write(`kex_exchange_identification: Connection closed by remote host\nConnection closed by ${found.addresses[0]} port ${target.port}\n`)
      return 255
    }
    await stream.send({ kind: 'auth', user: target.user, keys: ownKeys(p) })
    const answer = await stream.receive()
    if (answer?.kind !== 'accepted') {
      await p.stderr.write(answer ? `${target.user}@${target.host}: Permission denied (publickey).\n` : `Connection closed by ${found.addresses[0]} port ${target.port}\n`)
      return 255
    }
    const local = p.stdin.tty
    const terminal = local !== undefined && (target.tty ?? target.command === undefined) ? { columns: local.columns, rows: local.rows, term: p.env.get('TERM') ?? 'xterm' } : undefined
    if (target.tty === true && !local) await p.stderr.write('Pseudo-terminal will not be allocated because stdin is not a terminal.\n')
    await stream.send({ kind: 'session', command: target.command, terminal })
    return await converse(p, stream, terminal !== undefined, target.host)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await p.stderr.write(`client_loop: send disconnect: ${error.message}\n`)
    return 255
  } finally {
    connection.close()
  }
}

async function converse(p: Process, stream: FrameStream, terminal: boolean, host: string): Promise<number> {
  const restore = terminal ? p.stdin.tty?.setRaw(true) : undefined
  if (terminal) p.onSignal('SIGWINCH', () => void stream.send({ kind: 'resize', columns: p.stdin.tty!.columns, rows: p.stdin.tty!.rows }))
  const forward = async () => {
    for (let data = await p.stdin.read(); data !== undefined; data = await p.stdin.read()) await stream.send({ kind: 'input', data })
    await stream.send({ kind: 'input-end' })
  }
  void forward().catch(() => undefined)
  for (;;) {
    const frame = await stream.receive()
    if (frame === undefined) {
      restore?.()
      await p.stderr.write(`Connection to ${host} closed by remote host.\n`)
      return 255
    }
    if (frame.kind === 'output') await p.stdout.write(frame.data)
    else if (frame.kind === 'error') await p.stderr.write(frame.data)
    else if (frame.kind === 'exit') {
      restore?.()
      if (terminal) await p.stderr.write(`Connection to ${host} closed.\n`)
      return frame.code
    }
  }
}
