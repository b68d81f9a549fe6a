/** `kubectl api-resources | api-versions | version | cluster-info | options | completion | plugin | top | kustomize`. */
import { packageVersion } from '#programs/kubeadm/packages.ts'
import { alignTabs } from '#base/text-table.ts'
import { Failure, usageFailure } from '../cli/errors.ts'
import { flagsOf } from '../cli/flags.ts'
import type { Verb } from '../cli/invocation.ts'
import { apiVersionOf, groupResource } from '../client/discovery.ts'
import { byBytes, goJson } from '../print/json.ts'
import { kustomize as kustomizeFolder } from '../kustomize/build.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { pathOf } from '../resource/targets.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { builtin } from './report.ts'

export const apiResources: Verb = async (run) => {
  await listResources(run)
  const failed = [...run.discovery.failed].map(([version, why]) => `${version}: ${why}`).sort()
  if (failed.length > 0) throw new Failure(`unable to retrieve the complete list of server APIs: ${failed.join(', ')}`)
}

const listResources: Verb = async (run) => {
  if (run.args.length > 0) throw usageFailure(run.path, `unexpected arguments: [${run.args.join(' ')}]`)
  const sortBy = run.flags.string('sort-by')
  if (!['', 'name', 'kind'].includes(sortBy)) throw new Failure('--sort-by accepts only name or kind')
  const output = run.flags.string('output')
  if (!['', 'wide', 'name', 'json', 'yaml'].includes(output)) throw new Failure(`--output ${output} is not available`)
  const verbs = run.flags.list('verbs')
  const categories = run.flags.list('categories')
  const all = (await run.reachable(() => run.discovery.resources(true))).filter((r) => r.preferred && r.verbs.length > 0)
  const shown = all.filter((r) =>
    (!run.flags.changed('api-group') || r.group === run.flags.string('api-group')) && (!run.flags.changed('namespaced') || r.namespaced === run.flags.bool('namespaced')) &&
    verbs.every((v) => r.verbs.includes(v)) && categories.every((c) => r.categories.includes(c)))
  const sorted = [...shown].sort((a, b) => (sortBy === 'kind' ? byBytes(a.kind, b.kind) : sortBy === 'name' ? byBytes(a.name, b.name) : byBytes(a.group, b.group) || byBytes(a.name, b.name)))
  if (output === 'json' || output === 'yaml') {
    const document = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: '', resources: sorted.map((r) => ({ name: r.name, singularName: r.singular, namespaced: r.namespaced, ...(r.group ? { group: r.group } : {}), version: r.version, kind: r.kind, verbs: r.verbs, ...(r.shortNames.length > 0 ? { shortNames: r.shortNames } : {}), ...(r.categories.length > 0 ? { categories: r.categories } : {}) })) }
    return run.out(output === 'yaml' ? emitYaml(document) : `${goJson(document, '    ')}\n`)
  }
  if (output === 'name') return run.out(sorted.map((r) => `${groupResource(r)}\n`).join(''))
  const wide = output === 'wide'
  const head = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND', ...(wide ? ['VERBS', 'CATEGORIES'] : [])]
  const rows = sorted.map((r) => [r.name, r.shortNames.join(','), apiVersionOf(r), String(r.namespaced), r.kind, ...(wide ? [r.verbs.join(','), r.categories.join(',')] : [])])
  await run.out(alignTabs([...(run.flags.bool('no-headers') ? [] : [head]), ...rows].map((r) => r.join('\t') + '\n').join(''), { minWidth: 6, padding: 3 }))
}

export const apiVersions: Verb = async (run) => {
  if (run.args.length > 0) throw usageFailure(run.path, `unexpected arguments: [${run.args.join(' ')}]`)
  const versions = new Set((await run.reachable(() => run.discovery.resources(true))).map(apiVersionOf))
  await run.out([...versions].sort().map((v) => `${v}\n`).join(''))
}

const clientVersion = { major: '1', minor: '35', gitVersion: 'v1.35.4', gitCommit: '3b2b2ae5b1a9a8d6a0f9a4b7c6d5e4f3a2b1c0d9', gitTreeState: 'clean', buildDate: '2026-03-18T12:00:00Z', goVersion: 'go1.25.5', compiler: 'gc', platform: 'linux/amd64' }
const kustomizeVersion = 'v5.7.1'

/** A node's kubectl is of the version that its package has. */
function ownVersion(run: Parameters<Verb>[0]): typeof clientVersion {
  const gitVersion = packageVersion(run.process.fs, 'kubectl') ?? clientVersion.gitVersion
  return { ...clientVersion, gitVersion, minor: gitVersion.split('.')[1]! }
}

