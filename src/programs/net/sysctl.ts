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
    await complain(p, `sysctl: ${o.error}\n${usage}`)
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
    if (!ignore) await complain(p, `sysctl: cannot stat /proc/sys/${key.replaceAll('.', '/')}: No such file or directory\n`)
    if (!ignore) code = 1
  }
  const write = async (text: string, where = 'command line(0)') => {
    const eq = text.indexOf('=')
    if (eq < 0) {
      await complain(p, `sysctl: ${where}: invalid syntax, continuing...\n`)
      code = 1
      return
    }
    const key = keyOf(text.slice(0, eq).trim().replace(/^-/, ''))
    const value = text.slice(eq + 1).trim()
    const path = `/proc/sys/${key.replaceAll('.', '/')}`
    if (key === '') return
    if (get(p, key) === undefined) {
      if (!ignore) await complain(p, `sysctl: cannot stat ${path}: No such file or directory\n`)
      code = ignore || text.startsWith('-') ? code : 1
      return
    }
    if (p.user.uid === 0 && p.machine.capabilities !== undefined) {
      await complain(p, `sysctl: setting key "${key}": Read-only file system\n`)
      code = 1
      return
    }
    if (p.user.uid !== 0) {
      await complain(p, `sysctl: permission denied on key "${key}"${ignore ? ', ignoring' : ''}\n`)
      code = 1
      return
    }
    try {
      if (key.startsWith('net.')) p.net.setSysctl(key, value)
      else if (!p.machine.setSysctl(key, value)) throw new NetError('EINVAL')
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      await complain(p, `sysctl: setting key "${key}"${error.code === 'EINVAL' ? '' : ''}: ${error.message}\n`)
      code = 1
      return
    }
    if (!quiet) await say(p, show(key, value))
  }
  const load = async (file: string, announce: boolean) => {
    let text: string
    try {
      text = file === '-' ? await p.stdin.readAll() : p.fs.readFile(file)
    } catch (error) {
      await complain(p, `sysctl: cannot open "${file}": ${reason(error)}\n`)
      code = 1
      return
    }
    if (announce && !quiet) await say(p, `* Applying ${file} ...\n`)
    for (const [i, line] of text.split('\n').entries()) if (line.trim() !== '' && !/^\s*[#;]/.test(line)) await write(line.trim(), `${file}(${i + 1})`)
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
    await complain(p, usage)
    return 1
  }
  for (const operand of o.operands) {
    if (o.has('w', 'write') || operand.includes('=')) await write(operand)
    else await read(operand)
  }
  return code
}
