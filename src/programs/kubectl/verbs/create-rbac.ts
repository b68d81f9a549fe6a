/** `kubectl create role | clusterrole | rolebinding | clusterrolebinding`. */
import { Failure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import type { Resource } from '../client/discovery.ts'
import { goQuote } from '../print/json.ts'
import { newObject, spaceOf } from './create-workload.ts'
import { builtin, createGenerated, oneName } from './report.ts'

type Fields = Record<string, unknown>

const standardVerbs = ['get', 'delete', 'list', 'create', 'update', 'patch', 'watch', 'proxy', 'deletecollection', 'use', 'bind', 'escalate', 'impersonate', 'approve', 'sign', 'attest', '*']
const rbac = 'rbac.authorization.k8s.io'

interface Wanted {
  readonly resource: Resource | undefined
  readonly name: string
  readonly subresource: string
}

/** Verbs without doubles; `*` swallows the others. */
function verbsOf(run: Invocation): string[] {
  const verbs = [...new Set(run.flags.list('verb').flatMap((v) => v.split(',')).filter(Boolean))]
  return verbs.includes('*') ? ['*'] : verbs
}

async function resourcesOf(run: Invocation): Promise<Wanted[]> {
  const out: Wanted[] = []
  for (const word of run.flags.list('resource').flatMap((r) => r.split(',')).filter(Boolean)) {
    const [name, subresource = ''] = word.split('/') as [string, string?]
    if (name === '*') {
      out.push({ resource: undefined, name: '*', subresource })
      continue
    }
    out.push({ resource: await findResource(run, name), name, subresource })
  }
  return out
}

async function findResource(run: Invocation, name: string): Promise<Resource> {
  try {
    return await run.discovery.find(name)
  } catch (error) {
    if (error instanceof Failure) throw new Failure(`the server doesn't have a resource type ${goQuote(name.split('.')[0]!)}${name.includes('.') ? ` in group ${goQuote(name.split('.').slice(1).join('.'))}` : ''}`, { bare: true })
    throw error
  }
}

async function rulesOf(run: Invocation, verbs: readonly string[], wanted: readonly Wanted[]): Promise<Fields[]> {
  const names = run.flags.list('resource-name').filter(Boolean)
  const groups = new Map<string, string[]>()
  for (const w of wanted) {
    const group = w.resource?.group ?? (w.name === '*' ? '*' : '')
    const text = (w.resource?.name ?? w.name) + (w.subresource ? `/${w.subresource}` : '')
    const list = groups.get(group) ?? []
    if (!list.includes(text)) list.push(text)
    groups.set(group, list)
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([group, resources]) => ({ verbs, apiGroups: [group], resources, ...(names.length > 0 ? { resourceNames: [...new Set(names)] } : {}) }))
}

function warnVerbs(run: Invocation, verbs: readonly string[]): Promise<void>[] {
  return verbs.filter((v) => !standardVerbs.includes(v)).map((v) => run.warn(`'${v}' is not a standard resource verb`))
}

export const createRole: Verb = async (run) => {
  const name = oneName(run)
  const verbs = verbsOf(run)
  const wanted = await resourcesOf(run)
  if (verbs.length === 0) throw new Failure('at least one verb must be specified')
  for (const warning of warnVerbs(run, verbs)) await warning
  if (wanted.length === 0) throw new Failure('at least one resource must be specified')
  const object = newObject(`${rbac}/v1`, 'Role', { name, ...spaceOf(run) }, { rules: await rulesOf(run, verbs, wanted) })
  await createGenerated(run, builtin(rbac, 'v1', 'roles', 'Role'), object, undefined)
}

export const createClusterRole: Verb = async (run) => {
  const name = oneName(run)
  const urls = run.flags.list('non-resource-url')
  const aggregation = run.flags.list('aggregation-rule')
  const verbs = verbsOf(run)
  const wanted = await resourcesOf(run)
  if (aggregation.length > 0) {
    if (urls.length > 0 || verbs.length > 0 || wanted.length > 0 || run.flags.list('resource-name').length > 0) throw new Failure('aggregation rule must be specified without nonResourceURLs, resourceNames, verbs or resources')
  } else {
    if (verbs.length === 0) throw new Failure('at least one verb must be specified')
    for (const warning of warnVerbs(run, urls.length > 0 && wanted.length === 0 ? [] : verbs)) await warning
    if (wanted.length === 0 && urls.length === 0) throw new Failure('at least one resource must be specified')
    for (const url of urls) {
      if (url !== '*' && !url.startsWith('/')) throw new Failure('nonResourceURL should start with /')
      if (url.slice(0, -1).includes('*')) throw new Failure(`nonResourceURL only supports wildcard matches when '*' is at the end`)
    }
  }
  const rules = aggregation.length > 0 ? null : [...(await rulesOf(run, verbs, wanted)), ...(urls.length > 0 ? [{ verbs, nonResourceURLs: urls }] : [])]
  const selectors = aggregation.length > 0 ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: run.flags.map('aggregation-rule') }] } } : {}
  await createGenerated(run, builtin(rbac, 'v1', 'clusterroles', 'ClusterRole', false), newObject(`${rbac}/v1`, 'ClusterRole', { name }, { rules, ...selectors }), undefined)
}

function subjectsOf(run: Invocation): Fields[] {
  const out: Fields[] = []
  for (const name of run.flags.list('user')) out.push({ kind: 'User', apiGroup: rbac, name })
  for (const name of run.flags.list('group')) out.push({ kind: 'Group', apiGroup: rbac, name })
  for (const text of run.flags.list('serviceaccount')) {
    const [namespace, name, more] = text.split(':') as [string, string?, string?]
    if (!namespace || !name || more !== undefined) throw new Failure('serviceaccount must be <namespace>:<name>')
    out.push({ kind: 'ServiceAccount', name, namespace })
  }
  return out
}

export const createRoleBinding: Verb = async (run) => {
  const name = oneName(run)
  const [role, clusterRole] = [run.flags.string('role'), run.flags.string('clusterrole')]
  if ((role === '') === (clusterRole === '')) throw new Failure('exactly one of clusterrole or role must be specified')
  const subjects = subjectsOf(run)
  const object = newObject(`${rbac}/v1`, 'RoleBinding', { name, ...spaceOf(run) }, { ...(subjects.length > 0 ? { subjects } : {}), roleRef: { apiGroup: rbac, kind: role ? 'Role' : 'ClusterRole', name: role || clusterRole } })
  await createGenerated(run, builtin(rbac, 'v1', 'rolebindings', 'RoleBinding'), object, 'failed to create rolebinding:')
}

export const createClusterRoleBinding: Verb = async (run) => {
  const name = oneName(run)
  const subjects = subjectsOf(run)
  const object = newObject(`${rbac}/v1`, 'ClusterRoleBinding', { name }, { ...(subjects.length > 0 ? { subjects } : {}), roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: run.flags.string('clusterrole') } })
  await createGenerated(run, builtin(rbac, 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false), object, 'failed to create clusterrolebinding:')
}

