/**
 * The gateway controller as a program (our own implementation of the Gateway API, in the manner of Envoy Gateway): judges Gateways and routes, writes
 * their status, makes a Deployment and a Service for each Gateway, and hands each proxy its configuration over a connection. Left out: leader election.
 */
import { accept, readLines } from './channel.ts'
import type { Loose } from '#engine/api/loose.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { notFound, plain, serveHttp } from '#engine/node/http-server.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import type { Timer } from '#engine/sim/sim.ts'
import { gatewayApiVersion } from '../gateway-api/definitions.ts'
import { applyObjects, configPort, infrastructureName, removeStrays, wantedObjects } from './infrastructure.ts'
import { judge } from './model.ts'
import type { Judgement, Picture } from './model.ts'
import { listenerStatuses, mergeConditions, mergeParents, writeStatus } from './status.ts'
import { backendTlsPolicies, condition, gatewayClasses, gateways, listenerSets } from './types.ts'
import type { Condition } from './types.ts'
import { deployments, View } from './view.ts'

/** Changes that come together are judged together. */
const pause = 100

const supportedFeatures = [
  'BackendTLSPolicy', 'GRPCRoute', 'Gateway', 'GatewayAddressEmpty', 'GatewayBackendClientCertificate', 'GatewayFrontendClientCertificateValidation', 'GatewayFrontendClientCertificateValidationInsecureFallback', 'GatewayHTTPListenerIsolation',
  'GatewayHTTPSListenerDetectMisdirectedRequests', 'GatewayPort8080', 'GatewayStaticAddresses', 'HTTPRoute', 'HTTPRoute303RedirectStatusCode', 'HTTPRoute307RedirectStatusCode', 'HTTPRoute308RedirectStatusCode', 'HTTPRouteBackendProtocolH2C',
  'HTTPRouteBackendProtocolWebSocket', 'HTTPRouteBackendRequestHeaderModification', 'HTTPRouteBackendTimeout', 'HTTPRouteCORS', 'HTTPRouteDestinationPortMatching', 'HTTPRouteHostRewrite', 'HTTPRouteMethodMatching', 'HTTPRouteParentRefPort', 'HTTPRoutePathRedirect',
  'HTTPRoutePathRewrite', 'HTTPRoutePortRedirect', 'HTTPRouteQueryParamMatching', 'HTTPRouteRequestMirror', 'HTTPRouteRequestMultipleMirrors', 'HTTPRouteRequestPercentageMirror', 'HTTPRouteRequestTimeout', 'HTTPRouteResponseHeaderModification', 'HTTPRouteSchemeRedirect',
  'ListenerSet', 'ReferenceGrant', 'TLSRoute', 'TLSRouteModeTerminate',
]

