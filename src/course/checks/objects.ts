/** Checks of state in the API, compared by meaning (sets, ranges, parts), never by position in a list. */
import type { Inspect, Resource } from '../inspect.ts'
import type { CheckOf, Condition } from '../schema/lab.ts'
import { includesValue, sameValue, valuesAt } from '../value-path.ts'
import { objectLink, outcome, type CheckOutcome } from './outcome.ts'

const show = (value: unknown): string => (value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value))

function conditionText(c: Condition): string {
  const wants: string[] = []
  if (c.exists !== undefined) wants.push(c.exists ? 'is set' : 'is not set')
  if (c.equals !== undefined) wants.push(`is ${show(c.equals)}`)
  if (c.contains !== undefined) wants.push(`contains ${show(c.contains)}`)
  if (c.matches !== undefined) wants.push(`matches /${c.matches}/`)
  if (c.atLeast !== undefined) wants.push(`is at least ${c.atLeast}`)
  if (c.atMost !== undefined) wants.push(`is at most ${c.atMost}`)
  return `${c.path} ${wants.join(' and ')}`
}

function holds(c: Condition, object: Resource): { readonly pass: boolean; readonly seen: string } {
  const values = valuesAt(object, c.path)
  const seen = values.length === 0 ? `${c.path} is not set` : `${c.path} is ${values.map(show).join(', ')}`
  if (c.exists !== undefined && values.length > 0 !== c.exists) return { pass: false, seen }
  const demands = c.equals !== undefined || c.contains !== undefined || c.matches !== undefined || c.atLeast !== undefined || c.atMost !== undefined
  if (demands && values.length === 0) return { pass: false, seen }
  const pass = values.every(
    (v) =>
      (c.equals === undefined || sameValue(v, c.equals)) &&
      (c.contains === undefined || includesValue(v, c.contains)) &&
      (c.matches === undefined || new RegExp(c.matches).test(show(v))) &&
      (c.atLeast === undefined || Number(v) >= c.atLeast) &&
      (c.atMost === undefined || Number(v) <= c.atMost),
  )
  return { pass: pass || (!demands && c.exists !== undefined), seen }
}

export async function resource(demand: CheckOf<'resource'>, inspect: Inspect): Promise<CheckOutcome> {
  const where = demand.where.map(conditionText)
  const name = demand.name ?? (demand.selector === undefined ? '' : `with ${demand.selector}`)
  const subject = `${demand.kind} ${demand.namespace === undefined ? '' : `${demand.namespace}/`}${name}`.trim()
  const expected = `${subject} ${demand.exists ? (where.length === 0 ? 'exists' : where.join('; ')) : 'does not exist'}`
  const found = demand.name !== undefined ? [await inspect.get(demand.kind, demand.namespace, demand.name)].filter((o) => o !== undefined) : await inspect.list(demand.kind, demand.namespace, demand.selector)
  const links = demand.name === undefined ? [{ kind: 'command' as const, command: `kubectl get ${demand.kind.toLowerCase()}${demand.namespace === undefined ? '' : ` -n ${demand.namespace}`}` }] : [objectLink(demand.kind, demand.namespace, demand.name)]
  if (found.length === 0) return outcome(!demand.exists, expected, `there is no ${subject}`, { links })
  if (!demand.exists && where.length === 0) return outcome(false, expected, `${subject} exists`, { links })
  const seen: string[] = []
  let pass = true
  for (const object of found) {
    for (const c of demand.where) {
      const one = holds(c, object)
      seen.push(one.seen)
      if (!one.pass) pass = false
    }
  }
  if (!demand.exists) pass = !pass
  return outcome(pass, expected, seen.length === 0 ? `${subject} exists` : seen.join('; '), { links })
}

