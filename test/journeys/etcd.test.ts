/** Backup and restore: an administrator saves etcd, loses something, and brings the old state of the cluster back. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner()
})

const tls = '--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key'
const there = (command: string) => me.run(`ssh controlplane sudo ${command}`)

test('backup and restore', async () => {
  await me.run('kubectl create deployment early --image=nginx; kubectl rollout status deployment early')
  expect(await there(`etcdctl ${tls} endpoint health`)).toMatch(/^127\.0\.0\.1:2379 is healthy: successfully committed proposal: took = [\d.]+ms$/)
  expect(await there(`etcdctl ${tls} get /registry/deployments/default --prefix --keys-only`)).toBe('/registry/deployments/default/early\n')
  expect(await there(`etcdctl ${tls} snapshot save /opt/snap.db 2>/dev/null`)).toBe('Snapshot saved at /opt/snap.db\nServer version 3.6.0')
  expect(await there('etcdutl snapshot status /opt/snap.db')).toMatch(/^[0-9a-f]{5,8}, \d+, \d+, \d+ kB, 3\.6\.0$/)

  await me.run('kubectl delete deployment early; kubectl create deployment late --image=nginx; kubectl rollout status deployment late')
  expect(await there('etcdutl snapshot restore /opt/snap.db --data-dir /var/lib/etcd')).toBe('Error: data-dir "/var/lib/etcd" not empty or could not be read')
  await there('etcdutl snapshot restore /opt/snap.db --data-dir /var/lib/etcd-old')
  await there(`sed -i '"s,path: /var/lib/etcd$,path: /var/lib/etcd-old,"' /etc/kubernetes/manifests/etcd.yaml`)
  await me.wait(120)
  expect(await me.run('kubectl get deployments -o name; kubectl get pods -o name | cut -d- -f1; kubectl get nodes --no-headers | grep -c Ready')).toBe('deployment.apps/early\npod/early\n3')
})

test('without certificates, with a wrong port, with a file that is not there', async () => {
  expect(await there('etcdctl member list 2>&1 | tail -1')).toBe('Error: context deadline exceeded')
  expect(await there(`etcdctl ${tls} --endpoints=127.0.0.1:2999 get a`)).toContain('dial tcp 127.0.0.1:2999: connect: connection refused')
  expect(await there('etcdctl --endpoints https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt get a')).toContain('remote error: tls: ')
  expect(await there('etcdctl --cacert=/nope get a')).toBe('Error: open /nope: no such file or directory')
})

test('without etcd the API server answers late, then dies; with it, all comes back', async () => {
  await there('mv /etc/kubernetes/manifests/etcd.yaml /root/')
  await me.wait(3)
  expect(await me.run('kubectl get nodes')).toBe('Error from server (Timeout): the server was unable to return a response in the time allotted, but may still be processing the request (get nodes)')
  expect(await me.run('kubectl get --raw "/livez?exclude=etcd"; echo')).toBe('ok')
  await me.wait(60)
  expect(await me.run('kubectl get nodes')).toContain('was refused - did you specify the right host or port?')
  await there('mv /root/etcd.yaml /etc/kubernetes/manifests/')
  await me.wait(180)
  expect(await me.run('kubectl get nodes --no-headers | grep -c Ready; kubectl -n kube-system get pods --no-headers | grep -vc Running')).toBe('3\n0')
})
