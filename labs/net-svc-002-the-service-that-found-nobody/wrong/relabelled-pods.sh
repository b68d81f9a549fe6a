# The pods are given the label that the Service asks for: the template changes and the pods are made anew.
# Fails: backends/deployment
kubectl -n lighthouse delete deployment beam
kubectl apply -f - <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: { name: beam, namespace: lighthouse, labels: { app: beam } }
spec:
  replicas: 3
  selector: { matchLabels: { app: beam, tier: lens } }
  template:
    metadata: { labels: { app: beam, tier: lens } }
    spec:
      containers:
        - name: web
          image: registry.k8s.io/e2e-test-images/agnhost:2.53
          args: [netexec, --http-port=8080]
          ports: [{ containerPort: 8080 }]
YAML
