/** Reference pages: workloads by command, nodes, and where to look when something is wrong. */
import type { ReferencePage } from './pages.ts'

export const nodePages: readonly ReferencePage[] = [
  {
    id: 'find-the-fault',
    title: 'A Service does not answer: where to look',
    about: 'The road from the client to the pod, step by step',
    text: `1. **The name.** \`nslookup web.shop\` in the client. No answer: CoreDNS, its Service, or a policy on port 53.
2. **The Service.** \`kubectl -n shop get svc web -o wide\`: is the port the one that is asked?
3. **Its endpoints.** \`kubectl -n shop get endpointslices\`: none means selector or readiness.
4. **The pod itself.** Ask it by its address and container port, first from the same node. Refused: nothing listens there.
5. **The road.** From another node too? If only that fails: the plugin, its pods in kube-system, \`ip route\` on the node.
6. **Policies.** \`kubectl -n shop get netpol\`, and in the client's namespace for egress. A timeout rather than a refusal speaks for one.

How it fails tells where: **refused at once** is a closed port or a Service without endpoints; a **timeout** is a dropped packet; **could not resolve** is the name server.`,
  },
  {
    id: 'kubelet',
    title: 'A node is NotReady',
    about: 'kubelet, its unit and its journal',
    text: `\`\`\`bash
kubectl describe node node01
ssh node01
systemctl status kubelet
journalctl -u kubelet --no-pager | tail -50
sudo systemctl restart kubelet
sudo systemctl enable kubelet
\`\`\`

- Its flags and drop-ins: \`systemctl cat kubelet\`; its configuration: \`/var/lib/kubelet/config.yaml\`; how it reaches the API server: \`/etc/kubernetes/kubelet.conf\`.
- After a changed unit file: \`systemctl daemon-reload\`.
- "network plugin is not ready": look at \`/etc/cni/net.d\` and at the plugin's pods.`,
  },
  {
    id: 'static-pods',
    title: 'The control plane’s own pods',
    about: 'Static pods in /etc/kubernetes/manifests',
    text: `API server, controller manager, scheduler and etcd run as static pods: the kubelet of the control plane node starts what lies in \`/etc/kubernetes/manifests\`. An edit there is an immediate restart.

\`\`\`bash
ssh controlplane
ls /etc/kubernetes/manifests
sudo crictl ps -a
sudo crictl logs CONTAINER
\`\`\`

When \`kubectl\` says that the connection was refused, the API server is down and only these commands still help.`,
  },
  {
    id: 'cni',
    title: 'The network plugin',
    about: '/etc/cni/net.d, pod ranges, routes and tunnels',
    text: `The runtime takes the **first** file by name in \`/etc/cni/net.d\`; the binaries that it names lie in \`/opt/cni/bin\`.

\`\`\`bash
ls /etc/cni/net.d
kubectl get nodes -o custom-columns=NAME:.metadata.name,PODS:.spec.podCIDR
ip route
ip -d link show flannel.1
bridge fdb show dev flannel.1
\`\`\`

A pod stuck in ContainerCreating tells why in its events: \`kubectl describe pod\`.`,
  },
  {
    id: 'kube-proxy',
    title: 'kube-proxy and its rules',
    about: 'From a Service’s address to a pod',
    text: `kube-proxy writes rules on every node; no packet passes through the program itself.

\`\`\`bash
sudo iptables-save -t nat | grep shop/web
sudo iptables -t nat -L KUBE-SERVICES -n | head
kubectl -n kube-system get cm kube-proxy -o yaml
kubectl -n kube-system logs -l k8s-app=kube-proxy
\`\`\`

\`KUBE-SERVICES\` leads to one \`KUBE-SVC-…\` per Service port, that to one \`KUBE-SEP-…\` per endpoint, chosen by chance, and there the destination is changed (DNAT). A Service without endpoints has a REJECT in the filter table.`,
  },
  {
    id: 'kubectl-quick',
    title: 'kubectl, quickly',
    about: 'Make a manifest, change, look, wait',
    text: `\`\`\`bash
kubectl run web --image=nginx --dry-run=client -o yaml > pod.yaml
kubectl create deployment web --image=nginx --replicas=3
kubectl set image deployment/web nginx=nginx:1.27
kubectl rollout status deployment/web
kubectl rollout undo deployment/web
kubectl scale deployment web --replicas=5
kubectl label pod web tier=front --overwrite
kubectl wait --for=condition=Ready pod -l app=web --timeout=60s
kubectl get pods -A -o wide --sort-by=.metadata.creationTimestamp
kubectl get pod web -o jsonpath='{.status.podIP}'
kubectl explain networkpolicy.spec.ingress --recursive
kubectl auth can-i list pods --as=system:serviceaccount:shop:robot -n shop
kubectl config set-context --current --namespace=shop
\`\`\``,
  },
]
