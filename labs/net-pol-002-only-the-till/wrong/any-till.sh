# Any namespace's till gets in.
# Fails: others/street
kubectl apply -f - <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: kitchen, namespace: cafe }
spec:
  podSelector: { matchLabels: { app: kitchen } }
  ingress:
    - from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: till } } }]
      ports: [{ protocol: TCP, port: 8080 }]
YAML
