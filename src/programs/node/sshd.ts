/** sshd: listens on port 22; who holds a key of ~/.ssh/authorized_keys gets a shell, with a terminal or without. */
import { FsError } from '#engine/machine/files.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import type { Process, Program, User } from '#engine/machine/process.ts'
import { FrameStream } from './ssh-frames.ts'

export const sshd: Program = async (p) => {
  let listener
  try {
    listener = p.sockets.listen('0.0.0.0', 22)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await p.stderr.write(`error: Bind to port 22 on 0.0.0.0 failed: ${error.message}.\nfatal: Cannot bind any address.\n`)
    return 255
  }
  await p.stderr.write('Server listening on 0.0.0.0 port 22.\n')
  for (;;) {
    const connection = await listener.accept()
    p.spawn({ argv: ['sshd: [accepted]'], program: (child) => serve(child, connection) })
  }
}

function authorizedKeys(p: Process, user: User): readonly string[] {
  try {
    return p.fs.readFile(`${user.home}/.ssh/authorized_keys`).split('\n').filter((l) => l !== '' && !l.startsWith('#')).map(keyOf)
  } catch (error) {
    if (error instanceof FsError) return []
    throw error
  }
}

/** Type and base64 of a public key line, without its comment. */
export function keyOf(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ')
}

async function serve(p: Process, connection: Connection): Promise<number> {
  const stream = new FrameStream(connection)
  try {
    if (!(await stream.greet())) return 255
    const auth = await stream.receive()
    if (auth?.kind !== 'auth') return 255
    const user = p.machine.users.get(auth.user)
    const { host } = connection.remote
    if (!user || !authorizedKeys(p, user).some((k) => auth.keys.includes(k))) {
      await p.stderr.write(`Connection closed by ${user ? 'authenticating' : 'invalid'} user ${auth.user} ${host} port ${connection.remote.port} [preauth]\n`)
      await stream.send({ kind: 'denied' })
      return 255
    }
    await p.stderr.write(`Accepted publickey for ${user.name} from ${host} port ${connection.remote.port} ssh2\n`)
    await stream.send({ kind: 'accepted' })
    const session = await stream.receive()
    if (session?.kind !== 'session') return 255
    const env = { HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: user.shell, LANG: 'C.UTF-8', PATH: user.uid === 0 ? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' : '/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games', SSH_CONNECTION: `${host} ${connection.remote.port} ${connection.local.host} 22` }
    const cwd = p.fs.exists(user.home) ? user.home : '/'
    const code = session.terminal
      ? await withTerminal(p, stream, user, { ...env, TERM: session.terminal.term }, cwd, session.command, session.terminal)
      : await withPipes(p, stream, user, env, cwd, session.command)
    await stream.send({ kind: 'exit', code })
    return 0
  } catch (error) {
    if (error instanceof FsError) return 255
    throw error
  } finally {
    connection.close()
  }
}

function shellOf(user: User, command: string | undefined): string[] {
  const name = user.shell.replace(/^.*\//, '')
  return command === undefined ? [`-${name}`] : [user.shell, '-c', command]
}

async function withTerminal(p: Process, stream: FrameStream, user: User, env: Record<string, string>, cwd: string, command: string | undefined, size: { readonly columns: number; readonly rows: number }): Promise<number> {
  const session = p.machine.openTerminal({ argv: shellOf(user, command), user, env, cwd, columns: size.columns, rows: size.rows })
  const pending: string[] = []
  let wake: (() => void) | undefined
  const stop = session.onOutput((text) => {
    pending.push(text)
    wake?.()
  })
  p.onEnd(() => session.close())
  let ended = false
  session.child.onEnd(() => {
    ended = true
    wake?.()
  })
  const input = async () => {
    for (;;) {
      const frame = await stream.receive()
      if (frame === undefined) {
        session.close()
        return
      }
      if (frame.kind === 'input') session.write(frame.data)
      else if (frame.kind === 'resize') session.resize(frame.columns, frame.rows)
    }
  }
  void input().catch(() => session.close())
  while (!ended || pending.length > 0) {
    if (pending.length > 0) await stream.send({ kind: 'output', data: pending.splice(0).join('') })
    else {
      await p.call<void>((resolve) => {
        wake = () => {
          wake = undefined
          resolve()
        }
      })
    }
  }
  stop()
  return session.child.status?.code ?? 255
}

async function withPipes(p: Process, stream: FrameStream, user: User, env: Record<string, string>, cwd: string, command: string | undefined): Promise<number> {
  const input = p.pipe()
  const output = p.pipe()
  const error = p.pipe()
  const child = p.spawn({ argv: shellOf(user, command), user, env, cwd, fds: { 0: input.read, 1: output.write, 2: error.write }, newSession: true })
  input.read.release()
  output.write.release()
  error.write.release()
  const forward = async () => {
    for (;;) {
      const frame = await stream.receive()
      if (frame?.kind === 'input') await input.write.write(frame.data).catch(() => undefined)
      else if (frame === undefined || frame.kind === 'input-end') {
        input.write.release()
        if (frame === undefined) child.signal('SIGHUP')
        return
      }
    }
  }
  void forward().catch(() => child.signal('SIGHUP'))
  const collect = async (from: typeof output.read, kind: 'output' | 'error') => {
    for (let data = await from.read(); data !== undefined; data = await from.read()) await stream.send({ kind, data })
  }
  await Promise.all([collect(output.read, 'output'), collect(error.read, 'error')])
  return (await child.wait()).code
}
