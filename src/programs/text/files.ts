/** Tools that change the tree: cp, mv, rm, mkdir, rmdir, ln, touch, chmod, chown, chgrp, mktemp, install, truncate, and stat, du, realpath, readlink. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Stat } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { logicalPath } from '#shell/builtins/basic.ts'
import { parseDate } from './dates.ts'
import { complain, Fatal, nameOf, parseOptions, quote, tool } from './common.ts'
import { blocks, groupName, humanSize, modeText, userName } from './ls.ts'

export function lstat(process: Process, path: string): Stat | undefined {
  try {
    return process.fs.lstat(path)
  } catch {
    return undefined
  }
}

export function stat(process: Process, path: string): Stat | undefined {
  try {
    return process.fs.stat(path)
  } catch {
    return undefined
  }
}

/** Some messages of coreutils quote as the locale does. */
function curly(name: string): string {
  return `‘${name}’`
}

function base(path: string): string {
  const t = path.replace(/\/+$/, '')
  return t.slice(t.lastIndexOf('/') + 1)
}

export function join(dir: string, name: string): string {
  return dir.endsWith('/') ? dir + name : `${dir}/${name}`
}

export async function failure(process: Process, text: string, error: unknown): Promise<void> {
  if (!(error instanceof FsError)) throw error
  await complain(process, `${text}: ${strerror(error.code)}`)
}

export async function ask(process: Process, question: string): Promise<boolean> {
  await process.stderr.write(question)
  const answer = await process.stdin.readLine()
  return /^[yY]/.test(answer ?? '')
}

interface CopyOptions {
  readonly recursive: boolean
  readonly preserve: boolean
  readonly force: boolean
  readonly noClobber: boolean
  readonly interactive: boolean
  readonly update: boolean
  readonly verbose: boolean
  readonly follow: boolean
  readonly link: '' | 'hard' | 'symbolic'
  readonly backup: boolean
}

/** Copies one tree; false after a complaint. */
async function copy(process: Process, from: string, to: string, o: CopyOptions, top: boolean): Promise<boolean> {
  const fs = process.fs
  const source = top && !o.recursive ? stat(process, from) : o.follow ? stat(process, from) : lstat(process, from)
  if (!source) {
    let code: 'ENOENT' | 'EACCES' | 'ENOTDIR' = 'ENOENT'
    try {
      fs.lstat(from)
    } catch (error) {
      if (error instanceof FsError) code = error.code as 'ENOENT'
    }
    await complain(process, `cannot stat ${quote(from)}: ${strerror(code)}`)
    return false
  }
  const target = lstat(process, to)
  if (target && stat(process, to)?.ino === source.ino && source.type !== 'directory') {
    await complain(process, `${quote(from)} and ${quote(to)} are the same file`)
    return false
  }
  try {
    if (source.type === 'directory') {
      if (!o.recursive) {
        await complain(process, `-r not specified; omitting directory ${quote(from)}`)
        return false
      }
      if (target && target.type !== 'directory' && stat(process, to)?.type !== 'directory') {
        await complain(process, `cannot overwrite non-directory ${quote(to)} with directory ${quote(from)}`)
        return false
      }
      const real = (p: string) => logicalPath(process.cwd, p)
      if (`${real(to)}/`.startsWith(`${real(from)}/`)) {
        await complain(process, `cannot copy a directory, ${quote(from)}, into itself, ${quote(to)}`)
        return false
      }
      if (!target) fs.mkdir(to, { mode: source.mode })
      if (o.verbose && !target) await process.stdout.write(`${quote(from)} -> ${quote(to)}\n`)
      let ok = true
      for (const name of fs.readDir(from)) ok = (await copy(process, join(from, name), join(to, name), o, false)) && ok
      if (o.preserve) keep(process, to, source)
      return ok
    }
    if (target?.type === 'directory') {
      await complain(process, `cannot overwrite directory ${quote(to)} with non-directory${top ? '' : ` ${quote(from)}`}`)
      return false
    }
    if (target && o.noClobber) return true
    if (target && o.update && target.mtime >= source.mtime) return true
    if (target && o.interactive && !(await ask(process, `${nameOf(process)}: overwrite ${quote(to)}? `))) return true
    if (target && o.backup) fs.rename(to, `${to}~`)
    if (o.link !== '' || (source.type === 'symlink' && !o.follow)) {
      if (target) fs.unlink(to)
      if (o.link === 'hard') fs.link(from, to)
      else fs.symlink(source.type === 'symlink' ? fs.readlink(from) : from, to)
    } else {
      let text: string
      try {
        const input = process.open(from, { read: true })
        text = await input.readAll()
        input.release()
      } catch (error) {
        await failure(process, `cannot open ${quote(from)} for reading`, error)
        return false
      }
      if (target && o.force && !fs.access(to, { write: true })) fs.unlink(to)
      try {
        if (lstat(process, to)) {
          const out = process.open(to, { write: true, truncate: true })
          await out.write(text)
          out.release()
        } else fs.writeFile(to, text, { mode: source.mode & 0o777 })
      } catch (error) {
        await failure(process, `cannot create regular file ${quote(to)}`, error)
        return false
      }
      if (o.preserve) keep(process, to, source)
    }
    if (o.verbose) await process.stdout.write(`${quote(from)} -> ${quote(to)}\n`)
    return true
  } catch (error) {
    await failure(process, source.type === 'directory' ? `cannot create directory ${quote(to)}` : `cannot create regular file ${quote(to)}`, error)
    return false
  }
}

