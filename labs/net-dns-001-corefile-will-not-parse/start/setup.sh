kubectl -n kube-system get configmap coredns -o yaml | sed 's/^\( *\)forward \. /\1forwarding . /' | kubectl apply -f - 2>/dev/null
kubectl -n kube-system rollout restart deployment coredns
kubectl -n kube-system delete pod -l k8s-app=kube-dns --wait=false
sleep 120
