ssh node02 'sudo tee /etc/cni/net.d/05-lab-bridge.conflist > /dev/null' <<'JSON'
{
  "cniVersion": "1.0.0",
  "name": "lab-bridge",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "labbr0",
      "isGateway": true,
      "ipMasq": false,
      "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.99.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] }
    }
  ]
}
JSON
kubectl apply -f - <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: { name: kiln, namespace: pottery }
spec:
  replicas: 4
  selector: { matchLabels: { app: kiln } }
  template:
    metadata: { labels: { app: kiln } }
    spec:
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: DoNotSchedule
          nodeTaintsPolicy: Honor
          labelSelector: { matchLabels: { app: kiln } }
      containers:
        - name: web
          image: registry.k8s.io/e2e-test-images/agnhost:2.53
          args: [netexec, --http-port=8080]
          readinessProbe: { httpGet: { path: /healthz, port: 8080 } }
---
apiVersion: v1
kind: Service
metadata: { name: kiln, namespace: pottery }
spec: { selector: { app: kiln }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: probe, namespace: pottery, labels: { app: probe } }
spec:
  nodeName: node01
  containers:
    - { name: shell, image: "nicolaka/netshoot:v0.14", command: [sleep, infinity] }
YAML
kubectl -n pottery rollout status deployment kiln --timeout=120s