function keep(process: Process, path: string, source: Stat): void {
  try {
    process.fs.chown(path, source.uid, source.gid)
  } catch {
    // Only root may give files away.
  }
  process.fs.chmod(path, source.mode)
  process.fs.utimes(path, source.mtime)
}

/** Operands of cp, mv, ln and install: sources and where they go. */
export function destinations(process: Process, rest: readonly string[], targetDir: string | undefined, plain: boolean): [string, string][] {
  const command = nameOf(process)
  if (rest.length === 0) throw new Fatal(`${command}: missing file operand\nTry '${command} --help' for more information.`)
  if (targetDir !== undefined && stat(process, targetDir)?.type !== 'directory') throw new Fatal(`${command}: target directory ${quote(targetDir)}: ${stat(process, targetDir) ? 'Not a directory' : 'No such file or directory'}`)
  if (targetDir !== undefined) return rest.map((r) => [r, join(targetDir, base(r))])
  if (rest.length === 1) throw new Fatal(`${command}: missing destination file operand after ${quote(rest[0]!)}\nTry '${command} --help' for more information.`)
  const last = rest.at(-1)!
  const sources = rest.slice(0, -1)
  const directory = !plain && stat(process, last)?.type === 'directory'
  if (!directory && sources.length > 1) {
    if (plain) throw new Fatal(`${command}: extra operand ${quote(rest[2]!)}\nTry '${command} --help' for more information.`)
    throw new Fatal(stat(process, last) ? `${command}: target ${quote(last)}: Not a directory` : `${command}: target ${quote(last)}: No such file or directory`)
  }
  if (!directory && last.endsWith('/') && stat(process, sources[0]!)?.type !== 'directory' && !stat(process, last)) {
    throw new Fatal(command === 'mv' ? `mv: cannot move ${quote(sources[0]!)} to ${quote(last)}: Not a directory` : `${command}: cannot create regular file ${quote(last)}: Not a directory`)
  }
  return sources.map((s) => [s, directory ? join(last, base(s)) : last])
}

const cp: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'abdfHilLnprRst:TuvxP', long: { archive: 'a', force: 'f', interactive: 'i', link: 'l', dereference: 'L', 'no-dereference': 'P', 'no-clobber': 'n', 'preserve=?': 'p', recursive: 'r', 'symbolic-link': 's', 'target-directory=': 't', 'no-target-directory': 'T', update: 'u', verbose: 'v', parents: 'parents' } })
  const recursive = o.has('r') || o.has('R') || o.has('a')
  const options: CopyOptions = {
    recursive, preserve: o.has('p') || o.has('a'), force: o.has('f'), noClobber: o.has('n'), interactive: o.has('i'), update: o.has('u'), verbose: o.has('v'), follow: o.has('L') || (!recursive && !o.has('P') && !o.has('d')), link: o.has('l') ? 'hard' : o.has('s') ? 'symbolic' : '', backup: o.has('b'),
  }
  let ok = true
  const parents = o.has('parents')
  if (parents && o.rest.length > 1 && stat(process, o.get('t') ?? o.rest.at(-1)!)?.type !== 'directory') throw new Fatal("cp: with --parents, the destination must be a directory\nTry 'cp --help' for more information.")
  for (const [from, target] of destinations(process, o.rest, o.get('t'), o.has('T'))) {
    const to = parents ? join(target.slice(0, target.lastIndexOf('/')), from.replace(/^\/+/, '')) : target
    if (parents) process.fs.mkdir(to.slice(0, to.lastIndexOf('/')), { parents: true })
    ok = (await copy(process, from, to, options, true)) && ok
  }
  return ok ? 0 : 1
})

