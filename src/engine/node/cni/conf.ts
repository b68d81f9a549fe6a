/**
 * /etc/cni/net.d as containerd reads it (go-cni over libcni): the first file by name that ends in .conf, .conflist or .json makes the one
 * network. A `.conf` is a list of one plugin.
 */
import type { FileSystem } from '#engine/machine/files.ts'
import { goJsonError } from './go-json.ts'
import type { NetConf } from './types.ts'

export interface ConfList {
  readonly name: string
  readonly cniVersion: string
  readonly plugins: readonly NetConf[]
  readonly file: string
  readonly disableCheck: boolean
}

const endings = ['.conf', '.conflist', '.json']

/** Files that count, sorted, with their folder. */
export function confFiles(fs: FileSystem, folder: string): string[] {
  if (!fs.exists(folder)) return []
  return fs.readDir(folder).filter((n) => endings.some((e) => n.endsWith(e))).sort().map((n) => `${folder}/${n}`).filter((path) => fs.exists(path) && fs.stat(path).type === 'file')
}

export type Loaded = { readonly list: ConfList } | { readonly error: string }

function parseObject(text: string): { readonly value: Record<string, unknown> } | { readonly error: string } {
  const parsed = goJsonError(text)
  if (parsed.error !== undefined) return { error: parsed.error }
  if (typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value)) {
    const kind = Array.isArray(parsed.value) ? 'array' : typeof parsed.value
    return { error: `json: cannot unmarshal ${kind === 'boolean' ? 'bool' : kind} into Go value of type map[string]interface {}` }
  }
  return { value: parsed.value as Record<string, unknown> }
}

/** libcni's ConfListFromBytes, or undefined with its error text. */
export function parseConfList(text: string, file: string): Loaded {
  const parsed = parseObject(text)
  if ('error' in parsed) return { error: `error parsing configuration list: ${parsed.error}` }
  const raw = parsed.value
  if (raw['name'] === undefined) return { error: 'error parsing configuration list: no name' }
  if (typeof raw['name'] !== 'string') return { error: `error parsing configuration list: invalid name type ${goType(raw['name'])}` }
  const cniVersion = raw['cniVersion'] ?? ''
  if (typeof cniVersion !== 'string') return { error: `error parsing configuration list: invalid cniVersion type ${goType(cniVersion)}` }
  const plugins = raw['plugins']
  if (plugins === undefined) return { error: "error parsing configuration list: no 'plugins' key" }
  if (!Array.isArray(plugins)) return { error: `error parsing configuration list: invalid 'plugins' type ${goType(plugins)}` }
  if (plugins.length === 0) return { error: 'error parsing configuration list: no plugins in list' }
  for (const [i, p] of (plugins as NetConf[]).entries()) if (!p.type) return { error: `failed to parse plugin config ${i}: error parsing configuration: missing 'type'` }
  return { list: { name: raw['name'], cniVersion, plugins: plugins as NetConf[], file, disableCheck: raw['disableCheck'] === true } }
}

const goType = (v: unknown) => (typeof v === 'number' ? 'float64' : typeof v === 'boolean' ? 'bool' : Array.isArray(v) ? '[]interface {}' : v === null ? '<nil>' : typeof v === 'object' ? 'map[string]interface {}' : 'string')

/** A single plugin's configuration as a list of one. */
export function parseConf(text: string, file: string): Loaded {
  const parsed = parseObject(text)
  if ('error' in parsed) return { error: `error parsing configuration: ${parsed.error}` }
  const conf = parsed.value as NetConf
  if (!conf.type) return { error: `error parsing configuration: missing 'type'` }
  return { list: { name: conf.name ?? '', cniVersion: conf.cniVersion ?? '', plugins: [conf], file, disableCheck: false } }
}

/** The network that containerd would use, or why there is none. */
export function loadNetwork(fs: FileSystem, folder = '/etc/cni/net.d'): Loaded {
  const path = confFiles(fs, folder)[0]
  if (path === undefined) return { error: `no network config found in ${folder}: cni plugin not initialized` }
  const list = path.endsWith('.conflist')
  const loaded = list ? parseConfList(fs.readFile(path), path) : parseConf(fs.readFile(path), path)
  if ('error' in loaded) return { error: `failed to load CNI config ${list ? 'list ' : ''}file ${path}: ${loaded.error}: invalid cni config` }
  return loaded
}
