/** The properties in a directive's braces, read by a table: name → what its line sets. */
import type { NameTable } from '#base/name-table.ts'
import { argumentError, parseError, type Line } from './corefile.ts'

/** Property → reader of its line; readers write into the settings. */
export type OptionTable<Settings> = NameTable<(option: Line, settings: Settings) => void>

/** A property that is understood and changes nothing here. */
export const accepted = (): void => {}

/** The same, but at least one argument must follow. */
export function acceptedWithArguments(option: Line): void {
  if (option.args.length === 0) throw argumentError(option)
}

export function readOptions<Settings>(line: Line, table: OptionTable<Settings>, settings: Settings): void {
  for (const option of line.block) {
    const read = table.get(option.name)
    if (!read) throw parseError(option, `unknown property '${option.name}'`)
    read(option, settings)
  }
}