const mv: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'bfint:Tuv', long: { force: 'f', interactive: 'i', 'no-clobber': 'n', 'target-directory=': 't', 'no-target-directory': 'T', update: 'u', verbose: 'v' } })
  let ok = true
  for (const [from, to] of destinations(process, o.rest, o.get('t'), o.has('T'))) {
    const source = lstat(process, from.replace(/(.)\/+$/, '$1'))
    if (!source) {
      await complain(process, `cannot stat ${quote(from)}: No such file or directory`)
      ok = false
      continue
    }
    const target = lstat(process, to)
    if (target && o.has('n')) continue
    if (target && o.has('u') && target.mtime >= source.mtime) continue
    if (target && target.ino === source.ino) {
      await complain(process, `${quote(from)} and ${quote(to)} are the same file`)
      ok = false
      continue
    }
    if (target && o.has('i') && !(await ask(process, `mv: overwrite ${quote(to)}? `))) continue
    if (target && o.has('b') && target.type !== 'directory') process.fs.rename(to, `${to}~`)
    if (target?.type === 'directory' && source.type !== 'directory') {
      await complain(process, `cannot overwrite directory ${quote(to)} with non-directory`)
      ok = false
      continue
    }
    if (target && target.type !== 'directory' && source.type === 'directory') {
      await complain(process, `cannot overwrite non-directory ${quote(to)} with directory ${quote(from)}`)
      ok = false
      continue
    }
    const real = (p: string) => logicalPath(process.cwd, p)
    if (source.type === 'directory' && `${real(to)}/`.startsWith(`${real(from)}/`)) {
      await complain(process, `cannot move ${quote(from)} to a subdirectory of itself, ${quote(to)}`)
      ok = false
      continue
    }
    try {
      process.fs.rename(from.replace(/(.)\/+$/, '$1'), to.replace(/(.)\/+$/, '$1'))
      if (o.has('v')) await process.stdout.write(`renamed ${quote(from)} -> ${quote(to)}\n`)
    } catch (error) {
      if (error instanceof FsError && error.code === 'EXDEV') {
        const done = await copy(process, from, to, { recursive: true, preserve: true, force: true, noClobber: false, interactive: false, update: false, verbose: false, follow: false, link: '', backup: false }, false)
        if (done) removeTree(process, from)
        ok &&= done
      } else {
        await failure(process, `cannot move ${quote(from)} to ${quote(to)}`, error)
        ok = false
      }
    }
  }
  return ok ? 0 : 1
})

function removeTree(process: Process, path: string): void {
  if (process.fs.lstat(path).type === 'directory') {
    for (const name of process.fs.readDir(path)) removeTree(process, join(path, name))
    process.fs.rmdir(path)
  } else process.fs.unlink(path)
}

