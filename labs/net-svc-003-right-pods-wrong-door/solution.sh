kubectl -n scriptorium get endpointslices -l kubernetes.io/service-name=quill
kubectl -n scriptorium patch service quill -p '{"spec":{"ports":[{"port":80,"targetPort":"web"}]}}'
