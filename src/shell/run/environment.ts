/** What a shell starts with: imported variables, its own defaults, PWD and SHLVL. */
import { Parser } from '../parser/parser.ts'
import { getScalar, setScalar } from '../expand/variables.ts'
import type { Shell } from '../state.ts'

export function importEnvironment(sh: Shell): void {
  for (const [name, value] of sh.process.env) {
    const fn = /^BASH_FUNC_(.+)%%$/.exec(name)
    if (fn) {
      importFunction(sh, fn[1]!, value)
      continue
    }
    if (!/^[A-Za-z_]\w*$/.test(name) || name === '_') continue
    sh.globals.set(name, { value, exported: true })
  }
  const put = (name: string, value: string, exported = false) => {
    if (!sh.globals.has(name)) sh.globals.set(name, { value, ...(exported ? { exported: true } : {}) })
  }
  sh.globals.set('IFS', { value: ' \t\n' })
  put('PATH', sh.posix ? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' : '/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:.')
  sh.globals.set('PWD', { value: sh.process.cwd, exported: true })
  if (!sh.globals.has('OLDPWD')) sh.globals.set('OLDPWD', { value: undefined, exported: true })
  const level = Number(getScalar(sh, 'SHLVL') ?? '0')
  setScalar(sh, 'SHLVL', String((Number.isFinite(level) ? level : 0) + 1))
  sh.globals.get('SHLVL')!.exported = true
  put('OPTIND', '1')
  put('PS4', '+ ')
  if (sh.posix) {
    // ash shows the directory, dash only the sign.
    if (sh.interactive) {
      put('PS1', sh.process.fs.exists('/bin/busybox') ? '\\w \\$ ' : '\\$ ')
      put('PS2', '> ')
    }
    return
  }
  sh.globals.set('BASH', { value: ownPath(sh) })
  sh.globals.set('BASH_VERSION', { value: '5.2.15(1)-release' })
  for (const name of ['BASHOPTS', 'SHELLOPTS']) sh.globals.set(name, { value: '', readonly: true })
  sh.globals.set('BASH_VERSINFO', { value: undefined, readonly: true, array: new Map(['5', '2', '15', '1', 'release', 'x86_64-pc-linux-gnu'].map((v, i) => [i, v])) })
  sh.globals.set('HOSTNAME', { value: sh.process.machine.hostname })
  sh.globals.set('HOSTTYPE', { value: 'x86_64' })
  sh.globals.set('MACHTYPE', { value: 'x86_64-pc-linux-gnu' })
  sh.globals.set('OSTYPE', { value: 'linux-gnu' })
  sh.globals.set('UID', { value: String(sh.process.user.uid), readonly: true, integer: true })
  sh.globals.set('EUID', { value: String(sh.process.user.uid), readonly: true, integer: true })
  sh.globals.set('PPID', { value: String(sh.process.ppid), readonly: true, integer: true })
  if (sh.interactive) {
    put('PS1', '\\s-\\v\\$ ')
    put('PS2', '> ')
    put('HISTFILE', `${getScalar(sh, 'HOME') ?? sh.process.user.home}/.bash_history`)
    put('HISTSIZE', '500')
    put('HISTFILESIZE', '500')
    const tty = sh.process.tty
    if (tty) {
      sh.globals.set('COLUMNS', { value: String(tty.columns) })
      sh.globals.set('LINES', { value: String(tty.rows) })
    }
  }
}

/** Where the shell's own file is, as it was called. */
function ownPath(sh: Shell): string {
  const name = (sh.process.argv[0] ?? 'bash').replace(/^-/, '')
  if (name.startsWith('/')) return name
  for (const dir of (getScalar(sh, 'PATH') ?? '').split(':')) if (dir.startsWith('/') && sh.process.fs.exists(`${dir}/${name}`)) return `${dir}/${name}`
  return '/bin/bash'
}

function importFunction(sh: Shell, name: string, text: string): void {
  try {
    const list = new Parser(`${name} ${text}`).next()
    const command = list?.items[0]?.command.first.commands[0]
    if (command?.kind === 'function') sh.functions.set(name, { name, body: command.body, source: 'environment', exported: true })
  } catch {
    // Not a function that can be read.
  }
}
