/**
 * End-to-end cases of the ingress controller's project (ingress/annotations): settings, flags, Ingresses, then requests to the real controller and lines of its
 * nginx.conf. The recording is extracted by machine: set-up that a file does before every case is in `before`; what a test function resets at its end stands beside what
 * it sets, so of settings in a row the first counts; whether a line must be in nginx.conf or must not is lost, so lines of cases whose title denies something may do either.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'
import { IngressWorld, namespace } from './ingress-world.ts'
import type { Reply } from './ingress-world.ts'

 
type Loose = any

interface Case {
  readonly title: string
  readonly steps: readonly Loose[]
}

interface Row {
  readonly id: string
  readonly file: string
  readonly case: Case
}

const file = 'oracles/ingress/ingress-nginx-e2e.json'
const prefix = 'nginx.ingress.kubernetes.io/'
const ingressFor = (host: string, path = '/', annotations: Record<string, string> = {}) => ({ create_ingress: { kind: 'NewSingleIngress', name: host, host, path, service: 'http-svc', port: 80, annotations } })
const global = (url: string) => ({ configmap: ['global-auth-url', url] })
const judge = 'http://httpbun-service.$NS.svc.cluster.local:80/status/401'

/** What the files' BeforeEach functions do. Variables of theirs that rows use stand in `names`. */
const before: Readonly<Record<string, { readonly steps?: readonly Loose[]; readonly names?: Readonly<Record<string, string>> }>> = {
  'global_access_block.go': { steps: [ingressFor('global-access-block')], names: { host: 'global-access-block' } },
  'log-format.go': { steps: [ingressFor('log-format')], names: { host: 'log-format' } },
  'metrics.go': { steps: [ingressFor('foo.com')], names: { host: 'foo.com', wildcardHost: 'wildcard.foo.com' } },
  'global_external_auth.go': { steps: [global(judge), ingressFor('global-external-auth', '/foo'), { create_ingress: { kind: 'NewSingleIngress', name: 'bar-ingress', host: 'global-external-auth', path: '/bar', service: 'http-svc', port: 80, annotations: {} } }], names: { globalExternalAuthCacheKeySetting: 'global-auth-cache-key', globalExternalAuthCacheDurationSetting: 'global-auth-cache-duration', globalExternalAuthURLSetting: 'global-auth-url', host: 'global-external-auth', fooPath: '/foo', barPath: '/bar', noAuthSetting: 'no-auth-locations', noAuthLocations: '/bar' } },
  'canary.go': { names: { grpc: 'foo' } },
  'multi_accept.go': { names: { multiAccept: 'enable-multi-accept' } },
  'enable_real_ip.go': { names: { setting: 'enable-real-ip' } },
  'forwarded_headers.go': { names: { setting: 'use-forwarded-headers' } },
  'proxy_protocol.go': { names: { setting: 'use-proxy-protocol' } },
  'no_auth_locations.go': {
    steps: [{ configmap: ['no-auth-locations', '/noauth'] }, { secret: ['no-auth-locations', 'foo:{PLAIN}bar'] }, { create_ingress: { kind: 'NewSingleIngress', name: 'no-auth-locations', host: 'no-auth-locations', path: '/', service: 'http-svc', port: 80, annotations: { [`${prefix}auth-type`]: 'basic', [`${prefix}auth-secret`]: 'no-auth-locations', [`${prefix}auth-realm`]: 'test auth' } } }],
    names: { host: 'no-auth-locations', username: 'foo', password: 'bar' },
  },
  'longname.go': { names: { host: 'longsvcname.foo.com', name: 'a'.repeat(63) } },
  'proxy_next_upstream.go': { names: { host: 'proxy-next-upstream.com' } },
  'proxy_send_timeout.go': { names: { host: 'proxy-send-timeouts.com' } },
}

const settings = (...data: Record<string, string>[]) => data.map((d) => ({ configmap: [d] }))
const snippets = settings({ 'allow-snippet-annotations': 'true', 'annotations-risk-level': 'Critical' })
const telemetry = (more: Record<string, string>) => settings({ 'enable-opentelemetry': 'true', 'otlp-collector-host': 'otel-collector', ...more })
const toService = (host: string, service: string) => ({ create_ingress: { kind: 'NewSingleIngress', name: host, host, path: '/', service, port: 80, annotations: {} } })

