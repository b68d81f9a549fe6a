/**
 * kubeconfig files as client-go's clientcmd loads, merges, validates and writes them, and the service account of a pod where there is none.
 * Left out: exec and auth-provider plugins are kept but not run.
 */
import { copy } from '#engine/api/loose.ts'
import type { Process } from '#engine/machine/process.ts'
import { fromBase64 } from '#base/bytes.ts'
import { ConfigInvalid, Failure } from '../cli/errors.ts'
import type { Flags } from '../cli/flags.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'

export type Entry = Record<string, unknown>

export interface KubeConfig {
  clusters: Map<string, Entry>
  users: Map<string, Entry>
  contexts: Map<string, Entry>
  currentContext: string
  preferences: Entry
  /** Where each entry came from, as `kind/name`. */
  origins: Map<string, string>
}

/** What a client needs to talk to one cluster as one user. */
export interface ClientConfig {
  readonly server: string
  readonly caData: string | undefined
  readonly insecure: boolean
  readonly tlsServerName: string | undefined
  readonly clientCertificate: string | undefined
  readonly clientKey: string | undefined
  readonly token: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly namespace: string
  readonly impersonate: { readonly user: string; readonly uid: string; readonly groups: readonly string[] } | undefined
  readonly timeout: number
}

export function homeOf(process: Process): string {
  return process.env.get('HOME') ?? process.user.home
}

/** The files that are read, in order; the first that exists is the one that new entries go to. */
export function configPaths(process: Process, flags: Flags): { readonly paths: readonly string[]; readonly explicit: boolean } {
  const explicit = flags.string('kubeconfig')
  if (explicit) return { paths: [explicit], explicit: true }
  const env = process.env.get('KUBECONFIG')
  if (env) return { paths: [...new Set(env.split(':').filter(Boolean))], explicit: false }
  return { paths: [`${homeOf(process)}/.kube/config`], explicit: false }
}

const emptyConfig = (): KubeConfig => ({ clusters: new Map(), users: new Map(), contexts: new Map(), currentContext: '', preferences: {}, origins: new Map() })

function named(list: unknown, key: string): [string, Entry][] {
  if (!Array.isArray(list)) return []
  return (list as Entry[]).flatMap((item) => (typeof item?.['name'] === 'string' ? [[item['name'], { ...((item[key] as Entry | null) ?? {}) }] as [string, Entry]] : []))
}

/** Files read before, by what they say: every command of a session reads the same one. */
const known = new Map<string, unknown>()

function parseConfig(text: string): unknown {
  if (!known.has(text)) {
    const data = parseYaml(text)
    if (known.size >= 16) known.clear()
    known.set(text, data)
  }
  return copy(known.get(text))
}

export function readConfigFile(process: Process, path: string): KubeConfig | undefined {
  if (!process.fs.exists(path)) return undefined
  let data: unknown
  try {
    data = parseConfig(process.fs.readFile(path))
  } catch (error) {
    if (error instanceof YamlError) throw new Failure(`error loading config file "${path}": ${error.message}`)
    throw error
  }
  const config = emptyConfig()
  if (typeof data !== 'object' || data === null) return config
  const file = data as Entry
  const absolute = (entry: Entry, keys: readonly string[]) => {
    for (const key of keys) {
      const value = entry[key]
      if (typeof value === 'string' && value !== '' && !value.startsWith('/')) entry[key] = `${path.replace(/[^/]*$/, '')}${value}`
    }
  }
  const put = (kind: 'clusters' | 'users' | 'contexts', key: string, files: readonly string[]) => {
    for (const [name, entry] of named(file[kind], key)) {
      absolute(entry, files)
      if (config[kind].has(name)) continue
      config[kind].set(name, entry)
      config.origins.set(`${kind}/${name}`, path)
    }
  }
  put('clusters', 'cluster', ['certificate-authority'])
  put('users', 'user', ['client-certificate', 'client-key'])
  put('contexts', 'context', [])
  config.currentContext = typeof file['current-context'] === 'string' ? file['current-context'] : ''
  if (config.currentContext) config.origins.set('current-context', path)
  return config
}

export function loadConfig(process: Process, flags: Flags): KubeConfig {
  const { paths, explicit } = configPaths(process, flags)
  const merged = emptyConfig()
  for (const path of paths) {
    const file = readConfigFile(process, path)
    if (!file) {
      if (explicit) throw new Failure(`stat ${path}: no such file or directory`)
      continue
    }
    for (const kind of ['clusters', 'users', 'contexts'] as const) for (const [name, entry] of file[kind]) if (!merged[kind].has(name)) merged[kind].set(name, entry)
    for (const [key, origin] of file.origins) if (!merged.origins.has(key)) merged.origins.set(key, origin)
    if (!merged.currentContext) merged.currentContext = file.currentContext
  }
  return merged
}

const list = (map: Map<string, Entry>, key: string): Entry[] => [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, entry]) => ({ [key]: entry, name }))

/** The file form, keys in kubectl's order of writing (sorted by the YAML printer). */
export function configDocument(config: KubeConfig): Entry {
  const out: Entry = {
    apiVersion: 'v1', kind: 'Config',
    clusters: config.clusters.size > 0 ? list(config.clusters, 'cluster') : null,
    contexts: config.contexts.size > 0 ? list(config.contexts, 'context') : null,
    users: config.users.size > 0 ? list(config.users, 'user') : null,
    'current-context': config.currentContext,
  }
  return out
}

