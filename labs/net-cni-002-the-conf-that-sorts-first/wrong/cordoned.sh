# node02 is taken out of service: everything answers, from node01 only.
# Fails: answers/node answers/pods addresses/new-pod
kubectl cordon node02
kubectl -n pottery patch deployment kiln --type=json -p '[{"op":"remove","path":"/spec/template/spec/topologySpreadConstraints"}]'
kubectl -n pottery rollout status deployment kiln --timeout=120s
