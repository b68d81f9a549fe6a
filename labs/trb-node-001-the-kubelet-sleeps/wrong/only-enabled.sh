# Enabled for the next boot, but not started.
# Fails: ready/node ready/runs
ssh node01 sudo systemctl enable kubelet
