/** Items 4 and 5 of what a learner can do: real packets between pods, through Services and names, stopped by policies, and `trace` that explains them. */
import { beforeAll, expect, test } from 'vitest'
import { blank, learner, type Learner } from './journey.ts'

let me: Learner

const policy = (name: string, spec: string) => `cat > ${name}.yaml <<'X'\rapiVersion: networking.k8s.io/v1\rkind: NetworkPolicy\rmetadata:\r  name: ${name}\rspec:\r${spec}X`

beforeAll(async () => {
  me = await learner()
  for (const line of [
    'kubectl create deployment web --image=nginx --replicas=3',
    'kubectl expose deployment web --port=80',
    'kubectl run bb --image=busybox:1.36 --labels=role=ok -- sleep 36000',
    'kubectl run cu --image=curlimages/curl --command -- sleep 36000',
    'kubectl run ag --image=registry.k8s.io/e2e-test-images/agnhost:2.53 -- netexec --http-port=8080',
    'kubectl run shoot --image=nicolaka/netshoot -- sleep 36000',
    'kubectl expose pod ag --port=80 --target-port=8080',
    'kubectl create service clusterip lonely --tcp=80',
    'kubectl create ns far; kubectl create deployment web --image=nginx -n far; kubectl expose deployment web -n far --port=80',
    'kubectl wait --for=condition=Ready pod --all -A --timeout=60s',
  ])
    await me.run(line)
})

