import { expect, test } from 'vitest'
import fc from 'fast-check'
import { explainPolicyRule } from '#engine/addons/policy/explain.ts'
import { PolicyModel } from '#engine/addons/policy/evaluate.ts'
import { policyNamespace, policyPod } from '#engine/addons/policy/types.ts'
import type { NetworkPolicy, PolicyRule } from '#engine/addons/policy/types.ts'
import type { LabelSelector } from '#engine/kinds/selectors.ts'
import type { Walk } from '#engine/net/types.ts'
import { PolicyWorld } from './policy-world.ts'

const policy = (name: string, namespace: string, spec: NetworkPolicy['spec']): NetworkPolicy => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec })

function world(): PolicyWorld {
  const w = new PolicyWorld()
  for (const [name, team] of [['red', 'a'], ['blue', 'b']] as const) {
    w.namespace(name, { team })
    for (const role of ['web', 'db']) w.pod({ namespace: name, name: role, labels: { role }, ports: [{ name: 'main', containerPort: role === 'web' ? 80 : 81, protocol: 'TCP' }] })
  }
  w.settle()
  return w
}

const selector: fc.Arbitrary<LabelSelector> = fc.oneof<fc.Arbitrary<LabelSelector>[]>(fc.constant({}), fc.constantFrom('web', 'db').map((role) => ({ matchLabels: { role } })), fc.constant({ matchExpressions: [{ key: 'role', operator: 'NotIn', values: ['db'] }] }))
const spaces = fc.oneof(fc.constant({}), fc.constantFrom('a', 'b').map((team) => ({ matchLabels: { team } })))
const peer = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  spaces.map((namespaceSelector) => ({ namespaceSelector })),
  fc.tuple(spaces, selector).map(([namespaceSelector, podSelector]) => ({ namespaceSelector, podSelector })),
  fc.constantFrom('10.8.0.0/16', '10.8.1.0/24', '10.8.2.0/28').map((cidr) => ({ ipBlock: { cidr } })),
  fc.constantFrom('10.8.1.8/29', '10.8.2.0/24').map((except) => ({ ipBlock: { cidr: '10.8.0.0/16', except: [except] } })),
)
const port = fc.oneof(fc.constantFrom(80, 81, 'main').map((p) => ({ port: p, protocol: 'TCP' })), fc.constant({ port: 80, endPort: 81, protocol: 'UDP' }), fc.constantFrom('TCP', 'UDP').map((protocol) => ({ protocol })))
const rule = (side: 'from' | 'to') => fc.record({ peers: fc.option(fc.array(peer, { minLength: 1, maxLength: 2 })), ports: fc.option(fc.array(port, { minLength: 1, maxLength: 2 })) }).map(({ peers, ports }): PolicyRule => ({ ...(peers && { [side]: peers }), ...(ports && { ports }) }))
const anyPolicy = fc.record({ namespace: fc.constantFrom('red', 'blue'), podSelector: selector, ingress: fc.option(fc.array(rule('from'), { maxLength: 2 })), egress: fc.option(fc.array(rule('to'), { maxLength: 2 })) })

test('packets and the evaluator agree on arbitrary policies, as they come and go', () => {
  fc.assert(
    fc.property(fc.array(anyPolicy, { minLength: 1, maxLength: 3 }), (drafts) => {
      const w = world()
      const policies = drafts.map((d, i) => policy(`p${i}`, d.namespace, { podSelector: d.podSelector, policyTypes: [...(d.ingress ? ['Ingress'] : []), ...(d.egress ? ['Egress'] : [])], ...(d.ingress && { ingress: d.ingress }), ...(d.egress && { egress: d.egress }) }))
      const check = (live: readonly NetworkPolicy[]) => {
        const model = new PolicyModel(w.api.of('namespaces').list().map(policyNamespace), live)
        const pods = new Map(w.api.of('pods').list().map((p) => [`${p.metadata.namespace}/${p.metadata.name}`, policyPod(p)]))
        for (const from of w.podKeys) {
          for (const to of w.podKeys) {
            for (const [number, protocol] of [[80, 'TCP'], [81, 'TCP'], [81, 'UDP']] as const) {
              const said = model.decide({ pod: pods.get(from)! }, { pod: pods.get(to)! }, number, protocol)
              expect(`${from} > ${to} ${protocol}/${number} ${w.reaches(from, to, number, protocol)}`, said.reason).toBe(`${from} > ${to} ${protocol}/${number} ${said.allowed}`)
            }
          }
        }
      }
      for (const p of policies) w.policy(p)
      w.settle()
      check(policies)
      w.dropPolicy(policies[0]!.metadata.namespace!, 'p0')
      w.settle()
      check(policies.slice(1))
    }),
    { numRuns: 12 },
  )
}, 60_000)

