/** ls, dir, vdir: one name per line into a pipe, columns on a terminal; the long format, sorting, recursion, classification. */
import { matchesPattern } from '#base/glob.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Stat } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { compareBytes, Fatal, nameOf, parseOptions, quote, tool } from './common.ts'
import { displayWidth } from './lines.ts'
import { compareVersions } from './sort.ts'

interface Entry {
  readonly name: string
  readonly path: string
  readonly stat: Stat
}

/** `-rwxr-xr-x` */
export function modeText(stat: Stat): string {
  const type = { file: '-', directory: 'd', symlink: 'l', device: 'c', fifo: 'p', socket: 's' }[stat.type]
  const m = stat.mode
  const part = (shift: number, special: boolean, letter: string) => {
    const x = (m >> shift) & 1
    return `${(m >> (shift + 2)) & 1 ? 'r' : '-'}${(m >> (shift + 1)) & 1 ? 'w' : '-'}${special ? (x ? letter : letter.toUpperCase()) : x ? 'x' : '-'}`
  }
  return type + part(6, (m & 0o4000) !== 0, 's') + part(3, (m & 0o2000) !== 0, 's') + part(0, (m & 0o1000) !== 0, 't')
}

/** `4.0K`, as `ls -h` and `du -h` round (up). */
export function humanSize(bytes: number, base = 1024): string {
  if (bytes < base) return String(bytes)
  const units = base === 1024 ? 'KMGTPE' : 'kMGTPE'
  let n = bytes
  let u = -1
  while (n >= base) {
    n /= base
    u++
  }
  const rounded = n < 9.95 ? (Math.ceil(n * 10 - 1e-9) / 10).toFixed(1) : String(Math.ceil(n - 1e-9))
  return (rounded === '10.0' ? '10' : rounded) + units[u]
}

/** 1-KiB blocks on disk (ext4 with 4-KiB blocks). */
export function blocks(stat: Stat): number {
  if (stat.type === 'directory') return 4
  return stat.type === 'file' ? Math.ceil(stat.size / 4096) * 4 : 0
}

export function userName(process: Process, uid: number): string {
  for (const u of process.machine.users.values()) if (u.uid === uid) return u.name
  return String(uid)
}

export function groupName(process: Process, gid: number): string {
  try {
    for (const line of process.fs.readFile('/etc/group').split('\n')) {
      const [name, , id] = line.split(':')
      if (Number(id) === gid && name) return name
    }
  } catch {
    // No group file.
  }
  return String(gid)
}

const colors: Record<string, string> = { directory: '01;34', symlink: '01;36', fifo: '40;33', socket: '01;35', device: '40;33;01' }
const sixMonths = 15778476000

/** What options with words take, those that mean the same on one line. */
const listing: Readonly<Record<'sort' | 'time' | 'format', readonly (readonly string[])[]>> = {
  sort: [['none'], ['time'], ['size'], ['extension'], ['version'], ['width']],
  time: [['atime', 'access', 'use'], ['ctime', 'status'], ['mtime', 'modification'], ['birth', 'creation']],
  format: [['verbose', 'long'], ['commas'], ['horizontal', 'across'], ['vertical'], ['single-column']],
}
const choices = { sort: [...listing.sort.flat(), 'name'], time: listing.time.flat(), format: listing.format.flat() }

