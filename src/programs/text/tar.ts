/** tar (ustar): create, list, extract, append; gzip with -z, by the name (-a) or by what the archive holds. bzip2 and xz archives stay plain. */
import { byteLength, decodeBytes, encodeBytes } from '#base/bytes.ts'
import { matchesPattern } from '#base/glob.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Stat } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { complain, Fatal, parseOptions, readText, tool } from './common.ts'
import { gunzip, gzip, GzipError, isGzip } from './deflate.ts'
import { groupName, modeText, userName } from './ls.ts'

interface Member {
  readonly name: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly type: string
  readonly link: string
  readonly user: string
  readonly group: string
  readonly data: Uint8Array
}

function field(text: string, width: number): Uint8Array {
  const out = new Uint8Array(width)
  out.set(encodeBytes(text).slice(0, width))
  return out
}

function header(m: Member): Uint8Array {
  const block = new Uint8Array(512)
  const octal = (n: number, width: number) => field(n.toString(8).padStart(width - 1, '0'), width)
  let name = m.name
  let prefix = ''
  if (byteLength(name) > 100) {
    const at = name.lastIndexOf('/', name.length - 2)
    prefix = name.slice(0, at)
    name = name.slice(at + 1)
  }
  block.set(field(name, 100), 0)
  block.set(octal(m.mode, 8), 100)
  block.set(octal(m.uid, 8), 108)
  block.set(octal(m.gid, 8), 116)
  block.set(octal(m.data.length, 12), 124)
  block.set(octal(Math.floor(m.mtime / 1000), 12), 136)
  block.set(field('        ', 8), 148)
  block.set(field(m.type, 1), 156)
  block.set(field(m.link, 100), 157)
  block.set(field('ustar  ', 8), 257)
  block.set(field(m.user, 32), 265)
  block.set(field(m.group, 32), 297)
  block.set(field(prefix, 155), 345)
  let sum = 0
  for (const b of block) sum += b
  block.set(field(sum.toString(8).padStart(6, '0') + '\0 ', 8), 148)
  return block
}

export function packTar(members: readonly Member[]): string {
  const blocks: Uint8Array[] = []
  for (const m of members) {
    blocks.push(header(m))
    const padded = new Uint8Array(Math.ceil(m.data.length / 512) * 512)
    padded.set(m.data)
    blocks.push(padded)
  }
  const size = blocks.reduce((n, b) => n + b.length, 0) + 1024
  const all = new Uint8Array(Math.ceil(size / 10240) * 10240)
  let at = 0
  for (const b of blocks) {
    all.set(b, at)
    at += b.length
  }
  return decodeBytes(all)
}

/** Undefined where it is no archive. */
export function unpackTar(text: string): Member[] | undefined {
  const bytes = encodeBytes(text)
  if (bytes.length < 512) return undefined
  const members: Member[] = []
  const string = (from: number, width: number) => {
    let end = from
    while (end < from + width && bytes[end] !== 0) end++
    return decodeBytes(bytes.slice(from, end))
  }
  const number = (from: number, width: number) => parseInt(string(from, width).trim() || '0', 8)
  let longName: string | undefined
  for (let at = 0; at + 512 <= bytes.length; ) {
    if (bytes[at] === 0) break
    let sum = 0
    for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : bytes[at + i]!
    if (sum !== number(at + 148, 8)) return members.length > 0 ? members : undefined
    const size = number(at + 124, 12)
    const prefix = string(at + 257, 5) === 'ustar' ? string(at + 345, 155) : ''
    const type = string(at + 156, 1) || '0'
    const data = bytes.slice(at + 512, at + 512 + size)
    const name = longName ?? (prefix ? `${prefix}/${string(at, 100)}` : string(at, 100))
    longName = undefined
    if (type === 'L') longName = decodeBytes(data).replace(/\0+$/, '')
    else if (type !== 'x' && type !== 'g') members.push({ name, mode: number(at + 100, 8), uid: number(at + 108, 8), gid: number(at + 116, 8), mtime: number(at + 136, 12) * 1000, type, link: string(at + 157, 100), user: string(at + 265, 32), group: string(at + 297, 32), data })
    at += 512 + Math.ceil(size / 512) * 512
  }
  return members
}

