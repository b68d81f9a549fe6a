/**
 * What the tab key offers: commands at the start of a command, variables after `$`, arguments by the command's completer or `complete`
 * spec, else files. Words are found as the shell would read them, quotes included.
 */
import { quotePattern } from '#base/glob.ts'
import { actionWords, programNames } from '../builtins/complete.ts'
import { builtins } from '../builtins/table.ts'
import { keywords } from '../builtins/commands.ts'
import { glob } from '../expand/pathname.ts'
import { elements, getScalar, setArray, setScalar, variableNames } from '../expand/variables.ts'
import { expandText } from '../expand/word.ts'
import { callFunction } from '../run/function.ts'
import type { Shell } from '../state.ts'

export interface Candidate {
  /** Replaces the text from `start` to the cursor. */
  readonly insert: string
  /** As it stands in a list. */
  readonly shown: string
  /** A blank follows when it is the only one. */
  readonly space: boolean
}

export interface Completion {
  readonly start: number
  readonly candidates: readonly Candidate[]
}

interface Words {
  /** Words of the command under the cursor, without quotes; the last is the one to complete. */
  readonly words: string[]
  readonly start: number
  /** The quote that is open at the cursor. */
  readonly quote: string
  /** The word is the target of a redirection. */
  readonly redirect: boolean
}

/** Commands after which another command follows. */
const prefixes = new Set(['sudo', 'time', 'exec', 'nohup', 'command', 'builtin', 'env', 'xargs', 'watch', 'then', 'else', 'elif', 'if', 'while', 'until', 'do', '!', '{'])
const commandTakers = new Set(['which', 'type', 'man', 'whatis', 'hash'])
const directoryTakers = new Set(['cd', 'rmdir', 'pushd'])

function split(line: string): Words {
  let words: string[] = []
  let word = ''
  let start = 0
  let open = false
  let quote = ''
  let redirect = false
  let next = false
  const end = () => {
    if (open && !next) words.push(word)
    if (open) next = false
    word = ''
    open = false
  }
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (quote === "'") {
      if (c === "'") quote = ''
      else word += c
      continue
    }
    if (c === '\\' && quote !== "'") {
      if (!open) start = i
      open = true
      word += line[++i] ?? ''
      continue
    }
    if (quote === '"') {
      if (c === '"') quote = ''
      else if (c === '$' && line[i + 1] === '(') {
        // A command inside the quotes is completed on its own.
        const inner = split(line.slice(i + 2))
        if (!closed(line.slice(i + 2))) return { ...inner, start: inner.start + i + 2 }
        word += c
      } else word += c
      continue
    }
    if (c === "'" || c === '"') {
      if (!open) start = i
      open = true
      quote = c
    } else if (/\s/.test(c)) end()
    else if (c === '$' && line[i + 1] === '(') {
      if (!closed(line.slice(i + 2))) {
        const inner = split(line.slice(i + 2))
        return { ...inner, start: inner.start + i + 2 }
      }
      if (!open) start = i
      open = true
      word += c
    } else if (c === '|' || c === '&' || c === ';' || c === '(' || c === '`' || c === '\n') {
      end()
      words = []
      next = false
    } else if (c === '<' || c === '>') {
      if (/^\d+$/.test(word)) {
        word = ''
        open = false
      }
      end()
      next = true
      if (line[i + 1] === c || line[i + 1] === '&') i++
    } else {
      if (!open) start = i
      open = true
      word += c
    }
  }
  if (!open) start = line.length
  redirect = next
  return { words: [...words, word], start, quote, redirect }
}

/** Whether the parenthesis opened before `text` is closed in it. */
function closed(text: string): boolean {
  let depth = 1
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\') i++
    else if (quote) {
      if (c === quote) quote = ''
    } else if (c === "'" || c === '"') quote = c
    else if (c === '(') depth++
    else if (c === ')' && --depth === 0) return true
  }
  return false
}

