/** What the command line gives to sittings: a macrotask to drain promises with, and the content folder. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The folder that holds lessons/ and labs/: the nearest above this program. */
export function contentFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'labs')) && existsSync(join(folder, 'lessons'))) return folder
    if (dirname(folder) === folder) throw new Error('the content (lessons/ and labs/) is not beside this program')
  }
}
