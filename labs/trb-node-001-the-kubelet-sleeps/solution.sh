ssh node01 systemctl status kubelet
ssh node01 sudo systemctl enable --now kubelet
