# The Service's port is written in the policy: rules see the pod's port.
# Fails: till/http till/no-9000
kubectl apply -f - <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: kitchen, namespace: cafe }
spec:
  podSelector: { matchLabels: { app: kitchen } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: till } } }]
      ports: [{ protocol: TCP, port: 80 }]
YAML
