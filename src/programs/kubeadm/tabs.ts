/** Go's tabwriter as kubeadm uses it: columns at least ten wide, three blanks between; a block of lines is aligned by itself; what follows the last tab is not padded. */
export function alignTabs(lines: readonly string[]): string[] {
  const rows = lines.map((l) => l.split('\t'))
  const widths = rows.map((r) => r.slice(0, -1).map(() => 0))
  for (let column = 0; rows.some((r) => r.length - 1 > column); column++) {
    for (let i = 0; i < rows.length; ) {
      if (rows[i]!.length - 1 <= column) {
        i++
        continue
      }
      let end = i
      while (end < rows.length && rows[end]!.length - 1 > column) end++
      const longest = Math.max(...rows.slice(i, end).map((r) => [...r[column]!].length))
      const width = Math.max(10, longest + 3)
      for (let k = i; k < end; k++) widths[k]![column] = width
      i = end
    }
  }
  return rows.map((r, i) => r.map((cell, c) => (c < r.length - 1 ? cell + ' '.repeat(widths[i]![c]! - [...cell].length) : cell)).join(''))
}
