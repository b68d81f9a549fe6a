kubectl label node node01 berth=east
kubectl -n fleet rollout status deployment boats --timeout=120s
ssh node01 sudo systemctl disable --now kubelet
sleep 360
