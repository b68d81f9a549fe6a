/** A unified diff as Go's difflib writes it. */
export interface DiffOptions {
  readonly from: string
  readonly to: string
  readonly context: number
}

interface Op {
  readonly kind: ' ' | '-' | '+'
  readonly line: string
  /** How many lines of each side come before. */
  readonly a: number
  readonly b: number
}

/** Lines by their longest common subsequence. */
function operations(a: readonly string[], b: readonly string[]): Op[] {
  const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) for (let k = b.length - 1; k >= 0; k--) table[i]![k] = a[i] === b[k] ? table[i + 1]![k + 1]! + 1 : Math.max(table[i + 1]![k]!, table[i]![k + 1]!)
  const out: Op[] = []
  let [i, k] = [0, 0]
  while (i < a.length || k < b.length) {
    if (i < a.length && k < b.length && a[i] === b[k]) out.push({ kind: ' ', line: a[i]!, a: i++, b: k++ })
    else if (i < a.length && (k >= b.length || table[i + 1]![k]! >= table[i]![k + 1]!)) out.push({ kind: '-', line: a[i]!, a: i++, b: k })
    else out.push({ kind: '+', line: b[k]!, a: i, b: k++ })
  }
  return out
}

const range = (start: number, length: number) => (length === 1 ? `${start + 1}` : `${length === 0 ? start : start + 1},${length}`)

export function unifiedDiff(a: string, b: string, { from, to, context }: DiffOptions): string {
  const lines = (text: string) => text.split(/(?<=\n)/)
  const ops = operations(lines(a), lines(b))
  const changed = ops.flatMap((o, i) => (o.kind === ' ' ? [] : [i]))
  if (changed.length === 0) return ''
  const hunks: [number, number][] = []
  for (const i of changed) {
    const last = hunks.at(-1)
    const [start, end] = [Math.max(0, i - context), Math.min(ops.length, i + context + 1)]
    if (last && start <= last[1]) last[1] = end
    else hunks.push([start, end])
  }
  const body = hunks.map(([start, end]) => {
    const part = ops.slice(start, end)
    const count = (kind: string) => part.filter((o) => o.kind === ' ' || o.kind === kind).length
    const text = part.map((o) => `${o.kind}${o.line.endsWith('\n') ? o.line : `${o.line}\n`}`).join('')
    return `@@ -${range(part[0]!.a, count('-'))} +${range(part[0]!.b, count('+'))} @@\n${text}`
  })
  return `--- ${from}\n+++ ${to}\n${body.join('')}`
}