const ls: Program = tool(async (process) => {
  const o = parseOptions(process, {
    short: 'aAbBcCdDfFgGhHiI:klLmnNopqQrRsStT:uUvw:xXZ1',
    long: { all: 'a', 'almost-all': 'A', escape: 'b', directory: 'd', classify: 'F', 'human-readable': 'h', inode: 'i', 'ignore=': 'I', 'numeric-uid-gid': 'n', literal: 'N', reverse: 'r', recursive: 'R', size: 's', 'sort=': 'sort', 'time=': 'time', 'time-style=': 'style', 'full-time': 'full', 'color=?': 'color', 'group-directories-first': 'first', 'no-group': 'G', 'quote-name': 'Q', 'quoting-style=': 'quoting', 'width=': 'w', 'indicator-style=': 'indicator', 'file-type': 'types', 'format=': 'format', si: 'si', dereference: 'L', 'show-control-chars': 'show', 'hide-control-chars': 'q', 'hide=': 'hide', zero: 'zero', 'ignore-backups': 'B', author: 'author', 'no-hyperlink': 'nohyper', 'hyperlink=?': 'hyper', kibibytes: 'k', context: 'Z', 'dereference-command-line': 'H', 'block-size=': 'block', 'tabsize=': 'T' },
    code: 2,
  })
  for (const [key, option] of [['sort', 'sort'], ['time', 'time'], ['format', 'format']] as const) {
    const value = o.get(key)
    if (value !== undefined && !choices[option].includes(value)) throw new Fatal(`${nameOf(process)}: invalid argument ‘${value}’ for ‘--${option}’\nValid arguments are:\n${listing[option].map((l) => `  - ${l.map((x) => `‘${x}’`).join(', ')}\n`).join('')}Try '${nameOf(process)} --help' for more information.`, 1)
  }
  const tty = process.stdout.tty
  const name = nameOf(process)
  const long = o.has('l') || o.has('n') || o.has('g') || o.has('o') || o.has('full') || name === 'vdir' || o.get('format') === 'long'
  const single = o.list.findLast(([k]) => ['1', 'C', 'x', 'm', 'l'].includes(k))?.[0]
  const columns = !long && (single === 'C' || single === 'x' || single === 'm' || (single === undefined && (tty !== undefined || name === 'dir')))
  const color = o.has('color') ? ['', 'always', 'yes', 'force'].includes(o.get('color')!) || (o.get('color') === 'auto' && tty !== undefined) : false
  const asked = ({ literal: 'literal', shell: 'shell', 'shell-escape': 'shell', 'shell-always': 'shell', c: 'c', escape: 'escape' } as Record<string, string>)[o.get('quoting') ?? '']
  const quoting = asked ?? ((tty !== undefined && !o.has('N') && !o.has('b') && !o.has('Q')) || name === 'dir' ? 'shell' : o.has('Q') ? 'c' : o.has('b') || name === 'dir' ? 'escape' : 'literal')
  const width = Number(o.get('w') ?? tty?.columns ?? 80) || 1e9
  const shown = (text: string) => {
    if (quoting === 'c') return `"${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"`
    if (quoting === 'escape') return text.replace(/[\\ ]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')
    if (o.has('q') && quoting === 'literal') return text.replace(/[\x00-\x1f\x7f]/g, '?')
    if (quoting === 'shell' && name !== 'dir' && (/[\s'"$`\\!*?[\](){};&|<>~#]/.test(text) || text === '')) return quote(text)
    return text
  }
  const suffix = (e: Entry) => {
    if (o.has('F') || o.get('indicator') === 'classify') return e.stat.type === 'directory' ? '/' : e.stat.type === 'symlink' ? (long ? '' : '@') : e.stat.type === 'fifo' ? '|' : e.stat.type === 'socket' ? '=' : e.stat.type === 'file' && e.stat.mode & 0o111 ? '*' : ''
    if (o.has('p') || o.get('indicator') === 'slash') return e.stat.type === 'directory' ? '/' : ''
    if (o.has('types')) return e.stat.type === 'directory' ? '/' : e.stat.type === 'symlink' ? '@' : ''
    return ''
  }
  const painted = (e: Entry, text: string) => {
    if (!color) return text
    const code = colors[e.stat.type] ?? (e.stat.mode & 0o111 ? '01;32' : undefined)
    if (!code) return text
    const lead = wroteColor ? '' : '\x1b[0m'
    wroteColor = true
    return `${lead}\x1b[${code}m${text}\x1b[0m`
  }
  const sizeText = (n: number) => (o.has('h') ? humanSize(n) : o.has('si') ? humanSize(n, 1000) : String(n))
  let status = 0
  let wroteColor = false
  const write = (text: string) => process.stdout.write(text)

  const order = (list: Entry[]) => {
    const by = o.list.findLast(([k]) => ['t', 'S', 'U', 'f', 'X', 'v', 'sort'].includes(k))
    const key = by?.[0] === 'sort' ? ({ time: 't', size: 'S', none: 'U', extension: 'X', version: 'v', name: '' } as Record<string, string>)[by[1]] : by?.[0]
    const extension = (n: string) => (n.lastIndexOf('.') > 0 ? n.slice(n.lastIndexOf('.')) : '')
    if (key !== 'U' && key !== 'f') {
      list.sort((a, b) => {
        const d = key === 't' ? b.stat.mtime - a.stat.mtime : key === 'S' ? b.stat.size - a.stat.size : key === 'X' ? compareBytes(extension(a.name), extension(b.name)) : key === 'v' ? compareVersions(a.name, b.name) : 0
        return d || compareBytes(a.name, b.name)
      })
      if (o.has('r')) list.reverse()
    }
    if (o.has('first')) list.sort((a, b) => Number(b.stat.type === 'directory') - Number(a.stat.type === 'directory'))
    return list
  }

  const time = (ms: number) => {
    const style = o.has('full') ? 'full-iso' : (o.get('style') ?? '')
    if (style.startsWith('+')) return strftime(style.slice(1), ms)
    if (style === 'long-iso') return strftime('%Y-%m-%d %H:%M', ms)
    if (style === 'full-iso') return strftime('%Y-%m-%d %H:%M:%S.%N +0000', ms)
    if (style === 'iso') return strftime(process.now() - ms < sixMonths ? '%m-%d %H:%M' : '%Y-%m-%d ', ms)
    const recent = ms <= process.now() && process.now() - ms < sixMonths
    return strftime(recent ? '%b %e %H:%M' : '%b %e  %Y', ms)
  }

  const print = async (list: Entry[], total: boolean) => {
    if (total && (long || o.has('s'))) {
      const sum = list.reduce((n, e) => n + blocks(e.stat), 0)
      await write(`total ${o.has('h') ? humanSize(sum * 1024) : sum}\n`)
    }
    const prefix = (e: Entry, wi: number, ws: number) => (o.has('i') ? `${String(e.stat.ino).padStart(wi)} ` : '') + (o.has('s') ? `${(o.has('h') ? humanSize(blocks(e.stat) * 1024) : String(blocks(e.stat))).padStart(ws)} ` : '')
    const wi = Math.max(0, ...list.map((e) => String(e.stat.ino).length))
    const ws = Math.max(0, ...list.map((e) => (o.has('h') ? humanSize(blocks(e.stat) * 1024) : String(blocks(e.stat))).length))
    // Quoted names stand one column in where others are not quoted.
    const anyQuoted = quoting === 'shell' && list.some((e) => shown(e.name) !== e.name)
    const label = (e: Entry) => (anyQuoted && shown(e.name) === e.name && (long || columns) ? ' ' : '') + painted(e, shown(e.name)) + suffix(e)
    if (long) {
      const owner = (e: Entry) => (o.has('n') ? String(e.stat.uid) : userName(process, e.stat.uid))
      const group = (e: Entry) => (o.has('n') ? String(e.stat.gid) : groupName(process, e.stat.gid))
      const size = (e: Entry) => (e.stat.type === 'device' ? '1, 3' : sizeText(e.stat.size))
      const wide = (f: (e: Entry) => string) => Math.max(0, ...list.map((e) => f(e).length))
      const wn = wide((e) => String(e.stat.nlink))
      const wo = wide(owner)
      const wg = wide(group)
      const wz = wide(size)
      const wt = wide((e) => time(e.stat.mtime))
      for (const e of list) {
        let target = ''
        if (e.stat.type === 'symlink') {
          try {
            target = ` -> ${process.fs.readlink(e.path)}`
          } catch {
            target = ''
          }
        }
        const pad = o.has('n') ? (t: string, w: number) => t.padStart(w) : (t: string, w: number) => t.padEnd(w)
        await write(`${prefix(e, wi, ws)}${modeText(e.stat)} ${String(e.stat.nlink).padStart(wn)} ${o.has('g') ? '' : pad(owner(e), wo) + ' '}${o.has('o') || o.has('G') ? '' : pad(group(e), wg) + ' '}${size(e).padStart(wz)} ${time(e.stat.mtime).padStart(wt)} ${label(e)}${target}\n`)
      }
      return
    }
    if (single === 'm') {
      let line = ''
      let out = ''
      list.forEach((e, i) => {
        const text = prefix(e, 0, 0) + label(e) + (i < list.length - 1 ? ',' : '')
        if (line !== '' && line.length + 1 + text.length >= width) {
          out += line + '\n'
          line = text
        } else line += (line === '' ? '' : ' ') + text
      })
      await write(out + line + (line === '' && out === '' ? '' : '\n'))
      return
    }
    if (!columns) {
      await write(list.map((e) => `${prefix(e, wi, ws)}${label(e)}${o.has('zero') ? '\0' : '\n'}`).join(''))
      return
    }
    if (list.length === 0) return
    const cells = list.map((e) => ({ text: prefix(e, wi, ws) + label(e), width: displayWidth((prefix(e, wi, ws) + (anyQuoted && shown(e.name) === e.name ? ' ' : '') + shown(e.name) + suffix(e)).replace(/[\x00-\x1f]/g, '')) }))
    await write(layout(cells, width, single === 'x'))
  }

  const read = (dir: string): Entry[] => {
    const names = process.fs.readDir(dir)
    const list: Entry[] = []
    const join = (n: string) => (dir.endsWith('/') ? dir + n : `${dir}/${n}`)
    if (o.has('a') || o.has('f')) for (const n of ['.', '..']) list.push({ name: n, path: join(n), stat: process.fs.stat(join(n)) })
    for (const n of names) {
      if (n.startsWith('.') && !o.has('a') && !o.has('A') && !o.has('f')) continue
      if (n.endsWith('~') && o.has('B')) continue
      if (o.all('I').some((p) => matchesPattern(n, p, { extglob: false }))) continue
      if (!o.has('a') && !o.has('A') && o.all('hide').some((p) => matchesPattern(n, p, { extglob: false }))) continue
      try {
        list.push({ name: n, path: join(n), stat: o.has('L') ? process.fs.stat(join(n)) : process.fs.lstat(join(n)) })
      } catch {
        // Gone meanwhile.
      }
    }
    return order(list)
  }

  const files: Entry[] = []
  const dirs: string[] = []
  const paths = o.rest.length > 0 ? o.rest : ['.']
  for (const path of paths) {
    try {
      let stat = process.fs.lstat(path)
      if (stat.type === 'symlink' && !o.has('d') && (!long || o.has('L') || o.has('H') || path.endsWith('/'))) {
        try {
          const followed = process.fs.stat(path)
          if (followed.type === 'directory' || o.has('L')) stat = followed
        } catch {
          // A dangling link is listed itself.
        }
      }
      if (stat.type === 'directory' && !o.has('d')) dirs.push(path)
      else files.push({ name: path, path, stat })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await process.stderr.write(`${name}: cannot access ${quote(path)}: ${strerror(error.code)}\n`)
      status = 2
    }
  }
  order(files)
  if (files.length > 0) await print(files, false)
  const queue = order(dirs.map((d) => ({ name: d, path: d, stat: process.fs.stat(d) }))).map((e) => e.path)
  let first = files.length === 0
  const titles = paths.length > 1 || o.has('R')
  while (queue.length > 0) {
    const dir = queue.shift()!
    let list: Entry[]
    try {
      if (!process.fs.access(dir, { read: true })) throw new FsError('EACCES', dir)
      list = read(dir)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (titles && paths.length > 1 && false) await write('')
      await process.stderr.write(`${name}: cannot open directory ${quote(dir)}: ${strerror(error.code)}\n`)
      status = 2
      continue
    }
    if (titles) await write(`${first ? '' : '\n'}${shown(dir)}:\n`)
    first = false
    await print(list, true)
    if (o.has('R')) queue.unshift(...list.filter((e) => e.stat.type === 'directory' && e.name !== '.' && e.name !== '..').map((e) => e.path))
  }
  return status
})

/** Columns as wide as their longest name, filled with tabs where GNU ls fills so. */
function layout(cells: readonly { text: string; width: number }[], width: number, across: boolean): string {
  const n = cells.length
  let best = 1
  for (let columns = Math.min(n, Math.max(1, Math.floor(width / 3))); columns > 1; columns--) {
    const rows = Math.ceil(n / columns)
    const widths = Array<number>(columns).fill(3)
    cells.forEach((c, i) => {
      const k = across ? i % columns : Math.floor(i / rows)
      widths[k] = Math.max(widths[k]!, c.width + (k === columns - 1 ? 0 : 2))
    })
    if (widths.reduce((a, b) => a + b, 0) < width) {
      best = columns
      break
    }
  }
  const rows = Math.ceil(n / best)
  const widths = Array<number>(best).fill(3)
  cells.forEach((c, i) => {
    const k = across ? i % best : Math.floor(i / rows)
    widths[k] = Math.max(widths[k]!, c.width + (k === best - 1 ? 0 : 2))
  })
  let out = ''
  for (let r = 0; r < rows; r++) {
    let at = 0
    let start = 0
    for (let k = 0; k < best; k++) {
      const i = across ? r * best + k : k * rows + r
      const c = cells[i]
      if (!c) break
      while (at < start) {
        if (Math.floor(start / 8) > Math.floor((at + 1) / 8)) {
          out += '\t'
          at += 8 - (at % 8)
        } else {
          out += ' '
          at++
        }
      }
      out += c.text
      at = start + c.width
      start += widths[k]!
    }
    out += '\n'
  }
  return out
}

export const lsPrograms: readonly (readonly [string, Program])[] = [['ls', ls], ['dir', ls], ['vdir', ls]]
export { Fatal }
