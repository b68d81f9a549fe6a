/** The backslash escapes of PS1 and friends (and `${x@P}`); expansions inside the prompt are made by whoever prints it. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import { getScalar } from '../expand/variables.ts'
import type { Shell } from '../state.ts'

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const two = (n: number) => String(n).padStart(2, '0')
const hour12 = (at: Date) => two(((at.getUTCHours() + 11) % 12) + 1)

/** The working directory with ~ for the home. */
function shortDirectory(sh: Shell): string {
  const cwd = sh.process.cwd || '/'
  const home = getScalar(sh, 'HOME') ?? ''
  return home !== '' && home !== '/' && (cwd === home || cwd.startsWith(home + '/')) ? '~' + cwd.slice(home.length) : cwd
}

const escapes: NameTable<(sh: Shell, at: Date) => string> = nameTable<(sh: Shell, at: Date) => string>({
  u: (sh) => sh.process.user.name,
  h: (sh) => sh.process.machine.hostname.split('.')[0]!,
  H: (sh) => sh.process.machine.hostname,
  w: (sh) => shortDirectory(sh),
  W: (sh) => {
    const cwd = sh.process.cwd || '/'
    return shortDirectory(sh) === '~' ? '~' : cwd === '/' ? '/' : cwd.slice(cwd.lastIndexOf('/') + 1)
  },
  $: (sh) => sh.process.user.uid === 0 ? '#' : '$',
  n: () => '\n',
  r: () => '\r',
  a: () => '\x07',
  e: () => '\x1b',
  '\\': () => '\\',
  '[': () => '\x01',
  ']': () => '\x02',
  s: (sh) => sh.name.slice(sh.name.lastIndexOf('/') + 1),
  v: () => '5.2',
  V: () => '5.2.15',
  j: (sh) => String(sh.jobs.jobs.length),
  l: (sh) => (sh.process.tty?.name ?? 'tty').replace(/^.*\//, ''),
  '!': (sh) => String(sh.history.length + sh.historyBase),
  '#': (sh) => String(sh.commandNumber),
  t: (_sh, at) => at.toISOString().slice(11, 19),
  A: (_sh, at) => at.toISOString().slice(11, 16),
  T: (_sh, at) => `${hour12(at)}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`,
  '@': (_sh, at) => `${hour12(at)}:${two(at.getUTCMinutes())} ${at.getUTCHours() < 12 ? 'AM' : 'PM'}`,
  d: (_sh, at) => `${days[at.getUTCDay()]} ${months[at.getUTCMonth()]} ${two(at.getUTCDate())}`,
  D: (_sh, at) => at.toISOString().slice(11, 19),
})

/** \[ and \] become U+0001 and U+0002, which the line editor takes out when it measures. */
export function expandPrompt(sh: Shell, text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(D\{[^}]*\}|[0-7]{1,3}|[\s\S])/g, (all, e: string) => {
    const known = escapes.get(e[0]!)
    if (known) return known(sh, new Date(sh.process.now()))
    return /^[0-7]/.test(e) ? String.fromCharCode(parseInt(e, 8)) : all
  })
}
