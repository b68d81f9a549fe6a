# The empty selector closes every pod of the namespace.
# Fails: others/guest-open
kubectl apply -f - <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: kitchen, namespace: cafe }
spec:
  podSelector: {}
  ingress:
    - from: [{ podSelector: { matchLabels: { app: till } } }]
      ports: [{ protocol: TCP, port: 8080 }]
YAML
