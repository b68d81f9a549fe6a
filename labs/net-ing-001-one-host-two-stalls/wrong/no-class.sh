# An Ingress without class is served by nobody here.
# Fails: bread/path bread/below bread/stalls fish/below
kubectl -n market create ingress stalls --rule="market.example/bread*=bread:8080" --rule="market.example/fish*=fish:9000"
