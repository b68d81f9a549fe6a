/** The named clusters. */
import type { ClusterSpec } from './spec.ts'

const version = 'v1.35.4'

export const trio: ClusterSpec = {
  name: 'trio',
  title: 'Three nodes with flannel routes and network policy (canal)',
  version,
  nodes: [
    { name: 'controlplane', address: '172.20.10.11', roles: ['control-plane'], cpu: '2', memory: '4Gi' },
    { name: 'node01', address: '172.20.10.21', roles: [], cpu: '2', memory: '4Gi' },
    { name: 'node02', address: '172.20.10.22', roles: [], cpu: '2', memory: '4Gi' },
  ],
  workstation: { name: 'base', address: '172.20.10.5', user: 'student', home: '/home/student' },
  plugin: 'canal',
  proxyMode: 'iptables',
  podCidr: '10.244.0.0/16',
  nodeMaskSize: 24,
  serviceCidr: '10.96.0.0/12',
  dnsIp: '10.96.0.10',
  addons: ['coredns'],
  outside: [],
  hostPrefix: 24,
}

export const trioEdge: ClusterSpec = {
  ...trio,
  name: 'trio-edge',
  title: 'Three nodes with an ingress controller and a client outside',
  addons: ['coredns', 'ingress-nginx'],
  outside: [{ name: 'outside', address: '172.20.10.100' }],
}

export const trioGateway: ClusterSpec = {
  ...trioEdge,
  name: 'trio-gateway',
  title: 'Three nodes with a Gateway API controller, an ingress controller and a client outside',
  addons: ['coredns', 'ingress-nginx', 'address-pool', 'gateway'],
}

export const trioMetrics: ClusterSpec = {
  ...trio,
  name: 'trio-metrics',
  title: 'Three nodes with metrics-server',
  addons: ['coredns', 'metrics-server'],
}

export const trioNftables: ClusterSpec = { ...trio, name: 'trio-nftables', title: 'Three nodes, kube-proxy in nftables mode', proxyMode: 'nftables' }

export const duoFlannel: ClusterSpec = {
  ...trio,
  name: 'duo-flannel',
  title: 'Two nodes with flannel (no network policy)',
  nodes: trio.nodes.slice(0, 2),
  plugin: 'flannel',
}

export const noCni: ClusterSpec = { ...trio, name: 'no-cni', title: 'Three nodes without a network plugin', plugin: 'none' }

/** The cluster of the kubectl transcripts: nothing but the API, controllers and nodes whose kubelets are stand-ins. */
export const reference: ClusterSpec = {
  ...trio,
  name: 'reference',
  title: 'Reference cluster of the transcripts',
  nodes: [
    { name: 'controlplane', address: '172.30.1.2', roles: ['control-plane'], cpu: '4', memory: '8Gi' },
    { name: 'node01', address: '172.30.1.3', roles: [], cpu: '4', memory: '8Gi' },
    { name: 'node02', address: '172.30.1.4', roles: [], cpu: '4', memory: '8Gi' },
  ],
  workstation: { name: 'controlplane', address: '172.30.1.2', user: 'root', home: '/root', cwd: '/root/lab' },
  plugin: 'none',
  proxyMode: 'none',
  podCidr: '192.168.0.0/16',
  addons: [],
  standInKubelets: true,
}

/** The cluster of the kubelet recordings: one node with the bridge plugin, its control plane elsewhere, commands typed on the node. */
export const singleNode: ClusterSpec = {
  ...trio,
  name: 'single-node',
  title: 'One node, bridge plugin, control plane outside',
  nodes: [{ name: 'node01', address: '172.30.1.3', roles: [], cpu: '2', memory: '24684092Ki' }],
  controlPlaneMachine: { name: 'controlplane', address: '172.30.1.2' },
  workstation: { name: 'node01', address: '172.30.1.3', user: 'root', home: '/root', cwd: '/root/lab' },
  plugin: 'bridge',
  podCidr: '192.168.1.0/24',
}

/** Three machines with containerd and the packages of Kubernetes, and no cluster. */
export const bare3: ClusterSpec = {
  ...trio,
  name: 'bare-3',
  title: 'Three bare machines, ready for kubeadm',
  nodes: ['m1', 'm2', 'm3'].map((name, i) => ({ name, address: `172.20.10.${11 + i}`, roles: [], cpu: '2', memory: '4Gi', blank: true })),
  plugin: 'none',
}

/** A cluster that is one minor version behind: its upgrade is the exercise. */
export const duoBehind: ClusterSpec = { ...duoFlannel, name: 'duo-1.34', title: 'Two nodes with flannel, Kubernetes 1.34', version: 'v1.34.2' }

export const shapes: ReadonlyMap<string, ClusterSpec> = new Map([trio, trioEdge, trioGateway, trioMetrics, trioNftables, duoFlannel, noCni, reference, singleNode, bare3, duoBehind].map((s) => [s.name, s]))
