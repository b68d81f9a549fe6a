/** Usage and autoscaling: metrics-server in a pod, `kubectl top`, an autoscaler that follows the load. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner('trio-metrics')
})

test('top tells what a busy loop uses, and says why there is nothing to tell', async () => {
  expect(await me.run('kubectl get apiservice v1beta1.metrics.k8s.io -o jsonpath={.status.conditions[0].message}; echo')).toBe('all checks passed')
  await me.run('kubectl run busy --image=busybox -- sh -c "while true; do :; done"; kubectl run idle --image=busybox -- sleep 1d')
  expect(await me.run('kubectl top pods')).toBe('error: metrics not available yet')
  await me.wait(40)
  expect(await me.run("kubectl top pods --sort-by=cpu --no-headers | awk '{print $1, ($2 + 0 > 950), $3}'")).toBe('busy 1 0Mi\nidle 0 0Mi')
  expect(await me.run('kubectl top node | head -1 | xargs')).toBe('NAME CPU(cores) CPU(%) MEMORY(bytes) MEMORY(%)')
  expect(await me.run('kubectl top pod nobody')).toBe('Error from server (NotFound): podmetrics.metrics.k8s.io "default/nobody" not found')
  await me.run('kubectl delete pod busy idle --now')
})

test('an autoscaler wants requests, then scales with the load', async () => {
  await me.run('kubectl create deployment web --image=nginx; kubectl autoscale deployment web --cpu=50% --max=4')
  await me.wait(50)
  expect(await me.run('kubectl get hpa web --no-headers | awk \'{print $3, $4}\'')).toBe('cpu: <unknown>/50%')
  expect(await me.run('kubectl describe hpa web | grep -c "missing request for cpu in container nginx of Pod web-"')).not.toBe('0')
  await me.run('kubectl set resources deployment web --requests=cpu=100m; kubectl rollout status deployment web')
  await me.run('kubectl patch deployment web -p \'{"spec":{"template":{"spec":{"containers":[{"name":"nginx","command":["sh","-c","while true; do :; done"]}]}}}}\'')
  await me.wait(90)
  expect(await me.run('kubectl get hpa web -o jsonpath={.status.desiredReplicas}; echo')).toBe('4')
  expect(await me.run("kubectl get events --field-selector reason=SuccessfulRescale -o jsonpath='{.items[0].message}'; echo")).toBe('New size: 4; reason: cpu resource utilization (percentage of request) above target')
})

test('without the server the API is unavailable, then unknown', async () => {
  await me.run('kubectl -n kube-system scale deployment metrics-server --replicas=0')
  await me.wait(5)
  expect(await me.run('kubectl top nodes')).toBe('Error from server (ServiceUnavailable): the server is currently unable to handle the request (get nodes.metrics.k8s.io)')
  expect(await me.run("kubectl get apiservice v1beta1.metrics.k8s.io --no-headers | awk '{print $2, $3, $4}'")).toBe('kube-system/metrics-server False (MissingEndpoints)')
  await me.run('kubectl delete apiservice v1beta1.metrics.k8s.io')
  expect(await me.run('kubectl top nodes')).toBe('error: Metrics API not available')
})

test('the release manifest, installed by its address, wants kubelets with certificates that it can check', async () => {
  const plain = await learner('trio')
  expect((await plain.run('kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml')).split('\n').at(-1)).toBe('apiservice.apiregistration.k8s.io/v1beta1.metrics.k8s.io created')
  await plain.wait(50)
  expect(await plain.run('kubectl -n kube-system get deployment metrics-server -o jsonpath={.status.readyReplicas}; kubectl top nodes')).toBe('Error from server (ServiceUnavailable): the server is currently unable to handle the request (get nodes.metrics.k8s.io)')
  expect(await plain.run("kubectl -n kube-system logs deploy/metrics-server | grep -c \"x509: cannot validate certificate for 172.20.10.21 because it doesn't contain any IP SANs\"")).not.toBe('0')
  await plain.run(`kubectl -n kube-system patch deployment metrics-server --type=json -p '[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--kubelet-insecure-tls"}]'; kubectl -n kube-system rollout status deployment metrics-server`)
  await plain.wait(20)
  expect(await plain.run('kubectl top nodes --no-headers | wc -l')).toBe('3')
})
