# Started, but not enabled: it sleeps again after a reboot.
# Fails: reboot/rebooted
ssh node01 sudo systemctl start kubelet