const rm: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'dfiIrRv', long: { dir: 'd', force: 'f', recursive: 'r', verbose: 'v', 'interactive=?': 'i', 'one-file-system': 'x', 'no-preserve-root': 'X', 'preserve-root=?': 'Y' } })
  const recursive = o.has('r') || o.has('R')
  if (o.rest.length === 0) {
    if (o.has('f')) return 0
    throw new Fatal("rm: missing operand\nTry 'rm --help' for more information.")
  }
  let ok = true
  const remove = async (path: string, top: boolean): Promise<boolean> => {
    let s: Stat
    try {
      s = process.fs.lstat(path.replace(/(.)\/+$/, '$1'))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (o.has('f') && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return true
      await complain(process, `cannot remove ${quote(path)}: ${strerror(error.code)}`)
      return false
    }
    if (s.type === 'directory') {
      if (!recursive && !o.has('d')) {
        await complain(process, `cannot remove ${quote(path)}: Is a directory`)
        return false
      }
      if (top && /(^|\/)\.{1,2}\/*$/.test(path)) {
        await complain(process, `refusing to remove '.' or '..' directory: skipping ${quote(path)}`)
        return false
      }
      if (top && logicalPath(process.cwd, path) === '/' && !o.has('X')) {
        await complain(process, "it is dangerous to operate recursively on '/'")
        await complain(process, 'use --no-preserve-root to override this failsafe')
        return false
      }
      let all = true
      if (recursive) {
        if (o.has('i') && !(await ask(process, `rm: descend into directory ${quote(path)}? `))) return true
        for (const name of process.fs.readDir(path)) all = (await remove(join(path, name), false)) && all
        if (!all) return false
      }
      if (o.has('i') && !(await ask(process, `rm: remove directory ${quote(path)}? `))) return true
      try {
        process.fs.rmdir(path)
      } catch (error) {
        await failure(process, `cannot remove ${quote(path)}`, error)
        return false
      }
      if (o.has('v')) await process.stdout.write(`removed directory ${quote(path)}\n`)
      return true
    }
    const guarded = !o.has('f') && s.type === 'file' && process.stdin.tty && !process.fs.access(path, { write: true })
    const kind = s.type === 'symlink' ? 'symbolic link' : s.size === 0 ? 'regular empty file' : 'regular file'
    if ((o.has('i') || guarded) && !(await ask(process, `rm: remove ${guarded && !o.has('i') ? 'write-protected ' : ''}${kind} ${quote(path)}? `))) return true
    try {
      process.fs.unlink(path)
    } catch (error) {
      await failure(process, `cannot remove ${quote(path)}`, error)
      return false
    }
    if (o.has('v')) await process.stdout.write(`removed ${quote(path)}\n`)
    return true
  }
  for (const path of o.rest) ok = (await remove(path, true)) && ok
  return ok ? 0 : 1
})

const mkdir: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'm:pv', long: { 'mode=': 'm', parents: 'p', verbose: 'v' } })
  if (o.rest.length === 0) throw new Fatal("mkdir: missing operand\nTry 'mkdir --help' for more information.")
  let ok = true
  const mode = o.get('m')
  if (mode !== undefined) parseMode(mode, 0, true, 0, 'mkdir')
  for (const path of o.rest) {
    const make = (p: string, last: boolean) => {
      process.fs.mkdir(p)
      if (last && mode !== undefined) process.fs.chmod(p, parseMode(mode, 0o777 & ~process.umask, true, process.umask))
    }
    try {
      if (o.has('p')) {
        const parts = path.replace(/\/+$/, '').split('/')
        for (let i = 1; i <= parts.length; i++) {
          const p = parts.slice(0, i).join('/') || '/'
          const s = stat(process, p)
          if (s) {
            if (s.type !== 'directory') throw new FsError(i === parts.length ? 'EEXIST' : 'ENOTDIR', p)
            continue
          }
          make(p, i === parts.length)
          if (o.has('v')) await process.stdout.write(`mkdir: created directory ${quote(p)}\n`)
        }
      } else {
        make(path.replace(/(.)\/+$/, '$1'), true)
        if (o.has('v')) await process.stdout.write(`mkdir: created directory ${quote(path)}\n`)
      }
    } catch (error) {
      if (error instanceof FsError && error.code === 'ENOTDIR' && o.has('p')) await complain(process, `cannot create directory ${curly(error.path ?? path)}: Not a directory`)
      else await failure(process, `cannot create directory ${curly(path)}`, error)
      ok = false
    }
  }
  return ok ? 0 : 1
})

const rmdir: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'pv', long: { parents: 'p', verbose: 'v', 'ignore-fail-on-non-empty': 'I' } })
  if (o.rest.length === 0) throw new Fatal("rmdir: missing operand\nTry 'rmdir --help' for more information.")
  let ok = true
  for (const path of o.rest) {
    const chain = [path.replace(/(.)\/+$/, '$1')]
    if (o.has('p')) for (let p = chain[0]!; p.includes('/') && p.lastIndexOf('/') > 0; ) chain.push((p = p.slice(0, p.lastIndexOf('/'))))
    for (const p of chain) {
      if (o.has('v')) await process.stdout.write(`rmdir: removing directory, ${quote(p)}\n`)
      try {
        process.fs.rmdir(p)
      } catch (error) {
        if (error instanceof FsError && error.code === 'ENOTEMPTY' && o.has('I')) break
        await failure(process, p === chain[0] ? `failed to remove ${quote(path)}` : `failed to remove directory ${quote(p)}`, error)
        ok = false
        break
      }
    }
  }
  return ok ? 0 : 1
})

const ln: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'bfFdiLnPrsS:t:Tv', long: { 'backup=?': 'b', interactive: 'i', logical: 'L', physical: 'P', directory: 'd', 'suffix=': 'S', force: 'f', 'no-dereference': 'n', symbolic: 's', relative: 'r', 'target-directory=': 't', 'no-target-directory': 'T', verbose: 'v' } })
  const rest = o.rest.length === 1 && !o.has('t') ? [o.rest[0]!, `./${base(o.rest[0]!)}`] : o.rest
  const plain = o.has('T') || (o.has('n') && lstat(process, rest.at(-1) ?? '')?.type === 'symlink')
  let ok = true
  for (const [from, to] of destinations(process, rest, o.get('t'), plain)) {
    const kind = o.has('s') ? 'symbolic link' : 'hard link'
    try {
      if (!o.has('s')) {
        const s = lstat(process, from)
        if (!s) {
          await complain(process, `failed to access ${quote(from)}: No such file or directory`)
          ok = false
          continue
        }
        if (s.type === 'directory') {
          await complain(process, `${from}: hard link not allowed for directory`)
          ok = false
          continue
        }
      }
      const there = lstat(process, to)
      if (there && o.has('i') && !(await ask(process, `ln: replace ${quote(to)}? `))) continue
      if (there && o.has('b') && there.type !== 'directory') process.fs.rename(to, to + (o.get('S') ?? '~'))
      else if (there && (o.has('f') || o.has('i')) && there.type !== 'directory') process.fs.unlink(to)
      if (o.has('s')) process.fs.symlink(o.has('r') ? relative(logicalPath(process.cwd, to).replace(/\/[^/]*$/, ''), resolved(process, from)) : from, to)
      else process.fs.link(from, to)
      if (o.has('v')) await process.stdout.write(`${quote(to)} ${o.has('s') ? '->' : '=>'} ${quote(from)}\n`)
    } catch (error) {
      await failure(process, `failed to create ${kind} ${quote(to)}`, error)
      ok = false
    }
  }
  return ok ? 0 : 1
})

/** Where a path leads, as far as it exists. */
function resolved(process: Process, path: string): string {
  try {
    return process.fs.realpath(path)
  } catch {
    return logicalPath(process.cwd, path)
  }
}

export function relative(from: string, to: string): string {
  const a = from.split('/').filter((x) => x !== '')
  const b = to.split('/').filter((x) => x !== '')
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  return [...a.slice(i).map(() => '..'), ...b.slice(i)].join('/') || '.'
}

const touch: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'acd:fhmr:t:', long: { 'no-create': 'c', 'date=': 'd', 'reference=': 'r', 'time=': 'T', 'no-dereference': 'h' } })
  if (o.rest.length === 0) throw new Fatal("touch: missing file operand\nTry 'touch --help' for more information.")
  let time = process.now()
  if (o.has('r')) {
    const s = stat(process, o.get('r')!)
    if (!s) throw new Fatal(`touch: failed to get attributes of ${quote(o.get('r')!)}: No such file or directory`)
    time = s.mtime
  } else if (o.has('d')) {
    const t = parseDate(o.get('d')!, process.now())
    if (t === undefined) throw new Fatal(`touch: invalid date format ‘${o.get('d')}’`)
    time = t
  } else if (o.has('t')) {
    const m = /^((\d\d)?\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?$/.exec(o.get('t')!)
    if (!m) throw new Fatal(`touch: invalid date format ‘${o.get('t')}’`)
    const y = m[1] === undefined ? new Date(process.now()).getUTCFullYear() : m[1].length === 4 ? Number(m[1]) : 2000 + Number(m[1])
    time = Date.UTC(y, Number(m[3]) - 1, Number(m[4]), Number(m[5]), Number(m[6]), Number(m[7] ?? 0))
  }
  let ok = true
  for (const path of o.rest) {
    try {
      if (!process.fs.exists(path)) {
        if (o.has('c')) continue
        if (path.endsWith('/')) {
          await complain(process, `setting times of ${quote(path)}: No such file or directory`)
          ok = false
          continue
        }
        process.fs.writeFile(path, '')
      }
      process.fs.utimes(path, time)
    } catch (error) {
      await failure(process, `cannot touch ${quote(path)}`, error)
      ok = false
    }
  }
  return ok ? 0 : 1
})

/** Octal or symbolic; throws Fatal. */
export function parseMode(text: string, current: number, directory: boolean, umask: number, command = 'chmod'): number {
  if (/^[0-7]{1,5}$/.test(text)) return parseInt(text, 8) | (directory && text.length < 5 ? current & 0o6000 : 0)
  let mode = current
  for (const clause of text.split(',')) {
    const m = /^([ugoa]*)((?:[-+=](?:[ugo](?![rwxXst])|[rwxXst]*|[0-7]+))+)$/.exec(clause)
    if (!m) throw new Fatal(command === 'mkdir' ? `mkdir: invalid mode ‘${text}’` : `${command}: invalid mode: ‘${text}’\nTry '${command} --help' for more information.`)
    const all = m[1] === ''
    const who = all || m[1]!.includes('a') ? 'ugo' : m[1]!
    for (const action of m[2]!.matchAll(/([-+=])([ugo](?![rwxXst])|[rwxXst]*|[0-7]+)/g)) {
      const op = action[1]!
      const perms = action[2]!
      let bits = 0
      if (/^[ugo]$/.test(perms)) bits = (mode >> ({ u: 6, g: 3, o: 0 }[perms as 'u'])) & 7
      else {
        if (perms.includes('r')) bits |= 4
        if (perms.includes('w')) bits |= 2
        if (perms.includes('x') || (perms.includes('X') && (directory || mode & 0o111))) bits |= 1
      }
      let value = 0
      let mask = 0
      for (const w of who) {
        const shift = { u: 6, g: 3, o: 0 }[w as 'u']
        value |= bits << shift
        mask |= 7 << shift
        if (perms.includes('s') && w === 'u') value |= 0o4000
        if (perms.includes('s') && w === 'g') value |= 0o2000
      }
      if (perms.includes('t')) value |= 0o1000
      if (all && op !== '=') value &= ~umask | 0o7000
      if (all && op === '=') value &= ~umask
      mode = op === '+' ? mode | value : op === '-' ? mode & ~value : (mode & ~mask) | value
    }
  }
  return mode
}

async function walk(process: Process, path: string, visit: (path: string, s: Stat) => Promise<void>): Promise<void> {
  const s = process.fs.lstat(path)
  await visit(path, s)
  if (s.type === 'directory') for (const name of process.fs.readDir(path)) await walk(process, join(path, name), visit)
}

const chmod: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  // `-x` and the like are modes, not options.
  const modeAt = args.findIndex((a) => /^-[rwxXstugo]/.test(a) && !/^-[Rvcf]+$/.test(a))
  const marked = modeAt >= 0 ? args.filter((_, i) => i !== modeAt) : args
  const o = parseOptions(process, { short: 'Rcfv', long: { recursive: 'R', changes: 'c', quiet: 'f', silent: 'f', verbose: 'v', 'reference=': 'ref' } }, marked)
  const rest = modeAt >= 0 ? [args[modeAt]!, ...o.rest] : o.has('ref') ? [process.fs.stat(o.get('ref')!).mode.toString(8), ...o.rest] : o.rest
  if (rest.length === 0) throw new Fatal("chmod: missing operand\nTry 'chmod --help' for more information.")
  if (rest.length === 1) throw new Fatal(`chmod: missing operand after ${quote(rest[0]!).replace(/^'/, '‘').replace(/'$/, '’')}\nTry 'chmod --help' for more information.`)
  const mode = rest[0]!
  parseMode(mode, 0, false, 0)
  let ok = true
  for (const path of rest.slice(1)) {
    const change = async (p: string, s: Stat) => {
      if (s.type === 'symlink') return
      const next = parseMode(mode, s.mode, s.type === 'directory', process.umask)
      try {
        process.fs.chmod(p, next)
        if (o.has('v') || (o.has('c') && next !== s.mode)) {
          const show = (m: number) => `${m.toString(8).padStart(4, '0')} (${modeText({ ...s, mode: m }).slice(1)})`
          await process.stdout.write(next === s.mode ? `mode of ${quote(p)} retained as ${show(next)}\n` : `mode of ${quote(p)} changed from ${show(s.mode)} to ${show(next)}\n`)
        }
      } catch (error) {
        await failure(process, `changing permissions of ${quote(p)}`, error)
        ok = false
      }
    }
    const s = stat(process, path)
    if (!s) {
      if (!o.has('f')) await complain(process, `cannot access ${quote(path)}: No such file or directory`)
      ok = false
    } else if (o.has('R')) await walk(process, path, change)
    else await change(path, s)
  }
  return ok ? 0 : 1
})

