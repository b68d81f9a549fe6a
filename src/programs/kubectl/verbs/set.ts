/** `kubectl set image | env | resources | selector | serviceaccount | subject`: changes to pod templates, locally computed and sent as patches. */
import { fromBase64 } from '#base/bytes.ts'
import { formatQuantity, parseQuantity } from '#base/quantity.ts'
import { copy } from '#engine/api/loose.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { contentTypes, patchBetween } from '../resource/patch.ts'
import { fetchInfos, findTargets, getObject, type Info } from '../resource/targets.ts'
import { builtin, patchObject, reporter, type Reporter } from './report.ts'

type Fields = Record<string, unknown>

/** The pod spec inside an object that has one. */
function podSpecOf(object: KubeObject): Fields | undefined {
  const spec = object['spec'] as Fields | undefined
  if (object.kind === 'Pod') return spec
  const job = object.kind === 'CronJob' ? ((spec?.['jobTemplate'] as Fields | undefined)?.['spec'] as Fields | undefined) : spec
  return (job?.['template'] as Fields | undefined)?.['spec'] as Fields | undefined
}

interface Change {
  readonly words: string
  readonly manager?: string
  /** Changes the copy; answers false where nothing is to be done for this object. */
  apply(object: KubeObject, info: Info): void | Promise<void>
}

async function changeAll(run: Invocation, args: readonly string[], report: Reporter, change: Change): Promise<void> {
  const local = run.flags.has('local') && run.flags.bool('local')
  const all = run.flags.has('all') && run.flags.bool('all')
  const found = await findTargets(run, { args, all, emptySelector: false })
  const { infos, errors } = await fetchInfos(run, found, { local })
  for (const info of infos) {
    try {
      const wanted = copy(info.object)
      await change.apply(wanted, info)
      const { patch, type } = patchBetween(info.object, wanted)
      const changed = Object.keys(patch as Fields).length > 0
      if (local || report.dryRun === 'client') {
        await report.done(info.resource, wanted, change.words)
        continue
      }
      if (!changed) continue
      const stored = await patchObject(run, info.resource, info.namespace, info.name, patch, contentTypes[type], { dryRun: report.dryRun, fieldManager: 'kubectl-set' })
      await report.done(info.resource, stored, change.words)
    } catch (error) {
      if (error instanceof ApiError) errors.push(new Failure(`failed to patch ${change.manager ?? 'resources'} update to pod template: ${error.message}`))
      else if (error instanceof Failure) errors.push(error)
      else throw error
    }
  }
  throwAll(errors)
}

/** `TYPE NAME a=b` apart, as kubectl's GetResourcesAndPairs does it. */
function resourcesAndPairs(args: readonly string[], what: string): { readonly resources: string[]; readonly pairs: string[] } {
  const resources: string[] = []
  const pairs: string[] = []
  for (const arg of args) {
    const pair = (arg.includes('=') && arg[0] !== '=') || (arg.endsWith('-') && arg !== '-')
    if (pair) pairs.push(arg)
    else if (pairs.length > 0) throw new Failure(`all resources must be specified before ${what} changes: ${arg}`)
    else resources.push(arg)
  }
  return { resources, pairs }
}

const containersOf = (spec: Fields, init = true): Fields[] => [...(init ? ((spec['initContainers'] as Fields[] | undefined) ?? []) : []), ...((spec['containers'] as Fields[] | undefined) ?? [])]

