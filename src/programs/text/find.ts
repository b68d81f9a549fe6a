/** find: the usual tests, operators and actions. Entries come in byte order (a real directory has its own). */
import { matchesPattern } from '#base/glob.ts'
import { posixRegex } from '#base/regex.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Stat } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { complain, Fatal, Out, tool } from './common.ts'
import { blocks, groupName, modeText, userName } from './ls.ts'
import { parseMode } from './files.ts'

interface Item {
  readonly path: string
  readonly start: string
  readonly depth: number
  readonly stat: Stat
}

type Test = (item: Item) => Promise<boolean>

interface Context {
  readonly process: Process
  readonly out: Out
  readonly now: number
  action: boolean
  depthFirst: boolean
  maxDepth: number
  minDepth: number
  prune: boolean
  quit: boolean
  failed: boolean
  readonly atEnd: (() => Promise<void>)[]
}

function compare(spec: string, actual: number): boolean {
  const n = Number(spec.replace(/^[-+]/, ''))
  return spec.startsWith('+') ? actual > n : spec.startsWith('-') ? actual < n : actual === n
}

function baseName(path: string): string {
  const t = path.replace(/(.)\/+$/, '$1')
  return t === '/' ? '/' : t.slice(t.lastIndexOf('/') + 1)
}

const sizeUnits: Record<string, number> = { b: 512, c: 1, w: 2, k: 1024, M: 1048576, G: 1073741824 }

