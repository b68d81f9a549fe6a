/**
 * A table of what to do for each name of a set: verbs, options, properties, letters. Unlike a bare object it knows no inherited names, so
 * names that a learner typed can be looked up in it.
 */
export type NameTable<Row> = ReadonlyMap<string, Row>

/** Names that share a row are written as one key with blanks between: `{ 'add -A': …, 'del -D': … }`. */
export function nameTable<Row>(rows: Readonly<Record<string, Row>>): NameTable<Row> {
  const table = new Map<string, Row>()
  for (const [names, row] of Object.entries(rows)) {
    for (const name of names.split(' ')) {
      if (table.has(name)) throw new Error(`${name} stands twice in a table`)
      table.set(name, row)
    }
  }
  return table
}
