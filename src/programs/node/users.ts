/** Programs about who one is: sudo, su, id, whoami, groups, logname, users. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program, User } from '#engine/machine/process.ts'
import { readGroups } from '#engine/machine/users.ts'
import { getopt } from '../net/getopt.ts'
import { complain, say } from '../net/support.ts'

async function run(p: Process, argv: readonly string[], user: User, env: Record<string, string>, name: string, cwd?: string): Promise<number> {
  try {
    return (await p.spawn({ argv, user, env, ...(cwd !== undefined && { cwd }) }).wait()).code
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, name === 'sudo' && error.code === 'ENOENT' ? `sudo: ${argv[0]}: command not found\n` : `${name}: ${argv[0]}: ${strerror(error.code)}\n`)
    return error.code === 'ENOENT' && name !== 'sudo' ? 127 : 1
  }
}

const rootPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Ubuntu's /etc/environment. */
export const userPath = `${rootPath}:/usr/games:/usr/local/games`
/** Virtual ms that pam_unix waits after a wrong password. */
const failDelay = 2000

function loginEnv(p: Process, user: User): Record<string, string> {
  return {
    TERM: p.env.get('TERM') ?? 'dumb', LANG: p.env.get('LANG') ?? 'C.UTF-8', HOME: user.home, SHELL: user.shell, USER: user.name, LOGNAME: user.name,
    PATH: user.uid === 0 ? rootPath : userPath,
  }
}

/** May this user become another? Members of sudo and root may; sudoers rules beyond that are not read. */
function maySudo(p: Process): boolean {
  if (p.user.uid === 0) return true
  const groups = readGroups(p.machine.fs)
  return groups.some((g) => (g.name === 'sudo' || g.name === 'wheel' || g.name === 'admin') && (g.members.includes(p.user.name) || p.user.groups.includes(g.gid)))
}

export const sudo: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+AbEeHhiKklnPSsVvu:g:p:C:D:R:T:U:', { user: ':', login: '', shell: '', 'preserve-env': '::', 'set-home': '', 'non-interactive': '', list: '', validate: '', version: '', group: ':', stdin: '' })
  if (o.error) {
    await complain(p, `sudo: ${o.error}\nusage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command]\nusage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] [VAR=value] [-i | -s] [command]\nusage: sudo -e [-ABkNnS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...\n`)
    return 1
  }
  if (o.has('K', 'k') && o.operands.length === 0) return 0
  if (o.has('V', 'version')) {
    await say(p, 'Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3\nSudoers file grammar version 50\nSudoers I/O plugin version 1.9.13p3\nSudoers audit plugin version 1.9.13p3\n')
    return 0
  }
  if (!maySudo(p)) {
    if (o.has('n', 'non-interactive')) await complain(p, 'sudo: a password is required\n')
    else await complain(p, `${p.user.name} is not in the sudoers file.\n`)
    return 1
  }
  const name = o.get('u', 'user') ?? 'root'
  const user = p.machine.users.get(name) ?? (name.startsWith('#') ? [...p.machine.users.values()].find((u) => u.uid === Number(name.slice(1))) : undefined)
  if (!user) {
    await complain(p, `sudo: unknown user ${name}\nsudo: error initializing audit plugin sudoers_audit\n`)
    return 1
  }
  if (o.has('v', 'validate')) return 0
  if (o.has('l', 'list')) {
    await say(p, `Matching Defaults entries for ${p.user.name} on ${p.machine.hostname}:\n    env_reset, mail_badpass, secure_path=${rootPath.replaceAll(':', '\\:')}, use_pty\n\nUser ${p.user.name} may run the following commands on ${p.machine.hostname}:\n    (ALL : ALL) NOPASSWD: ALL\n`)
    return 0
  }
  const login = o.has('i', 'login')
  const shell = o.has('s', 'shell')
  const words = [...o.operands]
  const set: Record<string, string> = {}
  while (words[0] !== undefined && /^[A-Za-z_]\w*=/.test(words[0])) {
    const [key, ...value] = words.shift()!.split('=')
    set[key!] = value.join('=')
  }
  if (words.length === 0 && !login && !shell) {
    await complain(p, 'usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command]\nusage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] [VAR=value] [-i | -s] [command]\n')
    return 1
  }
  const keep = o.has('E', 'preserve-env') ? Object.fromEntries(p.env) : {}
  const env = { ...loginEnv(p, user), ...keep, ...set, SUDO_USER: p.user.name, SUDO_UID: String(p.user.uid), SUDO_GID: String(p.user.gid), SUDO_COMMAND: words.join(' '), PATH: rootPath }
  if (p.env.get('KUBECONFIG') !== undefined && o.has('E')) env['KUBECONFIG' as keyof typeof env] = p.env.get('KUBECONFIG')!
  // secure_path: the command is looked up there, not in the caller's PATH.
  p.env.set('PATH', rootPath)
  const quoted = words.map((w) => w.replace(/[^A-Za-z0-9_\-$]/g, (c) => (c === '\n' ? "'\n'" : '\\' + c))).join(' ')
  const argv = login ? [`-${shellName(user.shell)}`, ...(words.length > 0 ? ['-c', quoted] : [])] : shell ? [p.env.get('SHELL') ?? user.shell, ...(words.length > 0 ? ['-c', quoted] : [])] : words
  return run(p, argv, user, env, 'sudo', login ? user.home : undefined)
}

