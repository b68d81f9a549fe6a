/** stat, truncate, install, unlink: files by their inode. */
import { strerror } from '#engine/machine/files.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Stat } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { complain, Fatal, parseOptions, quote, tool } from './common.ts'
import { destinations, failure, parseMode, stat as statOf } from './files.ts'
import { blocks, groupName, modeText, userName } from './ls.ts'

const typeNames = { file: 'regular file', directory: 'directory', symlink: 'symbolic link', device: 'character special file', fifo: 'fifo', socket: 'socket' }

const stat: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'c:fLt', long: { 'format=': 'c', 'printf=': 'printf', dereference: 'L', 'file-system': 'f', terse: 't' } })
  if (o.rest.length === 0) throw new Fatal("stat: missing operand\nTry 'stat --help' for more information.")
  let ok = true
  for (const path of o.rest) {
    let s: Stat
    try {
      s = o.has('L') ? process.fs.stat(path) : process.fs.lstat(path)
    } catch (error) {
      await failure(process, `cannot statx ${quote(path)}`, error)
      ok = false
      continue
    }
    const type = s.type === 'file' && s.size === 0 ? 'regular empty file' : typeNames[s.type]
    const time = strftime('%Y-%m-%d %H:%M:%S.%N +0000', s.mtime)
    const link = s.type === 'symlink' ? `${quote(path)} -> ${quote(process.fs.readlink(path))}` : quote(path)
    if (o.has('f')) {
      const real = process.fs.realpath(path)
      const kind = [['/proc', 'proc'], ['/sys', 'sysfs'], ['/dev', 'tmpfs'], ['/run', 'tmpfs']].find(([p]) => real === p || real.startsWith(p + '/'))?.[1] ?? 'ext2/ext3'
      const facts: Record<string, string> = { T: kind, n: path, s: '4096', S: '4096', b: '20500000', f: '15300000', a: '14200000', c: '5242880', d: '4900000', i: '80100000000', l: '255' }
      const format = o.get('c') ?? '  File: "%n"\n    ID: %i Namelen: %l     Type: %T\nBlock size: %s       Fundamental block size: %S\nBlocks: Total: %b   Free: %f   Available: %a\nInodes: Total: %c    Free: %d'
      await process.stdout.write(format.replace(/%([a-zA-Z])/g, (all, c: string) => facts[c] ?? all) + '\n')
      continue
    }
    const values: Record<string, string> = {
      n: path, N: link, s: String(s.size), b: String(blocks(s) * 2), B: '512', a: s.mode.toString(8), A: modeText(s), F: type, u: String(s.uid), U: userName(process, s.uid), g: String(s.gid), G: groupName(process, s.gid), h: String(s.nlink), i: String(s.ino), o: '4096', x: time, y: time, z: time, w: time,
      X: String(Math.floor(s.mtime / 1000)), Y: String(Math.floor(s.mtime / 1000)), Z: String(Math.floor(s.mtime / 1000)), W: String(Math.floor(s.mtime / 1000)), d: '2049', D: '801', f: (s.mode | ({ file: 0o100000, directory: 0o40000, symlink: 0o120000, device: 0o20000, fifo: 0o10000, socket: 0o140000 }[s.type])).toString(16), m: '/', t: s.type === 'device' ? '1' : '0', T: s.type === 'device' ? '3' : '0', C: '?',
    }
    const fill = (format: string) => format.replace(/%([-0#]*)(\d*)(\.\d+)?([a-zA-Z%])/g, (all, flags: string, width: string, _p: string, c: string) => {
      if (c === '%') return '%'
      let v = values[c]
      if (v === undefined) return '?'
      if (c === 'a' && flags.includes('#')) v = '0' + v
      return flags.includes('-') ? v.padEnd(Number(width)) : v.padStart(Number(width), flags.includes('0') ? '0' : ' ')
    })
    if (o.has('t')) await process.stdout.write(fill('%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o') + '\n')
    else if (o.has('printf')) await process.stdout.write(fill(o.get('printf')!.replace(/\\n/g, '\n').replace(/\\t/g, '\t')))
    else if (o.has('c')) await process.stdout.write(fill(o.get('c')!) + '\n')
    else
      await process.stdout.write(
        `  File: ${s.type === 'symlink' ? `${path} -> ${process.fs.readlink(path)}` : path}\n  Size: ${String(s.size).padEnd(10)}\tBlocks: ${String(blocks(s) * 2).padEnd(10)} IO Block: 4096   ${type}\nDevice: 8,1\tInode: ${String(s.ino).padEnd(11)} Links: ${s.nlink}\nAccess: (${s.mode.toString(8).padStart(4, '0')}/${modeText(s)})  Uid: (${String(s.uid).padStart(5)}/${userName(process, s.uid).padStart(8)})   Gid: (${String(s.gid).padStart(5)}/${groupName(process, s.gid).padStart(8)})\nAccess: ${time}\nModify: ${time}\nChange: ${time}\n Birth: ${time}\n`,
      )
  }
  return ok ? 0 : 1
})

