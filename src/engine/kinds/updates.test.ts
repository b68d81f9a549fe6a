import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { pod, rigOn, type Rig } from './testing/rig.ts'

const APPS = '/apis/apps/v1/namespaces/default'
const CORE = '/api/v1/namespaces/default'
const merge = { headers: { 'content-type': 'application/merge-patch+json' } }

const rig = (): Rig => {
  const made = rigOn(new Sim({ seed: 'updates', start: Date.UTC(2026, 0, 1) }))
  made.send('POST', `${CORE}/serviceaccounts`, { metadata: { name: 'default' } })
  return made
}
/** What is said about an object, without its name. */
const refusal = (answer: { body: { message?: string } }) => answer.body.message?.replace(/^.* is invalid: /, '')
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } }
const set = (spec: object) => ({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 's' }, spec: { selector: { matchLabels: { a: 'b' } }, template, ...spec } })

test('stateful sets: selectors, claims as volumes, what may change', () => {
  const { send } = rig()
  const post = (spec: object) => refusal(send('POST', `${APPS}/statefulsets`, set(spec)))
  const qualified = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
  expect(post({ selector: { matchLabels: { 'a b': 'c' } } })).toBe(`[spec.selector.matchLabels: Invalid value: "a b": ${qualified}, spec.selector: Invalid value: {"matchLabels":{"a b":"c"}}]`)
  expect(post({ selector: { matchExpressions: [{ key: 'a', values: ['x'] }] } })).toBe('[spec.selector.matchExpressions[0].operator: Invalid value: "": not a valid selector operator, spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"","values":["x"]}]}]')
  expect(post({ serviceName: 'Bad_' })).toContain('spec.serviceName: Invalid value: "Bad_": a lowercase RFC 1123 label')
  expect(post({ updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } })).toBe('spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'')
  expect(post({ volumeClaimTemplates: [{ metadata: {}, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }] })).toBe('[spec.template.spec.volumes[0].persistentVolumeClaim.claimName: Required value, spec.template.spec.volumes[0].name: Required value]')
  expect(send('POST', `${APPS}/statefulsets`, set({})).code).toBe(201)
  expect(send('PATCH', `${APPS}/statefulsets/s`, { spec: { template: { spec: { terminationGracePeriodSeconds: 5 } } } }, merge).code).toBe(200)
  expect(refusal(send('PATCH', `${APPS}/statefulsets/s`, { spec: { podManagementPolicy: 'Parallel' } }, merge))).toMatch(/^spec: Forbidden: updates to statefulset spec/)
})

test('daemon sets: a strategy is told with the internal names; text that is no percentage counts as nought', () => {
  const { send } = rig()
  const post = (updateStrategy: object) => refusal(send('POST', `${APPS}/daemonsets`, { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template, updateStrategy } }))
  expect(post({ type: 'Rolling' })).toBe('spec.updateStrategy: Unsupported value: {"Type":"Rolling","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"')
  expect(post({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '-5%' } })).toMatch(/a valid percent string must be.*maxUnavailable: Required value: cannot be 0 when maxSurge is 0\]$/)
})

test('a gated pod may only be told more precisely where to go', () => {
  const { send } = rig()
  const gated = pod('p', { schedulingGates: [{ name: 'example.com/g' }], nodeSelector: { disk: 'ssd' }, affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'z', operator: 'In', values: ['a'] }] }] } } } })
  expect(send('POST', `${CORE}/pods`, gated).code).toBe(201)
  const patch = (spec: object) => refusal(send('PATCH', `${CORE}/pods/p`, { spec }, merge))
  expect(patch({ nodeSelector: { disk: 'hdd' } })).toBe('spec.nodeSelector: Invalid value: {"disk":"hdd"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)')
  expect(patch({ nodeSelector: { zone: 'a' } })).toBeUndefined()
  const terms = (values: string[], more: object[] = []) => ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'z', operator: 'In', values }, ...more] }] } } } })
  const at = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms'
  expect(patch(terms(['b']))).toBe(`${at}[0]: Invalid value: {"MatchExpressions":[{"Key":"z","Operator":"In","Values":["b"]}],"MatchFields":null}: only additions are allowed (no mutations or deletions)`)
  expect(patch({ affinity: null })).toBe(`${at}: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed`)
  expect(patch(terms(['a'], [{ key: 'gpu', operator: 'Exists' }]))).toBeUndefined()
})

