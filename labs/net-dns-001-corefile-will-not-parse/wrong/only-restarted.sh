# Restarting does not mend a file.
# Fails: servers/ready servers/replaced names/service names/reverse jobs/forward
kubectl -n kube-system rollout restart deployment coredns