export const setImage: Verb = async (run) => {
  const report = await reporter(run)
  const { resources, pairs } = resourcesAndPairs(run.args, 'image')
  const hasFiles = run.flags.list('filename').length > 0 || run.flags.string('kustomize') !== ''
  if (resources.length < 1 && !hasFiles) throw new Failure('one or more resources must be specified as <resource> <name> or <resource>/<name>')
  const removals = pairs.filter((p) => !p.includes('='))
  const images = pairs.filter((p) => p.includes('=')).map((p) => [p.slice(0, p.indexOf('=')), p.slice(p.indexOf('=') + 1)] as const)
  if (images.length === 0 && removals.length === 0 && resources.every((r) => r.includes('/') || resources.length === 1 || !r.includes('='))) {
    if (resources.filter((r) => r.includes('/')).length > 0 && resources.some((r) => !r.includes('/'))) await findTargets(run, { args: resources })
    throw new Failure('at least one image update is required')
  }
  if (images.length > 1 && images.some(([n]) => n === '*')) throw new Failure('all containers are already specified by *, but saw more than one container_name=container_image pairs')
  await changeAll(run, resources, report, {
    words: 'image updated', manager: 'image',
    apply: (object, info) => {
      const spec = podSpecOf(object)
      if (!spec) throw new Failure(`the object is not a pod or does not have a pod template: ${info.resource.kind}`)
      for (const [name, image] of images) {
        const matches = containersOf(spec).filter((c) => name === '*' || c['name'] === name)
        if (matches.length === 0) throw new Failure(`unable to find container named ${goQuote(name)}`)
        for (const c of matches) c['image'] = image
      }
    },
  })
}

