/**
 * Command lines as spf13/pflag reads them: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, bundles of short flags, `--`,
 * flags anywhere; typed values with Go's error texts. Definitions come from the generated table of kubectl's commands.
 */
import { parseDuration } from './duration.ts'
import { commandTable, flagTable } from '../generated/commands.ts'
import { goQuote } from '../print/json.ts'

export interface FlagDefinition {
  readonly name: string
  readonly shorthand: string
  readonly type: string
  readonly default: string
  /** Value of the flag when it stands without one; '' where one is needed. */
  readonly bare: string
  readonly hidden: boolean
  readonly required: boolean
  readonly persistent: boolean
  readonly deprecated: string | undefined
}

export class FlagError extends Error {}

const defined = new Map<string, FlagDefinition>()

function define(key: string): FlagDefinition {
  let flag = defined.get(key)
  if (!flag) defined.set(key, (flag = read(key)))
  return flag
}

function read(key: string): FlagDefinition {
  const [shorthand, type, value, bare = '', marks = '', deprecated] = flagTable[key]!
  return { name: key.replace(/#\d+$/, ''), shorthand, type, default: value, bare, hidden: marks.includes('hidden'), required: marks.includes('required'), persistent: marks.includes('persistent'), deprecated }
}

const hiddenGlobals: FlagDefinition[] = [
  ['v', 'v', 'level', '0'], ['vmodule', '', 'string', ''], ['log-flush-frequency', '', 'duration', '5s'], ['alsologtostderr', '', 'bool', 'false', 'true'], ['logtostderr', '', 'bool', 'true', 'true'],
].map(([name, shorthand, type, value, bare = '']) => ({ name: name!, shorthand: shorthand!, type: type!, default: value!, bare, hidden: true, required: false, persistent: true, deprecated: undefined }))

/** Own flags of a command, then those it inherits. */
export function flagsOf(path: string): readonly FlagDefinition[] {
  const own = (commandTable[path]?.flags ?? 'help').split(' ').filter(Boolean).map(define)
  const names = new Set(own.map((f) => f.name))
  const words = path.split(' ')
  for (let n = words.length - 1; n >= 1; n--) {
    for (const key of (commandTable[words.slice(0, n).join(' ')]?.flags ?? '').split(' ').filter(Boolean)) {
      const flag = define(key)
      if (flag.persistent && !names.has(flag.name)) {
        names.add(flag.name)
        own.push(flag)
      }
    }
  }
  for (const flag of hiddenGlobals) if (!names.has(flag.name)) own.push(flag)
  return own
}

const listTypes = new Set(['stringArray', 'stringSlice', 'mapStringString', 'stringToString'])

/** Fields of a CSV record, as encoding/csv reads one line. */
function splitCsv(text: string): string[] {
  const out: string[] = []
  let field = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') {
        field += '"'
        i++
      } else if (c === '"') quoted = false
      else field += c
    } else if (c === '"' && field === '') quoted = true
    else if (c === ',') {
      out.push(field)
      field = ''
    } else field += c
  }
  out.push(field)
  return out
}

function check(type: string, value: string): string | undefined {
  const bits: Record<string, number> = { int: 64, int32: 32, int64: 64, level: 32 }
  if (type === 'bool') return /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value) ? undefined : `strconv.ParseBool: parsing ${goQuote(value)}: invalid syntax`
  if (bits[type]) {
    const fn = type === 'level' ? 'Atoi' : 'ParseInt'
    if (!/^[-+]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/.test(value)) return `strconv.${fn}: parsing ${goQuote(value)}: invalid syntax`
    if (bits[type] === 32 && Math.abs(Number(value)) > 2147483647) return `strconv.${fn}: parsing ${goQuote(value)}: value out of range`
  }
  if (type === 'duration') {
    const parsed = parseDuration(value)
    if (typeof parsed === 'string') return parsed
  }
  return undefined
}

export class Flags {
  readonly #definitions = new Map<string, FlagDefinition>()
  readonly #values = new Map<string, string[]>()
  readonly definitions: readonly FlagDefinition[]

  constructor(definitions: readonly FlagDefinition[]) {
    this.definitions = definitions
    for (const d of definitions) this.#definitions.set(d.name, d)
  }

