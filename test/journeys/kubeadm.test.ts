/** A learner makes clusters with kubeadm: from bare machines, with one node more, one version further, and back to bare machines. */
import { expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

const nodes = (me: Learner) => me.run("kubectl --kubeconfig kc get nodes --no-headers | awk '{print $1, $2, $5}'")

test('bare machines become a cluster and machines again', async () => {
  const me = await learner('bare-3')
  expect(await me.run('ssh m1 sudo kubeadm init --pod-network-cidr 300.1.0.0/16 --kubernetes-version v1.35.4 2>&1')).toMatchInlineSnapshot(`
    "error: networking.podSubnet: Invalid value: "300.1.0.0/16": couldn't parse subnet
    To see the stack trace of this error execute with --v=5 or higher"
  `)
  const made = await me.run('ssh m1 sudo kubeadm init --pod-network-cidr 10.244.0.0/16 --kubernetes-version v1.35.4')
  expect(made.match(/^\[[a-z-]+\]/gm)?.filter((line, i, all) => line !== all[i - 1])).toMatchInlineSnapshot(`
    [
      "[init]",
      "[preflight]",
      "[certs]",
      "[kubeconfig]",
      "[etcd]",
      "[control-plane]",
      "[kubelet-start]",
      "[patches]",
      "[kubelet-start]",
      "[wait-control-plane]",
      "[kubelet-check]",
      "[control-plane-check]",
      "[upload-config]",
      "[kubelet]",
      "[upload-certs]",
      "[mark-control-plane]",
      "[bootstrap-token]",
      "[kubelet-finalize]",
      "[addons]",
    ]
  `)
  expect(made).toContain('Your Kubernetes control-plane has initialized successfully!')
  await me.run('ssh m1 sudo cat /etc/kubernetes/admin.conf > kc')
  expect(await nodes(me)).toMatchInlineSnapshot(`"m1 NotReady v1.35.4"`)
  expect(await me.run('J=$(ssh m1 sudo kubeadm token create --print-join-command); ssh m2 sudo $J | tail -7')).toMatchInlineSnapshot(`
    "
    This node has joined the cluster:
    * Certificate signing request was sent to apiserver and a response was received.
    * The Kubelet was informed of the new secure connection details.

    Run 'kubectl get nodes' on the control-plane to see this node join the cluster.
    "
  `)
  expect(await me.run('ssh m3 sudo ${J%% --discovery*} --discovery-token-ca-cert-hash sha256:$(printf 0%.0s {1..64}) 2>&1 | tail -2')).toMatchInlineSnapshot(`
    "error: error execution phase preflight: couldn't validate the identity of the API Server: cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "sha256:9c05ebd3230c2ccb1c731e53d8d2af56cf5bb9e94ef36b41d38a52c287f9af6e" are pinned
    To see the stack trace of this error execute with --v=5 or higher"
  `)
  expect(await me.run('kubectl --kubeconfig kc get csr --no-headers | sed "s/ [0-9]*s / AGE /; s/csr-...../csr-NAME/; s/bootstrap:....../bootstrap:TOKEN/" | tr -s " "')).toMatchInlineSnapshot(`"node-csr-NAMEWM1NmJlNzQ1YWQwZWNiODRhN2I5NDdjNjdiNzU AGE kubernetes.io/kube-apiserver-client-kubelet system:bootstrap:TOKEN <none> Approved,Issued"`)
  expect(await nodes(me)).toMatchInlineSnapshot(`
    "m1 NotReady v1.35.4
    m2 NotReady v1.35.4"
  `)
  expect(await me.run('ssh m2 sudo kubeadm reset -f 2>/dev/null | head -8; ssh m2 sudo ls /etc/kubernetes /var/lib/kubelet; ssh m2 systemctl is-active kubelet')).toMatchInlineSnapshot(`
    "[preflight] Running pre-flight checks
    [reset] Stopping the kubelet service
    [reset] Unmounting mounted directories in "/var/lib/kubelet"
    [reset] Deleting contents of directories: [/etc/kubernetes/manifests /var/lib/kubelet /etc/kubernetes/pki]
    [reset] Deleting files: [/etc/kubernetes/admin.conf /etc/kubernetes/super-admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf]

    The reset process does not perform cleanup of CNI plugin configuration,
    network filtering rules and kubeconfig files.
    /etc/kubernetes:
    manifests
    pki

    /var/lib/kubelet:
    inactive"
  `)
  expect(await me.run('ssh m1 sudo kubeadm init 2>&1 | grep -c "ERROR Port\\|ERROR FileAvailable\\|ERROR DirAvailable"')).toBe('11')
})

test('a cluster goes one version further, its control plane first', async () => {
  const me = await learner('duo-1.34')
  await me.run('cp .kube/config kc')
  expect(await nodes(me)).toMatchInlineSnapshot(`
    "controlplane Ready v1.34.2
    node01 Ready v1.34.2"
  `)
  expect(await me.run("ssh controlplane sudo apt-get install -y kubeadm='1.35.*' 2>&1 | tail -1")).toMatchInlineSnapshot(`"E: Version '1.35.*' for 'kubeadm' was not found"`)
  await me.run('for n in controlplane node01; do ssh $n "sudo sed -i s/v1.34/v1.35/ /etc/apt/sources.list.d/kubernetes.list; sudo apt-get update"; done')
  expect(await me.run('ssh controlplane "sudo apt-get install -y kubeadm=1.35.4-1.1" 2>&1 | tail -1')).toMatchInlineSnapshot(`"E: Held packages were changed and -y was used without --allow-change-held-packages."`)
  expect(await me.run('ssh controlplane "sudo apt-mark unhold kubeadm; sudo apt-get install -y kubeadm=1.35.4-1.1; sudo apt-mark hold kubeadm" | tail -4')).toMatchInlineSnapshot(`
    "Preparing to unpack .../kubeadm_1.35.4-1.1_amd64.deb ...
    Unpacking kubeadm (1.35.4-1.1) over (1.34.2-1.1) ...
    Setting up kubeadm (1.35.4-1.1) ...
    kubeadm set on hold."
  `)
  expect(await me.run('ssh controlplane sudo kubeadm upgrade plan 2>/dev/null | sed -n "/^Components/,/upgrade apply/p"')).toMatchInlineSnapshot(`
    "Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':
    COMPONENT   NODE           CURRENT   TARGET
    kubelet     controlplane   v1.34.2   v1.35.4
    kubelet     node01         v1.34.2   v1.35.4

    Upgrade to the latest version in the v1.34 series:

    COMPONENT                 NODE           CURRENT   TARGET
    kube-apiserver            controlplane   v1.34.2   v1.35.4
    kube-controller-manager   controlplane   v1.34.2   v1.35.4
    kube-scheduler            controlplane   v1.34.2   v1.35.4
    kube-proxy                               1.34.2    v1.35.4
    CoreDNS                                  v1.12.1   v1.13.1
    etcd                      controlplane   3.6.5-0   3.6.6-0

    You can now apply the upgrade by executing the following command:

    	kubeadm upgrade apply v1.35.4"
  `)
  expect(await me.run('ssh controlplane sudo kubeadm upgrade apply v1.35.4 -y 2>/dev/null | tail -3')).toMatchInlineSnapshot(`
    "[upgrade] SUCCESS! A control plane node of your cluster was upgraded to "v1.35.4".

    [upgrade] Now please proceed with upgrading the rest of the nodes by following the right order."
  `)
  expect(await nodes(me)).toMatchInlineSnapshot(`
    "controlplane Ready v1.34.2
    node01 Ready v1.34.2"
  `)
  for (const n of ['controlplane', 'node01']) await me.run(`ssh ${n} "sudo apt-get install -y --allow-change-held-packages kubeadm=1.35.4-1.1 kubelet=1.35.4-1.1 kubectl=1.35.4-1.1; sudo kubeadm upgrade node; sudo systemctl daemon-reload; sudo systemctl restart kubelet"`)
  await me.wait(15)
  expect(await nodes(me)).toMatchInlineSnapshot(`
    "controlplane Ready v1.35.4
    node01 Ready v1.35.4"
  `)
  expect(await me.run('kubectl --kubeconfig kc version | tail -1; kubectl --kubeconfig kc get pods -A --no-headers | awk \'{print $4}\' | sort | uniq -c')).toMatchInlineSnapshot(`
    "Server Version: v1.35.4
         10 Running"
  `)
  expect(await me.run('ssh controlplane sudo kubeadm certs check-expiration 2>/dev/null | grep -o "^[a-z-]*\\(.conf\\)\\? .*d  *[a-z-]* " | awk \'{print $1, $7, $8}\'')).toMatchInlineSnapshot(`
    "admin.conf 364d ca
    apiserver 364d ca
    apiserver-etcd-client 364d etcd-ca
    apiserver-kubelet-client 364d ca
    controller-manager.conf 364d ca
    etcd-healthcheck-client 364d etcd-ca
    etcd-peer 364d etcd-ca
    etcd-server 364d etcd-ca
    front-proxy-client 364d front-proxy-ca
    scheduler.conf 364d ca
    super-admin.conf 364d ca"
  `)
})
