/**
 * NetworkPolicy truth tables (netpol/cyclonus): every step of every case, all pairs of pods on all ports, by the evaluator. A pod's
 * connection to itself is left aside, as the table's note allows.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseYaml } from '#base/yaml.ts'
import { PolicyModel } from '#engine/addons/policy/evaluate.ts'
import type { NetworkPolicy, PolicyNamespace, PolicyPod } from '#engine/addons/policy/types.ts'
import { PolicyWorld } from '../network/policy-world.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

export interface CyclonusPod {
  readonly namespace: string
  readonly name: string
  labels: Record<string, string> | null
  readonly ip: string
  readonly containers: readonly { readonly port: number; readonly portName: string; readonly protocol: string }[]
}

interface Expectation {
  readonly blocked: Readonly<Record<string, readonly string[]>>
  readonly egressBlocked: Readonly<Record<string, readonly string[]>>
  readonly ingressBlocked: Readonly<Record<string, readonly string[]>>
}

export interface CyclonusCase {
  readonly id: number
  readonly description: string
  readonly steps: readonly { readonly actions: readonly Record<string, any>[]; readonly probe: { readonly all?: boolean; readonly port?: number | string; readonly protocol?: string }; readonly expect: Expectation }[]
}

interface Recipe {
  readonly id: number
  readonly namespaces: Readonly<Record<string, Record<string, string>>>
  readonly pods: readonly CyclonusPod[]
  readonly policies: readonly string[]
  readonly port: number | string
  readonly protocol: string
  readonly expect: Expectation
}

export interface CyclonusWorld {
  readonly namespaces: Map<string, Record<string, string>>
  readonly pods: Map<string, CyclonusPod>
  readonly policies: Map<string, NetworkPolicy>
}

const file = 'oracles/netpol/cyclonus-cases.json'

export function applyAction(world: CyclonusWorld, action: Record<string, any>): void {
  const [kind, body] = Object.entries(action)[0] as [string, any]
  const pod = `${body.Namespace}/${body.Pod}`
  switch (kind) {
    case 'CreatePolicy':
    case 'UpdatePolicy':
      world.policies.set(`${body.Policy.metadata.namespace}/${body.Policy.metadata.name}`, body.Policy)
      break
    case 'DeletePolicy':
      world.policies.delete(`${body.Namespace}/${body.Name}`)
      break
    case 'CreateNamespace':
    case 'SetNamespaceLabels':
      world.namespaces.set(body.Namespace, { 'kubernetes.io/metadata.name': body.Namespace, ...body.Labels })
      break
    case 'DeleteNamespace':
      world.namespaces.delete(body.Namespace)
      for (const [key, p] of [...world.pods]) if (p.namespace === body.Namespace) world.pods.delete(key)
      break
    case 'CreatePod': {
      const like = [...world.pods.values()][0]!
      world.pods.set(pod, { ...like, namespace: body.Namespace, name: body.Pod, labels: body.Labels, ip: `10.244.9.${world.pods.size + 1}` })
      break
    }
    case 'DeletePod':
      world.pods.delete(pod)
      break
    case 'SetPodLabels':
      world.pods.set(pod, { ...world.pods.get(pod)!, labels: body.Labels })
      break
    default:
      throw new Error(`unknown action ${kind}`)
  }
}

export function policyPodOf(p: CyclonusPod): PolicyPod {
  return {
    namespace: p.namespace, name: p.name, labels: p.labels ?? {}, ip: p.ip || undefined, node: undefined, hostNetwork: false,
    namedPorts: p.containers.filter((c) => c.portName !== '').map((c) => ({ name: c.portName, protocol: c.protocol, port: c.port })),
  }
}

/** Pairs `from->to` without those of a pod with itself. */
const others = (pairs: readonly string[] | undefined) => new Set((pairs ?? []).filter((p) => p.split('->')[0] !== p.split('->')[1]))

function check(world: CyclonusWorld, expect: Expectation, ports: readonly { readonly key: string; readonly port: number | string; readonly protocol: string }[]): string[] {
  const namespaces: PolicyNamespace[] = [...world.namespaces].map(([name, labels]) => ({ name, labels }))
  const model = new PolicyModel(namespaces, world.policies.values())
  const wrong: string[] = []
  const pods = [...world.pods.values()]
  for (const { key, port, protocol } of ports) {
    const [blocked, egress, ingress] = [others(expect.blocked[key]), others(expect.egressBlocked?.[key]), others(expect.ingressBlocked?.[key])]
    for (const from of pods) {
      for (const to of pods) {
        if (from === to) continue
        const pair = `${from.namespace}/${from.name}->${to.namespace}/${to.name}`
        const number = typeof port === 'number' ? port : (to.containers.find((c) => c.portName === port && c.protocol === protocol)?.port ?? -1)
        const got = model.decide({ pod: policyPodOf(from) }, { pod: policyPodOf(to) }, number, protocol)
        if (got.allowed === blocked.has(pair)) wrong.push(`${key} ${pair}: ${got.allowed ? 'allowed' : 'blocked'} (${got.reason})`)
        else if (got.egress.allowed === egress.has(pair)) wrong.push(`${key} ${pair}: egress ${got.egress.allowed ? 'allowed' : 'blocked'}`)
        else if (got.ingress.allowed === ingress.has(pair)) wrong.push(`${key} ${pair}: ingress ${got.ingress.allowed ? 'allowed' : 'blocked'}`)
      }
    }
  }
  return wrong
}

