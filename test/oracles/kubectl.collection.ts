/** kubectl's own public cases: jsonpath, describe texts, table rows. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeBytes, toBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { tables } from '#engine/kinds/tables/all.ts'
import { ApiError } from '#programs/kubectl/cli/errors.ts'
import type { Invocation } from '#programs/kubectl/cli/invocation.ts'
import { describers } from '#programs/kubectl/describe/describe.ts'
import { content } from '#programs/kubectl/describe/generic.ts'
import { annotationLines, DescribeWriter } from '#programs/kubectl/describe/writer.ts'
import { JsonPath, JsonPathError } from '#programs/kubectl/print/jsonpath.ts'
import { collection, type Collection, type Outcome } from './collection.ts'

interface PathCase {
  readonly test: string
  readonly name: string
  readonly template: string
  readonly data: string
  readonly allowMissingKeys: boolean
  readonly sortOutput?: boolean
  readonly expect?: string
  readonly expectErr?: boolean
  readonly expectError?: string
  value: unknown
}

/** JSON inside texts compared as JSON: the order and (Go field names against their tags) case of keys is not the template's doing. */
function comparable(text: string, sort: boolean): string {
  try {
    return JSON.stringify(sorted(JSON.parse(text)))
  } catch {
    // templates around JSON, or several values: part by part
  }
  const normal = text.replace(/[{[][^ ]*[}\]]/g, (part) => {
    try {
      return JSON.stringify(sorted(JSON.parse(part)))
    } catch {
      return part
    }
  })
  return sort ? normal.split(' ').sort().join(' ') : normal
}
function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted)
  if (typeof v !== 'object' || v === null) return v
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k.toLowerCase(), sorted(x)] as const).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function runPath(item: PathCase): Outcome {
  try {
    const actual = new JsonPath(item.template, { allowMissingKeys: item.allowMissingKeys }).execute(item.value)
    const expected = item.expect ?? `an error: ${item.expectError ?? ''}`
    if (item.expectError === undefined && !item.expectErr && comparable(actual, item.sortOutput ?? false) === comparable(expected, item.sortOutput ?? false)) return { result: 'passed' }
    return { result: 'failed', expected, actual }
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error
    if (item.expectErr === true || error.message === item.expectError) return { result: 'passed' }
    return { result: 'failed', expected: item.expect ?? item.expectError ?? '', actual: `error: ${error.message}` }
  }
}

const jsonpath: Collection<PathCase> = {
  name: 'kubectl/jsonpath',
  needs: ['oracles/kubectl/jsonpath-cases.json'],
  load(shared) {
    const file = JSON.parse(readFileSync(join(shared, 'oracles/kubectl/jsonpath-cases.json'), 'utf8')) as { data: Record<string, unknown>; cases: PathCase[] }
    return file.cases.map((c) => ({ ...c, value: file.data[c.data] ?? null }))
  },
  id: (item) => `${item.test}/${item.name}`,
  run: runPath,
}

// describe

type Json = unknown
interface DescribeCase {
  readonly id: string
  readonly expected: string
  actual(): Promise<string>
  /** The golden is the beginning of the text. */
  readonly prefix?: boolean
}

/** Names that the Go tests refer to, with the values that they have there. */
const backendV1 = { service: { name: 'default-backend', port: { number: 80 } } }
const known: Record<string, Json> = {
  ingresClassName: 'test', backendV1, backendResource: { resource: { apiGroup: 'example.com', kind: 'foo', name: 'bar' } }, backendResourceNoAPIGroup: { resource: { kind: 'foo', name: 'bar' } },
  port80: 80, port82: 82, protoTCP: 'TCP', protocolTCP: 'TCP', expectedTime: '2017-06-05T04:45:56Z', 'testCase.data': {}, 'networkingv1.PolicyTypeIngress': 'Ingress', 'networkingv1.PolicyTypeEgress': 'Egress', 'discoveryv1.AddressTypeIPv4': 'IPv4',
  netv1: { metadata: { name: 'bar', namespace: 'foo' }, spec: { ingressClassName: 'test', rules: [{ host: 'foo.bar.com', http: { paths: [{ path: '/foo', backend: backendV1 }] } }] } },
}
const renamed: Record<string, string> = { ObjectMeta: 'metadata', HTTP: 'http', IPBlock: 'ipBlock', CIDR: 'cidr', CIDRs: 'cidrs' }

