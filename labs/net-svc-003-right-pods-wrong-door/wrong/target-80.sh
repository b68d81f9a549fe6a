# The port of the client is written as the target: nobody listens there.
# Fails: answers/spread slices/port
kubectl -n scriptorium patch service quill -p '{"spec":{"ports":[{"port":80,"targetPort":80}]}}'
