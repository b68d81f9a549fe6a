kubectl -n lighthouse get pods --show-labels
kubectl -n lighthouse set selector service beam app=beam,tier=lamp
