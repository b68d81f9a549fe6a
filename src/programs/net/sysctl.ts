/** `sysctl` of procps 4.0.2. */
import { NetError } from '#engine/net/error.ts'
import { hostSysctls } from '#engine/machine/sysctl-keys.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from './getopt.ts'
import { complain, reason, say } from './support.ts'

const usage = `
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl(8).
`

function allKeys(p: Process): string[] {
  return [...Object.keys(hostSysctls), 'kernel.hostname', ...p.net.sysctlKeys].sort((a, b) => (a < b ? -1 : 1))
}

function get(p: Process, key: string): string | undefined {
  if (key === 'net.netfilter.nf_conntrack_count') return String(p.net.conntrack.size)
  return key.startsWith('net.') ? p.net.sysctl(key) : p.machine.sysctl(key)
}

/** `net/ipv4/ip_forward` and `net.ipv4.ip_forward` are the same; in the first form dots belong to names. */
function keyOf(text: string): string {
  const slash = text.indexOf('/')
  const dot = text.indexOf('.')
  if (slash < 0 || (dot >= 0 && dot < slash)) return text
  return text.split('/').map((part) => part.replaceAll('.', '/')).join('.')
}

export const sysctl: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'aAXbeNnpqwhVr:df', { all: '', binary: '', ignore: '', names: '', values: '', load: '::', quiet: '', write: '', system: '', pattern: ':', help: '', version: '' })
  if (o.error) {
    await complain(p, `sysctl: ${o.error}\n`)
    await say(p, usage)
    return 0
  }
  if (o.has('V', 'version')) {
    await say(p, 'sysctl from procps-ng 4.0.2\n')
    return 0
  }
  if (o.has('h', 'help')) {
    await say(p, usage)
    return 0
  }
  const quiet = o.has('q', 'quiet')
  const ignore = o.has('e', 'ignore')
  const show = (key: string, value: string) => (o.has('b', 'binary') ? value : o.has('n', 'values') ? `${value}\n` : o.has('N', 'names') ? `${key}\n` : `${key} = ${value}\n`)
  let code = 0
  const read = async (text: string) => {
    const key = keyOf(text)
    const value = get(p, key)
    if (value !== undefined) {
      await say(p, show(key, value))
      return
    }
    const below = allKeys(p).filter((k) => k.startsWith(key + '.'))
    if (below.length > 0) {
      for (const k of below) {
        const v = get(p, k)
        if (v !== undefined) await say(p, show(k, v))
      }
      return
    }
    if (ignore) return
    await complain(p, `sysctl: cannot stat /proc/sys/${key.replaceAll('.', '/')}: No such file or directory\n`)
    code += 1
  }
  const refuse = async (why: string) => {
    await complain(p, `sysctl: ${why}\n`)
    code ||= 1
  }
  /** A setting's key and value; a dash before the key asks for patience with failures, of which only patterns know. */
  const parse = async (text: string, where: string): Promise<readonly [key: string, value: string] | undefined> => {
    const eq = text.indexOf('=')
    if (eq >= 0) return [keyOf(text.slice(0, eq).trim().replace(/^-/, '')), text.slice(eq + 1).trim()]
    if (!text.startsWith('-')) await complain(p, `sysctl: ${where}: invalid syntax, continuing...\n`)
    return undefined
  }
  const write = async (key: string, value: string) => {
    if (key === '') return refuse('Path is not under /proc/sys/: /proc/sys/')
    if (get(p, key) === undefined) {
      if (!ignore) await refuse(`cannot stat /proc/sys/${key.replaceAll('.', '/')}: No such file or directory`)
      return
    }
    if (p.user.uid === 0 && p.machine.capabilities !== undefined) return refuse(`setting key "${key}": Read-only file system`)
    if (p.user.uid !== 0) return refuse(`permission denied on key "${key}"${ignore ? ', ignoring' : ''}`)
    try {
      if (key.startsWith('net.')) p.net.setSysctl(key, value)
      else if (!p.machine.setSysctl(key, value)) throw new NetError('EINVAL')
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      return refuse(`setting key "${key}": ${error.message}`)
    }
    if (!quiet) await say(p, show(key, value))
  }
  /** A file is read to its end before the first of its settings is written. */
  const load = async (file: string, announce: boolean) => {
    let text: string
    try {
      text = file === '-' ? await p.stdin.readAll() : p.fs.readFile(file)
    } catch (error) {
      return refuse(`cannot open "${file}": ${reason(error)}`)
    }
    if (announce && !quiet) await say(p, `* Applying ${file} ...\n`)
    const settings: (readonly [string, string])[] = []
    for (const [i, line] of text.split('\n').entries()) {
      const setting = line.trim() === '' || /^\s*[#;]/.test(line) ? undefined : await parse(line.trim(), `${file}(${i + 1})`)
      if (setting) settings.push(setting)
    }
    for (const [key, value] of settings) await write(key, value)
  }
  if (o.has('system')) {
    const files: string[] = []
    for (const dir of ['/run/sysctl.d', '/etc/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d']) {
      try {
        for (const f of p.fs.readDir(dir)) if (f.endsWith('.conf')) files.push(`${dir}/${f}`)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
      }
    }
    files.sort((a, b) => (a.replace(/^.*\//, '') < b.replace(/^.*\//, '') ? -1 : 1))
    if (p.fs.exists('/etc/sysctl.conf')) files.push('/etc/sysctl.conf')
    for (const f of files) await load(f, true)
    return code
  }
  if (o.has('p', 'load') || o.has('f')) {
    const files = [...(o.get('load') !== undefined ? [o.get('load')!] : []), ...o.operands]
    for (const f of files.length > 0 ? files : ['/etc/sysctl.conf']) await load(f, false)
    return code
  }
  if (o.has('a', 'A', 'X', 'all')) {
    for (const key of allKeys(p)) {
      const value = get(p, key)
      const pattern = o.get('r', 'pattern')
      if (value !== undefined && (pattern === undefined || new RegExp(pattern).test(key))) await say(p, show(key, value))
    }
    return code
  }
  if (o.operands.length === 0) {
    await complain(p, p.argv.length === 1 ? usage : "sysctl: no variables specified\nTry `sysctl --help' for more information.\n")
    return 1
  }
  for (const operand of o.operands) {
    if (o.has('w', 'write') || operand.includes('=')) {
      const setting = await parse(operand, 'command line(0)')
      if (setting) await write(...setting)
      else code ||= 1
    } else await read(operand)
  }
  return code
}