export async function endpoints(demand: CheckOf<'endpoints'>, inspect: Inspect): Promise<CheckOutcome> {
  const [namespace, name] = demand.service.split('/') as [string, string]
  const wants = [
    ...(demand.ready === undefined ? [] : [`exactly ${demand.ready} ready`]),
    ...(demand.atLeast === undefined ? [] : [`at least ${demand.atLeast} ready`]),
    ...(demand.port === undefined ? [] : [`on port ${demand.port}`]),
    ...(demand.selector === undefined ? [] : [`being the pods with ${demand.selector}`]),
  ]
  const expected = `Service ${demand.service} has ${wants.length === 0 ? 'a ready endpoint' : `${wants.join(', ')}`}`
  const links = [objectLink('Service', namespace, name), { kind: 'command' as const, command: `kubectl get endpointslices -n ${namespace} -l kubernetes.io/service-name=${name}` }]
  const service = await inspect.get('Service', namespace, name)
  if (!service) return outcome(false, expected, `there is no Service ${demand.service}`, { links })
  const slices = await inspect.list('EndpointSlice', namespace, `kubernetes.io/service-name=${name}`)
  const ready: string[] = []
  const ports = new Set<unknown>()
  for (const slice of slices) {
    for (const port of valuesAt(slice, 'ports[*].port')) ports.add(port)
    for (const endpoint of valuesAt(slice, 'endpoints[*]') as Resource[]) {
      if (valuesAt(endpoint, 'conditions.ready')[0] === false) continue
      ready.push(String(valuesAt(endpoint, 'addresses[0]')[0]))
    }
  }
  const observed = ready.length === 0 ? 'it has no ready endpoint' : `${ready.length} ready: ${ready.map((a) => `${a}${ports.size === 0 ? '' : `:${[...ports].join('/')}`}`).join(', ')}`
  let pass = demand.ready === undefined ? ready.length >= (demand.atLeast ?? 1) : ready.length === demand.ready
  if (demand.port !== undefined && !ports.has(demand.port)) pass = false
  if (demand.selector !== undefined) {
    const pods = await inspect.list('Pod', namespace, demand.selector)
    const addresses = pods.map((p) => String(valuesAt(p, 'status.podIP')[0]))
    if (!ready.every((a) => addresses.includes(a))) pass = false
  }
  const selector = valuesAt(service, 'spec.selector')[0] as Record<string, string> | undefined
  let why = ''
  if (!pass && ready.length === 0 && selector !== undefined) {
    const text = Object.entries(selector).map(([k, v]) => `${k}=${v}`).join(',')
    const matching = await inspect.list('Pod', namespace, text)
    why = matching.length === 0 ? `Its selector ${text} matches no pod in ${namespace}.` : `Its selector ${text} matches ${matching.length} ${matching.length === 1 ? 'pod' : 'pods'}, none of them Ready.`
  }
  return outcome(pass, expected, observed, { why, links })
}

export async function canI(demand: CheckOf<'can-i'>, inspect: Inspect): Promise<CheckOutcome> {
  const place = demand.namespace === undefined ? '' : ` in ${demand.namespace}`
  const deed = `${demand.verb} ${demand.resource}${demand.name === undefined ? '' : ` "${demand.name}"`}${place}`
  const allowed = await inspect.can({ user: demand.as, groups: demand.groups }, demand.verb, demand.resource, demand.namespace, demand.name)
  return outcome(allowed === demand.allowed, `${demand.as} ${demand.allowed ? 'may' : 'may not'} ${deed}`, `${demand.as} ${allowed ? 'may' : 'may not'} ${deed}`, {
    links: [{ kind: 'command', command: `kubectl auth can-i ${demand.verb} ${demand.resource}${demand.namespace === undefined ? '' : ` -n ${demand.namespace}`} --as ${demand.as}` }],
  })
}

export async function unchanged(demand: CheckOf<'unchanged'>, inspect: Inspect): Promise<CheckOutcome> {
  const subject = `${demand.kind} ${demand.namespace === undefined ? '' : `${demand.namespace}/`}${demand.name}`
  const expected = `${subject} is as it was at the start (${demand.fields.join(', ')}${demand.sameObject ? ', not made anew' : ''})`
  const links = [objectLink(demand.kind, demand.namespace, demand.name)]
  const before = await inspect.atStart(demand.kind, demand.namespace, demand.name)
  const now = await inspect.get(demand.kind, demand.namespace, demand.name)
  if (!before || !now) return outcome(before === now, expected, now ? `${subject} is new` : `${subject} is gone`, { links })
  const uid = (o: Resource) => valuesAt(o, 'metadata.uid')[0]
  if (demand.sameObject && uid(before) !== uid(now)) return outcome(false, expected, `${subject} was deleted and made anew`, { links })
  const changed = demand.fields.filter((f) => !sameValue(valuesAt(before, f), valuesAt(now, f)))
  return outcome(changed.length === 0, expected, changed.length === 0 ? 'it is unchanged' : `changed: ${changed.join(', ')}`, { links })
}