test('resizing keeps the class of a pod and changes nothing else', () => {
  const { send } = rig()
  send('POST', `${CORE}/pods`, pod('p', { containers: [{ name: 'c', image: 'nginx:1', resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } } }] }))
  const resize = (resources: object, more: object = {}) => send('PATCH', `${CORE}/pods/p/resize`, { spec: { containers: [{ name: 'c', resources, ...more }] } }, { headers: { 'content-type': 'application/strategic-merge-patch+json' } })
  expect(resize({ requests: { cpu: '150m' } }, { image: 'other:1' }).body.spec.containers[0]).toMatchObject({ image: 'nginx:1', resources: { requests: { cpu: '150m' } } })
  expect(refusal(resize({ limits: { cpu: null } }))).toBe('spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed')
  expect(refusal(resize({ requests: { cpu: '200m', memory: '1Mi' }, limits: { memory: '1Mi' } }))).toBe('spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing')
})

test('claims grow only when bound and where their class lets them', () => {
  const { send, server } = rig()
  send('POST', '/apis/storage.k8s.io/v1/storageclasses', { metadata: { name: 'fast' }, provisioner: 'x/y', allowVolumeExpansion: true })
  const claim = (name: string, storageClassName: string) => send('POST', `${CORE}/persistentvolumeclaims`, { metadata: { name }, spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } })
  const grow = (name: string) => send('PATCH', `${CORE}/persistentvolumeclaims/${name}`, { spec: { resources: { requests: { storage: '2Gi' } } } }, merge)
  claim('a', 'fast')
  claim('b', 'slow')
  expect(grow('a').body.message).toContain('spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims')
  for (const name of ['a', 'b']) send('PATCH', `${CORE}/persistentvolumeclaims/${name}/status`, { status: { phase: 'Bound', capacity: { storage: '1Gi' } } }, merge)
  expect(grow('b').body.message).toBe('persistentvolumeclaims "b" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize')
  expect(grow('a').code).toBe(200)
  expect(server.store.get('persistentvolumeclaims', 'default', 'a')).toMatchObject({ spec: { resources: { requests: { storage: '2Gi' } } } })
})

test('a patch that does not decode is quoted as Go writes it', () => {
  const { send } = rig()
  send('POST', `${CORE}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', data: { b: '1', a: '2' }, metadata: { name: 'c', labels: { z: '1', y: '2' } } })
  const { body } = send('PATCH', `${CORE}/configmaps/c`, { data: 'x' }, merge)
  expect(body.message.replace(/\\"managedFields\\":.*?\}\}\}\]/, '…')).toMatch(/^ "" is invalid: patch: Invalid value: "\{\\"apiVersion\\":\\"v1\\",\\"data\\":\\"x\\",\\"kind\\":\\"ConfigMap\\",\\"metadata\\":\{\\"name\\":\\"c\\",\\"namespace\\":\\"default\\",\\"uid\\":.*\\"labels\\":\{\\"y\\":\\"2\\",\\"z\\":\\"1\\"\},…\}\}": json: cannot unmarshal string into Go struct field ConfigMap.data of type map\[string\]string$/)
})

test('deletions: options are checked, jobs keep their pods unless told otherwise', () => {
  const { send } = rig()
  expect(send('DELETE', `${CORE}/configmaps/a?propagationPolicy=Sideways`).body.message).toBe('DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"')
  expect(send('DELETE', `${CORE}/configmaps/a?gracePeriodSeconds=x`).body.message).toBe('strconv.ParseInt: parsing "x": invalid syntax')
  const jobs = '/apis/batch/v1/namespaces/default/jobs'
  send('POST', jobs, { metadata: { name: 'j' }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }] } } } })
  const answer = send('DELETE', `${jobs}/j`)
  expect(answer.body.metadata.finalizers).toEqual(['orphan'])
  expect(answer.headers.get('warning')).toContain('child pods are preserved by default when jobs are deleted')
})
