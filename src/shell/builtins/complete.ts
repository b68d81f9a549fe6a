/** complete, compgen, compopt: what users say about completion; the line editor reads the specs. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import { getScalar, variableNames } from '../expand/variables.ts'
import { glob } from '../expand/pathname.ts'
import { quotePattern } from '#base/glob.ts'
import { quoteSingle, quoteWord } from '../print/quote.ts'
import type { CompletionSpec } from '../completion.ts'
import type { Shell } from '../state.ts'
import { usage } from './basic.ts'
import { builtins } from './table.ts'
import { keywords } from './commands.ts'
import type { Builtin } from './table.ts'

const actionLetters: Record<string, string> = { a: 'alias', b: 'builtin', c: 'command', d: 'directory', e: 'export', f: 'file', g: 'group', j: 'job', k: 'keyword', s: 'service', u: 'user', v: 'variable' }

interface Parsed {
  readonly spec: CompletionSpec
  readonly names: string[]
  readonly remove: boolean
  readonly print: boolean
  readonly prefix: string
  readonly suffix: string
}

async function parse(sh: Shell, argv: readonly string[]): Promise<Parsed | number> {
  const options: string[] = []
  const actions: string[] = []
  const spec: { words?: string; command?: string; function?: string } = {}
  let remove = false
  let print = false
  let prefix = ''
  let suffix = ''
  let fallback = ''
  let text = ''
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    if (argv[i] === '--') {
      i++
      break
    }
    const letters = argv[i]!.slice(1)
    for (let k = 0; k < letters.length; k++) {
      const c = letters[k]!
      if (actionLetters[c]) {
        actions.push(actionLetters[c])
        text += ` -${c}`
      } else if (c === 'p') print = true
      else if (c === 'r') remove = true
      else if (c === 'D' || c === 'E' || c === 'I') fallback = `-${c}`
      else if ('oAGWFCXPS'.includes(c)) {
        const value = letters.slice(k + 1) || (argv[++i] ?? '')
        if (c === 'o') options.push(value)
        else if (c === 'A') actions.push(value)
        else if (c === 'W') spec.words = value
        else if (c === 'F') spec.function = value
        else if (c === 'C') spec.command = value
        else if (c === 'P') prefix = value
        else if (c === 'S') suffix = value
        if (c !== 'o') text += ` -${c} ${'WXGPSC'.includes(c) ? quoteSingle(value) : quoteWord(value)}`
        break
      } else return usage(sh, argv[0]!, `-${c}`, `${argv[0]} [-abcdefgjksuv] [-pr] [-DEI] [-o option] [-A action] [-G globpat] [-W wordlist] [-F function] [-C command] [-X filterpat] [-P prefix] [-S suffix] [name ...]`)
    }
  }
  const names = argv.slice(i)
  const shown = options.map((o) => ` -o ${o}`).join('') + text
  return { spec: { ...spec, options, actions, text: shown }, names: fallback ? [fallback, ...names] : [...names], remove, print, prefix, suffix }
}

const complete: Builtin = async (sh, argv) => {
  const p = await parse(sh, argv)
  if (typeof p === 'number') return p
  if (p.print || argv.length === 1) {
    let status = 0
    for (const name of p.names.length > 0 ? p.names : [...sh.specs.keys()]) {
      const spec = sh.specs.get(name)
      if (spec) await sh.out(`complete${spec.text} ${name}\n`)
      else {
        await sh.complain(`complete: ${name}: no completion specification`)
        status = 1
      }
    }
    return status
  }
  if (p.remove) {
    if (p.names.length === 0) sh.specs.clear()
    let status = 0
    for (const name of p.names) {
      if (!sh.specs.delete(name)) {
        await sh.complain(`complete: ${name}: no completion specification`)
        status = 1
      }
    }
    return status
  }
  for (const name of p.names) sh.specs.set(name, p.spec)
  return 0
}

type Action = (sh: Shell, word: string) => string[]

function files(sh: Shell, word: string): string[] {
  return glob(sh, quotePattern(word) + '*')
}

const actions: NameTable<Action> = nameTable<Action>({
  alias: (sh) => [...sh.aliases.keys()].sort(),
  builtin: () => [...builtins.keys()].sort(),
  keyword: () => [...keywords],
  function: (sh) => [...sh.functions.keys()].sort(),
  variable: (sh) => variableNames(sh),
  export: (sh) => variableNames(sh).filter((n) => sh.lookup(n)?.exported),
  user: (sh) => [...sh.process.machine.users.keys()].sort(),
  job: (sh) => sh.jobs.jobs.map((j) => j.text.split(' ')[0]!),
  setopt: () => [],
  shopt: (sh) => [...sh.shopts.keys()].sort(),
  command: (sh, word) => [...new Set([...sh.aliases.keys(), ...keywords, ...sh.functions.keys(), ...builtins.keys(), ...programNames(sh, word)])],
  file: files,
  directory: (sh, word) => files(sh, word).filter((p) => sh.process.fs.exists(p) && sh.process.fs.stat(p).type === 'directory'),
})

/** Words of an action (`-A action`). */
export function actionWords(sh: Shell, action: string, word: string): string[] {
  return actions.get(action)?.(sh, word) ?? []
}

/** Names of executables along PATH that begin with `word`. */
export function programNames(sh: Shell, word: string): string[] {
  const names = new Set<string>()
  for (const dir of (getScalar(sh, 'PATH') ?? '').split(':')) {
    let list: string[]
    try {
      list = sh.process.fs.readDir(dir || '.')
    } catch {
      continue
    }
    for (const name of list) {
      if (!name.startsWith(word) || names.has(name)) continue
      try {
        if (sh.process.fs.stat(`${dir}/${name}`).type === 'file' && sh.process.fs.access(`${dir}/${name}`, { execute: true })) names.add(name)
      } catch {
        // A dangling link.
      }
    }
  }
  return [...names].sort()
}

const compgen: Builtin = async (sh, argv) => {
  const p = await parse(sh, argv)
  if (typeof p === 'number') return p
  const word = p.names[0] ?? ''
  const found: string[] = []
  for (const action of p.spec.actions) found.push(...actionWords(sh, action, word))
  if (p.spec.function !== undefined && p.spec.actions.length === 0 && p.spec.words === undefined) await sh.complain('compgen: warning: -F option may not work as you expect')
  if (p.spec.words !== undefined) found.push(...p.spec.words.split(/\s+/).filter((w) => w !== ''))
  const hits = found.filter((f) => f.startsWith(word))
  for (const h of hits) await sh.out(`${p.prefix}${h}${p.suffix}\n`)
  return hits.length > 0 ? 0 : 1
}

export const completionBuiltins: readonly (readonly [string, Builtin])[] = [
  ['complete', complete],
  ['compgen', compgen],
  ['compopt', async (sh, argv) => {
    if (argv.some((a, i) => i > 0 && !a.startsWith('-') && !a.startsWith('+') && !/^[-+]o$/.test(argv[i - 1]!))) return 0
    await sh.complain('compopt: not currently executing completion function')
    return 1
  }],
]
