/** flanneld's flags as its usage lists them, and how Go's flag package reads them: one that it does not know ends in the usage, and flanneld with 0. */

/** Name, kind of value (none: a switch), meaning. */
const flags: readonly (readonly [name: string, value: string, meaning: string])[] = [
  ['etcd-cafile', 'string', 'SSL Certificate Authority file used to secure etcd communication'],
  ['etcd-certfile', 'string', 'SSL certification file used to secure etcd communication'],
  ['etcd-endpoints', 'string', 'a comma-delimited list of etcd endpoints (default "http://127.0.0.1:4001,http://127.0.0.1:2379")'],
  ['etcd-keyfile', 'string', 'SSL key file used to secure etcd communication'],
  ['etcd-password', 'string', 'password for BasicAuth to etcd'],
  ['etcd-prefix', 'string', 'etcd prefix (default "/coreos.com/network")'],
  ['etcd-username', 'string', 'username for BasicAuth to etcd'],
  ['healthz-ip', 'string', 'the IP address for healthz server to listen (default "0.0.0.0")'],
  ['healthz-port', 'int', 'the port for healthz server to listen(0 to disable)'],
  ['iface', 'value', 'interface to use (IP or name) for inter-host communication. Can be specified multiple times to check each option in order. Returns the first match found.'],
  ['iface-can-reach', 'string', 'detect interface to use (IP or name) for inter-host communication based on which will be used for provided IP. This is exactly the interface to use of command \'ip route get <ip-address>\''],
  ['iface-regex', 'value', 'regex expression to match the first interface to use (IP or name) for inter-host communication. Can be specified multiple times to check each regex in order. Returns the first match found. Regexes are checked after specific interfaces specified by the iface option have already been checked.'],
  ['ip-blackhole-route', '', 'add blackroute route ont the node for the local podCIDR'],
  ['ip-masq', '', 'setup IP masquerade rule for traffic destined outside of overlay network'],
  ['ip-masq-fully-random-disable', '', 'disable fully-random mode for MASQUERADE'],
  ['iptables-forward-rules', '', 'add default accept rules to FORWARD chain in iptables (default true)'],
  ['iptables-resync', 'int', 'resync period for iptables rules, in seconds (default 5)'],
  ['kube-annotation-prefix', 'string', 'Kubernetes annotation prefix. Can contain single slash "/", otherwise it will be appended at the end. (default "flannel.alpha.coreos.com")'],
  ['kube-api-url', 'string', 'Kubernetes API server URL. Does not need to be specified if flannel is running in a pod.'],
  ['kube-subnet-mgr', '', 'contact the Kubernetes API for subnet assignment instead of etcd.'],
  ['kubeconfig-file', 'string', 'kubeconfig file location. Does not need to be specified if flannel is running in a pod.'],
  ['log_backtrace_at', 'value', 'when logging hits line file:N, emit a stack trace'],
  ['net-config-path', 'string', 'path to the network configuration file (default "/etc/kube-flannel/net-conf.json")'],
  ['public-ip', 'string', 'IP accessible by other nodes for inter-host communication'],
  ['public-ipv6', 'string', 'IPv6 accessible by other nodes for inter-host communication'],
  ['set-node-network-unavailable', '', 'set NodeNetworkUnavailable after ready (default true)'],
  ['subnet-file', 'string', 'filename where env variables (subnet, MTU, ... ) will be written to (default "/run/flannel/subnet.env")'],
  ['subnet-lease-renew-margin', 'int', 'subnet lease renewal margin, in minutes, ranging from 1 to 1439 (default 60)'],
  ['v', 'value', 'number for the log level verbosity'],
  ['version', '', 'print version and exit'],
  ['vmodule', 'value', 'comma-separated list of pattern=N settings for file-filtered logging'],
]

const usage = ['Usage: flanneld [OPTION]...', ...flags.map(([name, value, meaning]) => `  -${name}${value === '' ? '' : ` ${value}`}\n    \t${meaning}`)].join('\n')

export type Flags = { readonly given: ReadonlyMap<string, string> } | { readonly usage: string }

/** Flags up to the first word that is none; a value stands after `=` or is the next word. */
export function readFlags(args: readonly string[]): Flags {
  const given = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const m = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(args[i]!)
    if (!m) break
    const [, name, value] = m
    const known = flags.find(([n]) => n === name)
    if (!known) return { usage: `${name === 'h' || name === 'help' ? '' : `flag provided but not defined: -${name}\n`}${usage}` }
    if (value !== undefined) given.set(name!, value)
    else if (known[1] === '') given.set(name!, 'true')
    else if (i + 1 === args.length) return { usage: `flag needs an argument: -${name}\n${usage}` }
    else given.set(name!, args[++i]!)
  }
  return { given }
}
