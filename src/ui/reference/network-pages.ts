/** Reference pages: Services, names, policies, Ingress. */
import type { ReferencePage } from './pages.ts'

export const networkPages: readonly ReferencePage[] = [
  {
    id: 'service',
    title: 'Give pods a stable address',
    about: 'Service: ClusterIP, NodePort, headless',
    text: `A Service finds its pods by labels and gives them one address and one name. \`port\` is where clients knock, \`targetPort\` is where the container listens (a number, or the name of a container port).

\`\`\`yaml
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  type: ClusterIP
  selector:
    app: web
  ports:
  - name: http
    port: 80
    targetPort: 8080
\`\`\`

- \`type: NodePort\` opens the same port (30000 to 32767) on every node; set \`nodePort\` to choose it.
- \`clusterIP: None\` makes it headless: the name answers with the pods' own addresses.

From the command line:

\`\`\`bash
kubectl -n shop expose deployment web --port=80 --target-port=8080
kubectl -n shop get endpointslices -l kubernetes.io/service-name=web
\`\`\`

No endpoints? Compare the selector with the labels of the pods, and see whether the pods are ready. Endpoints, but refused? Then \`targetPort\` is not where the container listens.`,
  },
  {
    id: 'dns-names',
    title: 'Names inside the cluster',
    about: 'DNS: services, pods, search list, ndots',
    text: `| name | answers with |
| --- | --- |
| \`web\` | the Service in the client's own namespace |
| \`web.shop\` | the Service in namespace shop |
| \`web.shop.svc.cluster.local\` | the same, in full |
| \`_http._tcp.web.shop.svc.cluster.local\` | SRV: port and target of the named port |
| \`10-244-1-5.shop.pod.cluster.local\` | the pod with this address |
| \`db-0.db.shop.svc.cluster.local\` | one pod behind a headless Service |

A pod's \`/etc/resolv.conf\` names the server (\`kube-dns\`, usually 10.96.0.10), three search domains and \`ndots:5\`: a name with fewer than five dots is tried with each search domain first.

\`\`\`bash
kubectl -n kube-system get cm coredns -o yaml
kubectl -n kube-system logs -l k8s-app=kube-dns
kubectl run -it --rm probe --image=busybox:1.36 --restart=Never -- nslookup web.shop
\`\`\``,
  },
  {
    id: 'deny-all',
    title: 'Deny all traffic in a namespace',
    about: 'NetworkPolicy: default deny',
    text: `A pod that no policy selects may talk to everybody. A policy that selects it and lists nothing lets nothing through.

\`\`\`yaml
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
  namespace: shop
spec:
  podSelector: {}
  policyTypes:
  - Ingress
  - Egress
\`\`\`

With egress denied, names no longer resolve either: allow port 53, TCP and UDP, to kube-dns.`,
  },
  {
    id: 'allow-namespace',
    title: 'Allow traffic from a namespace',
    about: 'NetworkPolicy: namespaceSelector, podSelector, ports',
    text: `Policies only add: what one of them admits is admitted. Every namespace carries the label \`kubernetes.io/metadata.name\`.

\`\`\`yaml
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db-from-api
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: db
  policyTypes:
  - Ingress
  ingress:
  - from:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: backend
      podSelector:
        matchLabels:
          app: api
    ports:
    - protocol: TCP
      port: 5432
\`\`\`

Both selectors in **one** list item: pods with \`app=api\` in namespace backend. As **two** items (a second \`-\`): all pods of backend, and also all pods with \`app=api\` in shop itself. Ports are those of the pod, after the Service's translation.`,
  },
  {
    id: 'allow-dns',
    title: 'Allow egress to DNS and to one place',
    about: 'NetworkPolicy: egress, ipBlock',
    text: `\`\`\`yaml
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web-out
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes:
  - Egress
  egress:
  - to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
    ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
  - to:
    - ipBlock:
        cidr: 192.0.2.0/24
        except:
        - 192.0.2.13/32
\`\`\`

An \`ipBlock\` means addresses outside the cluster; pods are meant by selectors.`,
  },
  {
    id: 'ingress',
    title: 'Route HTTP by host and path',
    about: 'Ingress',
    text: `\`\`\`yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: shop
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /api
        pathType: Prefix
        backend:
          service:
            name: api
            port:
              number: 80
      - path: /
        pathType: Prefix
        backend:
          service:
            name: web
            port:
              number: 80
\`\`\`

\`Prefix\` matches whole path elements: \`/api\` takes \`/api/v1\` but not \`/apis\`. The longest path wins. Without a controller of that class, nothing happens.

\`\`\`bash
kubectl -n shop create ingress shop --class=nginx --rule="shop.example/api*=api:80" --rule="shop.example/*=web:80"
curl -H 'Host: shop.example' http://NODE:PORT/api
\`\`\``,
  },
]
