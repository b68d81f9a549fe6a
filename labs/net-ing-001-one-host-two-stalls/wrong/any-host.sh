# A rule without host takes every host.
# Fails: fish/other-host
kubectl -n market create ingress stalls --class=nginx --rule="/bread*=bread:8080" --rule="/fish*=fish:9000"
