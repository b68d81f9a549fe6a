/** `test` and `[`: POSIX's rules by number of arguments, then a small grammar, with bash's complaints. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import { compareBytes } from '../expand/pathname.ts'
import { elements, getScalar, isArray } from '../expand/variables.ts'
import type { Shell } from '../state.ts'
import type { Stat } from '#engine/machine/files.ts'
import type { OpenFile } from '#engine/machine/process.ts'

export class TestError extends Error {}

const kinds: Readonly<Record<OpenFile['kind'], Stat['type'] | undefined>> = { pipe: 'fifo', tty: 'device', null: 'device', zero: 'device', socket: 'socket', file: undefined }

function stat(sh: Shell, path: string, follow = true): Stat | undefined {
  if (path === '') return undefined
  const own = follow ? /^\/(?:dev\/(?:fd\/(\d+)|(stdin|stdout|stderr))|proc\/self\/fd\/(\d+))$/.exec(path) : null
  if (own) {
    const file = sh.process.fds.get(own[2] ? ['stdin', 'stdout', 'stderr'].indexOf(own[2]) : Number(own[1] ?? own[3]))
    if (!file) return undefined
    const type = kinds[file.kind]
    if (type === undefined) return stat(sh, file.target)
    const base = stat(sh, '/dev/null')
    return base && { ...base, type }
  }
  try {
    return follow ? sh.process.fs.stat(path) : sh.process.fs.lstat(path)
  } catch {
    return undefined
  }
}

const unaryTests: NameTable<(sh: Shell, arg: string) => boolean> = nameTable<(sh: Shell, arg: string) => boolean>({
  '-z': (_sh, arg) => arg === '',
  '-n': (_sh, arg) => arg !== '',
  '-a -e': (sh, arg) => stat(sh, arg) !== undefined,
  '-f': (sh, arg) => stat(sh, arg)?.type === 'file',
  '-d': (sh, arg) => stat(sh, arg)?.type === 'directory',
  '-h -L': (sh, arg) => stat(sh, arg, false)?.type === 'symlink',
  '-p': (sh, arg) => stat(sh, arg)?.type === 'fifo',
  '-S': (sh, arg) => stat(sh, arg)?.type === 'socket',
  '-b': () => false,
  '-c': (sh, arg) => stat(sh, arg)?.type === 'device',
  '-s': (sh, arg) => (stat(sh, arg)?.size ?? 0) > 0,
  '-r': (sh, arg) => stat(sh, arg) !== undefined && sh.process.fs.access(arg, { read: true }),
  '-w': (sh, arg) => stat(sh, arg) !== undefined && sh.process.fs.access(arg, { write: true }),
  '-x': (sh, arg) => stat(sh, arg) !== undefined && sh.process.fs.access(arg, { execute: true }),
  '-O': (sh, arg) => stat(sh, arg)?.uid === sh.process.user.uid,
  '-G': (sh, arg) => stat(sh, arg)?.gid === sh.process.user.gid,
  '-u': (sh, arg) => ((stat(sh, arg)?.mode ?? 0) & 0o4000) !== 0,
  '-g': (sh, arg) => ((stat(sh, arg)?.mode ?? 0) & 0o2000) !== 0,
  '-k': (sh, arg) => ((stat(sh, arg)?.mode ?? 0) & 0o1000) !== 0,
  '-N': (sh, arg) => stat(sh, arg) !== undefined,
  '-t': (sh, arg) => /^\d+$/.test(arg.trim()) && sh.process.fds.get(Number(arg))?.tty !== undefined,
  '-o': (sh, arg) => sh.option(arg),
  '-R': (sh, arg) => sh.lookup(arg)?.nameref === true,
  '-v': (sh, arg) => {
    const m = /^(\w+)\[(.*)\]$/s.exec(arg)
    if (m) {
      if (m[2] === '@' || m[2] === '*') return elements(sh, m[1]!).length > 0
      return elements(sh, m[1]!).some(([k]) => k === m[2])
    }
    if (/^\d+$/.test(arg)) return Number(arg) <= sh.params.length
    return isArray(sh, arg) ? elements(sh, arg).some(([k]) => k === '0') : getScalar(sh, arg) !== undefined
  },
})

export function unaryTest(sh: Shell, op: string, arg: string): boolean {
  return unaryTests.get(op)?.(sh, arg) ?? false
}

export function fileCompare(sh: Shell, op: string, left: string, right: string): boolean {
  const a = stat(sh, left)
  const b = stat(sh, right)
  if (op === '-ef') return a !== undefined && b !== undefined && a.ino === b.ino
  if (op === '-nt') return a !== undefined && (b === undefined || a.mtime > b.mtime)
  return b !== undefined && (a === undefined || a.mtime < b.mtime)
}

const unaryOps = /^-[abcdefghknoprstuvwxzGLNORS]$/
const binaryOps = new Set(['=', '==', '!=', '<', '>', '-eq', '-ne', '-lt', '-le', '-gt', '-ge', '-nt', '-ot', '-ef'])

function integer(text: string): bigint {
  if (!/^\s*[-+]?\d+\s*$/.test(text)) throw new TestError(`${text}: integer expression expected`)
  const value = BigInt(text.trim().replace(/^\+/, ''))
  if (value !== BigInt.asIntN(64, value)) throw new TestError(`${text}: integer expression expected`)
  return value
}

function binaryTest(sh: Shell, left: string, op: string, right: string): boolean {
  switch (op) {
    case '=':
    case '==': return left === right
    case '!=': return left !== right
    case '<': return compareBytes(left, right) < 0
    case '>': return compareBytes(left, right) > 0
    case '-nt':
    case '-ot':
    case '-ef': return fileCompare(sh, op, left, right)
  }
  const a = integer(left)
  const b = integer(right)
  switch (op) {
    case '-eq': return a === b
    case '-ne': return a !== b
    case '-lt': return a < b
    case '-le': return a <= b
    case '-gt': return a > b
    default: return a >= b
  }
}

class TestParser {
  readonly sh: Shell
  readonly args: readonly string[]
  pos = 0

  constructor(sh: Shell, args: readonly string[]) {
    this.sh = sh
    this.args = args
  }

  or(): boolean {
    let value = this.and()
    while (this.args[this.pos] === '-o') {
      this.pos++
      const right = this.and()
      value = value || right
    }
    return value
  }

  and(): boolean {
    let value = this.term()
    while (this.args[this.pos] === '-a') {
      this.pos++
      const right = this.term()
      value = value && right
    }
    return value
  }

  term(): boolean {
    const a = this.args[this.pos]
    if (a === undefined) throw new TestError('argument expected')
    if (a === '!') {
      this.pos++
      return !this.term()
    }
    const next = this.args[this.pos + 1]
    if (next !== undefined && binaryOps.has(next) && this.args[this.pos + 2] !== undefined) {
      this.pos += 3
      return binaryTest(this.sh, a, next, this.args[this.pos - 1]!)
    }
    if (a === '(') {
      this.pos++
      const value = this.or()
      if (this.args[this.pos] !== ')') throw new TestError(this.args[this.pos] === undefined ? "`)' expected" : `\`)' expected, found ${this.args[this.pos]}`)
      this.pos++
      return value
    }
    if (unaryOps.test(a) && next !== undefined) {
      this.pos += 2
      return unaryTest(this.sh, a, next)
    }
    this.pos++
    return a !== ''
  }
}

/** Throws TestError. */
export function evaluateTest(sh: Shell, args: readonly string[]): boolean {
  const [a, b, c] = args as [string, string, string]
  switch (args.length) {
    case 0: return false
    case 1: return a !== ''
    case 2:
      if (a === '!') return b === ''
      if (unaryOps.test(a)) return unaryTest(sh, a, b)
      throw new TestError(`${a}: unary operator expected`)
    case 3:
      if (binaryOps.has(b)) return binaryTest(sh, a, b, c)
      if (b === '-a') return a !== '' && c !== ''
      if (b === '-o') return a !== '' || c !== ''
      if (a === '!') return !evaluateTest(sh, [b, c])
      if (a === '(' && c === ')') return b !== ''
      throw new TestError(`${b}: binary operator expected`)
    case 4:
      if (a === '!') return !evaluateTest(sh, args.slice(1))
      if (a === '(' && args[3] === ')') return evaluateTest(sh, [b, c])
  }
  const parser = new TestParser(sh, args)
  const value = parser.or()
  if (parser.pos < args.length) throw new TestError('too many arguments')
  return value
}

export async function test(sh: Shell, argv: readonly string[]): Promise<number> {
  const name = argv[0]!
  let args = argv.slice(1)
  if (name === '[') {
    if (args.at(-1) !== ']') {
      await sh.complain("[: missing `]'")
      return 2
    }
    args = args.slice(0, -1)
  }
  try {
    return evaluateTest(sh, args) ? 0 : 1
  } catch (error) {
    if (!(error instanceof TestError)) throw error
    await sh.complain(`${name}: ${error.message}`)
    return 2
  }
}
