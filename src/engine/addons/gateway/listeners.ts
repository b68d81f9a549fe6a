/** The listeners of a Gateway and of the ListenerSets that hang on it: which are distinct, which kinds of routes they take, whether their certificates can be used. */
import type { Loose } from '#engine/api/loose.ts'
import { loadIdentity } from '#engine/machine/tls.ts'
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { gatewayGroup } from '../gateway-api/definitions.ts'
import { intersect } from './hostnames.ts'
import { condition, listenerSets, routeKinds } from './types.ts'
import type { Certificate, Condition } from './types.ts'
import type { View } from './view.ts'

/** A listener and whose it is. */
export interface Listener {
  readonly owner: Loose
  readonly ownerKind: 'Gateway' | 'ListenerSet'
  readonly gateway: Loose
  readonly spec: Loose
  readonly protocol: string
  readonly hostname: string
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[]
  readonly certificates: readonly Certificate[]
  readonly clients: { readonly authorities: string; readonly insecureFallback: boolean } | undefined
  /** Accepted and not in conflict: it takes traffic (its references may still be broken). */
  readonly accepted: boolean
  readonly programmed: boolean
  readonly conditions: readonly Condition[]
  attached: number
}

const protocols = ['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP']
/** Protocols that share a port by host name. */
const family = (protocol: string) => (protocol === 'HTTPS' || protocol === 'TLS' ? 'tls' : protocol === 'UDP' ? 'udp' : protocol === 'TCP' ? 'tcp' : 'http')

const age = (o: Loose) => `${o.metadata.creationTimestamp ?? ''} ${o.metadata.namespace ?? ''}/${o.metadata.name}`
export const byAge = (a: Loose, b: Loose) => (age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0)

/** ListenerSets that name the Gateway, oldest first, with the answer of its allowedListeners. */
export function setsOf(view: View, gateway: Loose): { readonly set: Loose; readonly allowed: boolean }[] {
  const own = gateway.metadata.namespace as string
  return view.list(listenerSets)
    .filter((s) => (s.spec.parentRef.kind ?? 'Gateway') === 'Gateway' && s.spec.parentRef.name === gateway.metadata.name && (s.spec.parentRef.namespace ?? s.metadata.namespace) === own)
    .sort(byAge)
    .map((set) => ({ set, allowed: view.allows(gateway.spec.allowedListeners?.namespaces, own, set.metadata.namespace, 'None') }))
}

type Problem = { readonly reason: string; readonly message: string }

/** All listeners, in order of precedence. */
export function listenersOf(view: View, gateway: Loose): Listener[] {
  const owners = [{ owner: gateway, ownerKind: 'Gateway' as const }, ...setsOf(view, gateway).filter((s) => s.allowed).map((s) => ({ owner: s.set, ownerKind: 'ListenerSet' as const }))]
  const raw = owners.flatMap(({ owner, ownerKind }) => ((owner.spec.listeners ?? []) as Loose[]).map((spec): Raw => ({ owner, ownerKind, spec, protocol: protocols.find((p) => p === String(spec.protocol).toUpperCase()) ?? (spec.protocol as string), hostname: String(spec.hostname ?? '').toLowerCase() })))
  const conflicts = conflictsOf(raw)
  return raw.map((r): Listener => judge(view, gateway, r, conflicts.get(r), overlaps(raw.filter((o) => !conflicts.has(o)), r)))
}

interface Raw {
  readonly owner: Loose
  readonly ownerKind: 'Gateway' | 'ListenerSet'
  readonly spec: Loose
  readonly protocol: string
  readonly hostname: string
}

/** Object after object: a listener loses against those of earlier objects; of one object's own all that are not distinct lose. */
function conflictsOf(all: readonly Raw[]): Map<Raw, Problem> {
  const out = new Map<Raw, Problem>()
  const standing: Raw[] = []
  for (const owner of new Set(all.map((r) => r.owner))) {
    const own = all.filter((r) => r.owner === owner)
    const lost = (r: Raw, others: readonly Raw[]) => {
      const problem = others.map((o) => conflictBetween(r, o)).find((p) => p !== undefined)
      if (problem) out.set(r, problem)
    }
    for (const r of own) lost(r, standing)
    const left = own.filter((r) => !out.has(r))
    for (const r of left) lost(r, left.filter((o) => o !== r))
    standing.push(...own.filter((r) => !out.has(r)))
  }
  return out
}

