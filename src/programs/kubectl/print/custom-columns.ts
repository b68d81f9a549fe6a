/** `-o custom-columns=HEADER:path,…`: one row per object, `<none>` where a path finds nothing. */
import { alignTabs } from '#base/text-table.ts'
import { Failure } from '../cli/errors.ts'
import { JsonPath, JsonPathError, relaxedPath } from './jsonpath.ts'
import { goValue } from './json.ts'

interface Column {
  readonly header: string
  readonly path: string
}

function column(header: string, path: string): Column {
  try {
    return { header, path: relaxedPath(path) }
  } catch (error) {
    if (error instanceof JsonPathError) throw new Failure(error.message)
    throw error
  }
}

/** A column whose path is wrong: the header is printed all the same. */
export class ColumnFailure extends Failure {
  readonly printed: string

  constructor(text: string, printed: string) {
    super(text)
    this.printed = printed
  }
}

/** `NAME:.metadata.name,IMAGE:.spec.containers[*].image` */
export function parseColumns(spec: string): readonly Column[] {
  if (spec === '') throw new Failure('custom-columns format specified but no custom columns given')
  return spec.split(',').map((part) => {
    const at = part.indexOf(':')
    if (at < 0) throw new Failure(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`)
    return column(part.slice(0, at), part.slice(at + 1))
  })
}

/** A file with a line of headers and a line of paths. */
export function parseColumnFile(text: string): readonly Column[] {
  const [headers, paths] = text.split('\n').filter((l) => l.trim() !== '').map((l) => l.trim().split(/\s+/))
  if (!headers) throw new Failure('invalid template, missing header line. Expected format is one line of space separated headers, one line of space separated column specs.')
  if (!paths) throw new Failure('invalid template, missing spec line. Expected format is one line of space separated headers, one line of space separated column specs.')
  if (headers.length !== paths.length) throw new Failure(`number of headers (${headers.length}) and field specifications (${paths.length}) don't match`)
  return headers.map((h, i) => column(h, paths[i]!))
}

export function printColumns(columns: readonly Column[], objects: readonly unknown[], noHeaders: boolean): string {
  const rows = noHeaders || objects.length === 0 ? [] : [columns.map((c) => c.header).join('\t')]
  const layout = () => (rows.length === 0 ? '' : alignTabs(rows.join('\n') + '\n', { minWidth: 6, padding: 3 }))
  for (const object of objects) {
    rows.push(columns.map((c) => {
      let values: unknown[][]
      try {
        values = new JsonPath(c.path, { allowMissingKeys: true }).find(object)
      } catch (error) {
        if (error instanceof JsonPathError) throw new ColumnFailure(error.message, layout())
        throw error
      }
      if (values.length === 0 || values[0]!.length === 0) return '<none>'
      return values.flat().map(goValue).join(',')
    }).join('\t'))
  }
  return layout()
}