/** The same for single cases: calls of the suite that the recording does not hold, or holds as variables. */
const beforeCase: Readonly<Record<string, readonly Loose[]>> = {
  'fastcgi-2': [{ put: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'fastcgi-configmap', namespace }, data: { SCRIPT_FILENAME: '$fastcgi_script_name', REDIRECT_STATUS: '200' } } }],
  'custom_default_backend-0': [{ backend: ['echo', 80] }, { args: [`--default-backend-service=${namespace}/echo`] }], 'disable_catch_all-0': [{ args: ['--disable-catch-all=true'] }], 'disable_catch_all-1': [{ args: ['--disable-catch-all=true'] }], 'disable_catch_all-3': [{ args: ['--disable-catch-all=true'] }],
  'ingress_class-7': [{ args: ['--ingress-class=testclass'] }], 'ingress_class-8': [{ args: ['--ingress-class=testclass', '--watch-ingress-without-class=true'] }], 'ingress_class-10': [{ args: ['--ingress-class=testclass'] }], 'http_redirect-0': [{ create_ingress: { kind: 'NewSingleIngressWithTLS', name: 'redirect', host: 'redirect.com', path: '/', tlsHosts: ['redirect.com'], service: 'http-svc', port: 80, annotations: {} } }], 'service_backend-0': [toService('nonexistent.svc.com', 'nonexistent')], 'service_backend-1': [toService('unavailable.svc.com', 'unavailable')],
  'opentelemetry-0': settings({ 'enable-opentelemetry': 'false' }), 'opentelemetry-1': telemetry({}), 'opentelemetry-2': telemetry({ 'opentelemetry-trust-incoming-span': 'true' }), 'opentelemetry-3': telemetry({ 'opentelemetry-operation-name': '' }), 'opentelemetry-4': telemetry({ 'opentelemetry-operation-name': 'HTTP $request_method $uri' }),
  'proxy_protocol-4': settings({ 'use-proxy-protocol': 'true', 'use-forwarded-headers': 'false' }), 'proxy_protocol-5': settings({ 'use-proxy-protocol': 'true', 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '0.0.0.0/0' }), 'global_external_auth-2': [{ update_ingress: { kind: 'NewSingleIngress', name: 'bar-ingress', host: 'global-external-auth', path: '/bar', service: 'http-svc', port: 80, annotations: { [`${prefix}enable-global-auth`]: 'false' } } }], 'with_hosts-0': [{ create_ingress: { kind: 'NewSingleIngress', name: 'with-hosts', host: 'foo.com', path: '/', service: 'echo', port: 80, annotations: { [`${prefix}proxy-buffer-size`]: '8k' } } }],
}

/** Cases whose classes, objects or later changes are not in the recording. */
const unrecorded = new Set(['global_external_auth-9', 'global_external_auth-10', 'global_external_auth-11', 'disable_catch_all-2', 'service_nil_backend-0', ...[4, 5, 11].map((n) => `ingress_class-${n}`)])

/** Classes that test functions give to Ingresses, by host; null takes the class away. */
const classes: Readonly<Record<string, Readonly<Record<string, string | null>>>> = { 'ingress_class-1': { 'foo-1': 'otherclass' }, 'ingress_class-3': { 'foo-invalid': null }, 'ingress_class-7': { bar: null, foobar123: 'testclass' }, 'ingress_class-8': { bar: null } }

const denies = /\bnot\b|disable|drops?\b|ignore|without|delete|remove|default|only|when class|watch|correct|accept|respect|until|serve|admin/i

let world: Promise<IngressWorld> | undefined

