/** Steps of conformance cases that the recording holds as Go code only: objects that change, tables of requests. From the suite's published tests. */
import type { KubeObject } from '#engine/api/types.ts'
import { judge } from './gateway.collection.ts'
import type { Case, Door } from './gateway.collection.ts'
import { infra } from './gateway-world.ts'
import type { GatewayWorld } from './gateway-world.ts'

 
type Loose = any

export interface Stage {
  readonly w: GatewayWorld
  readonly item: Case
  readonly objects: KubeObject[]
  readonly doors: readonly Door[]
  readonly live: () => readonly Loose[]
}

export interface Steps {
  (stage: Stage): Promise<string[]>
  /** The requests are sent here, not by the general way. */
  readonly requests?: boolean
  /** Conditions that the steps look at themselves. */
  readonly covers?: readonly string[]
  readonly stale?: boolean
}

const kind = (name: string, version = 'v1') => ({ apiVersion: `gateway.networking.k8s.io/${version}`, kind: name })
const gateway = (w: GatewayWorld, name: string): Loose => w.get(kind('Gateway'), infra, name)
const is = (o: Loose, type: string, status: string, reason?: string) => (o?.status?.conditions ?? []).some((c: Loose) => c.type === type && c.status === status && (reason === undefined || c.reason === reason))
const steps_ = (run: (stage: Stage) => Promise<string[]>, more: { requests?: boolean; covers?: readonly string[]; stale?: boolean } = {}): Steps => Object.assign(run, more)
const expect = (wrong: string[], what: string, have: unknown, want: unknown) => void (JSON.stringify(have) !== JSON.stringify(want) && wrong.push(`${what}: ${JSON.stringify(have)}, not ${JSON.stringify(want)}`))

/** Rows of an HTTPS table: server name, host, status, backend. */
const httpsTable = (path: string, rows: readonly (readonly [sni: string, host: string, status: number, backend?: string])[]) =>
  steps_(async ({ w, doors }) => {
    const wrong: string[] = []
    const door = doors.find((d) => d.protocol === 'HTTPS')!
    for (const [sni, host, status, backend] of rows) {
      const ask = { address: door.address, port: door.port, sni, host, path, http2: true }
      const problem = judge({ Request: { Path: path }, Response: { StatusCode: status }, Backend: backend, Namespace: infra }, ask, await w.ask(ask), 'https')
      if (problem !== undefined) wrong.push(`${sni} ${host}: ${problem}`)
    }
    return wrong
  }, { requests: true })

const bump = (of: (objects: readonly KubeObject[]) => Loose) => steps_(async ({ w, objects }) => {
  const o = of(objects)
  const spec = o.kind === 'BackendTLSPolicy' ? { validation: { ...o.spec.validation, hostname: 'foo.example.com' } } : { rules: (w.get(o, o.metadata.namespace, o.metadata.name).spec.rules as Loose[]).map((r) => ({ ...r, name: 'bumped' })) }
  w.patch(o, o.metadata.namespace, o.metadata.name, { spec })
  await w.runner.runFor(1000)
  return []
})

/** A second, younger route for the same listener. */
const newer = (what: 'tcp' | 'udp') => steps_(async ({ w, objects, doors }) => {
  const wrong: string[] = []
  const [Kind, version] = what === 'tcp' ? ['TCPRoute', 'v1alpha2'] : ['UDPRoute', 'v1alpha2']
  const older = objects.find((o) => o.kind === Kind) as Loose
  const ref = older.spec.rules[0].backendRefs[0]
  const route: Loose = { apiVersion: `gateway.networking.k8s.io/${version}`, kind: Kind, metadata: { name: older.metadata.name.replace('older', 'newer'), namespace: infra }, spec: { ...older.spec, rules: [{ backendRefs: [{ ...ref, name: ref.name.replace(/-1$/, '-2') }] }] } }
  await w.runner.runFor(1000)
  objects.push(...(await w.apply(JSON.stringify(route))))
  await w.runner.runFor(1000)
  const g = gateway(w, doors[0]!.gateway.split('/')[1]!)
  expect(wrong, 'attached routes', g.status.listeners[0].attachedRoutes, 2)
  expect(wrong, 'supported kinds', g.status.listeners[0].supportedKinds, [{ group: 'gateway.networking.k8s.io', kind: Kind }])
  for (let i = 0; i < 5; i++) {
    const answer = what === 'tcp' ? await w.talk(doors[0]!, 'hello\n') : await w.datagram(doors[0]!.address, doors[0]!.port, 'hello\n')
    const pod = answer === undefined ? '' : (JSON.parse(answer) as { pod: string }).pod
    if (!pod.startsWith(ref.name)) wrong.push(`answered by ${pod}`)
  }
  return wrong
})

