/** Two texts line by line, by their longest common subsequence. Long texts are compared by their differing middle only. */
export interface DiffLine {
  readonly mark: 'same' | 'added' | 'removed'
  readonly text: string
}

const mostCells = 2_000_000

export function diffLines(before: string, after: string): readonly DiffLine[] {
  const a = before.replace(/\n$/, '').split('\n')
  const b = after.replace(/\n$/, '').split('\n')
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const x = a.slice(head, a.length - tail)
  const y = b.slice(head, b.length - tail)
  const same = (text: string): DiffLine => ({ mark: 'same', text })
  const middle: DiffLine[] = []
  if (x.length * y.length > mostCells) middle.push(...x.map((text): DiffLine => ({ mark: 'removed', text })), ...y.map((text): DiffLine => ({ mark: 'added', text })))
  else {
    const width = y.length + 1
    const length = new Uint32Array((x.length + 1) * width)
    for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) length[i * width + j] = x[i] === y[j] ? length[(i + 1) * width + j + 1]! + 1 : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!)
    let i = 0
    let j = 0
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) {
        middle.push(same(x[i]!))
        i++
        j++
      } else if (i < x.length && (j >= y.length || length[(i + 1) * width + j]! >= length[i * width + j + 1]!)) middle.push({ mark: 'removed', text: x[i++]! })
      else middle.push({ mark: 'added', text: y[j++]! })
    }
  }
  return [...a.slice(0, head).map(same), ...middle, ...a.slice(a.length - tail).map(same)]
}

/** A change with the lines around it, or how many lines that are alike stand between two of them. */
export type DiffPart = { readonly kind: 'lines'; readonly lines: readonly DiffLine[] } | { readonly kind: 'gap'; readonly count: number }

/** A diff as one reads it: unchanged lines farther than `around` from a change are counted instead of shown. */
export function partsOf(lines: readonly DiffLine[], around = 3): readonly DiffPart[] {
  const near = new Uint8Array(lines.length)
  lines.forEach((line, i) => {
    if (line.mark !== 'same') near.fill(1, Math.max(0, i - around), i + around + 1)
  })
  const out: DiffPart[] = []
  for (let i = 0; i < lines.length; ) {
    let end = i
    while (end < lines.length && near[end] === near[i]) end++
    out.push(near[i] === 1 ? { kind: 'lines', lines: lines.slice(i, end) } : { kind: 'gap', count: end - i })
    i = end
  }
  return out
}
