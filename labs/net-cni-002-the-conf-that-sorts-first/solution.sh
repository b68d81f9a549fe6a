kubectl -n pottery get pods -o wide
ssh node02 sudo mv /etc/cni/net.d/05-lab-bridge.conflist /root/
sleep 10
kubectl -n pottery delete pod -l app=kiln --field-selector spec.nodeName=node02
kubectl -n pottery rollout status deployment kiln --timeout=120s
