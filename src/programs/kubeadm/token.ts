/** `kubeadm token`: bootstrap tokens as Secrets of kube-system (cmd/token.go). */
import { fromBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { pathOf } from './api.ts'
import { loadInit, randomToken } from './config/load.ts'
import { checkMixedArguments } from './config/validate.ts'
import { joinCommand, oneLine } from './join-command.ts'
import { secretOf } from './phases/cluster.ts'
import { adminClient, ApiError, Failure, kubeconfigPath, type Run } from './run.ts'
import { alignTabs } from './tabs.ts'
import { versionParts } from './version.ts'

const secrets = pathOf('v1', 'Secret', 'kube-system')

interface Listed {
  readonly token: string
  readonly description?: string
  readonly expires?: string
  readonly usages?: readonly string[]
  readonly groups?: readonly string[]
}

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>>; readonly type?: string }

function listed(secret: Secret): Listed | string {
  const get = (key: string) => fromBase64(secret.data?.[key] ?? '') ?? ''
  const id = get('token-id')
  const name = secret.metadata.name
  if (id === '') return `bootstrap Token Secret has no token-id data: ${name}`
  if (name !== `bootstrap-token-${id}`) return `bootstrap token name is not of the form 'bootstrap-token-(token-id)'. Actual: ${JSON.stringify(name)}. Expected: ${JSON.stringify(`bootstrap-token-${id}`)}`
  const own = get('token-secret')
  if (own === '') return `bootstrap Token Secret has no token-secret data: ${name}`
  const usages = Object.keys(secret.data ?? {}).filter((k) => k.startsWith('usage-bootstrap-') && get(k) === 'true').map((k) => k.slice('usage-bootstrap-'.length)).sort()
  const groups = get('auth-extra-groups').split(',').filter((g) => g !== '')
  return { token: `${id}.${own}`, ...(get('description') ? { description: get('description') } : {}), ...(get('expiration') ? { expires: get('expiration') } : {}), ...(usages.length > 0 ? { usages } : {}), ...(groups.length > 0 ? { groups } : {}) }
}

/** One unit only: `23h`, `364d`. */
export function shortDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`
  if (seconds < 86_400 * 365) return `${Math.floor(seconds / 86_400)}d`
  return `${Math.floor(seconds / 86_400 / 365)}y`
}

async function list(run: Run): Promise<void> {
  const format = run.flags.string('output')
  const { items } = await adminClient(run).json<{ items: Secret[] }>('GET', secrets, { query: { fieldSelector: 'type=bootstrap.kubernetes.io/token' } })
  let header = true
  for (const secret of items) {
    const t = listed(secret)
    if (typeof t === 'string') {
      await run.process.stderr.write(t)
      continue
    }
    if (format === 'json') await run.out(JSON.stringify({ kind: 'BootstrapToken', apiVersion: 'output.kubeadm.k8s.io/v1alpha3', ...t }, null, 4))
    else if (format === 'yaml') await run.process.stdout.write(`${header ? '' : '---\n'}${emitYaml({ kind: 'BootstrapToken', apiVersion: 'output.kubeadm.k8s.io/v1alpha3', ...t })}`)
    else {
      const left = t.expires === undefined ? '<forever>' : shortDuration(Date.parse(t.expires) - run.process.now())
      const row = [t.token, left.padEnd(9), t.expires ?? '<never>', (t.usages?.join(',') ?? '<none>').padEnd(22), (t.description ?? '<none>').padEnd(56), t.groups?.join(',') ?? '<none>'].join('\t')
      const lines = alignTabs([...(header ? [['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'].join('\t')] : []), row])
      for (const l of lines) await run.out(l)
    }
    header = false
  }
}

async function create(run: Run): Promise<void> {
  const { flags } = run
  const given = run.args[0] ?? ''
  checkMixedArguments(flags.changedNames)
  if (given !== '' && !/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(given)) throw new Failure(`the bootstrap token ${JSON.stringify(given)} was not of the form "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z"`)
  const [major, minor] = versionParts(run.version)
  const token = {
    ...(given !== '' ? { token: given } : {}), ...(flags.changed('description') ? { description: flags.string('description') } : {}), groups: flags.strings('groups'), usages: flags.strings('usages'),
    ttl: flags.changed('ttl') ? flags.string('ttl') : '24h0m0s',
  }
  const { init } = await loadInit(run, flags.string('config'), { init: { bootstrapTokens: [token] }, cluster: { kubernetesVersion: `v${major}.${minor}.0` } })
  const client = adminClient(run)
  for (const t of init.bootstrapTokens) {
    const secret = secretOf(run, t)
    try {
      await client.call('POST', secrets, { body: secret })
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'AlreadyExists') throw new Failure(`a token with id ${JSON.stringify(t.token.split('.')[0])} already exists`)
      throw error
    }
  }
  const first = init.bootstrapTokens[0]!.token
  const key = flags.string('certificate-key')
  if (flags.bool('print-join-command')) return run.out(oneLine(joinCommand(run, kubeconfigPath(run), key === '' ? { token: first } : { token: first, controlPlane: true, certificateKey: key })))
  if (key !== '') throw new Failure('cannot use --certificate-key without --print-join-command')
  await run.out(first)
}

async function remove(run: Run): Promise<void> {
  if (run.args.length === 0) throw new Failure(`missing argument; 'token delete' is missing token of form "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z" or "\\\\A([a-z0-9]{6})\\\\z"`)
  const client = adminClient(run)
  for (const arg of run.args) {
    const id = /^([a-z0-9]{6})(?:\.[a-z0-9]{16})?$/.exec(arg)?.[1]
    if (id === undefined) throw new Failure(`given token didn't match pattern "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z" or "\\\\A([a-z0-9]{6})\\\\z"`)
    try {
      await client.call('DELETE', `${secrets}/bootstrap-token-${id}`)
    } catch (error) {
      if (error instanceof ApiError) throw new Failure(`failed to delete bootstrap token ${JSON.stringify(id)}: ${error.message}`)
      throw error
    }
    await run.out(`bootstrap token ${JSON.stringify(id)} deleted`)
  }
}

export const tokenCommands: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  'kubeadm token list': list, 'kubeadm token create': create, 'kubeadm token delete': remove, 'kubeadm token generate': (run) => run.out(randomToken(run)),
}
