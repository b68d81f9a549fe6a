/** A cluster whose kube-proxy runs in nftables mode: Services work, nft shows them, and trace names Service, rule and element. */
import { expect, test } from 'vitest'
import { specOf } from '#session/lab.ts'
import { Sitting } from '#session/sitting.ts'
import { drain } from '../world.ts'

test('a cluster in nftables mode serves, refuses and explains', async () => {
  const s = await Sitting.begin({ seed: 'nft', open: { kind: 'sandbox', id: 'trio', cluster: 'trio' }, spec: { ...specOf('trio'), proxyMode: 'nftables' }, drain })
  const run = async (command: string) => (await s.perform(command)).stdout
  await run('kubectl create deployment web --image=nginx --replicas=2; kubectl expose deployment web --port 80; kubectl create service clusterip empty --tcp=80:80; kubectl rollout status deploy/web; kubectl run c --image=busybox --command -- sleep 1d; kubectl wait --for=condition=Ready pod/c')
  expect(await run('kubectl exec c -- wget -qO- -T 2 web | grep -c Welcome')).toBe('2\n')
  expect(await run('ssh node01 "curl -s localhost:10249/proxyMode; sudo nft list tables | grep kube; sudo iptables-save | grep -c KUBE-S"')).toBe('nftablestable ip kube-proxy\ntable ip6 kube-proxy\n0\n')
  const ip = (await run('kubectl get service web -o jsonpath={.spec.clusterIP}')).trim()
  expect(await run('ssh node01 sudo nft list map ip kube-proxy service-ips')).toMatch(new RegExp(`${ip.replaceAll('.', '\\.')} \\. tcp \\. 80 : goto service-[A-Z2-7]{8}-default/web/tcp/`))
  const [empty, port, unknown] = [await run('trace c empty 80'), await run('trace c web 81'), await run('trace c 10.96.99.99 80')]
  expect(empty.split('\n')[0]).toMatch(/^default\/c does not reach .*Service default\/empty has no ready endpoint, so kube-proxy wrote a REJECT rule\.$/)
  expect(empty).toContain('add rule ip kube-proxy reject-chain reject')
  expect(port.split('\n')[0]).toMatch(/Service default\/web has no port 81\/TCP \(it has 80\/TCP\), so no rule rewrote the address to a pod's and kube-proxy refused it on node0\d\.$/)
  expect(unknown.split('\n')[0]).toMatch(/Dropped on node0\d by the rule add rule ip kube-proxy cluster-ips-check ip daddr 10\.96\.0\.0\/12 drop comment "Drop traffic to unallocated ClusterIPs"$/)
}, 60_000)
