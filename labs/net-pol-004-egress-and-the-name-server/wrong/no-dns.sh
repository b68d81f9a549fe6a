# No rule for DNS: the name does not resolve.
# Fails: ledger/http ledger/later ledger/vault names/udp names/tcp names/sham clock/clock-closed
kubectl apply -f - <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: worker, namespace: payroll }
spec:
  podSelector: { matchLabels: { app: worker } }
  policyTypes: [Egress]
  egress:
    - to:
        - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: finance } }
          podSelector: { matchLabels: { app: ledger } }
      ports: [{ protocol: TCP, port: 5000 }]
YAML
