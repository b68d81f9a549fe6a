# The file is gone, but the pods that were born with it keep their addresses.
# Fails: answers/spread
ssh node02 sudo rm /etc/cni/net.d/05-lab-bridge.conflist
