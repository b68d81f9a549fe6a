/** `kubectl top node | pod`: usage from the metrics API, beside what nodes can give. */
import { parseQuantity, quantityMilliValue, quantityValue } from '#base/quantity.ts'
import { alignTabs } from '#base/text-table.ts'
import { formatGoDuration } from '#base/duration.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { Failure, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { byBytes } from '../print/json.ts'

type Amounts = Readonly<Record<string, string>>

interface NodeMetrics extends KubeObject {
  usage: Amounts
}

interface PodMetrics extends KubeObject {
  containers: { name: string; usage: Amounts }[]
}

interface Sum {
  readonly milli: bigint
  readonly bytes: bigint
}

/** Ages up to which a pod may be without metrics. */
const creationDelay = 120_000
const root = '/apis/metrics.k8s.io/v1beta1'

const milliOf = (text: string | undefined): bigint => quantityMilliValue(parseQuantity(text ?? '0') ?? parseQuantity('0')!)
const valueOf = (text: string | undefined): bigint => quantityValue(parseQuantity(text ?? '0') ?? parseQuantity('0')!)

/** Nanocores are added before they are rounded up to millicores. */
function total(list: readonly Amounts[]): Sum {
  const nano = list.reduce((n, u) => n + nanoOf(u['cpu']), 0n)
  return { milli: (nano + 999_999n) / 1_000_000n, bytes: list.reduce((n, u) => n + valueOf(u['memory']), 0n) }
}

function nanoOf(text: string | undefined): bigint {
  const q = parseQuantity(text ?? '0')
  if (!q) return 0n
  return q.scale >= -9 ? q.unscaled * 10n ** BigInt(q.scale + 9) : q.unscaled / 10n ** BigInt(-9 - q.scale)
}

const shown = ({ milli, bytes }: Sum) => [`${milli}m`, `${bytes / 1048576n}Mi`] as const

function begin(run: Invocation): { readonly sortBy: string; readonly selector: string; readonly name: string | undefined } {
  const sortBy = run.flags.string('sort-by')
  const selector = run.flags.string('selector')
  if (run.args.length > 1) throw usageFailure(run.path, run.path.endsWith('node') ? 'node [NAME | -l label]' : 'pod [NAME | -l label]')
  const name = run.args[0]
  if (sortBy !== '' && sortBy !== 'cpu' && sortBy !== 'memory') throw new Failure('--sort-by accepts only cpu or memory')
  if (name !== undefined && selector !== '') throw new Failure('only one of NAME or --selector can be provided')
  return { sortBy, selector, name }
}

async function requireMetrics(run: Invocation): Promise<void> {
  const { groups } = await run.reachable(() => run.rest.json<{ groups?: { name: string; versions: { version: string }[] }[] }>('GET', '/apis'))
  if (!groups?.some((g) => g.name === 'metrics.k8s.io' && g.versions.some((v) => v.version === 'v1beta1'))) throw new Failure('Metrics API not available')
}

const print = (run: Invocation, rows: readonly (readonly string[])[]) => run.out(alignTabs(rows.map((r) => r.map((c) => `${c}\t`).join('') + '\n').join(''), { minWidth: 6, padding: 3 }))

function sorted<T>(list: readonly T[], sortBy: string, sum: (item: T) => Sum, compare: (a: T, b: T) => number): T[] {
  const order = (a: bigint, b: bigint) => (a === b ? 0 : a > b ? -1 : 1)
  const by = sortBy === 'cpu' ? (a: T, b: T) => order(sum(a).milli, sum(b).milli) : sortBy === 'memory' ? (a: T, b: T) => order(sum(a).bytes, sum(b).bytes) : compare
  return [...list].sort(by)
}

