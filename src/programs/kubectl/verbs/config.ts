/** `kubectl config`: looking at kubeconfig files and changing them, each entry in the file that it came from. */
import { alignTabs } from '#base/text-table.ts'
import { toBase64 } from '#base/bytes.ts'
import { Failure, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { configDocument, configPaths, loadConfig, readConfigFile, writeConfigFile, type Entry, type KubeConfig } from '../client/kubeconfig.ts'
import { goQuote } from '../print/json.ts'
import { printerFor } from '../print/printers.ts'
import type { KubeObject } from '#engine/api/types.ts'

const empty = (): KubeConfig => ({ clusters: new Map(), users: new Map(), contexts: new Map(), currentContext: '', preferences: {}, origins: new Map() })

/** Changes the file that holds `key` (`contexts/lab`, `current-context`), else the first one. */
function change(run: Invocation, key: string, edit: (config: KubeConfig) => void): string {
  const { paths } = configPaths(run.process, run.flags)
  const origin = loadQuietly(run).origins.get(key)
  const path = origin ?? paths.find((p) => run.process.fs.exists(p)) ?? paths[0]!
  const config = readConfigFile(run.process, path) ?? empty()
  edit(config)
  writeConfigFile(run.process, path, config)
  return path
}

function loadQuietly(run: Invocation): KubeConfig {
  const { paths, explicit } = configPaths(run.process, run.flags)
  if (explicit && !run.process.fs.exists(paths[0]!)) return empty()
  return loadConfig(run.process, run.flags)
}

export const currentContext: Verb = async (run) => {
  const config = loadQuietly(run)
  if (config.currentContext === '') throw new Failure('current-context is not set')
  await run.out(`${config.currentContext}\n`)
}

export const getContexts: Verb = async (run) => {
  const config = loadQuietly(run)
  const output = run.flags.string('output')
  if (output !== '' && output !== 'name') throw new Failure(`unexpected --output: ${goQuote(output)}, only 'name' is supported`.replace('unexpected --output:', 'output must be one of \'name\':'))
  const names = run.args.length > 0 ? run.args : [...config.contexts.keys()].sort()
  const known = names.filter((n) => config.contexts.has(n))
  if (output === 'name') await run.out(known.map((n) => `${n}\n`).join(''))
  else {
    const text = (v: unknown) => (typeof v === 'string' ? v : '')
    const rows = known.map((n) => {
      const c = config.contexts.get(n)!
      return [n === config.currentContext ? '*' : '', n, text(c['cluster']), text(c['user']), text(c['namespace'])]
    })
    const head = run.flags.bool('no-headers') ? [] : [['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE']]
    await run.out(alignTabs([...head, ...rows].map((r) => r.join('\t') + '\n').join(''), { minWidth: 6, padding: 3 }))
  }
  const missing = names.filter((n) => !config.contexts.has(n))
  if (missing.length > 0) throw new Failure(missing.map((n) => `context ${n} not found`).join('\n'))
}

export const getClusters: Verb = async (run) => run.out(['NAME', ...[...loadQuietly(run).clusters.keys()].sort()].map((n) => `${n}\n`).join(''))
export const getUsers: Verb = async (run) => run.out(['NAME', ...[...loadQuietly(run).users.keys()].sort()].map((n) => `${n}\n`).join(''))

export const useContext: Verb = async (run) => {
  if (run.args.length !== 1) throw usageFailure(run.path, run.args.length === 0 ? 'Unexpected args: []' : `Unexpected args: [${run.args.join(' ')}]`)
  const name = run.args[0]!
  if (!loadQuietly(run).contexts.has(name)) throw new Failure(`no context exists with the name: ${goQuote(name)}`)
  change(run, 'current-context', (config) => (config.currentContext = name))
  await run.out(`Switched to context ${goQuote(name)}.\n`)
}

export const setContext: Verb = async (run) => {
  const current = run.flags.bool('current')
  if (run.args.length > 1) throw usageFailure(run.path, `Unexpected args: [${run.args.join(' ')}]`)
  if (run.args.length === 0 && !current) throw new Failure('you must specify a non-empty context name or --current')
  if (run.args.length === 1 && current) throw new Failure('you cannot specify both a context name and --current')
  const loaded = loadQuietly(run)
  const name = current ? loaded.currentContext : run.args[0]!
  if (name === '') throw new Failure(current ? 'no current context is set' : 'you must specify a non-empty context name or --current')
  const exists = loaded.contexts.has(name)
  change(run, `contexts/${name}`, (config) => {
    const context = { ...(config.contexts.get(name) ?? { cluster: '', user: '' }) }
    for (const [flag, key] of [['cluster', 'cluster'], ['user', 'user'], ['namespace', 'namespace']] as const) if (run.flags.changed(flag)) context[key] = run.flags.string(flag)
    if (context['namespace'] === '') delete context['namespace']
    config.contexts.set(name, context)
  })
  await run.out(`Context ${goQuote(name)} ${exists ? 'modified' : 'created'}.\n`)
}

function fileOrData(run: Invocation, entry: Entry, flag: string, path: string): void {
  const embed = run.flags.bool('embed-certs')
  if (embed) {
    if (!run.process.fs.exists(path)) throw new Failure(`could not read ${flag} data from ${path}: open ${path}: no such file or directory`)
    entry[`${flag}-data`] = toBase64(run.process.fs.readFile(path))
    delete entry[flag]
  } else {
    entry[flag] = path.startsWith('/') ? path : `${run.process.cwd.replace(/\/$/, '')}/${path}`
    delete entry[`${flag}-data`]
  }
}

export const setCluster: Verb = async (run) => {
  if (run.args.length !== 1) throw usageFailure(run.path, `Unexpected args: [${run.args.join(' ')}]`)
  const name = run.args[0]!
  change(run, `clusters/${name}`, (config) => {
    const cluster = { ...(config.clusters.get(name) ?? { server: '' }) }
    if (run.flags.changed('server')) cluster['server'] = run.flags.string('server').replace(/\/$/, '')
    if (run.flags.changed('tls-server-name')) cluster['tls-server-name'] = run.flags.string('tls-server-name')
    if (run.flags.changed('proxy-url')) cluster['proxy-url'] = run.flags.string('proxy-url')
    if (run.flags.changed('insecure-skip-tls-verify')) {
      cluster['insecure-skip-tls-verify'] = run.flags.bool('insecure-skip-tls-verify')
      if (run.flags.bool('insecure-skip-tls-verify')) {
        delete cluster['certificate-authority']
        delete cluster['certificate-authority-data']
      }
    }
    if (run.flags.changed('certificate-authority')) fileOrData(run, cluster, 'certificate-authority', run.flags.string('certificate-authority'))
    config.clusters.set(name, cluster)
  })
  await run.out(`Cluster ${goQuote(name)} set.\n`)
}

export const setCredentials: Verb = async (run) => {
  if (run.args.length !== 1) throw usageFailure(run.path, `Unexpected args: [${run.args.join(' ')}]`)
  const name = run.args[0]!
  const [token, user] = [run.flags.string('token'), run.flags.string('username')]
  if (token && user) throw new Failure('you cannot specify more than one authentication method at the same time: --token, --username, --password')
  change(run, `users/${name}`, (config) => {
    const entry = { ...(config.users.get(name) ?? {}) }
    if (run.flags.changed('client-certificate')) fileOrData(run, entry, 'client-certificate', run.flags.string('client-certificate'))
    if (run.flags.changed('client-key')) fileOrData(run, entry, 'client-key', run.flags.string('client-key'))
    for (const key of ['token', 'username', 'password']) if (run.flags.changed(key)) entry[key] = run.flags.string(key)
    if (run.flags.has('exec-command') && run.flags.string('exec-command')) entry['exec'] = { command: run.flags.string('exec-command'), apiVersion: run.flags.string('exec-api-version') || null, args: run.flags.list('exec-arg').length > 0 ? run.flags.list('exec-arg') : null, env: null, interactiveMode: 'IfAvailable', provideClusterInfo: false }
    config.users.set(name, entry)
  })
  await run.out(`User ${goQuote(name)} set.\n`)
}

function deleter(kind: 'contexts' | 'clusters' | 'users', word: string): Verb {
  return async (run) => {
    if (run.args.length !== 1) throw usageFailure(run.path, `Unexpected args: [${run.args.join(' ')}]`)
    const name = run.args[0]!
    const { paths } = configPaths(run.process, run.flags)
    const loaded = loadQuietly(run)
    const file = loaded.origins.get(`${kind}/${name}`) ?? paths[0]!
    if (!loaded[kind].has(name)) throw new Failure(`cannot delete ${word} ${name}, not in ${file}`)
    if (kind === 'contexts' && loaded.currentContext === name) await run.err('warning: this removed your active context, use "kubectl config use-context" to select a different one\n')
    change(run, `${kind}/${name}`, (config) => config[kind].delete(name))
    await run.out(`deleted ${word} ${name} from ${file}\n`)
  }
}

export const deleteContext = deleter('contexts', 'context')
export const deleteCluster = deleter('clusters', 'cluster')
export const deleteUser = deleter('users', 'user')

export const renameContext: Verb = async (run) => {
  if (run.args.length !== 2) throw usageFailure(run.path, `Unexpected args: [${run.args.join(' ')}]`)
  const [from, to] = run.args as [string, string]
  const loaded = loadQuietly(run)
  const { paths } = configPaths(run.process, run.flags)
  if (!loaded.contexts.has(from)) throw new Failure(`cannot rename the context ${goQuote(from)}, it's not in ${paths[0]!}`)
  if (loaded.contexts.has(to)) throw new Failure(`cannot rename the context ${goQuote(from)}, the context ${goQuote(to)} already exists in ${paths[0]!}`)
  change(run, `contexts/${from}`, (config) => {
    config.contexts.set(to, config.contexts.get(from)!)
    config.contexts.delete(from)
    if (config.currentContext === from) config.currentContext = to
  })
  if (loaded.currentContext === from) change(run, 'current-context', (config) => (config.currentContext = to))
  await run.out(`Context ${goQuote(from)} renamed to ${goQuote(to)}.\n`)
}

const listKeys = { clusters: 'cluster', users: 'user', contexts: 'context' } as const

/** `config set contexts.lab.namespace x`, `config unset users.ann`. */
function setter(unset: boolean): Verb {
  return async (run) => {
    if (run.args.length !== (unset ? 1 : 2)) throw usageFailure(run.path, `Unexpected args: [${run.args.join(' ')}]`)
    const [property, value = ''] = run.args as [string, string?]
    if (property === 'current-context') change(run, 'current-context', (config) => (config.currentContext = unset ? '' : value))
    else {
      const [kind, ...rest] = property.split('.')
      if (!(kind! in listKeys)) throw new Failure(`error: unable to locate path ${property}`)
      const map = kind as keyof typeof listKeys
      const field = rest.length > 1 ? rest.at(-1)! : undefined
      const name = (field === undefined ? rest : rest.slice(0, -1)).join('.')
      change(run, `${map}/${name}`, (config) => {
        if (unset && name === '') config[map].clear()
        else if (unset && field === undefined) config[map].delete(rest.join('.'))
        else {
          const entry = { ...(config[map].get(name) ?? {}) }
          if (unset) delete entry[field!]
          else entry[field ?? ''] = value === 'true' ? true : value === 'false' ? false : value
          config[map].set(name, entry)
        }
      })
    }
    await run.out(`Property ${goQuote(property)} ${unset ? 'unset' : 'set'}.\n`)
  }
}

export const configSet = setter(false)
export const configUnset = setter(true)

const secretFields = ['client-certificate-data', 'client-key-data', 'certificate-authority-data']

export const configView: Verb = async (run) => {
  let config = loadQuietly(run)
  const raw = run.flags.bool('raw')
  if (run.flags.bool('minify')) {
    const name = run.flags.string('context') || config.currentContext
    const context = config.contexts.get(name)
    if (name === '') throw new Failure('current-context must exist in order to minify')
    if (!context) throw new Failure(`cannot locate context ${name}`)
    const pick = (map: Map<string, Entry>, key: unknown) => new Map([...map].filter(([n]) => n === key))
    config = { ...config, currentContext: name, contexts: new Map([[name, context]]), clusters: pick(config.clusters, context['cluster']), users: pick(config.users, context['user']) }
  }
  const shown = (map: Map<string, Entry>) => new Map([...map].map(([n, entry]): [string, Entry] => {
    const copy: Entry = { ...entry }
    for (const key of Object.keys(copy)) {
      if (raw) continue
      if (secretFields.includes(key)) copy[key] = 'DATA+OMITTED'
      if (key === 'token' || key === 'password') copy[key] = 'REDACTED'
    }
    return [n, copy]
  }))
  const flatten = run.flags.bool('flatten')
  const hidden = (map: Map<string, Entry>) => (raw || flatten ? map : shown(map))
  const document = configDocument({ ...config, clusters: hidden(config.clusters), users: hidden(config.users) })
  const printer = printerFor(run, { nameOf: () => 'config' })
  if (!printer) throw new Failure('no output')
  // `DATA+OMITTED` is a string of its own that needs no quotes
  await run.out(printer.print(document as unknown as KubeObject))
}
