# No ports: 9000 is open to the till.
# Fails: till/no-9000
kubectl apply -f - <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: kitchen, namespace: cafe }
spec:
  podSelector: { matchLabels: { app: kitchen } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: till } } }]
YAML