export function groupKnown(process: Process, name: string): boolean {
  return lookupGroup(process, name) !== undefined
}

function lookupGroup(process: Process, name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name)
  const line = process.fs.readFile('/etc/group').split('\n').find((l) => l.startsWith(`${name}:`))
  return line ? Number(line.split(':')[2]) : undefined
}

const chown: Program = tool(async (process) => {
  const command = nameOf(process)
  const o = parseOptions(process, { short: 'RHLPcfhv', long: { recursive: 'R', 'no-dereference': 'h', verbose: 'v', changes: 'c', quiet: 'f', silent: 'f', 'reference=': 'ref', dereference: 'D', 'from=': 'from' } })
  if (o.rest.length === 0) throw new Fatal(`${command}: missing operand\nTry '${command} --help' for more information.`)
  if (o.rest.length === 1 && !o.has('ref')) throw new Fatal(`${command}: missing operand after ‘${o.rest[0]}’\nTry '${command} --help' for more information.`)
  const spec = o.has('ref') ? '' : o.rest[0]!
  const model = o.has('ref') ? stat(process, o.get('ref')!) : undefined
  if (o.has('ref') && !model) throw new Fatal(`${command}: failed to get attributes of ${quote(o.get('ref')!)}: No such file or directory`)
  let uid = command === 'chgrp' ? undefined : model?.uid
  let gid = model?.gid
  if (model) {
    // Both are known.
  } else if (command === 'chgrp') {
    gid = lookupGroup(process, spec)
    if (gid === undefined) throw new Fatal(`chgrp: invalid group: ‘${spec}’`)
  } else {
    const m = /^([^:.]*)(?:[:.](.*))?$/.exec(spec)!
    if (m[1] !== '') {
      uid = /^\d+$/.test(m[1]!) ? Number(m[1]) : process.machine.users.get(m[1]!)?.uid
      if (uid === undefined) throw new Fatal(`chown: invalid user: ‘${spec}’`)
      if (m[2] === '') gid = process.machine.users.get(m[1]!)?.gid
    }
    if (m[2] !== undefined && m[2] !== '') {
      gid = lookupGroup(process, m[2])
      if (gid === undefined) throw new Fatal(`chown: invalid group: ‘${spec}’`)
    }
  }
  let ok = true
  for (const path of o.rest.slice(o.has('ref') ? 0 : 1)) {
    const change = async (p: string, s: Stat) => {
      try {
        process.fs.chown(p, uid ?? s.uid, gid ?? s.gid)
        const changed = (uid ?? s.uid) !== s.uid || (gid ?? s.gid) !== s.gid
        if (o.has('v') || (o.has('c') && changed)) {
          const both = (u: number, g: number) => (command === 'chgrp' ? groupName(process, g) : gid === undefined ? userName(process, u) : `${userName(process, u)}:${groupName(process, g)}`)
          const what = command === 'chgrp' ? 'group' : 'ownership'
          await process.stdout.write(changed ? `changed ${what} of ${quote(p)} from ${both(s.uid, s.gid)} to ${both(uid ?? s.uid, gid ?? s.gid)}\n` : `${what} of ${quote(p)} retained as ${both(s.uid, s.gid)}\n`)
        }
      } catch (error) {
        await failure(process, command === 'chgrp' ? `changing group of ${quote(p)}` : `changing ownership of ${quote(p)}`, error)
        ok = false
      }
    }
    const s = lstat(process, path)
    if (!s) {
      await complain(process, `cannot access ${quote(path)}: No such file or directory`)
      ok = false
    } else if (o.has('R')) await walk(process, path, change)
    else await change(path, s)
  }
  return ok ? 0 : 1
})