/** Many requests, and the share that each backend answered. */
const weights = (share: Readonly<Record<string, number>>, ask: (stage: Stage) => Promise<string | undefined>) => steps_(async (stage) => {
  const count = new Map<string, number>()
  const n = 200
  for (let i = 0; i < n; i++) {
    const pod = (await ask(stage)) ?? 'nobody'
    const backend = pod.split('-').slice(0, -2).join('-')
    count.set(backend, (count.get(backend) ?? 0) + 1)
  }
  const wrong: string[] = []
  for (const [backend, wanted] of Object.entries(share)) if (Math.abs((count.get(backend) ?? 0) / n - wanted) > 0.05) wrong.push(`${backend}: ${(count.get(backend) ?? 0) / n}, not ${wanted}`)
  for (const backend of count.keys()) if (!(backend in share)) wrong.push(`answered by ${backend}`)
  return wrong
}, { requests: true })

const httpPod = async ({ w, doors }: Stage) => (await w.ask({ ...doors[0]!, path: '/' })).echo?.pod as string | undefined
const grpcPod = async ({ w, doors }: Stage) => (await w.ask({ ...doors[0]!, method: 'POST', grpc: true, path: '/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/Echo', headers: { 'Content-Type': 'application/grpc' } })).echo?.pod as string | undefined

