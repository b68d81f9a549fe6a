/** What map, matrix and object list say of clusters that are not the usual one. */
import { expect, test } from 'vitest'
import { mapSnapshot } from '#session/map.ts'
import { policyMatrix } from '#session/matrix.ts'
import { objectList } from '#session/objects.ts'
import type { Sitting } from '#session/sitting.ts'
import { sandbox } from '../world.ts'

const mapOf = ({ state, cluster }: Sitting) => mapSnapshot(state, (node) => cluster.hosts.get(node)?.net.links, 1)
const deny = 'printf "apiVersion: networking.k8s.io/v1\\nkind: NetworkPolicy\\nmetadata:\\n  name: deny\\nspec:\\n  podSelector: {}\\n" | kubectl apply -f -; kubectl run web --image=nginx; kubectl wait --for=condition=Ready pod/web'

test('bare machines have nothing to show until kubeadm init', async () => {
  const sitting = await sandbox('bare-3')
  expect(mapOf(sitting)).toEqual({ revision: 1, nodes: [], services: [], tunnels: [], noApi: true })
  expect(objectList(sitting.state)).toEqual([])
  expect(policyMatrix(sitting.state, 80, 'tcp')).toMatchObject({ subjects: [], cells: [] })
  await sitting.perform('ssh m1 "sudo kubeadm init --pod-network-cidr=10.244.0.0/16"; sleep 5')
  const map = mapOf(sitting)
  expect([map.noApi, map.nodes.map((n) => [n.name, n.ready, n.bridge]), map.services.map((s) => s.name), map.tunnels]).toEqual([undefined, [['m1', false, '']], ['kubernetes', 'kube-dns'], []])
  expect(map.unplaced?.map((p) => [p.name.replace(/-.*/, ''), p.status])).toEqual([['coredns', 'Pending'], ['coredns', 'Pending']])
  expect(objectList(sitting.state)).toContainEqual({ kind: 'Node', name: 'm1' })
})

test('bridges and tunnels are those of the nodes, and flannel alone enforces no policy', async () => {
  const sitting = await sandbox('duo-flannel')
  await sitting.perform(deny)
  const map = mapOf(sitting)
  expect(map.tunnels).toEqual([{ from: 'controlplane', to: 'node01', kind: 'VXLAN' }])
  expect(map.nodes.at(-1)).toMatchObject({ name: 'node01', bridge: 'cni0' })
  const matrix = policyMatrix(sitting.state, 80, 'tcp')
  expect([matrix.unenforced, matrix.subjects.map((s) => s.id), matrix.cells.flat().every((c) => c.allowed)]).toEqual([true, ['default/run=web', 'kube-system/k8s-app=kube-dns'], true])
})

test('where calico-node runs, a policy counts; what the learner made comes first in the list', async () => {
  const sitting = await sandbox('trio')
  await sitting.perform(deny)
  expect(mapOf(sitting).nodes.map((n) => n.bridge)).toEqual(['', '', ''])
  const matrix = policyMatrix(sitting.state, 80, 'tcp')
  const [web, dns] = ['default/run=web', 'kube-system/k8s-app=kube-dns'].map((id) => matrix.subjects.findIndex((s) => s.id === id)) as [number, number]
  expect([matrix.unenforced, matrix.cells[dns]![web]!.allowed, matrix.cells[web]![dns]!.allowed]).toEqual([undefined, false, true])
  expect(objectList(sitting.state).slice(0, 2)).toEqual([{ kind: 'Pod', namespace: 'default', name: 'web' }, { kind: 'NetworkPolicy', namespace: 'default', name: 'deny' }])
})

test('a Service of type LoadBalancer tells its address', async () => {
  const sitting = await sandbox('trio-gateway')
  await sitting.perform('kubectl create deployment web --image=nginx; kubectl expose deployment web --port 80 --type LoadBalancer; sleep 5')
  expect(mapOf(sitting).services.find((s) => s.name === 'web')).toMatchObject({ type: 'LoadBalancer', external: ['172.20.10.200'] })
})