const truncate: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'cs:r:', long: { 'size=': 's', 'no-create': 'c', 'reference=': 'r' } })
  if (!o.has('s') && !o.has('r')) throw new Fatal("truncate: you must specify either ‘--size’ or ‘--reference’\nTry 'truncate --help' for more information.")
  if (o.rest.length === 0) throw new Fatal("truncate: missing file operand\nTry 'truncate --help' for more information.")
  const m = /^([-+]?)(\d+)([KMG]?)$/.exec(o.get('s') ?? (o.has('r') ? String(process.fs.stat(o.get('r')!).size) : ''))
  if (!m) throw new Fatal(`truncate: Invalid number: ‘${o.get('s') ?? ''}’`)
  const size = Number(m[2]) * ({ '': 1, K: 1024, M: 1048576, G: 1073741824 }[m[3] as '']!)
  for (const path of o.rest) {
    if (o.has('c') && !process.fs.exists(path)) continue
    const old = process.fs.exists(path) ? process.fs.readFile(path) : ''
    const target = m[1] === '+' ? old.length + size : m[1] === '-' ? Math.max(0, old.length - size) : size
    process.fs.writeFile(path, old.length >= target ? old.slice(0, target) : old + '\0'.repeat(target - old.length))
  }
  return 0
})

const install: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'dDm:o:g:t:Tvcp', long: { directory: 'd', 'mode=': 'm', 'owner=': 'o', 'group=': 'g', 'target-directory=': 't', verbose: 'v' } })
  const mode = o.has('m') ? parseMode(o.get('m')!, 0, false, 0, 'install') : 0o755
  if (o.has('d')) {
    for (const path of o.rest) {
      process.fs.mkdir(path, { parents: true })
      process.fs.chmod(path, mode)
    }
    return 0
  }
  for (const [from, to] of destinations(process, o.rest, o.get('t'), o.has('T'))) {
    if (o.has('D')) process.fs.mkdir(to.replace(/\/[^/]*$/, '') || '/', { parents: true })
    if (!statOf(process, from)) throw new Fatal(`install: cannot stat ${quote(from)}: No such file or directory`)
    process.fs.writeFile(to, process.fs.readFile(from))
    if (o.has('v')) await process.stdout.write(`${quote(from)} -> ${quote(to)}\n`)
    process.fs.chmod(to, mode)
  }
  return 0
})

const unlink: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '' })
  const hint = "\nTry 'unlink --help' for more information."
  const [path, more] = o.rest
  if (path === undefined) throw new Fatal(`unlink: missing operand${hint}`)
  if (more !== undefined) throw new Fatal(`unlink: extra operand ‘${more}’${hint}`)
  try {
    process.fs.unlink(path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(process, `cannot unlink ${quote(path)}: ${strerror(error.code)}`)
    return 1
  }
  return 0
})

export const statPrograms: readonly (readonly [string, Program])[] = [['stat', stat], ['truncate', truncate], ['install', install], ['unlink', unlink]]