/** A Go literal as JSON: fields by their tags, embedded structs flattened, identifiers resolved. */
function fromGo(value: Json): Json {
  if (Array.isArray(value)) return value.map(fromGo)
  if (typeof value !== 'object' || value === null) return value
  const object = value as Record<string, Json>
  if (typeof object['$id'] === 'string') return known[object['$id']]
  if (object['$call'] !== undefined) return fromGo((object['args'] as Json[])[0])
  const out: Record<string, Json> = {}
  for (const [key, v] of Object.entries(object)) {
    if (key === '$t') continue
    if (key === 'IngressRuleValue') Object.assign(out, fromGo(v) as object)
    else if (['MatchLabels', 'Data'].includes(key)) out[renamed[key] ?? key[0]!.toLowerCase() + key.slice(1)] = typeof v === 'object' && v !== null && '$id' in v ? fromGo(v) : v
    else if (key === 'BinaryData') out['binaryData'] = Object.fromEntries(Object.entries(v as Record<string, number[]>).map(([k, bytes]) => [k, toBase64(decodeBytes(bytes))]))
    else if (/^[A-Z]/.test(key)) out[renamed[key] ?? key[0]!.toLowerCase() + key.slice(1)] = fromGo(v)
    else out[key] = fromGo(v)
  }
  return out
}

