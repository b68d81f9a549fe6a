/** What the command line gives to sittings: a macrotask to drain promises with, and the content folder. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ContentSource } from '#course/load.ts'

export const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The folder that holds lessons/ and labs/: the nearest above this program. */
export function contentFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'labs')) && existsSync(join(folder, 'lessons'))) return folder
    if (dirname(folder) === folder) throw new Error('the content (lessons/ and labs/) is not beside this program')
  }
}

export function diskContent(root: string): ContentSource {
  return {
    list: (folder) => {
      const path = join(root, folder)
      return existsSync(path) ? readdirSync(path, { withFileTypes: true }).map((e) => (e.isDirectory() ? `${e.name}/` : e.name)).sort() : []
    },
    read: (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined),
  }
}
