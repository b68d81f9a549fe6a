/** What Debian's bash-completion adds for the tools of a host: hosts for ssh, units for systemctl and journalctl. */
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Completer } from '#shell/completion.ts'

function lines(p: Process, path: string): string[] {
  try {
    return p.fs.readFile(path).split('\n').map((l) => l.replace(/#.*/, '').trim()).filter((l) => l !== '')
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return []
  }
}

/** Names of /etc/hosts, of known hosts that are not hashed, and `Host` entries of ssh's configuration. */
function hosts(p: Process): string[] {
  const home = p.env.get('HOME') ?? p.user.home
  const names = new Set<string>()
  for (const line of lines(p, `${home}/.ssh/config`)) if (/^host\s/i.test(line)) for (const name of line.split(/\s+/).slice(1)) if (!/[*?!]/.test(name)) names.add(name)
  for (const line of lines(p, `${home}/.ssh/known_hosts`)) if (!line.startsWith('|')) for (const name of line.split(/\s+/)[0]!.split(',')) names.add(name.replace(/^\[(.*)\].*$/, '$1'))
  for (const line of lines(p, '/etc/hosts')) for (const name of line.split(/\s+/).slice(1)) names.add(name)
  return [...names].sort()
}

/** `user@ho` is completed behind the sign. */
const hostsFor = (p: Process, word: string, colon = ''): string[] => {
  const at = word.lastIndexOf('@') + 1
  return hosts(p).map((name) => word.slice(0, at) + name + colon).filter((x) => x.startsWith(word))
}

const valued = /^-[BbcDEeFIiJLlmOopQRSWw]$/

const ssh: Completer = async (p, words, index) => {
  const word = words[index] ?? ''
  const operands = words.slice(1, index).filter((w, i) => !w.startsWith('-') && !valued.test(words[i] ?? ''))
  if (word.startsWith('-') || valued.test(words[index - 1] ?? '')) return []
  return operands.length === 0 ? hostsFor(p, word) : []
}

/** A file here, or a host with a colon. */
const scp: Completer = async (p, words, index) => {
  const word = words[index] ?? ''
  if (/[:/]/.test(word) || word.startsWith('-')) return []
  const files = p.fs.readDir(p.cwd).filter((n) => n.startsWith(word) && (word !== '' || !n.startsWith('.')))
  return [...files, ...hostsFor(p, word, ':')]
}

const unitVerbs = new Set(['start', 'stop', 'restart', 'reload', 'status', 'show', 'cat', 'enable', 'disable', 'is-active', 'is-enabled', 'is-failed', 'mask', 'unmask', 'edit', 'kill', 'reset-failed', 'try-restart', 'reload-or-restart', 'list-dependencies'])
const verbs = [...unitVerbs, 'daemon-reload', 'daemon-reexec', 'get-default', 'list-jobs', 'list-sockets', 'list-timers', 'list-unit-files', 'list-units', 'poweroff', 'reboot', 'set-default'].sort()

const units = (p: Process, word: string) => p.machine.units.list().map((u) => (u.name.includes('.') ? u.name : `${u.name}.service`)).filter((n) => n.startsWith(word)).sort()

const systemctl: Completer = async (p, words, index) => {
  const word = words[index] ?? ''
  if (word.startsWith('-')) return ['--all', '--failed', '--force', '--full', '--help', '--lines', '--no-block', '--no-legend', '--no-pager', '--now', '--output', '--property', '--quiet', '--state', '--type', '--version'].filter((f) => f.startsWith(word))
  const verb = words.slice(1, index).find((w) => !w.startsWith('-'))
  if (verb === undefined) return verbs.filter((v) => v.startsWith(word))
  return unitVerbs.has(verb) ? units(p, word) : []
}

const journalctl: Completer = async (p, words, index) => {
  const word = words[index] ?? ''
  if (['-u', '--unit'].includes(words[index - 1] ?? '')) return units(p, word)
  if (word.startsWith('--unit=')) return units(p, word.slice(7)).map((u) => `--unit=${u}`)
  return word.startsWith('-') ? ['--all', '--boot', '--follow', '--full', '--grep', '--help', '--lines', '--no-hostname', '--no-pager', '--no-tail', '--output', '--pager-end', '--priority', '--reverse', '--since', '--unit', '--until', '--utc', '--version'].filter((f) => f.startsWith(word)) : []
}

export const nodeCompleters: ReadonlyMap<string, Completer> = new Map([['ssh', ssh], ['scp', scp], ['sftp', ssh], ['systemctl', systemctl], ['journalctl', journalctl]])