  has(name: string): boolean {
    return this.#definitions.has(name)
  }

  definition(name: string): FlagDefinition | undefined {
    return this.#definitions.get(name)
  }

  byShorthand(letter: string): FlagDefinition | undefined {
    return this.definitions.find((d) => d.shorthand === letter)
  }

  changed(name: string): boolean {
    return this.#values.has(name)
  }

  /** Throws FlagError with pflag's words. */
  set(definition: FlagDefinition, value: string): void {
    const problem = check(definition.type, value)
    if (problem !== undefined) {
      const shown = definition.shorthand ? `-${definition.shorthand}, --${definition.name}` : `--${definition.name}`
      throw new FlagError(`invalid argument ${goQuote(value)} for ${goQuote(shown)} flag: ${problem}`)
    }
    const old = this.#values.get(definition.name) ?? []
    if (definition.type === 'stringSlice') this.#values.set(definition.name, [...old, ...(value === '' ? [] : splitCsv(value))])
    else if (listTypes.has(definition.type)) this.#values.set(definition.name, [...old, value])
    else this.#values.set(definition.name, [value])
  }

  string(name: string): string {
    return this.#values.get(name)?.[0] ?? this.#definitions.get(name)?.default ?? ''
  }

  bool(name: string): boolean {
    return /^(1|t|true)$/i.test(this.string(name))
  }

  number(name: string): number {
    return Number(this.string(name) || 0)
  }

  /** Milliseconds. */
  duration(name: string): number {
    const parsed = parseDuration(this.string(name) || '0')
    return typeof parsed === 'number' ? parsed : 0
  }

  list(name: string): readonly string[] {
    const given = this.#values.get(name)
    if (given) return given
    const value = this.#definitions.get(name)?.default ?? ''
    return value === '' || value === '[]' ? [] : splitCsv(value.replace(/^\[|\]$/g, ''))
  }

  /** `a=b,c=d` of stringToString flags. */
  map(name: string): Record<string, string> {
    const out: Record<string, string> = {}
    for (const text of this.list(name)) {
      for (const pair of splitCsv(text)) {
        const at = pair.indexOf('=')
        if (at >= 0) out[pair.slice(0, at)] = pair.slice(at + 1)
      }
    }
    return out
  }

  /** Reads words; answers the arguments and how many stood before `--` (-1 without it). */
  parse(words: readonly string[]): { readonly args: string[]; readonly dash: number } {
    const args: string[] = []
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!
      if (word === '--') return { args: [...args, ...words.slice(i + 1)], dash: args.length }
      if (word.startsWith('--')) {
        const at = word.indexOf('=')
        const name = at < 0 ? word.slice(2) : word.slice(2, at)
        if (name === '' || name.startsWith('-') || name.startsWith('=')) throw new FlagError(`bad flag syntax: ${word}`)
        const definition = this.#definitions.get(name)
        if (!definition) {
          if (name === 'help') throw new FlagError('help requested')
          throw new FlagError(`unknown flag: --${name}`)
        }
        if (at >= 0) this.set(definition, word.slice(at + 1))
        else if (definition.bare !== '') this.set(definition, definition.bare)
        else if (i + 1 < words.length) this.set(definition, words[++i]!)
        else throw new FlagError(`flag needs an argument: --${name}`)
      } else if (word.startsWith('-') && word.length > 1) {
        let letters = word.slice(1)
        while (letters !== '') {
          const letter = letters[0]!
          const definition = this.byShorthand(letter)
          if (!definition) throw new FlagError(`unknown shorthand flag: '${letter}' in -${letters}`)
          if (letters.length > 2 && letters[1] === '=') {
            this.set(definition, letters.slice(2))
            break
          }
          if (definition.bare !== '') {
            this.set(definition, definition.bare)
            letters = letters.slice(1)
            continue
          }
          if (letters.length > 1) this.set(definition, letters.slice(1))
          else if (i + 1 < words.length) this.set(definition, words[++i]!)
          else throw new FlagError(`flag needs an argument: '${letter}' in -${letters}`)
          break
        }
      } else args.push(word)
    }
    return { args, dash: -1 }
  }
}
