/** The program jq (1.6): options, inputs, output styles, exit codes. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { Fatal, Out, readText, tool } from '../common.ts'
import { builtins, Halt } from './builtins.ts'
import { emptyEnv, type Context } from './env.ts'
import { undefinedNames } from './names.ts'
import { JqSyntax, parseJq } from './parse.ts'
import { run } from './run.ts'
import { JqError, JsonReader, JsonSyntax, object, print } from './values.ts'
import type { Json, PrintStyle } from './values.ts'

const usage = `Usage:\tjq [OPTIONS] FILTER [FILES...]\n\tjq [OPTIONS] --args FILTER [ARGUMENTS...]\n\tjq [OPTIONS] --jsonargs FILTER [JSON_VALUES...]\n`

export const jq: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  let filter: string | undefined
  const files: string[] = []
  const variables = new Map<string, Json>()
  const named: [string, Json][] = []
  const positional: Json[] = []
  const flags = new Set<string>()
  let indent: number | '\t' = 2
  let mode: '' | 'args' | 'jsonargs' = ''
  let fromFile: string | undefined
  const bind = (name: string, value: Json) => {
    variables.set(name, value)
    named.push([name, value])
  }
  const json = (text: string, what: string): Json => {
    try {
      const reader = new JsonReader(text)
      const value = reader.next()
      if (value === undefined || reader.next() !== undefined) throw new JsonSyntax('')
      return value
    } catch (error) {
      if (!(error instanceof JsonSyntax)) throw error
      throw new Fatal(`jq: invalid JSON text passed to --${what}\nUse jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq`, 2)
    }
  }
  const long: Record<string, string> = { 'raw-output': 'r', 'compact-output': 'c', 'null-input': 'n', 'exit-status': 'e', slurp: 's', 'raw-input': 'R', 'sort-keys': 'S', 'color-output': 'C', 'monochrome-output': 'M', 'join-output': 'j', 'ascii-output': 'a', tab: 'tab', unbuffered: 'u', help: 'h', version: 'V' }
  let noMore = false
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    const need = (n: number, what: string) => {
      if (i + n >= args.length) throw new Fatal(`jq: --${what} takes ${n === 1 ? 'one parameter' : 'two parameters'} (e.g. --${what} ${n === 1 ? 'n' : 'varname value'})\nUse jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq`, 2)
    }
    if (noMore || !a.startsWith('-') || a === '-') {
      if (filter === undefined && fromFile === undefined) filter = a
      else if (mode === 'args') positional.push(a)
      else if (mode === 'jsonargs') positional.push(json(a, 'jsonargs'))
      else files.push(a)
      continue
    }
    if (a === '--') {
      noMore = true
      continue
    }
    if (a.startsWith('--')) {
      const n = a.slice(2)
      if (n === 'arg' || n === 'argjson') {
        need(2, n)
        bind(args[i + 1]!, n === 'arg' ? args[i + 2]! : json(args[i + 2]!, 'argjson'))
        i += 2
      } else if (n === 'slurpfile' || n === 'rawfile') {
        need(2, n)
        try {
          const text = process.fs.readFile(args[i + 2]!)
          if (n === 'rawfile') bind(args[i + 1]!, text)
          else {
            const reader = new JsonReader(text)
            const list: Json[] = []
            for (let v = reader.next(); v !== undefined; v = reader.next()) list.push(v)
            bind(args[i + 1]!, list)
          }
        } catch (error) {
          if (!(error instanceof FsError)) throw error
          throw new Fatal(`jq: Bad JSON in --${n} ${args[i + 1]} ${args[i + 2]}: Could not open ${args[i + 2]}: ${strerror(error.code)}\nUse jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq`, 2)
        }
        i += 2
      } else if (n === 'args' || n === 'jsonargs') mode = n
      else if (n === 'indent') {
        need(1, n)
        indent = Number(args[++i])
      } else if (n === 'from-file') {
        fromFile = filter ?? args[++i]
        filter = undefined
      } else if (long[n] !== undefined) flags.add(long[n])
      else throw new Fatal(`jq: Unknown arguments\nUse jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq`, 2)
      continue
    }
    for (const c of a.slice(1)) {
      if (c === 'f') {
        if (filter !== undefined) {
          fromFile = filter
          filter = undefined
        } else fromFile = args[++i]
      } else if ('rcnesRSCMjahV'.includes(c)) flags.add(c)
      else throw new Fatal(`jq: Unknown arguments\nUse jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq`, 2)
    }
  }
  if (flags.has('V')) {
    await process.stdout.write('jq-1.6\n')
    return 0
  }
  if (flags.has('h')) {
    await process.stdout.write(usage)
    return 0
  }
  let source = filter ?? (fromFile === undefined && (!process.stdin.tty || !process.stdout.tty) ? '.' : undefined)
  if (fromFile !== undefined) {
    try {
      source = await readText(process, fromFile)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Fatal(`jq: error: Could not open ${fromFile}: ${strerror(error.code)}`, 2)
    }
  }
  if (source === undefined) {
    await process.stderr.write(usage)
    return 2
  }
  variables.set('ENV', object([...process.env]))
  variables.set('ARGS', object([['positional', positional], ['named', object(named)]]))
  const queue: Json[] = []
  let stderr = ''
  const context: Context = {
    builtins,
    variables,
    inputs: { next: () => queue.shift() },
    environment: () => object([...process.env]),
    now: () => process.now(),
    warn: (text) => void (stderr += text),
    labels: 0,
  }
  let ast
  try {
    ast = parseJq(source)
    const unknown = undefinedNames(ast, context)
    if (unknown !== undefined) throw new JqSyntax(unknown.text, unknown.pos)
  } catch (error) {
    if (!(error instanceof JqSyntax)) throw error
    const shell = error.message.startsWith('syntax error') ? ' (Unix shell quoting issues?)' : ''
    await process.stderr.write(`jq: error: ${error.message}${shell} at <top-level>, line 1:\n${source}${' '.repeat(error.pos)}\njq: 1 compile error\n`)
    return 3
  }
  const style: PrintStyle = { indent: flags.has('c') ? 0 : flags.has('tab') ? '\t' : indent, sort: flags.has('S'), ascii: flags.has('a'), color: flags.has('C') || (process.stdout.tty !== undefined && !flags.has('M')) }
  const out = new Out(process.stdout)
  out.lineBuffered = flags.has('u') || process.stdout.tty !== undefined
  let last: Json | undefined
  let code = 0
  let location = '<unknown>'
  const env = emptyEnv(context)
  const evaluate = async (input: Json): Promise<number | undefined> => {
    try {
      let n = 0
      for (const [v] of run(ast, env, input)) {
        last = v
        const raw = (flags.has('r') || flags.has('j')) && typeof v === 'string'
        await out.put((raw ? v : print(v, style)) + (flags.has('j') ? '' : '\n'))
        if (++n % 200 === 0) await process.yield()
      }
      if (stderr) await flushErrors()
    } catch (error) {
      await out.flush()
      if (stderr) await flushErrors()
      if (error instanceof Halt) {
        if (error.value !== undefined) await process.stderr.write(typeof error.value === 'string' ? error.value : print(error.value) + '\n')
        return error.code
      }
      if (error instanceof RangeError) {
        await process.stderr.write(`jq: error (at ${location}): Range of results too deep\n`)
        code = 5
        return undefined
      }
      if (!(error instanceof JqError)) throw error
      if (error.value === null) return undefined
      code = 5
      const value = error.value
      await process.stderr.write(typeof value === 'string' ? `jq: error (at ${location}): ${error.label !== undefined ? 'break' : value}\n` : `jq: error (at ${location}) (not a string): ${print(value)}\n`)
    }
    return undefined
  }
  const flushErrors = async () => {
    await process.stderr.write(stderr)
    stderr = ''
  }
  const read = async (path: string): Promise<string | undefined> => {
    try {
      if (path !== '-' && process.fs.stat(path).type === 'directory') throw new FsError('EISDIR', path)
      return await readText(process, path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await process.stderr.write(`jq: error: Could not open file ${path}: ${strerror(error.code)}\n`)
      code = 2
      return undefined
    }
  }
  const texts: [string, string][] = []
  let halted: number | undefined
  if (flags.has('n') && files.length === 0 && !/\binputs?\b/.test(source)) {
    halted = await evaluate(null)
  } else {
    for (const path of files.length > 0 ? files : ['-']) {
      const text = await read(path)
      if (text !== undefined) texts.push([path === '-' ? '<stdin>' : path, text])
    }
    let failure: string | undefined
    const lines = (text: string) => text.split('\n').length - 1
    if (flags.has('R')) {
      const all = texts.map(([, t]) => t).join('')
      location = `<stdin>:${lines(all)}`
      if (flags.has('s')) queue.push(all)
      else queue.push(...all.split('\n').filter((_, i, list) => i < list.length - 1 || list[i] !== ''))
    } else {
      for (const [name, text] of texts) {
        location = `${name}:${lines(text)}`
        const reader = new JsonReader(text)
        try {
          for (let v = reader.next(); v !== undefined; v = reader.next()) queue.push(v)
        } catch (error) {
          if (!(error instanceof JsonSyntax)) throw error
          failure = error.message
          break
        }
      }
    }
    if (flags.has('s') && !flags.has('R')) {
      const all = queue.splice(0)
      if (failure === undefined) queue.push(all)
    }
    if (flags.has('n')) halted = await evaluate(null)
    else {
      while (queue.length > 0 && halted === undefined) halted = await evaluate(queue.shift()!)
    }
    if (failure !== undefined && halted === undefined) {
      await out.flush()
      await process.stderr.write(`parse error: ${failure}\n`)
      code = 4
    }
  }
  await out.flush()
  if (halted !== undefined) return halted
  if (code !== 0) return code
  if (flags.has('e')) return last === undefined ? 4 : last === null || last === false ? 1 : 0
  return 0
})
