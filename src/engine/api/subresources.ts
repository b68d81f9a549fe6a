/**
 * Subresources that are more than a part of their object: scale, binding, eviction, token, approval, finalize. log, exec, attach, portforward and proxy are
 * carried to kubelets by the NodeProxy.
 */
import { FieldErrors } from './field-errors.ts'
import type { KindDefinition, RequestContext } from './kind.ts'
import { formatLabelSelector, matchesLabelSelector } from './label-selector.ts'
import { copy, type Loose } from './loose.ts'
import type { ApiServer } from './server.ts'
import { topologyOf } from './topology.ts'
import * as status from './status.ts'
import type { KubeObject, Status } from './types.ts'

export interface CreateSubresource {
  /** Type of the request body in Schemas. */
  readonly schema: string
  readonly kind: string
  readonly apiVersion: string
  run(server: ApiServer, parent: KubeObject, body: Loose, context: RequestContext): { readonly object: KubeObject | Status; readonly code: number }
}

function bind(server: ApiServer, kind: KindDefinition, parent: Loose, body: Loose, context: RequestContext): Status {
  const errors = new FieldErrors()
  const target = body.target ?? {}
  if (target.kind && target.kind !== 'Node') errors.notSupported('target.kind', target.kind, ['Node', '<empty>'])
  if (!target.name) errors.required('target.name')
  if (errors.list.length > 0) throw status.invalid('', 'Binding', body.metadata?.name ?? '', errors.list)
  const { name, namespace, uid } = parent.metadata
  const refuse = (text: string) => status.failure(409, 'Conflict', `Operation cannot be fulfilled on pods/binding ${JSON.stringify(name)}: ${text}`, { name, kind: 'pods/binding' })
  if (body.metadata?.uid && body.metadata.uid !== uid) throw refuse(`Precondition failed: UID in precondition: ${body.metadata.uid}, UID in object meta: ${uid}`)
  if (parent.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
  if (parent.spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(parent.spec.nodeName)}`)
  if (parent.spec.schedulingGates?.length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)
  const labels = { ...body.metadata?.labels, ...topologyOf(context.find('nodes', '', target.name)) }
  server.registry.write(kind, {
    ...parent,
    metadata: { ...parent.metadata, ...(Object.keys(labels).length > 0 ? { labels: { ...parent.metadata.labels, ...labels } } : {}), ...(body.metadata?.annotations ? { annotations: { ...parent.metadata.annotations, ...body.metadata.annotations } } : {}), ...(parent.metadata.generation ? { generation: parent.metadata.generation } : {}) },
    spec: { ...parent.spec, nodeName: target.name },
    status: { ...parent.status, conditions: [...(parent.status?.conditions ?? []).filter((c: Loose) => c.type !== 'PodScheduled'), { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: context.now }] },
  }, context)
  void namespace
  return { ...status.success(), code: 201 } as Status
}

function evict(server: ApiServer, kind: KindDefinition, parent: Loose, body: Loose, context: RequestContext): Status {
  const { name, namespace } = parent.metadata
  if ((body.metadata?.name ?? '') !== name) throw status.badRequest('name in URL does not match name in Eviction object')
  const options = body.deleteOptions ?? {}
  const done = { ...status.success(), code: 201 } as Status
  const finish = () => {
    if (!context.dryRun && !parent.metadata.deletionTimestamp) {
      const condition = { type: 'DisruptionTarget', status: 'True', lastProbeTime: null, lastTransitionTime: context.now, reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' }
      server.registry.write(kind, { ...parent, status: { ...parent.status, conditions: [...(parent.status?.conditions ?? []).filter((c: Loose) => c.type !== 'DisruptionTarget'), condition] } }, context)
    }
    server.registry.delete(kind, namespace, name, options, context)
    return done
  }
  const { phase } = parent.status ?? {}
  if (phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || parent.metadata.deletionTimestamp) return finish()
  const budgets = (server.store.list('poddisruptionbudgets.policy', namespace) as Loose[]).filter((b) => matchesLabelSelector(b.spec?.selector, parent.metadata.labels))
  if (budgets.length > 1) throw status.failure(500, undefined, 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.')
  const budget = budgets[0]
  if (budget) {
    const s = budget.status ?? {}
    const ready = (parent.status?.conditions ?? []).some((c: Loose) => c.type === 'Ready' && c.status === 'True')
    const spare = budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' ? true : s.currentHealthy >= s.desiredHealthy && s.desiredHealthy > 0
    if (!ready && spare) return finish()
    if ((s.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
      throw status.tooManyRequests('Cannot evict pod as it would violate the pod\'s disruption budget.', 10, { causes: [{ reason: 'DisruptionBudget', message: `The disruption budget ${budget.metadata.name} is still being processed by the server.` }] })
    }
    if ((s.disruptionsAllowed ?? 0) <= 0) {
      const synced = (s.conditions ?? []).find((c: Loose) => c.type === 'DisruptionAllowed' && c.status === 'False')
      const message = synced?.reason === 'SyncFailed' ? `The disruption budget ${budget.metadata.name} does not allow evicting pods currently because it failed sync: ${synced.message}` : `The disruption budget ${budget.metadata.name} needs ${s.desiredHealthy ?? 0} healthy pods and has ${s.currentHealthy ?? 0} currently`
      throw status.tooManyRequests('Cannot evict pod as it would violate the pod\'s disruption budget.', 0, { causes: [{ reason: 'DisruptionBudget', message }] })
    }
    if (!context.dryRun) {
      const key = server.kind('policy', 'v1', 'poddisruptionbudgets')!
      server.registry.write(key, { ...budget, status: { ...s, disruptionsAllowed: s.disruptionsAllowed - 1, disruptedPods: { ...s.disruptedPods, [name]: context.now } } }, context)
    }
  }
  return finish()
}

function token(server: ApiServer, parent: Loose, body: Loose, context: RequestContext): KubeObject {
  const spec = body.spec ?? {}
  const errors = new FieldErrors()
  if (body.metadata?.name && body.metadata.name !== parent.metadata.name) errors.invalid('metadata.name', body.metadata.name, 'must match the service account name if specified')
  if (body.metadata?.namespace && body.metadata.namespace !== parent.metadata.namespace) errors.invalid('metadata.namespace', body.metadata.namespace, 'must match the service account namespace if specified')
  if (errors.list.length > 0) throw status.invalid('authentication.k8s.io', 'TokenRequest', parent.metadata.name, errors.list)
  const seconds: number = spec.expirationSeconds ?? 3600
  if (seconds < 600) errors.invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')
  if (seconds > 2 ** 32) errors.invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds')
  if (errors.list.length > 0) throw status.invalid('authentication.k8s.io', 'TokenRequest', '', errors.list)
  const audiences: string[] = spec.audiences?.length > 0 ? spec.audiences : ['https://kubernetes.default.svc.cluster.local']
  const { name, namespace, uid } = parent.metadata
  let pod: Loose
  let secret: Loose
  let node: Loose
  if (spec.boundObjectRef) {
    const { kind, apiVersion, name: boundName, uid: boundUid } = spec.boundObjectRef
    const group = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }[kind as string]
    if (apiVersion !== 'v1' || !group) throw status.badRequest(`cannot bind token to object of type ${String(apiVersion).includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`)
    const found = server.store.get(group, group === 'nodes' ? '' : namespace, boundName) as Loose
    if (!found) throw status.notFound({ group: '', resource: group }, boundName)
    if (boundUid && boundUid !== found.metadata.uid) throw status.conflict({ group: '', resource: group }, boundName, `the UID in the bound object reference (${boundUid}) does not match the UID in record. The object might have been deleted and then recreated`)
    if (kind === 'Pod') {
      if (found.spec.serviceAccountName !== name) throw status.badRequest(`cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`)
      pod = found
      if (found.spec.nodeName) node = server.store.get('nodes', '', found.spec.nodeName)
    } else if (kind === 'Secret') secret = found
    else node = found
  }
  void secret
  const now = Math.floor(server.sim.now / 1000)
  // Tokens that the kubelet asks for with the odd lifetime of 3607 s live a year for the sake of old clients.
  const extended = seconds === 3607 ? 365 * 24 * 3600 : seconds
  const reference = (o: Loose) => ({ name: o.metadata.name, uid: o.metadata.uid })
  const text = server.tokens.issue({ namespace, name, uid, audiences, issued: now, expires: now + extended, id: context.uuid(), ...(pod ? { pod: reference(pod) } : {}), ...(node ? { node: reference(node) } : {}) })
  return {
    kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: { name, namespace, creationTimestamp: context.now },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null },
    status: { token: text, expirationTimestamp: new Date((now + seconds) * 1000).toISOString().slice(0, 19) + 'Z' },
  }
}

export const createSubresources: Readonly<Record<string, CreateSubresource>> = {
  'pods/binding': { schema: 'core.v1.Binding', kind: 'Binding', apiVersion: 'v1', run: (server, parent, body, context) => ({ object: bind(server, server.kind('', 'v1', 'pods')!, parent, body, context), code: 201 }) },
  'pods/eviction': { schema: 'policy.v1.Eviction', kind: 'Eviction', apiVersion: 'policy/v1', run: (server, parent, body, context) => ({ object: evict(server, server.kind('', 'v1', 'pods')!, parent, body, context), code: 201 }) },
  'serviceaccounts/token': { schema: 'authentication.v1.TokenRequest', kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', run: (server, parent, body, context) => ({ object: token(server, parent, body, context), code: 201 }) },
}

/** The Scale of an object. */
export function scaleOf(kind: KindDefinition, object: Loose): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const replicas = at(object, kind.scale!.specPath) ?? 0
  const current = at(object, kind.scale!.statusPath) ?? 0
  const selector = kind.scale!.selectorPath ? at(object, kind.scale!.selectorPath) : undefined
  const text = selector === undefined ? undefined : typeof selector === 'string' ? selector : selector.matchLabels || selector.matchExpressions ? formatLabelSelector(selector) : formatLabelSelector({ matchLabels: selector })
  return {
    kind: 'Scale', apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: current, ...(text ? { selector: text } : {}) },
  }
}

/** The object with the replicas that a Scale asks for. */
export function withScale(kind: KindDefinition, object: KubeObject, scale: Loose): Loose {
  const replicas = scale.spec?.replicas ?? 0
  if (replicas < 0) {
    const errors = new FieldErrors()
    errors.invalid('spec.replicas', replicas, 'must be greater than or equal to 0')
    throw status.invalid('autoscaling', 'Scale', object.metadata.name, errors.list)
  }
  const next = copy(object) as Loose
  const path = kind.scale!.specPath.split('.').filter((p) => p !== '')
  let place = next
  for (const part of path.slice(0, -1)) place = place[part] ??= {}
  place[path.at(-1)!] = replicas
  if (scale.metadata?.resourceVersion) next.metadata.resourceVersion = scale.metadata.resourceVersion
  return next
}

function at(object: Loose, path: string): Loose {
  return path.split('.').filter((p) => p !== '').reduce((o, p) => o?.[p], object)
}
