/**
 * One run of kubectl: the process, the command that was found, its flags and arguments, and the client that is made on first use.
 */
import type { Process } from '#engine/machine/process.ts'
import { Discovery } from '../client/discovery.ts'
import { homeOf, resolveConfig, type ClientConfig } from '../client/kubeconfig.ts'
import { RestClient } from '../client/rest.ts'
import type { Transport } from '../client/transport.ts'
import { ConnectError, Failure } from './errors.ts'
import type { Flags } from './flags.ts'

/** How a client configuration becomes a transport: over the network, or whatever a test puts here. */
export type Dial = (process: Process, config: ClientConfig) => Transport

export interface Client {
  readonly config: ClientConfig
  readonly rest: RestClient
  readonly discovery: Discovery
}

export type Verb = (run: Invocation) => Promise<number | void>

export class Invocation {
  readonly process: Process
  /** `kubectl rollout status` */
  readonly path: string
  readonly flags: Flags
  readonly args: readonly string[]
  /** Arguments before `--`; -1 without it. */
  readonly dash: number
  readonly #dial: Dial
  #client: Client | undefined
  /** Warnings of the server that were shown already. */
  readonly #told = new Set<string>()

  constructor(process: Process, path: string, flags: Flags, parsed: { readonly args: readonly string[]; readonly dash: number }, dial: Dial) {
    this.process = process
    this.path = path
    this.flags = flags
    this.args = parsed.args
    this.dash = parsed.dash
    this.#dial = dial
  }

  out(text: string): Promise<void> {
    return text === '' ? Promise.resolve() : this.process.stdout.write(text)
  }

  err(text: string): Promise<void> {
    return text === '' ? Promise.resolve() : this.process.stderr.write(text)
  }

  /** Warnings shown so far (--warnings-as-errors). */
  warnings = 0

  warn(text: string): Promise<void> {
    this.warnings++
    return this.err(`Warning: ${text}\n`)
  }

  get verbosity(): number {
    return this.flags.number('v')
  }

  /** klog's line head: `I1121 15:16:19.726426    5944 helpers.go:719] `. */
  klog(level: 'I' | 'W' | 'E' | 'F', place: string, text: string): Promise<void> {
    const time = new Date(this.process.now()).toISOString()
    return this.err(`${level}${time.slice(5, 7)}${time.slice(8, 10)} ${time.slice(11, 23)}000 ${String(this.process.pid).padStart(7)} ${place}] ${text}\n`)
  }

  /** Reads the kubeconfig; throws when it is wrong. */
  get client(): Client {
    if (this.#client) return this.#client
    const config = resolveConfig(this.process, this.flags)
    const headers: Record<string, string> = { 'user-agent': 'kubectl/v1.35.4 (linux/amd64) kubernetes/3b2b2ae' }
    if (config.token !== undefined) headers['authorization'] = `Bearer ${config.token}`
    if (config.impersonate) {
      if (config.impersonate.user) headers['impersonate-user'] = config.impersonate.user
      if (config.impersonate.groups.length > 0) headers['impersonate-group'] = config.impersonate.groups.join(',')
      if (config.impersonate.uid) headers['impersonate-uid'] = config.impersonate.uid
      if (!config.impersonate.user) throw new Failure('requesting uid, groups or user-extra without impersonating a user')
    }
    const rest = new RestClient(this.#dial(this.process, config), {
      headers, timeout: config.timeout,
      warn: (text) => {
        if (this.#told.has(text)) return Promise.resolve()
        this.#told.add(text)
        return this.warn(text)
      },
      trace: async (method, url, code, request, answer) => {
        if (this.verbosity < 6) return
        await this.klog('I', 'round_trippers.go:632', `"Response" verb="${method}" url="${url}" status="${code === undefined ? '' : code}" milliseconds=1`)
        if (this.verbosity >= 8 && request) await this.klog('I', 'request.go:1351', `"Request Body" body=${JSON.stringify(request)}`)
        if (this.verbosity >= 8) await this.klog('I', 'request.go:1351', `"Response Body" body=${JSON.stringify(answer)}`)
      },
    })
    const cacheDir = this.flags.changed('cache-dir') ? this.flags.string('cache-dir') : `${homeOf(this.process)}/.kube/cache`
    this.#client = { config, rest, discovery: new Discovery(rest, this.process, cacheDir) }
    return this.#client
  }

  get rest(): RestClient {
    return this.client.rest
  }

  get discovery(): Discovery {
    return this.client.discovery
  }

  /** The namespace in force. */
  get namespace(): string {
    return this.client.config.namespace
  }

  /** Did the user say -n? Then objects of other namespaces are refused. */
  get namespaceGiven(): boolean {
    return this.flags.changed('namespace') && this.flags.string('namespace') !== ''
  }

  get allNamespaces(): boolean {
    return this.flags.has('all-namespaces') && this.flags.bool('all-namespaces')
  }

  /** Discovery from scratch as memcache does it: five noisy tries, then the error. */
  async reachable<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ConnectError && error.message.includes('/api?timeout=')) {
        for (let i = 0; i < 5; i++) await this.klog('E', 'memcache.go:265', `"Unhandled Error" err=${JSON.stringify(`couldn't get current server API group list: ${error.message}`)}`)
      }
      throw error
    }
  }
}

/** `none`, `client` or `server`; a bare --dry-run warns and means client. */
export async function dryRunOf(run: Invocation): Promise<'none' | 'client' | 'server'> {
  if (!run.flags.has('dry-run')) return 'none'
  const value = run.flags.string('dry-run')
  if (value === 'none' || value === 'client' || value === 'server') return value
  if (value === 'unchanged') {
    await run.klog('W', 'helpers.go:719', '--dry-run is deprecated and can be replaced with --dry-run=client.')
    return 'client'
  }
  if (/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value)) {
    const on = /^[1tT]/.test(value)
    if (on) await run.klog('W', 'helpers.go:711', `--dry-run=${value} is deprecated (boolean value) and can be replaced with --dry-run=client.`)
    else await run.klog('W', 'helpers.go:714', `--dry-run=${value} is deprecated (boolean value) and can be replaced with --dry-run=none.`)
    return on ? 'client' : 'none'
  }
  throw new Failure(`Invalid dry-run value (${value}). Must be "none", "server", or "client".`)
}

/** `none` → '', else the words printed after a result. */
export const dryRunNote = { none: '', client: ' (dry run)', server: ' (server dry run)' } as const
