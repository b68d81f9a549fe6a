/** Finding the command among the words and reading its flags, as cobra and pflag do: their words for what is wrong. */
import { parseGoDuration } from '#base/duration.ts'
import { commandTable, flagTable } from './generated/commands.ts'
import { Failure } from './run.ts'

export interface Found {
  readonly path: string
  readonly words: readonly string[]
}

/** Words that belong to flags are passed over, as cobra's Find does before it knows the command's flags. */
function isFlagWithValue(word: string): boolean {
  return /^--[^=]+$/.test(word) || /^-[^-=]$/.test(word)
}

const booleans = new Set(Object.entries(flagTable).filter(([, [, type]]) => type === '').map(([name]) => name.replace(/#.*/, '')))
const shorthands = new Map(Object.entries(flagTable).filter(([, [short]]) => short !== '').map(([name, [short]]) => [short, name.replace(/#.*/, '')]))

function subcommandOf(path: string, word: string): string | undefined {
  const subs = commandTable[path]?.subcommands
  if (subs?.[word] !== undefined) return word
  return subs && Object.keys(subs).find((s) => commandTable[`${path} ${s}`]?.aliases?.includes(word))
}

/** Levenshtein distance of at most two, or a beginning: cobra's suggestions for words after the root. */
function suggestions(word: string, names: readonly string[]): string[] {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i)
    for (let i = 1; i <= a.length; i++) {
      const next = [i]
      for (let j = 1; j <= b.length; j++) next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
      row = next
    }
    return row[b.length]!
  }
  return names.filter((n) => distance(word, n) <= 2 || n.toLowerCase().startsWith(word.toLowerCase()))
}

export function findCommand(words: readonly string[]): Found {
  let path = 'kubeadm'
  const left = [...words]
  for (let i = 0; i < left.length; ) {
    const word = left[i]!
    if (word === '--') break
    if (word.startsWith('-') && word !== '-') {
      const name = word.startsWith('--') ? word.slice(2) : shorthands.get(word[1]!)
      i += isFlagWithValue(word) && !(name !== undefined && booleans.has(name)) ? 2 : 1
      continue
    }
    const sub = subcommandOf(path, word)
    if (sub === undefined) {
      if (path === 'kubeadm') {
        const near = suggestions(word, Object.keys(commandTable['kubeadm']!.subcommands!))
        throw new Failure(`unknown command ${JSON.stringify(word)} for "kubeadm"${near.length > 0 ? `\n\nDid you mean this?\n${near.map((n) => `\t${n}\n`).join('')}` : ''}`)
      }
      break
    }
    path = `${path} ${sub}`
    left.splice(i, 1)
  }
  return { path, words: left }
}

export class ParsedFlags {
  readonly #values = new Map<string, string[]>()
  readonly #types: ReadonlyMap<string, string>
  readonly #defaults: ReadonlyMap<string, string>
  readonly args: readonly string[]

  constructor(path: string, words: readonly string[]) {
    const entry = commandTable[path]!
    const names = `${entry.flags ?? ''} ${entry.global ?? ''}`.trim().split(/\s+/)
    this.#types = new Map(names.map((key) => [key.replace(/#.*/, ''), flagTable[key]![1]]))
    this.#defaults = new Map(names.flatMap((key) => {
      const given = /\(default (?:"(.*)"|(.*))\)$/.exec(flagTable[key]![2])
      return given ? [[key.replace(/#.*/, ''), given[1] ?? given[2]!.replace(/^\[(.*)\]$/, '$1')] as const] : []
    }))
    const args: string[] = []
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!
      if (word === '--') {
        args.push(...words.slice(i + 1))
        break
      }
      if (!word.startsWith('-') || word === '-') args.push(word)
      else if (word.startsWith('--')) i += this.#long(word.slice(2), words[i + 1])
      else i += this.#short(word.slice(1), word, words[i + 1])
    }
    this.args = args
  }

  /** How many more words it took. */
  #long(text: string, next: string | undefined): number {
    const eq = text.indexOf('=')
    const name = eq < 0 ? text : text.slice(0, eq)
    const type = this.#types.get(name)
    if (type === undefined) throw new Failure(`unknown flag: --${name}`)
    if (eq >= 0) this.#set(name, type, text.slice(eq + 1), `--${name}`)
    else if (type === '') this.#set(name, type, 'true', `--${name}`)
    else if (type.includes('[=')) this.#set(name, type, /\[="?([^"\]]*)/.exec(type)![1]!, `--${name}`)
    else {
      if (next === undefined) throw new Failure(`flag needs an argument: --${name}`)
      this.#set(name, type, next, `--${name}`)
      return 1
    }
    return 0
  }

  #short(text: string, word: string, next: string | undefined): number {
    for (let i = 0; i < text.length; i++) {
      const c = text[i]!
      const name = shorthands.get(c)
      const type = name === undefined ? undefined : this.#types.get(name)
      if (name === undefined || type === undefined) throw new Failure(`unknown shorthand flag: '${c}' in ${word}`)
      const shown = `-${c}, --${name}`
      if (text[i + 1] === '=') this.#set(name, type, text.slice(i + 2), shown)
      else if (type === '') {
        this.#set(name, type, 'true', shown)
        continue
      } else if (i + 1 < text.length) this.#set(name, type, text.slice(i + 1), shown)
      else {
        if (next === undefined) throw new Failure(`flag needs an argument: '${c}' in ${word}`)
        this.#set(name, type, next, shown)
        return 1
      }
      return 0
    }
    return 0
  }

  #set(name: string, type: string, value: string, shown: string): void {
    const problem = problemOf(type, value)
    if (problem !== undefined) throw new Failure(`invalid argument ${JSON.stringify(value)} for ${JSON.stringify(shown)} flag: ${problem}`)
    this.#values.set(name, type.startsWith('strings') ? [...(this.#values.get(name) ?? []), ...(value === '' ? [] : value.split(','))] : [value])
  }

  has(name: string): boolean {
    return this.#types.has(name)
  }

  changed(name: string): boolean {
    return this.#values.has(name)
  }

  get changedNames(): readonly string[] {
    return [...this.#values.keys()]
  }

  string(name: string): string {
    return this.#values.get(name)?.[0] ?? this.#defaults.get(name) ?? ''
  }

  strings(name: string): readonly string[] {
    const value = this.#values.get(name)
    if (value) return value
    const given = this.#defaults.get(name)
    return given === undefined || given === '' ? [] : given.split(',')
  }

  bool(name: string): boolean {
    return /^(1|t|T|TRUE|true|True)$/.test(this.string(name))
  }

  /** Milliseconds. */
  duration(name: string): number {
    return parseGoDuration(this.string(name)) ?? 0
  }
}

function problemOf(type: string, value: string): string | undefined {
  const quoted = JSON.stringify(value)
  if (type === '') return /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value) ? undefined : `strconv.ParseBool: parsing ${quoted}: invalid syntax`
  if (type === 'int' || type === 'int32' || type === 'Level') return /^[+-]?\d+$/.test(value) ? undefined : `strconv.ParseInt: parsing ${quoted}: invalid syntax`
  if (type === 'duration' && parseGoDuration(value) === undefined) return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(value) ? `time: missing unit in duration ${quoted}` : /^[+-]?[\d.]+[a-zA-Z]+/.test(value) ? `time: unknown unit ${JSON.stringify(/[a-zA-Z]+/.exec(value)![0])} in duration ${quoted}` : `time: invalid duration ${quoted}`
  return undefined
}
