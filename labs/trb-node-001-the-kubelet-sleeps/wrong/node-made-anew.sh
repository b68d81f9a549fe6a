# The node object is deleted and registers itself again, without its label.
# Fails: ready/node ready/runs
kubectl delete node node01
ssh node01 sudo systemctl enable --now kubelet
