# A short Corefile from memory: names resolve, addresses do not resolve back, and nothing is cached.
# Fails: names/reverse jobs/cache
kubectl -n kube-system create configmap coredns --dry-run=client -o yaml --from-literal=Corefile='.:53 {
    errors
    health
    ready
    kubernetes cluster.local
    forward . /etc/resolv.conf
}
' | kubectl apply -f -
kubectl -n kube-system rollout restart deployment coredns
kubectl -n kube-system rollout status deployment coredns --timeout=120s
