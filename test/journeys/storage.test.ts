/** Dynamic volumes: a provisioner installed by its release manifest, claims that wait for their pod, and pods that wait for their claim. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner('trio')
})

const claim = (name: string, storageClass: string) => `kubectl apply -f - <<< '{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"${name}"},"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"${storageClass}","resources":{"requests":{"storage":"128Mi"}}}}'`
const pod = (name: string, of: string) => `kubectl apply -f - <<< '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}"},"spec":{"containers":[{"name":"c","image":"nginx","volumeMounts":[{"name":"v","mountPath":"/data"}]}],"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"${of}"}}]}}'`

test('a claim of local-path is provisioned on the node of its first pod, and goes with it', async () => {
  await me.run('kubectl apply -f https://raw.githubusercontent.com/rancher/local-path-provisioner/v0.0.32/deploy/local-path-storage.yaml')
  await me.wait(15)
  await me.run(claim('data', 'local-path'))
  await me.wait(3)
  expect(await me.run("kubectl get pvc data --no-headers | awk '{print $2}'; kubectl get events --field-selector involvedObject.name=data -o jsonpath={.items[*].reason}; echo")).toBe('Pending\nWaitForFirstConsumer')
  await me.run(pod('first', 'data'))
  await me.wait(12)
  expect(await me.run("kubectl get pod first --no-headers | awk '{print $3}'; kubectl get pvc data --no-headers | awk '{print $2, $4, $6}'; kubectl get pv --no-headers | awk '{print $4, $5, $6}'")).toBe('Running\nBound 128Mi local-path\nDelete Bound default/data')
  expect(await me.run('[ "$(kubectl get pv -o jsonpath={.items[0].spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]})" = "$(kubectl get pod first -o jsonpath={.spec.nodeName})" ] && echo same')).toBe('same')
  await me.run('kubectl delete pod first --now; kubectl delete pvc data')
  await me.wait(6)
  expect(await me.run('kubectl get pv')).toBe('No resources found')
})

test('a pod whose claim nobody provisions stays where it is', async () => {
  await me.run(`kubectl apply -f - <<< '{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"nobody"},"provisioner":"example.com/nobody","volumeBindingMode":"WaitForFirstConsumer"}'; ${claim('never', 'nobody')}; ${pod('waits', 'never')}`)
  await me.wait(10)
  expect(await me.run("kubectl get pod waits -o wide --no-headers | awk '{print $3, $7}'; kubectl get pvc never --no-headers | awk '{print $2}'")).toBe('Pending <none>\nPending')
  expect(await me.run('kubectl get events --field-selector involvedObject.name=never -o jsonpath={.items[*].reason} | grep -o ExternalProvisioning')).toBe('ExternalProvisioning')
})
