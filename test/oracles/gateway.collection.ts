/**
 * The Gateway API's conformance cases (gateway-api/conformance): a case's objects are applied to a cluster that the gateway controller runs in; its
 * requests are sent to the case's Gateways, its conditions looked for on the objects of the kind that they name. Cases whose steps the recording does
 * not hold (they change objects, or loop over tables) have them in gateway-steps.ts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeObject } from '#engine/api/types.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'
import { steps } from './gateway-steps.ts'
import { GatewayWorld, infra } from './gateway-world.ts'
import type { Ask, Got } from './gateway-world.ts'

 
type Loose = any

export interface Case {
  readonly test: string
  readonly manifests: Readonly<Record<string, string>>
  readonly objects: Readonly<Record<string, unknown>>
  readonly requests: readonly Loose[]
  readonly conditions: readonly Loose[]
}

const file = 'oracles/gateway-api/conformance.json'
const group = 'gateway.networking.k8s.io'

let world: Promise<GatewayWorld> | undefined

/** A Go expression as far as it is plain: constants by their last word, `string(x)` as x. */
function plain(value: Loose): Loose {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if (value.$call === 'string') return plain(value.args[0])
  if ('$id' in value) return { id: value.$id as string }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
}

interface Wanted {
  readonly family: string
  readonly type: string
  readonly status: string
  /** '' and undefined: any. */
  readonly reason: string | undefined
}

const constant = (v: Loose, kind: 'Condition' | 'Reason') => {
  const name = typeof v === 'object' && v !== null ? (v.id as string).replace(/^.*\./, '') : String(v ?? '')
  const m = new RegExp(`^([A-Za-z]*?)${kind}([A-Z]\\w*)$`).exec(name)
  return m ? { family: m[1]!, name: m[2]! } : undefined
}

function wantedOf(c: Loose): Wanted | undefined {
  const type = constant(c.Type, 'Condition')
  if (!type) return undefined
  const status = (c.Status?.id ?? '').replace(/^.*Condition/, '')
  return { family: type.family, type: type.name, status, reason: constant(c.Reason, 'Reason')?.name }
}

/** Lists of conditions that stand on objects of a family, with their generation. */
function holders(objects: readonly Loose[], family: string): { readonly list: readonly Loose[]; readonly generation: number }[] {
  const out: { list: readonly Loose[]; generation: number }[] = []
  for (const o of objects) {
    const { generation } = o.metadata
    if (family === 'Gateway' && o.kind === 'Gateway') out.push({ list: o.status?.conditions ?? [], generation })
    if (family === 'GatewayClass' && o.kind === 'GatewayClass') out.push({ list: o.status?.conditions ?? [], generation })
    if (family === 'ListenerSet' && o.kind === 'ListenerSet') out.push({ list: o.status?.conditions ?? [], generation })
    if (family === 'Listener') for (const l of o.status?.listeners ?? []) out.push({ list: l.conditions, generation })
    if (family === 'Route') for (const p of o.kind.endsWith('Route') ? (o.status?.parents ?? []) : []) out.push({ list: p.conditions, generation })
    if (/Policy/.test(family)) for (const a of o.status?.ancestors ?? []) out.push({ list: a.conditions, generation })
  }
  return out
}

const meets = (have: readonly Loose[], w: Wanted) => have.some((c) => c.type === w.type && c.status === w.status && (!w.reason || c.reason === w.reason))

function missingConditions(item: Case, live: readonly Loose[]): string[] {
  const wrong: string[] = []
  for (const raw of plain(item.conditions) as Loose[]) {
    const groups = (Array.isArray(raw) ? raw : [raw]).map(wantedOf).filter((w): w is Wanted => w !== undefined)
    if (groups.length === 0) continue
    const have = holders(live, groups[0]!.family)
    if (!have.some((h) => groups.every((w) => meets(h.list, w)))) wrong.push(`condition ${groups.map((w) => `${w.family}.${w.type}=${w.status} ${w.reason ?? ''}`).join(' + ')} on ${JSON.stringify(have.map((h) => h.list.map((c) => `${c.type}=${c.status}/${c.reason}`)))}`)
  }
  return wrong
}

/** What the controllers wrote must be about the objects as they are. */
function staleConditions(live: readonly Loose[]): string[] {
  return live.flatMap((o) => ['Gateway', 'Listener', 'ListenerSet', 'Route', 'Policy'].flatMap((family) => holders([o], family)).flatMap((h) => h.list.filter((c) => c.observedGeneration !== h.generation).map((c) => `${o.kind} ${o.metadata.name}: ${c.type} is about generation ${c.observedGeneration}, not ${h.generation}`)))
}

