/** All Gateways of our classes judged at once: what their proxies are to do, and what the status of every object is to say. */
import type { Loose } from '#engine/api/loose.ts'
import type { GroupVersionResource } from '#engine/api/types.ts'
import { gatewayGroup } from '../gateway-api/definitions.ts'
import { Backends } from './backends.ts'
import { specificity } from './hostnames.ts'
import { certificateOf, listenersOf, setsOf } from './listeners.ts'
import type { Listener } from './listeners.ts'
import { attach, compile, entriesOf } from './routes.ts'
import type { Attachment } from './routes.ts'
import { backendTlsPolicies, condition, controllerName, gatewayClasses, gateways, listenerSets, routeKinds } from './types.ts'
import type { Certificate, Condition, Door, ProxyConfig, Rule } from './types.ts'
import type { View } from './view.ts'

export interface ParentStatus {
  readonly parentRef: Loose
  readonly conditions: readonly Condition[]
}

export interface Judgement {
  readonly gateway: Loose
  readonly config: ProxyConfig
  readonly listeners: readonly Listener[]
  /** Without what depends on the proxy's pods: Programmed and addresses. */
  readonly conditions: readonly Condition[]
  /** Accepted, with at least one listener that works. */
  readonly usable: boolean
  readonly attachedSets: number
}

export interface Picture {
  readonly gateways: readonly Judgement[]
  readonly classes: readonly Loose[]
  /** Routes, ListenerSets and policies with the status that they are to have. */
  readonly routes: readonly { readonly gvr: GroupVersionResource; readonly object: Loose; readonly parents: readonly ParentStatus[] }[]
  readonly sets: readonly { readonly object: Loose; readonly conditions: readonly Condition[]; readonly listeners: readonly Listener[] }[]
  readonly policies: readonly { readonly object: Loose; readonly ancestors: readonly ParentStatus[] }[]
}

export function judge(view: View): Picture {
  const classes = view.list(gatewayClasses).filter((c) => c.spec.controllerName === controllerName)
  const ours = view.list(gateways).filter((g) => classes.some((c) => c.metadata.name === g.spec.gatewayClassName) && g.metadata.deletionTimestamp === undefined)
  const listeners = new Map<Loose, Listener[]>(ours.map((g) => [g, listenersOf(view, g)]))
  const attachments = new Map<Loose, Attachment[]>(ours.map((g) => [g, []]))
  const backends = new Backends(view)
  const compiled = new Map<Loose, { readonly rules: readonly Rule[]; readonly resolved: Condition }>()
  const metBy = new Map<Loose, Map<Loose, readonly Condition[]>>()
  const routes: Picture['routes'][number][] = []

  for (const [kind, { gvr }] of Object.entries(routeKinds)) {
    for (const route of view.list(gvr)) {
      const parents: ParentStatus[] = []
      let own: { readonly rules: readonly Rule[]; readonly resolved: Condition } | undefined
      const touched = new Set<Loose>()
      for (const ref of (route.spec.parentRefs ?? []) as Loose[]) {
        const found = parentOf(view, route, ref)
        const all = found && listeners.get(found.gateway)
        if (!found || !all) continue
        if (!own) {
          backends.met.clear()
          own = compile(backends, route, kind)
          compiled.set(route, own)
        }
        const attachment = attach(view, route, kind, ref, found.parent, all)
        for (const l of attachment.listeners) l.listener.attached++
        attachments.get(found.gateway)!.push(attachment)
        touched.add(found.gateway)
        parents.push({ parentRef: ref, conditions: [attachment.accepted, own.resolved] })
      }
      for (const [policy, conditions] of backends.met) {
        if (own === undefined) break
        for (const g of touched) metBy.set(policy, (metBy.get(policy) ?? new Map<Loose, readonly Condition[]>()).set(g, conditions))
      }
      if (parents.length > 0 || (route.status?.parents ?? []).some((p: Loose) => p.controllerName === controllerName)) routes.push({ gvr, object: route, parents })
    }
  }

  const sets: Picture['sets'][number][] = []
  const judged = ours.map((gateway): Judgement => {
    const all = listeners.get(gateway)!
    let attachedSets = 0
    for (const { set, allowed } of setsOf(view, gateway)) {
      const own = all.filter((l) => l.owner === set)
      const status = setConditions(allowed, own)
      if (status[0]!.status === 'True') attachedSets++
      sets.push({ object: set, conditions: status, listeners: own })
    }
    const client = clientCertificate(view, gateway)
    const gatewayConditions = conditionsOf(gateway, all.filter((l) => l.owner === gateway), all, client)
    const doors = all.filter((l) => l.accepted && l.programmed).map((l) => doorOf(l, attachments.get(gateway)!, compiled))
    return {
      gateway, listeners: all, conditions: gatewayConditions, attachedSets, usable: gatewayConditions[0]!.status === 'True' && doors.length > 0,
      config: { doors, ...(client && 'certificate' in client && { client }) },
    }
  })
  const policies = view.list(backendTlsPolicies).flatMap((object) => {
    const met = metBy.get(object)
    const ancestors = [...(met ?? [])].map(([g, conditions]): ParentStatus => ({ parentRef: { group: gatewayGroup, kind: 'Gateway', name: g.metadata.name, namespace: g.metadata.namespace }, conditions }))
    return ancestors.length > 0 || (object.status?.ancestors ?? []).some((a: Loose) => a.controllerName === controllerName) ? [{ object, ancestors }] : []
  })
  return { gateways: judged, classes, routes, sets, policies }
}