const realpath: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'eLmPqsz', long: { 'canonicalize-existing': 'e', 'canonicalize-missing': 'm', 'no-symlinks': 's', strip: 's', quiet: 'q', 'relative-to=': 'to', 'relative-base=': 'base', zero: 'z' } })
  if (o.rest.length === 0) throw new Fatal("realpath: missing operand\nTry 'realpath --help' for more information.")
  let ok = true
  for (const path of o.rest) {
    const found = canonical(process, path, o.has('m') ? 'm' : o.has('e') ? 'e' : 'f')
    if (found === undefined) {
      if (!o.has('q')) await complain(process, `${path}: No such file or directory`)
      ok = false
      continue
    }
    const text = o.has('s') ? logicalPath(process.cwd, path) : found
    const folder = (name: string) => (o.has(name) ? canonical(process, o.get(name)!, 'm') : undefined)
    const limit = folder('base')
    const from = folder('to') ?? limit
    // Below the base names are relative, elsewhere whole.
    const below = (name: string) => limit === undefined || limit === '/' || name === limit || name.startsWith(`${limit}/`)
    await process.stdout.write((from !== undefined && below(from) && below(text) ? relative(from, text) : text) + (o.has('z') ? '\0' : '\n'))
  }
  return ok ? 0 : 1
})

