/** sudo and su without passwords: who is in group sudo (or root) may. The sudoers file is honoured for membership only. */
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program, User } from '#engine/machine/process.ts'
import { getopt } from '../net/getopt.ts'

const sudoGroup = 27
const rootPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

async function runAs(p: Process, user: User, argv: readonly string[], env: Record<string, string>, cwd: string, name: string): Promise<number> {
  try {
    const child = p.spawn({ argv, user, env, cwd })
    return (await child.wait()).code
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await p.stderr.write(error.code === 'ENOENT' && name === 'sudo' ? `sudo: ${argv[0]}: command not found\n` : `${name}: ${argv[0]}: ${error.message}\n`)
    return error.code === 'ENOENT' && name !== 'sudo' ? 127 : 1
  }
}

export const sudo: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+AbEeHhiKklnPSsu:g:Vv', { login: '', shell: '', user: ':', 'preserve-env': '::', 'set-home': '', 'non-interactive': '', stdin: '', list: '', validate: '', version: '', help: '' })
  const usage = 'usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command [arg ...]]\nusage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] [VAR=value] [-i | -s] [command [arg ...]]\nusage: sudo -e [-ABkNnS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...\n'
  if (o.error !== undefined) {
    await p.stderr.write(`sudo: ${o.error}\n${usage}`)
    return 1
  }
  if (p.user.uid !== 0 && !p.user.groups.includes(sudoGroup)) {
    await p.stderr.write(`${p.user.name} is not in the sudoers file.\nThis incident has been reported to the administrator.\n`)
    return 1
  }
  const name = o.get('u', 'user') ?? 'root'
  const user = p.machine.users.get(name)
  if (!user) {
    await p.stderr.write(`sudo: unknown user ${name}\nsudo: error initializing audit plugin sudoers_audit\n`)
    return 1
  }
  const operands = [...o.operands]
  const assigned: Record<string, string> = {}
  while (operands[0] !== undefined && /^[A-Za-z_]\w*=/.test(operands[0])) {
    const [key, ...value] = operands.shift()!.split('=')
    assigned[key!] = value.join('=')
  }
  const login = o.has('i', 'login')
  const shell = o.has('s', 'shell')
  if (operands.length === 0 && !login && !shell) {
    if (o.has('v', 'validate', 'k', 'K', 'l', 'list')) return 0
    await p.stderr.write(usage)
    return 1
  }
  const kept = o.has('E', 'preserve-env') ? Object.fromEntries(p.env) : Object.fromEntries([...p.env].filter(([k]) => ['TERM', 'LANG', 'COLORTERM', 'DISPLAY'].includes(k)))
  const env = { ...kept, HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: user.shell, PATH: rootPath, SUDO_USER: p.user.name, SUDO_UID: String(p.user.uid), SUDO_GID: String(p.user.gid), SUDO_COMMAND: operands.join(' '), ...assigned }
  const words = operands.map((w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`)).join(' ')
  const argv = login || shell ? (operands.length > 0 ? [user.shell, '-c', words] : login ? [`-${user.shell.replace(/^.*\//, '')}`] : [user.shell]) : operands
  return runAs(p, user, argv, env, login ? user.home : p.cwd, 'sudo')
}

export const su: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'c:lmps:', { command: ':', login: '', shell: ':' })
  const words = o.operands.filter((w) => w !== '-')
  const login = o.has('l', 'login') || o.operands.includes('-')
  const name = words[0] ?? 'root'
  const user = p.machine.users.get(name)
  if (!user) {
    await p.stderr.write(`su: user ${name} does not exist or the user entry does not contain all the required fields\n`)
    return 1
  }
  if (p.user.uid !== 0) {
    await p.stderr.write('su: Authentication failure\n')
    return 1
  }
  const shell = o.get('s', 'shell') ?? user.shell
  const command = o.get('c', 'command')
  const env = { ...(login ? { TERM: p.env.get('TERM') ?? 'dumb' } : Object.fromEntries(p.env)), HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: shell, PATH: rootPath }
  return runAs(p, user, command === undefined ? [login ? `-${shell.replace(/^.*\//, '')}` : shell] : [shell, '-c', command], env, login ? user.home : p.cwd, 'su')
}
