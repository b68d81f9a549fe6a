/** Kernel settings outside of `net.*` with their values on a Debian 12 host, and the `net.*` keys that a namespace is asked for. */
export const kernelRelease = '6.1.0-29-amd64'
export const kernelVersion = '#1 SMP PREEMPT_DYNAMIC Debian 6.1.123-1 (2025-01-02)'

export const hostSysctls: Readonly<Record<string, string>> = {
  'fs.file-max': '9223372036854775807', 'fs.file-nr': '1664\t0\t9223372036854775807', 'fs.inotify.max_queued_events': '16384', 'fs.inotify.max_user_instances': '128',
  'fs.inotify.max_user_watches': '65536', 'fs.nr_open': '1048576', 'fs.protected_hardlinks': '1', 'fs.protected_symlinks': '1', 'kernel.core_pattern': 'core',
  'kernel.keys.root_maxbytes': '25000000', 'kernel.keys.root_maxkeys': '1000000', 'kernel.msgmax': '8192', 'kernel.osrelease': kernelRelease, 'kernel.ostype': 'Linux', 'kernel.panic': '0',
  'kernel.panic_on_oops': '0', 'kernel.pid_max': '4194304', 'kernel.printk': '4\t4\t1\t7', 'kernel.sem': '32000\t1024000000\t500\t32000', 'kernel.shmall': '18446744073692774399',
  'kernel.shmmax': '18446744073692774399', 'kernel.shmmni': '4096', 'kernel.sysrq': '438', 'kernel.threads-max': '31494', 'kernel.version': kernelVersion, 'vm.max_map_count': '65530',
  'vm.min_free_kbytes': '67584', 'vm.overcommit_memory': '0', 'vm.overcommit_ratio': '50', 'vm.panic_on_oom': '0', 'vm.swappiness': '60', 'vm.vfs_cache_pressure': '100',
}

const perDevice = ['accept_local', 'accept_redirects', 'accept_source_route', 'arp_accept', 'arp_announce', 'arp_filter', 'arp_ignore', 'arp_notify', 'forwarding', 'log_martians', 'proxy_arp', 'proxy_arp_pvlan', 'route_localnet', 'rp_filter', 'secure_redirects', 'send_redirects', 'src_valid_mark']

const perNamespace = [
  'net.bridge.bridge-nf-call-arptables', 'net.bridge.bridge-nf-call-ip6tables', 'net.bridge.bridge-nf-call-iptables', 'net.core.netdev_max_backlog', 'net.core.rmem_max', 'net.core.somaxconn', 'net.core.wmem_max',
  'net.ipv4.icmp_echo_ignore_all', 'net.ipv4.icmp_echo_ignore_broadcasts', 'net.ipv4.ip_default_ttl', 'net.ipv4.ip_forward', 'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_nonlocal_bind', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ping_group_range', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_max_syn_backlog', 'net.ipv4.tcp_retries2', 'net.ipv4.tcp_syn_retries', 'net.ipv4.tcp_syncookies', 'net.ipv4.tcp_tw_reuse', 'net.ipv4.vs.conntrack', 'net.ipv6.conf.all.disable_ipv6', 'net.ipv6.conf.all.forwarding',
  'net.ipv6.conf.default.disable_ipv6', 'net.ipv6.conf.lo.disable_ipv6', 'net.netfilter.nf_conntrack_count', 'net.netfilter.nf_conntrack_max', 'net.netfilter.nf_conntrack_tcp_be_liberal', 'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
  'net.netfilter.nf_conntrack_tcp_timeout_established', 'net.netfilter.nf_conntrack_udp_timeout', 'net.netfilter.nf_conntrack_udp_timeout_stream',
]

/** Keys that can be listed for a namespace with these devices; a key is shown only if the namespace knows it. */
export function netKeys(devices: Iterable<string>): string[] {
  const names = ['all', 'default', ...devices]
  return perNamespace
    .concat(names.flatMap((d) => perDevice.map((k) => `net.ipv4.conf.${d.replaceAll('.', '/')}.${k}`)))
    .sort()
}