/** `f`: the last component may be missing; `e`: all must exist; `m`: none needs to. */
export function canonical(process: Process, path: string, how: 'f' | 'e' | 'm'): string | undefined {
  if (path === '') return undefined
  try {
    return process.fs.realpath(path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    if (how === 'e' || (error.code !== 'ENOENT' && how !== 'm')) return undefined
  }
  const clean = path.replace(/(.)\/+$/, '$1')
  if (clean === '/') return clean
  const at = clean.lastIndexOf('/')
  const name = clean.slice(at + 1)
  const link = lstat(process, clean)
  if (link?.type === 'symlink') {
    const target = process.fs.readlink(clean)
    return canonical(process, target.startsWith('/') ? target : join(at < 0 ? '.' : clean.slice(0, at) || '/', target), how)
  }
  const parent = at < 0 ? process.cwd : clean.slice(0, at) || '/'
  const dir = how === 'm' ? (canonical(process, parent, 'm') ?? parent) : (() => {
    try {
      return process.fs.realpath(parent)
    } catch {
      return undefined
    }
  })()
  return dir === undefined ? undefined : name === '..' ? logicalPath(dir, '..') : join(dir, name)
}

const readlink: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'efmnqsvz', long: { canonicalize: 'f', 'canonicalize-existing': 'e', 'canonicalize-missing': 'm', 'no-newline': 'n', verbose: 'v', zero: 'z' } })
  if (o.rest.length === 0) throw new Fatal("readlink: missing operand\nTry 'readlink --help' for more information.")
  let ok = true
  for (const path of o.rest) {
    let text: string | undefined
    if (o.has('f') || o.has('e') || o.has('m')) text = canonical(process, path, o.has('m') ? 'm' : o.has('e') ? 'e' : 'f')
    else if (lstat(process, path)?.type === 'symlink') text = process.fs.readlink(path)
    if (text === undefined) {
      if (o.has('v')) await complain(process, `${path}: ${lstat(process, path) ? 'Invalid argument' : 'No such file or directory'}`)
      ok = false
    } else await process.stdout.write(text + (o.has('n') && o.rest.length === 1 ? '' : o.has('z') ? '\0' : '\n'))
  }
  return ok ? 0 : 1
})

