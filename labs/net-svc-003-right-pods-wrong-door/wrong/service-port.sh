# The Service's own port is changed: the address in the task no longer answers.
# Fails: answers/spread
kubectl -n scriptorium patch service quill --type=json -p '[{"op":"replace","path":"/spec/ports/0","value":{"port":8000,"targetPort":8000}}]'