test('addresses, routes and the name server in pods', async () => {
  expect((await me.see('kubectl exec bb -- ip a')).replace(/if\d+|([0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'X')).toMatchInlineSnapshot(`
    "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000
        link/loopback X brd X
        inet 127.0.0.1/8 scope host lo
           valid_lft forever preferred_lft forever
    2: eth0@X: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1450 qdisc noqueue qlen 1000
        link/ether X brd X
        inet POD-IP/32 scope global eth0
           valid_lft forever preferred_lft forever"
  `)
  expect((await me.see('kubectl exec ag -- ip a show eth0')).replace(/if\d+|([0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'X')).toMatchInlineSnapshot(`
    "2: eth0@X: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default qlen 1000
        link/ether X brd X link-netnsid 0
        inet POD-IP/32 scope global eth0
           valid_lft forever preferred_lft forever"
  `)
  expect(await me.see('kubectl exec bb -- ip route; kubectl exec bb -- cat /etc/resolv.conf')).toMatchInlineSnapshot(`
    "default via 169.254.1.1 dev eth0
    169.254.1.1 dev eth0 scope link
    search default.svc.cluster.local svc.cluster.local cluster.local
    nameserver 10.96.0.10
    options ndots:5"
  `)
})

test('names: short, with namespace, full, and wrong', async () => {
  expect(await me.see('kubectl exec bb -- nslookup web.default.svc.cluster.local')).toMatchInlineSnapshot(`
    "Server:		10.96.0.10
    Address:	10.96.0.10:53

    Name:	web.default.svc.cluster.local
    Address: CLUSTER-IP

    "
  `)
  expect(await me.see('kubectl exec bb -- nslookup web')).toMatchInlineSnapshot(`
    "Server:		10.96.0.10
    Address:	10.96.0.10:53

    Name:	web.default.svc.cluster.local
    Address: CLUSTER-IP

    ** server can't find web.svc.cluster.local: NXDOMAIN

    ** server can't find web.cluster.local: NXDOMAIN


    ** server can't find web.svc.cluster.local: NXDOMAIN

    ** server can't find web.cluster.local: NXDOMAIN

    command terminated with exit code 1"
  `)
  expect(await me.see('kubectl exec shoot -- dig +short web.far.svc.cluster.local; kubectl exec ag -- dig +short +search web')).toMatchInlineSnapshot(`
    "CLUSTER-IP
    CLUSTER-IP"
  `)
  expect(await me.run('for n in web web.far web.far.svc web.far.svc.cluster.local; do kubectl exec cu -- curl -s -o /dev/null -w "$n %{http_code}\\n" $n; done')).toBe('web 200\nweb.far 200\nweb.far.svc 200\nweb.far.svc.cluster.local 200')
  expect(await me.run('kubectl exec cu -- curl -sS nope; kubectl exec bb -- wget -qO- nope; kubectl exec bb -- ping -c1 nope')).toMatchInlineSnapshot(`
    "curl: (6) Could not resolve host: nope
    command terminated with exit code 6
    wget: bad address 'nope'
    command terminated with exit code 1
    ping: bad address 'nope'
    command terminated with exit code 1"
  `)
})

test('curl, wget, nc and ping from every kind of pod', async () => {
  expect(await me.run('kubectl exec bb -- wget -qO- web | grep title; kubectl exec cu -- curl -s web | grep title; kubectl exec ag -- curl -s web | grep title; kubectl exec deploy/web -- curl -s localhost | grep title')).toBe(Array(4).fill('<title>Welcome to nginx!</title>').join('\n'))
  expect(await me.see('kubectl exec bb -- nc -zv web 80; kubectl exec shoot -- nc -zv web 80; kubectl exec ag -- /agnhost connect web:80 --timeout=2s && echo connected')).toMatchInlineSnapshot(`
    "web (CLUSTER-IP:80) open
    Connection to web (CLUSTER-IP) 80 port [tcp/http] succeeded!
    connected"
  `)
  const other = await me.run("kubectl get pod ag -o jsonpath='{.status.podIP}'; echo")
  expect((await me.see(`kubectl exec bb -- ping -c 2 ${other}`)).replace(/\d+\.\d+|ttl=6[234]/g, 'N')).toMatchInlineSnapshot(`
    "PING POD-IP (POD-IP): 56 data bytes
    64 bytes from POD-IP: seq=0 N time=N ms
    64 bytes from POD-IP: seq=1 N time=N ms

    --- POD-IP ping statistics ---
    2 packets transmitted, 2 packets received, 0% packet loss
    round-trip min/avg/max = N/N/N ms"
  `)
  expect(await me.see('kubectl exec bb -- curl web').then((t) => t.replace(/[0-9a-f]{64}/, 'ID'))).toMatchInlineSnapshot(`"error: Internal error occurred: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "ID": OCI runtime exec failed: exec failed: unable to start container process: exec: "curl": executable file not found in $PATH"`)
  expect(await me.run('kubectl exec cu -- curl -s ag/hostname; echo')).toBe('ag')
})

test('what goes wrong: no listener, a wrong port, no endpoints', async () => {
  const other = await me.run("kubectl get pod cu -o jsonpath='{.status.podIP}'; echo")
  expect(blank(await me.run(`kubectl exec bb -- wget -qO- -T 2 ${other}; kubectl exec bb -- wget -qO- -T 2 web:81; kubectl exec bb -- nc -zv -w 2 lonely 80`))).toMatchInlineSnapshot(`
    "wget: can't connect to remote host (POD-IP): Connection refused
    command terminated with exit code 1
    wget: download timed out
    command terminated with exit code 1
    nc: lonely (CLUSTER-IP:80): Connection refused
    command terminated with exit code 1"
  `)
  expect(await me.run('kubectl exec cu -- curl -sS -m 2 web:81; kubectl exec cu -- curl -sS -m 2 lonely')).toMatchInlineSnapshot(`
    "curl: (28) Connection timed out after 2000 milliseconds
    command terminated with exit code 28
    curl: (7) Failed to connect to lonely port 80 after 0 ms: Couldn't connect to server
    command terminated with exit code 7"
  `)
})

test('load spreads over the endpoints', async () => {
  await me.run('for i in $(seq 30); do kubectl exec cu -- curl -s -o /dev/null web/?spread; done')
  const counts = (await me.run('for p in $(kubectl get pods -l app=web -o name); do kubectl logs $p | grep -c spread; done')).split('\n').map(Number)
  expect(counts.reduce((a, b) => a + b)).toBe(30)
  expect(Math.min(...counts)).toBeGreaterThan(2)
})

test('a NetworkPolicy stops exactly what it says, and trace names it', async () => {
  const get = (pod: string) => (pod === 'bb' ? `kubectl exec bb -- wget -qO- -T 2 web > /dev/null && echo ${pod} reaches` : `kubectl exec ${pod} -- curl -s -m 2 -o /dev/null web && echo ${pod} reaches`)
  await me.run(policy('only-ok', '  podSelector:\r    matchLabels:\r      app: web\r  ingress:\r  - from:\r    - podSelector:\r        matchLabels:\r          role: ok\r    ports:\r    - port: 80\r'))
  expect(await me.run('kubectl apply -f only-ok.yaml')).toBe('networkpolicy.networking.k8s.io/only-ok created')
  await me.wait(2)
  expect(await me.run(`${get('bb')}; ${get('cu')}; ${get('ag')}; kubectl exec cu -- curl -s -o /dev/null -w '%{http_code}\\n' web.far; kubectl exec cu -- curl -s ag/hostname; echo`)).toMatchInlineSnapshot(`
    "bb reaches
    command terminated with exit code 28
    command terminated with exit code 28
    200
    ag"
  `)
  expect(await me.see('kubectl describe netpol only-ok | sed "s/[0-9-]* [0-9:]* +0000/AT/"')).toMatchInlineSnapshot(`
    "Name:  only-ok
    Namespace:  default
    Created on:  AT UTC
    Labels:  <none>
    Annotations:  <none>
    Spec:
      PodSelector:  app=web
      Allowing ingress traffic:
        To Port: 80/TCP
        From:
          PodSelector: role=ok
      Not affecting egress traffic
      Policy Types: Ingress"
  `)
  expect(await me.see('trace cu web 80 | head -1; trace cu web 80 | tail -3')).toMatchInlineSnapshot(`
    "default/cu does not reach web (CLUSTER-IP) on port 80. Dropped on NODE: Ingress to default/web-HASH-POD is isolated by NetworkPolicy default/only-ok, and no rule allows this: only-ok rule 1 allows only from pods with role=ok in namespace default on TCP/80.
            from  NetworkPolicy default/only-ok

    Look next: kubectl describe networkpolicy only-ok -n default"
  `)
  expect(await me.see('trace bb web 80 | head -1; kubectl label pod cu role=ok; sleep 2')).toMatchInlineSnapshot(`
    "default/bb reaches web (CLUSTER-IP) on port 80, rewritten to POD-IP:80.
    pod/cu labeled"
  `)
  expect(await me.run(get('cu'))).toBe('cu reaches')
  await me.run('kubectl delete netpol only-ok')
  await me.wait(2)
  expect(await me.run(get('ag'))).toBe('ag reaches')
})

test('an egress policy without DNS cuts the names', async () => {
  await me.run(policy('no-out', '  podSelector:\r    matchLabels:\r      run: ag\r  policyTypes: [Egress]\r  egress:\r  - to:\r    - podSelector: {}\r'))
  await me.run('kubectl apply -f no-out.yaml; sleep 2')
  expect(await me.run('kubectl exec ag -- curl -sS -m 30 web | grep title')).toMatchInlineSnapshot(`
    "curl: (6) Could not resolve host: web
    command terminated with exit code 6"
  `)
  expect(await me.see('trace ag web 80 | head -1; trace ag web 80 | tail -3')).toMatchInlineSnapshot(`
    "default/ag cannot resolve the name web: its question to the name server 10.96.0.10 is lost. Dropped on NODE: Egress from default/ag is isolated by NetworkPolicy default/no-out, and no rule allows this: no-out rule 1 allows only to all pods in namespace default on any port.
            from  NetworkPolicy default/no-out

    Look next: kubectl describe networkpolicy no-out -n default"
  `)
  expect(await me.see('kubectl delete netpol no-out')).toMatchInlineSnapshot(`"networkpolicy.networking.k8s.io "no-out" deleted from default namespace"`)
})

test('trace: to a pod, a Service, a name; no endpoints, a wrong port, nobody listening, an unknown name', async () => {
  expect((await me.see("trace bb web 80 | grep -v '^ ' | cat")).replace(/POD-IP:80/, 'POD:80')).toMatchInlineSnapshot(`
    "default/bb reaches web (CLUSTER-IP) on port 80, rewritten to POD:80.

    The request:

    What came back:"
  `)
  const lines = ['trace bb ag 80', 'trace bb web.far 80', 'trace bb pod/ag 8080', 'trace node01 web 80', 'trace workstation pod/ag 8080', 'trace bb lonely 80', 'trace bb web 81', 'trace bb pod/cu 8080', 'trace bb nope.default 80', 'trace gone web 80']
  const answers: Record<string, string> = {}
  for (const line of lines) answers[line] = (await me.see(`${line} > t.txt; echo $?; head -1 t.txt; grep Look t.txt`)).trimEnd()
  expect(answers).toMatchInlineSnapshot(`
    {
      "trace bb ag 80": "0
    default/bb reaches ag (CLUSTER-IP) on port 80, rewritten to POD-IP:8080.",
      "trace bb lonely 80": "1
    default/bb does not reach lonely (CLUSTER-IP) on port 80. Refused on NODE: Service default/lonely has no ready endpoint, so kube-proxy wrote a REJECT rule.
    Look next: kubectl get endpointslices -n default -l kubernetes.io/service-name=lonely",
      "trace bb nope.default 80": "1
    default/bb cannot resolve the name nope.default; no packet was sent to it.
    Look next: Look at the pod's /etc/resolv.conf, the Service kube-dns and the CoreDNS pods.",
      "trace bb pod/ag 8080": "0
    default/bb reaches pod/ag (POD-IP) on port 8080.",
      "trace bb pod/cu 8080": "1
    default/bb does not reach pod/cu (POD-IP) on port 8080. Refused on NODE: nobody listens on POD-IP:8080/tcp",
      "trace bb web 81": "1
    default/bb does not reach web (CLUSTER-IP) on port 81. Service default/web has no port 81/TCP (it has 80/TCP), so no rule rewrote the address to a pod's and the packet was lost outside the cluster.
    Look next: kubectl get service web -n default",
      "trace bb web.far 80": "0
    default/bb reaches web.far (CLUSTER-IP) on port 80, rewritten to POD-IP:80.",
      "trace gone web 80": "1
    There is no running gone to ask from.
    Look next: kubectl get pods -A -o wide",
      "trace node01 web 80": "1
    node01 cannot resolve the name web; no packet was sent to it.
    Look next: Look at the pod's /etc/resolv.conf, the Service kube-dns and the CoreDNS pods.",
      "trace workstation pod/ag 8080": "1
    base does not reach pod/ag (POD-IP) on port 8080. Lost on segment: no route
    Look next: ssh segment ip route",
    }
  `)
  expect(await me.run('trace bb')).toMatch(/^Usage: trace FROM TO PORT/)
})
