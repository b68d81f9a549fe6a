/**
 * What the package manager knows, which is what its files say: sources, the indices that `update` fetched, dpkg's list. The repositories of Kubernetes are taken to be
 * in reach (their contents are data in engine/kubeadm/packages.ts); there are no others.
 */
import { formatStatus, indexFile, parseStatus, statusFile, type Installed } from '#engine/kubeadm/packages.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import { compareDebian } from './versions.ts'

export interface Source {
  /** Without a slash at its end. */
  readonly url: string
  readonly suite: string
  readonly keyring: string | undefined
}

/** A version that can be had. */
export interface Offer {
  readonly name: string
  readonly version: string
  readonly source: Source
  readonly text: string
  readonly size: number
  readonly kilobytes: number
  readonly depends: readonly { readonly name: string; readonly relation: string | undefined }[]
}

const read = (process: Process, path: string): string => {
  try {
    return process.fs.readFile(path)
  } catch (error) {
    if (error instanceof FsError) return ''
    throw error
  }
}

const folder = '/etc/apt/sources.list.d'

/** One line of a list; undefined: nothing is said. */
function sourceOf(line: string): Source | undefined {
  const m = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line)
  return m ? { url: m[2]!.replace(/\/+$/, ''), suite: m[3] === '/' ? '' : m[3]!, keyring: /(?:^|\s)signed-by=(\S+)/.exec(m[1] ?? '')?.[1] } : undefined
}

/** A file of the other form: `URIs: …`. */
function stanzaSources(text: string): Source[] {
  return text.split(/\n\s*\n/).flatMap((block) => {
    const get = (key: string) => new RegExp(`^${key}:\\s*(.*)$`, 'mi').exec(block)?.[1]?.trim()
    if (!/\bdeb\b/.test(get('Types') ?? '') || get('Enabled') === 'no') return []
    return (get('URIs') ?? '').split(/\s+/).flatMap((url) => (get('Suites') ?? '/').split(/\s+/).map((suite) => ({ url: url.replace(/\/+$/, ''), suite: suite === '/' ? '' : suite, keyring: get('Signed-By') })))
  })
}

export class MalformedSource extends Error {}

export function sources(process: Process): Source[] {
  const { fs } = process
  const files = ['/etc/apt/sources.list', ...(fs.exists(folder) ? fs.readDir(folder).filter((n) => /\.(list|sources)$/.test(n)).sort().map((n) => `${folder}/${n}`) : [])]
  return files.flatMap((path) => {
    const text = read(process, path)
    if (path.endsWith('.sources')) return stanzaSources(text)
    return text.split('\n').flatMap((line, i) => {
      if (/^\s*(#|$)/.test(line) || /^\s*deb-src\s/.test(line)) return []
      const found = sourceOf(line)
      if (!found) throw new MalformedSource(/^\s*deb\s/.test(line) ? `Malformed entry ${i + 1} in list file ${path} (Suite)` : `Type '${line.trim().split(/\s+/)[0]}' is not known on line ${i + 1} in source list ${path}`)
      return [found]
    })
  })
}

/** `https://pkgs.k8s.io/core:/stable:/v1.35/deb  Packages` */
export const sourceText = (s: Source, what: string): string => `${s.url} ${s.suite} ${what}`

const field = (text: string, key: string): string | undefined => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1]

function offersOf(source: Source, index: string): Offer[] {
  return index.split(/\n\n+/).flatMap((text) => {
    const [name, version] = [field(text, 'Package'), field(text, 'Version')]
    if (name === undefined || version === undefined) return []
    const depends = (field(text, 'Depends') ?? '').split(/,\s*/).filter((d) => d !== '').map((d) => ({ name: d.split(' ')[0]!, relation: /\(([^)]*)\)/.exec(d)?.[1] }))
    return [{ name, version, source, text, size: Number(field(text, 'Size') ?? 0), kilobytes: Number(field(text, 'Installed-Size') ?? 0), depends }]
  })
}

/** All that is offered, newest first within a name. */
export function offers(process: Process): Offer[] {
  return sources(process).flatMap((s) => offersOf(s, read(process, indexFile(s.url)))).sort((a, b) => (a.name === b.name ? compareDebian(b.version, a.version) : a.name < b.name ? -1 : 1))
}

export const installed = (process: Process): Installed[] => parseStatus(read(process, statusFile))
export const statusText = (process: Process): string => read(process, statusFile)
export const writeStatus = (process: Process, list: readonly Installed[]): void => process.fs.writeFile(statusFile, formatStatus(list))
export const present = (list: readonly Installed[], name: string): Installed | undefined => list.find((p) => p.name === name && p.state === 'installed')

/** What an upgrade would go to. */
export function candidate(all: readonly Offer[], have: Installed | undefined, name: string): string | undefined {
  const best = all.find((o) => o.name === name)?.version
  if (best === undefined) return have?.version
  return have && compareDebian(have.version, best) >= 0 ? have.version : best
}

export const upgradable = (all: readonly Offer[], list: readonly Installed[]): Installed[] => list.filter((p) => p.state === 'installed' && candidate(all, p, p.name) !== p.version)
