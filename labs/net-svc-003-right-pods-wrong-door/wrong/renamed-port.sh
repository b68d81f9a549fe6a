# The name is changed in the Deployment, which was to stay as it is.
# Fails: slices/deployment
kubectl -n scriptorium patch deployment quill --type=json -p '[{"op":"replace","path":"/spec/template/spec/containers/0/ports/0/name","value":"http"}]'
kubectl -n scriptorium rollout status deployment quill