export function writeConfigFile(process: Process, path: string, config: KubeConfig): void {
  const folder = path.replace(/\/[^/]*$/, '')
  if (folder !== '' && folder !== path && !process.fs.exists(folder)) process.fs.mkdir(folder, { parents: true })
  process.fs.writeFile(path, emitYaml(configDocument(config)), { mode: 0o600 })
}

const text = (entry: Entry | undefined, key: string): string | undefined => {
  const value = entry?.[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function readable(process: Process, path: string | undefined, what: string, owner: string): string | undefined {
  if (path === undefined) return undefined
  if (!process.fs.exists(path)) throw new ConfigInvalid(`unable to read ${what} ${path} for ${owner} due to open ${path}: no such file or directory`)
  return process.fs.readFile(path)
}

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

function parseTimeout(value: string): number {
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const m = /^(\d+)(ms|s|m|h)$/.exec(value)
  if (!m) throw new Failure('Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)')
  return Number(m[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[m[2] as 'ms' | 's' | 'm' | 'h']
}

/** The effective configuration: flags over files over the pod's service account over localhost:8080. */
/** The flags that choose cluster and user; a command's own flag of that name (`create rolebinding --user`) is another thing. */
function globalFlags(flags: Flags): Pick<Flags, 'string' | 'bool' | 'list' | 'changed'> {
  const global = (name: string) => flags.definition(name)?.persistent === true
  return { string: (n) => (global(n) ? flags.string(n) : ''), bool: (n) => global(n) && flags.bool(n), list: (n) => (global(n) ? flags.list(n) : []), changed: (n) => global(n) && flags.changed(n) }
}

export function resolveConfig(process: Process, all: Flags): ClientConfig {
  const flags = globalFlags(all)
  const config = loadConfig(process, all)
  const contextName = flags.string('context') || config.currentContext
  const context = config.contexts.get(contextName)
  if (contextName && !context) throw new ConfigInvalid(`context was not found for specified context: ${contextName}`)
  const clusterName = flags.string('cluster') || text(context, 'cluster')
  const userName = flags.string('user') || text(context, 'user')
  const cluster = clusterName === undefined ? undefined : config.clusters.get(clusterName)
  const user = userName === undefined ? undefined : config.users.get(userName)
  if (clusterName !== undefined && !cluster) {
    if (flags.string('cluster')) throw new Failure(`cluster "${clusterName}" does not exist`)
    throw new ConfigInvalid(`cluster "${clusterName}" does not exist`)
  }
  if (userName !== undefined && !user && flags.string('user')) throw new Failure(`auth info "${userName}" does not exist`)
  const timeout = parseTimeout(flags.string('request-timeout') || '0')
  const as = flags.string('as')
  const groups = flags.list('as-group')
  const impersonate = as || groups.length > 0 ? { user: as, uid: flags.string('as-uid'), groups } : undefined
  const host = process.env.get('KUBERNETES_SERVICE_HOST')
  const server = flags.string('server') || text(cluster, 'server')
  const namespaceFlag = flags.string('namespace')
  if (server === undefined && host && process.fs.exists(`${serviceAccount}/token`)) {
    const port = process.env.get('KUBERNETES_SERVICE_PORT') ?? '443'
    const namespace = process.fs.exists(`${serviceAccount}/namespace`) ? process.fs.readFile(`${serviceAccount}/namespace`).trim() : 'default'
    const caData = process.fs.exists(`${serviceAccount}/ca.crt`) ? process.fs.readFile(`${serviceAccount}/ca.crt`) : undefined
    return {
      server: `https://${host}:${port}`, caData, insecure: false, tlsServerName: undefined, clientCertificate: undefined, clientKey: undefined,
      token: process.fs.readFile(`${serviceAccount}/token`).trim(), username: undefined, password: undefined, namespace: namespaceFlag || namespace, impersonate, timeout,
    }
  }
  const caFile = flags.string('certificate-authority') || text(cluster, 'certificate-authority')
  const ca = text(cluster, 'certificate-authority-data')
  const certificate = text(user, 'client-certificate-data')
  const key = text(user, 'client-key-data')
  const tokenFile = text(user, 'tokenFile')
  return {
    server: (server ?? 'http://localhost:8080').replace(/\/$/, '').replace(/^(?!https?:\/\/)/, 'http://'),
    caData: ca !== undefined && !flags.string('certificate-authority') ? decode(ca) : readable(process, caFile, 'certificate-authority', clusterName ?? ''),
    insecure: flags.bool('insecure-skip-tls-verify') || cluster?.['insecure-skip-tls-verify'] === true,
    tlsServerName: flags.string('tls-server-name') || text(cluster, 'tls-server-name'),
    clientCertificate: certificate !== undefined ? decode(certificate) : readable(process, flags.string('client-certificate') || text(user, 'client-certificate'), 'client-cert', userName ?? ''),
    clientKey: key !== undefined ? decode(key) : readable(process, flags.string('client-key') || text(user, 'client-key'), 'client-key', userName ?? ''),
    token: flags.string('token') || (text(user, 'token') ?? (tokenFile !== undefined && process.fs.exists(tokenFile) ? process.fs.readFile(tokenFile).trim() : undefined)),
    username: flags.string('username') || text(user, 'username'),
    password: flags.string('password') || text(user, 'password'),
    namespace: namespaceFlag || text(context, 'namespace') || 'default',
    impersonate, timeout,
  }
}

function decode(base64: string): string {
  const value = fromBase64(base64)
  if (value === undefined) throw new ConfigInvalid('illegal base64 data at input byte 0')
  return value
}
