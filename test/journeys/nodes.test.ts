/** Item 4 of what a learner can do, on the nodes: ssh, the files and rules there, a stopped kubelet, a broken API server. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner()
  await me.run('kubectl create deployment web --image=nginx --replicas=4; kubectl rollout status deploy/web')
})

const nodes = () => me.run("kubectl get nodes --no-headers | awk '{print $1, $2}'")
const refused = 'The connection to the server 172.20.10.11:6443 was refused - did you specify the right host or port?'
const last = (text: string) => text.split('\n').at(-1)

test('a look around on node01', async () => {
  expect(await me.run('ssh node01')).toBe('')
  expect(await me.run('hostname; whoami; pwd; echo $PATH')).toMatchInlineSnapshot(`
    "node01
    student
    /home/student
    /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games"
  `)
  expect(await me.run('ip link | grep -o "^[0-9]*: [a-z0-9.]*" | sed "s/.: cali.*/N: caliX/" | uniq')).toMatchInlineSnapshot(`
    "1: lo
    2: eth0
    3: flannel.1
    N: caliX"
  `)
  expect((await me.see('ip route')).replace(/POD-IP dev cali\w+ scope link\n/g, '')).toMatchInlineSnapshot(`
    "default via 172.20.10.1 dev eth0
    POD-IP/24 via POD-IP dev flannel.1 onlink
    POD-IP/24 via POD-IP dev flannel.1 onlink
    172.20.10.0/24 dev eth0 proto kernel scope link src 172.20.10.21"
  `)
  expect(await me.run('sudo iptables-save | grep -E "^:KUBE-(SERVICES|NODEPORTS|POSTROUTING|MARK-MASQ)" | sort -u')).toMatchInlineSnapshot(`
    ":KUBE-MARK-MASQ - [0:0]
    :KUBE-NODEPORTS - [0:0]
    :KUBE-POSTROUTING - [0:0]
    :KUBE-SERVICES - [0:0]"
  `)
  expect(await me.run('sudo iptables-save -t nat | grep "default/kubernetes:https cluster IP"')).toMatchInlineSnapshot(`
    "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
    -A KUBE-SVC-NPX46M4PTMTKRN6Y ! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-MARK-MASQ"
  `)
  expect(await me.run('ls /etc/cni/net.d /etc/kubernetes/manifests; jq -r ".plugins[].type" /etc/cni/net.d/10-canal.conflist')).toMatchInlineSnapshot(`
    "/etc/cni/net.d:
    10-canal.conflist  calico-kubeconfig

    /etc/kubernetes/manifests:
    calico
    portmap
    bandwidth"
  `)
  expect(await me.run('systemctl status kubelet | head -6 | sed "s/since.*/since/"; systemctl is-active kubelet containerd')).toMatchInlineSnapshot(`
    "● kubelet.service - kubelet: The Kubernetes Node Agent
         Loaded: loaded (/lib/systemd/system/kubelet.service; enabled; preset: enabled)
        Drop-In: /usr/lib/systemd/system/kubelet.service.d
                 └─10-kubeadm.conf
         Active: active (running) since
           Docs: https://kubernetes.io/docs/
    active
    active"
  `)
  expect(await me.run('journalctl -u kubelet --no-pager | grep -c Started')).toBe('2')
  expect(await me.run('systemctl stop kubelet')).toMatchInlineSnapshot(`
    "Failed to stop kubelet.service: Interactive authentication required.
    See system logs and 'systemctl status kubelet.service' for details."
  `)
  expect(await me.run('exit')).toBe('logout\nConnection to node01 closed.')
  expect(await me.run('ssh node77')).toBe('ssh: Could not resolve hostname node77: Name or service not known')
})

test('the API server\'s manifest away: refused; back: as before', async () => {
  await me.run('ssh controlplane sudo mv /etc/kubernetes/manifests/kube-apiserver.yaml /root/')
  await me.wait(10)
  expect(last(await me.run('kubectl get nodes'))).toBe(refused)
  expect(await me.run('kubectl create deployment a --image=nginx')).toBe(refused)
  expect(await me.run('curl -sSk https://172.20.10.11:6443/healthz')).toMatch(/^curl: \(7\) Failed to connect to 172\.20\.10\.11 port 6443 after \d+ ms: Couldn't connect to server$/)
  expect(await me.run('ssh controlplane sudo crictl ps | grep -c apiserver')).toBe('0')
  await me.run('ssh controlplane sudo mv /root/kube-apiserver.yaml /etc/kubernetes/manifests/')
  await me.wait(30)
  expect(await nodes()).toBe('controlplane Ready\nnode01 Ready\nnode02 Ready')
  expect(await me.run('kubectl get deploy web -o jsonpath="{.status.readyReplicas}{\'\\n\'}"')).toBe('4')
})

test('a wrong flag: the container ends again and again and says why; minutes later the mended one comes back', async () => {
  await me.run("ssh controlplane sudo sed -i 's/--secure-port=6443/--secure-prt=6443/' /etc/kubernetes/manifests/kube-apiserver.yaml")
  await me.wait(90)
  expect(last(await me.run('kubectl get nodes'))).toBe(refused)
  await me.run('ssh controlplane')
  expect(await me.run("sudo crictl ps -a | grep apiserver | grep -cv Running")).toMatch(/^[12]$/)
  expect(await me.run('sudo crictl logs $(sudo crictl ps -a -q --state exited --name kube-apiserver | head -1)')).toBe('Error: unknown flag: --secure-prt')
  expect(await me.run('sudo sh -c "tail -qn1 /var/log/pods/*apiserver*/*/*.log" | tail -1 | cut -d" " -f2-')).toBe('stderr F Error: unknown flag: --secure-prt')
  await me.run("sudo sed -i 's/--secure-prt=6443/--secure-port=6443/' /etc/kubernetes/manifests/kube-apiserver.yaml")
  await me.run('exit')
  await me.wait(45)
  expect(await nodes()).toBe('controlplane Ready\nnode01 Ready\nnode02 Ready')
  // The managers lost their leases meanwhile and were started afresh.
  expect(await me.run("kubectl get pods -n kube-system --no-headers | grep -E 'scheduler|manager' | awk '{print $2, $3, ($4 > 0)}'")).toBe('1/1 Running 1\n1/1 Running 1')
  expect(await me.run('kubectl scale deploy web --replicas=5; kubectl rollout status deploy/web | tail -1')).toBe('deployment.apps/web scaled\ndeployment "web" successfully rolled out')
})

test('broken YAML in the manifest', async () => {
  await me.run("ssh controlplane sudo sed -i 's/^spec:/spec/' /etc/kubernetes/manifests/kube-apiserver.yaml")
  await me.wait(15)
  expect(last(await me.run('kubectl get nodes'))).toBe(refused)
  expect(await me.run('ssh controlplane sudo journalctl -u kubelet --no-pager | grep -c "can.t process config file .*kube-apiserver.yaml"')).toBe('1')
  await me.run("ssh controlplane sudo sed -i 's/^spec$/spec:/' /etc/kubernetes/manifests/kube-apiserver.yaml")
  await me.wait(30)
  expect(await nodes()).toBe('controlplane Ready\nnode01 Ready\nnode02 Ready')
})

test('a stopped kubelet: Ready for a while, then NotReady; its pods move after five minutes and are gone when it is back', async () => {
  await me.run('ssh node02 sudo systemctl stop kubelet')
  await me.wait(30)
  expect(await nodes()).toBe('controlplane Ready\nnode01 Ready\nnode02 Ready')
  await me.wait(30)
  expect(await nodes()).toBe('controlplane Ready\nnode01 Ready\nnode02 NotReady')
  expect(await me.run("kubectl get node node02 -o jsonpath='{.spec.taints[*].key} {.spec.taints[*].effect}{\"\\n\"}'")).toMatchInlineSnapshot(`"node.kubernetes.io/unreachable node.kubernetes.io/unreachable NoSchedule NoExecute"`)
  expect(await me.run("kubectl describe node node02 | grep -E '^  (Ready|MemoryPressure)' | awk '{print $1, $2}'; kubectl describe node node02 | grep -o 'Kubelet stopped posting node status.' | sort -u")).toMatchInlineSnapshot(`
    "MemoryPressure Unknown
    Ready Unknown
    Kubelet stopped posting node status."
  `)
  expect(await me.run('kubectl get pods -o wide --no-headers | grep node02 | awk \'{print $2, $3}\' | sort -u')).toBe('1/1 Running')
  await me.wait(310)
  expect(await me.run('kubectl get pods -o wide --no-headers | awk \'{print $3, $7}\' | sort -u')).toMatchInlineSnapshot(`
    "Running node01
    Terminating node02"
  `)
  await me.run('ssh node02 sudo systemctl start kubelet')
  await me.wait(40)
  expect(await nodes()).toBe('controlplane Ready\nnode01 Ready\nnode02 Ready')
  expect(await me.run('kubectl get pods --no-headers | awk \'{print $2, $3}\' | sort | uniq -c')).toBe('      5 1/1 Running')
})
