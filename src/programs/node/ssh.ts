/** OpenSSH's client: commands, interactive sessions, ~/.ssh/config (Host, HostName, User, Port, IdentityFile). Host keys are taken as known. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from '../net/getopt.ts'
import { complain, lookupErrors } from '../net/support.ts'
import { encode, offerEditor, SshReader } from './ssh-protocol.ts'

const usage = 'usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]\n           [-b bind_address] [-c cipher_spec] [-D [bind_address:]port]\n           [-E log_file] [-e escape_char] [-F configfile] [-I pkcs11]\n           [-i identity_file] [-J [user@]host[:port]] [-L address]\n           [-l login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-p port]\n           [-Q query_option] [-R address] [-S ctl_path] [-W host:port]\n           [-w local_tun[:remote_tun]] destination [command [argument ...]]\n'

function configOf(p: Process, host: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const file of [`${p.env.get('HOME') ?? p.user.home}/.ssh/config`, '/etc/ssh/ssh_config']) {
    let text: string
    try {
      text = p.fs.readFile(file)
    } catch (error) {
      if (error instanceof FsError) continue
      throw error
    }
    let applies = true
    for (const line of text.split('\n')) {
      const m = /^\s*(\w+)[\s=]+(.*?)\s*$/.exec(line)
      if (!m || line.trim().startsWith('#')) continue
      if (m[1]!.toLowerCase() === 'host') applies = m[2]!.split(/\s+/).some((pattern) => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`).test(host))
      else if (applies && !found.has(m[1]!.toLowerCase())) found.set(m[1]!.toLowerCase(), m[2]!)
    }
  }
  return found
}

function publicKeys(p: Process, identity: string | undefined): string[] {
  const home = p.env.get('HOME') ?? p.user.home
  const files = identity !== undefined ? [identity.replace(/^~/, home)] : ['id_rsa', 'id_ecdsa', 'id_ed25519'].map((n) => `${home}/.ssh/${n}`)
  const keys: string[] = []
  for (const file of files) {
    try {
      p.fs.readFile(file)
      keys.push(p.fs.readFile(`${file}.pub`).trim().split(/\s+/).slice(0, 2).join(' '))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }
  return keys
}

export const ssh: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+1246AaCfGgKkMNnqsTtVvXxYyB:b:c:D:E:e:F:I:i:J:L:l:m:O:o:p:Q:R:S:W:w:')
  if (o.error) {
    await complain(p, `${o.error.replace(/^invalid option -- '(.)'$/, 'unknown option -- $1').replace(/'/g, '')}\n${usage}`)
    return 255
  }
  if (o.has('V')) {
    await complain(p, 'OpenSSH_9.2p1 Debian-2+deb12u4, OpenSSL 3.0.15 3 Sep 2024\n')
    return 0
  }
  const [given, ...words] = o.operands
  if (given === undefined) {
    await complain(p, usage)
    return 255
  }
  // Options may also stand after the destination.
  while (words[0] !== undefined && /^-[tTnq]+$/.test(words[0])) o.has(words.shift()!)
  const destination = given.replace(/^ssh:\/\//, '')
  const at = destination.lastIndexOf('@')
  const host = at >= 0 ? destination.slice(at + 1) : destination
  const config = configOf(p, host)
  const option = (name: string) => o.all('o').map((x) => x.split(/[= ]/)).find(([k]) => k!.toLowerCase() === name)?.[1] ?? config.get(name)
  const user = (at >= 0 ? destination.slice(0, at) : o.get('l')) ?? option('user') ?? p.user.name
  const port = Number(o.get('p') ?? option('port') ?? 22)
  const name = option('hostname') ?? host
  const found = await p.sockets.lookup(name)
  if (!found.ok) {
    await complain(p, `ssh: Could not resolve hostname ${name}: ${lookupErrors[found.error]}\n`)
    return 255
  }
  const timeout = option('connecttimeout')
  let connection
  try {
    connection = await p.sockets.connect(found.addresses[0]!, port, timeout === undefined ? {} : { timeout: Number(timeout) * 1000 })
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, `ssh: connect to host ${name} port ${port}: ${strerror(error.code)}\n`)
    return 255
  }
  const reader = new SshReader(connection)
  const gone = async (text: string) => {
    await complain(p, text)
    return 255
  }
  await connection.write('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u4\r\n')
  const banner = await reader.line()
  if (banner === undefined) return gone(`kex_exchange_identification: Connection closed by remote host\nConnection closed by ${found.addresses[0]} port ${port}\n`)
  if (!banner.startsWith('SSH-')) return gone(`kex_exchange_identification: banner line contains invalid characters\nbanner exchange: Connection to ${found.addresses[0]} port ${port}: invalid format\n`)
  await connection.write(encode({ t: 'auth', user, keys: publicKeys(p, o.get('i') ?? option('identityfile')) }))
  const verdict = await reader.record()
  if (verdict?.t !== 'accepted') return gone(verdict?.t === 'denied' ? `${user}@${name}: Permission denied (${verdict.methods}).\n` : `Connection closed by ${found.addresses[0]} port ${port}\n`)
  const command = words.length > 0 ? words.join(' ') : undefined
  const tty = p.stdin.tty
  const wantsPty = o.has('t') || (command === undefined && !o.has('T') && tty !== undefined)
  const pty = wantsPty && tty ? { columns: tty.columns, rows: tty.rows, term: p.env.get('TERM') ?? 'xterm' } : undefined
  if (wantsPty && !tty && command === undefined) await complain(p, 'Pseudo-terminal will not be allocated because stdin is not a terminal.\n')
  await connection.write(encode({ t: 'open', command, pty, editor: tty?.editor && pty ? offerEditor(p.machine.sim, tty.editor) : undefined }))
  const restore = pty && tty ? tty.setRaw(true) : undefined
  p.onEnd(() => restore?.())
  const send = async (record: Parameters<typeof encode>[0]) => {
    try {
      await connection.write(encode(record))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }
  if (pty && tty) p.onSignal('SIGWINCH', () => void send({ t: 'resize', columns: tty.columns, rows: tty.rows }))
  let input: Promise<string | undefined> | undefined = o.has('n') ? undefined : p.stdin.read()
  if (o.has('n')) await send({ t: 'eof' })
  let incoming = reader.record()
  let atLineStart = true
  for (;;) {
    const first = await p.any(input ? [incoming, input] : [incoming])
    if (first === 0) {
      const record = await incoming
      if (!record) {
        restore?.()
        return gone(pty ? `Connection to ${name} closed by remote host.\r\nConnection to ${name} closed.\r\n` : `Connection to ${name} closed by remote host.\n`)
      }
      incoming = reader.record()
      if (record.t === 'data') await (record.error ? p.stderr : p.stdout).write(record.text)
      if (record.t === 'exit') {
        restore?.()
        connection.close()
        if (pty && !o.has('q')) await complain(p, `Connection to ${name} closed.\n`)
        return record.signal !== undefined ? 255 : record.code
      }
    } else {
      const keys = await input!
      if (keys === undefined) {
        input = undefined
        await send({ t: 'eof' })
        continue
      }
      if (pty && atLineStart && keys.startsWith('~.')) {
        restore?.()
        connection.close()
        await complain(p, `\nConnection to ${name} closed.\n`)
        return 255
      }
      atLineStart = /[\r\n]$/.test(keys)
      await send({ t: 'data', text: keys })
      input = p.stdin.read()
    }
  }
}
