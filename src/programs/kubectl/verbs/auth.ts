/** `kubectl auth can-i | whoami | reconcile` and `kubectl certificate approve | deny`. */
import { alignTabs } from '#base/text-table.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll } from '../cli/errors.ts'
import type { Verb } from '../cli/invocation.ts'
import { kindName } from '../client/discovery.ts'
import { goQuote } from '../print/json.ts'
import { printerFor } from '../print/printers.ts'
import { fetchInfos, findTargets, pathOf } from '../resource/targets.ts'
import { rfc3339 } from './time.ts'

const standard = new Set(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'proxy', 'use', 'bind', 'escalate', 'impersonate', 'approve', 'sign', 'attest', '*'])

interface Rule {
  readonly verbs?: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

const list = (items: readonly string[] | undefined): string => `[${(items ?? []).join(' ')}]`

export const canI: Verb = async (run) => {
  if (run.flags.bool('list')) {
    const review = await run.rest.json<{ status: { resourceRules?: Rule[]; nonResourceRules?: Rule[] } }>('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { body: { kind: 'SelfSubjectRulesReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec: { namespace: run.namespace } } })
    const rows: string[] = []
    for (const rule of review.status.resourceRules ?? []) {
      for (const group of rule.apiGroups ?? ['']) for (const resource of rule.resources ?? []) rows.push(`${group === '' ? resource : group === '*' && resource === '*' ? '*.*' : `${resource}.${group}`}\t[]\t${list(rule.resourceNames)}\t${list(rule.verbs)}\n`)
    }
    for (const rule of review.status.nonResourceRules ?? []) for (const url of rule.nonResourceURLs ?? []) rows.push(`\t[${url}]\t[]\t${list(rule.verbs)}\n`)
    const head = run.flags.bool('no-headers') ? '' : 'Resources\tNon-Resource URLs\tResource Names\tVerbs\n'
    await run.out(alignTabs(head + rows.sort((a, b) => (a[0] === '\t' ? 1 : 0) - (b[0] === '\t' ? 1 : 0)).join(''), { minWidth: 6, padding: 3 }))
    return 0
  }
  if (run.args.length !== 2) throw new Failure("you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.")
  const [verb, word] = run.args as [string, string]
  let attributes: Record<string, unknown>
  if (word.startsWith('/')) attributes = { nonResourceAttributes: { verb, path: word } }
  else {
    const [type, name = ''] = word.split('/') as [string, string?]
    let group = ''
    let resource = type
    if (type === '*') group = '*'
    else {
      try {
        const found = await run.reachable(() => run.discovery.find(type))
        group = found.group
        resource = found.name
        if (!found.namespaced && !run.allNamespaces) await run.err(`Warning: resource '${found.name}' is not namespace scoped${found.group ? ` in group '${found.group}'` : ''}\n\n`)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        const dot = type.indexOf('.')
        if (dot > 0) {
          resource = type.slice(0, dot)
          group = type.slice(dot + 1)
          await run.err(`Warning: the server doesn't have a resource type '${resource}' in group '${group}'\n\n`)
        } else await run.err(`Warning: the server doesn't have a resource type '${type}'\n\n`)
      }
    }
    if (!standard.has(verb)) await run.err(`Warning: verb '${verb}' is not a known verb\n\n`)
    attributes = { resourceAttributes: { namespace: run.allNamespaces ? '' : run.namespace, verb, group, resource, subresource: run.flags.string('subresource'), name } }
  }
  const review = await run.rest.json<{ status: { allowed?: boolean; reason?: string; evaluationError?: string } }>('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body: { kind: 'SelfSubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec: attributes } })
  const { allowed, evaluationError } = review.status
  if (!run.flags.bool('quiet')) await run.out(`${allowed ? 'yes' : 'no'}${!allowed && evaluationError ? ` - ${evaluationError}` : ''}\n`)
  return allowed ? 0 : 1
}

export const whoAmI: Verb = async (run) => {
  const printer = printerFor(run, { nameOf: () => 'selfsubjectreview.authentication.k8s.io' })
  const review = await run.rest.json<KubeObject>('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1', metadata: {} } })
  if (printer) return run.out(printer.print({ ...review, apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }))
  const user = ((review['status'] as { userInfo?: { username?: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> } } | undefined)?.userInfo ?? {})
  const rows = [['ATTRIBUTE', 'VALUE'], ...(user.username ? [['Username', user.username]] : []), ...(user.uid ? [['UID', user.uid]] : []), ...(user.groups?.length ? [['Groups', list(user.groups)]] : []), ...Object.entries(user.extra ?? {}).sort().map(([k, v]) => [`Extra: ${k}`, list(v)])]
  await run.out(alignTabs(rows.map((r) => r.join('\t') + '\n').join(''), { minWidth: 6, padding: 3 }))
}

function decide(type: 'Approved' | 'Denied'): Verb {
  return async (run) => {
    if (run.args.length === 0 && run.flags.list('filename').length === 0) throw new Failure('one or more CSRs must be specified as <name> or -f <filename>')
    const found = await findTargets(run, { ...(run.flags.list('filename').length === 0 ? { defaultType: 'certificatesigningrequests' } : {}) })
    const { infos, errors } = await fetchInfos(run, found)
    for (const info of infos) {
      try {
        const status = { ...((info.object['status'] as Record<string, unknown> | undefined) ?? {}) }
        const conditions = (status['conditions'] as { type: string }[] | undefined) ?? []
        const other = conditions.find((c) => c.type === (type === 'Approved' ? 'Denied' : 'Approved'))
        if (other) throw new Failure(`certificate signing request ${goQuote(info.name)} is already ${other.type}`)
        if (!conditions.some((c) => c.type === type) || run.flags.bool('force')) {
          const condition = { type, status: 'True', reason: type === 'Approved' ? 'KubectlApprove' : 'KubectlDeny', message: `This CSR was ${type.toLowerCase()} by kubectl certificate ${type === 'Approved' ? 'approve' : 'deny'}.`, lastUpdateTime: rfc3339(run.process.now()) }
          await run.rest.json('PUT', pathOf(info.resource, undefined, info.name, 'approval'), { body: { ...info.object, status: { ...status, conditions: [...conditions.filter((c) => c.type !== type), condition] } } })
        }
        await run.out(`${kindName(info.resource)}/${info.name} ${type.toLowerCase()}\n`)
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof Failure)) throw error
        errors.push(error)
      }
    }
    throwAll(errors)
  }
}

export const approve = decide('Approved')
export const deny = decide('Denied')