export const steps: Readonly<Record<string, Steps>> = {
  HTTPRouteHTTPSListener: httpsTable('/', [['example.org', 'example.org', 200, 'infra-backend-v1'], ['second-example.org', 'second-example.org', 200, 'infra-backend-v2'], ['unknown-example.org', 'unknown-example.org', 404]]),
  HTTPRouteHTTPSListenerDetectMisdirectedRequests: httpsTable('/detect-misdirected-requests', [
    ['example.org', 'example.org', 200, 'infra-backend-v1'], ['example.org', 'second-example.org', 421], ['example.org', 'unknown-example.org', 404], ['second-example.org', 'second-example.org', 200, 'infra-backend-v2'], ['second-example.org', 'example.org', 421], ['second-example.org', 'unknown-example.org', 421],
    ['third-example.wildcard.org', 'third-example.wildcard.org', 200, 'infra-backend-v3'], ['third-example.wildcard.org', 'fith-example.wildcard.org', 200, 'infra-backend-v3'], ['third-example.wildcard.org', 'fourth-example.wildcard.org', 421], ['third-example.wildcard.org', 'second-example.org', 421],
    ['third-example.wildcard.org', 'unknown-example.org', 421], ['fourth-example.wildcard.org', 'fourth-example.wildcard.org', 200, 'infra-backend-v1'], ['fourth-example.wildcard.org', 'fith-example.wildcard.org', 421], ['unknown-example.org', 'example.org', 200, 'infra-backend-v1'], ['unknown-example.org', 'unknown-example.org', 404],
  ]),
  HTTPRouteWeight: weights({ 'infra-backend-v1': 0.7, 'infra-backend-v2': 0.3 }, httpPod),
  GRPCRouteWeight: weights({ 'grpc-infra-backend-v1': 0.7, 'grpc-infra-backend-v2': 0.3 }, grpcPod),
  UDPRouteWeightedRouting: weights({ 'udp-backend-v1': 0.7, 'udp-backend-v2': 0.3 }, async ({ w, doors }) => {
    const answer = await w.datagram(doors[0]!.address, doors[0]!.port, 'hello\n')
    return answer === undefined ? undefined : (JSON.parse(answer) as { pod: string }).pod
  }),
  HTTPRouteRequestHeaderModifierBackendWeights: steps_(async ({ w, doors }) => {
    const wrong: string[] = []
    for (let i = 0; i < 10; i++) {
      const { echo } = await w.ask({ ...doors[0]!, path: '/' })
      if (!String(echo?.pod).startsWith(echo?.headers.Backend?.[0])) wrong.push(`${echo?.pod} saw ${echo?.headers.Backend}`)
    }
    return wrong
  }, { requests: true }),
  HTTPRouteObservedGenerationBump: bump((all) => all.find((o) => o.kind === 'HTTPRoute')),
  BackendTLSPolicyObservedGenerationBump: bump((all) => all.find((o) => o.kind === 'BackendTLSPolicy')),
  TCPRouteMultipleRoutesAttachment: newer('tcp'),
  UDPRouteMultipleRoutesAttachment: newer('udp'),
  TCPRouteParentRefPortAndSectionName: steps_(async ({ w, doors }) => {
    const wrong: string[] = []
    for (const [port, backend] of [[9300, 'tcp-echo-one'], [9301, 'tcp-echo-two'], [9302, 'tcp-echo-three']] as const) {
      const answer = await w.talk({ address: doors[0]!.address, port }, 'hello\n')
      if (answer === undefined || !(JSON.parse(answer) as { pod: string }).pod.startsWith(backend)) wrong.push(`${port}: ${answer}`)
    }
    return wrong
  }, { requests: true }),
  TCPRouteReferenceGrant: steps_(async ({ w, objects, doors }) => {
    const wrong: string[] = []
    const answer = await w.talk(doors[0]!, 'hello\n')
    if (answer === undefined || !(JSON.parse(answer) as { pod: string }).pod.startsWith('tcp-reference-grant-backend')) wrong.push(`with the grant: ${answer}`)
    await w.remove(objects.filter((o) => o.kind === 'ReferenceGrant'))
    if ((await w.talk(doors[0]!, 'hello\n')) !== undefined) wrong.push('answered without the grant')
    return wrong
  }, { requests: true }),
  UDPRouteReferenceGrant: steps_(async ({ w, objects, doors, live }) => {
    const wrong: string[] = []
    const state = () => live().find((o) => o.kind === 'UDPRoute').status.parents[0].conditions.find((c: Loose) => c.type === 'ResolvedRefs').reason as string
    expect(wrong, 'with the grant', state(), 'ResolvedRefs')
    if ((await w.datagram(doors[0]!.address, doors[0]!.port, 'hello\n')) === undefined) wrong.push('no answer with the grant')
    await w.remove(objects.filter((o) => o.kind === 'ReferenceGrant'))
    expect(wrong, 'without the grant', state(), 'RefNotPermitted')
    return wrong
  }, { requests: true, covers: ['ResolvedRefs'] }),
  HTTPRouteReferenceGrant: steps_(async ({ w, objects, doors }) => {
    const wrong: string[] = []
    const with_ = await w.ask({ ...doors[0]!, path: '/' })
    expect(wrong, 'with the grant', [with_.status, String(with_.echo?.pod).startsWith('web-backend')], [200, true])
    await w.remove(objects.filter((o) => o.kind === 'ReferenceGrant'))
    expect(wrong, 'without the grant', (await w.ask({ ...doors[0]!, path: '/' })).status, 500)
    return wrong
  }, { requests: true }),
  UDPRouteParentRefPortAndSectionName: steps_(async ({ w, objects, doors }) => {
    const wrong: string[] = []
    for (const l of (objects.find((o) => o.kind === 'Gateway') as Loose).spec.listeners as Loose[]) {
      const answer = await w.datagram(doors[0]!.address, l.port, 'hello\n')
      const route = (objects.filter((o) => o.kind === 'UDPRoute') as Loose[]).find((r) => r.spec.parentRefs.some((p: Loose) => (p.sectionName === undefined || p.sectionName === l.name) && (p.port === undefined || p.port === l.port)))
      const backend = route?.spec.rules[0].backendRefs[0].name as string | undefined
      if (backend === undefined ? answer !== undefined : answer === undefined || !(JSON.parse(answer) as { pod: string }).pod.startsWith(backend)) wrong.push(`${l.port}: ${answer}, not ${backend}`)
    }
    return wrong
  }, { requests: true }),
  UDPRoute: steps_(async ({ w, doors }) => {
    // A question for foo.bar.com, type A.
    const question = '\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03foo\x03bar\x03com\x00\x00\x01\x00\x01'
    const answer = await w.datagram(doors[0]!.address, doors[0]!.port, question)
    return answer !== undefined && answer.startsWith('\x12\x34') ? [] : [`DNS answer: ${JSON.stringify(answer)}`]
  }, { requests: true }),
  HTTPRouteServiceTypes: steps_(async ({ w, doors }) => {
    const slices = w.cluster.admin.list({ group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' }, { namespace: infra }) as readonly Loose[]
    const endpoints = slices.filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === 'infra-backend-v1').flatMap((s) => s.endpoints)
    for (const name of ['manual-endpointslices-ip4', 'headless-manual-endpointslices-ip4']) w.patch({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }, infra, name, { endpoints: endpoints.map((e: Loose) => ({ addresses: e.addresses, conditions: { ready: true } })) })
    await w.runner.runFor(1000)
    const wrong: string[] = []
    for (const path of ['/manual-endpointslices', '/headless', '/headless-manual-endpointslices']) {
      const got = await w.ask({ ...doors[0]!, path })
      if (got.status !== 200 || !String(got.echo?.pod).startsWith('infra-backend-v1')) wrong.push(`${path}: ${got.status} ${got.echo?.pod}`)
    }
    return wrong
  }, { requests: true }),
  HTTPRouteRetryWithTimeouts: steps_(async ({ w, doors }) => {
    const wrong: string[] = []
    const rows = [['/retry/backend-request-timeout-200ms?responseCode=500&succeedAfter=2&delayRetry=1s', 200], ['/retry/backend-request-timeout-200ms?responseCode=500&succeedAfter=3&delayRetry=1s', 504], ['/retry/request-timeout-200ms?responseCode=500&succeedAfter=4', 200], ['/retry/request-timeout-200ms?responseCode=500&succeedAfter=4&delayRetry=100ms', 504]] as const
    for (const [path, status] of rows) {
      const got = await w.ask({ ...doors[0]!, path })
      if (got.status !== status) wrong.push(`${path}: ${got.status}, not ${status}`)
      await w.runner.runFor(2000)
    }
    return wrong
  }, { requests: true }),
  HTTPRouteBackendProtocolWebSocket: steps_(async ({ w, doors }) => {
    const answer = await w.run(async (p) => {
      const connection = await w.connect(p, doors[0]!)
      await connection.write(`GET /ws HTTP/1.1\r\nHost: ${doors[0]!.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
      const head = await connection.read()
      await connection.write('frame')
      const back = await connection.read()
      connection.close()
      return `${head?.split('\r\n')[0]} ${back}`
    })
    return answer === 'HTTP/1.1 101 Switching Protocols frame' ? [] : [answer]
  }, { requests: true }),
  GatewayModifyListeners: steps_(async ({ w }) => {
    const wrong: string[] = []
    const [add, remove] = ['gateway-add-listener', 'gateway-remove-listener']
    w.patch(kind('Gateway'), infra, add, { spec: { listeners: [...gateway(w, add).spec.listeners, { name: 'http', port: 80, protocol: 'HTTP', hostname: 'data.test.com', allowedRoutes: { namespaces: { from: 'All' } } }] } })
    w.patch(kind('Gateway'), infra, remove, { spec: { listeners: (gateway(w, remove).spec.listeners as Loose[]).filter((l) => l.name !== 'https') } })
    await w.runner.runFor(2000)
    expect(wrong, 'added', (gateway(w, add).status.listeners as Loose[]).map((l) => [l.name, l.attachedRoutes]), [['https', 1], ['http', 1]])
    expect(wrong, 'removed', (gateway(w, remove).status.listeners as Loose[]).map((l) => [l.name, l.attachedRoutes]), [['http', 1]])
    return wrong
  }),
  GatewayWithAttachedRoutes: steps_(async ({ w }) => {
    const wrong: string[] = []
    for (const [name, n] of [['gateway-with-one-attached-route', 1], ['gateway-with-two-attached-routes', 2], ['unresolved-gateway-with-one-attached-unresolved-route', 1]] as const) expect(wrong, name, gateway(w, name).status.listeners[0].attachedRoutes, n)
    return wrong
  }),
  BackendTLSPolicy: steps_(async ({ w, live }) => {
    const wrong: string[] = []
    const name = 'reconcile-test'
    const state = () => live().find((o) => o.kind === 'BackendTLSPolicy' && o.metadata.name === name)
    const validation = state().spec.validation
    const reasons = () => (state().status.ancestors[0].conditions as Loose[]).map((c) => c.reason as string)
    w.patch(kind('BackendTLSPolicy'), infra, name, { spec: { validation: { ...validation, caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'nonexistent' }] } } })
    await w.runner.runFor(1000)
    expect(wrong, 'without its authority', reasons(), ['NoValidCACertificate', 'InvalidCACertificateRef'])
    w.patch(kind('BackendTLSPolicy'), infra, name, { spec: { validation } })
    await w.runner.runFor(1000)
    expect(wrong, 'with it again', reasons(), ['Accepted', 'ResolvedRefs'])
    return wrong
  }, { covers: ['NoValidCACertificate', 'InvalidCACertificateRef'] }),
  GatewayNameMaximumLength: steps_(async ({ objects, live }) => (live().some((o) => o.kind === 'Gateway' && is(o, 'Programmed', 'True')) ? [] : [`not programmed: ${objects.map((o) => o.metadata.name).join()}`])),
  GatewayOptionalAddressValue: steps_(async ({ live }) => (live().some((o) => o.kind === 'Gateway' && is(o, 'Programmed', 'True') && o.status.addresses[0].type === 'IPAddress' && o.status.addresses[0].value !== '') ? [] : ['no address'])),
  GatewayInvalidTLSBackendConfiguration: steps_(async ({ w }) => {
    const wrong: string[] = []
    for (const name of ['nonexistent-secret', 'unsupported-group', 'unsupported-kind', 'malformed-secret', 'missing-reference-grant']) {
      const g = gateway(w, `gateway-client-certificate-${name}`)
      if (!is(g, 'ResolvedRefs', 'False', name === 'missing-reference-grant' ? 'RefNotPermitted' : 'InvalidClientCertificateRef') || !is(g, 'Accepted', 'True', 'Accepted')) wrong.push(`${name}: ${JSON.stringify(g.status.conditions)}`)
    }
    return wrong
  }),
  GatewayStaticAddresses: steps_(async ({ w }) => {
    const wrong: string[] = []
    const name = 'gateway-static-addresses'
    const state = () => gateway(w, name)
    const usable = w.usableAddress
    if (!is(state(), 'Accepted', 'False', 'UnsupportedAddress')) wrong.push(`of an unknown type: ${JSON.stringify(state().status.conditions)}`)
    w.patch(kind('Gateway'), infra, name, { spec: { addresses: [{ value: '198.51.100.1' }, { value: usable }] } })
    await w.runner.runFor(15_000)
    if (!is(state(), 'Accepted', 'True', 'Accepted') || !is(state(), 'Programmed', 'False', 'AddressNotUsable')) wrong.push(`unusable: ${JSON.stringify(state().status.conditions)}`)
    w.patch(kind('Gateway'), infra, name, { spec: { addresses: [{ value: usable }] } })
    await w.runner.runFor(15_000)
    if (!is(state(), 'Accepted', 'True', 'Accepted') || !is(state(), 'Programmed', 'True', 'Programmed')) wrong.push(`usable: ${JSON.stringify(state().status.conditions)}`)
    expect(wrong, 'addresses', state().status.addresses, [{ type: 'IPAddress', value: usable }])
    return wrong
  }, { covers: ['Gateway.Accepted', 'Gateway.Programmed'] }),
}