/** What a shell is called by those who start it for a user. */
const shellName = (path: string) => path.slice(path.lastIndexOf('/') + 1)

export const su: Program = async (p) => {
  const args = p.argv.slice(1)
  let login = false
  let command: string | undefined
  let name = 'root'
  let shell: string | undefined
  const rest: string[] = []
  let named = false
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    if (a === '-' || a === '-l' || a === '--login') login = true
    else if (a === '-c' || a === '--command') command = args[++i]
    else if (a.startsWith('--command=')) command = a.slice(10)
    else if (a === '-s' || a === '--shell') shell = args[++i]
    else if (['-m', '-p', '--preserve-environment', '-P', '--pty'].includes(a)) continue
    else if (!named) {
      name = a
      named = true
    } else rest.push(a)
  }
  const user = p.machine.users.get(name)
  if (!user) {
    await complain(p, `su: user ${name} does not exist or the user entry does not contain all the required fields\n`)
    return 1
  }
  if (p.user.uid !== 0) {
    // No account of a simulated host has a password: whatever is typed is wrong.
    await complain(p, 'Password: ')
    p.tty?.setEcho(false)
    try {
      await p.stdin.readLine()
    } finally {
      p.tty?.setEcho(true)
    }
    await complain(p, '\n')
    await p.sleep(failDelay)
    await complain(p, 'su: Authentication failure\n')
    return 1
  }
  const env = login ? loginEnv(p, user) : { ...Object.fromEntries(p.env), HOME: user.home, SHELL: user.shell, ...(user.uid !== 0 && { USER: user.name, LOGNAME: user.name }) }
  return run(p, [`${login ? '-' : ''}${shellName(shell ?? user.shell)}`, ...(command !== undefined ? ['-c', command] : []), ...rest], user, env, 'su', login ? user.home : undefined)
}

export const whoami: Program = async (p) => {
  await say(p, `${p.user.name}\n`)
  return 0
}

export const id: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'agGnruzZ', { user: '', group: '', groups: '', name: '', real: '' })
  const wanted = o.operands[0]
  const user = wanted === undefined ? p.user : p.machine.users.get(wanted)
  if (!user) {
    await complain(p, `id: ‘${wanted}’: no such user\n`)
    return 1
  }
  const groups = readGroups(p.fs)
  const groupName = (gid: number) => groups.find((g) => g.gid === gid)?.name ?? String(gid)
  const names = o.has('n', 'name')
  if (o.has('u', 'user')) await say(p, `${names ? user.name : user.uid}\n`)
  else if (o.has('g', 'group')) await say(p, `${names ? groupName(user.gid) : user.gid}\n`)
  else if (o.has('G', 'groups')) await say(p, `${user.groups.map((g) => (names ? groupName(g) : String(g))).join(' ')}\n`)
  else {
    const known = user.name !== '' && p.machine.users.has(user.name)
    const show = (gid: number) => (groups.some((g) => g.gid === gid) ? `${gid}(${groupName(gid)})` : String(gid))
    await say(p, `uid=${user.uid}${known ? `(${user.name})` : ''} gid=${show(user.gid)} groups=${user.groups.map(show).join(',')}\n`)
  }
  return 0
}

export const groups: Program = async (p) => {
  const all = readGroups(p.fs)
  const name = (gid: number) => all.find((g) => g.gid === gid)?.name ?? String(gid)
  const names = p.argv.slice(1)
  if (names.length === 0) await say(p, p.user.groups.map(name).join(' ') + '\n')
  for (const n of names) {
    const user = p.machine.users.get(n)
    if (!user) {
      await complain(p, `groups: ‘${n}’: no such user\n`)
      return 1
    }
    await say(p, `${n} : ${user.groups.map(name).join(' ')}\n`)
  }
  return 0
}