export const topNodes: Verb = async (run) => {
  const { sortBy, selector, name } = begin(run)
  await requireMetrics(run)
  const ask = async <T extends KubeObject>(path: string, about: string) => (name !== undefined ? [await run.rest.json<T>('GET', `${path}/${name}`, { about: `${about} ${name}` })] : (await run.rest.json<{ items: T[] }>('GET', path, { about, query: { ...(selector !== '' ? { labelSelector: selector } : {}) } })).items)
  const metrics = await ask<NodeMetrics>(`${root}/nodes`, 'nodes.metrics.k8s.io')
  if (metrics.length === 0) throw new Failure('metrics not available yet')
  const nodes = await ask<KubeObject & { status?: { allocatable?: Amounts; capacity?: Amounts } }>('/api/v1/nodes', 'nodes')
  const available = new Map(nodes.map((n) => [n.metadata.name, run.flags.bool('show-capacity') ? n.status?.capacity : n.status?.allocatable]))
  const swap = run.flags.bool('show-swap')
  const rows: string[][] = run.flags.bool('no-headers') ? [] : [['NAME', 'CPU(cores)', 'CPU(%)', 'MEMORY(bytes)', 'MEMORY(%)', ...(swap ? ['SWAP(bytes)', 'SWAP(%)'] : [])]]
  for (const m of sorted(metrics, sortBy, (n) => total([n.usage]), (a, b) => byBytes(a.metadata.name, b.metadata.name))) {
    const have = available.get(m.metadata.name)
    const [cpu, memory] = shown(total([m.usage]))
    const share = (resource: string) => (have?.[resource] === undefined ? [] : [`${Math.trunc((Number(milliOf(m.usage[resource])) / Number(milliOf(have[resource]))) * 100)}%`])
    rows.push([m.metadata.name, cpu, ...share('cpu'), memory, ...share('memory'), ...(swap ? ['0Mi', '<unknown>'] : [])])
    available.delete(m.metadata.name)
  }
  for (const node of available.keys()) rows.push([node, ...Array.from({ length: swap ? 6 : 4 }, () => '<unknown>')])
  await print(run, rows)
}

export const topPods: Verb = async (run) => {
  const { sortBy, selector, name } = begin(run)
  const fields = run.flags.string('field-selector')
  if (name !== undefined && fields !== '') throw new Failure('only one of NAME or --field-selector can be provided')
  await requireMetrics(run)
  const everywhere = run.allNamespaces
  const path = (base: string) => `${base}${everywhere ? '' : `/namespaces/${run.namespace}`}/pods`
  const about = 'pods.metrics.k8s.io'
  const query = { ...(selector !== '' ? { labelSelector: selector } : {}), ...(fields !== '' ? { fieldSelector: fields } : {}) }
  const metrics = name !== undefined ? [await run.rest.json<PodMetrics>('GET', `${path(root)}/${name}`, { about: `${about} ${name}` })] : (await run.rest.json<{ items: PodMetrics[] }>('GET', path(root), { query, about })).items
  if (metrics.length === 0) {
    await explainNothing(run, (await run.rest.json<{ items: KubeObject[] }>('GET', path('/api/v1'), { query })).items)
    return run.err(everywhere ? 'No resources found\n' : `No resources found in ${run.namespace} namespace.\n`)
  }
  const split = run.flags.bool('containers')
  const swap = run.flags.bool('show-swap')
  const columns = ['NAME', 'CPU(cores)', 'MEMORY(bytes)', ...(swap ? ['SWAP(bytes)'] : [])]
  const rows: string[][] = run.flags.bool('no-headers') ? [] : [[...(everywhere ? ['NAMESPACE'] : []), ...(split ? ['POD'] : []), ...columns]]
  const line = (m: PodMetrics, own: readonly string[], usage: readonly Amounts[]) => rows.push([...(everywhere ? [m.metadata.namespace ?? ''] : []), m.metadata.name, ...own, ...shown(total(usage)), ...(swap ? ['0Mi'] : [])])
  const all = (m: PodMetrics) => m.containers.map((c) => c.usage)
  for (const m of sorted(metrics, sortBy, (p) => total(all(p)), (a, b) => (everywhere ? byBytes(a.metadata.namespace ?? '', b.metadata.namespace ?? '') : 0) || byBytes(a.metadata.name, b.metadata.name))) {
    if (!split) line(m, [], all(m))
    else for (const c of sorted(m.containers, sortBy, (x) => total([x.usage]), (a, b) => byBytes(a.name, b.name))) line(m, [c.name], [c.usage])
  }
  if (run.flags.bool('sum')) {
    // The width is that of the heading, which is not counted where there is none.
    const width = columns.length + (run.flags.bool('no-headers') ? 0 : (everywhere ? 1 : 0) + (split ? 1 : 0))
    const empty = (n: number) => Array.from({ length: Math.max(0, n) }, () => '')
    rows.push([...empty(width - 2), '________', '________'])
    rows.push([...empty(width - 3), '', ...shown(total(metrics.flatMap(all)))])
  }
  await print(run, rows)
}

async function explainNothing(run: Invocation, pods: readonly KubeObject[]): Promise<void> {
  if (pods.length === 0) return
  for (const { metadata } of pods) {
    const age = run.process.now() - Date.parse(metadata.creationTimestamp ?? '')
    if (age <= creationDelay) continue
    const text = `Metrics not available for pod ${metadata.namespace}/${metadata.name}, age: ${formatGoDuration(age)}`
    await run.klog('W', 'top_pod.go:265', text)
    throw new Failure(text)
  }
  throw new Failure('metrics not available yet')
}
