kubectl -n market create ingress stalls --class=nginx --rule="market.example/bread*=bread:8080" --rule="market.example/fish*=fish:9000"
