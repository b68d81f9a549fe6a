# The pods are replaced, the file stays: they come back with the same odd addresses.
# Fails: answers/spread addresses/new-pod
kubectl -n pottery delete pod -l app=kiln --field-selector spec.nodeName=node02
kubectl -n pottery rollout status deployment kiln --timeout=120s
