/** Server-side Tables as kubectl shows them: which columns, kinds before names, namespaces, labels; cells with line breaks are cut. */
import { TableWriter } from '#base/text-table.ts'
import type { KubeObject } from '#engine/api/types.ts'

interface TableColumn {
  readonly name: string
  readonly type: string
  readonly format?: string
  readonly priority?: number
}
export interface TableRow {
  readonly cells: readonly unknown[]
  readonly object?: KubeObject
}
export interface Table {
  readonly kind: 'Table'
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
  readonly columnDefinitions?: readonly TableColumn[]
  readonly rows?: readonly TableRow[] | null
}

export interface TableOptions {
  readonly wide: boolean
  readonly noHeaders: boolean
  readonly withNamespace: boolean
  /** `deployment.apps`, or '' for bare names. */
  readonly kind: string
  readonly showLabels: boolean
  readonly labelColumns: readonly string[]
  /** Column EVENT before all others. */
  readonly events?: boolean
}

export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort()
  return keys.length === 0 ? '<none>' : keys.map((k) => `${k}=${labels![k]}`).join(',')
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell !== 'string') return String(cell)
  const at = cell.search(/[\f\n\r]/)
  return at < 0 ? cell : `${cell.slice(0, at)}...`
}

/** Prints tables of one type one after the other, with one header and columns that only grow. */
export class TablePrinter {
  readonly #options: TableOptions
  readonly #writer = new TableWriter()
  #columns: readonly TableColumn[] | undefined
  #headed = false

  constructor(options: TableOptions) {
    this.#options = options
  }

  rows(table: Table, event?: string): string[][] {
    const o = this.#options
    if (table.columnDefinitions && table.columnDefinitions.length > 0) this.#columns = table.columnDefinitions
    const columns = this.#columns ?? []
    const shown = columns.map((c, i) => ({ c, i })).filter(({ c }) => o.wide || (c.priority ?? 0) === 0)
    const out: string[][] = []
    const rows = table.rows ?? []
    if (rows.length > 0 && !this.#headed && !o.noHeaders) {
      this.#headed = true
      out.push([
        ...(o.events ? ['EVENT'] : []), ...(o.withNamespace ? ['NAMESPACE'] : []), ...shown.map(({ c }) => c.name.toUpperCase()),
        ...o.labelColumns.map((l) => l.split('/').at(-1)!.toUpperCase()), ...(o.showLabels ? ['LABELS'] : []),
      ])
    }
    for (const row of rows) {
      const metadata = row.object?.metadata
      const cells = shown.map(({ c, i }) => {
        const text = cellText(row.cells[i])
        return o.kind !== '' && c.format === 'name' && c.name.toLowerCase() === 'name' ? `${o.kind}/${text}` : text
      })
      if (o.kind !== '' && !shown.some(({ c }) => c.format === 'name' && c.name.toLowerCase() === 'name') && cells.length > 0 && shown[0]!.c.name.toLowerCase() === 'name') cells[0] = `${o.kind}/${cells[0]!}`
      out.push([
        ...(o.events ? [event ?? ''] : []), ...(o.withNamespace ? [metadata?.namespace ?? ''] : []), ...cells,
        ...o.labelColumns.map((l) => metadata?.labels?.[l] ?? ''), ...(o.showLabels ? [formatLabels(metadata?.labels)] : []),
      ])
    }
    return out
  }

  layout(rows: readonly (readonly string[])[]): string {
    return this.#writer.format(rows)
  }
}
