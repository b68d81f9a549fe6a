# The selector is mended, and the target port is "mended" too, though nothing was wrong with it.
# Fails: answer/http
kubectl -n lighthouse set selector service beam app=beam
kubectl -n lighthouse patch service beam -p '{"spec":{"ports":[{"port":80,"targetPort":80}]}}'