export async function gatewayController(process: Process, context: ContainerContext): Promise<number> {
  const { sim } = process.machine
  const { api } = context
  const out = lineWriter(process.stdout)
  const log = (level: string, name: string, message: string, more = '') => out(`${new Date(Math.floor(sim.now)).toISOString()}\t${level}\t${name}\t${message}${more}`)
  const namespace = context.pod().metadata.namespace ?? 'default'
  let timer: Timer | undefined
  let stopped = false
  const later = () => {
    if (stopped || (timer && !timer.cancelled)) return
    timer = sim.after(pause, () => {
      timer = undefined
      turn()
    })
  }
  const view = new View(api, () => later())
  const subscribers = new Map<string, Set<Connection>>()
  const configs = new Map<string, string>()
  const send = (connection: Connection, text: string) => void connection.write(`${text}\n`).catch(() => {})
  const time = () => new Date(Math.floor(sim.now / 1000) * 1000).toISOString().replace('.000Z', 'Z')

  const publish = (picture: Picture) => {
    const seen = new Set<string>()
    for (const { gateway, config } of picture.gateways) {
      const key = `${gateway.metadata.namespace}/${gateway.metadata.name}`
      seen.add(key)
      const text = JSON.stringify(config)
      if (configs.get(key) === text) continue
      configs.set(key, text)
      for (const connection of subscribers.get(key) ?? []) send(connection, text)
    }
    for (const key of [...configs.keys()]) if (!seen.has(key)) configs.delete(key)
  }

  const write = (picture: Picture) => {
    const now = time()
    let written = 0
    const put = (gvr: Parameters<typeof writeStatus>[1], object: Loose, status: Loose) => {
      if (writeStatus(api, gvr, object, status)) written++
    }
    for (const c of picture.classes) {
      const conditions = mergeConditions(c.status?.conditions, [condition('Accepted', true, 'Accepted', 'Valid GatewayClass'), versionCondition(view.bundleVersion)], c.metadata.generation, now)
      put(gatewayClasses, c, { ...c.status, conditions, supportedFeatures: supportedFeatures.map((name) => ({ name })) })
    }
    for (const j of picture.gateways) {
      const { gateway } = j
      const { addresses, programmed } = infrastructureState(view, j)
      const own = j.listeners.filter((l) => l.owner === gateway)
      put(gateways, gateway, {
        ...gateway.status, ...(addresses.length > 0 ? { addresses } : { addresses: undefined }), attachedListenerSets: j.attachedSets,
        conditions: mergeConditions(gateway.status?.conditions, [...j.conditions.slice(0, 1), programmed, ...j.conditions.slice(1)], gateway.metadata.generation, now),
        listeners: listenerStatuses(gateway.status?.listeners, own, gateway.metadata.generation, now),
      })
    }
    for (const s of picture.sets) put(listenerSets, s.object, { ...s.object.status, conditions: mergeConditions(s.object.status?.conditions, s.conditions, s.object.metadata.generation, now), listeners: listenerStatuses(s.object.status?.listeners, s.listeners, s.object.metadata.generation, now) })
    for (const r of picture.routes) put(r.gvr, r.object, { ...r.object.status, parents: mergeParents(r.object.status?.parents, r.parents, r.object.metadata.generation, now, 'parentRef') })
    for (const p of picture.policies) put(backendTlsPolicies, p.object, { ...p.object.status, ancestors: mergeParents(p.object.status?.ancestors, p.ancestors, p.object.metadata.generation, now, 'ancestorRef') })
    if (written > 0) log('INFO', 'status', 'wrote status', `\t{"objects": ${written}}`)
  }

  const turn = () => {
    if (stopped || !view.ready) return
    const picture = judge(view)
    for (const j of picture.gateways) if (j.conditions[0]!.status === 'True') applyObjects(api, view, wantedObjects(j.gateway, j.listeners, namespace))
    removeStrays(api, view, new Set(picture.gateways.map((j) => j.gateway.metadata.uid as string)))
    publish(picture)
    write(picture)
  }

  log('INFO', 'controller', 'starting gateway controller', `\t{"controller": "kubedrill.dev/gateway-controller", "gatewayAPI": "${gatewayApiVersion}"}`)
  const health = serveHttp(process.machine.net.sockets, '0.0.0.0', 8081, () => sim.now, (r) => (r.path === '/healthz' || r.path === '/readyz' ? plain('ok') : notFound))
  const listener = process.sockets.listen('0.0.0.0', configPort)
  context.onExit(() => {
    stopped = true
    sim.cancel(timer)
    health.close()
    listener.close()
    for (const set of subscribers.values()) for (const connection of set) connection.close()
  })
  /** A proxy says whose it is, and then only listens. */
  const serve = async (connection: Connection): Promise<void> => {
    let key: string | undefined
    try {
      for await (const line of readLines(connection)) {
        key = line
        const set = subscribers.get(key) ?? new Set()
        subscribers.set(key, set.add(connection))
        const text = configs.get(key)
        if (text !== undefined) send(connection, text)
      }
    } catch {
      // The proxy went away.
    }
    if (key !== undefined) subscribers.get(key)?.delete(connection)
    connection.close()
  }
  accept(listener, serve)
  later()
  await context.terminated()
  log('INFO', 'controller', 'shutting down')
  return 0
}

const versionCondition = (version: string | undefined): Condition =>
  version?.startsWith(gatewayApiVersion.replace(/\.\d+$/, '.'))
    ? condition('SupportedVersion', true, 'SupportedVersion', `Gateway API CRD bundle version ${version} is supported.`)
    : condition('SupportedVersion', false, 'UnsupportedVersion', version === undefined ? 'Gateway API CRD bundle version is not known.' : `Gateway API CRD bundle version ${version} is not supported.`)

/** Addresses of a Gateway's Service and whether its proxies are there. */
function infrastructureState(view: View, j: Judgement): { readonly addresses: Loose[]; readonly programmed: Condition } {
  const { gateway } = j
  const { namespace } = gateway.metadata
  const no = (reason: string, message: string) => ({ addresses: [] as Loose[], programmed: condition('Programmed', false, reason, message) })
  if (j.conditions[0]!.status !== 'True') return no('Invalid', j.conditions[0]!.message)
  const service = view.service(namespace, infrastructureName(gateway))
  const deployment = view.get(deployments, namespace, infrastructureName(gateway))
  const wanted = ((gateway.spec.addresses ?? []) as Loose[]).map((a) => a.value as string | undefined).filter((v): v is string => Boolean(v))
  const given = ((service?.status?.loadBalancer?.ingress ?? []) as Loose[]).map((i) => i.ip ?? i.hostname).filter((v) => v !== undefined)
  const there = (deployment?.status?.availableReplicas ?? 0) > 0
  // Where nobody gives the Service an outside address until the proxies run, its cluster address is all it has.
  const found: string[] = given.length > 0 ? given : there && service?.spec.clusterIP ? [service.spec.clusterIP] : []
  const addresses = found.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'IPAddress' : 'Hostname', value }))
  if (wanted.length > 0 && !wanted.every((w) => found.includes(w))) return { addresses: [], programmed: condition('Programmed', false, 'AddressNotUsable', `The address ${wanted.find((w) => !found.includes(w))} cannot be used`) }
  if (addresses.length === 0) return no('AddressNotAssigned', 'No addresses have been assigned to the Gateway')
  if (!there) return { addresses, programmed: condition('Programmed', false, 'NoResources', 'Deployment replicas unavailable') }
  if (!j.usable) return { addresses, programmed: condition('Programmed', false, 'Invalid', 'No listener can be programmed') }
  return { addresses, programmed: condition('Programmed', true, 'Programmed', `Address assigned to the Gateway, ${deployment.status.availableReplicas}/${deployment.spec.replicas} replicas available`) }
}
