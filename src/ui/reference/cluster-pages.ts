/** Reference pages: the Gateway API, scaling by load, clusters built and upgraded with kubeadm, kube-proxy's nftables. */
import type { ReferencePage } from './pages.ts'

export const clusterPages: readonly ReferencePage[] = [
  {
    id: 'gateway',
    title: 'Open the cluster with a Gateway',
    about: 'GatewayClass, Gateway: listeners, who may attach',
    text: `A GatewayClass says which controller does the work. A Gateway asks it for listeners; the controller makes what serves them and writes the address into the status. Routes then attach to the Gateway.

\`\`\`yaml
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: edge
  namespace: shop
spec:
  gatewayClassName: drill
  listeners:
  - name: http
    protocol: HTTP
    port: 80
    allowedRoutes:
      namespaces:
        from: Same
\`\`\`

- \`kubectl get gatewayclass\` shows the name to write into \`gatewayClassName\`.
- \`allowedRoutes.namespaces.from\`: \`Same\` (also when nothing is said), \`All\`, or \`Selector\` with a \`selector\` of namespace labels.
- \`hostname: "*.example.org"\` on a listener admits only routes with a fitting host name.
- HTTPS: \`protocol: HTTPS\`, \`port: 443\`, and under it

\`\`\`yaml
    tls:
      mode: Terminate
      certificateRefs:
      - name: edge-tls
\`\`\`

where \`edge-tls\` is a Secret of type \`kubernetes.io/tls\` in the Gateway's namespace.

\`\`\`bash
kubectl -n shop get gateway edge
kubectl -n shop describe gateway edge
kubectl -n shop get gateway edge -o jsonpath='{.status.addresses[0].value}'
\`\`\`

\`PROGRAMMED True\` and an address: it serves. Otherwise the conditions of the Gateway, and of each listener, say what is missing.`,
  },
  {
    id: 'httproute',
    title: 'Route by host and path with an HTTPRoute',
    about: 'HTTPRoute: parentRefs, matches, weights, filters',
    text: `An HTTPRoute names the Gateway it attaches to, the hosts it is for, and rules that lead to Services.

\`\`\`yaml
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: web
  namespace: shop
spec:
  parentRefs:
  - name: edge
  hostnames:
  - web.example.org
  rules:
  - matches:
    - path:
        type: PathPrefix
        value: /api
    backendRefs:
    - name: api
      port: 8080
  - backendRefs:
    - name: web
      port: 80
      weight: 90
    - name: web-next
      port: 80
      weight: 10
\`\`\`

- A Gateway in another namespace: add \`namespace\` under \`parentRefs\`; its listener must allow it. One listener of several: \`sectionName\`.
- The path match is \`PathPrefix\` (whole path elements) or \`Exact\`; \`headers\`, \`queryParams\` and \`method\` can be asked too. Within one entry of \`matches\` all must hold, between entries one is enough.
- A Service of another namespace needs a ReferenceGrant there.
- An Ingress becomes: class to \`gatewayClassName\`, \`host\` to \`hostnames\`, \`pathType: Prefix\` to \`PathPrefix\`, \`tls\` to a listener of the Gateway.

\`\`\`bash
kubectl -n shop describe httproute web
curl -H 'Host: web.example.org' http://ADDRESS/
\`\`\`

In its status, \`Accepted\` says whether a Gateway took it, \`ResolvedRefs\` whether every Service was found. An answer of 404 comes from the Gateway when no host or path fits.`,
  },
  {
    id: 'hpa',
    title: 'Scale by load',
    about: 'HorizontalPodAutoscaler and metrics-server',
    text: `The autoscaler compares what pods use with what they request, so the containers need \`resources.requests\`, and metrics-server must answer \`kubectl top pods\`.

\`\`\`bash
kubectl -n shop set resources deployment web --requests=cpu=100m
kubectl -n shop autoscale deployment web --cpu=50% --min=1 --max=4
kubectl -n shop get hpa web
kubectl -n shop describe hpa web
\`\`\`

\`\`\`yaml
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
  namespace: shop
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web
  minReplicas: 1
  maxReplicas: 4
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: 50
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 60
\`\`\`

- It aims at replicas × usage ÷ target, rounded up, and does nothing while the ratio lies within a tenth of 1.
- Down it goes only after five minutes of lower figures, unless \`behavior.scaleDown.stabilizationWindowSeconds\` says otherwise; up at once.
- \`cpu: <unknown>/50%\`: no metrics yet, or a container without a request. \`describe\` shows the condition \`ScalingActive\` with the reason.`,
  },
  {
    id: 'kubeadm',
    title: 'Build and upgrade a cluster with kubeadm',
    about: 'kubeadm init, join, certs, upgrade',
    text: `On the machine that is to be the control plane, then as the user who will work with it:

\`\`\`bash
sudo kubeadm init --pod-network-cidr=10.244.0.0/16
mkdir -p $HOME/.kube
sudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
sudo chown $(id -u):$(id -g) $HOME/.kube/config
kubectl get nodes
\`\`\`

Nodes are \`NotReady\` until a network plugin is applied; its range must be the one given to \`init\`.

A further node: print the command on the control plane, run it with sudo on the new machine.

\`\`\`bash
sudo kubeadm token create --print-join-command
\`\`\`

**Certificates**

\`\`\`bash
sudo kubeadm certs check-expiration
sudo kubeadm certs renew all
\`\`\`

After a renewal the control plane's static pods must start anew to use them.

**Upgrade**, one minor version at a time, the control plane first. In \`/etc/apt/sources.list.d/kubernetes.list\` set the minor version that is wanted, then:

\`\`\`bash
sudo apt-get update
apt-cache madison kubeadm
sudo apt-mark unhold kubeadm kubelet kubectl
sudo apt-get install -y kubeadm=VERSION
sudo kubeadm upgrade plan
sudo kubeadm upgrade apply v1.35.x
kubectl drain controlplane --ignore-daemonsets
sudo apt-get install -y kubelet=VERSION kubectl=VERSION
sudo systemctl daemon-reload
sudo systemctl restart kubelet
sudo apt-mark hold kubeadm kubelet kubectl
kubectl uncordon controlplane
\`\`\`

On every other node \`sudo kubeadm upgrade node\` takes the place of \`plan\` and \`apply\`. \`sudo kubeadm reset\` takes back what \`init\` or \`join\` did on a machine.`,
  },
  {
    id: 'nft',
    title: 'Read kube-proxy’s nftables',
    about: 'nft list: service-ips, service and endpoint chains',
    text: `With \`mode: nftables\` in its ConfigMap kube-proxy keeps a table of its own, \`kube-proxy\`, once for \`ip\` and once for \`ip6\`. Services are not a list of rules but a map that is looked up once.

\`\`\`bash
kubectl -n kube-system get cm kube-proxy -o yaml | grep mode:
ssh node01
sudo nft list tables
sudo nft list map ip kube-proxy service-ips
sudo nft list chain ip kube-proxy services
sudo nft list ruleset | grep shop/web
\`\`\`

The road of a packet to a ClusterIP:

| where | what |
| --- | --- |
| map \`service-ips\` | address, protocol and port lead to a \`service-…\` chain |
| map \`service-nodeports\` | the same for NodePorts, by protocol and port |
| chain \`service-HASH-shop/web/tcp/http\` | picks one endpoint with \`numgen random\` |
| chain \`endpoint-HASH-…__10.244.1.3/80\` | \`dnat\` to the pod |
| map \`no-endpoint-services\` | Services without endpoints: here they are refused |

- The part after the protocol is the port's name; an unnamed port leaves it empty.
- The tables \`filter\` and \`nat\` belong to iptables (the network plugin's rules): look at them with \`iptables-save\`.
- A Service that is in no map: has it endpoints, and does kube-proxy run on this node?`,
  },
]
