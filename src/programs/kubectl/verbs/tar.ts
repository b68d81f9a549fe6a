/** ustar archives as strings of bytes: enough of tar for `kubectl cp`. Left out: links, long names beyond prefix and name, sparse files. */
import { byteLength } from '#base/bytes.ts'
import { charactersWithin } from '#base/http.ts'
import type { FileSystem } from '#engine/machine/files.ts'

interface TarEntry {
  readonly name: string
  readonly folder: boolean
  readonly mode: number
  readonly text: string
}

const octal = (n: number, width: number): string => n.toString(8).padStart(width - 1, '0') + '\0'

function header(name: string, size: number, mode: number, mtime: number, folder: boolean): string {
  const short = name.length > 100 ? name.slice(name.length - 100) : name
  const fields = [short.padEnd(100, '\0'), octal(mode & 0o7777, 8), octal(0, 8), octal(0, 8), octal(size, 12), octal(Math.floor(mtime / 1000), 12), '        ', folder ? '5' : '0', '\0'.repeat(100), 'ustar\0', '00', '\0'.repeat(64), octal(0, 8), octal(0, 8), '\0'.repeat(155), '\0'.repeat(12)]
  const block = fields.join('')
  let sum = 0
  for (let i = 0; i < block.length; i++) sum += block.charCodeAt(i) & 255
  return block.slice(0, 148) + sum.toString(8).padStart(6, '0') + '\0 ' + block.slice(156)
}

/** The file or folder at `path`, named `name` inside the archive. */
export function packTar(fs: FileSystem, path: string, name: string): string {
  const parts: string[] = []
  const add = (at: string, as: string) => {
    const stat = fs.stat(at)
    if (stat.type === 'directory') {
      parts.push(header(`${as}/`, 0, stat.mode, stat.mtime, true))
      for (const child of fs.readDir(at)) add(`${at}/${child}`, `${as}/${child}`)
    } else if (stat.type === 'file') {
      const text = fs.readFile(at)
      const size = byteLength(text)
      parts.push(header(as, size, stat.mode, stat.mtime, false), text, '\0'.repeat((512 - (size % 512)) % 512))
    }
  }
  add(path, name)
  return parts.join('') + '\0'.repeat(1024)
}

export function unpackTar(archive: string): TarEntry[] {
  const out: TarEntry[] = []
  let rest = archive
  while (rest.length >= 512 && rest[0] !== '\0') {
    const head = rest.slice(0, charactersWithin(rest, 512))
    const text = (from: number, to: number) => head.slice(from, to).split('\0')[0]!
    const size = parseInt(text(124, 136).trim() || '0', 8)
    const prefix = text(345, 500)
    rest = rest.slice(head.length)
    const body = rest.slice(0, charactersWithin(rest, size))
    rest = rest.slice(body.length)
    rest = rest.slice((512 - (size % 512)) % 512)
    out.push({ name: prefix ? `${prefix}/${text(0, 100)}` : text(0, 100), folder: head[156] === '5', mode: parseInt(text(100, 108).trim() || '644', 8), text: body })
  }
  return out
}