function escapeWord(text: string, quote: string): string {
  if (quote === "'") return text
  if (quote === '"') return text.replace(/["$`\\]/g, '\\$&')
  return text.replace(/[\s'"\\$`|&;<>()*?[\]{}!#~](?!\/)/g, (c, at: number) => (c === '~' && at > 0 ? c : c === '#' && at > 0 ? c : '\\' + c))
}

export async function completeLine(sh: Shell, line: string): Promise<Completion> {
  const w = split(line)
  const word = w.words.at(-1)!
  const quote = w.quote
  let words = w.words
  const raw = (list: readonly string[], from = w.start, space = true): Completion => ({ start: from, candidates: [...new Set(list)].map((x) => ({ insert: x, shown: x, space })) })
  // $VARIABLE
  const variable = quote === "'" ? null : /\$(\{?)([A-Za-z_]\w*)?$/.exec(line)
  if (variable) {
    const names = variableNames(sh).filter((n) => n.startsWith(variable[2] ?? ''))
    // The name of a directory's variable goes on with a slash; an open quote is closed before it.
    const directory = (n: string): boolean => {
      const value = getScalar(sh, n)
      try {
        return value !== undefined && value !== '' && sh.process.fs.stat(value).type === 'directory'
      } catch {
        return false
      }
    }
    const found = names.map((n) => ({ name: n, folder: directory(n) }))
    return { start: variable.index, candidates: found.map(({ name, folder }) => ({ insert: `$${variable[1]}${name}${variable[1] ? '}' : ''}${found.length === 1 ? quote + (folder ? '/' : '') : ''}`, shown: name, space: !folder })) }
  }
  if (/^~[^/]*$/.test(word) && quote === '') {
    return raw([...sh.process.machine.users.keys()].map((u) => `~${u}/`).filter((u) => u.startsWith(word)), w.start, false)
  }
  const files = (only?: 'directories'): Completion => {
    const at = quote !== '' ? w.start + 1 : w.start
    return { start: at, candidates: fileCandidates(sh, word, quote, only) }
  }
  if (w.redirect) return files()
  // Assignments and prefixes before the command.
  let from = 0
  while (from < words.length - 1 && (/^[A-Za-z_]\w*\+?=/.test(words[from]!) || prefixes.has(words[from]!) || (from > 0 && prefixes.has(words[from - 1]!) && words[from]!.startsWith('-')))) from++
  words = words.slice(from)
  if (words.length === 1) {
    if (word.includes('/')) return files()
    if (quote !== '') return files()
    const names = [...sh.aliases.keys(), ...(from === 0 ? keywords : []), ...sh.functions.keys(), ...builtins.keys(), ...programNames(sh, word)].filter((n) => n.startsWith(word))
    const commands = raw(names)
    return commands.candidates.length > 0 ? commands : files('directories')
  }
  // An alias stands for its words.
  let name = words[0]!
  for (let i = 0; i < 5; i++) {
    const alias = sh.aliases.get(name)
    if (alias === undefined || sh.completers.has(name) || sh.specs.has(name)) break
    const expanded = alias.trim().split(/\s+/)
    words = [...expanded, ...words.slice(1)]
    name = words[0]!
  }
  const base = name.slice(name.lastIndexOf('/') + 1)
  const spec = sh.specs.get(name) ?? sh.specs.get(base)
  const started = /^__start_(.+)$/.exec(spec?.function ?? '')
  const completer = sh.completers.get(base) ?? (started && !sh.functions.has(spec!.function!) ? sh.completers.get(started[1]!) : undefined)
  if (completer) {
    const asked = started ? [started[1]!, ...words.slice(1)] : words
    const found = (await completer(sh.process, asked, asked.length - 1)).filter((x) => x !== '')
    if (found.length > 0) return fromCompleter(found, word, w)
    return fileArgument(words) ? files() : { start: w.start, candidates: [] }
  }
  if (spec) {
    const found = await fromSpec(sh, spec, words, word, line)
    if (found.length > 0 || !spec.options.some((o) => o === 'default' || o === 'bashdefault' || o === 'filenames')) {
      const space = !spec.options.includes('nospace')
      return { start: w.start, candidates: [...new Set(found)].map((x) => ({ insert: escapeWord(x, quote), shown: x, space: space && !/[/=]$/.test(x) })) }
    }
  }
  if (commandTakers.has(base)) return raw(actionWords(sh, 'command', word).filter((n) => n.startsWith(word)))
  if (base === 'unset' || base === 'export' || base === 'declare') {
    const names = variableNames(sh).filter((n) => n.startsWith(word))
    if (names.length > 0 && word !== '') return raw(names)
  }
  if (base === 'alias' || base === 'unalias') return raw([...sh.aliases.keys()].filter((n) => n.startsWith(word)))
  if (['fg', 'bg', 'jobs', 'disown'].includes(base) && word.startsWith('%')) return raw(sh.jobs.jobs.map((j) => `%${j.text.split(' ')[0]}`).filter((j) => j.startsWith(word)))
  return files(directoryTakers.has(base) ? 'directories' : undefined)
}

/** Where kubectl's completer has nothing to say but a file may stand. */
function fileArgument(words: readonly string[]): boolean {
  const before = words.at(-2) ?? ''
  const word = words.at(-1) ?? ''
  return /^(-f|--filename|-k|--kustomize|--from-file|--from-env-file|--kubeconfig|--cert|--key|--patch-file)$/.test(before) || words[1] === 'cp' || words[1] === 'diff' || /^[./~]/.test(word) || words.includes('--')
}

function fromCompleter(found: readonly string[], word: string, w: Words): Completion {
  const equals = word.indexOf('=')
  const behind = equals > 0 && !found.some((x) => x.startsWith(word))
  const start = behind ? w.start + equals + 1 : w.start
  const typed = behind ? word.slice(equals + 1) : word
  // Only the part behind the last slash or comma is shown where all share it.
  return { start, candidates: [...new Set(found)].filter((x) => x.startsWith(typed)).map((x) => ({ insert: x, shown: x, space: !/[=/:]$/.test(x) })) }
}

async function fromSpec(sh: Shell, spec: { readonly words?: string; readonly function?: string; readonly actions: readonly string[] }, words: readonly string[], word: string, line: string): Promise<string[]> {
  const found: string[] = []
  for (const action of spec.actions) found.push(...actionWords(sh, action, word).filter((x) => x.startsWith(word)))
  if (spec.words !== undefined) found.push(...(await expandText(sh, spec.words, 1, 'double')).split(/\s+/).filter((x) => x !== '' && x.startsWith(word)))
  const fn = spec.function === undefined ? undefined : sh.functions.get(spec.function)
  if (fn) {
    setArray(sh, 'COMP_WORDS', words.map((value) => ({ key: undefined, value })), false)
    setScalar(sh, 'COMP_CWORD', String(words.length - 1))
    setScalar(sh, 'COMP_LINE', line)
    setScalar(sh, 'COMP_POINT', String(line.length))
    setArray(sh, 'COMPREPLY', [], false)
    const status = sh.status
    await callFunction(sh, fn, [fn.name, words[0]!, word, words.at(-2) ?? ''])
    sh.status = status
    found.push(...elements(sh, 'COMPREPLY').map(([, v]) => v))
  }
  return found
}

function fileCandidates(sh: Shell, word: string, quote: string, only: 'directories' | undefined): Candidate[] {
  const home = getScalar(sh, 'HOME') ?? sh.process.user.home
  const tilde = quote === '' && word.startsWith('~/')
  const path = tilde ? home + word.slice(1) : word
  const slash = path.lastIndexOf('/')
  const dir = path.slice(0, slash + 1)
  const base = path.slice(slash + 1)
  let names: string[]
  try {
    names = sh.process.fs.readDir(dir === '' ? '.' : dir)
  } catch {
    return []
  }
  const out: Candidate[] = []
  for (const name of names) {
    if (!name.startsWith(base) || (name.startsWith('.') && !base.startsWith('.'))) continue
    let directory = false
    try {
      directory = sh.process.fs.stat(dir + name).type === 'directory'
    } catch {
      // A dangling link completes, too.
    }
    if (only === 'directories' && !directory) continue
    const full = (tilde ? '~' + (dir + name).slice(home.length) : dir + name) + (directory ? '/' : '')
    const insert = tilde ? '~' + escapeWord(full.slice(1), quote) : escapeWord(full, quote)
    out.push({ insert: insert + (directory || quote === '' ? '' : quote), shown: name + (directory ? '/' : ''), space: !directory })
  }
  return out
}

export { glob, quotePattern }
