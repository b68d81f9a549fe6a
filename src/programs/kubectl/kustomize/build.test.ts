/** Overlays as learners write them: names that follow prefixes and hashes, merged generators, patches, and what kustomize says of mistakes. */
import { expect, test } from 'vitest'
import type { Process } from '#engine/machine/process.ts'
import { Failure } from '../cli/errors.ts'
import { hashOf } from './generate.ts'
import { kustomize } from './build.ts'

function build(files: Record<string, string>, folder: string): string | { objects: unknown[]; warnings: readonly string[] } {
  const isFolder = (path: string) => Object.keys(files).some((f) => f.startsWith(`${path}/`))
  const fs = { exists: (path: string) => files[path] !== undefined || isFolder(path), stat: (path: string) => ({ type: isFolder(path) ? 'directory' : 'file' }), readFile: (path: string) => files[path]! }
  try {
    return kustomize({ cwd: '/k', fs } as unknown as Process, folder)
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
}

const base = {
  '/k/base/kustomization.yaml': 'resources: [app.yaml]\nconfigMapGenerator:\n- name: conf\n  literals: [a=b]\n',
  '/k/base/app.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      serviceAccountName: api
      containers:
      - {name: web, image: "nginx:1.25", envFrom: [{configMapRef: {name: conf}}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: api}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: api}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: api, namespace: default}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: api}
spec: {maxReplicas: 4, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}}
`,
}

test('references follow prefix, hash and namespace; generators merge; the names of patches and replicas are those of the base', () => {
  const overlay = `
resources: [../base]
namespace: prod
namePrefix: prod-
commonLabels: {env: prod}
images: [{name: nginx, newTag: "1.27"}]
replicas: [{name: api, count: 3}]
configMapGenerator:
- {name: conf, behavior: merge, literals: [c=d]}
patches:
- path: p.yaml
- target: {kind: HorizontalPodAutoscaler}
  patch: '[{"op": "replace", "path": "/spec/maxReplicas", "value": 6}]'
`
  const p = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {template: {spec: {containers: [{name: web, resources: {requests: {cpu: 100m}}}]}}}\n'
  const metadata = { name: 'prod-api', namespace: 'prod', labels: { env: 'prod' } }
  expect(build({ ...base, '/k/prod/kustomization.yaml': overlay, '/k/prod/p.yaml': p }, 'prod')).toEqual({
    objects: [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'ServiceAccount', name: 'prod-api', namespace: 'prod' }] },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name: 'prod-conf-97g7cbtc8h' }, data: { a: 'b', c: 'd' } },
      {
        apiVersion: 'apps/v1', kind: 'Deployment', metadata,
        spec: {
          replicas: 3, selector: { matchLabels: { app: 'api', env: 'prod' } },
          template: { metadata: { labels: { app: 'api', env: 'prod' } }, spec: { serviceAccountName: 'prod-api', containers: [{ name: 'web', image: 'nginx:1.27', envFrom: [{ configMapRef: { name: 'prod-conf-97g7cbtc8h' } }], resources: { requests: { cpu: '100m' } } }] } },
        },
      },
      { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata, spec: { maxReplicas: 6, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'prod-api' } } },
    ],
    warnings: ["# Warning: 'commonLabels' is deprecated. Please use 'labels' instead. Run 'kustomize edit fix' to update your Kustomization automatically.\n"],
  })
})

test('the hash is that of the content with the name that the object then has', () => {
  const map = (name: string, data: object) => hashOf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })
  expect([map('example-configmap-2', { FOO: 'Bar' }), map('team-foo-configmap-in-base', { foo: 'bar' }), map('p1-com1', { baz: 'qux', foo: 'bar', from: 'overlay' })]).toEqual(['g2hdhfc6tk', 'bbdmdh7m8t', 'dhbbm922gd'])
})

test('what it says of mistakes', () => {
  const of = (text: string, more: Record<string, string> = {}) => build({ ...base, ...more, '/k/o/kustomization.yaml': text }, 'o')
  const apx = 'Deployment.v1.apps/apx.[noNs]'
  expect([
    build(base, 'nodir'), build(base, 'base/app.yaml'), of(''), of('resource: [a]\n'), of('kind: Kustomize\n'), of('resources: [a.yaml]\n'), of('resources: [../base, ../base/app.yaml]\n'),
    of('resources: [../base]\npatches: [{patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: apx}}"}]\n'), of('resources: [../c]\n', { '/k/c/kustomization.yaml': 'resource: [a]\n' }),
  ]).toEqual([
    "must build at directory: not a valid directory: evalsymlink failure on 'nodir' : lstat /k/nodir: no such file or directory",
    "must build at directory: 'base/app.yaml': file is not directory",
    'kustomization.yaml is empty',
    'invalid Kustomization: json: unknown field "resource"',
    'Failed to read kustomization file under /k/o:\nkind should be Kustomization or Component',
    "accumulating resources: accumulation err='accumulating resources from 'a.yaml': open /k/o/a.yaml: no such file or directory': must build at directory: not a valid directory: evalsymlink failure on '/k/o/a.yaml' : lstat /k/o/a.yaml: no such file or directory",
    "accumulating resources: accumulation err='merging resources from '../base/app.yaml': may not add resource with an already registered id: Deployment.v1.apps/api.[noNs]': must build at directory: '/k/base/app.yaml': file is not directory",
    `no resource matches strategic merge patch "${apx}": no matches for Id ${apx}; failed to find unique target for patch ${apx}`,
    "accumulating resources: accumulation err='accumulating resources from '../c': '/k/c' must resolve to a file': recursed accumulation of path '/k/c': invalid Kustomization: json: unknown field \"resource\"",
  ])
})