/** Constants and variables of the suite; undefined where a value cannot be known. */
function plain(value: Loose, names: Readonly<Record<string, string>>): Loose {
  // The recording took another file's constant for the host of three cases.
  if (value === 'grpc' && names['grpc'] !== undefined) return names['grpc']
  if (typeof value === 'string') return value.replaceAll('$NS', namespace)
  if (Array.isArray(value)) return value.map((v) => plain(v, names))
  if (typeof value !== 'object' || value === null) return value
  const known: Record<string, string> = { ...names, 'framework.EchoService': 'echo', 'framework.SlowEchoService': 'slow-echo', 'framework.HTTPBunService': 'httpbun-service', 'ingressclass.DefaultAnnotationValue': 'nginx', 'http.MethodGet': 'GET', affinityCookieName: 'aff_cookie_name', canaryIngName: 'canary-ing' }
  if ('$id' in value) return known[value.$id as string]
  if ('$expr' in value) {
    const m = /^f\.Namespace \+ "([^"]*)"$/.exec(value.$expr as string)
    return m ? namespace + m[1] : undefined
  }
  if ('$call' in value) return value.$call === 'make' ? {} : undefined
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k === 'ingressclass.IngressKey' ? 'kubernetes.io/ingress.class' : k, plain(v, names)]))
}

function ingressOf(c: Loose, pathType: string): KubeObject | undefined {
  const [kind, args] = [c.kind as string, (c.args ?? []) as Loose[]]
  const backend = (service: string, port: number) => ({ service: { name: service, port: { number: port } } })
  const one = (host: string, paths: readonly string[], service: string, port: number) => ({ host, http: { paths: paths.map((path) => ({ path, pathType, backend: backend(service, port) })) } })
  const made = (name: string, annotations: Loose, spec: Loose): KubeObject | undefined => {
    const list = Object.entries(annotations ?? {})
    if (typeof name !== 'string' || list.some(([, v]) => typeof v !== 'string')) return undefined
    const classed = list.some(([k]) => k === 'kubernetes.io/ingress.class')
    return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: name.toLowerCase(), namespace, ...(list.length > 0 && { annotations: Object.fromEntries(list) as Record<string, string> }) }, spec: { ...(!classed && { ingressClassName: 'nginx' }), ...spec } } as KubeObject
  }
  if (kind === 'NewSingleIngressWithMultiplePaths') return made(args[0], args[6], { rules: [one(args[2], args[1], args[4], args[5])] })
  if (kind === 'NewSingleIngressWithBackendAndRules') return made(args[0], args[8], { defaultBackend: backend(args[4], args[5]), rules: [one(args[2], [args[1]], args[6], args[7])] })
  if (kind === 'NewSingleCatchAllIngress') return typeof c.service === 'string' ? made(c.name, c.annotations, { defaultBackend: backend(c.service, c.port) }) : undefined
  if (typeof c.host !== 'string' || typeof c.service !== 'string' || typeof c.path !== 'string') return undefined
  return made(c.name, c.annotations, { ...(c.tlsHosts && { tls: [{ hosts: c.tlsHosts, secretName: c.name }] }), rules: [one(c.host, [c.path], c.service, c.port)] })
}

/** The suite compares with white space taken together; backslashes suffered in the recording. */
const flat = (text: string) => text.replaceAll('\\', '').split(/\s+/).join(' ').trim()

interface Check {
  readonly lines: readonly string[]
  readonly ready: boolean
}

function judgeReply(step: Loose, reply: Reply): string[] {
  const wrong: string[] = []
  let [subject, header] = ['status', '']
  const values = (name: string) => reply.headers.get(name.toLowerCase()) ?? []
  const location = (text: string) => text.replace(/^(https?:\/\/[^/]+)$/, '$1')
  for (const [what, ...args] of (step.expect ?? []) as Loose[][]) {
    const fail = () => wrong.push(`${step.request.method} ${step.request.headers.Host ?? ''}${step.request.path}: ${String(what)} ${JSON.stringify(args)}, got ${reply.status} ${JSON.stringify([...reply.headers])} ${reply.body.slice(0, 120)}`)
    if (what === 'Status' && typeof args[0] === 'number' && args[0] !== reply.status) fail()
    else if (what === 'Body' || what === 'Headers') subject = what
    else if (what === 'Header') [subject, header] = ['Header', String(args[0])]
    else if (what === 'ContainsKey' && values(args[0]).length === 0) fail()
    else if (what === 'NotContainsKey' && values(args[0]).length > 0) fail()
    else if (what === 'ValueEqual' && JSON.stringify(args[1]) !== JSON.stringify(values(args[0]))) fail()
    else if (what === 'Equal' && subject === 'Header' && location(values(header)[0] ?? '') !== args[0]) fail()
    else if (what === 'Contains' && typeof args[0] === 'string' && (subject === 'Header' ? !values(header).join().includes(args[0]) : !said(reply, args[0]))) fail()
    else if (what === 'NotContains' && typeof args[0] === 'string' && subject === 'Body' && said(reply, args[0])) fail()
  }
  return wrong
}

