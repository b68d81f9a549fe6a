/** What a cluster is made of: plain data, named in labs and by `--cluster`. */
export interface NodeSpec {
  readonly name: string
  readonly address: string
  readonly roles: readonly string[]
  /** `2` */
  readonly cpu: string
  /** `4Gi` */
  readonly memory: string
  /** A machine with containerd and the packages of Kubernetes that is no node yet: `kubeadm init` or `join` makes it one. */
  readonly blank?: boolean
  /** Its system has a swap file, which a boot takes into use: no kubelet runs there with the usual configuration. On a node that has joined, from its next boot on. */
  readonly swap?: boolean
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
}

/** A machine outside the cluster on the same network. */
export interface OutsideSpec {
  readonly name: string
  readonly address: string
}

export interface WorkstationSpec {
  readonly name: string
  readonly address: string
  readonly user: string
  readonly home: string
  /** Where a terminal starts; default: home. */
  readonly cwd?: string
}

export type PluginName = 'canal' | 'flannel' | 'bridge' | 'none'
export type AddonName = 'coredns' | 'ingress-nginx' | 'metrics-server' | 'gateway' | 'gateway-experimental' | 'address-pool'

export interface ClusterSpec {
  readonly name: string
  readonly title: string
  /** `v1.35.4` */
  readonly version: string
  readonly nodes: readonly NodeSpec[]
  readonly workstation: WorkstationSpec
  readonly plugin: PluginName
  /** 'none': no kube-proxy runs. */
  readonly proxyMode: 'iptables' | 'ipvs' | 'nftables' | 'none'
  readonly podCidr: string
  readonly nodeMaskSize: number
  readonly serviceCidr: string
  readonly dnsIp: string
  readonly addons: readonly AddonName[]
  readonly outside: readonly OutsideSpec[]
  /** The control plane runs as plain processes of a machine that is no node; no node has the role then. */
  readonly controlPlaneMachine?: OutsideSpec
  /** Stand-ins make pods Running at once instead of kubelets; nothing runs. */
  readonly standInKubelets?: boolean
  /** Prefix length of the machines' network. */
  readonly hostPrefix: number
}
