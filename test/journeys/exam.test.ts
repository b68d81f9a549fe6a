/** Tasks as mock exams pose them, each a small story: kustomize overlays, the API asked from a pod, a replaced set of objects, versions of images. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner()
})

test('an overlay is applied: names follow, the deprecated field is told, a wrong folder is named', async () => {
  await me.run('mkdir -p base prod; kubectl create deploy api --image=nginx:1.25 --dry-run=client -o yaml > base/api.yaml')
  await me.run(`printf 'resources: [api.yaml]\\nconfigMapGenerator: [{name: conf, literals: [a=b]}]\\n' > base/kustomization.yaml; printf 'resources: [../base]\\nnamespace: prod\\nnamePrefix: prod-\\ncommonLabels: {env: prod}\\nimages: [{name: nginx, newTag: "1.27"}]\\n' > prod/kustomization.yaml; kubectl create ns prod`)
  expect(await me.run('kubectl apply -k prod')).toMatch(/^# Warning: 'commonLabels' is deprecated\. .*\nconfigmap\/prod-conf-[a-z0-9]{10} created\ndeployment\.apps\/prod-api created$/)
  expect(await me.run(`kubectl get deploy -n prod prod-api -o jsonpath='{.spec.template.spec.containers[0].image} {.spec.selector.matchLabels}{"\\n"}'`)).toBe('nginx:1.27 {"app":"api","env":"prod"}')
  expect(await me.run('kubectl apply -k nodir')).toBe("error: must build at directory: not a valid directory: evalsymlink failure on 'nodir' : lstat /home/student/nodir: no such file or directory")
})

test('replace --force takes all away before it brings all back', async () => {
  await me.run('kubectl create cm a --from-literal=k=1; kubectl create cm b --from-literal=k=1; kubectl get cm a b -o yaml > x.yaml')
  expect(await me.run('kubectl replace --force -f x.yaml')).toBe('configmap "a" deleted from default namespace\nconfigmap "b" deleted from default namespace\nconfigmap/a replaced\nconfigmap/b replaced')
})

test('any published version of an image runs, the documentation\'s Job computes, a pod asks the API with curl', async () => {
  await me.run(`kubectl run old --image=nginx:1.17.6-alpine; kubectl create job pi --image=perl:5.34.0 -- perl -Mbignum=bpi -wle 'print bpi(20)'; kubectl run ask --image=curlimages/curl -- sleep 1d; kubectl wait --for=condition=Ready pod/old pod/ask; kubectl wait --for=condition=complete job/pi`)
  expect(await me.run('kubectl logs job/pi; kubectl exec old -- curl -sI localhost | grep Server')).toBe('3.1415926535897932385\nServer: nginx/1.17.6')
  const said = await me.run('kubectl exec ask -- sh -c \'curl -sk -H "Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)" https://kubernetes.default/api/v1/namespaces/default/secrets\'')
  expect(said.split('\n').slice(0, 6).join('\n')).toBe('{\n  "kind": "Status",\n  "apiVersion": "v1",\n  "metadata": {},\n  "status": "Failure",\n  "message": "secrets is forbidden: User \\"system:serviceaccount:default:default\\" cannot list resource \\"secrets\\" in API group \\"\\" in the namespace \\"default\\"",')
})

test('a service of a wrong type is refused by the server', async () => {
  expect(await me.run('kubectl create deploy w --image=nginx; kubectl expose deploy w --port=80 --type=NodeProt')).toBe('deployment.apps/w created\nThe Service "w" is invalid: spec.type: Unsupported value: "NodeProt": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"')
})