function globToRegExp(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

export const setEnv: Verb = async (run) => {
  const report = await reporter(run)
  const resources: string[] = []
  const pairs: string[] = []
  for (const arg of run.args) (/^[^=]+=/.test(arg) || (arg.endsWith('-') && arg !== '-' && !arg.includes('/')) || arg === '-' ? pairs : resources).push(arg)
  const from = run.flags.string('from')
  const hasFiles = run.flags.list('filename').length > 0 || run.flags.string('kustomize') !== ''
  const listing = run.flags.bool('list')
  const extra = run.flags.list('env')
  if (resources.length < 1 && !hasFiles) throw new Failure('one or more resources must be specified as <resource> <name> or <resource>/<name>')
  const set: Fields[] = []
  const remove: string[] = []
  for (const pair of [...pairs, ...extra]) {
    const at = pair.indexOf('=')
    if (pair === '-') set.push(...(await run.process.stdin.readAll()).split('\n').filter((l) => /^[^#=]+=/.test(l)).map((l) => ({ name: l.slice(0, l.indexOf('=')), value: l.slice(l.indexOf('=') + 1) })))
    else if (at > 0) set.push({ name: pair.slice(0, at), value: pair.slice(at + 1) })
    else if (pair.endsWith('-')) remove.push(pair.slice(0, -1))
    else throw new Failure(`unknown: ${pair}`)
  }
  for (const entry of set) if (!/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(String(entry['name']))) throw new Failure(`invalid environment variable name ${goQuote(String(entry['name']))}`)
  const pattern = globToRegExp(run.flags.string('containers') || '*')
  const overwrite = run.flags.changed('overwrite') ? run.flags.bool('overwrite') : true
  if (from !== '') {
    const keys = run.flags.list('keys')
    const sources = await fetchInfos(run, await findTargets(run, { args: [from], files: false, selector: '' }))
    throwAll(sources.errors)
    for (const source of sources.infos) {
      const field = source.object.kind === 'Secret' ? 'secretKeyRef' : source.object.kind === 'ConfigMap' ? 'configMapKeyRef' : undefined
      if (!field) throw new Failure('unsupported resource specified in --from')
      for (const key of Object.keys((source.object['data'] as Fields | undefined) ?? {}).sort()) {
        if (keys.length > 0 && !keys.includes(key)) continue
        const valid = key.toUpperCase().replace(/[^A-Z0-9_]/g, '_')
        if (valid !== key.toUpperCase()) await run.warn(`key ${key} transferred to ${valid}`)
        set.push({ name: `${run.flags.string('prefix')}${valid}`, valueFrom: { [field]: { name: source.name, key } } })
      }
    }
  }
  if (listing) return listEnv(run, resources, pattern)
  await changeAll(run, resources, report, {
    words: 'env updated', manager: 'env',
    apply: (object, info) => {
      const spec = podSpecOf(object)
      if (!spec) throw new Failure(`the object is not a pod or does not have a pod template: ${info.resource.kind}`)
      const containers = containersOf(spec, true).filter((c) => pattern.test(String(c['name'])))
      for (const c of containers) {
        let env = [...((c['env'] as Fields[] | undefined) ?? [])]
        if (!overwrite) {
          const taken = set.filter((s) => env.some((e) => e['name'] === s['name'] && (e['value'] ?? '') !== '')).map((s) => `'${String(s['name'])}' already has a value (${String(env.find((e) => e['name'] === s['name'])!['value'])})`)
          if (taken.length > 0) throw new Failure(`${taken.join(', ')}, and --overwrite is false`)
        }
        for (const s of set) {
          const at = env.findIndex((e) => e['name'] === s['name'])
          if (at >= 0) env[at] = s
          else env.push(s)
        }
        env = env.filter((e) => !remove.includes(String(e['name'])))
        if (env.length > 0) c['env'] = env
        else delete c['env']
      }
    },
  })
}

async function listEnv(run: Invocation, resources: readonly string[], pattern: RegExp): Promise<void> {
  const found = await findTargets(run, { args: resources, all: run.flags.bool('all') })
  const { infos, errors } = await fetchInfos(run, found, { local: run.flags.bool('local') })
  for (const info of infos) {
    const spec = podSpecOf(info.object)
    if (!spec) throw new Failure(`the object is not a pod or does not have a pod template: ${info.resource.kind}`)
    for (const c of containersOf(spec, true).filter((x) => pattern.test(String(x['name'])))) {
      const lines = run.flags.bool('resolve') ? await resolveEnv(run, info, c) : ((c['env'] as Fields[] | undefined) ?? []).map((e) => `${describeEnv(e)}\n`)
      await run.out(`# ${info.object.kind} ${info.name}, container ${String(c['name'])}\n${lines.join('')}`)
    }
  }
  throwAll(errors)
}

function describeEnv(e: Fields): string {
  const source = e['valueFrom'] as Record<string, Record<string, string>> | undefined
  const name = String(e['name'])
  if (!source) return `${name}=${String(e['value'] ?? '')}`
  if (source['configMapKeyRef']) return `# ${name} from configmap ${source['configMapKeyRef']['name']!}, key ${source['configMapKeyRef']['key']!}`
  if (source['secretKeyRef']) return `# ${name} from secret ${source['secretKeyRef']['name']!}, key ${source['secretKeyRef']['key']!}`
  if (source['fieldRef']) return `# ${name} from field path ${source['fieldRef']['fieldPath']!}`
  return `# ${name} from container resource ${String((source['resourceFieldRef'] as Fields | undefined)?.['resource'])}`
}

async function resolveEnv(run: Invocation, info: Info, container: Fields): Promise<string[]> {
  const out: string[] = []
  for (const e of (container['env'] as Fields[] | undefined) ?? []) {
    const source = e['valueFrom'] as Record<string, Record<string, string>> | undefined
    const ref = source?.['configMapKeyRef'] ?? source?.['secretKeyRef']
    if (!ref) {
      out.push(`${describeEnv(e)}\n`)
      continue
    }
    const secret = source?.['secretKeyRef'] !== undefined
    const object = await getObject(run, { resource: builtin('', 'v1', secret ? 'secrets' : 'configmaps', secret ? 'Secret' : 'ConfigMap'), namespace: info.namespace, name: ref['name']! })
    const value = (object['data'] as Record<string, string> | undefined)?.[ref['key']!] ?? ''
    out.push(`${String(e['name'])}=${secret ? (fromBase64(value) ?? '') : value}\n`)
  }
  return out
}


function quantities(text: string): Record<string, string> {
  const out: Record<string, string> = {}
  for (const pair of text.split(',').filter(Boolean)) {
    const parts = pair.split('=')
    if (parts.length !== 2) throw new Failure(`Invalid argument syntax ${pair}, expected <resource>=<value>`)
    const quantity = parseQuantity(parts[1]!)
    if (!quantity) throw new Failure("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    out[parts[0]!] = formatQuantity(quantity)
  }
  return out
}

export const setResources: Verb = async (run) => {
  const report = await reporter(run)
  const [limits, requests] = [quantities(run.flags.string('limits')), quantities(run.flags.string('requests'))]
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) throw new Failure('you must specify an update to requests or limits (in the form of --requests/--limits)')
  const pattern = globToRegExp(run.flags.string('containers') || '*')
  await changeAll(run, run.args, report, {
    words: 'resource requirements updated', manager: 'limit',
    apply: (object, info) => {
      const spec = podSpecOf(object)
      if (!spec) throw new Failure(`the object is not a pod or does not have a pod template: ${info.resource.kind}`)
      const containers = containersOf(spec, true).filter((c) => pattern.test(String(c['name'])))
      if (containers.length === 0) throw new Failure(`unable to find container named ${run.flags.string('containers')}`)
      for (const c of containers) {
        const resources = { ...(c['resources'] as Fields | undefined) }
        for (const [field, values] of [['limits', limits], ['requests', requests]] as const) {
          if (Object.keys(values).length === 0) continue
          const next: Fields = { ...(resources[field] as Fields | undefined) }
          for (const [k, v] of Object.entries(values)) {
            if (v === '0') delete next[k]
            else next[k] = v
          }
          if (Object.keys(next).length > 0) resources[field] = next
          else delete resources[field]
        }
        c['resources'] = resources
      }
    },
  })
}

export const setSelector: Verb = async (run) => {
  const report = await reporter(run)
  if (run.args.length < 1 && run.flags.list('filename').length === 0) throw new Failure('one or more resources must be specified as <resource> <name> or <resource>/<name>')
  const args = [...run.args]
  const expressions = args.at(-1)?.match(/[=!]|^[\w./-]+,/) ? args.pop()! : undefined
  if (expressions === undefined) throw new Failure('one selector is required')
  const selector = Object.fromEntries(expressions.split(',').map((p) => p.split(/==?/) as [string, string]))
  await changeAll(run, args, report, {
    words: 'selector updated', manager: 'selector',
    apply: (object) => {
      if (object.kind !== 'Service') throw new Failure('setting a selector is only supported for Services')
      ;(object['spec'] as Fields)['selector'] = selector
    },
  })
}

export const setServiceAccount: Verb = async (run) => {
  const report = await reporter(run)
  if (run.args.length === 0) throw new Failure('serviceaccount is required')
  const account = run.args.at(-1)!
  const rest = run.args.slice(0, -1)
  if (rest.length === 0 && run.flags.list('filename').length === 0) throw new Failure('one or more resources must be specified as <resource> <name> or <resource>/<name>')
  await changeAll(run, rest, report, {
    words: 'serviceaccount updated', manager: 'ServiceAccountName',
    apply: (object, info) => {
      const spec = podSpecOf(object)
      if (!spec) throw new Failure(`the object is not a pod or does not have a pod template: ${info.resource.kind}`)
      spec['serviceAccountName'] = account
    },
  })
}

export const setSubject: Verb = async (run) => {
  const report = await reporter(run)
  const subjects: Fields[] = []
  for (const name of run.flags.list('user')) subjects.push({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name })
  for (const name of run.flags.list('group')) subjects.push({ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name })
  for (const text of run.flags.list('serviceaccount')) {
    const [namespace, name, more] = text.split(':') as [string, string?, string?]
    if (!namespace || !name || more !== undefined) throw new Failure('serviceaccount must be <namespace>:<name> or <name>')
    subjects.push({ kind: 'ServiceAccount', name, namespace })
  }
  if (subjects.length === 0) throw new Failure('you must specify at least one value of user, group or serviceaccount')
  await changeAll(run, run.args, report, {
    words: 'subjects updated', manager: 'subjects',
    apply: (object) => {
      const old = (object['subjects'] as Fields[] | undefined) ?? []
      const fresh = subjects.filter((s) => !old.some((o) => o['kind'] === s['kind'] && o['name'] === s['name'] && (o['namespace'] ?? '') === (s['namespace'] ?? '')))
      object['subjects'] = [...old, ...fresh]
    },
  })
}

