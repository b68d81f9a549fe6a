/**
 * Unified diffs as Go's port of Python's difflib makes them: the longest common run first, then the same to its left and right. In texts of 200 lines and
 * more, lines that come often are not looked for (they still lengthen a run that was found).
 */
interface Block {
  readonly a: number
  readonly b: number
  readonly size: number
}

type Tag = 'equal' | 'replace' | 'delete' | 'insert'
type Opcode = readonly [tag: Tag, a1: number, a2: number, b1: number, b2: number]

function placesOf(b: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [j, line] of b.entries()) {
    const known = places.get(line)
    if (known) known.push(j)
    else places.set(line, [j])
  }
  if (b.length >= 200) {
    const many = Math.floor(b.length / 100) + 1
    for (const [line, found] of places) if (found.length > many) places.delete(line)
  }
  return places
}

function longestRun(a: readonly string[], b: readonly string[], places: ReadonlyMap<string, readonly number[]>, alo: number, ahi: number, blo: number, bhi: number): Block {
  let [besti, bestj, size] = [alo, blo, 0]
  let lengths = new Map<number, number>()
  for (let i = alo; i < ahi; i++) {
    const next = new Map<number, number>()
    for (const j of places.get(a[i]!) ?? []) {
      if (j < blo) continue
      if (j >= bhi) break
      const k = (lengths.get(j - 1) ?? 0) + 1
      next.set(j, k)
      if (k > size) [besti, bestj, size] = [i - k + 1, j - k + 1, k]
    }
    lengths = next
  }
  while (besti > alo && bestj > blo && a[besti - 1] === b[bestj - 1]) [besti, bestj, size] = [besti - 1, bestj - 1, size + 1]
  while (besti + size < ahi && bestj + size < bhi && a[besti + size] === b[bestj + size]) size++
  return { a: besti, b: bestj, size }
}

function opcodesOf(a: readonly string[], b: readonly string[]): Opcode[] {
  const places = placesOf(b)
  const blocks: Block[] = []
  const collect = (alo: number, ahi: number, blo: number, bhi: number): void => {
    const run = longestRun(a, b, places, alo, ahi, blo, bhi)
    if (run.size === 0) return
    if (alo < run.a && blo < run.b) collect(alo, run.a, blo, run.b)
    blocks.push(run)
    if (run.a + run.size < ahi && run.b + run.size < bhi) collect(run.a + run.size, ahi, run.b + run.size, bhi)
  }
  collect(0, a.length, 0, b.length)
  blocks.push({ a: a.length, b: b.length, size: 0 })
  const out: Opcode[] = []
  let [i, j] = [0, 0]
  for (const block of blocks) {
    const tag = i < block.a && j < block.b ? 'replace' : i < block.a ? 'delete' : j < block.b ? 'insert' : undefined
    if (tag) out.push([tag, i, block.a, j, block.b])
    ;[i, j] = [block.a + block.size, block.b + block.size]
    if (block.size > 0) {
      const last = out.at(-1)
      // Adjacent runs count as one.
      if (last?.[0] === 'equal') out[out.length - 1] = ['equal', last[1], i, last[3], j]
      else out.push(['equal', block.a, i, block.b, j])
    }
  }
  return out
}

function grouped(all: readonly Opcode[], n: number): Opcode[][] {
  const codes = [...all]
  const first = codes[0]
  if (first?.[0] === 'equal') codes[0] = ['equal', Math.max(first[1], first[2] - n), first[2], Math.max(first[3], first[4] - n), first[4]]
  const last = codes.at(-1)
  if (last?.[0] === 'equal') codes[codes.length - 1] = ['equal', last[1], Math.min(last[2], last[1] + n), last[3], Math.min(last[4], last[3] + n)]
  const groups: Opcode[][] = []
  let group: Opcode[] = []
  for (const [tag, a1, a2, b1, b2] of codes) {
    if (tag === 'equal' && a2 - a1 > 2 * n) {
      group.push([tag, a1, Math.min(a2, a1 + n), b1, Math.min(b2, b1 + n)])
      groups.push(group)
      group = [[tag, Math.max(a1, a2 - n), a2, Math.max(b1, b2 - n), b2]]
    } else group.push([tag, a1, a2, b1, b2])
  }
  if (group.length > 0 && !(group.length === 1 && group[0]![0] === 'equal')) groups.push(group)
  return groups
}

function range(from: number, to: number): string {
  const length = to - from
  if (length === 1) return String(from + 1)
  return `${length === 0 ? from : from + 1},${length}`
}

/** Three lines of context, no file headers. */
export function unifiedDiff(before: string, after: string): string {
  const a = before.split('\n')
  const b = after.split('\n')
  let out = ''
  for (const group of grouped(opcodesOf(a, b), 3)) {
    const [first, last] = [group[0]!, group.at(-1)!]
    out += `@@ -${range(first[1], last[2])} +${range(first[3], last[4])} @@\n`
    for (const [tag, a1, a2, b1, b2] of group) {
      if (tag === 'equal') for (const line of a.slice(a1, a2)) out += ` ${line}\n`
      else {
        for (const line of a.slice(a1, a2)) out += `-${line}\n`
        for (const line of b.slice(b1, b2)) out += `+${line}\n`
      }
    }
  }
  return out
}
