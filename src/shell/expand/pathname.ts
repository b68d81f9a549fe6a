/** Pathname expansion: walks directories component by component; names sorted by byte value (the C.UTF-8 locale). */
import { isPattern, matchesPattern, unquotePattern } from '#base/glob.ts'
import type { Shell } from '../state.ts'
import { getScalar } from './variables.ts'

export function glob(sh: Shell, pattern: string): string[] {
  const ignore = getScalar(sh, 'GLOBIGNORE')
  if (!ignore) return globAll(sh, pattern, sh.shopt('dotglob'))
  // Patterns whose matches are left out; names with a dot are then found, too.
  const patterns = ignore.split(':')
  return globAll(sh, pattern, true).filter((p) => !/(^|\/)\.{1,2}$/.test(p) && !patterns.some((i) => matchesPattern(p, i)))
}

function globAll(sh: Shell, pattern: string, dots: boolean): string[] {
  const options = { extglob: sh.shopt('extglob'), ignoreCase: sh.shopt('nocaseglob') }
  const fs = sh.process.fs
  const parts = splitPath(pattern)
  const absolute = pattern.startsWith('/')
  let found: string[] = [absolute ? '/' : '']
  const components = parts.filter((p, i) => p !== '' || i === parts.length - 1)
  const directoryOnly = pattern.endsWith('/')
  if (components.at(-1) === '') components.pop()
  components.forEach((component, i) => {
    const last = i === components.length - 1
    const next: string[] = []
    const join = (base: string, name: string) => (base === '' || base.endsWith('/') ? base + name : `${base}/${name}`)
    if (sh.shopt('globstar') && component === '**') {
      const walk = (base: string) => {
        if (!last || base !== '') next.push(last ? base : base)
        for (const name of read(sh, base || '.')) {
          if (name.startsWith('.') && !dots) continue
          const path = join(base, name)
          let directory = false
          try {
            directory = fs.lstat(path).type === 'directory'
          } catch {
            continue
          }
          if (directory) walk(path)
          else if (last && !directoryOnly) next.push(path)
        }
      }
      for (const base of found) walk(base)
      found = last ? next.filter((p) => p !== '') : next
      return
    }
    for (const base of found) {
      if (!isPattern(component, options.extglob)) {
        const path = join(base, unquotePattern(component))
        if (!last || exists(sh, path)) next.push(path)
        continue
      }
      const hidden = unquotePattern(component).startsWith('.')
      for (const name of read(sh, base || '.')) {
        if (name.startsWith('.') && !hidden && !dots) continue
        if (matchesPattern(name, component, options)) {
          const path = join(base, name)
          if (last && !directoryOnly) next.push(path)
          else if (isDirectory(sh, path)) next.push(path)
        }
      }
    }
    found = next
  })
  if (directoryOnly) found = found.filter((p) => isDirectory(sh, p)).map((p) => (p.endsWith('/') ? p : p + '/'))
  return found.sort(compareBytes)
}

/** Splits at slashes that are not quoted or inside brackets. */
function splitPath(pattern: string): string[] {
  const parts: string[] = []
  let part = ''
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!
    if (c === '\\') part += c + (pattern[++i] ?? '')
    else if (c === '/') {
      parts.push(part)
      part = ''
    } else part += c
  }
  return [...parts, part]
}

function read(sh: Shell, path: string): string[] {
  try {
    return sh.process.fs.readDir(path)
  } catch {
    return []
  }
}

function exists(sh: Shell, path: string): boolean {
  try {
    sh.process.fs.lstat(path)
    return true
  } catch {
    return false
  }
}

function isDirectory(sh: Shell, path: string): boolean {
  try {
    return sh.process.fs.stat(path).type === 'directory'
  } catch {
    return false
  }
}

/** By code point, as strcmp on UTF-8 would. */
export function compareBytes(a: string, b: string): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      const surrogateX = x >= 0xd800 && x < 0xe000
      const surrogateY = y >= 0xd800 && y < 0xe000
      if (surrogateX !== surrogateY) return surrogateX ? 1 : -1
      return x - y
    }
  }
  return a.length - b.length
}
