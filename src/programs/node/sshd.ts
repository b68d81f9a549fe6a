/** OpenSSH's server: public keys of authorized_keys, commands with pipes, sessions with a terminal. Leaves out: passwords, forwarding, subsystems. */
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program, User } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { encode, editorAt, serverBanner, SshReader, type SshRecord } from './ssh-protocol.ts'
import { userPath } from './users.ts'

export const sshd: Program = async (p) => {
  const at = p.argv.indexOf('-p')
  const port = at >= 0 ? Number(p.argv[at + 1]) : configuredPort(p)
  const listener = p.sockets.listen('0.0.0.0', port)
  await p.stderr.write(`Server listening on 0.0.0.0 port ${port}.\n`)
  p.onSignal('SIGTERM', () => {
    void p.stderr.write('Received signal 15; terminating.\n')
    p.end(0)
  })
  for (;;) {
    const connection = await listener.accept()
    // One process for each connection: it outlives the listener.
    p.spawn({ argv: ['sshd: [accepted]'], newSession: true, program: async (child) => {
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) child.onSignal(signal, undefined)
      const own = child.sockets.adopt(connection)
      try {
        await session(child, own)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
      }
      own.close()
      return 0
    } })
  }
}

function configuredPort(p: Process): number {
  try {
    return Number(/^\s*Port\s+(\d+)/m.exec(p.fs.readFile('/etc/ssh/sshd_config'))?.[1] ?? 22)
  } catch (error) {
    if (error instanceof FsError) return 22
    throw error
  }
}

function authorised(p: Process, user: User, keys: readonly string[]): boolean {
  try {
    const lines = p.fs.readFile(`${user.home}/.ssh/authorized_keys`).split('\n')
    return lines.some((line) => keys.some((key) => key !== '' && line.includes(key)))
  } catch (error) {
    if (error instanceof FsError) return false
    throw error
  }
}

async function session(p: Process, connection: Connection): Promise<void> {
  const reader = new SshReader(connection)
  await connection.write(serverBanner + '\r\n')
  const banner = await reader.line()
  if (!banner?.startsWith('SSH-')) {
    await connection.write('Invalid SSH identification string.\r\n')
    return
  }
  const auth = await reader.record()
  if (auth?.t !== 'auth') return
  const user = p.machine.users.get(auth.user)
  const from = connection.remote
  if (!user || !authorised(p, user, auth.keys)) {
    await p.stderr.write(user ? `Connection closed by authenticating user ${auth.user} ${from.host} port ${from.port} [preauth]\n` : `Invalid user ${auth.user} from ${from.host} port ${from.port}\n`)
    return connection.write(encode({ t: 'denied', methods: 'publickey,password' }))
  }
  await p.stderr.write(`Accepted publickey for ${auth.user} from ${from.host} port ${from.port} ssh2\n`)
  await connection.write(encode({ t: 'accepted' }))
  const open = await reader.record()
  if (open?.t !== 'open') return
  const env = {
    USER: user.name, LOGNAME: user.name, HOME: user.home, SHELL: user.shell, LANG: 'C.UTF-8', PATH: userPath,
    SSH_CLIENT: `${from.host} ${from.port} ${connection.local.port}`, SSH_CONNECTION: `${from.host} ${from.port} ${connection.local.host} ${connection.local.port}`,
  }
  if (open.pty) await terminal(p, connection, reader, user, env, open)
  else await piped(p, connection, reader, user, env, open.command)
}

/** A shell is called by the last part of its path; that of a login has a dash before it. */
const shellName = (user: User) => user.shell.slice(user.shell.lastIndexOf('/') + 1)

type Open = Extract<SshRecord, { t: 'open' }>

async function terminal(p: Process, connection: Connection, reader: SshReader, user: User, env: Record<string, string>, open: Open): Promise<void> {
  const editor = editorAt(p.machine.sim, open.editor)
  const home = p.fs.exists(user.home) ? user.home : '/'
  const remote = p.machine.openTerminal({
    argv: open.command === undefined ? [`-${shellName(user)}`] : [shellName(user), '-c', open.command], user, cwd: home, env: { ...env, TERM: open.pty!.term }, columns: open.pty!.columns, rows: open.pty!.rows, ...(editor && { editor }),
  })
  const queue: string[] = []
  let wake: (() => void) | undefined
  remote.onOutput((text) => {
    queue.push(text)
    wake?.()
  })
  let over: { readonly code: number } | undefined
  remote.child.onEnd((status) => {
    over = status
    wake?.()
  })
  p.onEnd(() => remote.close())
  const something = () => p.call<void>((resolve) => {
    wake = () => {
      wake = undefined
      resolve()
    }
    if (queue.length > 0 || over) wake()
  })
  let incoming = reader.record()
  let output = something()
  for (;;) {
    const first = await p.any([output, incoming])
    if (first === 0) {
      const text = queue.splice(0).join('')
      if (text !== '') await connection.write(encode({ t: 'data', text }))
      if (over && queue.length === 0) {
        await connection.write(encode({ t: 'exit', code: over.code }))
        return
      }
      output = something()
    } else {
      const record = await incoming
      if (!record) return remote.close()
      if (record.t === 'data') remote.write(record.text)
      if (record.t === 'resize') remote.resize(record.columns, record.rows)
      incoming = reader.record()
    }
  }
}

async function piped(p: Process, connection: Connection, reader: SshReader, user: User, env: Record<string, string>, command: string | undefined): Promise<void> {
  const [input, out, err] = [p.pipe(), p.pipe(), p.pipe()]
  const child = p.spawn({
    argv: command === undefined ? [`-${shellName(user)}`] : [shellName(user), '-c', command], user, env, cwd: p.fs.exists(user.home) ? user.home : '/', newSession: true, background: false, fds: { 0: input.read, 1: out.write, 2: err.write },
  })
  input.read.release()
  out.write.release()
  err.write.release()
  const forward = async (from: typeof out.read, error: boolean) => {
    for (let text = await from.read(); text !== undefined; text = await from.read()) await connection.write(encode({ t: 'data', text, ...(error && { error }) }))
  }
  const feed = async () => {
    for (;;) {
      const record = await reader.record()
      if (!record) {
        if (child.status === undefined) child.signal('SIGHUP')
        return
      }
      if (record.t === 'eof') input.write.release()
      if (record.t !== 'data') continue
      try {
        await input.write.write(record.text)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
      }
    }
  }
  p.onSignal('SIGPIPE', 'ignore')
  void feed().catch(() => undefined)
  await Promise.all([forward(out.read, false), forward(err.read, true)])
  const status = await child.wait()
  await connection.write(encode({ t: 'exit', code: status.code }))
}
