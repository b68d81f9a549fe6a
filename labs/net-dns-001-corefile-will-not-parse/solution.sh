kubectl -n kube-system logs -l k8s-app=kube-dns --tail=3
kubectl -n kube-system get configmap coredns -o yaml | sed 's/forwarding \./forward ./' | kubectl apply -f -
kubectl -n kube-system rollout restart deployment coredns
kubectl -n kube-system rollout status deployment coredns --timeout=120s