test('a drop can be explained from its rule alone, and the node always reaches its own pods', () => {
  const w = world()
  w.policy(policy('only-db', 'red', { podSelector: { matchLabels: { role: 'web' } }, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: { matchLabels: { role: 'db' } } }], ports: [{ port: 80, protocol: 'TCP' }] }] }))
  w.settle()
  const walks: Walk[] = []
  const stop = w.network.observe((walk) => void walks.push(walk))
  expect([w.reaches('red/db', 'red/web', 80, 'TCP'), w.reaches('blue/db', 'red/web', 80, 'TCP')]).toEqual([true, false])
  stop()
  const dropped = walks.find((walk) => walk.verdict.kind === 'dropped')!.verdict as { at: { rule: string } }
  const facts = { pods: w.api.of('pods').list(), namespaces: w.api.of('namespaces').list(), policies: w.api.of('networkpolicies').list() as NetworkPolicy[] }
  expect(explainPolicyRule(dropped.at.rule, facts, { source: w.ip('blue/db'), destination: w.ip('red/web'), destinationPort: 80, protocol: 'tcp' })).toEqual({
    policies: [{ namespace: 'red', name: 'only-db' }], pod: { namespace: 'red', name: 'web' }, direction: 'ingress',
    sentence: 'Ingress to red/web is isolated by NetworkPolicy red/only-db, and no rule allows this: only-db rule 1 allows only from pods with role=db in namespace red on TCP/80.',
  })
  expect(['node-a', 'node-b'].filter((n) => w.reaches(n, 'red/web', 80, 'TCP')).length).toBe(1)
})

test('a flushed FORWARD chain is repaired, and a policy costs the chains of the pods that it selects', () => {
  const w = world()
  const before = w.agents.map((a) => a.chainsWritten)
  w.policy(policy('deny', 'blue', { podSelector: { matchLabels: { role: 'db' } }, policyTypes: ['Ingress'] }))
  w.settle()
  expect(w.agents.map((a, i) => a.chainsWritten - before[i]!).reduce((x, y) => x + y)).toBe(2)
  for (const i of [0, 1]) w.node(i).netfilter.restore('*filter\n-F FORWARD\nCOMMIT\n', { noflush: true })
  expect(w.reaches('red/web', 'blue/db', 80, 'TCP')).toBe(true)
  w.sim.runUntil(w.sim.now + 61_000)
  expect(w.reaches('red/web', 'blue/db', 80, 'TCP')).toBe(false)
})

test('an agent that starts again takes over what another has left, and forgets what is gone', () => {
  const w = world()
  w.policy(policy('deny', 'blue', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: { matchLabels: { role: 'web' } } }] }] }))
  w.settle()
  for (const agent of w.agents) agent.stop()
  w.dropPolicy('blue', 'deny')
  w.dropPod('blue', 'db')
  w.restart()
  w.settle()
  const left = [0, 1].flatMap((i) => [...w.node(i).netfilter.ipsets.names, ...w.node(i).netfilter.save('filter').split('\n').filter((l) => l.startsWith(':cali-p') && !l.includes('kns.'))])
  expect(left).toEqual([])
  expect(w.reaches('red/db', 'blue/web', 80, 'TCP')).toBe(true)
})
