# Without the star the path type is Exact: what lies below is not found.
# Fails: bread/below fish/below
kubectl -n market create ingress stalls --class=nginx --rule="market.example/bread=bread:8080" --rule="market.example/fish=fish:9000"