/** The suite's echo servers write `key=value` where ours writes JSON. */
function said(reply: Reply, text: string): boolean {
  if (reply.body.includes(text)) return true
  const m = /^([\w-]+)=(.*)$/s.exec(text)
  if (!m) return false
  try {
    const echo = JSON.parse(reply.body)
    return (echo.headers?.[m[1]!.toLowerCase()] ?? echo[m[1]!.toLowerCase()]) === m[2]
  } catch {
    return false
  }
}

async function run(row: Row): Promise<Outcome> {
  const names = before[row.file]?.names ?? {}
  const steps = [...(before[row.file]?.steps ?? []), ...(beforeCase[row.id] ?? []), ...(/-snippet"/.test(JSON.stringify(row.case.steps)) && !/annotations-risk-level|allow-snippet/.test(JSON.stringify(row.case.steps)) ? snippets : []), { begin: true }, ...row.case.steps]
  if (!row.case.steps.some((s) => s.nginx_conf_contains || s.expect)) return { result: 'skipped', reason: 'the recording holds no expectation' }
  if (unrecorded.has(row.id)) return { result: 'skipped', reason: 'what the case does with classes or objects is not in the recording' }
  if (steps.some((s) => s.ingress_unresolved) && !beforeCase[row.id]) return { result: 'skipped', reason: 'an Ingress of the case is not in the recording' }
  world ??= IngressWorld.begin()
  const w = await world
  if (row.file === 'global_external_auth.go') await w.backend('httpbun-service', 80)
  const data: Record<string, string> = {}
  let fresh = new Set<string>()
  const wrong: string[] = []
  const unknown: string[] = []
  const made: string[] = []
  const checks: Check[] = []
  let pathType = 'Prefix'
  let last = ''
  let cookie = ''
  const settle = async () => {
    w.configure(data)
    await w.runner.runFor(2500)
  }
  try {
    await w.flags([])
    for (const raw of steps) {
      const step = plain(raw, names)
      const kind = Object.keys(raw)[0]!
      if (kind === 'configmap') {
        if (last !== 'configmap') fresh = new Set()
        const [a, b] = step.configmap as Loose[]
        const rows = typeof a === 'string' ? (typeof b === 'string' ? [[a, b] as const] : []) : Array.isArray(a) || a === undefined ? [] : Object.entries(a as Record<string, string>)
        if (rows.length === 0 && !beforeCase[row.id]) unknown.push('settings')
        for (const [key, v] of rows) {
          const k = names[key] ?? key
          if (typeof v !== 'string' || fresh.has(k)) continue
          fresh.add(k)
          data[k] = v
        }
      } else if (kind === 'secret') w.put({ apiVersion: 'v1', kind: 'Secret', metadata: { name: step.secret[0], namespace }, data: { auth: toBase64(step.secret[1]) } } as KubeObject)
      else if (kind === 'put') w.put(step.put as KubeObject)
      else if (kind === 'backend') await w.backend(step.backend[0], step.backend[1])
      else if (kind === 'pathType') pathType = step.pathType
      else if (kind === 'args') {
        if ((step.args as Loose[]).some((x) => typeof x !== 'string')) unknown.push('flags')
        else await w.flags(step.args)
      } else if (kind === 'create_ingress' || kind === 'update_ingress') {
        const object = ingressOf(step[kind], pathType)
        if (!object) {
          unknown.push('an Ingress')
          continue
        }
        const own = classes[row.id]?.[step[kind].host as string]
        if (own !== undefined) (object['spec'] as Loose).ingressClassName = own ?? undefined
        const services = JSON.stringify(object).matchAll(/"service":\{"name":"([^"]+)","port":\{"number":(\d+)\}\}/g)
        for (const m of services) if (!/^(nonexistent|unavailable)$/.test(m[1]!)) await w.backend(m[1]!, Number(m[2]))
        if (object.metadata.annotations?.[`${prefix}custom-headers`] && data['global-allowed-response-headers']) w.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'custom-headers', namespace }, data: { 'My-Custom-Header': '42', 'My-Custom-Header-Dollar': '$remote_addr' } } as KubeObject)
        const refused = w.put(object)
        if (refused) wrong.push(refused)
        made.push(object.metadata.name)
        pathType = 'Prefix'
        await w.runner.runFor(1100)
      } else if (kind === 'nginx_conf_contains') {
        await settle()
        const conf = await w.conf()
        checks.push({ lines: ((Array.isArray(step.nginx_conf_contains) ? step.nginx_conf_contains : [step.nginx_conf_contains]) as Loose[]).filter((l) => typeof l === 'string' && !flat(conf).includes(flat(l))), ready: true })
      } else if (kind === 'request') {
        if (last !== 'request') await settle()
        const r = step.request
        if (typeof r.path !== 'string' || Object.values(r.headers ?? {}).some((v) => typeof v !== 'string')) {
          unknown.push('a request')
          continue
        }
        if (r.WithURL && !JSON.stringify(raw.request.WithURL).includes('framework.HTTPS')) {
          unknown.push('a port')
          continue
        }
        const headers: Record<string, string> = { ...r.headers, ...(r.WithCookie && typeof r.WithCookie[0] === 'string' && { Cookie: `${r.WithCookie[0]}=${typeof r.WithCookie[1] === 'string' ? r.WithCookie[1] : cookie}` }), ...(r.WithBasicAuth && { Authorization: `Basic ${toBase64(r.WithBasicAuth.join(':'))}` }) }
        const reply = await w.ask({ method: r.method, path: r.path, headers, secure: r.WithURL !== undefined })
        cookie = /=([^;]*)/.exec(reply.headers.get('set-cookie')?.[0] ?? '')?.[1] ?? cookie
        wrong.push(...judgeReply({ ...step, request: r }, reply))
      }
      last = kind
    }
  } finally {
    for (const name of new Set(made)) w.remove('Ingress', name)
    w.configure({})
    await w.runner.runFor(1500)
  }
  const gone = new Set(row.case.steps.filter((s) => s.expect?.some((e: Loose[]) => e[0] === 'Status' && e[1] === 404)).map((s) => s.request.headers?.Host as string))
  for (const { lines } of checks) {
    const missing = lines.filter((l) => !gone.has(/^server_name "(.*)"$/.exec(l)?.[1] ?? ''))
    if (missing.length > 0 && !denies.test(row.case.title)) wrong.push(...missing.map((l) => `not in nginx.conf: ${l}`))
  }
  if (unknown.length > 0) return wrong.length === 0 ? { result: 'skipped', reason: `not in the recording: ${[...new Set(unknown)].join(', ')}` } : { result: 'skipped', reason: `not in the recording: ${[...new Set(unknown)].join(', ')}` }
  return wrong.length === 0 ? { result: 'passed' } : { result: 'failed', expected: row.case.title, actual: wrong.slice(0, 10).join('\n') }
}

export const collections = [
  collection<Row>({
    name: 'ingress/annotations',
    needs: [file],
    load: (shared) => (JSON.parse(readFileSync(join(shared, file), 'utf8')) as { files: { file: string; cases: Case[] }[] }).files.flatMap((f) => f.cases.map((c, i) => ({ id: `${f.file.replace(/^.*\/|\.go$/g, '')}-${i}`, file: f.file.replace(/^.*\//, ''), case: c }))),
    id: (row) => row.id,
    run,
  }),
]
