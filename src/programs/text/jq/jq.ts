/** The program jq (1.6): options, inputs, output styles, exit codes. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { Fatal, Out, readText, tool } from '../common.ts'
import { builtins, Halt } from './builtins.ts'
import { emptyEnv, type Context } from './env.ts'
import { undefinedNames } from './names.ts'
import { JqSyntax, parseJq } from './parse.ts'
import { help, jqOptions, usage } from './options.ts'
import { run } from './run.ts'
import { JqError, JsonReader, JsonSyntax, object, print } from './values.ts'
import type { Json, PrintStyle } from './values.ts'

export const jq: Program = tool(async (process) => {
  const { flags, filter, fromFile, files, variables, named, positional, indent } = jqOptions(process)
  if (flags.has('V')) {
    await process.stdout.write('jq-1.6\n')
    return 0
  }
  if (flags.has('h')) {
    await process.stdout.write(help)
    return 0
  }
  let source = filter ?? (fromFile === undefined && (!process.stdin.tty || !process.stdout.tty) ? '.' : undefined)
  if (fromFile !== undefined) {
    try {
      if (process.fs.stat(fromFile).type === 'directory') throw new Fatal(`jq: Could not open ${fromFile}: It's a directory`, 2)
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
  variables.set('ARGS', object([['positional', [...positional]] as const, ['named', object(named)] as const]))
  const queue: Json[] = []
  let stderr = ''
  const context: Context = {
    builtins,
    variables,
    inputs: { next: () => queue.shift() },
    environment: () => object([...process.env]),
    now: () => process.now(),
    at: () => {
      const m = /^(.*):(\d+)$/.exec(location)
      return { file: m ? m[1]! : null, line: m ? Number(m[2]) : 0 }
    },
    warn: (text) => void (stderr += text),
    labels: 0,
  }
  let location = '<unknown>'
  let ast
  try {
    ast = parseJq(source)
    const [unknown, ...more] = undefinedNames(ast, context)
    if (unknown) throw Object.assign(new JqSyntax(unknown.text, unknown.pos), { more: more.map((m) => ({ message: m.text, pos: m.pos })) })
  } catch (error) {
    if (!(error instanceof JqSyntax)) throw error
    const all = [{ message: error.message, pos: error.pos }, ...error.more]
    await process.stderr.write(`${all.map((e) => complaint(source, e)).join('')}jq: ${all.length} compile error${all.length > 1 ? 's' : ''}\n`)
    return 3
  }
  const style: PrintStyle = { indent: flags.has('c') ? 0 : indent, sort: flags.has('S'), ascii: flags.has('a'), color: flags.has('C') || (process.stdout.tty !== undefined && !flags.has('M')) }
  const out = new Out(process.stdout)
  out.lineBuffered = flags.has('u') || process.stdout.tty !== undefined
  let last: Json | undefined
  let code = 0
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
        if (error.value !== undefined && error.value !== null) await process.stderr.write(typeof error.value === 'string' ? error.value : print(error.value) + '\n')
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
          for (let v = reader.next(); v !== undefined; v = reader.next()) {
            if (flags.has('stream')) for (const [event] of builtins.get('tostream/0')!([], env, v, undefined)) queue.push(event)
            else queue.push(v)
          }
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

/** The line that an error is in, padded to where the error begins. */
function complaint(source: string, error: { readonly message: string; readonly pos: number }): string {
  const start = source.lastIndexOf('\n', error.pos - 1) + 1
  const end = source.indexOf('\n', start)
  const line = source.slice(0, start).split('\n').length
  const shell = error.message.startsWith('syntax error') ? ' (Unix shell quoting issues?)' : ''
  return `jq: error: ${error.message}${shell} at <top-level>, line ${line}:\n${source.slice(start, end < 0 ? undefined : end)}${' '.repeat(Math.max(0, error.pos - start))}\n`
}