export interface Door {
  readonly gateway: string
  readonly address: string
  readonly port: number
  readonly protocol: string
}

/** Doors of the Gateways that a case speaks of, those of `gwNN` first. */
export function doorsOf(w: GatewayWorld, item: Case, objects: readonly KubeObject[]): Door[] {
  const named = Object.values(item.objects).flatMap((v) => (typeof v === 'string' ? [v.replace('string(ns)', infra)] : []))
  const routes = objects.filter((o) => o.kind.endsWith('Route')) as Loose[]
  const parents = routes.flatMap((r) => ((r.spec.parentRefs ?? []) as Loose[]).map((p) => `${p.namespace ?? r.metadata.namespace}/${p.name}`))
  const own = objects.filter((o) => o.kind === 'Gateway').map((o) => `${o.metadata.namespace}/${o.metadata.name}`)
  const sets = (objects.filter((o) => o.kind === 'ListenerSet') as Loose[]).map((s) => `${s.spec.parentRef.namespace ?? s.metadata.namespace}/${s.spec.parentRef.name}`)
  const out: Door[] = []
  for (const key of new Set([...named, ...parents, ...own, ...sets])) {
    const [namespace, name] = key.split('/') as [string, string]
    const g = w.get({ apiVersion: `${group}/v1`, kind: 'Gateway' }, namespace, name)
    const address = g?.status?.addresses?.[0]?.value
    if (!address) continue
    for (const l of g.spec.listeners as Loose[]) if (!out.some((d) => d.gateway === key && d.port === l.port)) out.push({ gateway: key, address, port: l.port, protocol: l.protocol })
  }
  return out
}

const statusesOf = (r: Loose): number[] | undefined => r?.StatusCodes ?? (r?.StatusCode === undefined ? undefined : [r.StatusCode])
const resolved = (v: Loose): boolean => v === undefined || v === null || typeof v !== 'object' || (!('id' in v) && !('$expr' in v) && Object.values(v).every(resolved))

/** What an expected answer of the suite asks of a real one; undefined: fine. */
export function judge(want: Loose, ask: Ask, got: Got, scheme: string): string | undefined {
  const wanted = statusesOf(want.Response)
  if (!wanted && want.Backend === undefined && !want.RedirectRequest && !want.Response && !want.ExpectedRequest) return got.failed !== undefined || got.status >= 400 ? undefined : `answered ${got.status}`
  if (got.failed !== undefined) return got.failed
  if (!(wanted ?? [200]).includes(got.status)) return `status ${got.status}, not ${(wanted ?? [200]).join(' or ')}`
  for (const [k, v] of Object.entries((want.Response?.Headers ?? {}) as Record<string, string>)) if (got.headers.get(k.toLowerCase()) !== v) return `header ${k} is ${got.headers.get(k.toLowerCase())}, not ${v}`
  const bare = (v: string | undefined) => (want.Response?.IgnoreWhitespace ? v?.replace(/\s+/g, '') : v)
  for (const [k, list] of Object.entries((want.Response?.ValidHeaderValues ?? {}) as Record<string, string[]>)) if (!list.map(bare).includes(bare(got.headers.get(k.toLowerCase())))) return `header ${k} is ${got.headers.get(k.toLowerCase())}, none of ${list.join(' | ')}`
  for (const k of (want.Response?.AbsentHeaders ?? []) as string[]) if (got.headers.has(k.toLowerCase())) return `header ${k} is there`
  if (want.RedirectRequest) {
    const location = /^(\w+):\/\/([^/:]+)(?::(\d+))?(\/[^?]*)?/.exec(got.headers.get('location') ?? '')
    const expected = want.RedirectRequest
    const checks: [string, string | undefined, string | undefined][] = [['scheme', expected.Scheme ?? scheme, location?.[1]], ['host', expected.Host, location?.[2]], ['port', expected.Port ?? (expected.Host !== undefined || expected.Scheme !== undefined ? '' : undefined), location?.[3] ?? ''], ['path', expected.Path ?? (ask.path ?? '/').split('?')[0], location?.[4]]]
    for (const [what, e, h] of checks) if (e !== undefined && e !== h) return `redirect ${what} ${h}, not ${e} (${got.headers.get('location')})`
    return undefined
  }
  if (got.status !== 200 || !got.echo) return undefined
  const expected = want.ExpectedRequest?.Request ?? {}
  if (want.Backend !== undefined && want.Backend !== '' && !String(got.echo.pod).startsWith(want.Backend)) return `answered by ${got.echo.pod}, not ${want.Backend}`
  if (want.Namespace && got.echo.namespace !== want.Namespace) return `from namespace ${got.echo.namespace}`
  if (ask.grpc) return undefined
  const path = expected.Path ?? want.Request?.Path
  if (path !== undefined && got.echo.path !== path) return `backend saw path ${got.echo.path}, not ${path}`
  if (expected.Host !== undefined && expected.Host !== '' && got.echo.host !== expected.Host) return `backend saw host ${got.echo.host}, not ${expected.Host}`
  const seen = new Map(Object.entries((got.echo.headers ?? {}) as Record<string, string[]>).map(([k, v]) => [k.toLowerCase(), v.join(',')]))
  for (const [k, v] of Object.entries((expected.Headers ?? {}) as Record<string, string>)) if (seen.get(k.toLowerCase()) !== v) return `backend saw ${k}: ${seen.get(k.toLowerCase())}, not ${v}`
  for (const k of (want.ExpectedRequest?.AbsentHeaders ?? []) as string[]) if (seen.has(k.toLowerCase())) return `backend saw ${k}`
  if (expected.SNI && got.echo.tls?.serverName !== expected.SNI) return `backend saw server name ${got.echo.tls?.serverName}`
  return undefined
}

