import { describe, expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from './testing/rig.ts'

const rig = () => rigOn(new Sim({ seed: 'validations', start: Date.UTC(2026, 0, 1) }))

const NS = '/namespaces/default'
const meta = { metadata: { name: 'x' } }
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } }

/** Path, body, what is said about it. */
const refusals: readonly [string, object, string][] = [
  [`/apis/networking.k8s.io/v1${NS}/networkpolicies`, { ...meta, spec: { podSelector: {}, ingress: [{ ports: [{ port: 'http', endPort: 90 }, { endPort: 5 }] }] } }, 'NetworkPolicy.networking.k8s.io "x" is invalid: [spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric, spec.ingress[0].ports[1].endPort: Invalid value: 5: may not be specified when `port` is not specified]'],
  [`/apis/autoscaling/v2${NS}/horizontalpodautoscalers`, { ...meta, spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 2 } }, 'HorizontalPodAutoscaler.autoscaling "x" is invalid: spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group'],
  [`/apis/apps/v1${NS}/deployments`, { ...meta, spec: { selector: { matchLabels: { app: 'x' } }, template, strategy: { type: 'BlueGreen' } } }, 'Deployment.apps "x" is invalid: spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"'],
  [`/api/v1${NS}/services`, { ...meta, spec: { clusterIP: '192.0.2.7', ports: [{ port: 80 }] } }, 'Service "x" is invalid: spec.clusterIPs: Invalid value: ["192.0.2.7"]: failed to allocate IP 192.0.2.7: the provided network does not match the current range'],
  [`/api/v1${NS}/services?dryRun=All`, { ...meta, spec: { clusterIP: '192.0.2.7', ports: [{ port: 80 }] } }, 'Service "x" is invalid: spec.clusterIPs: Invalid value: ["192.0.2.7"]: failed to allocate IP 192.0.2.7: the provided IP (192.0.2.7) is not in the valid range. The range of valid IPs is 10.96.0.0/12'],
]

describe('what is refused', () => {
  for (const [path, body, message] of refusals) {
    test(`${path.split('/').at(-1)}: ${message.slice(0, 80)}`, () => {
      const answer = rig().send('POST', path, body)
      expect([answer.code, answer.body.message]).toEqual([422, message])
    })
  }

  test('a ReplicationController may be scaled by its group-less name', () => {
    expect(rig().send('POST', `/apis/autoscaling/v2${NS}/horizontalpodautoscalers`, { ...meta, spec: { scaleTargetRef: { apiVersion: 'v1', kind: 'ReplicationController', name: 'd' }, maxReplicas: 2 } }).code).toBe(201)
  })

  test("labels of a job's template are told in order", () => {
    const { body } = rig().send('POST', `/apis/batch/v1${NS}/jobs`, { ...meta, spec: { selector: { matchLabels: { app: 'y' } }, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } })
    expect(body.message).toMatch(/Invalid value: \{"app":"x","batch.kubernetes.io\/controller-uid":"[-0-9a-f]+","batch.kubernetes.io\/job-name":"x","controller-uid":"[-0-9a-f]+","job-name":"x"\}: `selector` does not match template `labels`/)
  })

  test('the kind of addresses of a slice stays; addresses that stay are not judged again', () => {
    const { send } = rig()
    const path = `/apis/discovery.k8s.io/v1${NS}/endpointslices`
    send('POST', path, { ...meta, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.5'] }], ports: [] })
    const { body } = send('PATCH', `${path}/x`, { addressType: 'IPv6' }, { headers: { 'content-type': 'application/merge-patch+json' } })
    expect(body.message).toBe('EndpointSlice.discovery.k8s.io "x" is invalid: addressType: Invalid value: "IPv6": field is immutable')
  })
})

test('the table of service accounts has no secrets', () => {
  const { send } = rig()
  const { body } = send('GET', `/api/v1${NS}/serviceaccounts`, undefined, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } })
  expect(body.columnDefinitions.map((c: { name: string }) => c.name)).toEqual(['Name', 'Age'])
})

test('server-side apply by kubectl keeps the annotation of client-side apply up to date', () => {
  const { send } = rig()
  const key = 'kubectl.kubernetes.io/last-applied-configuration'
  const path = `/api/v1${NS}/configmaps`
  send('POST', path, { metadata: { name: 'a', annotations: { [key]: '{}\n' } }, data: { x: '1' } })
  const apply = (manager: string) => send('PATCH', `${path}/a?fieldManager=${manager}&force=true`, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { x: '2' } }, { headers: { 'content-type': 'application/apply-patch+yaml' } }).body.metadata.annotations[key]
  expect(apply('other')).toBe('{}\n')
  expect(apply('kubectl')).toBe('{"apiVersion":"v1","data":{"x":"2"},"kind":"ConfigMap","metadata":{"name":"a"}}\n')
})
