/** alias, unalias, type, command, builtin, hash, enable, help, history, caller. */
import { FsError } from '#engine/machine/files.ts'
import { getScalar } from '../expand/variables.ts'
import { functionText } from '../print/command.ts'
import { quoteSingle } from '../print/quote.ts'
import { waitForeground } from '../run/foreground.ts'
import { findProgram } from '../run/simple.ts'
import { exportedEnvironment } from '../expand/variables.ts'
import type { Shell } from '../state.ts'
import { usage } from './basic.ts'
import { builtins } from './table.ts'
import type { Builtin } from './table.ts'
import { fc } from './fc.ts'
import { helpText } from './help.ts'
import { spawn } from '../run/spawn.ts'

const keywords = new Set(['if', 'then', 'else', 'elif', 'fi', 'case', 'esac', 'for', 'select', 'while', 'until', 'do', 'done', 'in', 'function', 'time', '{', '}', '!', '[[', ']]', 'coproc'])

const alias: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  if (args[0] === '-p') args = args.slice(1)
  else if (args[0] === '--') args = args.slice(1)
  else if (/^-./.test(args[0] ?? '')) return usage(sh, 'alias', args[0]!.slice(0, 2), 'alias [-p] [name[=value] ... ]')
  const line = (name: string, value: string) => `alias ${name}=${quoteSingle(value)}\n`
  if (args.length === 0) {
    for (const [name, value] of [...sh.aliases].sort((a, b) => (a[0] < b[0] ? -1 : 1))) await sh.out(line(name, value))
    return 0
  }
  let status = 0
  for (const a of args) {
    const at = a.indexOf('=', 1)
    if (at > 0) {
      const name = a.slice(0, at)
      if (/[\s$`'"\\/|&;()<>]/.test(name)) {
        await sh.complain(`alias: \`${name}': invalid alias name`)
        status = 1
      } else sh.aliases.set(name, a.slice(at + 1))
    } else {
      const value = sh.aliases.get(a)
      if (value === undefined) {
        await sh.complain(`alias: ${a}: not found`)
        status = 1
      } else await sh.out(line(a, value))
    }
  }
  return status
}

const unalias: Builtin = async (sh, argv) => {
  if (argv[1] === '-a') {
    sh.aliases.clear()
    return 0
  }
  if (argv.length === 1) {
    await sh.write(2, 'unalias: usage: unalias [-a] name [name ...]\n')
    return 2
  }
  let status = 0
  for (const name of argv.slice(1)) {
    if (!sh.aliases.delete(name)) {
      await sh.complain(`unalias: ${name}: not found`)
      status = 1
    }
  }
  return status
}

/** What a name means, best first. */
function meanings(sh: Shell, name: string, options: { functions: boolean; all: boolean; path: boolean }): { kind: 'alias' | 'keyword' | 'function' | 'builtin' | 'file'; text: string }[] {
  const found: { kind: 'alias' | 'keyword' | 'function' | 'builtin' | 'file'; text: string }[] = []
  const value = sh.aliases.get(name)
  if (!options.path) {
    if (value !== undefined && sh.shopt('expand_aliases')) found.push({ kind: 'alias', text: value })
    if (keywords.has(name)) found.push({ kind: 'keyword', text: name })
    const fn = sh.functions.get(name)
    if (fn && options.functions) found.push({ kind: 'function', text: functionText(name, fn.body) })
    if (builtins.has(name) && !sh.disabled.has(name)) found.push({ kind: 'builtin', text: name })
  }
  if (name.includes('/')) {
    if (executable(sh, name)) found.push({ kind: 'file', text: name })
  } else {
    const hashed = sh.hashed.get(name)
    const dirs = (getScalar(sh, 'PATH') ?? '').split(':')
    if (!options.all && hashed) found.push({ kind: 'file', text: hashed.path })
    else
      for (const dir of dirs) {
        const path = `${dir || '.'}/${name}`
        if (executable(sh, path)) found.push({ kind: 'file', text: path })
      }
  }
  return options.all ? found : found.slice(0, 1)
}

function executable(sh: Shell, path: string): boolean {
  try {
    return sh.process.fs.stat(path).type === 'file' && sh.process.fs.access(path, { execute: true })
  } catch {
    return false
  }
}

