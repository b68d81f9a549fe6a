import { beforeEach, describe, expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { configMap, pod, type Rig, rigOn } from '../testing/rig.ts'

const rig = () => rigOn(new Sim({ seed: 'kinds', start: Date.UTC(2026, 0, 1) }))

let r: Rig
beforeEach(() => {
  r = rig()
})

const PODS = '/api/v1/namespaces/default/pods'

describe('admission', () => {
  test('a pod gets its service account, token volume and tolerations', () => {
    const { spec } = r.send('POST', PODS, pod('p')).body
    expect(spec.serviceAccountName).toBe('default')
    expect(spec.volumes[0].name).toMatch(/^kube-api-access-[a-z0-9]{5}$/)
    expect(spec.containers[0].volumeMounts).toEqual([{ name: spec.volumes[0].name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }])
    expect(spec.tolerations.map((t: { tolerationSeconds: number }) => t.tolerationSeconds)).toEqual([300, 300])
    expect(r.send('POST', PODS, pod('q', { serviceAccountName: 'nobody' }))).toMatchObject({ code: 403, body: { message: 'pods "q" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found' } })
  })

  test('nothing is made where no namespace is, or where one is going', () => {
    expect(r.send('POST', '/api/v1/namespaces/none/configmaps', configMap('a'))).toMatchObject({ code: 404, body: { message: 'namespaces "none" not found' } })
    r.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'old' } })
    expect(r.send('DELETE', '/api/v1/namespaces/old').body.status.phase).toBe('Terminating')
    const late = r.send('POST', '/api/v1/namespaces/old/configmaps', configMap('a'))
    expect(late.code).toBe(403)
    expect(late.body.message).toBe('configmaps "a" is forbidden: unable to create new content in namespace old because it is being terminated')
    expect(r.send('DELETE', '/api/v1/namespaces/kube-system').code).toBe(403)
  })

  test('quotas', () => {
    r.send('POST', '/api/v1/namespaces/default/resourcequotas', { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } })
    const status = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, status: { hard: { pods: '1' }, used: { pods: '0' } } }
    r.send('PATCH', '/api/v1/namespaces/default/resourcequotas/q/status', status, { headers: { 'content-type': 'application/merge-patch+json' } })
    expect(r.send('POST', PODS, pod('a')).code).toBe(201)
    expect(r.send('POST', PODS, pod('b'))).toMatchObject({ code: 403, body: { message: 'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1' } })
  })

  test('limit ranges give defaults', () => {
    r.send('POST', '/api/v1/namespaces/default/limitranges', { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l' }, spec: { limits: [{ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '100m' }, max: { cpu: '2' } }] } })
    expect(r.send('POST', PODS, pod('a')).body.spec.containers[0].resources).toEqual({ limits: { cpu: '1' }, requests: { cpu: '100m' } })
    expect(r.send('POST', PODS, pod('b', { containers: [{ name: 'c', image: 'x', resources: { limits: { cpu: '3' } } }] })).body.message).toBe('pods "b" is forbidden: maximum cpu usage per Container is 2, but limit is 3')
  })

  test('pod security', () => {
    r.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tight', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } })
    r.send('POST', '/api/v1/namespaces/tight/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } })
    expect(r.send('POST', '/api/v1/namespaces/tight/pods', pod('p', { hostNetwork: true })).body.message).toBe('pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)')
  })

  test('nobody hands out more than they have', () => {
    const user = { name: 'mia', groups: ['system:authenticated'] }
    const base = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
    r.send('POST', `${base}/rolebindings`, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'mia' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' }, subjects: [{ kind: 'User', name: 'mia', apiGroup: 'rbac.authorization.k8s.io' }] })
    const role = (rules: object[]) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'r' }, rules })
    expect(r.send('POST', `${base}/roles`, role([{ apiGroups: [''], resources: ['nodes'], verbs: ['delete'] }]), { user }).code).toBe(403)
    expect(r.send('POST', `${base}/roles`, role([{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]), { user }).code).toBe(201)
  })
})