type Row = { readonly id: string; readonly case?: CyclonusCase; readonly recipe?: Recipe; readonly resources: { readonly namespaces: Record<string, Record<string, string>>; readonly pods: CyclonusPod[] } }

function run(row: Row): Outcome {
  const wrong: string[] = []
  if (row.case) {
    const world: CyclonusWorld = { namespaces: new Map(Object.entries(row.resources.namespaces)), pods: new Map(row.resources.pods.map((p) => [`${p.namespace}/${p.name}`, p])), policies: new Map() }
    for (const [i, step] of row.case.steps.entries()) {
      for (const action of step.actions ?? []) applyAction(world, action)
      const all = ['TCP', 'UDP', 'SCTP'].flatMap((protocol) => [80, 81].map((port) => ({ key: `${protocol}/${port}`, port, protocol })))
      const { probe } = step
      const ports = probe.all ? all : [{ key: Object.keys(step.expect.blocked)[0] ?? `${probe.protocol}/${probe.port}`, port: probe.port!, protocol: probe.protocol! }]
      wrong.push(...check(world, step.expect, ports).map((w) => `step ${i + 1}: ${w}`))
    }
  } else {
    const recipe = row.recipe!
    const policies = recipe.policies.map((text) => parseYaml(text) as NetworkPolicy)
    const world: CyclonusWorld = {
      namespaces: new Map(Object.entries(recipe.namespaces)), pods: new Map(recipe.pods.map((p) => [`${p.namespace}/${p.name}`, p])),
      policies: new Map(policies.map((p) => [`${p.metadata.namespace ?? 'default'}/${p.metadata.name}`, p])),
    }
    wrong.push(...check(world, recipe.expect, [{ key: `${recipe.protocol}/${recipe.port}`, port: recipe.port, protocol: recipe.protocol }]))
  }
  return wrong.length === 0 ? { result: 'passed' } : { result: 'failed', expected: 'the table', actual: wrong.slice(0, 20).join('\n') }
}

/** The same with packets: TCP and UDP on 80 and 81 between all pods of two nodes. */
function runPackets(row: Row): Outcome {
  const world = new PolicyWorld()
  const state: CyclonusWorld = { namespaces: new Map(Object.entries(row.resources.namespaces)), pods: new Map(row.resources.pods.map((p) => [`${p.namespace}/${p.name}`, p])), policies: new Map() }
  const known = { namespaces: new Set<string>(), pods: new Set<string>(), policies: new Set<string>() }
  const wrong: string[] = []
  for (const [i, step] of row.case!.steps.entries()) {
    for (const action of step.actions ?? []) applyAction(state, action)
    for (const [name, labels] of state.namespaces) world.namespace(name, labels)
    for (const name of known.namespaces) if (!state.namespaces.has(name)) world.dropNamespace(name)
    for (const [key, p] of state.pods) {
      world.pod({ namespace: p.namespace, name: p.name, labels: p.labels ?? {}, ip: p.ip, ports: p.containers.map((c) => ({ name: c.portName, containerPort: c.port, protocol: c.protocol })) })
      known.pods.add(key)
    }
    for (const key of known.pods) if (!state.pods.has(key)) world.dropPod(...(key.split('/') as [string, string]))
    for (const p of state.policies.values()) world.policy(p)
    for (const key of known.policies) if (!state.policies.has(key)) world.dropPolicy(...(key.split('/') as [string, string]))
    known.namespaces = new Set(state.namespaces.keys())
    known.policies = new Set(state.policies.keys())
    world.settle()
    const keys = step.probe.all ? (['TCP/80', 'TCP/81', 'UDP/80', 'UDP/81'] as const) : []
    for (const key of keys) {
      const blocked = others(step.expect.blocked[key])
      const [protocol, port] = key.split('/') as ['TCP' | 'UDP', string]
      for (const from of state.pods.keys()) {
        for (const to of state.pods.keys()) {
          if (from === to) continue
          if (world.reaches(from, to, Number(port), protocol) === blocked.has(`${from}->${to}`)) wrong.push(`step ${i + 1}: ${key} ${from}->${to}`)
        }
      }
    }
  }
  return wrong.length === 0 ? { result: 'passed' } : { result: 'failed', expected: 'the table', actual: wrong.slice(0, 20).join('\n') }
}

export const collections = [
  collection<Row>({
    name: 'netpol/cyclonus-packets',
    needs: [file],
    load: (shared) => {
      const data = JSON.parse(readFileSync(join(shared, file), 'utf8')) as { cases: CyclonusCase[]; resources: Row['resources'] }
      return data.cases.map((c) => ({ id: `case-${c.id}`, case: c, resources: data.resources }))
    },
    id: (row) => row.id,
    run: runPackets,
  }),
  collection<Row>({
    name: 'netpol/cyclonus',
    needs: [file],
    load: (shared) => {
      const data = JSON.parse(readFileSync(join(shared, file), 'utf8')) as { cases: CyclonusCase[]; recipes: Recipe[]; resources: Row['resources'] }
      return [
        ...data.cases.map((c) => ({ id: `case-${c.id}`, case: c, resources: data.resources })),
        ...data.recipes.map((r) => ({ id: `recipe-${r.id}`, recipe: r, resources: data.resources })),
      ]
    },
    id: (row) => row.id,
    run,
  }),
]