function askOf(want: Loose, door: Door, client: string | undefined): Ask {
  const r = want.Request ?? {}
  const tls = door.protocol === 'HTTPS' || door.protocol === 'TLS'
  const headers: Record<string, string> = { ...r.Headers }
  const set = want.BackendSetResponseHeaders as Record<string, string> | undefined
  if (set) headers['X-Echo-Set-Header'] = Object.entries(set).map(([k, v]) => `${k}:${v}`).join(',')
  const host = r.Host || undefined
  return {
    address: door.address, port: door.port, ...(host !== undefined && { host }), method: r.Method || 'GET', path: r.Path ?? '/', headers, http2: /^(H2|HTTP\/2)/.test(r.Protocol ?? ''),
    ...(tls && { sni: (r.SNI ?? host ?? 'example.org').replace(/:\d+$/, '') }), ...(client !== undefined && { client }),
  }
}

/** One expected answer: some door of the case must give it (the recording does not say which it was asked of). */
async function tryRequest(w: GatewayWorld, item: Case, doors: readonly Door[], want: Loose): Promise<string | undefined> {
  const clients = [undefined, ...Object.entries(item.objects).flatMap(([k, v]) => (/^client/.test(k) && typeof v === 'string' ? [v] : []))]
  const notes: string[] = []
  const note = (text: string) => void (notes.length < 6 && notes.push(text))
  if (want.EchoRequest || want.EchoTwoRequest || want.EchoThreeRequest) {
    const method = want.EchoRequest ? 'Echo' : want.EchoTwoRequest ? 'EchoTwo' : 'EchoThree'
    for (const door of doors.filter((d) => /^HTTP/.test(d.protocol))) {
      const meta = want.RequestMetadata ?? {}
      const ask: Ask = { address: door.address, port: door.port, method: 'POST', path: `/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/${method}`, grpc: true, headers: { 'Content-Type': 'application/grpc', ...meta.Metadata }, ...(meta.Authority && { host: meta.Authority }), ...(door.protocol === 'HTTPS' && { sni: meta.Authority ?? 'example.org' }) }
      const got = await w.ask(ask)
      const code = got.headers.get('grpc-status')
      const codes: Record<string, string> = { OK: '0', Unknown: '2', Unimplemented: '12', Unavailable: '14', Internal: '13' }
      const named = (want.Response?.Code?.id as string | undefined)?.replace(/^codes\./, '')
      const expected = named ? codes[named] : want.Backend === undefined ? undefined : '0'
      if (expected === undefined ? code !== '0' : code === expected && (expected !== '0' || judge({ ...want, Request: {} }, ask, got, 'http') === undefined)) return undefined
      note(`${door.gateway}:${door.port}: grpc-status ${code} ${got.echo?.pod ?? got.failed ?? ''}`)
    }
    return notes.join('; ')
  }
  const http = want.Request !== undefined
  for (const door of doors.filter((d) => (http ? d.protocol !== 'UDP' && d.protocol !== 'TCP' : d.protocol === 'TCP' || d.protocol === 'TLS' || d.protocol === 'UDP'))) {
    if (!http) {
      const answer = door.protocol === 'UDP' ? await w.datagram(door.address, door.port, 'hello\n') : await w.talk({ address: door.address, port: door.port, ...(door.protocol === 'TLS' && { sni: (want.Hostname as string | undefined) ?? 'abc.example.com' }) }, 'hello\n')
      const pod = answer === undefined ? undefined : (JSON.parse(answer) as { pod: string }).pod
      const backend = want.Backend ?? want.Service
      if (typeof backend === 'string' ? pod?.startsWith(backend) : pod !== undefined) return undefined
      note(`${door.gateway}:${door.port}: ${pod}`)
      continue
    }
    for (const client of door.protocol === 'HTTPS' ? clients : [undefined]) {
      const ask = askOf(want, door, client)
      const got = await w.ask(ask)
      let problem = judge(want, ask, got, door.protocol === 'HTTPS' ? 'https' : 'http')
      for (const m of (problem === undefined ? (want.MirroredTo ?? []) : []) as Loose[]) {
        const to = m.BackendRef ?? m
        if (m.Percent === undefined && (await w.echoed(to.Namespace, to.Name, ask.path ?? '/')) === 0) problem = `no copy at ${to.Name}`
      }
      if (problem === undefined) return undefined
      note(`${door.gateway}:${door.port}: ${problem}`)
    }
  }
  return notes.length === 0 ? 'no door' : notes.join('; ')
}

