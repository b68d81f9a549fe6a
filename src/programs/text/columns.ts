/** column (util-linux 2.38): lines into columns, tables, JSON; and pr as far as it makes columns (-t, -m, -n, -o, -d, -s). */
import { strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { Fatal, parseOptions, readInputs, splitLines, tool } from './common.ts'
import type { Options } from './common.ts'
import { displayWidth } from './lines.ts'

function splitAny(line: string, separators: string): string[] {
  const out: string[] = []
  let cell = ''
  for (const c of line) {
    if (separators.includes(c)) {
      out.push(cell)
      cell = ''
    } else cell += c
  }
  return [...out, cell]
}

/** The columns that a list of names or numbers means. */
function columnsOf(list: string | undefined, names: readonly string[] | undefined): number[] {
  return (list ?? '').split(',').filter((x) => x !== '').map((x) => {
    if (/^\d+$/.test(x)) return Number(x) - 1
    const at = names?.indexOf(x) ?? -1
    if (at < 0) throw new Fatal(`column: undefined column name '${x}'`)
    return at
  })
}

function rowsOf(o: Options, lines: readonly string[]): string[][] {
  const s = o.get('s')
  const limit = o.has('l') ? Number(o.get('l')) : Infinity
  return lines.map((l) => {
    const cells = s === undefined ? l.trim().split(/[ \t]+/) : splitAny(l, s)
    if (cells.length <= limit) return cells
    return s === undefined ? [...cells.slice(0, limit - 1), l.trim().replace(new RegExp(`^(?:[^ \\t]+[ \\t]+){${limit - 1}}`), '')] : [...cells.slice(0, limit - 1), cells.slice(limit - 1).join(s[0])]
  })
}

async function table(process: Process, o: Options, lines: readonly string[]): Promise<void> {
  const names = o.get('N')?.split(',')
  const rows = rowsOf(o, lines)
  const count = Math.max(names?.length ?? 0, ...rows.map((r) => r.length))
  const hidden = new Set(columnsOf(o.get('H'), names))
  const order = columnsOf(o.get('O'), names)
  const picked = [...order, ...Array.from({ length: count }, (_, i) => i).filter((i) => !order.includes(i))].filter((i) => !hidden.has(i) && i < count)
  if (o.has('J')) {
    const text = (v: string | undefined) => (v === undefined ? 'null' : JSON.stringify(v))
    const item = (r: readonly string[]) => `      {\n${picked.map((i) => `         ${JSON.stringify((names![i] ?? '').toLowerCase())}: ${text(r[i])}`).join(',\n')}\n      }`
    await process.stdout.write(`{\n   ${JSON.stringify((o.get('n') ?? 'table').toLowerCase())}: [\n${rows.map(item).join(',').replace(/\},\s+\{/g, '},{')}\n   ]\n}\n`)
    return
  }
  const right = new Set(columnsOf(o.get('R'), names))
  if (names && !o.has('d')) rows.unshift(names)
  const separator = o.get('o') ?? '  '
  const widths = picked.map((i) => Math.max(...rows.map((r) => displayWidth(r[i] ?? ''))))
  for (const r of rows) {
    let line = ''
    picked.forEach((i, k) => {
      const cell = r[i] ?? ''
      const last = k === picked.length - 1
      const space = ' '.repeat(widths[k]! - displayWidth(cell))
      line += right.has(i) ? space + cell : last ? cell : cell + space
      if (!last) line += separator
    })
    await process.stdout.write(line + '\n')
  }
}

async function fill(process: Process, o: Options, lines: readonly string[]): Promise<void> {
  const width = Number(o.get('c') ?? process.tty?.columns ?? process.env.get('COLUMNS') ?? 80) || 80
  const longest = Math.max(...lines.map(displayWidth))
  const cell = (Math.floor(longest / 8) + 1) * 8
  const columns = Math.max(1, Math.floor(width / cell))
  const rows = Math.ceil(lines.length / columns)
  if (columns === 1 || longest >= width) {
    await process.stdout.write(lines.map((l) => l + '\n').join(''))
    return
  }
  for (let r = 0; r < rows; r++) {
    let line = ''
    for (let c = 0; c < columns; c++) {
      const i = o.has('x') ? r * columns + c : c * rows + r
      const text = lines[i]
      if (text === undefined) break
      const more = (o.has('x') ? c + 1 < columns && i + 1 < lines.length : (c + 1) * rows + r < lines.length && c + 1 < columns)
      line += text
      if (more) line += '\t'.repeat(Math.ceil((cell - displayWidth(text)) / 8))
    }
    await process.stdout.write(line + '\n')
  }
}

const column: Program = tool(async (process) => {
  const o = parseOptions(process, {
    short: 'tc:s:o:n:dexN:R:JH:O:l:E:T:W:Lp:i:r:',
    long: { table: 't', 'separator=': 's', 'output-separator=': 'o', 'output-width=': 'c', 'table-columns=': 'N', 'table-right=': 'R', fillrows: 'x', json: 'J', 'table-name=': 'n', 'table-noheadings': 'd', 'table-hide=': 'H', 'table-order=': 'O', 'table-columns-limit=': 'l', 'table-noextreme=': 'E', 'table-truncate=': 'T', 'table-wrap=': 'W', 'keep-empty-lines': 'L', 'table-empty-lines': 'L' },
  })
  if (o.has('J') && !o.has('N')) throw new Fatal('column: option --table-columns required for --json')
  const { texts, failed } = await readInputs(process, o.rest)
  const lines = texts.flatMap(splitLines).filter((l) => l.trim() !== '' || o.has('e') || o.has('L'))
  if (lines.length === 0) return failed ? 1 : 0
  if (o.has('t') || o.has('J')) await table(process, o, lines)
  else await fill(process, o, lines)
  return failed ? 1 : 0
})

/** Text at fixed columns, the gaps filled with tabs where a stop allows it, as pr does. */
function placed(cells: readonly string[], width: number): string {
  let out = ''
  let at = 0
  cells.forEach((cell, i) => {
    const goal = i * width
    while (at < goal) {
      const stop = at - (at % 8) + 8
      if (stop <= goal && goal - at > 1) {
        out += '\t'
        at = stop
      } else {
        out += ' '
        at++
      }
    }
    const text = cells.length > 1 || width < 72 ? [...cell].slice(0, width - 1).join('') : cell
    out += text
    at += displayWidth(text)
  })
  return out
}

const pr: Program = tool(async (process) => {
  const args = process.argv.slice(1).map((a) => (/^-\d+$/.test(a) ? `--columns=${a.slice(1)}` : a))
  const o = parseOptions(process, { short: 'ad:h:l:mn::o:s::tTw:W:S:N:rv', long: { 'columns=': 'columns', across: 'a', 'double-space': 'D', 'header=': 'h', 'length=': 'l', merge: 'm', 'number-lines=?': 'n', 'indent=': 'o', 'separator=?': 's', 'omit-header': 't', 'omit-pagination': 'T', 'width=': 'w' } }, args.map((a) => (a === '-d' ? '--double-space' : a)))
  const { texts, failed } = await readInputs(process, o.rest, (path, error) => `${path}: ${strerror(error.code)}`)
  if (failed && texts.length === 0) return 1
  const width = Number(o.get('w') ?? 72)
  const indent = ' '.repeat(Number(o.get('o') ?? 0))
  const join = (cells: readonly string[], n: number) => (o.has('s') ? cells.join(o.get('s') || '\t') : placed(cells, Math.floor(width / n)))
  const gap = o.has('D') ? '\n\n' : '\n'
  let rows: string[] = []
  const n = o.has('m') ? texts.length : Number(o.get('columns') ?? 1)
  const lists = o.has('m') ? texts.map(splitLines) : [splitLines(texts.join(''))]
  if (o.has('m')) for (let i = 0; i < Math.max(0, ...lists.map((l) => l.length)); i++) rows.push(join(lists.map((l) => l[i] ?? ''), n))
  else {
    let lines = lists[0]!
    if (o.has('n')) lines = lines.map((l, i) => `${String(i + 1).padStart(5)}\t${l}`)
    if (n <= 1) rows = lines
    else {
      const page = o.has('t') || o.has('T') ? Math.max(1, Number(o.get('l') ?? 66)) : Math.max(1, Number(o.get('l') ?? 66) - 10)
      for (let at = 0; at < lines.length; at += page * n) {
        const part = lines.slice(at, at + page * n)
        const height = Math.ceil(part.length / n)
        // The first columns take one line more where it does not come out even.
        const least = Math.floor(part.length / n)
        const longer = part.length % n
        const place = (k: number, r: number) => (r < least + (k < longer ? 1 : 0) ? part[k * least + Math.min(k, longer) + r] : undefined)
        for (let r = 0; r < height; r++) rows.push(join(Array.from({ length: n }, (_, k) => (o.has('a') ? part[r * n + k] : place(k, r))).filter((x) => x !== undefined), n))
      }
    }
  }
  if (o.has('t') || o.has('T')) {
    await process.stdout.write(rows.map((r) => indent + r + gap).join(''))
    return failed ? 1 : 0
  }
  const length = Number(o.get('l') ?? 66)
  const body = Math.max(1, length - 10)
  const stamp = new Date(process.now()).toISOString().slice(0, 16).replace('T', ' ')
  const title = o.get('h') ?? o.rest[0] ?? ''
  for (let at = 0, page = 1; at < Math.max(1, rows.length); at += body, page++) {
    const number = `Page ${page}`
    const middle = Math.max(0, width - stamp.length - number.length - title.length)
    const part = rows.slice(at, at + body)
    await process.stdout.write(`\n\n${stamp}${' '.repeat(Math.floor(middle / 2))}${title}${' '.repeat(Math.ceil(middle / 2))}${number}\n\n\n${part.map((r) => indent + r + gap).join('')}${'\n'.repeat(body - part.length + 5)}`)
  }
  return failed ? 1 : 0
})

export const columnPrograms: readonly (readonly [string, Program])[] = [['column', column], ['pr', pr]]