async function describe(sh: Shell, name: string, options: { functions: boolean; all: boolean; path: boolean }): Promise<boolean> {
  const found = meanings(sh, name, options)
  for (const m of found) {
    const hashed = m.kind === 'file' && sh.hashed.has(name) && !options.all && !name.includes('/')
    await sh.out(
      {
        alias: `${name} is aliased to \`${m.text}'\n`,
        keyword: `${name} is a shell keyword\n`,
        function: `${name} is a function\n${m.text}\n`,
        builtin: `${name} is a shell builtin\n`,
        file: hashed ? `${name} is hashed (${m.text})\n` : `${name} is ${m.text}\n`,
      }[m.kind],
    )
  }
  return found.length > 0
}

const type: Builtin = async (sh, argv) => {
  let mode = ''
  let all = false
  let functions = true
  let path = false
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    if (argv[i] === '--') {
      i++
      break
    }
    for (const c of argv[i]!.slice(1)) {
      if (c === 't' || c === 'p') mode = c
      else if (c === 'P') {
        mode = 'p'
        path = true
      } else if (c === 'a') all = true
      else if (c === 'f') functions = false
      else return usage(sh, 'type', `-${c}`, 'type [-afptP] name [name ...]')
    }
  }
  let status = 0
  for (const name of argv.slice(i)) {
    if (mode === '') {
      if (!(await describe(sh, name, { functions, all, path }))) {
        await sh.complain(`type: ${name}: not found`)
        status = 1
      }
      continue
    }
    const found = meanings(sh, name, { functions, all, path })
    if (found.length === 0) status = 1
    for (const m of found) {
      if (mode === 't') await sh.out(`${m.kind}\n`)
      else if (m.kind === 'file') await sh.out(`${m.text}\n`)
    }
  }
  return status
}

const command: Builtin = async (sh, argv) => {
  let mode = ''
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    if (argv[i] === '--') {
      i++
      break
    }
    for (const c of argv[i]!.slice(1)) {
      if (c === 'v' || c === 'V') mode = c
      else if (c !== 'p') return usage(sh, 'command', `-${c}`, 'command [-pVv] command [arg ...]')
    }
  }
  const args = argv.slice(i)
  if (args.length === 0) return 0
  if (mode === 'V') {
    let status = 0
    for (const name of args) {
      if (!(await describe(sh, name, { functions: true, all: false, path: false }))) {
        await sh.complain(`command: ${name}: not found`)
        status = 1
      }
    }
    return status
  }
  if (mode === 'v') {
    let status = 1
    for (const name of args) {
      const m = meanings(sh, name, { functions: true, all: false, path: false })[0]
      if (!m) continue
      status = 0
      await sh.out(m.kind === 'alias' ? `alias ${name}=${quoteSingle(m.text)}\n` : m.kind === 'file' ? `${m.text}\n` : `${name}\n`)
    }
    return status
  }
  const builtin = builtins.get(args[0]!)
  if (builtin) return builtin(sh, args)
  return runFile(sh, args)
}

/** Runs a program, passing over functions and builtins. */
async function runFile(sh: Shell, args: readonly string[]): Promise<number> {
  const found = findProgram(sh, args[0]!)
  if (found === '') {
    await sh.complain(`${args[0]}: command not found`)
    return 127
  }
  try {
    const child = spawn(sh, { argv: [...args], env: exportedEnvironment(sh), cwd: sh.process.cwd, ...(sh.monitor ? { newGroup: true } : {}) })
    return await waitForeground(sh, [child], args.join(' '))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await sh.complain(`${args[0]}: ${error.message}`)
    return error.code === 'ENOENT' ? 127 : 126
  }
}

const builtinBuiltin: Builtin = async (sh, argv) => {
  const args = argv[1] === '--' ? argv.slice(2) : argv.slice(1)
  if (args.length === 0) return 0
  const found = builtins.get(args[0]!)
  if (!found) {
    await sh.complain(`builtin: ${args[0]}: not a shell builtin`)
    return 1
  }
  return found(sh, args)
}

