/** The backslash escapes of PS1 and friends (and `${x@P}`); expansions inside the prompt are made by whoever prints it. */
import { getScalar } from '../expand/variables.ts'
import type { Shell } from '../state.ts'

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** \[ and \] become U+0001 and U+0002, which the line editor takes out when it measures. */
export function expandPrompt(sh: Shell, text: string): string {
  if (!text.includes('\\')) return text
  const at = () => new Date(sh.process.now())
  const two = (n: number) => String(n).padStart(2, '0')
  const cwd = (sh.process.cwd || '/')
  const home = getScalar(sh, 'HOME') ?? ''
  const short = home !== '' && home !== '/' && (cwd === home || cwd.startsWith(home + '/')) ? '~' + cwd.slice(home.length) : cwd
  return text.replace(/\\(D\{[^}]*\}|[0-7]{1,3}|[\s\S])/g, (all, e: string) => {
    switch (e[0]) {
      case 'u': return sh.process.user.name
      case 'h': return sh.process.machine.hostname.split('.')[0]!
      case 'H': return sh.process.machine.hostname
      case 'w': return short
      case 'W': return short === '~' ? '~' : (cwd === '/' ? '/' : cwd.slice(cwd.lastIndexOf('/') + 1))
      case '$': return sh.process.user.uid === 0 ? '#' : '$'
      case 'n': return '\n'
      case 'r': return '\r'
      case 'a': return '\x07'
      case 'e': return '\x1b'
      case '\\': return '\\'
      case '[': return '\x01'
      case ']': return '\x02'
      case 's': return sh.name.slice(sh.name.lastIndexOf('/') + 1)
      case 'v': return '5.2'
      case 'V': return '5.2.15'
      case 'j': return String(sh.jobs.jobs.length)
      case 'l': return (sh.process.tty?.name ?? 'tty').replace(/^.*\//, '')
      case '!': return String(sh.history.length + sh.historyBase)
      case '#': return String(sh.commandNumber)
      case 't': return at().toISOString().slice(11, 19)
      case 'A': return at().toISOString().slice(11, 16)
      case 'T': return `${two(((at().getUTCHours() + 11) % 12) + 1)}:${two(at().getUTCMinutes())}:${two(at().getUTCSeconds())}`
      case '@': return `${two(((at().getUTCHours() + 11) % 12) + 1)}:${two(at().getUTCMinutes())} ${at().getUTCHours() < 12 ? 'AM' : 'PM'}`
      case 'd': return `${days[at().getUTCDay()]} ${months[at().getUTCMonth()]} ${two(at().getUTCDate())}`
      case 'D': return at().toISOString().slice(11, 19)
      default:
        return /^[0-7]/.test(e) ? String.fromCharCode(parseInt(e, 8)) : all
    }
  })
}
