/** Command lines of etcdctl and etcdutl: cobra's words and pflag's flags, with etcdctl's flags from ETCDCTL_ variables where the line does not set them. */
import type { Process } from '#engine/machine/process.ts'
import { Failure, zapJson } from './log.ts'

/** Flag → its default; true and false are of flags without a value. */
export type FlagTable = Readonly<Record<string, string | boolean>>

export interface Line {
  readonly words: readonly string[]
  readonly given: ReadonlySet<string>
  text(name: string): string
  on(name: string): boolean
}

const letters: Readonly<Record<string, string>> = { w: 'write-out', h: 'help' }

export function readLine(argv: readonly string[], table: FlagTable): Line {
  const values = new Map<string, string>()
  const words: string[] = []
  for (let i = 1; i < argv.length; i++) {
    const arg = argv[i]!
    if (arg === '--') {
      words.push(...argv.slice(i + 1))
      break
    }
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg)
      continue
    }
    const short = /^-([A-Za-z])(=?)(.*)$/s.exec(arg)
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(arg)
    const name = long ? long[1]! : letters[short?.[1] ?? '']
    if (name === undefined) throw new Failure(`unknown shorthand flag: '${arg[1]}' in ${arg}`)
    const start = table[name]
    if (start === undefined) throw new Failure(`unknown flag: --${name}`)
    let value = long ? long[2] : short![3] === '' && short![2] === '' ? undefined : short![3]
    if (value === undefined) value = typeof start === 'boolean' ? 'true' : argv[++i]
    if (value === undefined) throw new Failure(long ? `flag needs an argument: --${name}` : `flag needs an argument: '${arg[1]}' in ${arg}`)
    if (typeof start === 'boolean' && !/^(?:true|false|1|0|t|f)$/i.test(value)) throw new Failure(`invalid argument ${JSON.stringify(value)} for "--${name}" flag: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`)
    values.set(name, value)
  }
  return lineOf(words, values, table)
}

function lineOf(words: readonly string[], values: ReadonlyMap<string, string>, table: FlagTable): Line {
  return { words, given: new Set(values.keys()), text: (name) => values.get(name) ?? String(table[name] ?? ''), on: (name) => /^(?:true|1|t)$/i.test(values.get(name) ?? String(table[name] ?? '')) }
}

/** The line with what the environment adds. */
export async function withEnvironment(p: Process, line: Line, table: FlagTable, fromEnvironment: readonly string[]): Promise<Line> {
  const values = new Map<string, string>([...line.given].map((name) => [name, line.text(name)]))
  const known = new Map(fromEnvironment.map((name) => [`ETCDCTL_${name.toUpperCase().replaceAll('-', '_')}`, name]))
  const unknown: string[] = []
  for (const [variable, value] of p.env) {
    if (!variable.startsWith('ETCDCTL_')) continue
    const name = known.get(variable)
    if (name === undefined) unknown.push(`${variable}=${value}`)
    else if (line.given.has(name)) {
      await zapJson(p, 'warn', { caller: 'flags/flag.go:88', msg: 'conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag)', 'environment-variable': variable })
      throw new Failure('')
    } else if (value !== '') values.set(name, value)
  }
  for (const variable of unknown) await zapJson(p, 'warn', { caller: 'flags/flag.go:94', msg: 'unrecognized environment variable', 'environment-variable': variable })
  return lineOf(line.words, values, table)
}