/** The object that a parentRef names, and the Gateway that it belongs to. */
function parentOf(view: View, route: Loose, ref: Loose): { readonly parent: Loose; readonly gateway: Loose } | undefined {
  if ((ref.group ?? gatewayGroup) !== gatewayGroup) return undefined
  const namespace = ref.namespace ?? route.metadata.namespace
  if ((ref.kind ?? 'Gateway') === 'Gateway') {
    const gateway = view.get(gateways, namespace, ref.name)
    return gateway && { parent: gateway, gateway }
  }
  if (ref.kind !== 'ListenerSet') return undefined
  const parent = view.get(listenerSets, namespace, ref.name)
  const gateway = parent && view.get(gateways, parent.spec.parentRef.namespace ?? parent.metadata.namespace, parent.spec.parentRef.name)
  return gateway && { parent, gateway }
}

function setConditions(allowed: boolean, listeners: readonly Listener[]): Condition[] {
  if (!allowed) {
    const message = 'The Gateway does not allow listeners of this ListenerSet'
    return [condition('Accepted', false, 'NotAllowed', message), condition('Programmed', false, 'NotAllowed', message)]
  }
  const bad = listeners.filter((l) => !l.programmed)
  if (bad.length === listeners.length) {
    const message = 'All listeners are not valid'
    return [condition('Accepted', false, 'ListenersNotValid', message), condition('Programmed', false, 'ListenersNotValid', message)]
  }
  return [
    bad.length > 0 ? condition('Accepted', true, 'ListenersNotValid', `Some listeners are not valid: ${bad.map((l) => l.spec.name).join(', ')}`) : condition('Accepted', true, 'Accepted', 'ListenerSet is accepted'),
    condition('Programmed', true, 'Programmed', 'ListenerSet is programmed'),
  ]
}

function clientCertificate(view: View, gateway: Loose): Certificate | { readonly reason: string; readonly message: string } | undefined {
  const ref = gateway.spec.tls?.backend?.clientCertificateRef
  return ref && certificateOf(view, gateway, 'Gateway', ref, 'InvalidClientCertificateRef')
}

/** The first is Accepted. */
function conditionsOf(gateway: Loose, own: readonly Listener[], all: readonly Listener[], client: ReturnType<typeof clientCertificate>): Condition[] {
  const accepted = (): Condition => {
    const type = ((gateway.spec.addresses ?? []) as Loose[]).map((a) => a.type ?? 'IPAddress').find((t) => t !== 'IPAddress')
    if (type !== undefined) return condition('Accepted', false, 'UnsupportedAddress', `Addresses of type ${type} are not supported`)
    const parameters = gateway.spec.infrastructure?.parametersRef
    if (parameters) return condition('Accepted', false, 'InvalidParameters', `Parameters ${parameters.group}/${parameters.kind} ${parameters.name} are not supported`)
    const bad = own.filter((l) => !l.accepted)
    if (bad.length === own.length && !all.some((l) => l.accepted)) return condition('Accepted', false, 'ListenersNotValid', 'Gateway has no valid listeners')
    if (bad.length > 0) return condition('Accepted', true, 'ListenersNotValid', `Some listeners are not valid: ${bad.map((l) => l.spec.name).join(', ')}`)
    return condition('Accepted', true, 'Accepted', 'Gateway is accepted')
  }
  const fallback = all.some((l) => l.clients?.insecureFallback)
  return [
    accepted(),
    ...(client && 'reason' in client ? [condition('ResolvedRefs', false, client.reason, client.message)] : client ? [condition('ResolvedRefs', true, 'ResolvedRefs', 'All references are resolved')] : []),
    ...(fallback ? [condition('InsecureFrontendValidationMode', true, 'ConfigurationChanged', 'Clients without a valid certificate are let in')] : []),
  ]
}

function doorOf(listener: Listener, attachments: readonly Attachment[], compiled: ReadonlyMap<Loose, { readonly rules: readonly Rule[] }>): Door {
  const here = attachments.flatMap((a) => a.listeners.filter((l) => l.listener === listener).map((l) => ({ route: a.route, kind: a.kind, hostnames: l.hostnames, rules: compiled.get(a.route)!.rules })))
  // Several parentRefs may lead to one listener.
  const once = here.filter((h, i) => here.findIndex((o) => o.route === h.route) === i)
  const http = listener.protocol === 'HTTP' || listener.protocol === 'HTTPS'
  return {
    name: `${listener.owner.metadata.namespace}/${listener.owner.metadata.name}/${listener.spec.name}`, port: listener.spec.port, protocol: listener.protocol as Door['protocol'], hostname: listener.hostname, passthrough: listener.spec.tls?.mode === 'Passthrough',
    certificates: listener.certificates, ...(listener.clients && { clients: listener.clients }), entries: http ? entriesOf(once) : [],
    streams: http ? [] : [...once].sort((a, b) => (ageOf(a.route) < ageOf(b.route) ? -1 : 1)).flatMap((h) => h.hostnames.map((name) => ({ name, targets: h.rules[0]?.targets ?? [] })))
      .sort((a, b) => specificity(b.name.asked) - specificity(a.name.asked)).map(({ name, targets }) => ({ hostname: name.hostname, targets })),
  }
}

const ageOf = (o: Loose) => `${o.metadata.creationTimestamp} ${o.metadata.namespace}/${o.metadata.name}`