/** A client for whom every object is missing. */
const emptyRun = {
  process: { now: () => 0 },
  rest: {
    json: (_method: string, path: string) => {
      const [, , , , resource, name] = path.split('/').slice(0)
      const [kind, object] = path.includes('/namespaces/') ? path.split('/').slice(-2) : [resource, name]
      return Promise.reject(new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', message: `${kind!} "${object!}" not found` }))
    },
  },
} as unknown as Invocation

const describerOf: Record<string, string> = {
  TestDescribeSecret: 'secrets', TestDescribeConfigMap: 'configmaps', TestDescribeIngress: 'ingresses.networking.k8s.io', TestDescribeIsolatedEgressNetworkPolicies: 'networkpolicies.networking.k8s.io',
  TestDescribeEndpointSlice: 'endpointslices.discovery.k8s.io', TestDescribeServiceCIDR: 'servicecidrs.networking.k8s.io', TestDescribeIPAddress: 'ipaddresses.networking.k8s.io',
}
const unstructured = {
  apiVersion: 'v1', kind: 'Test', dummyDummy: 'present', 'dummy-dummy': 'present', 'dummy/dummy': 'present', 'dummy-dummy@dummy': 'present', dummy2: 'present', items: [{ itemBool: true, itemInt: 42 }], url: 'http://localhost', status: 'ok',
  metadata: { name: 'MyName', namespace: 'MyNamespace', creationTimestamp: '2017-04-01T00:00:00Z', resourceVersion: '123', uid: '00000000-0000-0000-0000-000000000001' },
}

async function describeText(test: string, object: Json): Promise<string> {
  const key = describerOf[test]!
  const events = key === 'secrets' || key.startsWith('networkpolicies') ? undefined : []
  return describers[key]!({ kind: '', apiVersion: '', ...(object as object) } as KubeObject, { run: emptyRun, now: 0, events })
}

const describe: Collection<DescribeCase> = {
  name: 'kubectl/describe',
  needs: ['oracles/kubectl/describe-goldens.json'],
  load(shared) {
    interface Row {
      readonly name: string | null
      readonly input: Record<string, Json>
      readonly expected: string
    }
    const file = JSON.parse(readFileSync(join(shared, 'oracles/kubectl/describe-goldens.json'), 'utf8')) as { tests: { test: string; goldens: string[]; rows: Row[]; objects: Record<string, Json> }[] }
    return file.tests.flatMap(({ test, goldens, rows, objects }) => [
      ...goldens.map((golden, i): DescribeCase => ({
        // The test ran in another time zone than our machines have.
        id: `${test}/${i}`, expected: golden.replace('2017-06-04 21:45:56 -0700 PDT', '2017-06-05 04:45:56 +0000 UTC'), prefix: !golden.endsWith('\n'), actual: () => describeText(test, fromGo(Object.values(objects)[0])),
      })),
      ...rows.map((row, i): DescribeCase => ({
        id: `${test}/${row.name ?? i}`, expected: row.expected,
        actual: () => {
          const out = new DescribeWriter()
          if (test === 'TestPrintLabelsMultiline') {
            annotationLines(out, 'Annotations', row.input['annotations'] as Record<string, string>)
            return Promise.resolve(out.raw)
          }
          if (test === 'TestDescribeUnstructuredContent') {
            content(out, 0, unstructured, [], '')
            return Promise.resolve(out.raw)
          }
          return describeText(test, fromGo(row.input['input']))
        },
      })),
    ])
  },
  id: (item) => item.id,
  async run(item) {
    const actual = await item.actual()
    const same = item.prefix === true ? actual.startsWith(item.expected) : actual === item.expected
    return same ? { result: 'passed' } : { result: 'failed', expected: item.expected, actual }
  },
}

// printers

interface PrinterCase {
  readonly id: string
  readonly expected: readonly string[]
  actual(): readonly string[]
}

const cellsOf = (kind: string, object: Json, now = 0): readonly { name: string; priority: number; text: string }[] => {
  const table = tables[kind]!
  const cells = table.row(object, now)
  return table.columns.map((c, i) => ({ name: c.name.toUpperCase(), priority: c.priority, text: String(cells[i] ?? '') }))
}
const narrow = (cells: ReturnType<typeof cellsOf>, wide = false): string[] => cells.filter((c) => wide || c.priority === 0).map((c) => c.text)
const year = 365 * 24 * 3_600_000

const printers: Collection<PrinterCase> = {
  name: 'kubectl/printers',
  needs: ['oracles/kubectl/printers-rows.json'],
  load(shared) {
    const file = JSON.parse(readFileSync(join(shared, 'oracles/kubectl/printers-rows.json'), 'utf8')) as Record<string, Record<string, Json>[]>
    const cases: PrinterCase[] = []
    const add = (id: string, expected: Json, actual: () => readonly string[]) => cases.push({ id, expected: (Array.isArray(expected) ? expected : Object.values(expected as object)).map(String), actual })
    file['pods']!.forEach((p, i) => {
      const list = (count: Json) => Array.from({ length: Number(count) }, (_, n) => ({ name: `c${n}` }))
      const inits = (p['initContainersSpec'] ?? p['initContainerSpecs']) as Json[] | undefined
      const at = 1_000 * 24 * 3_600_000
      const withTimes = (statuses: Json) => (statuses as Record<string, Json>[]).map((c) => {
        const ago = c['lastTerminationAgo'] as string | undefined
        return ago === undefined ? c : { ...c, lastState: { terminated: { finishedAt: new Date(at - Number(ago.slice(0, -1)) * { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[ago.at(-1) as 's']).toISOString() } } }
      })
      const pod = {
        metadata: { name: p['name'], ...(p['deleting'] === true ? { deletionTimestamp: '2020-01-01T00:00:00Z' } : {}) },
        spec: { containers: list(p['containers']), initContainers: inits ?? list(p['initContainers']), ...(p['spec'] as object | undefined) },
        status: { phase: p['phase'], ...(p['reason'] ? { reason: p['reason'] } : {}), containerStatuses: withTimes(p['containerStatuses']), initContainerStatuses: withTimes(p['initContainerStatuses']), conditions: p['conditions'] },
      }
      add(`pods/${i}-${String(p['name'])}`, p['cells'], () => narrow(cellsOf('pods', pod, at)))
    })
    file['services_loadbalancer']!.forEach((s, i) => {
      const service = { metadata: { name: s['name'] }, spec: { type: s['type'], clusterIP: s['clusterIP'], clusterIPs: [s['clusterIP']], ports: s['ports'], ...(s['selector'] ? { selector: s['selector'] } : {}) }, status: { loadBalancer: { ingress: s['ingress'] } } }
      add(`services/${i}`, s['cells'], () => narrow(cellsOf('services', service), s['wide'] === true))
    })
    const classes = Object.entries(file).find(([k]) => k.startsWith('ingressclass'))?.[1] ?? []
    classes.forEach((c, i) => {
      const cells = c['cells'] as string[]
      const age = Number(/^\d+/.exec(cells[3]!)![0]) * year
      const object = { metadata: { name: cells[0], creationTimestamp: new Date(0).toISOString() }, spec: { controller: cells[1], ...(c['parameters'] ? { parameters: c['parameters'] } : {}) } }
      add(`ingressclass/${i}`, cells, () => narrow(cellsOf('ingressclasses.networking.k8s.io', object, age)))
    })
    const nodes = Object.entries(file).find(([k]) => k.startsWith('nodes_wide'))?.[1] ?? []
    nodes.forEach((n, i) => {
      const node = { metadata: { name: 'foo' }, spec: {}, status: { addresses: (n['addresses'] as [string, string][]).map(([type, address]) => ({ type, address })) } }
      add(`nodes/${i}`, n['wideCells'], () => narrow(cellsOf('nodes', node), true))
    })
    return cases
  },
  id: (item) => item.id,
  run(item) {
    const actual = item.actual()
    return JSON.stringify(actual) === JSON.stringify(item.expected) ? { result: 'passed' } : { result: 'failed', expected: item.expected.join(' | '), actual: actual.join(' | ') }
  },
}

export const collections: Collection[] = [collection(jsonpath), collection(describe), collection(printers)]
