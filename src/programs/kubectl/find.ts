/** Which command of the tree a command line means. */
import { Flags, flagsOf } from './cli/flags.ts'
import { commandTable } from './generated/commands.ts'

function child(path: string, word: string): string | undefined {
  const names = Object.values(commandTable[path]?.subcommands ?? {}).flat()
  for (const name of names) if (name === word || commandTable[`${path} ${name}`]?.aliases?.includes(word)) return `${path} ${name}`
  return path === 'kubectl' && word === 'options' ? 'kubectl options' : undefined
}

/** The command that the words name, and the words that are left for it (flags before it stay). */
export function findCommand(words: readonly string[]): { readonly path: string; readonly rest: readonly string[] } {
  let path = 'kubectl'
  const rest: string[] = []
  let i = 0
  let flags = new Flags(flagsOf(path))
  for (; i < words.length; i++) {
    const word = words[i]!
    if (word === '--') break
    if (word.startsWith('-') && word.length > 1) {
      rest.push(word)
      const takesNext = word.startsWith('--') ? !word.includes('=') && flags.definition(word.slice(2))?.bare === '' : word.length === 2 && flags.byShorthand(word[1]!)?.bare === ''
      if (takesNext && i + 1 < words.length) rest.push(words[++i]!)
      continue
    }
    const next = child(path, word)
    if (next === undefined) break
    path = next
    flags = new Flags(flagsOf(path))
  }
  return { path, rest: [...rest, ...words.slice(i)] }
}
