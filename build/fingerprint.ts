/** Hashes of source folders, so that a build step runs only when something that it reads has changed. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

function visit(root: string, path: string, hash: ReturnType<typeof createHash>): void {
  if (!existsSync(path)) return
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path).sort()) visit(root, join(path, name), hash)
  } else if (!path.endsWith('.test.ts')) {
    hash.update(relative(root, path))
    hash.update('\0')
    hash.update(readFileSync(path))
  }
}

export function fingerprint(root: string, paths: readonly string[]): string {
  const hash = createHash('sha1')
  for (const path of paths) visit(root, join(root, path), hash)
  return hash.digest('hex')
}
