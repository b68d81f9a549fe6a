/** "Did you mean this?": command names within an edit distance of two, or that the word begins, or that say so themselves (cobra's SuggestionsFor). */
import { commandTable } from '../generated/commands.ts'
import { subcommandGroups } from './help.ts'

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1]!.toLowerCase() === b[j - 1]!.toLowerCase() ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

export function suggestionsFor(word: string): string {
  const names = subcommandGroups('kubectl').flatMap(([, n]) => n)
  const close = names.filter((n) => distance(word, n) <= 2 || n.toLowerCase().startsWith(word.toLowerCase()) || commandTable[`kubectl ${n}`]?.suggestFor?.some((s) => s.toLowerCase() === word.toLowerCase()))
  return close.length === 0 ? '' : `\nDid you mean this?\n${close.map((c) => `\t${c}\n`).join('')}`
}