function conflictBetween(own: Raw, other: Raw): Problem | undefined {
  if (other.spec.port !== own.spec.port) return undefined
  const [a, b] = [family(own.protocol), family(other.protocol)]
  if ((a === 'udp') !== (b === 'udp')) return undefined
  if (a !== b) return { reason: 'ProtocolConflict', message: `Port ${own.spec.port} is used with protocol ${other.protocol} by listener ${other.spec.name}` }
  return own.hostname === other.hostname || a === 'tcp' || a === 'udp' ? { reason: 'HostnameConflict', message: `Port ${own.spec.port} is used for the same hostname by listener ${other.spec.name}` } : undefined
}

const ends = (r: Raw) => r.protocol === 'HTTPS' || (r.protocol === 'TLS' && (r.spec.tls?.mode ?? 'Terminate') === 'Terminate')

/** Another listener ends TLS on the same port for names that this one is for too: a client may come to the wrong one. */
function overlaps(all: readonly Raw[], own: Raw): boolean {
  return ends(own) && own.hostname !== '' && all.some((o) => o !== own && ends(o) && o.spec.port === own.spec.port && o.hostname !== '' && intersect(o.hostname, own.hostname) !== undefined)
}

function judge(view: View, gateway: Loose, r: Raw, conflict: Problem | undefined, overlap: boolean): Listener {
  const { spec, protocol, owner, ownerKind } = r
  const known = protocols.includes(protocol)
  const possible = Object.entries(routeKinds).filter(([, k]) => k.protocols.includes(protocol) && view.serves(k.gvr)).map(([kind]) => kind)
  const usual = possible.filter((kind) => kind !== 'TCPRoute' || protocol === 'TCP')
  const asked = (spec.allowedRoutes?.kinds ?? []) as Loose[]
  const fits = asked.filter((k) => (k.group ?? gatewayGroup) === gatewayGroup && possible.includes(k.kind))
  const supportedKinds = (asked.length === 0 ? usual : fits.map((k) => k.kind as string)).map((kind) => ({ group: gatewayGroup, kind }))
  const resolve: Problem[] = []
  const accept: Problem[] = []
  if (!known) accept.push({ reason: 'UnsupportedProtocol', message: `Protocol ${protocol} is not supported` })
  if (conflict) accept.push(conflict)
  if (asked.length > fits.length) {
    const bad = asked.find((k) => !fits.includes(k))
    resolve.push({ reason: 'InvalidRouteKinds', message: `Route kind ${bad.group ?? gatewayGroup}/${bad.kind} is not supported for protocol ${protocol}` })
  }
  const terminates = protocol === 'HTTPS' || (protocol === 'TLS' && (spec.tls?.mode ?? 'Terminate') === 'Terminate')
  const certificates: Certificate[] = []
  if (terminates) {
    if ((spec.tls?.certificateRefs ?? []).length === 0) resolve.push({ reason: 'InvalidCertificateRef', message: 'Listener has no certificateRefs' })
    for (const ref of (spec.tls?.certificateRefs ?? []) as Loose[]) {
      const found = certificateOf(view, owner, ownerKind, ref)
      if ('reason' in found) resolve.push(found)
      else certificates.push(found)
    }
  }
  const clients = protocol === 'HTTPS' ? clientsOf(view, gateway, spec.port, resolve, accept) : undefined
  const accepted = accept.length === 0
  const programmed = accepted && resolve.length === 0
  const [a, f] = [accept[0], resolve[0]]
  const conditions: Condition[] = [
    a ? condition('Accepted', false, a.reason, a.message) : condition('Accepted', true, 'Accepted', 'Listener is accepted'),
    conflict ? condition('Conflicted', true, conflict.reason, conflict.message) : condition('Conflicted', false, 'NoConflicts', 'Listener has no conflicts'),
    programmed ? condition('Programmed', true, 'Programmed', 'Listener is programmed') : conflict ? condition('Programmed', false, conflict.reason, conflict.message) : condition('Programmed', false, 'Invalid', (a ?? f)!.message),
    f ? condition('ResolvedRefs', false, f.reason, f.message) : condition('ResolvedRefs', true, 'ResolvedRefs', 'All references are resolved'),
  ]
  if (overlap) conditions.push(condition('OverlappingTLSConfig', true, 'OverlappingHostnames', `Another listener on port ${spec.port} is for hostnames that overlap with ${r.hostname}`))
  return { owner, ownerKind, gateway, spec, protocol, hostname: r.hostname, supportedKinds, certificates, clients, accepted, programmed, conditions, attached: 0 }
}

