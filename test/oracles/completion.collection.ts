/**
 * `kubectl __complete …` against an API server that holds the recorded objects. No controllers run: what they had made (replica sets, pods of
 * sets, default service accounts, root certificates) is put in by name from the recording's inventory.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildApiServer } from '#engine/kinds/build.ts'
import { Host } from '#engine/machine/host.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { dialDirect } from '#programs/kubectl/client/direct.ts'
import { completeWords } from '#programs/kubectl/complete.ts'
import { runKubectl } from '#programs/kubectl/kubectl.ts'
import { collection, type Collection } from './collection.ts'

interface Recording {
  readonly environment: { readonly currentContext: string; readonly contexts: readonly { name: string; cluster: string; user: string; namespace?: string }[]; readonly clusters: readonly string[]; readonly users: readonly string[] }
  readonly inventory: { readonly namespaced: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> }
  readonly cases: readonly Case[]
}
interface Case {
  readonly id: string
  readonly args: readonly string[]
  readonly candidates: readonly string[]
  readonly directive: number
  readonly unordered?: boolean
}

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace

let ask: ((args: readonly string[]) => Promise<{ candidates: readonly string[]; directive: number }>) | undefined
let source: { readonly recording: Recording; readonly manifests: string } | undefined

function stub(kind: string, namespace: string, name: string): string {
  const meta = `metadata: {name: "${name}", namespace: "${namespace}"}`
  if (kind === 'ReplicaSet') return `apiVersion: apps/v1\nkind: ReplicaSet\n${meta}\nspec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}\n`
  if (kind === 'Pod') return `apiVersion: v1\nkind: Pod\n${meta}\nspec: {containers: [{name: postgres, image: postgres}]}\n`
  return `apiVersion: v1\nkind: ${kind}\n${meta}\n`
}

async function start({ recording, manifests }: NonNullable<typeof source>): Promise<NonNullable<typeof ask>> {
  const sim = new Sim({ seed: 'completion', start: Date.UTC(2026, 0, 1) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const server = buildApiServer({ sim, allowAll: true })
  const dial = dialDirect(server, () => sim.woke())
  const host = new Host({ sim, network: {} as Network, hostname: 'controlplane', net: net(), programs: new Map([['kubectl', (p) => runKubectl(p, dial)]]) })
  const e = recording.environment
  host.fs.mkdir('/root/.kube', { parents: true })
  host.fs.writeFile(
    '/root/.kube/config',
    JSON.stringify({
      apiVersion: 'v1', kind: 'Config', 'current-context': e.currentContext,
      clusters: e.clusters.map((name) => ({ name, cluster: { server: name === 'backup' ? 'https://127.0.0.1:1' : 'https://172.30.1.2:6443' } })),
      contexts: e.contexts.map((c) => ({ name: c.name, context: { cluster: c.cluster, user: c.user, ...(c.namespace ? { namespace: c.namespace } : {}) } })),
      users: e.users.map((name) => ({ name, user: {} })),
    }),
  )
  const env = { HOME: '/root', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const kubectl = async (argv: readonly string[], stdin: string): Promise<string> => {
    let err = ''
    const child = host.start({ argv: ['kubectl', ...argv], env, cwd: '/root', output: { stdin, stdout: () => {}, stderr: (t) => (err += t) } })
    await runner.runWhile(() => child.status === undefined, 60_000)
    return err
  }
  const documents = manifests.split(/^---\n/m)
  // Definitions first, so that their objects are known.
  documents.sort((a, b) => Number(/kind: CustomResourceDefinition/.test(b)) - Number(/kind: CustomResourceDefinition/.test(a)) || Number(/kind: Namespace/.test(b)) - Number(/kind: Namespace/.test(a)))
  const first = documents.filter((d) => /kind: (CustomResourceDefinition|Namespace|ServiceAccount)\b/.test(d))
  for (const d of first) await kubectl(['create', '-f', '-', '--validate=false'], d)
  for (const namespace of Object.keys(recording.inventory.namespaced)) await kubectl(['create', '-f', '-', '--validate=false'], stub('ServiceAccount', namespace, 'default'))
  for (const d of documents) if (!first.includes(d)) await kubectl(['create', '-f', '-', '--validate=false'], d)
  for (const [namespace, kinds] of Object.entries(recording.inventory.namespaced)) {
    for (const [kind, names] of Object.entries(kinds)) {
      if (!['ReplicaSet', 'Pod', 'ConfigMap', 'ServiceAccount'].includes(kind)) continue
      for (const name of names) await kubectl(['create', '-f', '-', '--validate=false'], stub(kind, namespace, name))
    }
  }
  return async (args) => {
    let result = { candidates: [] as readonly string[], directive: -1 }
    const child = host.start({
      argv: ['kubectl'], env, cwd: '/root', output: { stdin: '', stdout: () => {}, stderr: () => {} },
      program: async (process) => {
        result = await completeWords(process, args, dial)
        return 0
      },
    })
    await runner.runWhile(() => child.status === undefined, 60_000)
    return result
  }
}

const completion: Collection = collection<Case>({
  name: 'shell/completion',
  needs: ['golden/shell/completion.json'],
  load: (shared) => {
    const recording = JSON.parse(readFileSync(join(shared, 'golden/shell/completion.json'), 'utf8')) as Recording
    source = { recording, manifests: readFileSync(join(shared, 'golden/shell/completion-manifests.yaml'), 'utf8') }
    return recording.cases
  },
  id: (item) => item.id,
  run: async (item) => {
    ask ??= await start(source!)
    const got = await ask(item.args)
    const show = (candidates: readonly string[], directive: number) => `${(item.unordered ? [...candidates].sort() : candidates).join('\n')}\n:${directive}`
    const expected = show(item.candidates, item.directive)
    const actual = show(got.candidates, got.directive)
    return expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual }
  },
})

export const collections: Collection[] = [completion]
