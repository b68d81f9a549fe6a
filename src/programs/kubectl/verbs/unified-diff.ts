/** `diff -u` of two texts: longest common subsequence by lines, three lines of context. */
export function unifiedDiff(from: string, to: string): string {
  const a = from === '' ? [] : from.replace(/\n$/, '').split('\n')
  const b = to === '' ? [] : to.replace(/\n$/, '').split('\n')
  if (from === to) return ''
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const [x, y] = [a.slice(start, a.length - end), b.slice(start, b.length - end)]
  const lengths = Array.from({ length: x.length + 1 }, () => new Int32Array(y.length + 1))
  for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) lengths[i]![j] = x[i] === y[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!)
  const lines: { mark: ' ' | '-' | '+'; text: string }[] = a.slice(0, start).map((text) => ({ mark: ' ', text }))
  for (let i = 0, j = 0; i < x.length || j < y.length; ) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      lines.push({ mark: ' ', text: x[i]! })
      i++
      j++
    } else if (j >= y.length || (i < x.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) lines.push({ mark: '-', text: x[i++]! })
    else lines.push({ mark: '+', text: y[j++]! })
  }
  for (const text of a.slice(a.length - end)) lines.push({ mark: ' ', text })
  return hunks(lines)
}

function hunks(lines: readonly { readonly mark: ' ' | '-' | '+'; readonly text: string }[]): string {
  let out = ''
  const context = 3
  let i = 0
  let oldLine = 1
  let newLine = 1
  while (i < lines.length) {
    if (lines[i]!.mark === ' ') {
      oldLine++
      newLine++
      i++
      continue
    }
    const from = Math.max(0, i - context)
    let to = i
    for (let k = i; k < lines.length && k <= to + 2 * context + 1; k++) if (lines[k]!.mark !== ' ') to = k
    const stop = Math.min(lines.length, to + 1 + context)
    const back = i - from
    const part = lines.slice(from, stop)
    const olds = part.filter((l) => l.mark !== '+').length
    const news = part.filter((l) => l.mark !== '-').length
    const range = (line: number, count: number) => (count === 1 ? String(line) : `${count === 0 ? line - 1 : line},${count}`)
    out += `@@ -${range(oldLine - back, olds)} +${range(newLine - back, news)} @@\n${part.map((l) => `${l.mark}${l.text}\n`).join('')}`
    oldLine += olds - back
    newLine += news - back
    i = stop
  }
  return out
}