export const version: Verb = async (run) => {
  const output = run.flags.string('output')
  if (!['', 'yaml', 'json'].includes(output)) throw new Failure("--output must be 'yaml' or 'json'")
  if (run.args.length > 0) throw new Failure(`extra arguments: [${run.args.join(' ')}]`)
  const own = ownVersion(run)
  let server: Record<string, string> | undefined
  let failure: Error | undefined
  if (!run.flags.bool('client')) {
    try {
      server = await run.rest.json<Record<string, string>>('GET', '/version')
    } catch (error) {
      failure = error as Error
    }
  }
  if (output === '') await run.out(`Client Version: ${own.gitVersion}\nKustomize Version: ${kustomizeVersion}\n${server ? `Server Version: ${server['gitVersion'] ?? ''}\n` : ''}`)
  else {
    const document = { clientVersion: own, kustomizeVersion, ...(server ? { serverVersion: server } : {}) }
    await run.out(output === 'yaml' ? emitYaml(document) : `${JSON.stringify(document, null, 2)}\n`)
  }
  if (failure) throw failure
}

const bold = (text: string) => `\x1b[0;32m${text}\x1b[0m`

export const clusterInfo: Verb = async (run) => {
  const services = builtin('', 'v1', 'services', 'Service')
  const list = await run.rest.json<{ items: KubeObject[] }>('GET', pathOf(services, 'kube-system'), { query: { labelSelector: 'kubernetes.io/cluster-service=true' } })
  const server = run.client.config.server
  let text = `${bold('Kubernetes control plane')} is running at \x1b[0;33m${server}\x1b[0m\n`
  for (const item of list.items ?? []) {
    const name = item.metadata.labels?.['kubernetes.io/name'] || item.metadata.name
    const port = (item['spec'] as { ports?: { name?: string; port: number }[] } | undefined)?.ports?.[0]
    const suffix = port?.name ? `${item.metadata.name}:${port.name}` : item.metadata.name
    text += `${bold(name)} is running at \x1b[0;33m${server}/api/v1/namespaces/${item.metadata.namespace ?? ''}/services/${suffix}/proxy\x1b[0m\n`
  }
  await run.out(`${text}\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n`)
}

export const clusterInfoDump: Verb = async (run) => {
  const kinds = [['nodes', 'Node', false], ['events', 'Event', true], ['replicationcontrollers', 'ReplicationController', true], ['services', 'Service', true], ['pods', 'Pod', true]] as const
  for (const [name, kind, namespaced] of kinds) {
    const list = await run.rest.json<KubeObject>('GET', pathOf(builtin('', 'v1', name, kind, namespaced), namespaced && !run.allNamespaces ? 'kube-system' : undefined))
    await run.out(`${goJson(list, '    ')}\n`)
  }
}

export const options: Verb = async (run) => {
  const flags = flagsOf('kubectl').filter((f) => f.persistent && !f.hidden)
  await run.out(`The following options can be passed to any command:\n\n${flags.map((f) => `    ${f.shorthand ? `-${f.shorthand}, ` : ''}--${f.name}=${f.type === 'string' ? `'${f.default}'` : f.default}\n`).join('')}`)
}

export const kustomize: Verb = async (run) => {
  const folder = run.args[0] ?? '.'
  const { objects, warnings } = kustomizeFolder(run.process, folder)
  for (const line of warnings) await run.err(line)
  await run.out(objects.map((o, i) => (i > 0 ? '---\n' : '') + emitYaml(o)).join(''))
}

/** What `source <(kubectl completion bash)` needs to know here: the shell asks `kubectl __complete` by itself. */
export const completion: Verb = async (run) => {
  if (run.args.length === 0) throw usageFailure(run.path, 'Shell not specified.')
  if (run.args.length > 1) throw usageFailure(run.path, 'Too many arguments. Expected only the shell type.')
  if (!['bash', 'zsh', 'fish', 'powershell'].includes(run.args[0]!)) throw usageFailure(run.path, `Unsupported shell type ${JSON.stringify(run.args[0])}.`)
  await run.out('# bash completion for kubectl\n# The shell of this machine asks "kubectl __complete" for candidates; this script binds the command to it.\ncomplete -o default -F __start_kubectl kubectl\n')
}

export const pluginList: Verb = () => {
  throw new Failure('unable to find any kubectl plugins in your PATH')
}
