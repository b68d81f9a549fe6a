/** jq's command line (1.6): options, positional arguments, its complaints and its help. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import { Fatal } from '../common.ts'
import { JsonReader, JsonSyntax } from './values.ts'
import type { Json } from './values.ts'

interface JqOptions {
  readonly flags: ReadonlySet<string>
  readonly filter: string | undefined
  readonly fromFile: string | undefined
  readonly files: readonly string[]
  readonly variables: Map<string, Json>
  readonly named: readonly (readonly [string, Json])[]
  readonly positional: readonly Json[]
  readonly indent: number | '\t'
}

const hint = 'Use jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq'

const forms = `Usage:\tjq [options] <jq filter> [file...]
\tjq [options] --args <jq filter> [strings...]
\tjq [options] --jsonargs <jq filter> [JSON_TEXTS...]
`

/** What jq says without a filter. */
export const usage = `jq - commandline JSON processor [version 1.6]

${forms}
jq is a tool for processing JSON inputs, applying the given filter to
its JSON text inputs and producing the filter's results as JSON on
standard output.

The simplest filter is ., which copies jq's input to its output
unmodified (except for formatting, but note that IEEE754 is used
for number representation internally, with all that that implies).

For more advanced filters see the jq(1) manpage ("man jq")
and/or https://stedolan.github.io/jq

Example:

\t$ echo '{"foo": 0}' | jq .
\t{
\t\t"foo": 0
\t}

`

export const help = `${usage}Some of the options include:
  -c               compact instead of pretty-printed output;
  -n               use \`null\` as the single input value;
  -e               set the exit status code based on the output;
  -s               read (slurp) all inputs into an array; apply filter to it;
  -r               output raw strings, not JSON texts;
  -R               read raw strings, not JSON texts;
  -C               colorize JSON;
  -M               monochrome (don't colorize JSON);
  -S               sort keys of objects on output;
  --tab            use tabs for indentation;
  --arg a v        set variable $a to value <v>;
  --argjson a v    set variable $a to JSON value <v>;
  --slurpfile a f  set variable $a to an array of JSON texts read from <f>;
  --rawfile a f    set variable $a to a string consisting of the contents of <f>;
  --args           remaining arguments are string arguments, not files;
  --jsonargs       remaining arguments are JSON arguments, not files;
  --               terminates argument processing;

Named arguments are also available as $ARGS.named[], while
positional arguments are available as $ARGS.positional[].

See the manpage for more options.
`

const long: Readonly<Record<string, string>> = {
  'raw-output': 'r', 'compact-output': 'c', 'null-input': 'n', 'exit-status': 'e', slurp: 's', 'raw-input': 'R', 'sort-keys': 'S', 'color-output': 'C', 'monochrome-output': 'M', 'join-output': 'j',
  'ascii-output': 'a', unbuffered: 'u', help: 'h', version: 'V', stream: 'stream', seq: 'seq', 'debug-dump-disasm': 'debug', 'debug-trace': 'debug',
}

/** Options with a name and a value. */
const pairs: Readonly<Record<string, string>> = { arg: 'varname value', argjson: 'varname text', slurpfile: 'varname filename', rawfile: 'varname filename', argfile: 'varname filename' }

function refuse(text: string): never {
  throw new Fatal(`${text}\n${hint}`, 2)
}

function readAll(text: string): Json[] {
  const reader = new JsonReader(text)
  const list: Json[] = []
  for (let v = reader.next(); v !== undefined; v = reader.next()) list.push(v)
  return list
}

function json(text: string, what: string): Json {
  try {
    const [value, ...more] = readAll(text)
    if (value === undefined || more.length > 0) throw new JsonSyntax('')
    return value
  } catch (error) {
    if (!(error instanceof JsonSyntax)) throw error
    refuse(`jq: invalid JSON text passed to --${what}`)
  }
}

function file(process: Process, option: string, name: string, path: string): Json {
  const bad = (text: string): never => {
    throw new Fatal(`jq: Bad JSON in --${option} ${name} ${path}: ${text}`, 2)
  }
  try {
    const text = process.fs.readFile(path)
    if (option === 'rawfile') return text
    const list = readAll(text)
    return option === 'argfile' && list.length === 1 ? list[0]! : list
  } catch (error) {
    if (error instanceof JsonSyntax) return bad(error.message)
    if (!(error instanceof FsError)) throw error
    return bad(`Could not open ${path}: ${strerror(error.code)}`)
  }
}

/** Throws Fatal. */
export function jqOptions(process: Process): JqOptions {
  const args = process.argv.slice(1)
  const flags = new Set<string>()
  const variables = new Map<string, Json>()
  const named: [string, Json][] = []
  const rest: string[] = []
  const positional: Json[] = []
  let program: string | undefined
  let indent: number | '\t' = 2
  let further: '' | 'args' | 'jsonargs' = ''
  let fromFile = false
  let done = false
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    if (done || !/^-[-A-Za-z]/.test(a)) {
      if (program === undefined) program = a
      else if (further === 'args') positional.push(a)
      else if (further === 'jsonargs') positional.push(json(a, 'jsonargs'))
      else rest.push(a)
      continue
    }
    if (a === '--') {
      if (program === undefined && args[i + 1] === undefined) break
      done = true
      continue
    }
    if (a.startsWith('--')) {
      const n = a.slice(2)
      if (pairs[n] !== undefined) {
        if (i + 2 >= args.length) refuse(`jq: --${n} takes two parameters (e.g. --${n} ${pairs[n]})`)
        const name = args[i + 1]!
        const text = args[i + 2]!
        i += 2
        if (variables.has(name)) continue
        const value = n === 'arg' ? text : n === 'argjson' ? json(text, n) : file(process, n, name, text)
        variables.set(name, value)
        named.push([name, value])
      } else if (n === 'args' || n === 'jsonargs') further = n
      else if (n === 'tab') indent = '\t'
      else if (n === 'indent') {
        if (i + 1 >= args.length) refuse('jq: --indent takes one parameter')
        const width = Number.parseInt(args[++i]!, 10) || 0
        if (width < -1 || width > 7) refuse('jq: --indent takes a number between -1 and 7')
        indent = Math.max(0, width)
      } else if (n === 'from-file') fromFile = true
      else if (long[n] !== undefined) flags.add(long[n])
      else refuse(`jq: Unknown option ${a}`)
      continue
    }
    if (a.startsWith('-L')) {
      if (a === '-L' && args[++i] === undefined) refuse('-L takes a parameter: (e.g. -L /search/path or -L/search/path)')
      continue
    }
    for (const c of a.slice(1)) {
      if (c === 'f') fromFile = true
      else if ('rcnesRSCMjahV'.includes(c)) flags.add(c)
      else refuse(`jq: Unknown option ${a}`)
    }
  }
  if (fromFile && program === undefined) program = '.'
  return { flags, filter: fromFile ? undefined : program, fromFile: fromFile ? program : undefined, files: rest, variables, named, positional, indent }
}