/** `"/x-" + policyNN.Name`: one text for each object of that kind. */
function expansions(want: Loose, objects: readonly KubeObject[]): Loose[] {
  const path = want.Request?.Path
  const m = typeof path === 'object' && path !== null && '$expr' in path ? /^"([^"]*)" \+ (\w+?)NN\.Name$/.exec(path.$expr as string) : undefined
  if (!m) return [want]
  const kinds: Record<string, RegExp> = { policy: /Policy$/, route: /Route$/, gw: /^Gateway$/ }
  return objects.filter((o) => (kinds[m[2]!] ?? /^$/).test(o.kind)).map((o) => ({ ...want, Request: { ...want.Request, Path: m[1]! + o.metadata.name } }))
}

async function run(item: Case, shared: { readonly base: string }): Promise<Outcome> {
  world ??= GatewayWorld.begin(shared.base)
  const w = await world
  const wrong: string[] = []
  const objects: KubeObject[] = []
  for (const text of Object.values(item.manifests)) objects.push(...(await w.apply(text)))
  const own = objects.filter((o) => o.kind === 'Gateway').map((o) => ({ namespace: o.metadata.namespace!, name: o.metadata.name }))
  await w.settle(own)
  const live = () => [...objects.map((o) => w.get(o, o.metadata.namespace ?? '', o.metadata.name)).filter((o) => o !== undefined), ...Object.values(item.objects).flatMap((v) => (typeof v === 'string' && v.startsWith(infra) ? (w.get({ apiVersion: `${group}/v1`, kind: 'Gateway' }, infra, v.split('/')[1]!) ?? []) : []))] as Loose[]
  try {
    const special = steps[item.test]
    const before = missingConditions(item, live())
    if (special) wrong.push(...(await special({ w, item, objects, doors: doorsOf(w, item, objects), live })))
    const after = before.length > 0 && special ? missingConditions(item, live()) : before
    // A case that changes objects shows some conditions before, some after.
    wrong.push(...after.filter((line) => before.some((b) => b.split(' on ')[0] === line.split(' on ')[0]) && !(special?.covers ?? []).some((c) => line.includes(c))))
    wrong.push(...staleConditions(special?.stale ? [] : live()))
    if (!special?.requests) {
      const doors = doorsOf(w, item, objects)
      for (const raw of item.requests) {
        for (const want of expansions(raw, objects)) {
          const p = plain(want)
          if (!resolved(p.Request) || !resolved(p.Response?.StatusCode) || (p.Response?.StatusCodes ?? []).some((s: Loose) => !resolved(s))) continue
          const problem = await tryRequest(w, item, doors, { ...p, ...(resolved(p.Backend) ? {} : { Backend: '' }) })
          if (problem !== undefined) wrong.push(`${JSON.stringify(want).slice(0, 200)}: ${problem}`)
        }
      }
    }
  } finally {
    await w.remove(objects)
  }
  return wrong.length === 0 ? { result: 'passed' } : { result: 'failed', expected: 'the case as the suite has it', actual: wrong.slice(0, 12).join('\n') }
}

let base = ''

export const collections = [
  collection<Case>({
    name: 'gateway-api/conformance',
    needs: [file],
    load: (shared) => {
      const data = JSON.parse(readFileSync(join(shared, file), 'utf8')) as { base_manifests: string; tests: Case[] }
      base = data.base_manifests
      return data.tests
    },
    id: (item) => item.test,
    run: (item) => run(item, { base }),
  }),
]