function format(process: Process, text: string, item: Item): string {
  const s = item.stat
  return text
    .replace(/\\(n|t|0|\\|r)/g, (_, c: string) => ({ n: '\n', t: '\t', '0': '\0', '\\': '\\', r: '\r' })[c]!)
    .replace(/%(-?\d*)(A.|C.|T.|[a-zA-Z%])/g, (all, width: string, c: string) => {
      const value = ((): string | undefined => {
        switch (c[0]) {
          case '%': return '%'
          case 'p': return item.path
          case 'f': return baseName(item.path)
          case 'h': return item.path.includes('/') ? item.path.slice(0, item.path.lastIndexOf('/')) : '.'
          case 'P': return item.path === item.start ? '' : item.path.slice(item.start.length).replace(/^\//, '')
          case 'H': return item.start
          case 's': return String(s.size)
          case 'k': return String(blocks(s))
          case 'b': return String(blocks(s) * 2)
          case 'm': return s.mode.toString(8)
          case 'M': return modeText(s)
          case 'y': return { file: 'f', directory: 'd', symlink: 'l', device: 'c', fifo: 'p', socket: 's' }[s.type]
          case 'u': return userName(process, s.uid)
          case 'g': return groupName(process, s.gid)
          case 'U': return String(s.uid)
          case 'G': return String(s.gid)
          case 'd': return String(item.depth)
          case 'i': return String(s.ino)
          case 'n': return String(s.nlink)
          case 'l': return s.type === 'symlink' ? process.fs.readlink(item.path) : ''
          case 't': case 'a': case 'c': return strftime('%a %b %e %H:%M:%S.%N0 %Y', s.mtime)
          case 'T': case 'A': case 'C': return c[1] === '@' ? (s.mtime / 1000).toFixed(10) : c[1] === '+' ? strftime('%Y-%m-%d+%H:%M:%S.%N0', s.mtime) : c[1] === 'S' ? strftime('%S.%N0', s.mtime) : c[1] === 'T' ? strftime('%H:%M:%S.%N0', s.mtime) : strftime(`%${c[1]}`, s.mtime)
          default: return undefined
        }
      })()
      if (value === undefined) return all
      const w = Number(width || 0)
      return w < 0 ? value.padEnd(-w) : value.padStart(w)
    })
}

function precede(process: Process, name: string, predicate: string | undefined): string {
  const hint = predicate?.startsWith('-') && process.fs.exists(name) ? `\nfind: possible unquoted pattern after predicate \`${predicate}'?` : ''
  return `find: paths must precede expression: \`${name}'${hint}`
}

class FindParser {
  readonly args: readonly string[]
  readonly c: Context
  pos = 0
  constructor(args: readonly string[], c: Context) {
    this.args = args
    this.c = c
  }

  value(name: string): string {
    const v = this.args[this.pos++]
    if (v === undefined) throw new Fatal(`find: missing argument to \`${name}'`)
    return v
  }

  or(): Test {
    let left = this.and()
    while (this.args[this.pos] === '-o' || this.args[this.pos] === '-or' || this.args[this.pos] === ',') {
      const comma = this.args[this.pos] === ','
      this.pos++
      const a = left
      const b = this.and()
      left = comma ? async (i) => ((await a(i)), b(i)) : async (i) => (await a(i)) || b(i)
    }
    return left
  }

  and(): Test {
    let left = this.not()
    for (;;) {
      const t = this.args[this.pos]
      if (t === undefined || t === ')' || t === '-o' || t === '-or' || t === ',') return left
      if (t === '-a' || t === '-and') this.pos++
      const a = left
      const b = this.not()
      left = async (i) => (await a(i)) && b(i)
    }
  }

  not(): Test {
    const t = this.args[this.pos]
    if (t === '!' || t === '-not') {
      this.pos++
      const inner = this.not()
      return async (i) => !(await inner(i))
    }
    if (t === '(') {
      this.pos++
      const inner = this.or()
      if (this.args[this.pos++] !== ')') throw new Fatal("find: invalid expression; I was expecting to find a ')' somewhere but did not see one.")
      return inner
    }
    return this.primary()
  }

  primary(): Test {
    const name = this.args[this.pos++]
    const { c } = this
    const { process } = c
    if (name === undefined) throw new Fatal('find: expected an expression')
    const number = () => {
      const v = this.value(name)
      if (!/^[-+]?\d+$/.test(v)) throw new Fatal(`find: invalid argument \`${v}' to \`${name}'`)
      return v
    }
    const glob = (ignoreCase: boolean, pick: (i: Item) => string): Test => {
      const pattern = this.value(name)
      return async (i) => matchesPattern(pick(i), pattern, { ignoreCase, extglob: false })
    }
    switch (name) {
      case '-name': return glob(false, (i) => baseName(i.path))
      case '-iname': return glob(true, (i) => baseName(i.path))
      case '-path':
      case '-wholename': return glob(false, (i) => i.path)
      case '-ipath': return glob(true, (i) => i.path)
      case '-lname': return glob(false, (i) => (i.stat.type === 'symlink' ? process.fs.readlink(i.path) : ''))
      case '-regex':
      case '-iregex': {
        const source = this.value(name)
        const regex = posixRegex(`^(${source.replace(/\\([|()])/g, '$1')})$`, { extended: true, ignoreCase: name === '-iregex' })
        return async (i) => regex.test(i.path)
      }
      case '-regextype': {
        this.value(name)
        return async () => true
      }
      case '-type':
      case '-xtype': {
        const kinds = this.value(name).split(',')
        const map: Record<string, string> = { f: 'file', d: 'directory', l: 'symlink', c: 'device', b: 'block', p: 'fifo', s: 'socket' }
        for (const k of kinds) if (!map[k]) throw new Fatal(`find: Unknown argument to -type: ${k}`)
        return async (i) => kinds.some((k) => map[k] === i.stat.type)
      }
      case '-empty': return async (i) => (i.stat.type === 'directory' ? process.fs.readDir(i.path).length === 0 : i.stat.type === 'file' && i.stat.size === 0)
      case '-size': {
        const v = this.value(name)
        const m = /^([-+]?)(\d+)([bcwkMG]?)$/.exec(v)
        if (!m) throw new Fatal(`find: Invalid argument \`${v}' to -size`)
        const unit = sizeUnits[m[3] || 'b']!
        return async (i) => compare(`${m[1]}${m[2]}`, Math.ceil(i.stat.size / unit))
      }
      case '-mtime':
      case '-ctime':
      case '-atime': {
        const v = number()
        return async (i) => compare(v, Math.floor((c.now - i.stat.mtime) / 86400000))
      }
      case '-mmin':
      case '-cmin':
      case '-amin': {
        const v = number()
        return async (i) => compare(v, v.startsWith('-') || v.startsWith('+') ? (c.now - i.stat.mtime) / 60000 : Math.ceil((c.now - i.stat.mtime) / 60000))
      }
      case '-newer': {
        const path = this.value(name)
        let time: number
        try {
          time = process.fs.stat(path).mtime
        } catch {
          throw new Fatal(`find: ‘${path}’: No such file or directory`)
        }
        return async (i) => i.stat.mtime > time
      }
      case '-newermt': {
        const text = this.value(name)
        const time = Date.parse(/\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : `${text.replace(' ', 'T')}Z`)
        return async (i) => i.stat.mtime > time
      }
      case '-perm': {
        const v = this.value(name)
        const want = parseMode(v.replace(/^[-/]/, ''), 0, false, 0)
        return async (i) => (v.startsWith('-') ? (i.stat.mode & want) === want : v.startsWith('/') ? want === 0 || (i.stat.mode & want) !== 0 : i.stat.mode === want)
      }
      case '-user': {
        const v = this.value(name)
        const uid = /^\d+$/.test(v) ? Number(v) : process.machine.users.get(v)?.uid
        if (uid === undefined) throw new Fatal(`find: ‘${v}’ is not the name of a known user`)
        return async (i) => i.stat.uid === uid
      }
      case '-group': {
        const v = this.value(name)
        return async (i) => groupName(process, i.stat.gid) === v || String(i.stat.gid) === v
      }
      case '-uid': { const v = number(); return async (i) => compare(v, i.stat.uid) }
      case '-gid': { const v = number(); return async (i) => compare(v, i.stat.gid) }
      case '-links': { const v = number(); return async (i) => compare(v, i.stat.nlink) }
      case '-inum': { const v = number(); return async (i) => compare(v, i.stat.ino) }
      case '-readable': return async (i) => process.fs.access(i.path, { read: true })
      case '-writable': return async (i) => process.fs.access(i.path, { write: true })
      case '-executable': return async (i) => process.fs.access(i.path, { execute: true })
      case '-true': return async () => true
      case '-false': return async () => false
      case '-maxdepth':
      case '-mindepth': {
        const v = this.value(name)
        if (!/^\d+$/.test(v)) throw new Fatal(`find: Expected a positive decimal integer argument to ${name}, but got ‘${v}’`)
        if (name === '-maxdepth') c.maxDepth = Number(v)
        else c.minDepth = Number(v)
        return async () => true
      }
      case '-depth':
        c.depthFirst = true
        return async () => true
      case '-xdev':
      case '-mount':
      case '-daystart':
      case '-follow':
      case '-noleaf':
      case '-warn':
      case '-nowarn':
        return async () => true
      case '-prune':
        return async () => {
          c.prune = true
          return true
        }
      case '-quit':
        return async () => {
          c.quit = true
          return true
        }
      case '-print':
      case '-print0': {
        c.action = true
        const end = name === '-print' ? '\n' : '\0'
        return async (i) => {
          await c.out.put(i.path + end)
          return true
        }
      }
      case '-printf': {
        c.action = true
        const text = this.value(name)
        return async (i) => {
          await c.out.put(format(process, text, i))
          return true
        }
      }
      case '-ls':
        c.action = true
        return async (i) => {
          await c.out.put(`${String(i.stat.ino).padStart(9)} ${String(blocks(i.stat)).padStart(6)} ${modeText(i.stat)} ${String(i.stat.nlink).padStart(3)} ${userName(process, i.stat.uid).padEnd(8)} ${groupName(process, i.stat.gid).padEnd(8)} ${String(i.stat.size).padStart(8)} ${strftime('%b %e %H:%M', i.stat.mtime)} ${i.path}\n`)
          return true
        }
      case '-delete':
        c.action = true
        c.depthFirst = true
        return async (i) => {
          try {
            if (i.path === '.') return true
            if (i.stat.type === 'directory') process.fs.rmdir(i.path)
            else process.fs.unlink(i.path)
            return true
          } catch (error) {
            if (!(error instanceof FsError)) throw error
            await complain(process, `cannot delete ‘${i.path}’: ${strerror(error.code)}`)
            c.failed = true
            return false
          }
        }
      case '-exec':
      case '-execdir':
      case '-ok':
        return this.exec(name)
    }
    if (name.startsWith('-')) throw new Fatal(`find: unknown predicate \`${name}'`)
    throw new Fatal(name === ')' ? "find: invalid expression; you have too many ')'" : precede(process, name, this.args[this.pos - 3]))
  }

  exec(name: string): Test {
    const { c } = this
    const { process } = c
    c.action = true
    const argv: string[] = []
    for (;;) {
      const a = this.args[this.pos++]
      if (a === undefined) throw new Fatal(`find: missing argument to \`${name}'`)
      if (a === ';') break
      if (a === '+' && argv.at(-1) === '{}') {
        argv.pop()
        const found: string[] = []
        c.atEnd.push(async () => {
          if (found.length > 0 && (await this.run([...argv, ...found])) !== 0) c.failed = true
        })
        return async (i) => {
          found.push(i.path)
          return true
        }
      }
      argv.push(a)
    }
    if (argv.length === 0) throw new Fatal(`find: invalid argument \`;' to \`${name}'`)
    return async (i) => {
      const path = name === '-execdir' ? `./${baseName(i.path)}` : i.path
      const full = argv.map((a) => a.split('{}').join(path))
      if (name === '-ok') {
        await c.out.flush()
        await process.stderr.write(`< ${argv[0]} ... ${i.path} > ? `)
        if (!/^[yY]/.test((await process.stdin.readLine()) ?? '')) return false
      }
      return (await this.run(full, name === '-execdir' ? (i.path.includes('/') ? i.path.slice(0, i.path.lastIndexOf('/')) || '/' : '.') : undefined)) === 0
    }
  }

  async run(argv: readonly string[], cwd?: string): Promise<number> {
    const { process, out } = this.c
    await out.flush()
    try {
      const child = process.spawn({ argv, ...(cwd !== undefined ? { cwd: process.fs.realpath(cwd) } : {}) })
      return (await child.wait()).code
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(process, `‘${argv[0]}’: ${strerror(error.code)}`)
      return 1
    }
  }
}

export const find: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  let i = 0
  let follow = false
  while (/^-[HLP]$/.test(args[i] ?? '')) follow = args[i++] === '-L'
  const paths: string[] = []
  while (i < args.length && !/^[-(!]/.test(args[i]!) && args[i] !== ',') paths.push(args[i++]!)
  const c: Context = { process, out: new Out(process.stdout), now: process.now(), action: false, depthFirst: false, maxDepth: Infinity, minDepth: 0, prune: false, quit: false, failed: false, atEnd: [] }
  c.out.lineBuffered = process.stdout.tty !== undefined
  const parser = new FindParser(args.slice(i), c)
  let test: Test = async () => true
  if (i < args.length) {
    test = parser.or()
    const left = args[i + parser.pos]
    if (left !== undefined) throw new Fatal(left === ')' ? "find: invalid expression; you have too many ')'" : precede(process, left, args[i + parser.pos - 2]))
  }
  if (!c.action) {
    const inner = test
    test = async (item) => {
      if (await inner(item)) await c.out.put(item.path + '\n')
      return true
    }
  }
  let visited = 0
  const visit = async (path: string, start: string, depth: number): Promise<void> => {
    if (c.quit) return
    if (++visited % 200 === 0) await process.yield()
    let stat: Stat
    try {
      stat = follow ? process.fs.stat(path) : process.fs.lstat(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await c.out.flush()
      await complain(process, `‘${path}’: ${strerror(error.code)}`)
      c.failed = true
      return
    }
    const item: Item = { path, start, depth, stat }
    c.prune = false
    if (!c.depthFirst && depth >= c.minDepth) await test(item)
    if (stat.type === 'directory' && depth < c.maxDepth && !(c.prune && !c.depthFirst) && !c.quit) {
      let names: string[] = []
      try {
        if (!process.fs.access(path, { read: true })) throw new FsError('EACCES', path)
        names = process.fs.readDir(path)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await c.out.flush()
        await complain(process, `‘${path}’: ${strerror(error.code)}`)
        c.failed = true
      }
      for (const n of names) await visit(path.endsWith('/') ? path + n : `${path}/${n}`, start, depth + 1)
    }
    if (c.depthFirst && depth >= c.minDepth && !c.quit) await test(item)
  }
  for (const p of paths.length > 0 ? paths : ['.']) await visit(p, p, 0)
  await c.out.flush()
  for (const f of c.atEnd) await f()
  return c.failed ? 1 : 0
})