const hash: Builtin = async (sh, argv) => {
  const args = argv.slice(1)
  if (args[0] === '-r') {
    sh.hashed.clear()
    return 0
  }
  if (args[0] === '-t' || args[0] === '-d') {
    let status = 0
    for (const name of args.slice(1)) {
      const entry = sh.hashed.get(name)
      if (!entry) {
        await sh.complain(`hash: ${name}: not found`)
        status = 1
      } else if (args[0] === '-d') sh.hashed.delete(name)
      else await sh.out(`${args.length > 2 ? `${name}\t` : ''}${entry.path}\n`)
    }
    return status
  }
  if (args[0] === '-p') {
    sh.hashed.set(args[2] ?? '', { path: args[1] ?? '', hits: 0 })
    return 0
  }
  if (args.length === 0 || args[0] === '-l') {
    if (sh.hashed.size === 0) {
      await sh.out('hash: hash table empty\n')
      return 0
    }
    if (args[0] === '-l') for (const [name, e] of sh.hashed) await sh.out(`builtin hash -p ${e.path} ${name}\n`)
    else {
      await sh.out('hits\tcommand\n')
      for (const e of sh.hashed.values()) await sh.out(`${String(e.hits).padStart(4)}\t${e.path}\n`)
    }
    return 0
  }
  let status = 0
  for (const name of args) {
    if (builtins.has(name) || sh.functions.has(name)) continue
    const path = findProgram(sh, name)
    if (path === '') {
      await sh.complain(`hash: ${name}: not found`)
      status = 1
    } else sh.hashed.set(name, { path, hits: 0 })
  }
  return status
}

const history: Builtin = async (sh, argv) => {
  const args = argv.slice(1)
  if (args[0] === '-c') {
    sh.history = []
    return 0
  }
  if (args[0] === '-d') {
    const n = Number(args[1])
    const at = n < 0 ? sh.history.length + n : n - sh.historyBase
    if (!Number.isInteger(at) || at < 0 || at >= sh.history.length) {
      await sh.complain(`history: ${args[1] ?? ''}: history position out of range`)
      return 1
    }
    sh.history.splice(at, 1)
    return 0
  }
  if (args[0] === '-s') {
    sh.history.push(args.slice(1).join(' '))
    return 0
  }
  if (args[0] === '-w' || args[0] === '-a') {
    const file = args[1] ?? getScalar(sh, 'HISTFILE')
    if (file) sh.process.fs.writeFile(file, sh.history.map((l) => l + '\n').join(''), args[0] === '-a' ? {} : {})
    return 0
  }
  if (args[0] === '-r' || args[0] === '-n') {
    const file = args[1] ?? getScalar(sh, 'HISTFILE')
    try {
      if (file) sh.history.push(...sh.process.fs.readFile(file).split('\n').filter((l) => l !== ''))
    } catch {
      return 1
    }
    return 0
  }
  if (args[0] !== undefined && !/^\d+$/.test(args[0])) {
    if (args[0].startsWith('-')) return usage(sh, 'history', args[0].slice(0, 2), 'history [-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]')
    await sh.complain(`history: ${args[0]}: numeric argument required`)
    return 1
  }
  const from = args[0] === undefined ? 0 : Math.max(0, sh.history.length - Number(args[0]))
  for (let i = from; i < sh.history.length; i++) await sh.out(`${String(i + sh.historyBase).padStart(5)}  ${sh.history[i]}\n`)
  return 0
}

export const commandBuiltins: readonly (readonly [string, Builtin])[] = [
  ['alias', alias],
  ['unalias', unalias],
  ['type', type],
  ['command', command],
  ['builtin', builtinBuiltin],
  ['hash', hash],
  ['history', history],
  ['fc', fc],
  ['enable', async (sh, argv) => {
    const off = argv[1] === '-n'
    const names = argv.slice(1).filter((a) => !a.startsWith('-'))
    if (names.length === 0) for (const name of [...builtins.keys()].sort()) if (sh.disabled.has(name) === off) await sh.out(`enable ${off ? '-n ' : ''}${name}\n`)
    for (const name of names) {
      if (!builtins.has(name)) {
        await sh.complain(`enable: ${name}: not a shell builtin`)
        return 1
      }
      if (off) sh.disabled.add(name)
      else sh.disabled.delete(name)
    }
    return 0
  }],
  ['caller', async (sh, argv) => {
    const n = Number(argv[1] ?? 0)
    const at = sh.frames.length - 1 - n
    const frame = sh.frames[at]
    if (!frame) return 1
    const outer = sh.frames[at - 1]
    if (!outer && sh.source !== 'file' && argv[1] !== undefined) return 1
    const name = outer?.name ?? 'main'
    await sh.out(argv[1] === undefined ? `${frame.line} ${outer?.source ?? (sh.sourceName || 'NULL')}\n` : `${frame.line} ${name} ${outer?.source ?? (sh.sourceName || 'NULL')}\n`)
    return 0
  }],
  ['help', async (sh, argv) => helpText(sh, argv)],
  ['exec', async () => 0],
]

export { keywords }
