kubectl -n ingress-nginx patch service ingress-nginx-controller --type=json -p '[{"op":"replace","path":"/spec/ports/0/nodePort","value":30080}]'
node=$(kubectl get node node01 -o jsonpath='{.status.addresses[?(@.type=="InternalIP")].address}')
ssh outside "echo $node market.example | sudo tee -a /etc/hosts >/dev/null"
