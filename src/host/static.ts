/** Files below one folder; a path that leaves it, or names a type that the interface has none of, is not found. */
import { createHash } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.json': 'application/json; charset=utf-8',
}

export interface StaticFile {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
  /** Its name carries its hash. */
  readonly fixed: boolean
}

export async function readStatic(folder: string, path: string): Promise<StaticFile | undefined> {
  let name: string
  try {
    name = decodeURIComponent(path)
  } catch {
    return undefined
  }
  if (name.includes('\0')) return undefined
  if (name.endsWith('/')) name += 'index.html'
  const type = types[extname(name)]
  if (type === undefined) return undefined
  try {
    const top = await realpath(folder)
    const file = await realpath(join(top, name))
    if (!file.startsWith(top + sep)) return undefined
    const body = await readFile(file)
    return { body, type, etag: `"${createHash('sha1').update(body).digest('base64url')}"`, fixed: /^\/assets\//.test(name) }
  } catch {
    return undefined
  }
}
