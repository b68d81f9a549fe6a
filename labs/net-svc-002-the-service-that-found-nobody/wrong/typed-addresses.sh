# The addresses of today are written down by hand: they do not follow the Deployment.
# Fails: backends/scaled
kubectl -n lighthouse patch service beam --type=json -p '[{"op":"remove","path":"/spec/selector"}]'
kubectl -n lighthouse delete endpointslices -l kubernetes.io/service-name=beam
{
  cat <<'YAML'
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: beam-by-hand
  namespace: lighthouse
  labels: { kubernetes.io/service-name: beam }
addressType: IPv4
ports: [{ name: "", port: 8080, protocol: TCP }]
endpoints:
YAML
  for ip in $(kubectl -n lighthouse get pods -l app=beam -o jsonpath='{.items[*].status.podIP}'); do
    echo "- addresses: [$ip]"
  done
} > /tmp/slice.yaml
kubectl apply -f /tmp/slice.yaml