const tarProgram: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  // The old form: a bundle of letters without a dash, values follow in order.
  let given = args
  if (args[0] !== undefined && !args[0].startsWith('-')) {
    const values = args.slice(1)
    given = []
    for (const c of args[0]) given.push(`-${c}`, ...('fCTXb'.includes(c) ? values.splice(0, 1) : []))
    given.push(...values)
  }
  const o = parseOptions(process, {
    short: 'cxtruadf:vC:zjJpmkhOT:X:P', code: 64,
    long: { create: 'c', extract: 'x', get: 'x', list: 't', 'file=': 'f', verbose: 'v', 'directory=': 'C', gzip: 'z', gunzip: 'z', ungzip: 'z', 'auto-compress': 'a', append: 'r', update: 'u', diff: 'd', compare: 'd', 'full-time': 'full', 'exclude-from=': 'X', bzip2: 'j', xz: 'J', 'numeric-owner': 'numeric', 'no-recursion': 'norec', 'transform=': 'transform', 'xform=': 'transform', 'show-transformed-names': 'shown', totals: 'totals', 'owner=': 'owner', 'group=': 'group', 'mtime=': 'mtime', 'sort=': 'sort', 'no-same-owner': 'N', 'no-same-permissions': 'M', 'strip-components=': 'S', 'exclude=': 'E', 'to-stdout': 'O', 'keep-old-files': 'k', 'same-owner': 'same', 'no-overwrite-dir': 'now', touch: 'm', 'absolute-names': 'P', 'preserve-permissions': 'p', 'files-from=': 'T', wildcards: 'wild', 'one-top-level=?': 'top', overwrite: 'over' },
  }, given)
  const modes = ['c', 'x', 't', 'r', 'u', 'd'].filter((m) => o.has(m))
  const help = "Try 'tar --help' or 'tar --usage' for more information."
  if (modes.length === 0) throw new Fatal(`tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\n${help}`, 2)
  if (modes.length > 1) throw new Fatal(`tar: You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option\n${help}`, 2)
  const file = o.get('f') ?? '-'
  const out = file === '-' && modes[0] === 'c' ? process.stderr : process.stdout
  const cwdOf = (dir: string | undefined) => (dir === undefined ? '' : dir.endsWith('/') ? dir : dir + '/')
  const dirs = o.all('C')
  const base = dirs.length > 0 ? cwdOf(dirs.at(-1)!) : ''
  const excluded = (name: string) => o.all('E').some((p) => matchesPattern(name, p, { extglob: false }) || matchesPattern(name.slice(name.lastIndexOf('/') + 1), p, { extglob: false }) || name.startsWith(p.replace(/\/$/, '') + '/'))
  if (dirs.length > 0 && !process.fs.exists(dirs.at(-1)!)) throw new Fatal(`tar: ${dirs.at(-1)}: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now`, 2)
  if (modes[0] === 'c' || modes[0] === 'r' || modes[0] === 'u') {
    const names = [...o.rest]
    if (o.has('T')) names.push(...(o.get('T') === '-' ? await process.stdin.readAll() : await readText(process, o.get('T')!)).split('\n').filter((l) => l !== ''))
    if (names.length === 0) throw new Fatal(`tar: Cowardly refusing to create an empty archive\n${help}`, 2)
    const members: Member[] = modes[0] !== 'c' && process.fs.exists(file) ? [...(unpackTar(process.fs.readFile(file)) ?? [])] : []
    let failed = false
    let stripped = ''
    const add = async (name: string): Promise<void> => {
      if (excluded(name)) return
      const path = name.startsWith('/') ? name : base + name
      let s: Stat
      try {
        s = o.has('h') ? process.fs.stat(path) : process.fs.lstat(path)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await complain(process, `${name}: Cannot stat: ${strerror(error.code)}`)
        failed = true
        return
      }
      let stored = name
      if (!o.has('P')) {
        const lead = /^(\/+|(?:.*\/)?\.\.\/)/.exec(name)?.[1] ?? ''
        if (lead !== '') {
          stored = name.slice(lead.length)
          if (stripped !== lead) await process.stderr.write(`tar: Removing leading \`${lead}' from member names\n`)
          stripped = lead
        }
      }
      if (s.type === 'directory' && !stored.endsWith('/')) stored += '/'
      let data = new Uint8Array(0)
      if (s.type === 'file') {
        try {
          data = new Uint8Array(encodeBytes(process.fs.readFile(path)))
        } catch (error) {
          if (!(error instanceof FsError)) throw error
          await complain(process, `${name}: Cannot open: ${strerror(error.code)}`)
          failed = true
          return
        }
      }
      if (o.has('v')) await out.write(`${stored}\n`)
      members.push({ name: stored, mode: s.mode, uid: s.uid, gid: s.gid, mtime: s.mtime, type: s.type === 'directory' ? '5' : s.type === 'symlink' ? '2' : '0', link: s.type === 'symlink' ? process.fs.readlink(path) : '', user: userName(process, s.uid), group: groupName(process, s.gid), data })
      if (s.type === 'directory') for (const n of process.fs.readDir(path)) await add(name.endsWith('/') ? name + n : `${name}/${n}`)
    }
    for (const n of names) await add(n)
    const plain = packTar(members)
    const zipped = o.has('z') || (o.has('a') && /\.(tgz|gz)$/.test(file))
    const archive = zipped ? decodeBytes(gzip(encodeBytes(plain), '', 0)) : plain
    if (file === '-') await process.stdout.write(archive)
    else {
      try {
        process.fs.writeFile(file, archive)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        throw new Fatal(`tar: ${file}: Cannot open: ${strerror(error.code)}\ntar: Error is not recoverable: exiting now`, 2)
      }
    }
    if (failed) {
      await complain(process, 'Exiting with failure status due to previous errors')
      return 2
    }
    return 0
  }
  let text: string
  try {
    text = file === '-' ? await process.stdin.readAll() : process.fs.readFile(file)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Fatal(o.has('z') ? `tar (child): ${file}: Cannot open: ${strerror(error.code)}\ntar (child): Error is not recoverable: exiting now\ntar: Child returned status 2\ntar: Error is not recoverable: exiting now` : `tar: ${file}: Cannot open: ${strerror(error.code)}\ntar: Error is not recoverable: exiting now`, 2)
  }
  const raw = encodeBytes(text)
  if (isGzip(raw)) {
    try {
      text = decodeBytes(gunzip(raw).bytes)
    } catch (error) {
      if (!(error instanceof GzipError)) throw error
      throw new Fatal(`\ngzip: stdin: ${error.message}\ntar: Child returned status 1\ntar: Error is not recoverable: exiting now`, 2)
    }
  } else if (o.has('z') && text !== '') throw new Fatal('\ngzip: stdin: not in gzip format\ntar: Child returned status 1\ntar: Error is not recoverable: exiting now', 2)
  const members = text === '' ? [] : unpackTar(text)
  if (members === undefined) throw new Fatal('tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors', 2)
  const wanted = o.rest
  const seen = new Set<string>()
  const pick = (name: string) => {
    if (excluded(name.replace(/\/$/, ''))) return false
    if (wanted.length === 0) return true
    for (const w of wanted) {
      const clean = w.replace(/\/$/, '')
      if (name === w || name.replace(/\/$/, '') === clean || name.startsWith(clean + '/') || (o.has('wild') && matchesPattern(name, w, { extglob: false }))) {
        seen.add(w)
        return true
      }
    }
    return false
  }
  let failed = false
  const strip = Number(o.get('S') ?? 0)
  const later: [string, Member][] = []
  for (const m of members) {
    if (!pick(m.name)) continue
    if (modes[0] === 't') {
      if (o.has('v')) {
        const type = { '5': 'directory', '2': 'symlink', '1': 'file' }[m.type] ?? 'file'
        const mode = modeText({ type: type as 'file', mode: m.mode, uid: m.uid, gid: m.gid, size: 0, mtime: 0, ino: 0, nlink: 1 })
        const who = `${m.user || m.uid}/${m.group || m.gid}`
        await out.write(`${mode} ${who} ${String(m.data.length).padStart(Math.max(1, 19 - who.length - 1))} ${strftime('%Y-%m-%d %H:%M', m.mtime)} ${m.name}${m.type === '2' ? ` -> ${m.link}` : ''}\n`)
      } else await out.write(m.name + '\n')
      continue
    }
    const parts = m.name.split('/')
    const name = strip > 0 ? parts.slice(strip).join('/') : m.name
    if (name === '' || (strip >= parts.filter((p) => p !== '').length && strip > 0)) continue
    if (o.has('O')) {
      await process.stdout.write(decodeBytes(m.data))
      continue
    }
    if (o.has('v')) await out.write(m.name + '\n')
    const path = base + name.replace(/^\/+/, '').replace(/\/$/, '')
    try {
      if (path.includes('/')) makeParents(process, path)
      if (m.type === '5') {
        if (!process.fs.exists(path)) process.fs.mkdir(path)
        later.push([path, m])
        continue
      }
      if (process.fs.exists(path)) {
        if (o.has('k')) {
          await complain(process, `${name}: Cannot open: File exists`)
          failed = true
          continue
        }
        process.fs.unlink(path)
      }
      if (m.type === '2') process.fs.symlink(m.link, path)
      else if (m.type === '1') process.fs.link(base + m.link, path)
      else {
        process.fs.writeFile(path, decodeBytes(m.data))
        applyMode(process, path, m, o.has('p'), o.has('N'), o.has('m'))
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(process, `${name}: Cannot open: ${strerror(error.code)}`)
      failed = true
    }
  }
  for (const [path, m] of later.reverse()) applyMode(process, path, m, o.has('p'), o.has('N'), o.has('m'))
  for (const w of wanted) {
    if (!seen.has(w)) {
      await complain(process, `${w}: Not found in archive`)
      failed = true
    }
  }
  if (failed) {
    await complain(process, 'Exiting with failure status due to previous errors')
    return 2
  }
  return 0
})

function makeParents(process: Process, path: string): void {
  const dir = path.slice(0, path.lastIndexOf('/'))
  if (dir !== '' && !process.fs.exists(dir)) process.fs.mkdir(dir, { parents: true })
}

function applyMode(process: Process, path: string, m: Member, all: boolean, noOwner: boolean, touch: boolean): void {
  const root = process.user.uid === 0
  process.fs.chmod(path, all || root ? m.mode : m.mode & ~process.umask)
  if (root && !noOwner) process.fs.chown(path, m.uid, m.gid)
  if (!touch) process.fs.utimes(path, m.mtime)
}

export const tarPrograms: readonly (readonly [string, Program])[] = [['tar', tarProgram]]
