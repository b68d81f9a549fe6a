import { expect, test } from 'vitest'
import type { Node } from '#engine/kinds/node/types.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'
import { admissionProblem } from './admission.ts'
import { restarts } from './actions.ts'

const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', labels: { disk: 'hdd' } }, spec: { taints: [{ key: 'gone', effect: 'NoExecute' }, { key: 'full', effect: 'NoSchedule' }] } } as Node
const pod = (spec: Partial<Pod['spec']>): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'x' }], tolerations: [{ key: 'gone', operator: 'Exists' }], ...spec } }) as Pod
const asking = (cpu: string) => ({ containers: [{ name: 'c', image: 'x', resources: { requests: { cpu } } }] })
const onPort = (hostPort: number, hostIP?: string) => ({ containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort, ...(hostIP ? { hostIP } : {}) }] }] })
const facts = { node, allocatable: { cpu: '2', memory: '4Gi', pods: '3' }, others: [pod(asking('1500m')), pod(onPort(8080, '10.0.0.1'))], allowedUnsafeSysctls: ['net.core.*'] }
const say = (spec: Partial<Pod['spec']>) => {
  const problem = admissionProblem(pod(spec), facts)
  return problem && `${problem.reason}: ${problem.message}`
}

test('what a node does not take', () => {
  expect([
    say({}),
    say(asking('500m')),
    say(asking('501m')),
    say({ containers: [{ name: 'c', image: 'x', resources: { requests: { 'nvidia.com/gpu': '1' } } }] }),
    say({ nodeSelector: { disk: 'ssd' } }),
    say(onPort(8080)),
    say(onPort(8080, '10.0.0.2')),
    say({ tolerations: [] }),
    say({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
    say({ securityContext: { sysctls: [{ name: 'net.core.somaxconn', value: '1' }] } }),
    say({ hostNetwork: true, securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } }),
  ]).toEqual([
    undefined,
    undefined,
    "OutOfcpu: Node didn't have enough resource: cpu, requested: 501, used: 1500, capacity: 2000",
    "OutOfnvidia.com/gpu: Node didn't have enough resource: nvidia.com/gpu, requested: 1, used: 0, capacity: 0",
    "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    undefined,
    "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
    'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted',
    undefined,
    'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  ])
  expect(admissionProblem(pod({}), { ...facts, others: [pod({}), pod({}), pod({})] })?.message).toBe("Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3")
})

test('a container with rules of its own', () => {
  const container = { name: 'c', image: 'x', restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }, { action: 'Restart', exitCodes: { operator: 'NotIn', values: [0, 1] } }] }
  expect([42, 0, 1, 7].map((code) => restarts(pod({ restartPolicy: 'OnFailure' }), container, code))).toEqual([true, false, false, true])
})
