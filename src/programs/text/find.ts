/** find: the usual tests, operators and actions. Entries come in byte order (a real directory has its own). */
import { matchesPattern } from '#base/glob.ts'
import { nameTable, type NameTable } from '#base/name-table.ts'
import { posixRegex } from '#base/regex.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Stat } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { complain, Fatal, Out, tool } from './common.ts'
import { blocks, groupName, modeText, userName } from './ls.ts'
import { parseDate } from './dates.ts'
import { groupKnown, parseMode } from './files.ts'

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

/** The letters of -printf. `time`: the letter behind %T, %A, %C. */
const directives: NameTable<(item: Item, process: Process, time: string) => string | undefined> = nameTable<(item: Item, process: Process, time: string) => string | undefined>({
  '%': () => '%',
  p: (item) => item.path,
  f: (item) => baseName(item.path),
  h: (item) => item.path.includes('/') ? item.path.slice(0, item.path.lastIndexOf('/')) : '.',
  P: (item) => item.path === item.start ? '' : item.path.slice(item.start.length).replace(/^\//, ''),
  H: (item) => item.start,
  s: (item) => String(item.stat.size),
  k: (item) => String(blocks(item.stat)),
  b: (item) => String(blocks(item.stat) * 2),
  m: (item) => item.stat.mode.toString(8),
  M: (item) => modeText(item.stat),
  y: (item) => ({ file: 'f', directory: 'd', symlink: 'l', device: 'c', fifo: 'p', socket: 's' }[item.stat.type]),
  u: (item, process) => userName(process, item.stat.uid),
  g: (item, process) => groupName(process, item.stat.gid),
  U: (item) => String(item.stat.uid),
  G: (item) => String(item.stat.gid),
  d: (item) => String(item.depth),
  i: (item) => String(item.stat.ino),
  n: (item) => String(item.stat.nlink),
  l: (item, process) => item.stat.type === 'symlink' ? process.fs.readlink(item.path) : '',
  't a c': (item) => strftime('%a %b %e %H:%M:%S.%N0 %Y', item.stat.mtime),
  'T A C': (item, _process, time) => time === '@' ? (item.stat.mtime / 1000).toFixed(10) : time === '+' ? strftime('%Y-%m-%d+%H:%M:%S.%N0', item.stat.mtime) : time === 'S' ? strftime('%S.%N0', item.stat.mtime) : time === 'T' ? strftime('%H:%M:%S.%N0', item.stat.mtime) : strftime(`%${time}`, item.stat.mtime),
})

function format(process: Process, text: string, item: Item): string {
  return text
    .replace(/\\(n|t|0|\\|r)/g, (_, c: string) => ({ n: '\n', t: '\t', '0': '\0', '\\': '\\', r: '\r' })[c]!)
    .replace(/%(-?\d*)(A.|C.|T.|[a-zA-Z%])/g, (all, width: string, c: string) => {
      const value = directives.get(c[0]!)?.(item, process, c[1] ?? '')
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
    const first = this.args[this.pos]
    if (first !== undefined && ['-o', '-or', '-a', '-and', ','].includes(first)) throw new Fatal(`find: invalid expression; you have used a binary operator '${first}' with nothing before it.`)
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
      if (this.args[this.pos] === undefined) throw new Fatal(`find: expected an expression after '${t}'`)
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

  number(name: string): string {
    const v = this.value(name)
    if (!/^[-+]?\d+$/.test(v)) throw new Fatal(`find: invalid argument \`${v}' to \`${name}'`)
    return v
  }

  glob(name: string, ignoreCase: boolean, pick: (i: Item) => string): Test {
    const pattern = this.value(name)
    return async (i) => matchesPattern(pick(i), pattern, { ignoreCase, extglob: false })
  }

  primary(): Test {
    const name = this.args[this.pos++]
    if (name === undefined) throw new Fatal('find: expected an expression')
    const predicate = predicates.get(name)
    if (predicate) return predicate(this, name)
    if (name.startsWith('-')) throw new Fatal(`find: unknown predicate \`${name}'`)
    throw new Fatal(name === ')' ? "find: invalid expression; expected to find a ')' but didn't see one. Perhaps you need an extra predicate after '('" : precede(this.c.process, name, this.args[this.pos - 3]))
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

/** How each predicate's arguments become a test. */
const predicates: NameTable<(parser: FindParser, name: string) => Test> = nameTable<(parser: FindParser, name: string) => Test>({
  '-name': (parser, name) => parser.glob(name, false, (i) => baseName(i.path)),
  '-iname': (parser, name) => parser.glob(name, true, (i) => baseName(i.path)),
  '-path -wholename': (parser, name) => parser.glob(name, false, (i) => i.path),
  '-ipath': (parser, name) => parser.glob(name, true, (i) => i.path),
  '-lname': (parser, name) => parser.glob(name, false, (i) => (i.stat.type === 'symlink' ? parser.c.process.fs.readlink(i.path) : '')),
  '-regex -iregex': (parser, name) => {
    const source = parser.value(name)
    const regex = posixRegex(`^(${source.replace(/\\([|()])/g, '$1')})$`, { extended: true, ignoreCase: name === '-iregex' })
    return async (i) => regex.test(i.path)
  },
  '-regextype': (parser, name) => {
    parser.value(name)
    return async () => true
  },
  '-type -xtype': (parser, name) => {
    const kinds = parser.value(name).split(',')
    const map: Record<string, string> = { f: 'file', d: 'directory', l: 'symlink', c: 'device', b: 'block', p: 'fifo', s: 'socket' }
    for (const k of kinds) if (!map[k]) throw new Fatal(`find: Unknown argument to -type: ${k}`)
    return async (i) => kinds.some((k) => map[k] === i.stat.type)
  },
  '-empty': (parser) => async (i) => (i.stat.type === 'directory' ? parser.c.process.fs.readDir(i.path).length === 0 : i.stat.type === 'file' && i.stat.size === 0),
  '-size': (parser, name) => {
    const v = parser.value(name)
    const m = /^([-+]?)(\d+)([bcwkMG]?)$/.exec(v)
    if (!m) throw new Fatal(`find: Invalid argument \`${v}' to -size`)
    const unit = sizeUnits[m[3] || 'b']!
    return async (i) => compare(`${m[1]}${m[2]}`, Math.ceil(i.stat.size / unit))
  },
  '-mtime -ctime -atime': (parser, name) => {
    const { c } = parser
    const v = parser.number(name)
    return async (i) => compare(v, Math.floor((c.now - i.stat.mtime) / 86400000))
  },
  '-mmin -cmin -amin': (parser, name) => {
    const { c } = parser
    const v = parser.number(name)
    return async (i) => compare(v, v.startsWith('-') || v.startsWith('+') ? (c.now - i.stat.mtime) / 60000 : Math.ceil((c.now - i.stat.mtime) / 60000))
  },
  '-newer -anewer -cnewer -newermm -neweraa -newercc -newerma -newermc': (parser, name) => {
    const { process } = parser.c
    const path = parser.value(name)
    let time: number
    try {
      time = process.fs.stat(path).mtime
    } catch {
      throw new Fatal(`find: ‘${path}’: No such file or directory`)
    }
    return async (i) => i.stat.mtime > time
  },
  '-newermt': (parser, name) => {
    const text = parser.value(name)
    const time = parseDate(text, parser.c.now)
    if (time === undefined) throw new Fatal(`find: I cannot figure out how to interpret ‘${text}’ as a date or time`)
    return async (i) => i.stat.mtime > time
  },
  '-samefile': (parser, name) => {
    const path = parser.value(name)
    let ino: number
    try {
      ino = parser.c.process.fs.stat(path).ino
    } catch {
      throw new Fatal(`find: ‘${path}’: No such file or directory`)
    }
    return async (i) => i.stat.ino === ino
  },
  '-fprint -fprint0': (parser, name) => {
    const { c } = parser
    c.action = true
    const file = new Out(c.process.open(parser.value(name), { write: true, create: true, truncate: true }))
    file.lineBuffered = true
    return async (i) => {
      await file.put(i.path + (name === '-fprint' ? '\n' : '\0'))
      return true
    }
  },
  '-perm': (parser, name) => {
    const v = parser.value(name)
    const want = parseMode(v.replace(/^[-/]/, ''), 0, false, 0)
    return async (i) => (v.startsWith('-') ? (i.stat.mode & want) === want : v.startsWith('/') ? want === 0 || (i.stat.mode & want) !== 0 : i.stat.mode === want)
  },
  '-user': (parser, name) => {
    const { process } = parser.c
    const v = parser.value(name)
    const uid = /^\d+$/.test(v) ? Number(v) : process.machine.users.get(v)?.uid
    if (uid === undefined) throw new Fatal(`find: ‘${v}’ is not the name of a known user`)
    return async (i) => i.stat.uid === uid
  },
  '-group': (parser, name) => {
    const { process } = parser.c
    const v = parser.value(name)
    if (!/^\d+$/.test(v) && !groupKnown(process, v)) throw new Fatal(`find: ‘${v}’ is not the name of an existing group`)
    return async (i) => groupName(process, i.stat.gid) === v || String(i.stat.gid) === v
  },
  '-uid': (parser, name) => {
    const v = parser.number(name)
    return async (i) => compare(v, i.stat.uid)
  },
  '-gid': (parser, name) => {
    const v = parser.number(name)
    return async (i) => compare(v, i.stat.gid)
  },
  '-links': (parser, name) => {
    const v = parser.number(name)
    return async (i) => compare(v, i.stat.nlink)
  },
  '-inum': (parser, name) => {
    const v = parser.number(name)
    return async (i) => compare(v, i.stat.ino)
  },
  '-readable': (parser) => async (i) => parser.c.process.fs.access(i.path, { read: true }),
  '-writable': (parser) => async (i) => parser.c.process.fs.access(i.path, { write: true }),
  '-executable': (parser) => async (i) => parser.c.process.fs.access(i.path, { execute: true }),
  '-true': () => async () => true,
  '-false': () => async () => false,
  '-maxdepth -mindepth': (parser, name) => {
    const { c } = parser
    const v = parser.value(name)
    if (!/^\d+$/.test(v)) throw new Fatal(`find: Expected a positive decimal integer argument to ${name}, but got ‘${v}’`)
    if (name === '-maxdepth') c.maxDepth = Number(v)
    else c.minDepth = Number(v)
    return async () => true
  },
  '-depth': ({ c }) => {
    c.depthFirst = true
    return async () => true
  },
  '-xdev -mount -daystart -follow -noleaf -warn -nowarn': () => async () => true,
  '-prune': ({ c }) => {
    return async () => {
      c.prune = true
      return true
    }
  },
  '-quit': ({ c }) => {
    return async () => {
      c.quit = true
      return true
    }
  },
  '-print -print0': ({ c }, name) => {
    c.action = true
    const end = name === '-print' ? '\n' : '\0'
    return async (i) => {
      await c.out.put(i.path + end)
      return true
    }
  },
  '-printf': (parser, name) => {
    const { c } = parser
    const { process } = c
    c.action = true
    const text = parser.value(name)
    return async (i) => {
      await c.out.put(format(process, text, i))
      return true
    }
  },
  '-ls': ({ c }) => {
    const { process } = c
    c.action = true
    return async (i) => {
      await c.out.put(`${String(i.stat.ino).padStart(9)} ${String(blocks(i.stat)).padStart(6)} ${modeText(i.stat)} ${String(i.stat.nlink).padStart(3)} ${userName(process, i.stat.uid).padEnd(8)} ${groupName(process, i.stat.gid).padEnd(8)} ${String(i.stat.size).padStart(8)} ${strftime('%b %e %H:%M', i.stat.mtime)} ${i.path}\n`)
      return true
    }
  },
  '-delete': ({ c }) => {
    const { process } = c
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
  },
  '-exec -execdir -ok': (parser, name) => parser.exec(name),
})

export const find: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  let i = 0
  let follow = false
  while (/^-(?:[HLPD]|O\d)$/.test(args[i] ?? '')) {
    if (args[i] === '-D' && args[++i] === undefined) throw new Fatal("find: Missing argument after the -D option.\nTry 'find --help' for more information.")
    follow = args[i++] === '-L'
  }
  if (args[i] === ',') throw new Fatal('find: ‘,’: No such file or directory')
  const paths: string[] = []
  while (i < args.length && !/^[-(!]/.test(args[i]!) && args[i] !== ',') paths.push(args[i++]!)
  const c: Context = { process, out: new Out(process.stdout), now: process.now(), action: false, depthFirst: false, maxDepth: Infinity, minDepth: 0, prune: false, quit: false, failed: false, atEnd: [] }
  c.out.lineBuffered = process.stdout.tty !== undefined
  const parser = new FindParser(args.slice(i), c)
  let test: Test = async () => true
  if (i < args.length) {
    test = parser.or()
    const left = args[i + parser.pos]
    if (left !== undefined) throw new Fatal(left === ')' ? "find: you have too many ')'" : precede(process, left, args[i + parser.pos - 2]))
  }
  if (!c.action) {
    const inner = test
    test = async (item) => {
      if ((await inner(item)) && !c.quit) await c.out.put(item.path + '\n')
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