/** Certificate and key of a reference of `owner`, or what is wrong with it. */
export function certificateOf(view: View, owner: Loose, ownerKind: string, ref: Loose, invalid = 'InvalidCertificateRef'): Certificate | Problem {
  const namespace = ref.namespace ?? owner.metadata.namespace
  if ((ref.group ?? '') !== '' || (ref.kind ?? 'Secret') !== 'Secret') return { reason: invalid, message: `Unsupported kind of certificate: ${ref.group ? `${ref.group}/` : ''}${ref.kind}` }
  if (!view.permitted({ group: gatewayGroup, kind: ownerKind, namespace: owner.metadata.namespace }, { group: '', kind: 'Secret', namespace, name: ref.name })) return { reason: 'RefNotPermitted', message: `Secret ${namespace}/${ref.name} is not permitted by any ReferenceGrant` }
  const data = view.secret(namespace, ref.name)
  if (!data) return { reason: invalid, message: `Secret ${namespace}/${ref.name} does not exist` }
  const loaded = loadIdentity(data['tls.crt'] ?? '', data['tls.key'] ?? '')
  if (!loaded.ok) return { reason: invalid, message: `Secret ${namespace}/${ref.name} does not contain a valid certificate and key: ${loaded.error}` }
  return { certificate: data['tls.crt']!, key: data['tls.key']! }
}

/** Authorities of a reference, or what is wrong with it. */
export function authoritiesOf(view: View, namespace: string, ref: Loose, kindReason: string): { readonly pem: string } | Problem {
  if ((ref.group ?? '') !== '' || ref.kind !== 'ConfigMap') return { reason: kindReason, message: `Unsupported kind of CA certificate: ${ref.group ? `${ref.group}/` : ''}${ref.kind}` }
  const data = view.configMap(namespace, ref.name)
  if (!data) return { reason: 'InvalidCACertificateRef', message: `ConfigMap ${namespace}/${ref.name} does not exist` }
  const pem = data['ca.crt'] ?? ''
  if (decodeCertificates(pem).length === 0) return { reason: 'InvalidCACertificateRef', message: `ConfigMap ${namespace}/${ref.name} has no valid certificate in key ca.crt` }
  return { pem }
}

function clientsOf(view: View, gateway: Loose, port: number, resolve: Problem[], accept: Problem[]): Listener['clients'] {
  const frontend = gateway.spec.tls?.frontend
  const validation = ((frontend?.perPort ?? []) as Loose[]).find((p) => p.port === port)?.tls?.validation ?? (((frontend?.perPort ?? []) as Loose[]).some((p) => p.port === port) ? undefined : frontend?.default?.validation)
  if (!validation) return undefined
  const pems: string[] = []
  for (const ref of validation.caCertificateRefs as Loose[]) {
    const namespace = ref.namespace ?? gateway.metadata.namespace
    const permitted = view.permitted({ group: gatewayGroup, kind: 'Gateway', namespace: gateway.metadata.namespace }, { group: ref.group ?? '', kind: ref.kind, namespace, name: ref.name })
    const found = permitted ? authoritiesOf(view, namespace, ref, 'InvalidCACertificateKind') : { reason: 'RefNotPermitted', message: `${ref.kind} ${namespace}/${ref.name} is not permitted by any ReferenceGrant` }
    if ('reason' in found) resolve.push(found)
    else pems.push(found.pem)
  }
  if (pems.length === 0) accept.push({ reason: 'NoValidCACertificate', message: 'No valid CA certificate to check clients with' })
  return { authorities: pems.join('\n'), insecureFallback: validation.mode === 'AllowInsecureFallback' }
}
