/** Priorities of base chains: named ones with an offset, as nft reads and lists them. */
import type { Cursor } from './cursor.ts'
import { refuse } from './lexer.ts'
import type { Span } from './types.ts'

/** Names in the families ip, ip6 and inet; those of nat only at their own hook. */
const names: readonly { readonly name: string; readonly value: number; readonly hook?: string }[] = [
  { name: 'raw', value: -300 }, { name: 'mangle', value: -150 }, { name: 'dstnat', value: -100, hook: 'prerouting' }, { name: 'filter', value: 0 }, { name: 'security', value: 50 }, { name: 'srcnat', value: 100, hook: 'postrouting' },
]

/** Offsets up to this are listed as `name + n`. */
const NEAR = 10

export function parsePriority(c: Cursor, hook: string, start: Span): number {
  const token = c.peek
  const sign = (): number => (c.accept('-') ? -1 : c.accept('+') ? 1 : 0)
  if (token.kind === 'word') {
    c.next()
    const known = names.find((n) => n.name === token.text)
    const direction = sign()
    const offset = direction === 0 ? 0 : direction * c.number()
    if (!known || (known.hook !== undefined && known.hook !== hook)) refuse('invalid priority expression value in this context.', c.spanFrom(start))
    return known.value + offset
  }
  const direction = c.accept('-') ? -1 : 1
  return direction * c.number()
}

export function showPriority(priority: number, hook: string): string {
  let best: (typeof names)[number] | undefined
  for (const n of names) {
    if (n.hook !== undefined && n.hook !== hook) continue
    const distance = Math.abs(priority - n.value)
    if (distance <= NEAR && (!best || distance < Math.abs(priority - best.value))) best = n
  }
  if (!best) return String(priority)
  const offset = priority - best.value
  return offset === 0 ? best.name : `${best.name} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`
}
