/**
 * Elastic tab stops: text whose cells end with a tab becomes columns, as Go's text/tabwriter lays them out (kubectl, describe, crictl …).
 * A column is a run of neighbouring lines that have a tab-terminated cell at that place; the last cell of a line takes no part.
 * Left out: HTML filtering, right alignment, tab padding.
 */
export interface TabOptions {
  /** Least width of a column, padding included. */
  readonly minWidth?: number
  readonly padding?: number
}

/** Characters as a terminal counts them (code points). */
export function textWidth(text: string): number {
  let n = 0
  for (const _ of text) n++
  return n
}

/** Lays out the cells of `text`. Lines keep their ends; a form feed ends a line and all columns. */
export function alignTabs(text: string, options: TabOptions = {}): string {
  const minWidth = options.minWidth ?? 0
  const padding = options.padding ?? 1
  const lines = text.split('\n').map((line) => line.split('\t'))
  const out: string[] = lines.map(() => '')
  const widths: number[] = []
  const write = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const cells = lines[i]!
      let s = ''
      for (let j = 0; j < cells.length; j++) {
        const cell = cells[j]!
        s += cell
        const width = widths[j]
        if (width !== undefined && j < cells.length - 1) s += ' '.repeat(Math.max(0, width - textWidth(cell)))
      }
      out[i] = s
    }
  }
  const format = (from: number, to: number) => {
    const column = widths.length
    let start = from
    for (let i = from; i < to; i++) {
      if (column >= lines[i]!.length - 1) continue
      write(start, i)
      start = i
      let width = minWidth
      for (; i < to; i++) {
        const cells = lines[i]!
        if (column >= cells.length - 1) break
        width = Math.max(width, textWidth(cells[column]!) + padding)
      }
      widths.push(width)
      format(start, i)
      widths.pop()
      start = i
      i--
    }
    write(start, to)
  }
  format(0, lines.length)
  return out.join('\n')
}

/**
 * A table printed in parts whose columns never shrink (tabwriter's RememberWidths, `kubectl get -w`): the widths of earlier parts are kept.
 */
export class TableWriter {
  #widths: number[] = []
  readonly #minWidth: number
  readonly #padding: number

  constructor(options: TabOptions = {}) {
    this.#minWidth = options.minWidth ?? 6
    this.#padding = options.padding ?? 3
  }

  /** One text of lines, each ending with a newline. The last cell of a row is not padded. */
  format(rows: readonly (readonly string[])[]): string {
    for (const row of rows) {
      for (let i = 0; i < row.length - 1; i++) this.#widths[i] = Math.max(this.#widths[i] ?? this.#minWidth, textWidth(row[i]!) + this.#padding)
    }
    return rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat(this.#widths[i]! - textWidth(cell)))).join('') + '\n').join('')
  }
}