const mktemp: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'dqtup:', long: { directory: 'd', quiet: 'q', 'dry-run': 'u', 'tmpdir=?': 'p', 'suffix=': 'suffix' } })
  const given = o.rest[0]
  let template = given ?? 'tmp.XXXXXXXXXX'
  const dir = o.get('p') || process.env.get('TMPDIR') || '/tmp'
  if (given === undefined || o.has('t') || o.has('p')) template = join(dir, template)
  template += o.get('suffix') ?? ''
  const m = /X{3,}(?=[^X/]*$)/.exec(template)
  if (!m) throw new Fatal(`mktemp: too few X's in template ‘${given ?? template}${given === undefined ? '' : (o.get('suffix') ?? '')}’`)
  const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  const random = process.machine.sim.random
  let name = ''
  for (let i = 0; i < m[0].length; i++) name += alphabet[Math.floor(random.next() * alphabet.length)]
  const path = template.slice(0, m.index) + name + template.slice(m.index + m[0].length)
  try {
    if (!o.has('u')) {
      if (o.has('d')) process.fs.mkdir(path, { mode: 0o700 })
      else process.fs.writeFile(path, '', { mode: 0o600 })
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    if (!o.has('q')) await complain(process, `failed to create ${o.has('d') ? 'directory' : 'file'} via template ‘${template}’: ${strerror(error.code)}`)
    return 1
  }
  await process.stdout.write(path + '\n')
  return 0
})

const du: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'abcd:hkmsxS', long: { all: 'a', 'apparent-size': 'A', bytes: 'b', total: 'c', 'max-depth=': 'd', 'human-readable': 'h', summarize: 's' } })
  const depth = o.has('s') ? 0 : Number(o.get('d') ?? Infinity)
  const show = (n: number) => (o.has('h') ? humanSize(n) : String(o.has('b') ? n : o.has('m') ? Math.ceil(n / 1048576) : Math.ceil(n / 1024)))
  let ok = true
  let grand = 0
  const sizeOf = (s: Stat) => (o.has('b') || o.has('A') ? s.size : blocks(s) * 1024)
  const visit = async (path: string, level: number): Promise<number> => {
    const s = process.fs.lstat(path)
    let total = sizeOf(s)
    if (s.type === 'directory') for (const name of process.fs.readDir(path)) total += await visit(join(path, name), level + 1)
    if ((s.type === 'directory' || o.has('a') || level === 0) && level <= depth) await process.stdout.write(`${show(total)}\t${path}\n`)
    return total
  }
  for (const path of o.rest.length > 0 ? o.rest : ['.']) {
    try {
      grand += await visit(path, 0)
    } catch (error) {
      await failure(process, `cannot access ${quote(path)}`, error)
      ok = false
    }
  }
  if (o.has('c')) await process.stdout.write(`${show(grand)}\ttotal\n`)
  return ok ? 0 : 1
})

export const filePrograms: readonly (readonly [string, Program])[] = [
  ['cp', cp], ['mv', mv], ['rm', rm], ['mkdir', mkdir], ['rmdir', rmdir], ['ln', ln], ['touch', touch], ['chmod', chmod], ['chown', chown], ['chgrp', chown], ['realpath', realpath], ['readlink', readlink], ['mktemp', mktemp], ['du', du], 
  ['sync', async () => 0],
]
