/** Item 4 of what a learner can do: an Ingress by host and path, through a controller that runs as a pod. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner('trio-edge')
})

test('an Ingress by host and path', async () => {
  expect(await me.see('kubectl get pods,svc -n ingress-nginx | sed "s/:3[0-9]*/:PORT/g"; kubectl get ingressclass')).toMatchInlineSnapshot(`
    "NAME  READY  STATUS  RESTARTS  AGE
    pod/ingress-nginx-controller-HASH-POD  1/1  Running  0  AGE

    NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
    service/ingress-nginx-controller  NodePort  CLUSTER-IP  <none>  80:PORT/TCP,443:PORT/TCP  AGE
    service/ingress-nginx-controller-admission  ClusterIP  CLUSTER-IP  <none>  443/TCP  AGE
    NAME  CONTROLLER  PARAMETERS  AGE
    nginx  k8s.io/ingress-nginx  <none>  AGE"
  `)
  await me.run('kubectl create deployment web --image=nginx; kubectl expose deploy web --port=80')
  await me.run('kubectl run api --image=registry.k8s.io/e2e-test-images/agnhost:2.53 -- netexec --http-port=8080; kubectl expose pod api --port=80 --target-port=8080')
  expect(await me.run('kubectl create ingress shop --class=nginx --rule="shop.example.com/hostname=api:80" --rule="shop.example.com/*=web:80"')).toBe('ingress.networking.k8s.io/shop created')
  await me.wait(70)
  expect(await me.see('kubectl get ing | sed s/172.20.10.2[12]/NODE/')).toMatchInlineSnapshot(`
    "NAME  CLASS  HOSTS  ADDRESS  PORTS  AGE
    shop  nginx  shop.example.com  NODE  80  AGE"
  `)
  expect(await me.see('kubectl describe ing shop | sed s/172.20.10.2[12]/NODE/')).toMatchInlineSnapshot(`
    "Name:  shop
    Labels:  <none>
    Namespace:  default
    Address:  NODE
    Ingress Class:  nginx
    Default backend:  <default>
    Rules:
      Host  Path  Backends
      ----  ----  --------
      shop.example.com
                        /hostname  api:80 (POD-IP:8080)
                        /  web:80 (POD-IP:80)
    Annotations:  <none>
    Events:
      Type  Reason  Age  From  Message
      ----  ------  ----  ----  -------
      Normal  Sync  AGE  nginx-ingress-controller  Scheduled for sync"
  `)
  await me.run("P=$(kubectl get svc -n ingress-nginx ingress-nginx-controller -o jsonpath='{.spec.ports[0].nodePort}')")
  const curl = (node: string, host: string, path: string) => `curl -s -o out.txt -w '%{http_code} ' -H 'Host: ${host}' ${node}:$P${path}; grep -o -E 'Welcome to nginx!|404 Not Found|503 Service Temporarily Unavailable|^api$' out.txt | head -1`
  for (const node of ['node01', 'node02', 'controlplane']) {
    expect(await me.run(curl(node, 'shop.example.com', '/'))).toBe('200 Welcome to nginx!')
    expect(await me.run(curl(node, 'shop.example.com', '/hostname'))).toBe('200 api')
    expect(await me.run(curl(node, 'other.example.com', '/'))).toBe('404 404 Not Found')
  }
  expect(await me.run('kubectl exec api -- curl -s -H "Host: shop.example.com" ingress-nginx-controller.ingress-nginx/hostname; echo')).toBe('api')
  await me.run('kubectl scale deploy web --replicas=0; sleep 5')
  expect(await me.run(curl('node01', 'shop.example.com', '/'))).toBe('503 503 Service Temporarily Unavailable')
})
